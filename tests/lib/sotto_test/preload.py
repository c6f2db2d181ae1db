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


def preload(world, name, source):
    """The path of the library, for Relay.start(preload=...)."""
    path = os.path.join(world.folder, name + ".so")
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", path, "-"],
                   input=source.encode(), check=True)
    return path
