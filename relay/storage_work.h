/* What the loop's side of storage and its threads share. */
#ifndef SOTTO_STORAGE_WORK_H
#define SOTTO_STORAGE_WORK_H

#include <pthread.h>

#include "storage.h"

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

	int last_error;			/* the writer's: of the last commit */

	/* The loop's. */
	size_t n_writes, n_reads;
	bool was_full;
	void (*room)(void *ctx);
	void *room_ctx;
};

static inline void writes_init(struct writes *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static inline void writes_add(struct writes *q, struct storage_write *w)
{
	w->next = NULL;
	*q->last = w;
	q->last = &w->next;
}

static inline void reads_init(struct reads *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static inline void reads_add(struct reads *q, struct storage_read *r)
{
	r->next = NULL;
	*q->last = r;
	q->last = &r->next;
}

/* The threads: ctx is a struct storage. They end on stop, the writer after it has
 * committed what waits. */
void *storage_write_thread(void *ctx);
void *storage_read_thread(void *ctx);

#endif
