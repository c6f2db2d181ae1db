/* Calls on their way to an answer: after the turn's commit, or when what they wait
 * for has come. */
#include "api_server_int.h"

static void write_answer(struct api_call *call)
{
	struct api_client *c = call->client;
	json_t *o = c ? api_answer(call) : NULL;

	if (o) {
		api_client_line(c, o);
		json_decref(o);
	}
	if (c) {
		c->starting = false;
		c->calls--;
	}
	api_call_free(call);
}

static void after_commit(void *ctx, int err)
{
	struct api_server *s = ctx;
	struct api_client *next;

	while (s->finished) {
		struct api_call *call = s->finished;

		s->finished = call->next;
		if (err && !call->error)
			api_fail_err(call, err);
		write_answer(call);
	}
	s->finished_end = &s->finished;
	for (struct api_client *c = s->clients; c; c = next) {
		next = c->next;
		api_client_flush(c);
		if (!c->closing)
			api_client_events(c);
	}
}

void api_finish(struct api_call *call)
{
	struct api_server *s = call->server;
	struct agent *a = s->a;

	if (a->turn && turn_is_open(a->turn)) {
		/* Even what only reads may have read what is not committed. */
		call->next = NULL;
		*s->finished_end = call;
		s->finished_end = &call->next;
		turn_after(a->turn, after_commit, s);
		return;
	}
	write_answer(call);
	if (!s->running)
		uv_timer_start(&s->timer, api_calls_check, 0, 0);
}

void api_keep(struct api_call *call)
{
	call->next = call->server->kept;
	call->server->kept = call;
}

void api_unkeep(struct api_call *call)
{
	struct api_call **p = &call->server->kept;

	while (*p != call)
		p = &(*p)->next;
	*p = call->next;
	call->next = NULL;
}

static void arm(struct api_server *s, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (const struct api_call *w = s->waiting; w; w = w->next)
		if (w->deadline < next)
			next = w->deadline;
	if (next != UINT64_MAX)
		uv_timer_start(&s->timer, api_calls_check,
			       next > now ? next - now : 0, 0);
}

/* Looks at the calls that wait. An answer may close a client, so they stay where
 * api_client_close finds them. */
static void check_waiting(struct api_server *s)
{
	uint64_t now = sys_mono_ms(s->a->sys);

	s->looked_at = s->waiting;
	s->waiting = NULL;
	while (s->looked_at) {
		struct api_call *w = s->looked_at;
		bool over = !w->client || s->a->state != AGENT_READY ||
			w->done(w);

		s->looked_at = w->next;
		if (!over && w->deadline <= now) {
			w->expired(w);
			over = true;
		}
		if (!over) {
			w->next = s->waiting;
			s->waiting = w;
			continue;
		}
		if (w->client)
			w->client->later--;
		if (!w->error && !w->result)
			api_fail(w, API_LOCKED, "the account was locked");
		api_finish(w);
	}
	arm(s, now);
}

void api_calls_check(uv_timer_t *timer)
{
	struct api_server *s = timer->data;
	struct api_client *next;

	check_waiting(s);
	for (struct api_client *c = s->clients; c; c = next) {
		next = c->next;
		api_client_events(c);
		if (!c->closing)
			api_client_flush(c);
	}
}

static void after_change(void *ctx, int err)
{
	struct api_server *s = ctx;

	/* Not within somebody else's walk: at the loop's next turn. */
	if (!err && s->waiting)
		uv_timer_start(&s->timer, api_calls_check, 0, 0);
}

void api_server_state_changed(struct api_server *s)
{
	if (s && s->a->turn)
		turn_after(s->a->turn, after_change, s);
	else if (s)
		after_change(s, OK);
}

void api_wait(struct api_call *c, uint64_t timeout_ms,
	      bool (*done)(struct api_call *c),
	      void (*expired)(struct api_call *c))
{
	struct api_server *s = c->server;

	c->done = done;
	c->expired = expired;
	c->deadline = sys_mono_ms(s->a->sys) + timeout_ms;
	c->next = s->waiting;
	s->waiting = c;
	if (++c->client->later > API_LATER_MAX) {
		c->deadline = 0;
		c->client->later--;
		s->waiting = c->next;
		c->next = NULL;
		api_fail(c, API_REFUSED, "too many calls wait at once");
		api_finish(c);
		return;
	}
	uv_timer_start(&s->timer, api_calls_check, 0, 0);
}
