#include "model.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"

#define ANN "annannannannannannannannannannan"
#define BOB "bobbobbobbobbobbobbobbobbobbobbo"

static struct model m;
static struct chat *ann;

static char *id_of(int n)
{
	static char id[MODEL_ID_LEN + 1];

	snprintf(id, sizeof(id), "%032x", (unsigned)n);
	return id;
}

static json_t *message(int n, bool outgoing, const char *state)
{
	char text[16];

	snprintf(text, sizeof(text), "text %d", n);
	return json_pack("{s:s, s:s, s:b, s:s, s:s, s:I}", "id", id_of(n), "chat", ANN,
			 "outgoing", outgoing, "text", text, "state", state,
			 "sent_at", (json_int_t)n * 1000);
}

/* A page of the messages from..to. */
static void take_page(enum page which, int from, int to, bool more)
{
	json_t *list = json_array(), *page;

	for (int i = from; i <= to; i++)
		json_array_append_new(list, message(i, false, "received"));
	page = json_pack("{s:o, s:b}", "messages", list, "more", more);
	model_take_page(ann, which, page);
	json_decref(page);
}

/* An event of the kind; extra is stolen. */
static bool take_event(int n, bool outgoing, json_t *extra, bool *in_window)
{
	json_t *event = message(n, outgoing, outgoing ? "queued" : "received");
	struct chat *c;
	bool known;

	json_object_update(event, extra);
	json_decref(extra);
	known = model_take_message(&m, event, outgoing, &c, in_window);
	json_decref(event);
	return known;
}

static void receipt(int n, const char *state)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "id", id_of(n), "chat", ANN,
			      "state", state);

	model_take_receipt(&m, o);
	json_decref(o);
}

static json_t *chat_object(const char *account, const char *name, int last)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:n, s:o}", "chat", account, "name",
			 name, "state", "contact", "unread", 0, "alert", "last",
			 message(last, false, "received"));
}

static void take_chats(json_t *ann_chat, json_t *bob_chat, const struct chat *keep)
{
	json_t *list = json_array(), *o;

	if (ann_chat)
		json_array_append_new(list, ann_chat);
	if (bob_chat)
		json_array_append_new(list, bob_chat);
	o = json_pack("{s:o}", "chats", list);
	model_take_list(&m, o, keep);
	json_decref(o);
}

static int set_up(void **state)
{
	(void)state;
	model_init(&m);
	take_chats(chat_object(ANN, "Ann", 1), chat_object(BOB, "Bob", 2), NULL);
	ann = model_find(&m, ANN);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	model_finish(&m);
	return 0;
}

static int number(size_t i)
{
	return (int)strtol(ann->messages[i]->id, NULL, 16);
}

static void assert_run(int from, int to)
{
	assert_int_equal(ann->n, to - from + 1);
	for (size_t i = 0; i < ann->n; i++)
		assert_int_equal(number(i), from + (int)i);
}

static void test_model_list_is_newest_first(void **state)
{
	(void)state;
	assert_int_equal(m.n, 2);
	assert_string_equal(m.chats[0]->name, "Bob");
	assert_string_equal(m.chats[0]->preview, "text 2");
}

static void test_model_list_drops_what_is_gone(void **state)
{
	(void)state;
	take_chats(NULL, chat_object(BOB, "Bob", 2), ann);
	assert_int_equal(m.n, 2);
	take_chats(NULL, chat_object(BOB, "Bob", 2), NULL);
	assert_int_equal(m.n, 1);
	assert_null(model_find(&m, ANN));
}

static void test_model_finds_names_by_their_start(void **state)
{
	(void)state;
	assert_ptr_equal(model_find_name(&m, "ann"), ann);
	assert_ptr_equal(model_find_name(&m, "A"), ann);
	assert_ptr_equal(model_find_name(&m, ANN), ann);
	take_chats(chat_object(ANN, "Bobby", 1), chat_object(BOB, "Bob", 2), NULL);
	assert_string_equal(model_find_name(&m, "bob")->account, BOB);
	assert_null(model_find_name(&m, "bo"));
}

static void test_model_names_are_made_printable(void **state)
{
	(void)state;
	take_chats(chat_object(ANN, "A\x1b[2J\u202enn", 1), NULL, NULL);
	assert_string_equal(model_find(&m, ANN)->name, "A\u241b[2Jnn");
}

