#include "history.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "log.h"
#include "test_store.h"

/* An incoming message, its id and place made from n. */
static struct message make(uint8_t n, const char *text)
{
	struct message m = { .contact = 1, .device = 1, .counter = n,
			     .clock = 100u * n, .sent_at = n,
			     .received_at = n + 1u, .state = MESSAGE_RECEIVED,
			     .text = text };

	m.id[0] = n;
	return m;
}

static void add(struct test_store *t, struct message *m)
{
	assert_int_equal(history_add(t->db, m), OK);
}

static void add_text(struct test_store *t, uint8_t n, const char *text)
{
	struct message m = make(n, text);

	add(t, &m);
}

/* Collects the first byte of each id. */
struct ids {
	char s[64];
	int n, stop_at;
};

static int on_message(void *ctx, const struct message *m)
{
	struct ids *ids = ctx;
	size_t len = strlen(ids->s);

	snprintf(ids->s + len, sizeof(ids->s) - len, "%d,", m->id[0]);
	return ++ids->n == ids->stop_at ? 5 : 0;
}

static void assert_found(struct test_store *t, const char *words,
			 const char *ids)
{
	struct ids got = { .s = "" };

	assert_int_equal(history_search(t->db, words, 0, 100, on_message, &got),
			 OK);
	assert_string_equal(got.s, ids);
}

static void assert_page(struct test_store *t, const uint8_t *before,
			const uint8_t *after, int limit, const char *ids)
{
	struct ids got = { .s = "" };

	assert_int_equal(history_page(t->db, 1, before, after, limit,
				      on_message, &got), OK);
	assert_string_equal(got.s, ids);
}

static void test_history_add_comes_back(void **state)
{
	struct test_store *t = *state;
	struct message m = make(1, "text"), got;

	m.hash[31] = 3;
	m.envelope[15] = 4;
	m.why = "because";
	m.counter = INT64_MAX;
	add(t, &m);
	assert_true(m.row > 0);
	assert_true(m.unread);
	test_store_reopen(t);
	assert_int_equal(history_get(t->db, m.id, &got), OK);
	assert_string_equal(got.text, "text");
	assert_string_equal(got.why, "because");
	assert_int_equal(got.row, m.row);
	assert_int_equal(got.contact, 1);
	assert_true(got.counter == INT64_MAX);
	assert_int_equal(got.clock, 100);
	assert_int_equal(got.state, MESSAGE_RECEIVED);
	assert_memory_equal(got.hash, m.hash, sizeof(m.hash));
	assert_memory_equal(got.envelope, m.envelope, sizeof(m.envelope));
	message_finish(&got);
	assert_int_equal(history_get_counter(t->db, 1, false, 1, INT64_MAX,
					     &got), OK);
	message_finish(&got);
	assert_int_equal(history_get_counter(t->db, 1, true, 1, INT64_MAX,
					     &got), ERR_NOT_FOUND);
}

static void test_history_add_twice_is_a_duplicate(void **state)
{
	struct test_store *t = *state;
	struct message m = make(1, "text"), again = make(1, "other");
	struct ids got = { .s = "" };

	add(t, &m);
	assert_int_equal(history_add(t->db, &again), ERR_DUPLICATE);
	again.device = 2;
	add(t, &again);
	again.contact = 2;
	add(t, &again);
	assert_int_equal(history_search(t->db, "text", 0, 10, on_message, &got),
			 OK);
	assert_string_equal(got.s, "1,");
}

