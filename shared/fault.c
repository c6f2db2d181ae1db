#include "fault.h"

#ifdef SOTTO_FAULTS

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

/* Safe from several threads; the environment is only read. */
void fault_point(const char *name)
{
	static atomic_ulong passes;
	const char *want = getenv("SOTTO_FAULT");
	size_t len = strlen(name);

	if (!want || strncmp(want, name, len) != 0 || want[len] != ':')
		return;
	if (atomic_fetch_add(&passes, 1) + 1 == strtoul(want + len + 1, NULL, 10))
		raise(SIGKILL);
}

#else

/* ISO C wants a declaration in each file. */
extern int fault_points_are_off;

#endif
