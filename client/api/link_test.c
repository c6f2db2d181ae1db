#include "link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ACCOUNT "aaaqeayeaudaocajbifqydiob4ibceqt"
#define CAP "AQEBAgMEBQYHCAkKCwwBAgMAAAAAAAAAAAAAAAAAAAAA"
#define BASE "sotto://relay.example/" ACCOUNT "#" CAP

/* That in is taken and is written as want. */
static void assert_link(const char *in, const char *want, const char *name)
{
	char text[LINK_TEXT_MAX + 1];
	struct link l;
	int r = link_parse(in, &l);

	if (r != OK)
		fail_msg("%s: %d", in, r);
	assert_string_equal(l.name, name);
	link_text(&l, text);
	assert_string_equal(text, want);
}

static void test_link_parse_reads_every_part(void **state)
{
	struct link l;

	(void)state;
	assert_int_equal(link_parse("sotto://[::1]:7000/" ACCOUNT "#" CAP
				    "?n=Al%20b&t=plain", &l), OK);
	assert_string_equal(l.relay.host, "::1");
	assert_int_equal(l.relay.port, 7000);
	assert_false(l.relay.tls);
	for (int i = 0; i < ACCOUNT_LEN; i++)
		assert_int_equal(l.account.b[i], i);
	assert_int_equal(l.capability[1], CAP_INTRO);
	assert_int_equal(l.capability[13], 12);
	assert_string_equal(l.name, "Al b");
}

static void test_link_normal_forms(void **state)
{
	(void)state;
	assert_link(BASE, BASE, "");
	assert_link(BASE "?n=Alice", BASE "?n=Alice", "Alice");
	assert_link("SOTTO://Relay.Example:443/" ACCOUNT "#" CAP "?n=A", BASE
		    "?n=A", "A");
	assert_link(BASE "?n=%41%2d%c3%bc%26%3D", BASE "?n=A-%C3%BC%26%3D",
		    "A-ü&=");
	assert_link("sotto://localhost/" ACCOUNT "#" CAP "?t=plain",
		    "sotto://localhost/" ACCOUNT "#" CAP "?t=plain", "");
	assert_link("sotto://127.0.0.1:7000/" ACCOUNT "#" CAP "?n=B&t=plain",
		    "sotto://127.0.0.1:7000/" ACCOUNT "#" CAP "?n=B&t=plain",
		    "B");
	assert_link("sotto://127.0.0.1:7000/" ACCOUNT "#" CAP,
		    "sotto://127.0.0.1:7000/" ACCOUNT "#" CAP, "");
}

static void test_link_refuses_other_forms(void **state)
{
	static const char *const bad[] = {
		"", "sotto:", "sotto://", "sotto:///" ACCOUNT "#" CAP,
		"https://relay.example/" ACCOUNT "#" CAP,
		" " BASE, BASE " ", BASE "\n", BASE "?", BASE "&", BASE "?n",
		BASE "?n=", BASE "?n=a&", BASE "?n=a&n=b", BASE "?t=tls",
		BASE "?t=plain&n=a", BASE "?n=a&t=plain&", BASE "?x=1",
		BASE "?n=a&x=1", BASE "?n=a b", BASE "?n=a+b", BASE "?n=a%",
		BASE "?n=a%4", BASE "?n=a%4g", BASE "?n=%00", BASE "?n=a%00b",
		BASE "?n=%0a", BASE "?n=%1b", BASE "?n=%7f", BASE "?n=%c2%85",
		BASE "?n=%ff", BASE "?n=%ed%a0%80", BASE "?n=%c0%80",
		BASE "?n=\xc3\xbc", BASE "?n=a#b", BASE "#",
		"sotto://relay.example/" ACCOUNT "#A" CAP,
		"sotto://relay.example/" ACCOUNT,
		"sotto://relay.example/" ACCOUNT "#",
		"sotto://relay.example/" ACCOUNT "?n=a#" CAP,
		"sotto://relay.example/" ACCOUNT "/#" CAP,
		"sotto://relay.example/a" ACCOUNT "#" CAP,
		"sotto://relay.example//" ACCOUNT "#" CAP,
		"sotto://relay.example#" CAP,
		"sotto://me@relay.example/" ACCOUNT "#" CAP,
		"sotto://relay.example:0/" ACCOUNT "#" CAP,
		"sotto://relay.example:/" ACCOUNT "#" CAP,
		"sotto://relay..example/" ACCOUNT "#" CAP,
		/* version 2, class 4 */
		"sotto://relay.example/" ACCOUNT
		"#AgEBAgMEBQYHCAkKCwwBAgMAAAAAAAAAAAAAAAAAAAAA",
		"sotto://relay.example/" ACCOUNT
		"#AQQBAgMEBQYHCAkKCwwBAgMAAAAAAAAAAAAAAAAAAAAA",
	};
	struct link l;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (link_parse(bad[i], &l) != ERR_FORMAT)
			fail_msg("%s", bad[i]);
}

static void test_link_plain_to_a_relay_that_is_not_here(void **state)
{
	struct link l;

	(void)state;
	assert_int_equal(link_parse(BASE "?t=plain", &l), ERR_REFUSED);
	assert_int_equal(link_parse("sotto://10.0.0.1:80/" ACCOUNT "#" CAP
				    "?n=a&t=plain", &l), ERR_REFUSED);
}

static void test_link_at_its_longest(void **state)
{
	char in[2000] = "sotto://", text[LINK_TEXT_MAX + 1];
	struct link l;
	size_t n = 8;

	(void)state;
	for (size_t i = 0; i < 249; i++)
		in[n++] = i % 64 == 63 ? '.' : 'a';
	n += (size_t)snprintf(in + n, sizeof(in) - n, "/" ACCOUNT "#" CAP "?n=");
	for (size_t i = 0; i < LINK_NAME_MAX; i += 2, n += 6)
		memcpy(in + n, "%C3%BC", 7);
	assert_int_equal(link_parse(in, &l), OK);
	assert_int_equal(strlen(l.name), LINK_NAME_MAX);
	link_text(&l, text);
	assert_string_equal(text, in);
	in[n++] = 'a';
	assert_int_equal(link_parse(in, &l), ERR_TOO_BIG);
	memset(in, 'a', sizeof(in) - 1);
	assert_int_equal(link_parse(in, &l), ERR_TOO_BIG);
}

static void test_link_set_name_takes_anything(void **state)
{
	char long_name[1000], text[LINK_TEXT_MAX + 1];
	struct link l, back;

	(void)state;
	assert_int_equal(link_parse(BASE, &l), OK);
	link_set_name(&l, "a\n\x1b\xff\u202e" "b");
	assert_string_equal(l.name, "a ␛\ufffd" "b");
	link_text(&l, text);
	assert_int_equal(link_parse(text, &back), OK);
	assert_string_equal(back.name, l.name);

	/* 43 clusters of 3 bytes would be 129: not half a character is left. */
	for (int i = 0; i < 200; i++)
		memcpy(long_name + 3 * i, "e\u0301", 4);
	link_set_name(&l, long_name);
	assert_int_equal(strlen(l.name), 126);
	link_set_name(&l, "");
	link_text(&l, text);
	assert_string_equal(text, BASE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_parse_reads_every_part),
		cmocka_unit_test(test_link_normal_forms),
		cmocka_unit_test(test_link_refuses_other_forms),
		cmocka_unit_test(test_link_plain_to_a_relay_that_is_not_here),
		cmocka_unit_test(test_link_at_its_longest),
		cmocka_unit_test(test_link_set_name_takes_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
