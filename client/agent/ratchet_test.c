#include "ratchet.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <sodium.h>

#include "keys.h"
#include "log.h"
#include "test_store.h"

/* An account with its store, and what others get of it. */
struct person {
	struct test_store *store;
	struct keys *keys;
	struct ratchet *ratchet;
	Sotto__DeviceBundle bundle;
	Sotto__OneTimePrekey one_time;
	uint8_t one_time_key[IDENTITY_KEY_LEN];
};

struct pair {
	struct person a, b;
};

struct sealed {
	enum ratchet_kind kind;
	struct buf body;
};

static void load_bundle(struct person *p)
{
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(keys_bundle_encoded(p->store->db, &b), OK);
	p->bundle.bundle = sotto__bundle__unpack(NULL, b.len, b.data);
	assert_non_null(p->bundle.bundle);
	buf_finish(&b);
}

static void person_open(struct person *p)
{
	assert_int_equal(keys_load(p->store->db, &p->keys), OK);
	assert_int_equal(ratchet_create(p->store->db, &p->ratchet), OK);
}

static void person_close(struct person *p)
{
	ratchet_destroy(p->ratchet);
	keys_destroy(p->keys);
}

static void person_reopen(struct person *p)
{
	person_close(p);
	test_store_reopen(p->store);
	person_open(p);
}

static void person_init(struct person *p)
{
	struct secret *recovery;
	void *store = NULL;

	assert_int_equal(test_store_setup(&store), 0);
	p->store = store;
	assert_int_equal(keys_create(p->store->db, &sys_real, &recovery), OK);
	secret_destroy(recovery);
	person_open(p);
	sotto__device_bundle__init(&p->bundle);
	load_bundle(p);
	sotto__one_time_prekey__init(&p->one_time);
	assert_int_equal(keys_make_prekeys(p->store->db, &sys_real, 1,
					   &p->one_time.id, &p->one_time_key),
			 OK);
	p->one_time.key = (ProtobufCBinaryData){ IDENTITY_KEY_LEN,
						 p->one_time_key };
	p->bundle.one_time = &p->one_time;
}

static void person_finish(struct person *p)
{
	void *store = p->store;

	sotto__bundle__free_unpacked(p->bundle.bundle, NULL);
	person_close(p);
	test_store_teardown(&store);
}

static int setup(void **state)
{
	struct pair *p = xcalloc(1, sizeof(*p));

	person_init(&p->a);
	person_init(&p->b);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	person_finish(&p->a);
	person_finish(&p->b);
	free(p);
	return 0;
}

static int try_encrypt(struct person *from, struct person *to, const char *text,
		       struct sealed *s)
{
	buf_init(&s->body, 4096);
	return ratchet_encrypt(from->ratchet, &to->keys->list, 1,
			       (const uint8_t *)text, strlen(text), &s->kind,
			       &s->body);
}

static struct sealed encrypt(struct person *from, struct person *to,
			     const char *text)
{
	struct sealed s;

	assert_int_equal(try_encrypt(from, to, text, &s), OK);
	return s;
}

static int try_decrypt(struct person *to, const struct device_list *list,
		       const struct sealed *s, struct buf *plain)
{
	buf_init(plain, 4096);
	return ratchet_decrypt(to->ratchet, list, 1, s->kind, s->body.data,
			       s->body.len, plain);
}

static void assert_fails(struct person *to, struct person *from,
			 struct sealed *s, int err)
{
	struct buf plain;

	assert_int_equal(try_decrypt(to, &from->keys->list, s, &plain), err);
	assert_int_equal(plain.len, 0);
	buf_finish(&plain);
}

static void assert_text(struct person *to, struct person *from,
			struct sealed *s, const char *text)
{
	struct buf plain;

	assert_int_equal(try_decrypt(to, &from->keys->list, s, &plain), OK);
	assert_int_equal(plain.len, strlen(text));
	assert_memory_equal(plain.data, text, plain.len);
	buf_wipe(&plain);
}

static void start(struct person *from, struct person *to)
{
	assert_int_equal(ratchet_start(from->ratchet, &to->keys->list,
				       &to->bundle), OK);
}

