#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "buf.h"

static char path[64];

static int setup(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/sotto-config-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static char *read_file(void)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void test_config_without_a_file_has_defaults(void **state)
{
	struct config *c;

	(void)state;
	unlink(path);
	assert_int_equal(config_load(path, &c), OK);
	assert_true(config_on(c, "receipts"));
	assert_int_equal(config_number(c, "receipt-delay-max"), 1000);
	assert_string_equal(config_get(c, "contact-requests"), "ask");
	assert_null(config_get(c, "nonsense"));
	config_destroy(c);
}

static void test_config_reads_and_keeps_wrong_values_out(void **state)
{
	struct config *c;

	(void)state;
	write_file("# mine\nreceipts = off\ntyping = perhaps\nxyz = 1\n");
	assert_int_equal(config_load(path, &c), OK);
	assert_false(config_on(c, "receipts"));
	assert_true(config_on(c, "typing"));
	config_destroy(c);
}

static void test_config_set_keeps_comments_and_other_lines(void **state)
{
	struct config *c;
	const char *why;

	(void)state;
	write_file("# mine\nreceipts = on\nname = Ann");
	assert_int_equal(config_load(path, &c), OK);
	assert_int_equal(config_set(c, "receipts", "off", &why), OK);
	assert_int_equal(config_set(c, "typing", "off", &why), OK);
	config_destroy(c);
	assert_string_equal(read_file(), "# mine\nreceipts = off\n"
			    "name = Ann\ntyping = off\n");
	assert_int_equal(config_load(path, &c), OK);
	assert_false(config_on(c, "receipts"));
	assert_string_equal(config_get(c, "name"), "Ann");
	config_destroy(c);
}

static void test_config_set_refuses_what_would_not_come_back(void **state)
{
	struct config *c;
	const char *why = NULL;

	(void)state;
	assert_int_equal(config_load(path, &c), OK);
	assert_int_equal(config_set(c, "name", "a\nreceipts = off", &why),
			 ERR_USAGE);
	assert_non_null(why);
	assert_int_equal(config_set(c, "receipt-delay-max", "1001", &why),
			 ERR_USAGE);
	assert_int_equal(config_set(c, "receipt-delay-max", "5x", &why),
			 ERR_USAGE);
	assert_int_equal(config_set(c, "nonsense", "1", &why), ERR_NOT_FOUND);
	config_destroy(c);
	assert_string_equal(read_file(), "");
}

static void test_config_table_is_sorted(void **state)
{
	size_t n;
	const struct config_item *items = config_items(&n);

	(void)state;
	for (size_t i = 1; i < n; i++)
		assert_true(strcmp(items[i - 1].name, items[i].name) < 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_config_without_a_file_has_defaults),
		T(test_config_reads_and_keeps_wrong_values_out),
		T(test_config_set_keeps_comments_and_other_lines),
		T(test_config_set_refuses_what_would_not_come_back),
		T(test_config_table_is_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
