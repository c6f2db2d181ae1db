#include "fault.h"

#ifdef SOTTO_FAULTS

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

static char order[64];
static atomic_bool ordered;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The environment is only read, and an order once taken stays. */
static void take_order(void)
{
	const char *text = getenv("SOTTO_FAULT");
	const char *path = getenv("SOTTO_FAULT_FILE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n;

	if (text) {
		snprintf(order, sizeof(order), "%s", text);
		ordered = true;
	}
	if (fd < 0)
		return;
	n = read(fd, order, sizeof(order) - 1);
	order[n > 0 ? n : 0] = '\0';
	close(fd);
	unlink(path);
	ordered = true;
}

static _Noreturn void die(const char *name)
{
	const char *path = getenv("SOTTO_FAULT_LOG");
	char line[64];
	int n = snprintf(line, sizeof(line), "%s\n", name);
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
			     0600) : -1;

	if (fd < 0 || write(fd, line, (size_t)n) != n)
		fputs("fault: the log does not take a line\n", stderr);
	raise(SIGKILL);
	abort();
}

void fault_point(const char *name)
{
	static atomic_ulong passes;
	size_t len = strlen(name);

	if (!ordered) {
		pthread_mutex_lock(&lock);
		if (!ordered)
			take_order();
		pthread_mutex_unlock(&lock);
	}
	if (!ordered || strncmp(order, name, len) != 0 || order[len] != ':')
		return;
	if (atomic_fetch_add(&passes, 1) + 1 ==
	    strtoul(order + len + 1, NULL, 10))
		die(name);
}

#else

/* ISO C wants a declaration in each file. */
extern int fault_points_are_off;

#endif
