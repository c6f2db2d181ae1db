#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <utf8proc.h>
#include <wchar.h>

/* Printable text of in, NUL-terminated; heap. */
static char *printable(const char *in, size_t len, enum text_mode mode)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(text_printable(in, len, mode, &out), OK);
	assert_int_equal(buf_append_u8(&out, '\0'), OK);
	return (char *)out.data;
}

static void assert_block(const char *in, const char *want)
{
	char *once = printable(in, strlen(in), TEXT_BLOCK);
	char *twice = printable(once, strlen(once), TEXT_BLOCK);

	assert_string_equal(once, want);
	assert_string_equal(twice, want);
	free(once);
	free(twice);
}

static void assert_line(const char *in, const char *want)
{
	char *once = text_printable_str(in, TEXT_LINE);

	assert_string_equal(once, want);
	free(once);
}

static void test_text_that_is_printable_stays(void **state)
{
	static const char *const texts[] = {
		"", "plain", "two\nlines\n\n", "naïve café", "漢字かな交じり文",
		"ภาษาไทย น้ำ", "हिन्दी क्षत्रिय", "한국어", "\u1112\u1161\u11ab",
		"שלום עולם", "مرحبا", "❤️ 👍🏽 🇩🇪 1️⃣", "e\u0301",
		"\u2067שלום\u2069", "نمی\u200cخواهم", "葛\U000E0100",
		"\u1820\u180b", "\u0600\u0661",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_block(texts[i], texts[i]);
}

static void test_text_control_characters_become_pictures(void **state)
{
	(void)state;
	assert_block("\x1b[31mred\x07\x08", "␛[31mred␇␈");
	assert_block("a\x7f\x0b\x0c", "a␡␋␌");
	assert_block("\xc2\x85\xc2\x9b" "31m", "\ufffd\ufffd31m");
}

static void test_text_with_nuls(void **state)
{
	char *text = printable("a\0b", 3, TEXT_BLOCK);

	(void)state;
	assert_string_equal(text, "a␀b");
	free(text);
}

static void test_text_line_ends(void **state)
{
	(void)state;
	assert_block("a\r\nb\rc\nd\u2028e\u2029f", "a\nb\nc\nd\ne\nf");
	assert_block("\r\r\n\n", "\n\n\n");
	assert_block("a\tb", "a b");
	assert_line("a\r\nb\rc\nd\u2028e\tf", "a b c d e f");
}

static void test_text_bad_bytes_become_replacements(void **state)
{
	(void)state;
	assert_block("a\xff" "b", "a\ufffd" "b");
	assert_block("\xc0\xaf", "\ufffd\ufffd");		/* overlong / */
	assert_block("\xed\xa0\x80", "\ufffd\ufffd\ufffd");	/* surrogate */
	assert_block("\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd");
	assert_block("\xe6\xbc", "\ufffd\ufffd");		/* cut */
	assert_block("\xe6\xbcx", "\ufffd\ufffdx");
	assert_block("\U0010ffff\ue000\u0378", "\ufffd\ufffd\ufffd");
}

static void test_text_bidi_overrides_go_and_isolates_balance(void **state)
{
	(void)state;
	assert_block("user\u202etxt.exe\u202c", "usertxt.exe");
	assert_block("\u202aa\u202bb\u202dc\u200e\u200f\u061c", "abc");
	assert_block("\u2066a", "\u2066a\u2069");
	assert_block("a\u2069b", "ab");
	assert_block("\u2067a\u2068b\u2069c", "\u2067a\u2068b\u2069c\u2069");
	assert_block("\u2067a\nb\u2069", "\u2067a\u2069\nb");
	assert_line("\u2067a\nb", "\u2067a b\u2069");
}

static void test_text_isolates_nest_to_a_depth(void **state)
{
	char in[512] = "", want[512] = "";
	int i;

	(void)state;
	for (i = 0; i < 20; i++)
		memcpy(in + i * 3, "\u2068", 4);
	memcpy(in + i * 3, "a", 2);
	for (i = 0; i < 20; i++)
		memcpy(in + 61 + i * 3, "\u2069", 4);
	for (i = 0; i < 8; i++)
		memcpy(want + i * 3, "\u2068", 4);
	memcpy(want + 24, "a", 2);
	for (i = 0; i < 8; i++)
		memcpy(want + 25 + i * 3, "\u2069", 4);
	assert_block(in, want);

	/* The end of one that was dropped ends no other. */
	assert_block("\u2068\u2068\u2068\u2068\u2068\u2068\u2068\u2068\u2067a"
		     "\u2069b\u2069\u2069\u2069\u2069\u2069\u2069\u2069\u2069",
		     "\u2068\u2068\u2068\u2068\u2068\u2068\u2068\u2068a"
		     "b\u2069\u2069\u2069\u2069\u2069\u2069\u2069\u2069");
	assert_block("\u2068\u2068\u2068\u2068\u2068\u2068\u2068\u2068\u2067a\n"
		     "\u2068b\u2069c",
		     "\u2068\u2068\u2068\u2068\u2068\u2068\u2068\u2068a"
		     "\u2069\u2069\u2069\u2069\u2069\u2069\u2069\u2069\n"
		     "\u2068b\u2069c");
}

static void test_text_invisible_characters_go(void **state)
{
	(void)state;
	assert_block("a\u200bb\ufeff\u2060\u00adc\u180ed\u034f", "abcd");
	assert_block("\u3164\u115f\u1160\uffa0", "");
	/* tags: England's flag, and text hidden in them */
	assert_block("\U0001F3F4\U000E0067\U000E0062\U000E007F", "\U0001F3F4");
	assert_block("x\U000E0001\U000E0041", "x");
	/* selectors where nothing is to select, or a message hidden in many */
	assert_block("a\ufe0f\ufe00", "a");
	assert_block("❤\ufe0f\ufe0f\U000E0150\U000E0151", "❤\ufe0f");
	assert_block("a\u200cb\u200c", "ab");
	assert_block("\u200c", "");
}

static void test_text_joined_emoji_become_their_parts(void **state)
{
	(void)state;
	assert_block("👨\u200d👩\u200d👧", "👨👩👧");
	assert_block("❤\ufe0f\u200d🔥", "❤\ufe0f🔥");
}

static void test_text_marks_are_bounded(void **state)
{
	char in[2001] = "z", want[18] = "z";
	char *text;

	(void)state;
	for (int i = 0; i < 999; i++)
		memcpy(in + 1 + 2 * i, "\u0335", 3);
	for (int i = 0; i < 8; i++)
		memcpy(want + 1 + 2 * i, "\u0335", 3);
	assert_block(in, want);
	/* Not to be got round by what is removed or joins. */
	text = text_printable_str("क\u093f\u093f\u093f\u093f\u200c\u093f\u093f"
				  "\u200b\u093f\u093f\u093f\u093f",
				  TEXT_BLOCK);
	assert_int_equal(strlen(text), 3 + 8 * 3 + 3);
	free(text);
}

static void test_text_marks_without_a_base_get_one(void **state)
{
	(void)state;
	assert_block("\u0301x", "\u25cc\u0301x");
	assert_block("a\n\u0301", "a\n\u25cc\u0301");
	assert_block("\u2067\u0301", "\u2067\u25cc\u0301\u2069");
	assert_block("\u1161", "\u25cc\u1161");
	assert_block(" \u0301", " \u0301");
}

static void test_text_printable_at_the_buffer_s_maximum(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 8);
	assert_int_equal(buf_append(&out, "ab", 2), OK);
	assert_int_equal(text_printable("\xff\xff\xff", 3, TEXT_LINE, &out),
			 ERR_TOO_BIG);
	assert_int_equal(out.len, 2);
	assert_int_equal(text_printable("\xff\xff", 2, TEXT_LINE, &out), OK);
	assert_memory_equal(out.data, "ab\ufffd\ufffd", 8);
	buf_finish(&out);
}

