/* For tests: an account that works, without a loop that runs and without a
 * network. */
#ifndef SOTTO_AGENT_FIXTURE_H
#define SOTTO_AGENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <unistd.h>

#include "agent.h"
#include "caps.h"
#include "contacts.h"
#include "events.h"
#include "inbox.h"
#include "order.h"
#include "owner.h"
#include "receipts.h"
#include "repair.h"
#include "sendq_int.h"

struct side {
	struct agent a;
	uv_loop_t loop;
	struct inbox *inbox;
	char dir[32];
	char db[64];
	uint8_t link[CAPABILITY_LEN];	/* intro capability of its link */
};

static inline void side_stored(void *ctx, int err)
{
	(void)ctx;
	(void)err;
}

/* A capability as the relay would mint it; nobody checks the MAC here. */
static inline void side_mint(enum capability_class class, uint8_t id,
			     uint8_t out[static CAPABILITY_LEN])
{
	static const uint8_t key[CAPABILITY_KEY_LEN];
	static const struct account_id account;
	struct capability c = { .class = class };

	c.expiry = (uint32_t)(sys_wall_ms(&sys_real) / 3600000) +
		CAPABILITY_HOURS;
	memset(c.id, id, sizeof(c.id));
	capability_mint(&c, &account, key, out);
}

static inline void side_open(struct side *s, uint8_t n)
{
	static const uint8_t key_bytes[DB_KEY_LEN];
	struct secret *key = secret_copy(key_bytes, sizeof(key_bytes));
	struct secret *seed = NULL;
	struct agent *a = &s->a;
	uint8_t cap[CAPABILITY_LEN];

	*s = (struct side){ .dir = "/tmp/sotto-test-XXXXXX" };
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->db, sizeof(s->db), "%s/account.db", s->dir);
	uv_loop_init(&s->loop);
	a->sys = &sys_real;
	a->loop = &s->loop;
	a->state = AGENT_READY;
	assert_int_equal(config_load("/dev/null", &a->config), OK);
	assert_int_equal(db_open(s->db, key, &a->db), OK);
	assert_int_equal(db_begin(a->db), OK);
	assert_int_equal(keys_create(a->db, a->sys, &seed), OK);
	assert_int_equal(db_put(a->db, "relay", "wss://r.example", 15), OK);
	side_mint(CAP_INTRO, n, s->link);
	assert_int_equal(caps_set_link(a, s->link), OK);
	for (uint8_t i = 1; i <= 8; i++) {
		side_mint(CAP_CONTACT, (uint8_t)(n + i), cap);
		assert_int_equal(caps_add(a, cap), OK);
	}
	assert_int_equal(db_commit(a->db), OK);
	assert_int_equal(keys_load(a->db, &a->keys), OK);
	assert_int_equal(ratchet_create(a->db, &a->ratchet), OK);
	assert_int_equal(hlc_load(&a->clock, a->sys, a->db), OK);
	assert_int_equal(agent_seal_key_changed(a), OK);
	assert_int_equal(turn_create(a->loop, a->db, &a->clock, side_stored,
				     a, &a->turn), OK);
	a->order = order_create(a);
	a->repair = repair_create(a);
	a->receipts = receipts_create(a);
	assert_int_equal(sendq_create(a, &a->sendq), OK);
	a->sendq->retry_at = UINT64_MAX;	/* no network */
	assert_int_equal(owner_create(a, &a->owner), OK);
	s->inbox = inbox_create(a);
	secret_destroy(key);
	secret_destroy(seed);
}

static inline void side_close(struct side *s)
{
	struct agent *a = &s->a;
	char path[80];

	turn_commit(a->turn);
	inbox_destroy(s->inbox);
	owner_destroy(a->owner);
	sendq_destroy(a->sendq);
	receipts_destroy(a->receipts);
	repair_destroy(a->repair);
	order_destroy(a->order);
	turn_destroy(a->turn);
	ratchet_destroy(a->ratchet);
	keys_destroy(a->keys);
	db_close(a->db);
	config_destroy(a->config);
	uv_run(&s->loop, UV_RUN_NOWAIT);
	assert_int_equal(uv_loop_close(&s->loop), 0);
	unlink(s->db);
	snprintf(path, sizeof(path), "%s-wal", s->db);
	unlink(path);
	snprintf(path, sizeof(path), "%s-shm", s->db);
	unlink(path);
	rmdir(s->dir);
}

/* The event log's text, for looking into. Free it. */
static inline int side_event(void *ctx, int64_t seq, const char *type,
			     const char *json)
{
	(void)seq;
	(void)type;
	return buf_appendf(ctx, "%s\n", json);
}

static inline char *side_events(struct side *s)
{
	struct buf b;

	buf_init(&b, 1024 * 1024);
	turn_commit(s->a.turn);
	assert_int_equal(events_read(s->a.db, 0, 1000, side_event, &b), OK);
	assert_int_equal(buf_append_u8(&b, 0), OK);
	return (char *)b.data;
}

/* How often part occurs in the log. */
static inline int side_count(struct side *s, const char *part)
{
	char *all = side_events(s);
	int n = 0;

	for (const char *p = strstr(all, part); p; p = strstr(p + 1, part))
		n++;
	free(all);
	return n;
}

#endif
