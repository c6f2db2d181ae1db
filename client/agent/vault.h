/* How the database's key is kept: under a passphrase (Argon2id) or in a key file. */
#ifndef SOTTO_VAULT_H
#define SOTTO_VAULT_H

#include <stdbool.h>

#include "err.h"
#include "secret.h"

enum vault_kind { VAULT_NONE, VAULT_PASSPHRASE, VAULT_KEY_FILE };

/* What data_dir/vault says: VAULT_NONE when there is no account yet. key_file:
 * heap, for VAULT_KEY_FILE, else NULL. ERR_CORRUPT, ERR_SYSTEM. */
int vault_read(const char *data_dir, enum vault_kind *kind,
	       char **key_file) must_check;
/* A fresh key. The passphrase vault holds salt and limits (Argon2id,
 * OPSLIMIT_MODERATE, MEMLIMIT_MODERATE: 256 MiB) and a check of the key; the key
 * file is made, mode 0600, when it does not exist, and else read (32 bytes hex).
 * A relative key_file stands in data_dir, and moves with it. Written with fsync
 * and rename. ERR_NO_SPACE, ERR_SYSTEM; ERR_CORRUPT for a key file of another
 * form. */
int vault_create_passphrase(const char *data_dir,
			    const struct secret *passphrase,
			    struct secret **key) must_check;
int vault_create_key_file(const char *data_dir, const char *key_file,
			  struct secret **key) must_check;
/* passphrase: NULL for a key file. ERR_KEY for a wrong passphrase or another key
 * file, ERR_LOCKED when a passphrase is needed and NULL; ERR_NOT_FOUND,
 * ERR_CORRUPT, ERR_SYSTEM. */
int vault_unlock(const char *data_dir, const struct secret *passphrase,
		 struct secret **key) must_check;

#endif