/* One message each way: both have a session without prekeys. */
static void converse(struct pair *p)
{
	struct sealed s;

	start(&p->a, &p->b);
	s = encrypt(&p->a, &p->b, "first");
	assert_text(&p->b, &p->a, &s, "first");
	buf_finish(&s.body);
	s = encrypt(&p->b, &p->a, "answer");
	assert_text(&p->a, &p->b, &s, "answer");
	buf_finish(&s.body);
}

static int count_prekeys(struct person *p)
{
	struct sqlite3_stmt *st = db_prepare(p->store->db,
					     "SELECT count(*) FROM prekey");
	int n;

	assert_int_equal(db_step(p->store->db, st), 1);
	n = (int)db_int(st, 0);
	db_done(st);
	return n;
}

static void test_ratchet_talks_both_ways_over_restarts(void **state)
{
	struct pair *p = *state;
	struct sealed s;

	assert_false(ratchet_has_session(p->a.ratchet,
					 &p->b.keys->account, 1));
	assert_int_equal(try_encrypt(&p->a, &p->b, "x", &s), ERR_NOT_FOUND);
	start(&p->a, &p->b);
	assert_true(ratchet_has_session(p->a.ratchet, &p->b.keys->account, 1));
	s = encrypt(&p->a, &p->b, "hello");
	assert_int_equal(s.kind, RATCHET_PREKEY);
	assert_int_equal(count_prekeys(&p->b), 1);
	assert_text(&p->b, &p->a, &s, "hello");
	assert_int_equal(count_prekeys(&p->b), 0);
	buf_finish(&s.body);
	person_reopen(&p->a);
	person_reopen(&p->b);
	for (int i = 0; i < 5; i++) {
		s = encrypt(&p->b, &p->a, "b");
		assert_int_equal(s.kind, RATCHET_MESSAGE);
		assert_text(&p->a, &p->b, &s, "b");
		buf_finish(&s.body);
		s = encrypt(&p->a, &p->b, "a");
		assert_int_equal(s.kind, RATCHET_MESSAGE);
		assert_text(&p->b, &p->a, &s, "a");
		buf_finish(&s.body);
	}
}

static void test_ratchet_without_one_time_prekey(void **state)
{
	struct pair *p = *state;
	struct sealed s;

	p->b.bundle.one_time = NULL;
	start(&p->a, &p->b);
	s = encrypt(&p->a, &p->b, "hello");
	assert_text(&p->b, &p->a, &s, "hello");
	assert_int_equal(count_prekeys(&p->b), 1);
	buf_finish(&s.body);
}

static void test_ratchet_takes_messages_out_of_order_once(void **state)
{
	struct pair *p = *state;
	struct sealed s[3];
	char text[2] = "0";

	converse(p);
	for (int i = 0; i < 3; i++) {
		text[0] = (char)('0' + i);
		s[i] = encrypt(&p->a, &p->b, text);
	}
	assert_text(&p->b, &p->a, &s[2], "2");
	assert_text(&p->b, &p->a, &s[0], "0");
	assert_fails(&p->b, &p->a, &s[0], ERR_DUPLICATE);
	assert_fails(&p->b, &p->a, &s[2], ERR_DUPLICATE);
	assert_text(&p->b, &p->a, &s[1], "1");
	for (int i = 0; i < 3; i++)
		buf_finish(&s[i].body);
}

static void test_ratchet_first_message_again_is_a_duplicate(void **state)
{
	struct pair *p = *state;
	struct sealed s;

	start(&p->a, &p->b);
	s = encrypt(&p->a, &p->b, "hello");
	assert_text(&p->b, &p->a, &s, "hello");
	assert_fails(&p->b, &p->a, &s, ERR_DUPLICATE);
	buf_finish(&s.body);
}

/* What a rollback takes back can be decrypted again: nothing is cached. */
static void test_ratchet_rollback_takes_the_step_back(void **state)
{
	struct pair *p = *state;
	struct db *db = p->b.store->db;
	struct sealed s;

	start(&p->a, &p->b);
	s = encrypt(&p->a, &p->b, "hello");
	assert_int_equal(db_begin(db), OK);
	assert_text(&p->b, &p->a, &s, "hello");
	db_rollback(db);
	assert_int_equal(db_begin(db), OK);
	assert_int_equal(db_savepoint(db), OK);
	assert_text(&p->b, &p->a, &s, "hello");
	db_rollback_savepoint(db);
	assert_int_equal(count_prekeys(&p->b), 1);
	assert_text(&p->b, &p->a, &s, "hello");
	assert_int_equal(db_commit(db), OK);
	assert_fails(&p->b, &p->a, &s, ERR_DUPLICATE);
	buf_finish(&s.body);
}

