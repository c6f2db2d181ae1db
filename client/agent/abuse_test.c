/* What strangers, contacts and relays try. */
#include "pair_fixture.h"

#include "envelope.h"

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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)
	const struct CMUnitTest tests[] = {
		T(test_abuse_none_when_who_was_removed_is_added_again),
		T(test_abuse_seen_with_another_hash_is_a_fork),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