static void test_text_printable_str_at_its_longest(void **state)
{
	char *in = xmalloc(30001), *text;

	(void)state;
	in[30000] = '\0';
	memset(in, '\xff', 30000);
	text = text_printable_str(in, TEXT_BLOCK);
	assert_int_equal(strlen(text), 90000);
	free(text);
	for (int i = 0; i < 30000; i += 3)
		memcpy(in + i, "\n\u0301", 3);
	text = text_printable_str(in, TEXT_BLOCK);
	assert_int_equal(strlen(text), 60000);
	free(text);
	for (int i = 0; i < 30000; i += 3)
		memcpy(in + i, "\u2066", 3);
	free(text_printable_str(in, TEXT_BLOCK));
	free(in);
}

/* want: the bytes and columns of each cluster, ended by 0. */
static void assert_clusters(const char *text, const int *want)
{
	size_t len = strlen(text), at = 0, n;
	int width;

	for (; at < len; at += n, want += 2) {
		width = text_cluster(text + at, len - at, &n);
		if ((int)n != want[0] || width != want[1])
			fail_msg("%s at %zu: %zu bytes, %d columns", text, at, n,
				 width);
	}
	assert_int_equal(want[0], 0);
}

#define CLUSTERS(text, ...) \
	assert_clusters(text, (const int[]){ __VA_ARGS__, 0 })

