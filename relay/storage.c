#include "storage_work.h"

#include "fault.h"
#include "identity.h"

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
	if (pthread_create(&s->writer, NULL, storage_write_thread, s))
		return ERR_SYSTEM;
	if (!pthread_create(&s->reader, NULL, storage_read_thread, s))
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
