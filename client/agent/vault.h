/* How the database's key is kept: under a passphrase (Argon2id) or in a key file. */
#ifndef SOTTO_VAULT_H
#define SOTTO_VAULT_H

#include <stdbool.h>

#include "err.h"
#include "secret.h"

enum vault_kind { VAULT_NONE, VAULT_PASSPHRASE, VAULT_KEY_FILE };

/* What data_dir/vault says: VAULT_NONE when there is no account yet. key_file:
 * heap, for VAULT_KEY_FILE. ERR_CORRUPT, ERR_SYSTEM. */
int vault_read(const char *data_dir, enum vault_kind *kind, char **key_file) must_check;
/* A fresh key. The passphrase vault holds salt and limits (Argon2id,
 * OPSLIMIT_MODERATE, MEMLIMIT_MODERATE: 256 MiB); the key file is made, mode
 * 0600, when it does not exist, and else read (32 bytes hex). Written with
 * fsync and rename. */
int vault_create_passphrase(const char *data_dir, const struct secret *passphrase,
			    struct secret **key) must_check;
int vault_create_key_file(const char *data_dir, const char *key_file,
			  struct secret **key) must_check;
/* passphrase: NULL for a key file. A wrong passphrase gives a wrong key, which
 * db_open finds. ERR_NOT_FOUND, ERR_CORRUPT. */
int vault_unlock(const char *data_dir, const struct secret *passphrase,
		 struct secret **key) must_check;

#endif
