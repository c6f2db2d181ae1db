#include "url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What the URL's normal form is, or "" when it is refused with r. */
static void assert_url(const char *in, const char *want, int r)
{
	char text[RELAY_URL_MAX + 1] = "";
	struct relay_url u;
	int got = relay_url_parse(in, &u);

	if (got != r)
		fail_msg("%s: %d, not %d", in, got, r);
	if (got == OK)
		relay_url_text(&u, text);
	assert_string_equal(text, want);
}

static void test_relay_url_normal_forms(void **state)
{
	(void)state;
	assert_url("wss://relay.example", "wss://relay.example", OK);
	assert_url("wss://relay.example/", "wss://relay.example", OK);
	assert_url("WSS://Relay.EXAMPLE:443/", "wss://relay.example", OK);
	assert_url("wss://relay.example:80", "wss://relay.example:80", OK);
	assert_url("wss://r:65535", "wss://r:65535", OK);
	assert_url("wss://192.0.2.1:1", "wss://192.0.2.1:1", OK);
	assert_url("wss://[2001:DB8:0:0::1]:444", "wss://[2001:db8::1]:444", OK);
	assert_url("wss://[::1]", "wss://[::1]", OK);
	assert_url("wss://xn--bcher-kva.example", "wss://xn--bcher-kva.example",
		   OK);
	assert_url("wss://4chan.example", "wss://4chan.example", OK);
}

static void test_relay_url_plain_on_loopback_alone(void **state)
{
	(void)state;
	assert_url("ws://localhost:80", "ws://localhost", OK);
	assert_url("ws://localhost:443", "ws://localhost:443", OK);
	assert_url("ws://127.0.0.1:7000", "ws://127.0.0.1:7000", OK);
	assert_url("ws://127.255.255.254", "ws://127.255.255.254", OK);
	assert_url("ws://[::1]:7000/", "ws://[::1]:7000", OK);
	assert_url("ws://relay.example", "", ERR_REFUSED);
	assert_url("ws://128.0.0.1", "", ERR_REFUSED);
	assert_url("ws://10.0.0.1", "", ERR_REFUSED);
	assert_url("ws://127.0.0.1.example", "", ERR_REFUSED);
	assert_url("ws://localhost.example", "", ERR_REFUSED);
	assert_url("ws://[::ffff:127.0.0.1]", "", ERR_REFUSED);
	assert_url("ws://[::]", "", ERR_REFUSED);
}

static void test_relay_url_refuses_other_forms(void **state)
{
	static const char *const bad[] = {
		"", "relay.example", "https://relay.example", "wss:relay",
		"wss:/relay", "wss://", "wss:///", "wss://:443", "wss://r:",
		"wss://r:0", "wss://r:0443", "wss://r:65536", "wss://r:999999",
		"wss://r:4x", "wss://r:-1", "wss://r: 443", "wss://r//",
		"wss://r/path", "wss://r?", "wss://r#", "wss://r/?a",
		"wss://user@r", "wss://r:1@s", " wss://r", "wss://r ",
		"wss://r\n", "wss://a..b", "wss://.a", "wss://a.", "wss://-a",
		"wss://a-", "wss://a-.b", "wss://a_b", "wss://\xc3\xbc.de",
		"wss://a%2eb", "wss://1.2.3", "wss://127.1", "wss://0x7f.1",
		"wss://a.0x7f", "wss://256.1.1.1", "wss://1.2.3.4.5",
		"wss://2001:db8::1", "wss://[2001:db8::1", "wss://[]",
		"wss://[1.2.3.4]", "wss://[::1]x", "wss://[fe80::1%eth0]",
		"wss://[::1]]", "wss://a]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_url(bad[i], "", ERR_FORMAT);
}

/* labels of 63 characters up to a host of len bytes */
static void put_host(char *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = i % 64 == 63 ? '.' : 'a';
	to[len] = '\0';
}

static void test_relay_url_at_its_longest(void **state)
{
	char in[300] = "wss://";

	(void)state;
	put_host(in + 6, 249);
	assert_url(in, in, OK);
	put_host(in + 6, 243);
	memcpy(in + 249, ":12345", 7);
	assert_url(in, in, OK);
	put_host(in + 6, 244);
	memcpy(in + 250, ":12345", 7);
	assert_url(in, "", ERR_FORMAT);
	put_host(in + 6, 250);
	assert_url(in, "", ERR_FORMAT);
	put_host(in + 6, 254);
	assert_url(in, "", ERR_FORMAT);
	memset(in + 6, 'a', 64);
	in[70] = '\0';
	assert_url(in, "", ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relay_url_normal_forms),
		cmocka_unit_test(test_relay_url_plain_on_loopback_alone),
		cmocka_unit_test(test_relay_url_refuses_other_forms),
		cmocka_unit_test(test_relay_url_at_its_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
