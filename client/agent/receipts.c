#include "receipts.h"

#include "compose.h"
#include "frame.h"
#include "log.h"
#include "relay_conn.h"
#include "sendq.h"

enum {
	/* So many fit the smallest bucket beside the rest of a content. */
	RECEIPTS_TOGETHER = 12,
	CONTACTS_AT_ONCE = 64,
	ENVELOPES_AT_ONCE = 32,	/* of a contact, in one turn */
};

struct receipts {
	struct agent *a;
	uv_timer_t *timer;
	bool armed;
	unsigned failures;
};

static void on_timer(uv_timer_t *timer);

static void arm(struct receipts *r, uint64_t ms)
{
	if (r->armed)
		return;
	r->armed = true;
	uv_timer_start(r->timer, on_timer, ms, 0);
}

/* A random time, so that a relay cannot tell a receipt from what it is for. */
static void arm_random(struct receipts *r)
{
	long max = config_number(r->a->config, "receipt-delay-max");

	arm(r, max > 0 ? sys_uniform(r->a->sys, (uint32_t)max + 1) : 0);
}

/* Contacts with receipts due; *n at most CONTACTS_AT_ONCE. */
static int due_contacts(struct agent *a, int64_t *contacts, int *n)
{
	struct sqlite3_stmt *st = db_prepare(a->db,
		"SELECT DISTINCT contact FROM receipt");
	int ret;

	*n = 0;
	while ((ret = db_step(a->db, st)) == 1 && *n < CONTACTS_AT_ONCE)
		contacts[(*n)++] = db_int(st, 0);
	db_done(st);
	return ret > 0 ? OK : ret;
}

static int remove_upto(struct agent *a, int64_t contact, int64_t row)
{
	struct sqlite3_stmt *st = db_prepare(a->db,
		"DELETE FROM receipt WHERE contact = ? AND row <= ?");

	db_bind_int(st, 1, contact);
	db_bind_int(st, 2, row);
	return db_run(a->db, st);
}

struct batch {
	Sotto__Receipt receipts[RECEIPTS_TOGETHER], *list[RECEIPTS_TOGETHER];
	uint8_t ids[RECEIPTS_TOGETHER][MESSAGE_ID_LEN];
	size_t n;
	int64_t last;
};

static int load_batch(struct agent *a, int64_t contact, struct batch *b)
{
	struct sqlite3_stmt *st = db_prepare(a->db,
		"SELECT row, message, state FROM receipt WHERE contact = ?"
		" ORDER BY row LIMIT 12");
	int ret;

	b->n = 0;
	db_bind_int(st, 1, contact);
	while ((ret = db_step(a->db, st)) == 1 && b->n < RECEIPTS_TOGETHER) {
		struct bytes id = db_blob(st, 1);
		Sotto__Receipt *r = &b->receipts[b->n];

		b->last = db_int(st, 0);
		if (id.len != MESSAGE_ID_LEN)
			continue;
		memcpy(b->ids[b->n], id.data, MESSAGE_ID_LEN);
		*r = (Sotto__Receipt)SOTTO__RECEIPT__INIT;
		r->message = (ProtobufCBinaryData){ MESSAGE_ID_LEN,
						    b->ids[b->n] };
		r->state = (Sotto__ReceiptState)db_int(st, 2);
		b->list[b->n++] = r;
	}
	db_done(st);
	return ret > 0 ? OK : ret;
}

/* Moves a contact's receipts into its lane; *more when some are left. */
static int flush_contact(struct receipts *r, int64_t contact, bool *more)
{
	struct agent *a = r->a;
	struct contact c;
	bool open;
	int ret = contact_by_row(a->db, contact, &c);

	if (ret && ret != ERR_NOT_FOUND)
		return ret;
	open = !ret && c.state == CONTACT_ADDED &&
		config_on(a->config, "receipts");
	for (int i = 0; i < ENVELOPES_AT_ONCE; i++) {
		Sotto__Content content = SOTTO__CONTENT__INIT;
		struct batch b;

		ret = load_batch(a, contact, &b);
		if (ret || !b.n)
			return ret;
		ret = remove_upto(a, contact, b.last);
		content.n_receipts = b.n;
		content.receipts = b.list;
		if (!ret && open)
			ret = compose_control(a, &c, &content);
		if (!ret && open)
			ret = sendq_queued(a->sendq, &c);
		if (ret)
			return ret;
	}
	*more = true;
	return OK;
}

static void on_timer(uv_timer_t *timer)
{
	struct receipts *r = timer->data;
	struct agent *a = r->a;
	int64_t contacts[CONTACTS_AT_ONCE];
	bool more = false;
	int n, ret;

	r->armed = false;
	ret = due_contacts(a, contacts, &n);
	for (int i = 0; i < n && !ret; i++) {
		ret = turn_enter(a->turn);
		if (!ret)
			ret = turn_leave(a->turn,
					 flush_contact(r, contacts[i], &more));
	}
	if (ret) {
		log_error("receipts wait: %s", err_text(ret));
		arm(r, backoff_ms(a->sys, r->failures++));
		return;
	}
	r->failures = 0;
	if (more || n == CONTACTS_AT_ONCE)
		arm(r, 0);
}

static void after_due(void *ctx, int err)
{
	if (!err)
		arm_random(ctx);
}

int receipts_due(struct receipts *r, const struct contact *c,
		 const uint8_t id[static MESSAGE_ID_LEN],
		 enum message_state state)
{
	struct agent *a = r->a;
	struct sqlite3_stmt *st;
	int ret;

	if (c->state != CONTACT_ADDED || !config_on(a->config, "receipts"))
		return OK;
	st = db_prepare(a->db, "INSERT INTO receipt (contact, message, state)"
			" VALUES (?, ?, ?)");
	db_bind_int(st, 1, c->row);
	db_bind_blob(st, 2, id, MESSAGE_ID_LEN);
	db_bind_int(st, 3, state == MESSAGE_READ ?
		    SOTTO__RECEIPT_STATE__READ :
		    SOTTO__RECEIPT_STATE__DELIVERED);
	ret = db_run(a->db, st);
	if (!ret)
		turn_after(a->turn, after_due, r);
	return ret;
}

struct receipts *receipts_create(struct agent *a)
{
	struct receipts *r = xcalloc(1, sizeof(*r));

	r->a = a;
	r->timer = xcalloc(1, sizeof(*r->timer));
	uv_timer_init(a->loop, r->timer);
	r->timer->data = r;
	arm_random(r);
	return r;
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

void receipts_destroy(struct receipts *r)
{
	if (!r)
		return;
	uv_close((uv_handle_t *)r->timer, free_handle);
	free(r);
}
