/* Two accounts that hand each other envelopes, with a relay in between that does
 * what the test wants. */
#include "agent_fixture.h"

#include "compose.h"
#include "history.h"
#include "outbox.h"
#include "peers.h"
#include "trust.h"

struct pair {
	struct side alice, bob;
	struct contact bob_of_alice;	/* Alice has Bob's link */
	uint64_t sequence;
};

/* What the relay would answer to a Fetch of to's bundle. */
static void start_session(struct side *from, struct side *to,
			  struct contact *c)
{
	struct agent *a = &from->a;
	Sotto__DeviceBundle bundle = SOTTO__DEVICE_BUNDLE__INIT;
	struct buf b;

	assert_int_equal(turn_enter(a->turn), OK);
	assert_int_equal(trust_list(a, c, &to->a.keys->list), OK);
	buf_init(&b, 4096);
	assert_int_equal(keys_bundle_encoded(to->a.db, &b), OK);
	bundle.bundle = sotto__bundle__unpack(NULL, b.len, b.data);
	assert_int_equal(bundle_verify(bundle.bundle, &c->list), OK);
	assert_int_equal(ratchet_start(a->ratchet, &c->list, &bundle), OK);
	assert_int_equal(peer_set_seal_key(a, &c->list, 1,
					   bundle.bundle->seal_key), OK);
	sotto__bundle__free_unpacked(bundle.bundle, NULL);
	buf_finish(&b);
	assert_int_equal(turn_leave(a->turn, OK), OK);
	turn_commit(a->turn);
}

static int setup(void **state)
{
	struct pair *p = xcalloc(1, sizeof(*p));
	struct contact *c = &p->bob_of_alice;

	side_open(&p->alice, 10);
	side_open(&p->bob, 50);
	*c = (struct contact){ .account = p->bob.a.keys->account,
			       .state = CONTACT_ADDED,
			       .has_capability = true };
	snprintf(c->name, sizeof(c->name), "Bob");
	snprintf(c->relay, sizeof(c->relay), "wss://r.example");
	memcpy(c->capability, p->bob.link, CAPABILITY_LEN);
	assert_int_equal(turn_enter(p->alice.a.turn), OK);
	assert_int_equal(turn_leave(p->alice.a.turn,
				    contact_save(p->alice.a.db, c)), OK);
	start_session(&p->alice, &p->bob, c);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	side_close(&p->alice);
	side_close(&p->bob);
	free(p);
	return 0;
}

/* Reads the contact anew. */
static struct contact look_up(struct side *s, struct side *who)
{
	struct contact c;

	turn_commit(s->a.turn);
	assert_int_equal(contact_by_account(s->a.db, &who->a.keys->account,
					    &c), OK);
	return c;
}

/* Puts a text into the outbox. */
static void write_text(struct side *from, struct side *to, const char *text)
{
	struct agent *a = &from->a;
	struct contact c = look_up(from, to);
	uint8_t id[MESSAGE_ID_LEN];

	assert_int_equal(turn_enter(a->turn), OK);
	assert_int_equal(compose_text(a, &c, text, NULL, id), OK);
	assert_int_equal(turn_leave(a->turn, sendq_queued(a->sendq, &c)), OK);
	/* Not committed to the loop's turn: nothing tries the network. */
}

/* Takes the oldest Send out of the outbox. */
static Sotto__Send *take_send(struct side *from, struct side *to)
{
	struct agent *a = &from->a;
	struct contact c;
	struct outbox_entry e;
	Sotto__Send *send;

	assert_int_equal(contact_by_account(a->db, &to->a.keys->account, &c),
			 OK);
	if (outbox_first(a->db, c.row, &e))
		return NULL;
	assert_true(e.encrypted);
	send = sotto__send__unpack(NULL, e.bytes.len, e.bytes.data);
	assert_non_null(send);
	assert_int_equal(turn_enter(a->turn), OK);
	assert_int_equal(turn_leave(a->turn, outbox_remove(a->db, e.row)), OK);
	buf_finish(&e.bytes);
	return send;
}

