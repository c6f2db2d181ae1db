/* What strangers, contacts and relays try. */
#include "pair_fixture.h"

#include <sodium.h>
#include <time.h>

#include "envelope.h"
#include "owner_int.h"
#include "tries.h"

/* Sends a content of the test's own making from from to to. */
static void send_content(struct pair *p, struct side *from, struct side *to,
			 Sotto__Content *content)
{
	struct agent *a = &from->a;
	struct contact c = pair_look_up(from, to);

	assert_int_equal(turn_enter(a->turn), OK);
	assert_int_equal(compose_control(a, &c, content), OK);
	assert_int_equal(turn_leave(a->turn, sendq_queued(a->sendq, &c)), OK);
	assert_int_equal(pair_pass_all(p, from, to), 1);
}

static void test_abuse_none_when_who_was_removed_is_added_again(void **state)
{
	struct pair *p = *state;
	struct agent *a = &p->alice.a;
	struct contact c, of_alice;

	pair_befriend(p);
	of_alice = c = pair_look_up(&p->alice, &p->bob);
	assert_int_equal(turn_enter(a->turn), OK);
	assert_int_equal(turn_leave(a->turn, contact_remove(a->db, &c)), OK);
	turn_commit(a->turn);
	/* By Bob's link once more. */
	c = (struct contact){ .account = of_alice.account,
			      .state = CONTACT_ADDED,
			      .has_capability = true };
	snprintf(c.name, sizeof(c.name), "Bob");
	snprintf(c.relay, sizeof(c.relay), "wss://r.example");
	memcpy(c.capability, p->bob.link, CAPABILITY_LEN);
	assert_int_equal(turn_enter(a->turn), OK);
	assert_int_equal(turn_leave(a->turn, contact_save(a->db, &c)), OK);
	pair_start_session(&p->alice, &p->bob, &c);
	pair_write(&p->alice, &p->bob, "here again");
	assert_int_equal(pair_pass_all(p, &p->alice, &p->bob), 1);
	c = pair_look_up(&p->bob, &p->alice);
	assert_int_equal(c.alert, ALERT_NONE);
	assert_int_equal(side_count(&p->bob, "\"here again\""), 1);
}

static void test_abuse_seen_with_another_hash_is_a_fork(void **state)
{
	struct pair *p = *state;
	const struct keys *own = p->bob.a.keys;
	Sotto__Content content = SOTTO__CONTENT__INIT;
	Sotto__Seen seen = SOTTO__SEEN__INIT, *list[] = { &seen };
	uint8_t hash[HASH_LEN] = { 1 };

	pair_befriend(p);
	pair_write(&p->bob, &p->alice, "one");
	assert_int_equal(pair_pass_all(p, &p->bob, &p->alice), 1);
	seen.account = (ProtobufCBinaryData){
		ACCOUNT_LEN, (uint8_t *)(uintptr_t)own->account.b };
	seen.device = own->device;
	seen.counter = 1;
	seen.hash = (ProtobufCBinaryData){ HASH_LEN, hash };
	content.n_seen = 1;
	content.seen = list;
	send_content(p, &p->alice, &p->bob, &content);
	assert_int_equal(pair_look_up(&p->bob, &p->alice).alert, ALERT_FORK);
	assert_int_equal(side_count(&p->bob, "\"delivered\""), 0);
}

static void save_contact(struct side *s, struct contact *c)
{
	assert_int_equal(turn_enter(s->a.turn), OK);
	assert_int_equal(turn_leave(s->a.turn, contact_save(s->a.db, c)), OK);
	turn_commit(s->a.turn);
}

