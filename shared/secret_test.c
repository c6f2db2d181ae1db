#include "secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* An fd that reads data and then ends. */
static int fd_of(const char *data, size_t len)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], data, len), (ssize_t)len);
	close(fds[1]);
	return fds[0];
}

static int read_text(const char *text, size_t max, struct secret **out)
{
	int fd = fd_of(text, strlen(text));
	int r = secret_read_fd(fd, max, out);

	close(fd);
	return r;
}

static void test_secret_read_fd_drops_one_newline(void **state)
{
	struct secret *s = NULL;

	(void)state;
	assert_int_equal(read_text("horse\n\n", 100, &s), OK);
	assert_int_equal(s->len, 6);
	assert_memory_equal(s->data, "horse\n", 6);
	secret_destroy(s);
	assert_int_equal(read_text("horse", 5, &s), OK);
	assert_int_equal(s->len, 5);
	secret_destroy(s);
}

static void test_secret_read_fd_at_its_maximum(void **state)
{
	struct secret *s = NULL;

	(void)state;
	assert_int_equal(read_text("horse\n", 5, &s), OK);
	secret_destroy(s);
	s = NULL;
	assert_int_equal(read_text("horses", 5, &s), ERR_TOO_BIG);
	assert_int_equal(read_text("horse\n\n", 5, &s), ERR_TOO_BIG);
	assert_int_equal(read_text("a much longer one", 5, &s), ERR_TOO_BIG);
	assert_null(s);
}

static void test_secret_read_fd_of_nothing(void **state)
{
	struct secret *s = NULL;

	(void)state;
	assert_int_equal(read_text("", 5, &s), ERR_FORMAT);
	assert_int_equal(read_text("\n", 5, &s), ERR_FORMAT);
	assert_int_equal(secret_read_fd(-1, 5, &s), ERR_SYSTEM);
	assert_null(s);
}

static void test_secret_create_is_zeroed_and_copy_copies(void **state)
{
	static const uint8_t zeros[40];
	struct secret *s = secret_create(sizeof(zeros));
	struct secret *copy;

	(void)state;
	assert_memory_equal(s->data, zeros, sizeof(zeros));
	s->data[39] = 7;
	copy = secret_copy(s->data, s->len);
	secret_destroy(s);
	assert_int_equal(copy->data[39], 7);
	secret_destroy(copy);
	secret_destroy(NULL);
}

static void test_secret_process_init_turns_dumps_off(void **state)
{
	struct rlimit limit;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (secret_process_init() != OK)
			_exit(1);
		if (getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_max != 0)
			_exit(2);
		_exit(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret_read_fd_drops_one_newline),
		cmocka_unit_test(test_secret_read_fd_at_its_maximum),
		cmocka_unit_test(test_secret_read_fd_of_nothing),
		cmocka_unit_test(test_secret_create_is_zeroed_and_copy_copies),
		cmocka_unit_test(test_secret_process_init_turns_dumps_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
