"""Small libraries for LD_PRELOAD, compiled when a test wants them."""
import os
import subprocess

# Lets another user than root read a process that forbids it.
READABLE = r"""
#include <sys/prctl.h>
int prctl(int option, ...)
{
	return option == PR_SET_DUMPABLE ? 0 : -1;
}
"""
# A disk that takes 100 ms for each sync.
SLOW_DISK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
static int slow(const char *name, int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
	struct timespec t = { 0, 100 * 1000 * 1000 };

	nanosleep(&t, 0);
	return real(fd);
}
int fsync(int fd) { return slow("fsync", fd); }
int fdatasync(int fd) { return slow("fdatasync", fd); }
"""
# localhost has an address at which nobody listens, and one at which somebody may.
TWO_ADDRESSES = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
typedef int lookup(const char *, const char *, const struct addrinfo *,
		   struct addrinfo **);
int getaddrinfo(const char *node, const char *service,
		const struct addrinfo *hints, struct addrinfo **out)
{
	lookup *real = (lookup *)dlsym(RTLD_NEXT, "getaddrinfo");
	int ret;

	if (!node || strcmp(node, "localhost"))
		return real(node, service, hints, out);
	ret = real("127.0.0.2", service, hints, out);
	return ret ? ret : real("127.0.0.1", service, hints, &(*out)->ai_next);
}
"""
# A process that is held up whenever it is about to read standard input.
LATE_READ = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>
ssize_t read(int fd, void *data, size_t len)
{
	ssize_t (*real)(int, void *, size_t) =
		(ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
	struct timespec t = { 0, 300 * 1000 * 1000 };

	if (fd == 0)
		nanosleep(&t, 0);
	return real(fd, data, len);
}
"""


def preload(world, name, source):
    """The path of the library, for Relay.start(preload=...)."""
    path = os.path.join(world.folder, name + ".so")
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", path, "-"],
                   input=source.encode(), check=True)
    return path
