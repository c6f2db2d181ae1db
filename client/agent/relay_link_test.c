#include "relay_link.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "capability.h"

struct heard {
	int ready, deliver, caught_up, sent, error, minted;
	uint64_t sequence;
};

static void on_ready(void *ctx, const Sotto__Ready *r)
{
	struct heard *h = ctx;

	(void)r;
	h->ready++;
}

static void on_deliver(void *ctx, const Sotto__Deliver *d)
{
	struct heard *h = ctx;

	h->deliver++;
	h->sequence = d->sequence;
}

static void on_caught_up(void *ctx)
{
	struct heard *h = ctx;

	h->caught_up++;
}

static void on_sent(void *ctx, const Sotto__Sent *s)
{
	struct heard *h = ctx;

	(void)s;
	h->sent++;
}

static void on_error(void *ctx, const Sotto__Error *e)
{
	struct heard *h = ctx;

	(void)e;
	h->error++;
}

static const struct relay_link_ops ops = {
	.ready = on_ready, .deliver = on_deliver, .caught_up = on_caught_up,
	.sent = on_sent, .error = on_error,
};

static uint8_t zeros[64];

static ProtobufCBinaryData bytes(size_t len)
{
	return (ProtobufCBinaryData){ len, zeros };
}

/* One message in a frame of its own. */
static int hear(struct relay_link *l, Sotto__ServerMessage *m)
{
	Sotto__ServerFrame f = SOTTO__SERVER_FRAME__INIT;
	uint8_t data[2048];
	size_t len;

	f.n_messages = 1;
	f.messages = &m;
	len = sotto__server_frame__pack(&f, data);
	return relay_link_input(l, data, len);
}

static int hear_limits(struct relay_link *l, size_t nonce, uint32_t max_frame)
{
	Sotto__Challenge c = SOTTO__CHALLENGE__INIT;
	Sotto__ServerMessage m = SOTTO__SERVER_MESSAGE__INIT;

	c.version = PROTOCOL_VERSION;
	c.nonce = bytes(nonce);
	c.incarnation = bytes(INCARNATION_LEN);
	c.relay_name = (char *)(uintptr_t)"relay";
	c.max_frame = max_frame;
	c.max_payload = PAYLOAD_MAX;
	c.max_slots = 2;
	c.send_window = 4;
	m.of_case = SOTTO__SERVER_MESSAGE__OF_CHALLENGE;
	m.challenge = &c;
	return hear(l, &m);
}

static int hear_challenge(struct relay_link *l, size_t nonce)
{
	return hear_limits(l, nonce, FRAME_MAX);
}

static int hear_ready(struct relay_link *l)
{
	Sotto__Ready r = SOTTO__READY__INIT;
	Sotto__ServerMessage m = SOTTO__SERVER_MESSAGE__INIT;

	r.token = bytes(TOKEN_LEN);
	m.of_case = SOTTO__SERVER_MESSAGE__OF_READY;
	m.ready = &r;
	return hear(l, &m);
}

static int hear_deliver(struct relay_link *l, uint64_t sequence, size_t id)
{
	Sotto__Deliver d = SOTTO__DELIVER__INIT;
	Sotto__ServerMessage m = SOTTO__SERVER_MESSAGE__INIT;

	d.sequence = sequence;
	d.envelope = bytes(id);
	d.capability = bytes(CAPABILITY_ID_LEN);
	d.ephemeral_key = bytes(32);
	m.of_case = SOTTO__SERVER_MESSAGE__OF_DELIVER;
	m.deliver = &d;
	return hear(l, &m);
}

static int hear_sent(struct relay_link *l)
{
	Sotto__Sent s = SOTTO__SENT__INIT;
	Sotto__ServerMessage m = SOTTO__SERVER_MESSAGE__INIT;
	Sotto__SlotStatus status = SOTTO__SLOT_STATUS__ACCEPTED;

	s.id = bytes(ENVELOPE_ID_LEN);
	s.n_statuses = 1;
	s.statuses = &status;
	m.of_case = SOTTO__SERVER_MESSAGE__OF_SENT;
	m.sent = &s;
	return hear(l, &m);
}

static int send_fetch(struct relay_link *l)
{
	Sotto__Fetch f = SOTTO__FETCH__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;

	f.id = bytes(16);
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_FETCH;
	m.fetch = &f;
	return relay_link_send(l, &m);
}

static int send_payload(struct relay_link *l, size_t len, size_t n_slots)
{
	static uint8_t payload[PAYLOAD_MAX + 1];
	Sotto__Slot slot = SOTTO__SLOT__INIT;
	Sotto__Slot *slots[] = { &slot, &slot, &slot };
	Sotto__Send send = SOTTO__SEND__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;

	send.id = bytes(ENVELOPE_ID_LEN);
	send.payload = (ProtobufCBinaryData){ len, payload };
	send.n_slots = n_slots;
	send.slots = slots;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_SEND;
	m.send = &send;
	return relay_link_send(l, &m);
}

