#include "log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <regex.h>
#include <sys/stat.h>
#include <unistd.h>

static int saved_stderr;
static FILE *captured;

static int capture(void **state)
{
	(void)state;
	captured = tmpfile();
	saved_stderr = dup(STDERR_FILENO);
	return dup2(fileno(captured), STDERR_FILENO) < 0;
}

/* What was logged; heap. */
static char *finish_capture(void)
{
	struct stat st;
	char *text;

	dup2(saved_stderr, STDERR_FILENO);
	assert_int_equal(fstat(fileno(captured), &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_int_equal(pread(fileno(captured), text, (size_t)st.st_size, 0),
			 st.st_size);
	return text;
}

static int release(void **state)
{
	(void)state;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	fclose(captured);
	unsetenv("JOURNAL_STREAM");
	return 0;
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, text, 0, NULL, 0) != 0)
		fail_msg("%s does not match %s", text, pattern);
	regfree(&re);
}

static void test_log_line_has_time_program_and_level(void **state)
{
	char *text;

	(void)state;
	log_init("sotto-agent", LOG_INFO);
	log_warn("port %d", 5);
	log_debug("not shown");
	text = finish_capture();
	assert_matches(text, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:"
		       "[0-9]{2}\\.[0-9]{3}Z sotto-agent\\[[0-9]+\\] "
		       "warn: port 5\n$");
	free(text);
}

static void test_log_for_the_journal_has_priorities(void **state)
{
	struct stat st;
	char stream[64], *text;

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%" PRIuMAX ":%" PRIuMAX,
		 (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init("sotto", LOG_DEBUG);
	log_error("a");
	log_warn("b");
	log_info("c");
	log_debug("d");
	text = finish_capture();
	assert_string_equal(text, "<3>a\n<4>b\n<6>c\n<7>d\n");
	free(text);
}

static void test_log_when_the_journal_is_not_our_stderr(void **state)
{
	char *text;

	(void)state;
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_init("sotto", LOG_INFO);
	log_info("x");
	text = finish_capture();
	assert_matches(text, "Z sotto\\[[0-9]+\\] info: x\n$");
	free(text);
}

static void test_log_escapes_what_a_terminal_would_obey(void **state)
{
	char *text;

	(void)state;
	log_init("sotto", LOG_INFO);
	log_info("a\nb\x1b[2J\xe2\x80\xae\x7f");
	text = finish_capture();
	assert_matches(text, "info: a\\\\x0ab\\\\x1b\\[2J"
		       "\\\\xe2\\\\x80\\\\xae\\\\x7f\n$");
	free(text);
}

static void test_log_cuts_a_long_line(void **state)
{
	char *text, *at, *big = malloc(100001);

	(void)state;
	memset(big, '\n', 100000);
	big[100000] = '\0';
	log_init("sotto", LOG_INFO);
	log_info("%s", big);
	text = finish_capture();
	at = strchr(text, '\n');
	assert_non_null(at);
	assert_string_equal(at, "\n");
	assert_in_range(at - text, 4 * 2047, 4 * 2047 + 100);
	free(big);
	free(text);
}

static void test_log_to_a_full_disk_keeps_errno(void **state)
{
	int full = open("/dev/full", O_WRONLY);

	(void)state;
	assert_int_equal(dup2(full, STDERR_FILENO), STDERR_FILENO);
	close(full);
	log_init("sotto", LOG_INFO);
	errno = ERANGE;
	log_info("x");
	assert_int_equal(errno, ERANGE);
}

static void *log_many(void *arg)
{
	for (int i = 0; i < 500; i++)
		log_info("%s", (const char *)arg);
	return NULL;
}

static void test_log_from_two_threads_keeps_lines_whole(void **state)
{
	char ones[301], twos[301], *text, *line, *end;
	int lines = 0;
	pthread_t a, b;

	(void)state;
	memset(ones, '1', 300);
	memset(twos, '2', 300);
	ones[300] = twos[300] = '\0';
	log_init("sotto", LOG_INFO);
	assert_int_equal(pthread_create(&a, NULL, log_many, ones), 0);
	assert_int_equal(pthread_create(&b, NULL, log_many, twos), 0);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	text = finish_capture();
	for (line = text; (end = strchr(line, '\n')); line = end + 1, lines++) {
		*end = '\0';
		line = strstr(line, "info: ") + 6;
		assert_true(strcmp(line, ones) == 0 || strcmp(line, twos) == 0);
	}
	assert_int_equal(lines, 1000);
	free(text);
}

static void test_log_writes_so_many_lines_a_minute(void **state)
{
	unsigned lines = 0;
	char *text;

	(void)state;
	log_limit(20);
	/* A minute may end meanwhile. */
	for (int i = 0; i < 1000; i++)
		log_warn("flood");
	text = finish_capture();
	for (const char *s = text; (s = strstr(s, "flood")); s++)
		lines++;
	assert_in_range(lines, 20, 40);
	free(text);
	log_limit(0);
}

static void test_log_level_parse_of_words(void **state)
{
	(void)state;
	assert_int_equal(log_level_parse("error"), LOG_ERROR);
	assert_int_equal(log_level_parse("debug"), LOG_DEBUG);
	assert_int_equal(log_level_parse("Debug"), -1);
	assert_int_equal(log_level_parse(""), -1);
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, capture, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CAPTURED(test_log_line_has_time_program_and_level),
		CAPTURED(test_log_for_the_journal_has_priorities),
		CAPTURED(test_log_when_the_journal_is_not_our_stderr),
		CAPTURED(test_log_escapes_what_a_terminal_would_obey),
		CAPTURED(test_log_cuts_a_long_line),
		CAPTURED(test_log_to_a_full_disk_keeps_errno),
		CAPTURED(test_log_from_two_threads_keeps_lines_whole),
		CAPTURED(test_log_writes_so_many_lines_a_minute),
		cmocka_unit_test(test_log_level_parse_of_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
