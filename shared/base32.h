/* Base32 of RFC 4648 section 6 in lower case, without padding. */
#ifndef SOTTO_BASE32_H
#define SOTTO_BASE32_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* Characters for len bytes, without the final NUL. */
#define BASE32_LEN(len) (((len) * 8 + 4) / 5)

/* out takes BASE32_LEN(len) characters and a NUL. */
void base32_encode(const uint8_t *data, size_t len, char *out);
/* Exactly out_len bytes from exactly BASE32_LEN(out_len) characters, upper case
 * taken too; unused trailing bits must be zero. Else ERR_FORMAT. */
int base32_decode(const char *text, size_t text_len, uint8_t *out,
		  size_t out_len) must_check;

#endif
