#include "secret.h"

#include <errno.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "buf.h"

int secret_process_init(void)
{
	const struct rlimit none = { 0, 0 };

	if (sodium_init() < 0)
		return ERR_SYSTEM;
	if (setrlimit(RLIMIT_CORE, &none) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return ERR_SYSTEM;
	return OK;
}

struct secret *secret_create(size_t len)
{
	struct secret *s = xmalloc(sizeof(*s));

	s->len = len;
	/* sodium_malloc does not work before; a second call is nothing. */
	s->data = sodium_init() < 0 ? NULL : sodium_malloc(len);
	if (!s->data) {
		fputs("sotto: out of memory for secrets\n", stderr);
		abort();
	}
	sodium_memzero(s->data, len);
	return s;
}

struct secret *secret_copy(const uint8_t *data, size_t len)
{
	struct secret *s = secret_create(len);

	if (len)
		memcpy(s->data, data, len);
	return s;
}

void secret_destroy(struct secret *s)
{
	if (!s)
		return;
	sodium_free(s->data);	/* wipes */
	free(s);
}

int secret_read_fd(int fd, size_t max, struct secret **out)
{
	/* Room for the newline and for one byte that is too many. */
	struct secret *in = secret_create(max + 2);
	size_t len = 0;
	ssize_t n;
	int r = OK;

	while (len < in->len) {
		n = read(fd, in->data + len, in->len - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = ERR_SYSTEM;
			goto out;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (len && in->data[len - 1] == '\n')
		len--;
	if (len > max)
		r = ERR_TOO_BIG;
	else if (!len)
		r = ERR_FORMAT;
	else
		*out = secret_copy(in->data, len);
out:
	secret_destroy(in);
	return r;
}