/* The frame that goes out, parsed; NULL when there is none. */
static Sotto__ClientFrame *next_frame(struct relay_link *l)
{
	struct buf b;
	Sotto__ClientFrame *f = NULL;

	buf_init(&b, FRAME_MAX);
	relay_link_output(l, &b);
	if (b.len) {
		f = sotto__client_frame__unpack(NULL, b.len, b.data);
		assert_non_null(f);
	}
	buf_finish(&b);
	return f;
}

static void test_relay_link_begins_with_hello(void **state)
{
	struct heard h = { 0 };
	struct relay_link l;
	Sotto__ClientFrame *f;

	(void)state;
	relay_link_init(&l, true, &ops, &h);
	f = next_frame(&l);
	assert_int_equal(f->n_messages, 1);
	assert_int_equal(f->messages[0]->hello->role, SOTTO__ROLE__OWNER);
	sotto__client_frame__free_unpacked(f, NULL);
	assert_null(next_frame(&l));
	relay_link_finish(&l);
}

static void test_relay_link_lets_a_sender_send_after_the_challenge(void **state)
{
	struct heard h = { 0 };
	struct relay_link l;

	(void)state;
	relay_link_init(&l, false, &ops, &h);
	assert_int_equal(send_fetch(&l), ERR_FULL);
	assert_int_equal(hear_challenge(&l, NONCE_LEN), OK);
	assert_int_equal(h.ready, 1);
	assert_int_equal(send_fetch(&l), OK);
	relay_link_finish(&l);
}