static int refuse(void *ctx, const uint8_t *plain, size_t len)
{
	assert_int_equal(len, 5);
	assert_memory_equal(plain, "hello", 5);
	++*(int *)ctx;
	return ERR_SIGNATURE;
}

/* Whatever fails before the end, no table has changed. */
static void test_ratchet_refused_message_writes_nothing(void **state)
{
	struct pair *p = *state;
	struct db *db = p->b.store->db;
	struct sealed s;
	int asked = 0;

	start(&p->a, &p->b);
	s = encrypt(&p->a, &p->b, "hello");
	assert_int_equal(ratchet_decrypt_checked(p->b.ratchet,
						 &p->a.keys->list, 1, s.kind,
						 s.body.data, s.body.len,
						 refuse, &asked),
			 ERR_SIGNATURE);
	assert_int_equal(asked, 1);
	assert_int_equal(count_prekeys(&p->b), 1);
	assert_int_equal(db_run(db, db_prepare(db, "PRAGMA query_only = 1")),
			 OK);
	s.body.data[s.body.len - 1] ^= 1;
	assert_fails(&p->b, &p->a, &s, ERR_UNDECRYPTABLE);
	s.body.data[s.body.len - 1] ^= 1;
	assert_int_equal(db_run(db, db_prepare(db, "PRAGMA query_only = 0")),
			 OK);
	assert_text(&p->b, &p->a, &s, "hello");
	buf_finish(&s.body);
}

static void test_ratchet_damaged_and_foreign_messages(void **state)
{
	struct pair *p = *state;
	struct sealed s, junk = { .kind = RATCHET_MESSAGE };

	converse(p);
	s = encrypt(&p->a, &p->b, "hello");
	s.body.data[s.body.len / 2] ^= 1;
	assert_fails(&p->b, &p->a, &s, ERR_UNDECRYPTABLE);
	s.body.data[s.body.len / 2] ^= 1;
	s.kind = RATCHET_PREKEY;
	assert_fails(&p->b, &p->a, &s, ERR_UNDECRYPTABLE);
	s.kind = RATCHET_MESSAGE;
	buf_init(&junk.body, 64);
	assert_fails(&p->b, &p->a, &junk, ERR_UNDECRYPTABLE);
	assert_int_equal(buf_append(&junk.body, "\x33garbage", 8), OK);
	assert_fails(&p->b, &p->a, &junk, ERR_UNDECRYPTABLE);
	junk.kind = RATCHET_PREKEY;
	assert_fails(&p->b, &p->a, &junk, ERR_UNDECRYPTABLE);
	/* None of it has hurt the session. */
	assert_text(&p->b, &p->a, &s, "hello");
	buf_finish(&s.body);
	buf_finish(&junk.body);
}

static void test_ratchet_without_session_is_undecryptable(void **state)
{
	struct pair *p = *state;
	struct sealed s;

	converse(p);
	s = encrypt(&p->a, &p->b, "hello");
	assert_int_equal(db_run(p->b.store->db,
				db_prepare(p->b.store->db,
					   "DELETE FROM session")), OK);
	assert_fails(&p->b, &p->a, &s, ERR_UNDECRYPTABLE);
	buf_finish(&s.body);
}

static void test_ratchet_lost_prekey_is_undecryptable(void **state)
{
	struct pair *p = *state;
	struct sealed s;

	start(&p->a, &p->b);
	s = encrypt(&p->a, &p->b, "hello");
	assert_int_equal(db_run(p->b.store->db,
				db_prepare(p->b.store->db,
					   "DELETE FROM prekey")), OK);
	assert_fails(&p->b, &p->a, &s, ERR_UNDECRYPTABLE);
	buf_finish(&s.body);
}

