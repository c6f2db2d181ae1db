/* The cryptography that libsignal-protocol-c asks its user for, and XEdDSA. */
#ifndef SOTTO_RATCHET_CRYPTO_H
#define SOTTO_RATCHET_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "identity.h"

struct signal_context;
struct ratchet_crypto;

enum { CURVE_SECRET_LEN = 32, XEDDSA_LEN = 64 };

/* A context of libsignal with its provider; one thread. ERR_SYSTEM when OpenSSL
 * lacks a cipher. */
int ratchet_crypto_create(struct ratchet_crypto **out) must_check;
void ratchet_crypto_destroy(struct ratchet_crypto *c);	/* takes NULL */
struct signal_context *ratchet_crypto_context(struct ratchet_crypto *c);

/* Curve25519 (RFC 7748): a clamped secret from 32 random bytes, in place, and its
 * public key in libsignal's form, 0x05 and 32 bytes. */
void ratchet_crypto_key(uint8_t secret[static CURVE_SECRET_LEN],
			uint8_t public_key[static IDENTITY_KEY_LEN]);
/* XEdDSA (Signal's specification) by a Curve25519 secret. ERR_SYSTEM. */
int ratchet_crypto_sign(struct ratchet_crypto *c,
			const uint8_t secret[static CURVE_SECRET_LEN],
			const uint8_t *data, size_t len,
			uint8_t out[static XEDDSA_LEN]) must_check;

#endif
