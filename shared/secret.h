/* Secrets in guarded, locked memory that is wiped when freed. */
#ifndef SOTTO_SECRET_H
#define SOTTO_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* data[0..len); comes from sodium_malloc. */
struct secret {
	uint8_t *data;
	size_t len;
};

/* Initialises libsodium; turns core dumps and ptrace attachment off
 * (RLIMIT_CORE 0, PR_SET_DUMPABLE 0). Call once, first in main.
 * ERR_SYSTEM when libsodium cannot start. */
int secret_process_init(void) must_check;

struct secret *secret_create(size_t len) must_check;		/* zeroed */
struct secret *secret_copy(const uint8_t *data, size_t len) must_check;
void secret_destroy(struct secret *s);				/* takes NULL */

/* Reads at most max bytes up to the end of fd; one trailing newline is
 * removed. ERR_SYSTEM, ERR_TOO_BIG; ERR_FORMAT when nothing came. */
int secret_read_fd(int fd, size_t max, struct secret **out) must_check;

#endif