/* A contact that copies an id of ours does not hide our message. */
static void test_history_get_prefers_ones_own(void **state)
{
	struct test_store *t = *state;
	struct message theirs = make(1, "theirs"), ours = make(1, "ours"), got;
	bool changed;

	ours.outgoing = true;
	ours.state = MESSAGE_QUEUED;
	theirs.contact = 2;
	add(t, &theirs);
	add(t, &ours);
	assert_false(ours.unread);
	assert_int_equal(history_get(t->db, ours.id, &got), OK);
	assert_string_equal(got.text, "ours");
	message_finish(&got);
	assert_int_equal(history_set_state(t->db, ours.id, MESSAGE_SENT, NULL,
					   &changed), OK);
	assert_true(changed);
	assert_int_equal(history_get_row(t->db, theirs.row, &got), OK);
	assert_int_equal(got.state, MESSAGE_RECEIVED);
	message_finish(&got);
}

static void test_history_states_go_forward(void **state)
{
	static const struct {
		enum message_state to;
		bool changed;
	} steps[] = {
		{ MESSAGE_QUEUED, false }, { MESSAGE_SENT, true },
		{ MESSAGE_SENT, false }, { MESSAGE_EXPIRED, true },
		{ MESSAGE_SENT, false }, { MESSAGE_FAILED, false },
		{ MESSAGE_DELIVERED, true }, { MESSAGE_EXPIRED, false },
		{ MESSAGE_READ, true }, { MESSAGE_DELIVERED, false },
		{ MESSAGE_FAILED, false }, { MESSAGE_READ, false },
	};
	struct test_store *t = *state;
	struct message m = make(1, "x");
	bool changed;

	m.outgoing = true;
	m.state = MESSAGE_QUEUED;
	assert_int_equal(history_set_state(t->db, m.id, MESSAGE_SENT, NULL,
					   &changed), ERR_NOT_FOUND);
	add(t, &m);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(history_set_state(t->db, m.id, steps[i].to,
						   "why", &changed), OK);
		assert_int_equal(changed, steps[i].changed);
	}
}

static void test_history_pages_go_both_ways(void **state)
{
	struct test_store *t = *state;
	struct message m;
	uint8_t id[MESSAGE_ID_LEN] = { 0 };

	for (uint8_t n = 1; n <= 7; n++) {
		m = make(n, "x");
		/* 4 and 5 stand at one clock, 7 belongs to another. */
		if (n == 5)
			m.clock = 400;
		if (n == 6)
			m.state = MESSAGE_HELD;
		if (n == 7)
			m.contact = 2;
		add(t, &m);
	}
	assert_page(t, NULL, NULL, 2, "5,4,");
	id[0] = 4;
	assert_page(t, id, NULL, 9, "3,2,1,");
	id[0] = 5;
	assert_page(t, id, NULL, 9, "4,3,2,1,");
	id[0] = 4;
	assert_page(t, NULL, id, 9, "5,");
	id[0] = 1;
	assert_page(t, NULL, id, 2, "2,3,");
	assert_page(t, id, NULL, 2, "");
	id[0] = 7;
	assert_int_equal(history_page(t->db, 1, id, NULL, 2, on_message, NULL),
			 ERR_NOT_FOUND);
}

static void test_history_held_shows_later(void **state)
{
	struct test_store *t = *state;
	struct message a = make(3, "three"), b = make(2, "two"), got;
	int64_t unread = -1;

	a.state = b.state = MESSAGE_HELD;
	add(t, &a);
	add(t, &b);
	assert_false(a.unread);
	assert_page(t, NULL, NULL, 9, "");
	assert_found(t, "two", "");
	assert_int_equal(history_first_held(t->db, 1, 1, &got), OK);
	assert_int_equal(got.row, b.row);
	message_finish(&got);
	assert_int_equal(history_show(t->db, b.row, 250), OK);
	assert_int_equal(history_show(t->db, b.row, 250), ERR_NOT_FOUND);
	assert_page(t, NULL, NULL, 9, "2,");
	assert_found(t, "two", "2,");
	assert_int_equal(history_unread(t->db, 1, &unread), OK);
	assert_int_equal(unread, 1);
	assert_int_equal(history_first_held(t->db, 1, 1, &got), OK);
	assert_int_equal(got.row, a.row);
	message_finish(&got);
}