static int deliver(struct pair *p, struct side *to, const Sotto__Send *send)
{
	struct turn *turn = to->a.turn;
	Sotto__Deliver d = SOTTO__DELIVER__INIT;
	struct capability cap;

	assert_int_equal(send->n_slots, 1);
	assert_int_equal(capability_read(send->slots[0]->capability.data,
					 send->slots[0]->capability.len,
					 &cap), OK);
	d.sequence = ++p->sequence;
	d.envelope = send->id;
	d.capability = (ProtobufCBinaryData){ CAPABILITY_ID_LEN, cap.id };
	d.ephemeral_key = send->ephemeral_key;
	d.sealed = send->slots[0]->sealed;
	d.payload = send->payload;
	assert_int_equal(turn_enter(turn), OK);
	return turn_leave(turn, inbox_deliver(to->inbox, &d));
}

/* Everything that waits at from arrives at to. */
static int pass_all(struct pair *p, struct side *from, struct side *to)
{
	Sotto__Send *send;
	int n = 0;

	while ((send = take_send(from, to))) {
		assert_int_equal(deliver(p, to, send), OK);
		sotto__send__free_unpacked(send, NULL);
		n++;
	}
	return n;
}

static void accept_alice(struct pair *p)
{
	struct agent *b = &p->bob.a;
	struct contact c = look_up(&p->bob, &p->alice);

	c.state = CONTACT_ADDED;
	assert_int_equal(turn_enter(b->turn), OK);
	assert_int_equal(contact_save(b->db, &c), OK);
	assert_int_equal(compose_introduction(b, &c), OK);
	assert_int_equal(turn_leave(b->turn, sendq_queued(b->sendq, &c)), OK);
}

/* Both know each other, both capabilities are exchanged. */
static void befriend(struct pair *p)
{
	write_text(&p->alice, &p->bob, "hello");
	assert_int_equal(pass_all(p, &p->alice, &p->bob), 1);
	accept_alice(p);
	assert_int_equal(pass_all(p, &p->bob, &p->alice), 1);
	write_text(&p->alice, &p->bob, "glad");
	assert_int_equal(pass_all(p, &p->alice, &p->bob), 1);
}

static void test_inbox_makes_a_request_of_a_stranger(void **state)
{
	struct pair *p = *state;
	struct contact c;

	write_text(&p->alice, &p->bob, "hello");
	assert_int_equal(pass_all(p, &p->alice, &p->bob), 1);
	c = look_up(&p->bob, &p->alice);
	assert_int_equal(c.state, CONTACT_REQUEST);
	assert_true(c.has_capability);
	assert_string_equal(c.relay, "wss://r.example");
	assert_int_equal(side_count(&p->bob, "\"hello\""), 1);
	assert_int_equal(side_count(&p->bob, "\"change\":\"request\""), 1);
}

static void test_inbox_ends_introductions_when_both_have_answered(void **state)
{
	struct pair *p = *state;
	struct contact of_alice, of_bob;
	Sotto__Send *send;
	struct capability cap;

	befriend(p);
	of_alice = look_up(&p->alice, &p->bob);
	of_bob = look_up(&p->bob, &p->alice);
	assert_true(of_alice.answered);
	assert_true(of_bob.answered);
	assert_memory_equal(of_alice.capability, of_bob.given, CAPABILITY_LEN);
	write_text(&p->bob, &p->alice, "short");
	send = take_send(&p->bob, &p->alice);
	assert_int_equal(capability_read(send->slots[0]->capability.data,
					 CAPABILITY_LEN, &cap), OK);
	assert_int_equal(cap.class, CAP_CONTACT);
	assert_int_equal(send->slots[0]->sealed.len, 320);
	sotto__send__free_unpacked(send, NULL);
}

static void test_inbox_shows_an_envelope_once(void **state)
{
	struct pair *p = *state;
	Sotto__Send *send;

	befriend(p);
	write_text(&p->alice, &p->bob, "once");
	send = take_send(&p->alice, &p->bob);
	assert_int_equal(deliver(p, &p->bob, send), OK);
	turn_commit(p->bob.a.turn);
	assert_int_equal(deliver(p, &p->bob, send), OK);
	assert_int_equal(side_count(&p->bob, "\"once\""), 1);
	assert_int_equal(side_count(&p->bob, "undecryptable"), 0);
	sotto__send__free_unpacked(send, NULL);
}