/* The key that libsignal sees is not the one of the verified list. */
static void test_ratchet_key_outside_the_list_is_refused(void **state)
{
	struct pair *p = *state;
	struct device_list forged;
	struct sealed s;
	struct buf plain;

	start(&p->a, &p->b);
	s = encrypt(&p->a, &p->b, "hello");
	forged = p->a.keys->list;
	forged.devices[0].identity_key[5] ^= 1;
	assert_int_equal(try_decrypt(&p->b, &forged, &s, &plain), ERR_IDENTITY);
	forged.n = 0;
	assert_int_equal(try_decrypt(&p->b, &forged, &s, &plain), ERR_IDENTITY);
	assert_text(&p->b, &p->a, &s, "hello");
	buf_finish(&s.body);
	/* A session that was made under another key. */
	forged = p->b.keys->list;
	forged.devices[0].identity_key[5] ^= 1;
	buf_init(&s.body, 4096);
	assert_int_equal(ratchet_encrypt(p->a.ratchet, &forged, 1,
					 (const uint8_t *)"x", 1, &s.kind,
					 &s.body), ERR_IDENTITY);
	assert_int_equal(ratchet_encrypt(p->a.ratchet, &forged, 2,
					 (const uint8_t *)"x", 1, &s.kind,
					 &s.body), ERR_IDENTITY);
	assert_int_equal(s.body.len, 0);
	buf_finish(&s.body);
}

static void test_ratchet_forged_bundle_is_refused(void **state)
{
	struct pair *p = *state;
	Sotto__Bundle *b = p->b.bundle.bundle;
	struct device_list *list = &p->b.keys->list;

	b->signed_prekey_signature.data[3] ^= 1;
	assert_int_equal(ratchet_start(p->a.ratchet, list, &p->b.bundle),
			 ERR_SIGNATURE);
	b->signed_prekey_signature.data[3] ^= 1;
	b->signed_prekey.data[0] = 0x06;
	assert_int_equal(ratchet_start(p->a.ratchet, list, &p->b.bundle),
			 ERR_FORMAT);
	b->signed_prekey.data[0] = 0x05;
	p->b.one_time_key[0] = 0;
	assert_int_equal(ratchet_start(p->a.ratchet, list, &p->b.bundle),
			 ERR_FORMAT);
	p->b.one_time_key[0] = 0x05;
	b->device = 2;
	assert_int_equal(ratchet_start(p->a.ratchet, list, &p->b.bundle),
			 ERR_IDENTITY);
	b->device = 1;
	assert_false(ratchet_has_session(p->a.ratchet, &p->b.keys->account, 1));
	start(&p->a, &p->b);
}

/* After a repair what was sent in the old session still arrives. */
static void test_ratchet_old_session_still_receives(void **state)
{
	struct sealed old, first, s;
	struct pair *p = *state;

	converse(p);
	old = encrypt(&p->a, &p->b, "old");
	p->b.bundle.one_time = NULL;
	start(&p->a, &p->b);
	first = encrypt(&p->a, &p->b, "new");
	assert_int_equal(first.kind, RATCHET_PREKEY);
	assert_text(&p->b, &p->a, &first, "new");
	assert_text(&p->b, &p->a, &old, "old");
	s = encrypt(&p->b, &p->a, "answer");
	assert_text(&p->a, &p->b, &s, "answer");
	buf_finish(&old.body);
	buf_finish(&first.body);
	buf_finish(&s.body);
}

/* Both start at once: both first messages arrive, and they can go on. */
static void test_ratchet_both_start_at_once(void **state)
{
	struct sealed from_a, from_b, s;
	struct pair *p = *state;

	start(&p->a, &p->b);
	start(&p->b, &p->a);
	from_a = encrypt(&p->a, &p->b, "a");
	from_b = encrypt(&p->b, &p->a, "b");
	assert_text(&p->b, &p->a, &from_a, "a");
	assert_text(&p->a, &p->b, &from_b, "b");
	for (int i = 0; i < 3; i++) {
		s = encrypt(&p->a, &p->b, "x");
		assert_text(&p->b, &p->a, &s, "x");
		buf_finish(&s.body);
		s = encrypt(&p->b, &p->a, "y");
		assert_text(&p->a, &p->b, &s, "y");
		buf_finish(&s.body);
	}
	buf_finish(&from_a.body);
	buf_finish(&from_b.body);
}

