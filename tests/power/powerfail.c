/* LD_PRELOAD layer: what would be on the disk if the power failed now?
 *
 * Under SOTTO_POWER_ROOT it follows every write and every change of a name, and
 * knows which of them a sync has made durable: the contents of a file by an
 * fsync of it, names by an fsync of their directory, in the order in which they
 * were changed. At the cut it writes into SOTTO_POWER_SHADOW/disk what was
 * durable and, by chance, some of the rest: nothing, a beginning torn within a
 * write, a few writes in no order, or all. Then the process gets SIGKILL.
 *
 *   SOTTO_POWER_CUT=sync:N:before   at the N-th sync, which does not happen
 *   SOTTO_POWER_CUT=sync:N:after
 *   SOTTO_POWER_CUT=write:N         before the N-th write
 *   SOTTO_POWER_SEED=N              for what is left by chance
 *   SOTTO_POWER_FAIL=sync:N         that sync is EIO, and its data is lost as
 *                                   after a failed fsync of Linux: it reads
 *                                   back, but no later sync writes it
 *   SOTTO_POWER_FAIL=space:N:M      writes N to M are ENOSPC
 *
 * At a normal end SOTTO_POWER_SHADOW/counts holds "syncs writes". The real sync
 * is left out: the shadow is the disk. */
#include "powerfail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FDS = 4096 };

static struct { struct node *node; char *dir; } fds[FDS];

static void track(int fd, const char *rel, int flags)
{
	struct node *node = disk_find(rel);
	struct stat st;

	if (fd < 0 || fd >= FDS || fstat(fd, &st) < 0)
		return;
	if (S_ISDIR(st.st_mode)) {
		fds[fd].dir = strdup(rel);
		return;
	}
	if (!node && (flags & O_ACCMODE) != O_RDONLY)
		node = disk_create(rel, false);
	else if (node && (flags & O_TRUNC))
		disk_write(node, 0, NULL, 0);
	fds[fd].node = node;
}

int open(const char *path, int flags, ...)
{
	char rel[PATH_MAX];
	mode_t mode = 0;
	va_list ap;
	int fd;

	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if (!disk_within(path, rel))
		return REAL(open)(path, flags, mode);
	disk_lock();
	fd = REAL(open)(path, flags, mode);
	track(fd, rel, flags);
	disk_unlock();
	return fd;
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

static void forget(int fd)
{
	if (fd < 0 || fd >= FDS)
		return;
	free(fds[fd].dir);
	fds[fd].dir = NULL;
	fds[fd].node = NULL;
}

int close(int fd)
{
	int err;

	disk_lock();
	forget(fd);
	err = REAL(close)(fd);
	disk_unlock();
	return err;
}

/* Of an fdopen: the C library's own close is not ours. */
int fclose(FILE *f)
{
	int err;

	disk_lock();
	forget(fileno(f));
	err = REAL(fclose)(f);
	disk_unlock();
	return err;
}

static struct node *node_of(int fd)
{
	return fd >= 0 && fd < FDS ? fds[fd].node : NULL;
}

ssize_t write(int fd, const void *data, size_t len)
{
	struct node *node = node_of(fd);
	ssize_t n = -1;

	if (!node)
		return REAL(write)(fd, data, len);
	disk_lock();
	if (disk_may_write())
		n = REAL(write)(fd, data, len);
	if (n >= 0)
		disk_write(node, lseek(fd, 0, SEEK_CUR) - n, data, (size_t)n);
	disk_unlock();
	return n;
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
	ssize_t sum = 0;

	if (!node_of(fd))
		return REAL(writev)(fd, iov, n);
	for (int i = 0; i < n; i++) {
		ssize_t m = write(fd, iov[i].iov_base, iov[i].iov_len);

		if (m < 0)
			return sum > 0 ? sum : m;
		sum += m;
	}
	return sum;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	struct node *node = node_of(fd);
	ssize_t n = -1;

	if (!node)
		return REAL(pwrite)(fd, data, len, at);
	disk_lock();
	if (disk_may_write())
		n = REAL(pwrite)(fd, data, len, at);
	if (n >= 0)
		disk_write(node, at, data, (size_t)n);
	disk_unlock();
	return n;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t at)
	__attribute__((alias("pwrite")));

int ftruncate(int fd, off_t size)
{
	struct node *node = node_of(fd);
	int err;

	if (!node)
		return REAL(ftruncate)(fd, size);
	disk_lock();
	err = REAL(ftruncate)(fd, size);
	if (!err)
		disk_write(node, size, NULL, 0);
	disk_unlock();
	return err;
}

int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

static int do_sync(int fd, int (*real_sync)(int fd))
{
	struct node *node = node_of(fd);
	const char *dir = fd >= 0 && fd < FDS ? fds[fd].dir : NULL;
	int err;

	if (!node && !dir)
		return real_sync(fd);
	disk_lock();
	err = disk_sync(node, dir);
	disk_unlock();
	return err;
}

int fsync(int fd)
{
	return do_sync(fd, REAL(fsync));
}

int fdatasync(int fd)
{
	return do_sync(fd, REAL(fdatasync));
}

int rename(const char *from, const char *to)
{
	char a[PATH_MAX], b[PATH_MAX];
	struct node *node;
	int err;

	if (!disk_within(from, a) || !disk_within(to, b))
		return REAL(rename)(from, to);
	disk_lock();
	err = REAL(rename)(from, to);
	node = err ? NULL : disk_find(a);
	if (node)
		disk_rename(a, b, node);
	disk_unlock();
	return err;
}

static int remove_path(const char *path, int (*real_remove)(const char *path))
{
	char rel[PATH_MAX];
	int err;

	if (!disk_within(path, rel))
		return real_remove(path);
	disk_lock();
	err = real_remove(path);
	if (!err && disk_find(rel))
		disk_rename(rel, NULL, NULL);
	disk_unlock();
	return err;
}

int unlink(const char *path)
{
	return remove_path(path, REAL(unlink));
}

int rmdir(const char *path)
{
	return remove_path(path, REAL(rmdir));
}

int mkdir(const char *path, mode_t mode)
{
	char rel[PATH_MAX];
	int err;

	if (!disk_within(path, rel))
		return REAL(mkdir)(path, mode);
	disk_lock();
	err = REAL(mkdir)(path, mode);
	if (!err && *rel)
		(void)disk_create(rel, true);
	disk_unlock();
	return err;
}

/* What the layer cannot follow must not go unseen. */
int link(const char *from, const char *to)
{
	char rel[PATH_MAX];

	if (disk_within(to, rel))
		disk_die("link is not followed");
	return REAL(link)(from, to);
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (node_of(fd) && (flags & MAP_SHARED) && (prot & PROT_WRITE))
		disk_die("a shared mapping is not followed");
	return REAL(mmap)(at, len, prot, flags, fd, offset);
}
