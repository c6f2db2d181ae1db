#include "fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* How a process ends that passes the points a.b, a.c, a.b, a.c … five times each,
 * with SOTTO_FAULT set to fault; *passes: how many it lived through. */
static int pass_points(const char *fault, int *passes)
{
	int fds[2], status;
	char buf[16];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		setenv("SOTTO_FAULT", fault, 1);
		for (int i = 0; i < 10; i++) {
			if (i % 2)
				fault_point("a.c");
			else
				fault_point("a.b");
			if (write(fds[1], "x", 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	close(fds[1]);
	for (*passes = 0; read(fds[0], buf, 1) == 1; )
		(*passes)++;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_fault_point_kills_at_its_pass(void **state)
{
	int passes, status = pass_points("a.b:3", &passes);

	(void)state;
#ifdef SOTTO_FAULTS
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(passes, 4);
#else
	assert_int_equal(status, 0);
	assert_int_equal(passes, 10);
#endif
}

static void test_fault_point_without_its_name_is_nothing(void **state)
{
	static const char *const faults[] = { "", "a", "a.b", "a.b.c:1", "a.:1",
					      "a.b:6", "a.b:0", ":1" };
	int passes;

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		assert_int_equal(pass_points(faults[i], &passes), 0);
		assert_int_equal(passes, 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fault_point_kills_at_its_pass),
		cmocka_unit_test(test_fault_point_without_its_name_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