static void test_relay_link_keeps_to_the_window(void **state)
{
	struct heard h = { 0 };
	struct relay_link l;

	(void)state;
	relay_link_init(&l, false, &ops, &h);
	assert_int_equal(hear_challenge(&l, NONCE_LEN), OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(send_fetch(&l), OK);
	assert_int_equal(send_fetch(&l), ERR_FULL);
	assert_int_equal(hear_sent(&l), OK);
	assert_int_equal(send_fetch(&l), OK);
	relay_link_finish(&l);
}

static void test_relay_link_refuses_an_answer_nobody_asked_for(void **state)
{
	struct heard h = { 0 };
	struct relay_link l;

	(void)state;
	relay_link_init(&l, false, &ops, &h);
	assert_int_equal(hear_challenge(&l, NONCE_LEN), OK);
	assert_int_equal(hear_sent(&l), ERR_FORMAT);
	assert_int_equal(h.sent, 0);
	relay_link_finish(&l);
}

static void test_relay_link_refuses_mail_before_ready(void **state)
{
	struct heard h = { 0 };
	struct relay_link l;

	(void)state;
	relay_link_init(&l, true, &ops, &h);
	assert_int_equal(hear_deliver(&l, 1, ENVELOPE_ID_LEN), ERR_FORMAT);
	assert_int_equal(hear_ready(&l), ERR_FORMAT);
	assert_int_equal(hear_challenge(&l, NONCE_LEN), OK);
	assert_int_equal(hear_deliver(&l, 1, ENVELOPE_ID_LEN), ERR_FORMAT);
	assert_int_equal(hear_ready(&l), OK);
	assert_int_equal(hear_deliver(&l, 1, ENVELOPE_ID_LEN), OK);
	assert_int_equal(h.deliver, 1);
	relay_link_finish(&l);
}

static void test_relay_link_refuses_wrong_sizes(void **state)
{
	struct heard h = { 0 };
	struct relay_link l;

	(void)state;
	relay_link_init(&l, true, &ops, &h);
	assert_int_equal(hear_challenge(&l, NONCE_LEN - 1), ERR_FORMAT);
	assert_int_equal(hear_challenge(&l, NONCE_LEN), OK);
	assert_int_equal(hear_ready(&l), OK);
	assert_int_equal(hear_deliver(&l, 1, ENVELOPE_ID_LEN + 1), ERR_FORMAT);
	relay_link_finish(&l);
}

static void test_relay_link_wants_growing_sequences(void **state)
{
	struct heard h = { 0 };
	struct relay_link l;

	(void)state;
	relay_link_init(&l, true, &ops, &h);
	assert_int_equal(hear_challenge(&l, NONCE_LEN), OK);
	assert_int_equal(hear_ready(&l), OK);
	assert_int_equal(hear_deliver(&l, 5, ENVELOPE_ID_LEN), OK);
	assert_int_equal(hear_deliver(&l, 0, ENVELOPE_ID_LEN), OK);
	assert_int_equal(hear_deliver(&l, 5, ENVELOPE_ID_LEN), ERR_FORMAT);
	assert_int_equal(hear_deliver(&l, 4, ENVELOPE_ID_LEN), ERR_FORMAT);
	assert_int_equal(hear_deliver(&l, 9, ENVELOPE_ID_LEN), OK);
	assert_int_equal(h.deliver, 3);
	relay_link_finish(&l);
}

static void test_relay_link_takes_no_mail_on_a_sender(void **state)
{
	struct heard h = { 0 };
	struct relay_link l;

	(void)state;
	relay_link_init(&l, false, &ops, &h);
	assert_int_equal(hear_challenge(&l, NONCE_LEN), OK);
	assert_int_equal(hear_deliver(&l, 1, ENVELOPE_ID_LEN), ERR_FORMAT);
	relay_link_finish(&l);
}

static void test_relay_link_refuses_bytes_that_are_no_frame(void **state)
{
	static const uint8_t other[] = { 0x12, 0 }, cut[] = { 0x0a, 9, 1 },
		endless[] = { 0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct heard h = { 0 };
	struct relay_link l;

	(void)state;
	relay_link_init(&l, true, &ops, &h);
	assert_int_equal(relay_link_input(&l, other, sizeof(other)),
			 ERR_FORMAT);
	assert_int_equal(relay_link_input(&l, cut, sizeof(cut)), ERR_FORMAT);
	assert_int_equal(relay_link_input(&l, endless, sizeof(endless)),
			 ERR_FORMAT);
	assert_int_equal(relay_link_input(&l, NULL, 0), OK);
	relay_link_finish(&l);
}

static void test_relay_link_puts_messages_into_one_frame(void **state)
{
	struct heard h = { 0 };
	struct relay_link l;
	Sotto__ClientFrame *f;

	(void)state;
	relay_link_init(&l, false, &ops, &h);
	assert_int_equal(hear_challenge(&l, NONCE_LEN), OK);
	assert_int_equal(send_fetch(&l), OK);
	assert_int_equal(send_fetch(&l), OK);
	f = next_frame(&l);
	assert_int_equal(f->n_messages, 3);
	sotto__client_frame__free_unpacked(f, NULL);
	assert_null(next_frame(&l));
	relay_link_finish(&l);
}

static void test_relay_link_cuts_frames_between_messages(void **state)
{
	struct heard h = { 0 };
	struct relay_link l;
	Sotto__ClientFrame *f;
	size_t n = 0, frames = 0;

	(void)state;
	relay_link_init(&l, false, &ops, &h);
	assert_int_equal(hear_challenge(&l, NONCE_LEN), OK);
	l.send_window = 64;
	for (int i = 0; i < 40; i++)
		assert_int_equal(send_payload(&l, PAYLOAD_MAX, 1), OK);
	while ((f = next_frame(&l))) {
		n += f->n_messages;
		frames++;
		sotto__client_frame__free_unpacked(f, NULL);
	}
	assert_int_equal(n, 41);
	assert_true(frames > 4);
	relay_link_finish(&l);
}

static void test_relay_link_sends_nothing_that_the_relay_will_not_take(
	void **state)
{
	struct heard h = { 0 };
	struct relay_link l;

	(void)state;
	relay_link_init(&l, false, &ops, &h);
	assert_int_equal(hear_challenge(&l, NONCE_LEN), OK);
	assert_int_equal(send_payload(&l, PAYLOAD_MAX + 1, 1), ERR_TOO_BIG);
	assert_int_equal(send_payload(&l, 1, 3), ERR_TOO_BIG);
	assert_int_equal(send_payload(&l, PAYLOAD_MAX, 2), OK);
	/* What was refused takes no room in the window. */
	for (int i = 1; i < 4; i++)
		assert_int_equal(send_fetch(&l), OK);
	relay_link_finish(&l);
}

static void test_relay_link_makes_frames_as_large_as_the_relay_takes(
	void **state)
{
	struct heard h = { 0 };
	struct relay_link l;
	Sotto__ClientFrame *f;

	(void)state;
	relay_link_init(&l, false, &ops, &h);
	assert_int_equal(hear_limits(&l, NONCE_LEN, RELAY_LINK_FRAME_MIN - 1),
			 ERR_FORMAT);
	assert_int_equal(hear_limits(&l, NONCE_LEN, RELAY_LINK_FRAME_MIN), OK);
	assert_int_equal(send_payload(&l, PAYLOAD_MAX, 1), OK);
	assert_int_equal(send_payload(&l, PAYLOAD_MAX, 1), OK);
	f = next_frame(&l);
	assert_int_equal(f->n_messages, 2);	/* the Hello */
	sotto__client_frame__free_unpacked(f, NULL);
	f = next_frame(&l);
	assert_int_equal(f->n_messages, 1);
	sotto__client_frame__free_unpacked(f, NULL);
	relay_link_finish(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relay_link_begins_with_hello),
		cmocka_unit_test(
			test_relay_link_lets_a_sender_send_after_the_challenge),
		cmocka_unit_test(test_relay_link_keeps_to_the_window),
		cmocka_unit_test(
			test_relay_link_refuses_an_answer_nobody_asked_for),
		cmocka_unit_test(test_relay_link_refuses_mail_before_ready),
		cmocka_unit_test(test_relay_link_refuses_wrong_sizes),
		cmocka_unit_test(test_relay_link_wants_growing_sequences),
		cmocka_unit_test(test_relay_link_takes_no_mail_on_a_sender),
		cmocka_unit_test(
			test_relay_link_refuses_bytes_that_are_no_frame),
		cmocka_unit_test(test_relay_link_puts_messages_into_one_frame),
		cmocka_unit_test(test_relay_link_cuts_frames_between_messages),
		cmocka_unit_test(
		test_relay_link_sends_nothing_that_the_relay_will_not_take),
		cmocka_unit_test(
		test_relay_link_makes_frames_as_large_as_the_relay_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
