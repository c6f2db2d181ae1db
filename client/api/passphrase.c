#include "passphrase.h"

#include <fcntl.h>
#include <unistd.h>

int passphrase_pipe(const uint8_t *data, size_t len, int *fd)
{
	int ends[2];
	ssize_t n;

	if (len > PASSPHRASE_MAX)
		return ERR_TOO_BIG;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return ERR_SYSTEM;
	n = write(ends[1], data, len);
	close(ends[1]);
	if (n != (ssize_t)len) {
		close(ends[0]);
		return ERR_SYSTEM;
	}
	*fd = ends[0];
	return OK;
}