static void test_model_pages_join(void **state)
{
	(void)state;
	take_page(PAGE_LATEST, 101, 150, true);
	assert_run(101, 150);
	assert_true(ann->more_before);
	take_page(PAGE_BEFORE, 51, 100, false);
	assert_run(51, 150);
	assert_false(ann->more_before);
}

static void test_model_pages_twice_change_nothing(void **state)
{
	(void)state;
	take_page(PAGE_LATEST, 101, 150, true);
	take_page(PAGE_BEFORE, 51, 100, true);
	take_page(PAGE_BEFORE, 51, 100, true);
	assert_run(51, 150);
}

static void test_model_latest_page_replaces_what_it_overlaps(void **state)
{
	(void)state;
	take_page(PAGE_LATEST, 101, 150, true);
	take_page(PAGE_LATEST, 140, 189, true);
	assert_run(101, 189);
	/* no overlap: what lies between is unknown, so the old goes */
	take_page(PAGE_LATEST, 300, 349, true);
	assert_run(300, 349);
	assert_true(ann->more_before);
}

static void test_model_window_is_bounded(void **state)
{
	(void)state;
	take_page(PAGE_LATEST, 9951, 10000, true);
	for (int from = 9901; from > 0; from -= 50) {
		take_page(PAGE_BEFORE, from, from + 49, from > 1);
		model_trim(ann, true);
		assert_in_range(ann->n, 1, WINDOW_MESSAGES);
	}
	assert_run(1, WINDOW_MESSAGES);
	assert_true(ann->more_after);
	take_page(PAGE_AFTER, WINDOW_MESSAGES + 1, WINDOW_MESSAGES + 50, true);
	model_trim(ann, false);
	assert_run(51, WINDOW_MESSAGES + 50);
}

static void test_model_message_beyond_the_window_is_counted(void **state)
{
	bool in_window;

	(void)state;
	take_page(PAGE_LATEST, 1, 50, false);
	ann->more_after = true;
	assert_true(take_event(60, false, json_object(), &in_window));
	assert_false(in_window);
	assert_int_equal(ann->unread, 1);
	assert_string_equal(ann->preview, "text 60");
	assert_run(1, 50);
}

static void test_model_flood_while_reading_far_up_is_bounded(void **state)
{
	bool in_window;

	(void)state;
	take_page(PAGE_LATEST, 1, 50, false);
	ann->follow = false;
	for (int i = 51; i <= 5000; i++) {
		take_event(i, false, json_object(), &in_window);
		assert_in_range(ann->n, 50, 2 * WINDOW_MESSAGES);
	}
	assert_false(in_window);
	assert_true(ann->more_after);
	assert_int_equal(number(0), 1);
	assert_int_equal(ann->unread, 5000 - 50);
}

static void test_model_message_twice_counts_once(void **state)
{
	bool in_window;

	(void)state;
	take_page(PAGE_LATEST, 1, 10, false);
	take_event(11, false, json_object(), &in_window);
	take_event(11, false, json_object(), &in_window);
	assert_run(1, 11);
	assert_int_equal(ann->unread, 1);
}

static void test_model_message_of_unknown_chat(void **state)
{
	bool in_window;

	(void)state;
	assert_false(take_event(1, false, json_pack("{s:s}", "chat", "nobody"),
				&in_window));
}

static void test_model_healed_message_takes_its_place(void **state)
{
	bool in_window;

	(void)state;
	take_page(PAGE_LATEST, 1, 3, false);
	take_event(9, false, json_pack("{s:s}", "replaces", id_of(2)), &in_window);
	assert_int_equal(ann->n, 3);
	assert_int_equal(number(1), 9);
}

static void test_model_states_only_go_forward(void **state)
{
	bool in_window;

	(void)state;
	take_page(PAGE_LATEST, 1, 1, false);
	take_event(2, true, json_object(), &in_window);
	receipt(2, "delivered");
	receipt(2, "sent");
	assert_int_equal(ann->messages[1]->state, MESSAGE_DELIVERED);
	assert_int_equal(ann->preview_state, MESSAGE_DELIVERED);
	receipt(2, "nonsense");
	assert_int_equal(ann->messages[1]->state, MESSAGE_DELIVERED);
	receipt(2, "read");
	receipt(2, "failed");
	assert_int_equal(ann->messages[1]->state, MESSAGE_READ);
}