static void test_inbox_keeps_nothing_of_a_turn_that_fails(void **state)
{
	struct pair *p = *state;
	struct turn *turn = p->bob.a.turn;
	Sotto__Send *send;

	befriend(p);
	turn_commit(turn);
	write_text(&p->alice, &p->bob, "twice delivered");
	send = take_send(&p->alice, &p->bob);
	assert_int_equal(deliver(p, &p->bob, send), OK);
	/* The store fails further on in the batch. */
	assert_int_equal(turn_enter(turn), OK);
	assert_int_equal(turn_leave(turn, ERR_STORE), ERR_STORE);
	assert_int_equal(turn_commit(turn), ERR_STORE);
	assert_int_equal(side_count(&p->bob, "twice delivered"), 0);
	/* The ratchet is where it was: it comes again and is read. */
	assert_int_equal(deliver(p, &p->bob, send), OK);
	assert_int_equal(side_count(&p->bob, "twice delivered"), 1);
	assert_int_equal(side_count(&p->bob, "undecryptable"), 0);
	sotto__send__free_unpacked(send, NULL);
}

static void test_inbox_drops_a_capability_of_somebody_else(void **state)
{
	struct pair *p = *state;
	uint8_t other[CAPABILITY_LEN];
	Sotto__Send *send;

	befriend(p);
	write_text(&p->alice, &p->bob, "stolen");
	send = take_send(&p->alice, &p->bob);
	side_mint(CAP_CONTACT, 200, other);
	memcpy(send->slots[0]->capability.data, other, CAPABILITY_LEN);
	assert_int_equal(deliver(p, &p->bob, send), OK);
	assert_int_equal(side_count(&p->bob, "\"stolen\""), 0);
	assert_int_equal(side_count(&p->bob, "undecryptable"), 0);
	sotto__send__free_unpacked(send, NULL);
}

static void test_inbox_drops_a_capability_that_was_given_to_another(
	void **state)
{
	struct pair *p = *state;
	struct agent *b = &p->bob.a;
	struct contact carol = { .state = CONTACT_ADDED, .has_given = true };
	Sotto__Send *send;

	befriend(p);
	memset(carol.account.b, 3, ACCOUNT_LEN);
	snprintf(carol.name, sizeof(carol.name), "Carol");
	side_mint(CAP_CONTACT, 150, carol.given);
	assert_int_equal(turn_enter(b->turn), OK);
	assert_int_equal(turn_leave(b->turn, contact_save(b->db, &carol)), OK);
	write_text(&p->alice, &p->bob, "under Carol's right");
	send = take_send(&p->alice, &p->bob);
	memcpy(send->slots[0]->capability.data, carol.given, CAPABILITY_LEN);
	assert_int_equal(deliver(p, &p->bob, send), OK);
	assert_int_equal(side_count(&p->bob, "under Carol"), 0);
	assert_int_equal(side_count(&p->bob, "undecryptable"), 0);
	sotto__send__free_unpacked(send, NULL);
}

static void test_inbox_asks_again_for_what_was_damaged(void **state)
{
	struct pair *p = *state;
	Sotto__Send *send;

	befriend(p);
	write_text(&p->alice, &p->bob, "damaged");
	send = take_send(&p->alice, &p->bob);
	send->payload.data[40] ^= 1;
	assert_int_equal(deliver(p, &p->bob, send), OK);
	assert_int_equal(side_count(&p->bob, "\"undecryptable\":true"), 1);
	sotto__send__free_unpacked(send, NULL);
	/* Bob's Repair waits for a new session: play the relay's part. */
	{
		struct contact c = look_up(&p->bob, &p->alice);
		struct agent *b = &p->bob.a;

		start_session(&p->bob, &p->alice, &c);
		assert_int_equal(turn_enter(b->turn), OK);
		assert_int_equal(peer_repaired(b, &c.account, 1), OK);
		assert_int_equal(turn_leave(b->turn, OK), OK);
		sendq_lane(b->sendq, c.row)->want_bundles = false;
		assert_int_equal(turn_enter(b->turn), OK);
		assert_int_equal(turn_leave(b->turn,
					    sendq_queued(b->sendq, &c)), OK);
	}
	assert_int_equal(pass_all(p, &p->bob, &p->alice), 1);
	assert_int_equal(pass_all(p, &p->alice, &p->bob), 1);
	assert_int_equal(side_count(&p->bob, "\"damaged\""), 1);
	assert_int_equal(side_count(&p->bob, "\"replaces\""), 1);
}

