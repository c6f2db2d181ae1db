/* The one list of errors that functions of sotto return, as negative numbers. */
#ifndef SOTTO_ERR_H
#define SOTTO_ERR_H

#define must_check __attribute__((warn_unused_result))

enum err {
	OK = 0,
	ERR_FORMAT = -1,	/* bytes or text that do not parse */
	ERR_TOO_BIG = -2,	/* over a documented maximum */
	ERR_SIGNATURE = -3,	/* a signature or MAC does not verify */
	ERR_STALE = -4,		/* older than what is held, or expired */
	ERR_FORK = -5,		/* contradicts what is held at the same version */
	ERR_NOT_FOUND = -6,
	ERR_EXISTS = -7,
	ERR_CONFLICT = -8,	/* same id, other content */
	ERR_FULL = -9,		/* a quota or window is used up */
	ERR_STORE = -10,	/* disk or database failed */
	ERR_NO_SPACE = -11,	/* disk full or read-only */
	ERR_CORRUPT = -12,	/* stored data does not make sense */
	ERR_LOCKED = -13,	/* no key, or another process holds it */
	ERR_KEY = -14,		/* wrong passphrase or key file */
	ERR_NETWORK = -15,
	ERR_TIMEOUT = -16,
	ERR_REFUSED = -17,
	ERR_IDENTITY = -18,	/* device list rolled back or forked, key outside the list */
	ERR_DUPLICATE = -19,	/* has been seen before */
	ERR_UNDECRYPTABLE = -20,
	ERR_AMBIGUOUS = -21,	/* a name fits two */
	ERR_SYSTEM = -22,	/* a system call failed, errno tells */
	ERR_USAGE = -23,	/* the caller's argument makes no sense */
};

/* A short lower-case English phrase for a log or message; never NULL. */
const char *err_text(int err);

#endif
