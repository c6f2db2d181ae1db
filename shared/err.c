#include "err.h"

#include <stddef.h>

static const char *const texts[] = {
	[-OK] = "no error",
	[-ERR_FORMAT] = "malformed",
	[-ERR_TOO_BIG] = "too large",
	[-ERR_SIGNATURE] = "signature does not verify",
	[-ERR_STALE] = "out of date",
	[-ERR_FORK] = "contradicts what is known",
	[-ERR_NOT_FOUND] = "not found",
	[-ERR_EXISTS] = "already exists",
	[-ERR_CONFLICT] = "same id with other content",
	[-ERR_FULL] = "full",
	[-ERR_STORE] = "storage failed",
	[-ERR_NO_SPACE] = "disk full or read-only",
	[-ERR_CORRUPT] = "stored data is damaged",
	[-ERR_LOCKED] = "locked",
	[-ERR_KEY] = "wrong passphrase or key",
	[-ERR_NETWORK] = "network failed",
	[-ERR_TIMEOUT] = "timed out",
	[-ERR_REFUSED] = "refused",
	[-ERR_IDENTITY] = "identity does not match",
	[-ERR_DUPLICATE] = "seen before",
	[-ERR_UNDECRYPTABLE] = "cannot be decrypted",
	[-ERR_AMBIGUOUS] = "ambiguous",
	[-ERR_SYSTEM] = "system call failed",
	[-ERR_USAGE] = "argument makes no sense",
};

const char *err_text(int err)
{
	size_t n = sizeof(texts) / sizeof(texts[0]);

	if (err > 0 || err <= -(int)n || !texts[-err])
		return "unknown error";
	return texts[-err];
}
