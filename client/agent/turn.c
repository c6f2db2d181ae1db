#include "turn.h"

#include "buf.h"
#include "fault.h"
#include "log.h"

struct hook {
	void (*fn)(void *ctx, int err);
	void *ctx;
};

struct turn {
	uv_prepare_t prepare;
	uv_check_t check;
	uv_timer_t timer;
	unsigned handles;
	struct db *db;
	struct hlc *clock;
	void (*stored)(void *ctx, int err);
	bool failing;		/* the last commit did not work */
	void *ctx;
	bool open;
	bool inbox;
	bool lingering;
	int failed_by;		/* an error that takes all back */
	unsigned depth;
	struct hook *hooks;
	size_t n_hooks;
	size_t cap_hooks;
};

static void end_of_turn(struct turn *t)
{
	if (!t->lingering)
		turn_commit(t);
}

static void on_prepare(uv_prepare_t *handle)
{
	end_of_turn(handle->data);
}

static void on_check(uv_check_t *handle)
{
	end_of_turn(handle->data);
}

static void on_timer(uv_timer_t *handle)
{
	turn_commit(handle->data);
}

int turn_create(uv_loop_t *loop, struct db *db, struct hlc *clock,
		void (*stored)(void *ctx, int err), void *ctx,
		struct turn **out)
{
	struct turn *t = xcalloc(1, sizeof(*t));

	t->db = db;
	t->clock = clock;
	t->stored = stored;
	t->ctx = ctx;
	uv_prepare_init(loop, &t->prepare);
	uv_check_init(loop, &t->check);
	uv_timer_init(loop, &t->timer);
	t->prepare.data = t->check.data = t->timer.data = t;
	t->handles = 3;
	uv_prepare_start(&t->prepare, on_prepare);
	uv_check_start(&t->check, on_check);
	*out = t;
	return OK;
}

static void on_closed(uv_handle_t *handle)
{
	struct turn *t = handle->data;

	if (--t->handles)
		return;
	free(t->hooks);
	free(t);
}

void turn_destroy(struct turn *t)
{
	if (!t)
		return;
	/* What its hooks would call is gone by now. */
	if (t->open)
		db_rollback(t->db);
	t->open = false;
	t->n_hooks = 0;
	uv_close((uv_handle_t *)&t->prepare, on_closed);
	uv_close((uv_handle_t *)&t->check, on_closed);
	uv_close((uv_handle_t *)&t->timer, on_closed);
}

int turn_enter(struct turn *t)
{
	int ret;

	if (!t->open) {
		ret = db_begin(t->db);
		if (ret)
			return ret;
		t->open = true;
		t->inbox = false;
		t->failed_by = OK;
	}
	if (t->failed_by)
		return t->failed_by;
	t->depth++;
	return OK;
}

int turn_leave(struct turn *t, int ret)
{
	t->depth--;
	if (ret)
		t->failed_by = ret;
	return ret;
}

int turn_begin(struct turn *t)
{
	int ret = turn_enter(t);

	if (ret)
		return ret;
	ret = db_savepoint(t->db);
	if (ret)
		t->depth--;
	return ret;
}

int turn_end(struct turn *t, int ret)
{
	t->depth--;
	if (!ret) {
		ret = db_release(t->db);
		if (!ret)
			return OK;
	}
	db_rollback_savepoint(t->db);
	return ret;
}

void turn_linger(struct turn *t, unsigned ms)
{
	if (t->lingering || !t->open)
		return;
	t->lingering = true;
	uv_timer_start(&t->timer, on_timer, ms, 0);
}

bool turn_is_open(const struct turn *t)
{
	return t->open;
}

void turn_after(struct turn *t, void (*fn)(void *ctx, int err), void *ctx)
{
	if (!t->open) {
		fn(ctx, OK);
		return;
	}
	/* The same hook twice in a row is one. */
	if (t->n_hooks && t->hooks[t->n_hooks - 1].fn == fn &&
	    t->hooks[t->n_hooks - 1].ctx == ctx)
		return;
	if (t->n_hooks == t->cap_hooks) {
		t->cap_hooks = t->cap_hooks ? 2 * t->cap_hooks : 16;
		t->hooks = xrealloc(t->hooks,
				    t->cap_hooks * sizeof(*t->hooks));
	}
	t->hooks[t->n_hooks++] = (struct hook){ fn, ctx };
}

int turn_commit(struct turn *t)
{
	struct hook *hooks = t->hooks;
	size_t n = t->n_hooks;
	int ret;

	if (!t->open || t->depth)
		return OK;
	if (t->lingering)
		uv_timer_stop(&t->timer);
	t->lingering = false;
	ret = t->failed_by ? t->failed_by : hlc_save(t->clock, t->db);
	if (t->inbox)
		fault_point("agent.commit");
	if (ret)
		db_rollback(t->db);
	else
		ret = db_commit(t->db);
	t->open = false;
	if (!ret && t->inbox)
		fault_point("agent.event");
	if (ret) {
		log_error("the store did not take a change: %s", err_text(ret));
		t->clock->saved = 0;	/* to be stored again */
	}
	/* Hooks may open the next transaction and add hooks of their own. */
	t->hooks = NULL;
	t->n_hooks = t->cap_hooks = 0;
	for (size_t i = 0; i < n; i++)
		hooks[i].fn(hooks[i].ctx, ret);
	free(hooks);
	if (ret || t->failing) {
		t->failing = ret != OK;
		t->stored(t->ctx, ret);
	}
	return ret;
}

void turn_mark_inbox(struct turn *t)
{
	t->inbox = true;
}
