/* Events and notifications to the clients that have subscribed. */
#include <assert.h>

#include "api_server_int.h"
#include "events.h"
#include "log.h"

enum { EVENTS_AT_ONCE = 64 };

/* The stored object with seq put in front. */
static int on_event(void *ctx, int64_t seq, const char *type, const char *json)
{
	struct api_client *c = ctx;

	(void)type;
	if (buf_appendf(&c->out, "{\"jsonrpc\":\"2.0\",\"method\":\"event\","
			"\"params\":{\"seq\":%lld,", (long long)seq) ||
	    buf_append(&c->out, json + 1, strlen(json + 1)) ||
	    buf_append(&c->out, "}\n", 2)) {
		log_error("an event was too long");
		return ERR_TOO_BIG;
	}
	c->pos = seq;
	return 0;
}

static int room(const struct api_client *c)
{
	int64_t left = EVENTS_AT_ONCE;

	if (c->cursor[0] && left > c->window - (c->pos - c->acked))
		left = c->window - (c->pos - c->acked);
	return left > 0 ? (int)left : 0;
}

static void after_turn(void *ctx, int err)
{
	(void)err;	/* what is committed is due either way */
	api_server_events(ctx);
}

void api_client_events(struct api_client *c)
{
	struct agent *a = c->server->a;

	if (!c->subscribed || c->starting || a->state != AGENT_READY)
		return;
	if (turn_is_open(a->turn)) {
		/* Another hook of the turn that ended may have opened it, and
		 * it need not bring an event of its own. */
		turn_after(a->turn, after_turn, c->server);
		return;
	}
	while (c->out.len < API_OUT_HIGH && room(c) && !c->closing) {
		int64_t before = c->pos;
		int ret = events_read(a->db, c->pos, room(c), on_event, c);

		if (ret == ERR_TOO_BIG) {
			api_client_close(c);
			return;
		}
		if (ret)
			log_error("events cannot be read: %s", err_text(ret));
		if (ret || c->pos == before)
			break;
	}
	api_client_flush(c);
}

void api_server_events(struct api_server *s)
{
	struct api_client *next;

	if (!s)
		return;
	for (struct api_client *c = s->clients; c; c = next) {
		next = c->next;
		api_client_events(c);
	}
}

int api_subscribe(struct api_call *call, const char *cursor, int64_t pos,
		  int window)
{
	struct api_client *c = call->client;

	for (struct api_client *o = call->server->clients; o; o = o->next)
		if (cursor && o != c && o->subscribed &&
		    !strcmp(o->cursor, cursor))
			return ERR_EXISTS;
	assert(!cursor || strlen(cursor) <= API_CURSOR_MAX);
	c->subscribed = c->starting = true;
	snprintf(c->cursor, sizeof(c->cursor), "%s", cursor ? cursor : "");
	c->pos = c->acked = pos;
	c->window = window;
	return OK;
}

void api_acked(struct api_server *s, const char *cursor, int64_t seq)
{
	for (struct api_client *c = s->clients; c; c = c->next)
		if (c->subscribed && !strcmp(c->cursor, cursor) &&
		    seq > c->acked)
			c->acked = seq;
}

void api_server_broadcast(struct api_server *s, const char *method,
			  json_t *params)
{
	json_t *o = json_pack("{s:s, s:s, s:O}", "jsonrpc", "2.0",
			      "method", method, "params", params);
	struct api_client *next;

	for (struct api_client *c = s->clients; c; c = next) {
		next = c->next;
		/* It passes: who does not read misses it. */
		if (!c->subscribed || c->out.len >= API_OUT_HIGH)
			continue;
		api_client_line(c, o);
		api_client_flush(c);
	}
	json_decref(o);
}