static void test_abuse_names_are_no_addresses(void **state)
{
	static const char *const bad[] = {
		"abcdefghijklmnopqrstuvwxyz234567",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
		"\xef\xbd\x81""bcdefghijklmnopqrstuvwxyz234567",	/* full width */
		"abcdefghijklmnop\xe2\x80\x8bqrstuvwxyz234567",
		"+family", "\xef\xbc\x8b""family", "\xe2\x80\x8b+family",
		"\xe2\x80\x8b", "",
	};
	struct pair *p = *state;
	struct contact c, found;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(contact_name_ok(bad[i]));
		c = (struct contact){ .state = CONTACT_REQUEST };
		memset(c.account.b, (int)i + 1, ACCOUNT_LEN);
		snprintf(c.name, sizeof(c.name), "%s", bad[i]);
		save_contact(&p->bob, &c);
		assert_int_equal(contact_find(p->bob.a.db, bad[i], &found),
				 ERR_NOT_FOUND);
		assert_int_equal(strlen(c.name), 8);
	}
	contact_suggest_name(&c, "\xe2\x80\xaeYOU");
	assert_string_equal(c.name, "");
	contact_suggest_name(&c, "Mehmet");
	assert_string_equal(c.name, "Mehmet");
	assert_true(contact_name_ok("Mehmet"));
	assert_true(contact_name_ok("a+b"));
}

static void test_abuse_requests_are_bounded(void **state)
{
	struct pair *p = *state;
	struct contact c;

	for (int i = 0; i < 100; i++) {
		c = (struct contact){ .state = CONTACT_REQUEST };
		memset(c.account.b, i + 1, ACCOUNT_LEN);
		snprintf(c.name, sizeof(c.name), "stranger");
		save_contact(&p->bob, &c);
	}
	pair_write(&p->alice, &p->bob, "one too many");
	assert_int_equal(pair_pass_all(p, &p->alice, &p->bob), 1);
	assert_int_equal(contact_by_account(p->bob.a.db,
					    &p->alice.a.keys->account, &c),
			 ERR_NOT_FOUND);
	assert_int_equal(side_count(&p->bob, "one too many"), 0);
}

static void test_abuse_a_request_writes_so_much(void **state)
{
	struct pair *p = *state;
	struct agent *b = &p->bob.a;
	struct message next;
	struct contact c;

	for (int i = 0; i < 60; i++)
		pair_write(&p->alice, &p->bob, "buy this");
	assert_int_equal(pair_pass_all(p, &p->alice, &p->bob), 60);
	assert_int_equal(side_count(&p->bob, "\"buy this\""), 50);
	/* Who is accepted is asked for what was left out. */
	pair_accept_alice(p);
	assert_int_equal(pair_pass_all(p, &p->bob, &p->alice), 1);
	pair_write(&p->alice, &p->bob, "thanks");
	assert_int_equal(pair_pass_all(p, &p->alice, &p->bob), 1);
	c = pair_look_up(&p->bob, &p->alice);
	assert_int_equal(c.seen_counter, 50);
	assert_int_equal(history_first_held(b->db, c.row, 1, &next), OK);
	assert_int_equal(next.counter, 61);
	message_finish(&next);
}

/* A message that is far ahead in a chain of its own: thousands of steps for each
 * archived state, until the MAC turns out wrong. */