static void test_inbox_drops_a_seal_with_a_forged_sender(void **state)
{
	struct pair *p = *state;
	Sotto__Send *send;
	uint8_t junk[320];

	befriend(p);
	write_text(&p->alice, &p->bob, "forged");
	send = take_send(&p->alice, &p->bob);
	/* With the link anybody can send junk: no placeholder, no crash. */
	memcpy(send->slots[0]->capability.data, p->bob.link, CAPABILITY_LEN);
	memset(junk, 5, sizeof(junk));
	memcpy(send->slots[0]->sealed.data, junk, sizeof(junk));
	assert_int_equal(deliver(p, &p->bob, send), OK);
	assert_int_equal(side_count(&p->bob, "undecryptable"), 0);
	sotto__send__free_unpacked(send, NULL);
}

static void test_inbox_drops_what_a_blocked_contact_sends(void **state)
{
	struct pair *p = *state;
	struct contact c;

	befriend(p);
	c = look_up(&p->bob, &p->alice);
	c.state = CONTACT_BLOCKED;
	assert_int_equal(turn_enter(p->bob.a.turn), OK);
	assert_int_equal(turn_leave(p->bob.a.turn,
				    contact_save(p->bob.a.db, &c)), OK);
	write_text(&p->alice, &p->bob, "unheard");
	pass_all(p, &p->alice, &p->bob);
	assert_int_equal(side_count(&p->bob, "\"unheard\""), 0);
}

static void test_inbox_alarms_when_a_list_is_rolled_back(void **state)
{
	struct pair *p = *state;
	struct contact c;

	befriend(p);
	/* Bob has seen a newer list of Alice's. */
	c = look_up(&p->bob, &p->alice);
	c.list.version = 2;
	c.list.hash[0] ^= 1;
	assert_int_equal(turn_enter(p->bob.a.turn), OK);
	assert_int_equal(turn_leave(p->bob.a.turn,
				    contact_save(p->bob.a.db, &c)), OK);
	write_text(&p->alice, &p->bob, "from before");
	pass_all(p, &p->alice, &p->bob);
	c = look_up(&p->bob, &p->alice);
	assert_int_equal(c.alert, ALERT_ROLLBACK);
	/* Receiving goes on. */
	assert_int_equal(side_count(&p->bob, "\"from before\""), 1);
	assert_int_equal(side_count(&p->bob, "\"change\":\"alert\""), 1);
}

static void test_inbox_alarms_when_a_list_forks(void **state)
{
	struct pair *p = *state;
	struct contact c;

	befriend(p);
	c = look_up(&p->bob, &p->alice);
	c.list.hash[0] ^= 1;
	assert_int_equal(turn_enter(p->bob.a.turn), OK);
	assert_int_equal(turn_leave(p->bob.a.turn,
				    contact_save(p->bob.a.db, &c)), OK);
	write_text(&p->alice, &p->bob, "forked");
	pass_all(p, &p->alice, &p->bob);
	c = look_up(&p->bob, &p->alice);
	assert_int_equal(c.alert, ALERT_FORK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_inbox_makes_a_request_of_a_stranger),
		T(test_inbox_ends_introductions_when_both_have_answered),
		T(test_inbox_shows_an_envelope_once),
		T(test_inbox_keeps_nothing_of_a_turn_that_fails),
		T(test_inbox_drops_a_capability_of_somebody_else),
		T(test_inbox_drops_a_capability_that_was_given_to_another),
		T(test_inbox_asks_again_for_what_was_damaged),
		T(test_inbox_drops_a_seal_with_a_forged_sender),
		T(test_inbox_drops_what_a_blocked_contact_sends),
		T(test_inbox_alarms_when_a_list_is_rolled_back),
		T(test_inbox_alarms_when_a_list_forks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
