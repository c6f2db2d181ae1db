/* Envelopes as they come in. */
#include "pair_fixture.h"

static void test_inbox_makes_a_request_of_a_stranger(void **state)
{
	struct pair *p = *state;
	struct contact c;

	pair_write(&p->alice, &p->bob, "hello");
	assert_int_equal(pair_pass_all(p, &p->alice, &p->bob), 1);
	c = pair_look_up(&p->bob, &p->alice);
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

	pair_befriend(p);
	of_alice = pair_look_up(&p->alice, &p->bob);
	of_bob = pair_look_up(&p->bob, &p->alice);
	assert_true(of_alice.answered);
	assert_true(of_bob.answered);
	assert_memory_equal(of_alice.capability, of_bob.given, CAPABILITY_LEN);
	pair_write(&p->bob, &p->alice, "short");
	send = pair_take_send(&p->bob, &p->alice);
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

	pair_befriend(p);
	pair_write(&p->alice, &p->bob, "once");
	send = pair_take_send(&p->alice, &p->bob);
	assert_int_equal(pair_deliver(p, &p->bob, send), OK);
	turn_commit(p->bob.a.turn);
	assert_int_equal(pair_deliver(p, &p->bob, send), OK);
	assert_int_equal(side_count(&p->bob, "\"once\""), 1);
	assert_int_equal(side_count(&p->bob, "undecryptable"), 0);
	sotto__send__free_unpacked(send, NULL);
}

static void test_inbox_keeps_nothing_of_a_turn_that_fails(void **state)
{
	struct pair *p = *state;
	struct turn *turn = p->bob.a.turn;
	Sotto__Send *send;

	pair_befriend(p);
	turn_commit(turn);
	pair_write(&p->alice, &p->bob, "twice delivered");
	send = pair_take_send(&p->alice, &p->bob);
	assert_int_equal(pair_deliver(p, &p->bob, send), OK);
	/* The store fails further on in the batch. */
	assert_int_equal(turn_enter(turn), OK);
	assert_int_equal(turn_leave(turn, ERR_STORE), ERR_STORE);
	assert_int_equal(turn_commit(turn), ERR_STORE);
	assert_int_equal(side_count(&p->bob, "twice delivered"), 0);
	/* The ratchet is where it was: it comes again and is read. */
	assert_int_equal(pair_deliver(p, &p->bob, send), OK);
	assert_int_equal(side_count(&p->bob, "twice delivered"), 1);
	assert_int_equal(side_count(&p->bob, "undecryptable"), 0);
	sotto__send__free_unpacked(send, NULL);
}

static void test_inbox_drops_a_capability_of_somebody_else(void **state)
{
	struct pair *p = *state;
	uint8_t other[CAPABILITY_LEN];
	Sotto__Send *send;

	pair_befriend(p);
	pair_write(&p->alice, &p->bob, "stolen");
	send = pair_take_send(&p->alice, &p->bob);
	side_mint(CAP_CONTACT, 200, other);
	memcpy(send->slots[0]->capability.data, other, CAPABILITY_LEN);
	assert_int_equal(pair_deliver(p, &p->bob, send), OK);
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

	pair_befriend(p);
	memset(carol.account.b, 3, ACCOUNT_LEN);
	snprintf(carol.name, sizeof(carol.name), "Carol");
	side_mint(CAP_CONTACT, 150, carol.given);
	assert_int_equal(turn_enter(b->turn), OK);
	assert_int_equal(turn_leave(b->turn, contact_save(b->db, &carol)), OK);
	pair_write(&p->alice, &p->bob, "under Carol's right");
	send = pair_take_send(&p->alice, &p->bob);
	memcpy(send->slots[0]->capability.data, carol.given, CAPABILITY_LEN);
	assert_int_equal(pair_deliver(p, &p->bob, send), OK);
	assert_int_equal(side_count(&p->bob, "under Carol"), 0);
	assert_int_equal(side_count(&p->bob, "undecryptable"), 0);
	sotto__send__free_unpacked(send, NULL);
}

