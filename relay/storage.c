#include "storage.h"

#include <pthread.h>
#include <string.h>

#include "fault.h"
#include "log.h"
#include "identity.h"
#include "sys.h"

enum {
	BATCH_OPS = 512,
	BATCH_BYTES = 4 << 20,
	SWEEP_SECONDS = 30,
};

/* A chain of jobs, first in first out. */
struct writes {
	struct storage_write *first, **last;
};

struct reads {
	struct storage_read *first, **last;
};

struct storage {
	uv_loop_t *loop;
	uv_async_t async;
	const struct store_ops *ops;
	void *store;
	size_t max;
	pthread_t writer, reader;

	pthread_mutex_t lock;
	pthread_cond_t write_work, read_work, done_work;
	/* Under lock. */
	struct writes writes, written;
	struct reads reads, read;
	bool stop;

	/* The loop's. */
	size_t n_writes, n_reads;
	bool was_full;
	void (*room)(void *ctx);
	void *room_ctx;
};

/* What the reader gathers rows into. */
struct gather {
	struct storage_read *read;
	struct storage_row **last;
	size_t rows, bytes;
};

static void writes_init(struct writes *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void writes_add(struct writes *q, struct storage_write *w)
{
	w->next = NULL;
	*q->last = w;
	q->last = &w->next;
}

static void reads_init(struct reads *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void reads_add(struct reads *q, struct storage_read *r)
{
	r->next = NULL;
	*q->last = r;
	q->last = &r->next;
}

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

/* ---- the writer ---- */

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
	if (err)
		log_error("storage: a batch of %zu failed: %s", n,
			  err_text(err));
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

static void *write_thread(void *ctx)
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

/* ---- the reader ---- */

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

static void *read_thread(void *ctx)
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

/* ---- the loop's side ---- */

static void complete(struct storage *s)
{
	struct storage_write *w;
	struct storage_read *r;

	pthread_mutex_lock(&s->lock);
	w = s->written.first;
	r = s->read.first;
	writes_init(&s->written);
	reads_init(&s->read);
	pthread_mutex_unlock(&s->lock);
	while (w) {
		struct storage_write *next = w->next;

		s->n_writes--;
		w->done(w);
		w = next;
	}
	while (r) {
		struct storage_read *next = r->next;

		s->n_reads--;
		r->done(r);
		r = next;
	}
	/* Only at three quarters, so that the sender is not woken for each. */
	if (s->was_full && s->n_writes <= s->max / 4 * 3 &&
	    s->n_reads <= s->max / 4 * 3) {
		s->was_full = false;
		if (s->room)
			s->room(s->room_ctx);
	}
}

static void on_async(uv_async_t *async)
{
	complete(async->data);
}

static int start(struct storage *s)
{
	if (pthread_create(&s->writer, NULL, write_thread, s))
		return ERR_SYSTEM;
	if (!pthread_create(&s->reader, NULL, read_thread, s))
		return 0;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->write_work);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->writer, NULL);
	return ERR_SYSTEM;
}

static void on_closed(uv_handle_t *handle)
{
	struct storage *s = handle->data;

	pthread_cond_destroy(&s->write_work);
	pthread_cond_destroy(&s->read_work);
	pthread_cond_destroy(&s->done_work);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int storage_create(uv_loop_t *loop, const struct store_ops *ops, void *store,
		   size_t queue_max, struct storage **out)
{
	struct storage *s = xcalloc(1, sizeof(*s));
	pthread_condattr_t attr;

	s->loop = loop;
	s->ops = ops;
	s->store = store;
	s->max = queue_max;
	writes_init(&s->writes);
	writes_init(&s->written);
	reads_init(&s->reads);
	reads_init(&s->read);
	if (uv_async_init(loop, &s->async, on_async) < 0) {
		free(s);
		return ERR_SYSTEM;
	}
	s->async.data = s;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->write_work, &attr);
	pthread_cond_init(&s->read_work, NULL);
	pthread_cond_init(&s->done_work, NULL);
	pthread_condattr_destroy(&attr);
	if (start(s)) {
		uv_close((uv_handle_t *)&s->async, on_closed);
		return ERR_SYSTEM;
	}
	*out = s;
	return 0;
}

void storage_destroy(struct storage *s)
{
	if (!s)
		return;
	while (s->n_writes + s->n_reads > 0) {
		pthread_mutex_lock(&s->lock);
		while (!s->written.first && !s->read.first)
			pthread_cond_wait(&s->done_work, &s->lock);
		pthread_mutex_unlock(&s->lock);
		complete(s);
	}
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->write_work);
	pthread_cond_signal(&s->read_work);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->writer, NULL);
	pthread_join(s->reader, NULL);
	s->ops->close(s->store);
	uv_close((uv_handle_t *)&s->async, on_closed);
}

int storage_submit(struct storage *s, struct storage_write *w)
{
	if (s->n_writes >= s->max) {
		s->was_full = true;
		return ERR_FULL;
	}
	s->n_writes++;
	pthread_mutex_lock(&s->lock);
	writes_add(&s->writes, w);
	pthread_cond_signal(&s->write_work);
	pthread_mutex_unlock(&s->lock);
	fault_point("relay.queue");
	return 0;
}

int storage_read(struct storage *s, struct storage_read *r)
{
	if (s->n_reads >= s->max) {
		s->was_full = true;
		return ERR_FULL;
	}
	s->n_reads++;
	r->rows = NULL;
	r->end = false;
	r->device = (struct store_device){ .account_known = false };
	buf_init(&r->device.list, DEVICE_LIST_BYTES_MAX);
	pthread_mutex_lock(&s->lock);
	reads_add(&s->reads, r);
	pthread_cond_signal(&s->read_work);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

void storage_on_room(struct storage *s, void (*room)(void *ctx), void *ctx)
{
	s->room = room;
	s->room_ctx = ctx;
}

size_t storage_queued(const struct storage *s)
{
	return s->n_writes;
}
