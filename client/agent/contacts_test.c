#include "contacts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "log.h"
#include "test_store.h"

static struct contact make(uint8_t n, const char *name)
{
	struct contact c = { .state = CONTACT_ADDED };

	c.account.b[0] = n;
	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.relay, sizeof(c.relay), "wss://relay.example");
	return c;
}

static void save(struct test_store *t, struct contact *c)
{
	assert_int_equal(contact_save(t->db, c), OK);
	assert_true(c->row > 0);
}

static void capability(uint8_t out[static CAPABILITY_LEN], uint8_t n)
{
	memset(out, n, CAPABILITY_LEN);
	out[0] = 1;
	out[1] = CAP_CONTACT;
}

static void test_contact_comes_back_as_it_was_saved(void **state)
{
	struct test_store *t = *state;
	struct contact c = make(1, "Ada"), got;

	snprintf(c.profile_name, sizeof(c.profile_name), "Ada L.");
	c.alert = ALERT_FORK;
	c.verified = c.answered = c.has_list = true;
	c.has_capability = c.has_given = true;
	capability(c.capability, 5);
	capability(c.given, 6);
	c.suite_seen = 3;
	c.last_hash[31] = 9;
	c.sent_counter = 10;
	c.seen_counter = INT64_MAX;
	c.read_upto = 12;
	c.list.account = c.account;
	c.list.n = DEVICES_MAX;
	c.list.epoch = 2;
	c.list.version = 1ull << 40;
	c.list.hash[5] = 5;
	c.list.devices[7].id = 0x7fffffff;
	c.list.devices[7].identity_key[32] = 1;
	c.list.devices[7].auth_key[31] = 2;
	save(t, &c);
	test_store_reopen(t);
	assert_int_equal(contact_by_account(t->db, &c.account, &got), OK);
	assert_memory_equal(&got, &c, sizeof(c));
	assert_int_equal(contact_by_row(t->db, c.row, &got), OK);
	assert_memory_equal(&got, &c, sizeof(c));
}

static void test_contact_save_again_changes_all_fields(void **state)
{
	struct test_store *t = *state;
	struct contact c = make(1, "Ada"), got;

	save(t, &c);
	c.state = CONTACT_BLOCKED;
	c.sent_counter = 77;
	snprintf(c.name, sizeof(c.name), "Countess");
	save(t, &c);
	assert_int_equal(contact_by_account(t->db, &c.account, &got), OK);
	assert_memory_equal(&got, &c, sizeof(c));
	assert_int_equal(contact_find(t->db, "Ada", &got), ERR_NOT_FOUND);
}

static void test_contact_find_ignores_case(void **state)
{
	struct test_store *t = *state;
	struct contact c = make(1, "J\xc3\x9cRGEN"), got;
	char text[ACCOUNT_TEXT_LEN + 1];

	save(t, &c);
	assert_int_equal(contact_find(t->db, "j\xc3\xbcrgen", &got), OK);
	assert_int_equal(got.row, c.row);
	/* u and a combining diaeresis */
	assert_int_equal(contact_find(t->db, "ju\xcc\x88rgen", &got), OK);
	account_text(&c.account, text);
	assert_int_equal(contact_find(t->db, text, &got), OK);
	assert_int_equal(contact_find(t->db, "jurgen", &got), ERR_NOT_FOUND);
	assert_int_equal(contact_find(t->db, "", &got), ERR_NOT_FOUND);
	assert_int_equal(contact_find(t->db, "\xff\xfe", &got), ERR_NOT_FOUND);
}

static void test_contact_named_like_anothers_account_is_not_found(void **state)
{
	struct test_store *t = *state;
	struct contact a = make(1, "Ada"), b, got;
	char text[ACCOUNT_TEXT_LEN + 1];

	save(t, &a);
	account_text(&a.account, text);
	b = make(2, text);
	save(t, &b);
	assert_int_equal(contact_find(t->db, text, &got), OK);
	assert_int_equal(got.row, a.row);
	/* Of a store from before that rule. */
	memcpy(b.name, text, sizeof(text));
	save(t, &b);
	assert_int_equal(contact_find(t->db, text, &got), ERR_AMBIGUOUS);
}