static void test_text_cluster_of_many_scripts(void **state)
{
	(void)state;
	CLUSTERS("ab", 1, 1, 1, 1);
	CLUSTERS("e\u0301x", 3, 1, 1, 1);
	CLUSTERS("漢字", 3, 2, 3, 2);
	CLUSTERS("ก\u0e34ข", 6, 1, 3, 1);		/* Thai vowel above */
	CLUSTERS("น\u0e33", 6, 2);			/* and after */
	CLUSTERS("क\u093f", 6, 2);			/* spacing vowel */
	CLUSTERS("\u1112\u1161\u11ab", 9, 2);		/* jamo L V T */
	CLUSTERS("한", 3, 2);
	CLUSTERS("❤\ufe0f", 6, 1);
	CLUSTERS("🇩🇪🇫🇷", 8, 2, 8, 2);
	CLUSTERS("👍🏽", 8, 4);
	CLUSTERS("1\ufe0f\u20e3", 7, 1);
	CLUSTERS("👨\u200d👩\u200d👧", 18, 6);		/* not printable */
	CLUSTERS("שלום", 2, 1, 2, 1, 2, 1, 2, 1);
	CLUSTERS("\u2067a\u2069", 3, 0, 1, 1, 3, 0);
	CLUSTERS("a\nb", 1, 1, 1, 0, 1, 1);
}

static void test_text_cluster_joins_what_has_no_columns(void **state)
{
	(void)state;
	CLUSTERS("a\u1161", 4, 1);
	CLUSTERS("\n\u0301", 1, 0, 2, 0);
	CLUSTERS("\u2067\u1161", 3, 0, 3, 0);
}

static void test_text_cluster_of_bad_text(void **state)
{
	size_t n = 7;

	(void)state;
	assert_int_equal(text_cluster("", 0, &n), 0);
	assert_int_equal(n, 0);
	CLUSTERS("\xff\xe6", 1, 1, 1, 1);
	CLUSTERS("a\xff", 1, 1, 1, 1);
	CLUSTERS("a\x1b[", 1, 1, 1, 0, 1, 1);
	assert_int_equal(text_cluster("\xe6\xbc\xa2", 2, &n), 1);
	assert_int_equal(n, 1);
	assert_int_equal(text_cluster("a\0b", 3, &n), 1);
	assert_int_equal(n, 1);
}

static void test_text_width_is_the_sum(void **state)
{
	(void)state;
	assert_int_equal(text_width("漢字 e\u0301", strlen("漢字 e\u0301")), 6);
	assert_int_equal(text_width("", 0), 0);
}

/* Every code point alone: printable, stable, known to the C library, and at least
 * a column wide. */
static void test_text_of_every_code_point(void **state)
{
	char in[8];
	char *once, *twice;
	int32_t first;
	size_t n;

	(void)state;
	for (int32_t c = 1; c < 0x110000; c++) {
		if (c >= 0xd800 && c < 0xe000)
			continue;
		n = (size_t)utf8proc_encode_char(c, (uint8_t *)in);
		in[n] = '\0';
		once = text_printable_str(in, TEXT_LINE);
		twice = text_printable_str(once, TEXT_LINE);
		assert_string_equal(once, twice);
		if (once[0] && (c < 0x2066 || c > 0x2069) &&
		    text_cluster(once, strlen(once), &n) < 1)
			fail_msg("U+%04X has no columns", (unsigned)c);
		if (utf8proc_iterate((uint8_t *)once, -1, &first) > 0 && first)
			assert_true(wcwidth((wchar_t)first) >= 0);
		free(once);
		free(twice);
	}
}

static void test_text_width_without_a_utf_8_locale(void **state)
{
	(void)state;
	setlocale(LC_ALL, "C");
	CLUSTERS("漢a\u0301", 3, 2, 3, 1);
	CLUSTERS("क\u093f", 6, 2);
	CLUSTERS("\u1112\u1161\u11ab", 9, 2);
	assert_line("漢\x1b", "漢␛");
	setlocale(LC_ALL, "C.UTF-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_that_is_printable_stays),
		cmocka_unit_test(test_text_control_characters_become_pictures),
		cmocka_unit_test(test_text_with_nuls),
		cmocka_unit_test(test_text_line_ends),
		cmocka_unit_test(test_text_bad_bytes_become_replacements),
		cmocka_unit_test(test_text_bidi_overrides_go_and_isolates_balance),
		cmocka_unit_test(test_text_isolates_nest_to_a_depth),
		cmocka_unit_test(test_text_invisible_characters_go),
		cmocka_unit_test(test_text_joined_emoji_become_their_parts),
		cmocka_unit_test(test_text_marks_are_bounded),
		cmocka_unit_test(test_text_marks_without_a_base_get_one),
		cmocka_unit_test(test_text_printable_at_the_buffer_s_maximum),
		cmocka_unit_test(test_text_printable_str_at_its_longest),
		cmocka_unit_test(test_text_cluster_of_many_scripts),
		cmocka_unit_test(test_text_cluster_joins_what_has_no_columns),
		cmocka_unit_test(test_text_cluster_of_bad_text),
		cmocka_unit_test(test_text_width_is_the_sum),
		cmocka_unit_test(test_text_of_every_code_point),
		cmocka_unit_test(test_text_width_without_a_utf_8_locale),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
