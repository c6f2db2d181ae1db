/* For tests: two accounts that hand each other envelopes, with a relay in between
 * that does what the test wants. */
#ifndef SOTTO_PAIR_FIXTURE_H
#define SOTTO_PAIR_FIXTURE_H

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
static inline void pair_start_session(struct side *from, struct side *to,
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

static inline int pair_setup(void **state)
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
	pair_start_session(&p->alice, &p->bob, c);
	*state = p;
	return 0;
}

static inline int pair_teardown(void **state)
{
	struct pair *p = *state;

	side_close(&p->alice);
	side_close(&p->bob);
	free(p);
	return 0;
}

/* Reads the contact anew. */
static inline struct contact pair_look_up(struct side *s, struct side *who)
{
	struct contact c;

	turn_commit(s->a.turn);
	assert_int_equal(contact_by_account(s->a.db, &who->a.keys->account,
					    &c), OK);
	return c;
}

/* Puts a text into the outbox. */
static inline void pair_write(struct side *from, struct side *to, const char *text)
{
	struct agent *a = &from->a;
	struct contact c = pair_look_up(from, to);
	uint8_t id[MESSAGE_ID_LEN];

	assert_int_equal(turn_enter(a->turn), OK);
	assert_int_equal(compose_text(a, &c, text, NULL, id), OK);
	assert_int_equal(turn_leave(a->turn, sendq_queued(a->sendq, &c)), OK);
	/* Not committed to the loop's turn: nothing tries the network. */
}

/* Takes the oldest Send out of the outbox. */
static inline Sotto__Send *pair_take_send(struct side *from, struct side *to)
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

static inline int pair_deliver(struct pair *p, struct side *to, const Sotto__Send *send)
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
static inline int pair_pass_all(struct pair *p, struct side *from, struct side *to)
{
	Sotto__Send *send;
	int n = 0;

	while ((send = pair_take_send(from, to))) {
		assert_int_equal(pair_deliver(p, to, send), OK);
		sotto__send__free_unpacked(send, NULL);
		n++;
	}
	return n;
}

static inline void pair_accept_alice(struct pair *p)
{
	struct agent *b = &p->bob.a;
	struct contact c = pair_look_up(&p->bob, &p->alice);

	c.state = CONTACT_ADDED;
	assert_int_equal(turn_enter(b->turn), OK);
	assert_int_equal(contact_save(b->db, &c), OK);
	assert_int_equal(compose_introduction(b, &c), OK);
	assert_int_equal(turn_leave(b->turn, sendq_queued(b->sendq, &c)), OK);
}

/* Both know each other, both capabilities are exchanged. */
static inline void pair_befriend(struct pair *p)
{
	pair_write(&p->alice, &p->bob, "hello");
	assert_int_equal(pair_pass_all(p, &p->alice, &p->bob), 1);
	pair_accept_alice(p);
	assert_int_equal(pair_pass_all(p, &p->bob, &p->alice), 1);
	pair_write(&p->alice, &p->bob, "glad");
	assert_int_equal(pair_pass_all(p, &p->alice, &p->bob), 1);
}

#endif