static void test_contact_names_are_made_unique(void **state)
{
	struct test_store *t = *state;
	struct contact a = make(1, "Ada"), b = make(2, "ADA"), c = make(3, "ada");
	struct contact d = make(4, ""), longest = make(5, ""), again;

	save(t, &a);
	save(t, &b);
	save(t, &c);
	save(t, &d);
	assert_string_equal(b.name, "ADA 2");
	assert_string_equal(c.name, "ada 3");
	assert_int_equal(strlen(d.name), 8);
	snprintf(c.name, sizeof(c.name), "Ada");
	assert_int_equal(contact_save(t->db, &c), ERR_EXISTS);
	/* 127 bytes and a character of two that is cut as a whole */
	memset(longest.name, 'x', 126);
	memcpy(longest.name + 126, "\xc3\xa9", 3);
	again = longest;
	again.account.b[0] = 6;
	save(t, &longest);
	save(t, &again);
	assert_int_equal(strlen(again.name), 128);
	again.row = 0;
	again.account.b[0] = 7;
	memcpy(again.name, longest.name, sizeof(again.name));
	memset(again.name + 123, 'x', 2);
	memcpy(again.name + 125, "\xc3\xa9", 3);
	longest = again;
	save(t, &again);
	longest.account.b[0] = 8;
	save(t, &longest);
	assert_int_equal(strlen(longest.name), 127);
}

static void test_contact_by_given_knows_older_capabilities(void **state)
{
	struct test_store *t = *state;
	struct contact c = make(1, "Ada"), got;
	struct capability first, second;

	c.has_given = true;
	capability(c.given, 6);
	assert_int_equal(capability_read(c.given, CAPABILITY_LEN, &first), OK);
	save(t, &c);
	capability(c.given, 7);
	assert_int_equal(capability_read(c.given, CAPABILITY_LEN, &second), OK);
	save(t, &c);
	save(t, &c);
	assert_int_equal(contact_by_given(t->db, first.id, &got), OK);
	assert_int_equal(got.row, c.row);
	assert_int_equal(contact_by_given(t->db, second.id, &got), OK);
	first.id[0]++;
	assert_int_equal(contact_by_given(t->db, first.id, &got),
			 ERR_NOT_FOUND);
}

static int count(void *ctx, const uint8_t cap[static CAPABILITY_LEN])
{
	(void)cap;
	++*(int *)ctx;
	return 0;
}

static void test_contact_remove_forgets_everything(void **state)
{
	struct test_store *t = *state;
	struct contact c = make(1, "Ada"), got;
	int n = 0;

	c.has_given = true;
	capability(c.given, 6);
	save(t, &c);
	assert_int_equal(contact_each_given(t->db, c.row, count, &n), OK);
	assert_int_equal(n, 1);
	assert_int_equal(contact_remove(t->db, &c), OK);
	assert_int_equal(contact_by_row(t->db, c.row, &got), ERR_NOT_FOUND);
	assert_int_equal(contact_each_given(t->db, c.row, count, &n), OK);
	assert_int_equal(n, 1);
}

struct walk {
	struct db *db;
	char names[64];
	int stop_after;
};

/* Changes what it walks over. */
static int on_contact(void *ctx, const struct contact *c)
{
	struct walk *w = ctx;
	struct contact copy = *c;
	size_t len = strlen(w->names);

	snprintf(w->names + len, sizeof(w->names) - len, "%s,", c->name);
	copy.sent_counter++;
	if (contact_save(w->db, &copy) < 0)
		return -1;
	return --w->stop_after == 0 ? 42 : 0;
}

static void test_contact_each_goes_by_name(void **state)
{
	struct test_store *t = *state;
	struct contact a = make(1, "b"), b = make(2, "A"), c = make(3, "c");
	struct walk w = { .db = t->db };

	save(t, &a);
	save(t, &b);
	save(t, &c);
	assert_int_equal(contact_each(t->db, on_contact, &w), OK);
	assert_string_equal(w.names, "A,b,c,");
	w = (struct walk){ .db = t->db, .stop_after = 2 };
	assert_int_equal(contact_each(t->db, on_contact, &w), 42);
	assert_string_equal(w.names, "A,b,");
}

static void test_contact_damaged_list_is_corrupt(void **state)
{
	struct test_store *t = *state;
	struct contact c = make(1, "Ada"), got;

	save(t, &c);
	assert_int_equal(db_run(t->db, db_prepare(t->db,
				"UPDATE contact SET list = x'0102'")), OK);
	assert_int_equal(contact_by_row(t->db, c.row, &got), ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_contact_comes_back_as_it_was_saved),
		STORE_TEST(test_contact_save_again_changes_all_fields),
		STORE_TEST(test_contact_find_ignores_case),
		STORE_TEST(test_contact_named_like_anothers_account_is_not_found),
		STORE_TEST(test_contact_names_are_made_unique),
		STORE_TEST(test_contact_by_given_knows_older_capabilities),
		STORE_TEST(test_contact_remove_forgets_everything),
		STORE_TEST(test_contact_each_goes_by_name),
		STORE_TEST(test_contact_damaged_list_is_corrupt),
	};

	log_init("contacts_test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