static void test_model_pending_is_settled_by_the_answer(void **state)
{
	bool in_window;

	(void)state;
	take_page(PAGE_LATEST, 1, 2, false);
	model_add_pending(ann, "hello", "key1", 5000);
	assert_int_equal(model_count_pending(&m), 1);
	model_settle(ann, "key1", id_of(3), NULL);
	assert_int_equal(model_count_pending(&m), 0);
	take_event(3, true, json_pack("{s:s}", "key", "key1"), &in_window);
	assert_run(1, 3);
	assert_int_equal(ann->messages[2]->state, MESSAGE_QUEUED);
}

static void test_model_pending_is_settled_by_the_event(void **state)
{
	bool in_window;

	(void)state;
	take_page(PAGE_LATEST, 1, 2, false);
	model_add_pending(ann, "hello", "key1", 5000);
	take_event(3, true, json_pack("{s:s}", "key", "key1"), &in_window);
	model_settle(ann, "key1", id_of(3), NULL);
	assert_run(1, 3);
}

static void test_model_pending_outlives_new_pages(void **state)
{
	(void)state;
	take_page(PAGE_LATEST, 1, 10, false);
	model_add_pending(ann, "hello", "key1", 5000);
	take_page(PAGE_LATEST, 100, 149, true);
	assert_int_equal(ann->n, 51);
	assert_string_equal(ann->messages[50]->raw, "hello");
	model_shrink(ann);
	assert_int_equal(model_count_pending(&m), 1);
}

static void test_model_refused_message_says_why(void **state)
{
	bool in_window;

	(void)state;
	take_page(PAGE_LATEST, 1, 1, false);
	model_add_pending(ann, "one", "key1", 5000);
	model_add_pending(ann, "two", "key2", 5000);
	model_settle(ann, "key1", NULL, "the mailbox is full");
	model_settle(ann, "key2", id_of(2), NULL);
	take_event(3, false, json_object(), &in_window);
	assert_int_equal(ann->n, 4);
	assert_int_equal(number(1), 2);
	assert_int_equal(number(2), 3);
	assert_int_equal(ann->messages[3]->state, MESSAGE_FAILED);
	assert_string_equal(ann->messages[3]->why, "the mailbox is full");
}

static void test_model_read_mark_counts_the_rest(void **state)
{
	bool in_window;

	(void)state;
	take_page(PAGE_LATEST, 1, 2, false);
	for (int i = 3; i <= 7; i++)
		take_event(i, false, json_object(), &in_window);
	assert_int_equal(model_unread(&m), 5);
	model_mark_new(ann);
	assert_string_equal(ann->first_unread, id_of(3));
	model_mark_read(ann, 4);
	assert_int_equal(ann->unread, 2);
	model_mark_read(ann, 6);
	assert_int_equal(ann->unread, 0);
}

static void test_model_jump_begins_a_new_window(void **state)
{
	json_t *o = message(40, false, "received");

	(void)state;
	take_page(PAGE_LATEST, 101, 150, true);
	model_begin_at(ann, o);
	json_decref(o);
	take_page(PAGE_BEFORE, 10, 39, true);
	take_page(PAGE_AFTER, 41, 70, true);
	assert_run(10, 70);
	assert_false(ann->follow);
	model_shrink(ann);
	assert_false(ann->loaded);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_model_list_is_newest_first),
		T(test_model_list_drops_what_is_gone),
		T(test_model_finds_names_by_their_start),
		T(test_model_names_are_made_printable),
		T(test_model_pages_join),
		T(test_model_pages_twice_change_nothing),
		T(test_model_latest_page_replaces_what_it_overlaps),
		T(test_model_window_is_bounded),
		T(test_model_message_beyond_the_window_is_counted),
		T(test_model_flood_while_reading_far_up_is_bounded),
		T(test_model_message_twice_counts_once),
		T(test_model_message_of_unknown_chat),
		T(test_model_healed_message_takes_its_place),
		T(test_model_states_only_go_forward),
		T(test_model_pending_is_settled_by_the_answer),
		T(test_model_pending_is_settled_by_the_event),
		T(test_model_pending_outlives_new_pages),
		T(test_model_refused_message_says_why),
		T(test_model_read_mark_counts_the_rest),
		T(test_model_jump_begins_a_new_window),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