static void test_history_mark_read_up_to_a_message(void **state)
{
	struct test_store *t = *state;
	struct ids got = { .s = "" };
	struct message m;
	uint8_t id[MESSAGE_ID_LEN] = { 3 };
	int64_t unread = -1;

	for (uint8_t n = 1; n <= 4; n++) {
		m = make(n, "x");
		m.outgoing = n == 2;
		add(t, &m);
	}
	m = make(9, "x");
	m.contact = 2;
	add(t, &m);
	assert_int_equal(history_unread(t->db, 0, &unread), OK);
	assert_int_equal(unread, 4);
	assert_int_equal(history_mark_read(t->db, 1, id, on_message, &got), OK);
	assert_string_equal(got.s, "1,3,");
	assert_int_equal(history_unread(t->db, 1, &unread), OK);
	assert_int_equal(unread, 1);
	got = (struct ids){ .s = "" };
	assert_int_equal(history_mark_read(t->db, 1, id, on_message, &got), OK);
	assert_string_equal(got.s, "");
	id[0] = 9;
	assert_int_equal(history_mark_read(t->db, 1, id, on_message, &got),
			 ERR_NOT_FOUND);
}

static void test_history_search_finds_words(void **state)
{
	struct test_store *t = *state;

	add_text(t, 1, "The quick brown fox");
	add_text(t, 2, "A lazy dog, and a fox-terrier");
	add_text(t, 3, "\xc3\x9c" "ber die Br\xc3\xbc" "cke");
	add_text(t, 4, "\"quoted\" OR NOT");
	assert_found(t, "fox", "2,1,");
	assert_found(t, "FOX quick", "1,");
	assert_found(t, "fox-terrier", "2,");
	assert_found(t, "terrier fox", "2,");
	assert_found(t, "ter*", "2,");
	assert_found(t, "ter", "");
	assert_found(t, "brucke", "3,");
	assert_found(t, "br\xc3\xbc" "cke", "3,");
	assert_found(t, "bru\xcc\x88" "cke", "3,");
	assert_found(t, "\xef\xbc\xa6\xef\xbc\xaf\xef\xbc\xb8", "2,1,");
	assert_found(t, "\"fox", "2,1,");
	assert_found(t, "OR", "4,");
	assert_found(t, "-fox", "2,1,");
	assert_found(t, "words:fox", "");
	assert_found(t, "(fox AND", "2,");
}

static void test_history_search_finds_cjk_within_runs(void **state)
{
	struct test_store *t = *state;

	/* 漢字を書く, 書道, 日本語abc, 한국어를 배우다, カタカナ */
	add_text(t, 1, "漢字を書く");
	add_text(t, 2, "書道");
	add_text(t, 3, "日本語abc");
	add_text(t, 4, "한국어를 배우다");
	add_text(t, 5, "ﾊﾝｶｸ");
	assert_found(t, "漢字", "1,");
	assert_found(t, "字漢", "");
	assert_found(t, "字を書", "1,");
	assert_found(t, "書", "2,1,");
	assert_found(t, "道", "2,");
	assert_found(t, "く", "1,");
	assert_found(t, "日語", "");
	assert_found(t, "本語", "3,");
	assert_found(t, "語abc", "3,");
	assert_found(t, "日本語ab*", "3,");
	assert_found(t, "abc", "3,");
	assert_found(t, "한국어", "4,");
	assert_found(t, "국어 배우다", "4,");
	assert_found(t, "ハンカク", "5,");
	assert_found(t, "漢字*", "1,");
}

