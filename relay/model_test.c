/* A mailbox under random events, with a disk whose jobs end in every order: what
 * was accepted is never lost, and never comes out of order on a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>

#include "test_relay.h"

enum { PEOPLE = 3, STEPS = 400, SENDS_MAX = STEPS + 1, RUNS = 150 };

struct person {
	struct test_account *account;
	struct test_client client;
	bool connected;
	uint64_t heard;			/* last sequence on this connection */
	uint32_t heard_numbers[TEST_ROWS_MAX];
	unsigned n_unacked;		/* of these, not acknowledged */
	/* What the device has committed (acknowledged), by number. */
	bool has[SENDS_MAX];
};

struct model {
	struct test_world w;
	struct person people[PEOPLE];
	struct test_client sender;
	uint32_t sent;
	bool to[SENDS_MAX][PEOPLE];
	bool accepted[SENDS_MAX][PEOPLE];
	uint64_t dice;
};

static unsigned roll(struct model *m, unsigned sides)
{
	/* xorshift64 (Marsaglia, 2003) */
	m->dice ^= m->dice << 13;
	m->dice ^= m->dice >> 7;
	m->dice ^= m->dice << 17;
	return (unsigned)(m->dice >> 33) % sides;
}

static bool on_disk(const struct model *m, unsigned person, uint32_t number)
{
	for (unsigned i = 0; i < m->w.n_rows; i++) {
		const struct test_row *r = &m->w.rows[i];

		if (get_u32(r->id) == number &&
		    account_equal(&r->mailbox.account,
				  &m->people[person].account->id))
			return true;
	}
	return false;
}

/* An answer must be true at the moment when it is given. */
static void hear_answers(struct model *m)
{
	const Sotto__ServerMessage *s;

	while ((s = test_hear(&m->sender))) {
		uint32_t number;
		size_t slot = 0;

		assert_int_equal(s->of_case, SOTTO__SERVER_MESSAGE__OF_SENT);
		number = test_number(&s->sent->id);
		for (unsigned p = 0; p < PEOPLE; p++) {
			if (!m->to[number][p])
				continue;
			if (s->sent->statuses[slot++] !=
			    SOTTO__SLOT_STATUS__ACCEPTED)
				continue;
			m->accepted[number][p] = true;
			assert_true(m->people[p].has[number] ||
				    on_disk(m, p, number));
		}
	}
}

static void hear_mail(struct model *m, struct person *p)
{
	const Sotto__ServerMessage *s;

	(void)m;
	while ((s = test_hear(&p->client))) {
		if (s->of_case != SOTTO__SERVER_MESSAGE__OF_DELIVER)
			continue;
		assert_true(s->deliver->sequence > p->heard);
		p->heard = s->deliver->sequence;
		p->heard_numbers[p->n_unacked++] =
			test_number(&s->deliver->envelope);
	}
}

static void acknowledge(struct model *m, struct person *p)
{
	hear_mail(m, p);
	for (unsigned i = 0; i < p->n_unacked; i++)
		p->has[p->heard_numbers[i]] = true;
	p->n_unacked = 0;
	test_ack(&p->client, p->heard);
}

static void send_one(struct model *m)
{
	struct test_account *to[PEOPLE];
	uint32_t number = m->sent++;
	unsigned n = 0;

	for (unsigned p = 0; p < PEOPLE; p++) {
		m->to[number][p] = roll(m, 3) == 0 || (p == PEOPLE - 1 && !n);
		if (m->to[number][p])
			to[n++] = m->people[p].account;
	}
	test_send(&m->sender, number, "text", to, n, false);
}

static void come_or_go(struct model *m, struct person *p)
{
	if (p->connected) {
		test_gone(&p->client);
	} else {
		test_owner(&m->w, &p->client, p->account);
		p->heard = 0;
		p->n_unacked = 0;
	}
	p->connected = !p->connected;
}

static void step(struct model *m, struct test_read *open_read)
{
	struct person *p = &m->people[roll(m, PEOPLE)];

	switch (roll(m, 12)) {
	case 0: case 1: case 2: case 3:
		send_one(m);
		break;
	case 4:
		come_or_go(m, p);
		break;
	case 5: case 6:
		if (p->connected)
			acknowledge(m, p);
		break;
	case 7:
		if (p->connected)
			hear_mail(m, p);
		break;
	case 8:
		m->w.fail = roll(m, 8) == 0;
		test_commit(&m->w, 1 + roll(m, 6));
		m->w.fail = false;
		break;
	case 9:
		test_world_pass(&m->w, roll(m, 20));
		break;
	case 10:
		m->w.read_max = 1 + roll(m, 5);
		/* A read takes its snapshot now and ends much later. */
		if (!open_read->read && m->w.reads)
			*open_read = test_snapshot(&m->w);
		break;
	case 11:
		if (open_read->read) {
			test_complete(open_read);
			open_read->read = NULL;
		}
		break;
	}
	hear_answers(m);
}

/* Everybody comes, hears all and acknowledges it. */
static void finish(struct model *m)
{
	test_world_pass(&m->w, 2000);
	test_settle(&m->w);
	hear_answers(m);
	for (unsigned i = 0; i < PEOPLE; i++) {
		struct person *p = &m->people[i];

		if (!p->connected)
			come_or_go(m, p);
		for (int round = 0; round < 4; round++) {
			test_settle(&m->w);
			acknowledge(m, p);
			test_world_pass(&m->w, 2000);
		}
		for (uint32_t n = 0; n < m->sent; n++)
			assert_true(!m->accepted[n][i] || p->has[n]);
		test_gone(&p->client);
	}
	test_settle(&m->w);
	assert_int_equal(m->w.n_rows, 0);
}

static void run_model(uint64_t seed)
{
	struct model *m = xcalloc(1, sizeof(*m));
	struct test_read open_read = { 0 };

	m->dice = seed * 0x9e3779b97f4a7c15 + 1;
	test_world_init(&m->w);
	for (unsigned i = 0; i < PEOPLE; i++) {
		struct person *p = &m->people[i];

		p->account = test_account(&m->w);
		test_owner_live(&m->w, &p->client, p->account);
		p->connected = true;
	}
	test_sender(&m->w, &m->sender);
	/* In every other run the disk's queue is often full. */
	if (seed % 2)
		m->w.write_max = 1 + roll(m, 8);
	for (int i = 0; i < STEPS; i++)
		step(m, &open_read);
	if (open_read.read)
		test_complete(&open_read);
	finish(m);
	test_gone(&m->sender);
	test_world_finish(&m->w);
	free(m);
}

static void test_random_events_lose_and_reorder_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= RUNS; seed++)
		run_model(seed);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_events_lose_and_reorder_nothing),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