static void send_costly(struct pair *p, int n)
{
	static const uint8_t counter[] = { 0x10, 0xcf, 0x0f };	/* 1999 */
	const struct keys *keys = p->alice.a.keys;
	uint8_t secret[32], ephemeral[32], seal_key[SEAL_KEY_LEN];
	uint8_t body[1 + 2 + 33 + 3 + 2 + 2 + 16 + 8] = { 0x33, 0x0a, 33, 5 };
	uint8_t id[ENVELOPE_ID_LEN], junk[600] = { 0 };
	Sotto__Sealed sealed = SOTTO__SEALED__INIT;
	Sotto__Deliver d = SOTTO__DELIVER__INIT;
	struct capability cap;
	struct contact c = pair_look_up(&p->alice, &p->bob);
	struct buf out;

	randombytes_buf(secret, sizeof(secret));
	crypto_scalarmult_base(body + 4, secret);
	crypto_scalarmult_base(ephemeral, secret);
	memcpy(body + 36, counter, sizeof(counter));
	memcpy(body + 39, "\x18\0\x22\x10", 4);
	sealed.suite = SUITE_CURRENT;
	sealed.account = (ProtobufCBinaryData){ ACCOUNT_LEN,
		(uint8_t *)(uintptr_t)keys->account.b };
	sealed.device = 1;
	sealed.list_hash = (ProtobufCBinaryData){ HASH_LEN,
		(uint8_t *)(uintptr_t)keys->list.hash };
	sealed.kind = SOTTO__SEALED_KIND__RATCHET;
	sealed.body = (ProtobufCBinaryData){ sizeof(body), body };
	assert_int_equal(peer_seal_key(&p->alice.a, &c.account, 1, seal_key),
			 OK);
	buf_init(&out, SEALED_MAX);
	assert_int_equal(envelope_seal(&sealed, ephemeral, secret, seal_key,
				       &out), OK);
	assert_int_equal(capability_read(c.capability, CAPABILITY_LEN, &cap),
			 OK);
	memset(id, n, sizeof(id));
	id[0] = 77;
	d.sequence = ++p->sequence;
	d.envelope = (ProtobufCBinaryData){ sizeof(id), id };
	d.capability = (ProtobufCBinaryData){ CAPABILITY_ID_LEN, cap.id };
	d.ephemeral_key = (ProtobufCBinaryData){ 32, ephemeral };
	d.sealed = (ProtobufCBinaryData){ out.len, out.data };
	d.payload = (ProtobufCBinaryData){ sizeof(junk), junk };
	assert_int_equal(turn_enter(p->bob.a.turn), OK);
	assert_int_equal(turn_leave(p->bob.a.turn,
				    inbox_deliver(p->bob.inbox, &d)), OK);
	turn_commit(p->bob.a.turn);
	buf_finish(&out);
}

static uint64_t a_minute_later(void *ctx)
{
	(void)ctx;
	return sys_mono_ms(&sys_real) + TRIES_WINDOW_MS;
}

static void test_abuse_costly_junk_is_not_tried_for_ever(void **state)
{
	struct pair *p = *state;
	struct sys later = sys_real;
	struct contact c;
	clock_t before;

	later.mono_ms = a_minute_later;

	pair_befriend(p);
	for (int i = 0; i < 45; i++) {
		c = pair_look_up(&p->alice, &p->bob);
		pair_start_session(&p->alice, &p->bob, &c);
		pair_write(&p->alice, &p->bob, "anew");
		assert_int_equal(pair_pass_all(p, &p->alice, &p->bob), 1);
	}
	before = clock();
	for (int i = 0; i < 60; i++)
		send_costly(p, i);
	assert_true(clock() - before < 5 * CLOCKS_PER_SEC);
	/* A minute later. */
	p->bob.a.sys = &later;
	pair_write(&p->alice, &p->bob, "still here");
	assert_int_equal(pair_pass_all(p, &p->alice, &p->bob), 1);
	assert_int_equal(side_count(&p->bob, "\"still here\""), 1);
}

/* The relay answers what was asked with one capability. */
static void mint(struct owner *o, enum asked what, enum capability_class class,
		 uint32_t hours)
{
	struct capability c = { .class = class, .expiry = hours };
	static const uint8_t key[CAPABILITY_KEY_LEN];
	static const struct account_id account;
	uint8_t cap[CAPABILITY_LEN];
	ProtobufCBinaryData list[] = { { CAPABILITY_LEN, cap } };
	Sotto__Minted m = SOTTO__MINTED__INIT;

	capability_mint(&c, &account, key, cap);
	m.request = o->pending[what] = 7;
	m.n_capabilities = 1;
	m.capabilities = list;
	o->stalled = false;
	owner_on_minted(o, &m);
	turn_commit(o->a->turn);
}