static void test_inbox_asks_again_for_what_was_damaged(void **state)
{
	struct pair *p = *state;
	Sotto__Send *send;

	pair_befriend(p);
	pair_write(&p->alice, &p->bob, "damaged");
	send = pair_take_send(&p->alice, &p->bob);
	send->payload.data[40] ^= 1;
	assert_int_equal(pair_deliver(p, &p->bob, send), OK);
	assert_int_equal(side_count(&p->bob, "\"undecryptable\":true"), 1);
	sotto__send__free_unpacked(send, NULL);
	/* Bob's Repair waits for a new session: play the relay's part. */
	{
		struct contact c = pair_look_up(&p->bob, &p->alice);
		struct agent *b = &p->bob.a;

		pair_start_session(&p->bob, &p->alice, &c);
		assert_int_equal(turn_enter(b->turn), OK);
		assert_int_equal(peer_repaired(b, &c.account, 1), OK);
		assert_int_equal(turn_leave(b->turn, OK), OK);
		sendq_lane(b->sendq, c.row)->want_bundles = false;
		assert_int_equal(turn_enter(b->turn), OK);
		assert_int_equal(turn_leave(b->turn,
					    sendq_queued(b->sendq, &c)), OK);
	}
	assert_int_equal(pair_pass_all(p, &p->bob, &p->alice), 1);
	assert_int_equal(pair_pass_all(p, &p->alice, &p->bob), 1);
	assert_int_equal(side_count(&p->bob, "\"damaged\""), 1);
	assert_int_equal(side_count(&p->bob, "\"replaces\""), 1);
}

static void test_inbox_drops_a_seal_with_a_forged_sender(void **state)
{
	struct pair *p = *state;
	Sotto__Send *send;
	uint8_t junk[320];

	pair_befriend(p);
	pair_write(&p->alice, &p->bob, "forged");
	send = pair_take_send(&p->alice, &p->bob);
	/* With the link anybody can send junk: no placeholder, no crash. */
	memcpy(send->slots[0]->capability.data, p->bob.link, CAPABILITY_LEN);
	memset(junk, 5, sizeof(junk));
	memcpy(send->slots[0]->sealed.data, junk, sizeof(junk));
	assert_int_equal(pair_deliver(p, &p->bob, send), OK);
	assert_int_equal(side_count(&p->bob, "undecryptable"), 0);
	sotto__send__free_unpacked(send, NULL);
}

static void test_inbox_drops_what_a_blocked_contact_sends(void **state)
{
	struct pair *p = *state;
	struct contact c;

	pair_befriend(p);
	c = pair_look_up(&p->bob, &p->alice);
	c.state = CONTACT_BLOCKED;
	assert_int_equal(turn_enter(p->bob.a.turn), OK);
	assert_int_equal(turn_leave(p->bob.a.turn,
				    contact_save(p->bob.a.db, &c)), OK);
	pair_write(&p->alice, &p->bob, "unheard");
	pair_pass_all(p, &p->alice, &p->bob);
	assert_int_equal(side_count(&p->bob, "\"unheard\""), 0);
}

static void test_inbox_alarms_when_a_list_is_rolled_back(void **state)
{
	struct pair *p = *state;
	struct contact c;

	pair_befriend(p);
	/* Bob has seen a newer list of Alice's. */
	c = pair_look_up(&p->bob, &p->alice);
	c.list.version = 2;
	c.list.hash[0] ^= 1;
	assert_int_equal(turn_enter(p->bob.a.turn), OK);
	assert_int_equal(turn_leave(p->bob.a.turn,
				    contact_save(p->bob.a.db, &c)), OK);
	pair_write(&p->alice, &p->bob, "from before");
	pair_pass_all(p, &p->alice, &p->bob);
	c = pair_look_up(&p->bob, &p->alice);
	assert_int_equal(c.alert, ALERT_ROLLBACK);
	/* Receiving goes on. */
	assert_int_equal(side_count(&p->bob, "\"from before\""), 1);
	assert_int_equal(side_count(&p->bob, "\"change\":\"alert\""), 1);
}

static void test_inbox_alarms_when_a_list_forks(void **state)
{
	struct pair *p = *state;
	struct contact c;

	pair_befriend(p);
	c = pair_look_up(&p->bob, &p->alice);
	c.list.hash[0] ^= 1;
	assert_int_equal(turn_enter(p->bob.a.turn), OK);
	assert_int_equal(turn_leave(p->bob.a.turn,
				    contact_save(p->bob.a.db, &c)), OK);
	pair_write(&p->alice, &p->bob, "forked");
	pair_pass_all(p, &p->alice, &p->bob);
	c = pair_look_up(&p->bob, &p->alice);
	assert_int_equal(c.alert, ALERT_FORK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)
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
