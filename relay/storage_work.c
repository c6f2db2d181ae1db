#include "storage_work.h"

#include <string.h>

#include "fault.h"
#include "log.h"
#include "sys.h"

enum {
	BATCH_OPS = 512,
	BATCH_BYTES = 4 << 20,
	SWEEP_SECONDS = 30,
};

/* What the reader gathers rows into. */
struct gather {
	struct storage_read *read;
	struct storage_row **last;
	size_t rows, bytes;
};

static size_t op_bytes(const struct store_op *op)
{
	size_t n = 256;

	if (op->type != STORE_ENVELOPE)
		return n;
	n += op->u.envelope.payload.len;
	for (size_t i = 0; i < op->u.envelope.n_slots; i++)
		n += op->u.envelope.slots[i].sealed.len + 256;
	return n;
}

/* Takes what waits, up to the bounds, into batch. Under lock. */
static size_t take_batch(struct storage *s, struct storage_write **batch)
{
	size_t n = 0, bytes = 0;

	while (s->writes.first && n < BATCH_OPS && bytes < BATCH_BYTES) {
		struct storage_write *w = s->writes.first;

		s->writes.first = w->next;
		bytes += op_bytes(&w->op);
		batch[n++] = w;
	}
	if (!s->writes.first)
		s->writes.last = &s->writes.first;
	return n;
}

/* Once for a run of failures, which on a full disk come by the thousand. */
static void note_result(struct storage *s, int err)
{
	if (err && err != s->last_error)
		log_error("storage: commits fail: %s", err_text(err));
	else if (!err && s->last_error)
		log_warn("storage: commits succeed again");
	s->last_error = err;
}

static void commit_batch(struct storage *s, struct storage_write **batch,
			 size_t n)
{
	struct store_op *ops[BATCH_OPS];
	bool took = false;
	int err;

	for (size_t i = 0; i < n; i++) {
		ops[i] = &batch[i]->op;
		took |= ops[i]->type == STORE_TAKE;
	}
	fault_point("relay.commit.before");
	err = s->ops->commit(s->store, ops, n,
			     (uint32_t)(sys_wall_ms(&sys_real) / 1000));
	note_result(s, err);
	fault_point("relay.commit.after");
	if (took)
		fault_point("relay.take.after");
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < n; i++)
		writes_add(&s->written, batch[i]);
	pthread_cond_signal(&s->done_work);
	pthread_mutex_unlock(&s->lock);
	uv_async_send(&s->async);
}

/* One piece, so that commits wait for no more. Returns when to come again, in
 * milliseconds of the monotonic clock. */
static uint64_t sweep_piece(struct storage *s, uint64_t now)
{
	bool more = false;
	int err = s->ops->sweep(s->store,
				(uint32_t)(sys_wall_ms(&sys_real) / 1000),
				&more);

	if (err)
		log_error("storage: cannot sweep: %s", err_text(err));
	return more && !err ? now : now + SWEEP_SECONDS * 1000;
}

/* Waits for work until `due`; the clock of the condition is the monotonic. */
static void wait_writes(struct storage *s, uint64_t due)
{
	struct timespec at = { .tv_sec = (time_t)(due / 1000),
			       .tv_nsec = (long)(due % 1000) * 1000000 };

	while (!s->writes.first && !s->stop)
		if (pthread_cond_timedwait(&s->write_work, &s->lock, &at))
			return;
}

void *storage_write_thread(void *ctx)
{
	struct storage_write *batch[BATCH_OPS];
	struct storage *s = ctx;
	uint64_t due = sys_mono_ms(&sys_real), now;

	for (;;) {
		size_t n;
		bool stop;

		pthread_mutex_lock(&s->lock);
		wait_writes(s, due);
		n = take_batch(s, batch);
		stop = s->stop;
		pthread_mutex_unlock(&s->lock);
		if (n > 0)
			commit_batch(s, batch, n);
		else if (stop)
			return NULL;
		now = sys_mono_ms(&sys_real);
		if (!stop && now >= due)
			due = sweep_piece(s, now);
	}
}

static bool gather_row(void *ctx, const struct store_row *in)
{
	struct gather *g = ctx;
	size_t size = in->sealed.len + in->payload.len;
	struct storage_row *row;
	uint8_t *p;

	if (g->rows > 0 && (g->rows >= g->read->max_rows ||
			    g->bytes + size > g->read->max_bytes))
		return false;
	row = xmalloc(sizeof(*row) + size);
	p = (uint8_t *)(row + 1);
	row->next = NULL;
	row->row = *in;
	if (in->sealed.len)
		memcpy(p, in->sealed.data, in->sealed.len);
	if (in->payload.len)
		memcpy(p + in->sealed.len, in->payload.data, in->payload.len);
	row->row.sealed.data = p;
	row->row.payload.data = p + in->sealed.len;
	*g->last = row;
	g->last = &row->next;
	g->rows++;
	g->bytes += size;
	return true;
}

static void read_one(struct storage *s, struct storage_read *r)
{
	struct gather g = { .read = r, .last = &r->rows };

	if (r->type == STORAGE_DEVICE)
		r->result = s->ops->read_device(s->store, &r->mailbox,
						&r->device);
	else
		r->result = s->ops->read_mailbox(s->store, &r->mailbox,
						 r->after, gather_row, &g,
						 &r->end);
}

void *storage_read_thread(void *ctx)
{
	struct storage *s = ctx;

	for (;;) {
		struct storage_read *r;

		pthread_mutex_lock(&s->lock);
		while (!s->reads.first && !s->stop)
			pthread_cond_wait(&s->read_work, &s->lock);
		r = s->reads.first;
		if (r) {
			s->reads.first = r->next;
			if (!r->next)
				s->reads.last = &s->reads.first;
		}
		pthread_mutex_unlock(&s->lock);
		if (!r)
			return NULL;
		read_one(s, r);
		pthread_mutex_lock(&s->lock);
		reads_add(&s->read, r);
		pthread_cond_signal(&s->done_work);
		pthread_mutex_unlock(&s->lock);
		uv_async_send(&s->async);
	}
}