static void test_abuse_useless_capabilities_are_not_asked_for_again(void **state)
{
	struct pair *p = *state;
	struct owner *o = p->bob.a.owner;
	uint32_t now = (uint32_t)(sys_wall_ms(&sys_real) / 3600000);
	uint8_t link[CAPABILITY_LEN];

	mint(o, ASK_MINT, CAP_CONTACT, now + CAPABILITY_HOURS);
	assert_false(o->stalled);
	mint(o, ASK_MINT, CAP_INTRO, now + CAPABILITY_HOURS);
	assert_true(o->stalled);
	mint(o, ASK_MINT, CAP_CONTACT, now - 1);
	assert_true(o->stalled);
	/* Nor do they take the place of a link that is good. */
	for (int i = 0; i < 2 * CAPS_LINKS_MAX; i++)
		mint(o, ASK_LINK, CAP_INTRO, now - 1);
	assert_true(o->stalled);
	assert_int_equal(caps_link(&p->bob.a, link), OK);
	assert_memory_equal(link, p->bob.link, sizeof(link));
}

static void test_abuse_a_relay_gets_no_prekeys_without_end(void **state)
{
	struct pair *p = *state;
	struct agent *b = &p->bob.a;
	static uint8_t keys[1000][IDENTITY_KEY_LEN];
	static uint32_t ids[1000];
	struct sqlite3_stmt *st;

	for (int i = 0; i < 11; i++) {
		assert_int_equal(turn_enter(b->turn), OK);
		assert_int_equal(turn_leave(b->turn, keys_make_prekeys(
			b->db, b->sys, 1000, ids, keys)), OK);
	}
	turn_commit(b->turn);
	st = db_prepare(b->db, "SELECT count(*) FROM prekey");
	assert_int_equal(db_step(b->db, st), 1);
	assert_int_equal(db_int(st, 0), PREKEYS_KEPT);
	db_done(st);
}

static void test_abuse_relays_without_end_are_not_all_kept(void **state)
{
	struct pair *p = *state;
	struct sendq *q = p->bob.a.sendq;
	char relay[64];

	for (int i = 0; i < 1000; i++) {
		snprintf(relay, sizeof(relay), "wss://r%d.example", i);
		assert_non_null(sendq_sender(q, relay));
	}
	assert_true(q->n_senders < 200);
	assert_string_equal(relay_conn_url(sendq_sender(q, relay)->conn)->host,
			    "r999.example");
}

static int add_text(void *ctx, const struct message *m)
{
	return buf_appendf(ctx, "%s,", m->text);
}

static uint64_t a_year_ago(void *ctx)
{
	(void)ctx;
	return sys_wall_ms(&sys_real) - 365ull * 24 * 3600 * 1000;
}

static void test_abuse_nothing_is_put_between_what_was_read(void **state)
{
	struct pair *p = *state;
	struct sys past = sys_real;
	struct contact c;
	struct buf b;

	past.wall_ms = a_year_ago;
	pair_befriend(p);
	/* Alice turns her clock back. */
	p->alice.a.clock.sys = &past;
	p->alice.a.clock.last = 0;
	pair_write(&p->alice, &p->bob, "I told you");
	pair_write(&p->alice, &p->bob, "long ago");
	pair_pass_all(p, &p->alice, &p->bob);
	c = pair_look_up(&p->bob, &p->alice);
	buf_init(&b, 4096);
	assert_int_equal(history_page(p->bob.a.db, c.row, NULL, NULL, 10,
				      add_text, &b), OK);
	assert_int_equal(buf_append_u8(&b, 0), OK);
	assert_string_equal((char *)b.data, "long ago,I told you,glad,hello,");
	buf_finish(&b);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)
	const struct CMUnitTest tests[] = {
		T(test_abuse_none_when_who_was_removed_is_added_again),
		T(test_abuse_seen_with_another_hash_is_a_fork),
		T(test_abuse_names_are_no_addresses),
		T(test_abuse_requests_are_bounded),
		T(test_abuse_a_request_writes_so_much),
		T(test_abuse_costly_junk_is_not_tried_for_ever),
		T(test_abuse_useless_capabilities_are_not_asked_for_again),
		T(test_abuse_a_relay_gets_no_prekeys_without_end),
		T(test_abuse_relays_without_end_are_not_all_kept),
		T(test_abuse_nothing_is_put_between_what_was_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