static void test_ratchet_too_far_ahead_is_undecryptable(void **state)
{
	struct pair *p = *state;
	struct sealed s;

	converse(p);
	assert_int_equal(db_begin(p->a.store->db), OK);
	for (int i = 0; i < 2100; i++) {
		s = encrypt(&p->a, &p->b, "x");
		if (i < 2099)
			buf_finish(&s.body);
	}
	assert_int_equal(db_commit(p->a.store->db), OK);
	assert_fails(&p->b, &p->a, &s, ERR_UNDECRYPTABLE);
	buf_finish(&s.body);
}

/* n messages are lost, the next comes. */
static struct sealed send_after(struct pair *p, int n)
{
	struct sealed s;

	assert_int_equal(db_begin(p->a.store->db), OK);
	while (n--) {
		s = encrypt(&p->a, &p->b, "lost");
		buf_finish(&s.body);
	}
	s = encrypt(&p->a, &p->b, "hello");
	assert_int_equal(db_commit(p->a.store->db), OK);
	return s;
}

/* A peer cannot make our session grow without end, and a new one mends it. */
static void test_ratchet_skipping_again_and_again_ends(void **state)
{
	struct pair *p = *state;
	struct sealed s, back;
	struct buf plain;
	int i, ret = OK;

	converse(p);
	for (i = 0; i < 5 && !ret; i++) {
		s = send_after(p, 1990);
		ret = try_decrypt(&p->b, &p->a.keys->list, &s, &plain);
		buf_finish(&plain);
		buf_finish(&s.body);
		if (ret)
			break;
		back = encrypt(&p->b, &p->a, "back");
		assert_text(&p->a, &p->b, &back, "back");
		buf_finish(&back.body);
	}
	assert_int_equal(ret, ERR_UNDECRYPTABLE);
	assert_int_equal(i, 2);
	start(&p->b, &p->a);
	back = encrypt(&p->b, &p->a, "anew");
	assert_text(&p->a, &p->b, &back, "anew");
	buf_finish(&back.body);
	s = send_after(p, 1990);
	assert_text(&p->b, &p->a, &s, "hello");
	buf_finish(&s.body);
}

static void test_ratchet_failing_store_is_no_bad_message(void **state)
{
	struct pair *p = *state;
	struct sealed s;

	converse(p);
	s = encrypt(&p->a, &p->b, "hello");
	assert_int_equal(db_run(p->b.store->db,
				db_prepare(p->b.store->db,
					   "PRAGMA query_only = 1")), OK);
	assert_fails(&p->b, &p->a, &s, ERR_NO_SPACE);
	assert_int_equal(db_run(p->b.store->db,
				db_prepare(p->b.store->db,
					   "PRAGMA query_only = 0")), OK);
	assert_text(&p->b, &p->a, &s, "hello");
	buf_finish(&s.body);
}

#define PAIR_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAIR_TEST(test_ratchet_talks_both_ways_over_restarts),
		PAIR_TEST(test_ratchet_without_one_time_prekey),
		PAIR_TEST(test_ratchet_takes_messages_out_of_order_once),
		PAIR_TEST(test_ratchet_first_message_again_is_a_duplicate),
		PAIR_TEST(test_ratchet_rollback_takes_the_step_back),
		PAIR_TEST(test_ratchet_refused_message_writes_nothing),
		PAIR_TEST(test_ratchet_damaged_and_foreign_messages),
		PAIR_TEST(test_ratchet_without_session_is_undecryptable),
		PAIR_TEST(test_ratchet_lost_prekey_is_undecryptable),
		PAIR_TEST(test_ratchet_key_outside_the_list_is_refused),
		PAIR_TEST(test_ratchet_forged_bundle_is_refused),
		PAIR_TEST(test_ratchet_old_session_still_receives),
		PAIR_TEST(test_ratchet_both_start_at_once),
		PAIR_TEST(test_ratchet_too_far_ahead_is_undecryptable),
		PAIR_TEST(test_ratchet_skipping_again_and_again_ends),
		PAIR_TEST(test_ratchet_failing_store_is_no_bad_message),
	};

	log_init("ratchet_test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
