/* A passphrase on its way from a front-end to the agent. */
#ifndef SOTTO_PASSPHRASE_H
#define SOTTO_PASSPHRASE_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { PASSPHRASE_MAX = 1024 };	/* bytes; a pipe takes them at once */

/* *fd: the read end of a pipe that holds the passphrase, closed on exec. At most
 * PASSPHRASE_MAX bytes, else ERR_TOO_BIG; ERR_SYSTEM with errno. */
int passphrase_pipe(const uint8_t *data, size_t len, int *fd) must_check;

#endif