static void test_history_search_without_words_is_refused(void **state)
{
	struct test_store *t = *state;
	char *longest = xmalloc(2000);

	memset(longest, 'a', 1999);
	longest[1999] = '\0';
	assert_int_equal(history_search(t->db, "", 0, 1, on_message, NULL),
			 ERR_FORMAT);
	assert_int_equal(history_search(t->db, " * \"\" ---", 0, 1, on_message,
					NULL), ERR_FORMAT);
	assert_int_equal(history_search(t->db, longest, 0, 1, on_message, NULL),
			 ERR_TOO_BIG);
	for (int i = 0; i < 140; i += 2)
		memcpy(longest + i, "a ", 3);
	assert_int_equal(history_search(t->db, longest, 0, 1, on_message, NULL),
			 ERR_TOO_BIG);
	assert_int_equal(history_search(t->db, "\xff\xfe" "a", 0, 1, on_message,
					NULL), OK);
	free(longest);
}

static void test_history_search_in_one_conversation(void **state)
{
	struct ids got = { .s = "" };
	struct test_store *t = *state;
	struct message m = make(1, "fox");

	add(t, &m);
	m.contact = 2;
	m.id[0] = 2;
	add(t, &m);
	assert_int_equal(history_search(t->db, "fox", 2, 9, on_message, &got),
			 OK);
	assert_string_equal(got.s, "2,");
	got = (struct ids){ .s = "" };
	assert_int_equal(history_search(t->db, "fox", 0, 1, on_message, &got),
			 OK);
	assert_string_equal(got.s, "2,");
}

/* In transactions the index follows at the commit, savepoints or not. */
static void test_history_search_after_a_batch(void **state)
{
	struct test_store *t = *state;

	assert_int_equal(db_begin(t->db), OK);
	for (uint8_t n = 1; n <= 3; n++) {
		assert_int_equal(db_savepoint(t->db), OK);
		add_text(t, n, "fox");
		if (n == 2)
			db_rollback_savepoint(t->db);
		else
			assert_int_equal(db_release(t->db), OK);
	}
	assert_int_equal(db_commit(t->db), OK);
	test_store_reopen(t);
	assert_found(t, "fox", "3,1,");
	assert_int_equal(db_begin(t->db), OK);
	add_text(t, 4, "fox");
	assert_found(t, "fox", "4,3,1,");
	db_rollback(t->db);
	assert_found(t, "fox", "3,1,");
}

static void test_history_remove_leaves_the_index(void **state)
{
	struct test_store *t = *state;
	struct message m = make(1, "漢字 fox"), gap = make(2, "missing");

	add(t, &m);
	assert_found(t, "fox", "1,");
	assert_int_equal(history_remove(t->db, m.row), OK);
	assert_int_equal(history_remove(t->db, m.row), ERR_NOT_FOUND);
	assert_found(t, "fox", "");
	assert_found(t, "漢字", "");
	gap.state = MESSAGE_GAP;
	add(t, &gap);
	assert_found(t, "missing", "");
	assert_int_equal(history_remove(t->db, gap.row), OK);
	/* One that was not indexed yet. */
	assert_int_equal(db_begin(t->db), OK);
	add(t, &m);
	assert_int_equal(history_remove(t->db, m.row), OK);
	assert_int_equal(db_commit(t->db), OK);
	assert_found(t, "fox", "");
	assert_int_equal(db_run(t->db, db_prepare(t->db,
			"INSERT INTO search (search)"
			" VALUES ('integrity-check')")), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_history_add_comes_back),
		STORE_TEST(test_history_add_twice_is_a_duplicate),
		STORE_TEST(test_history_get_prefers_ones_own),
		STORE_TEST(test_history_states_go_forward),
		STORE_TEST(test_history_pages_go_both_ways),
		STORE_TEST(test_history_held_shows_later),
		STORE_TEST(test_history_mark_read_up_to_a_message),
		STORE_TEST(test_history_search_finds_words),
		STORE_TEST(test_history_search_finds_cjk_within_runs),
		STORE_TEST(test_history_search_without_words_is_refused),
		STORE_TEST(test_history_search_in_one_conversation),
		STORE_TEST(test_history_search_after_a_batch),
		STORE_TEST(test_history_remove_leaves_the_index),
	};

	log_init("history_test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
