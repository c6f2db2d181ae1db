#include "bridge.h"

#define OWN_ID "sotto-bot:"

struct bridge_subscription {
	json_t *params;
	bool refused;		/* by the present agent */
};

void bridge_init(struct bridge *b)
{
	*b = (struct bridge){0};
	lines_init(&b->client);
	lines_init(&b->agent);
	b->agent.max = LINE_ANSWER_MAX;
	buf_init(&b->to_client, SIZE_MAX / 2);
	buf_init(&b->to_agent, SIZE_MAX / 2);
	requests_init(&b->requests);
}

void bridge_finish(struct bridge *b)
{
	requests_finish(&b->requests);
	for (size_t i = 0; i < b->n_subscriptions; i++)
		json_decref(b->subscriptions[i].params);
	free(b->subscriptions);
	free(b->hello);
	lines_finish(&b->client);
	lines_finish(&b->agent);
	buf_finish(&b->to_client);
	buf_finish(&b->to_agent);
}

static void append(struct buf *out, const void *data, size_t len)
{
	if (buf_append(out, data, len))
		abort();	/* the callers bound it */
}

/* Appends an error answer; id NULL as null. */
static void answer_error(struct bridge *b, json_t *id, int code,
			 const char *message, bool retry)
{
	json_t *o = json_pack("{s:s, s:O, s:{s:i, s:s, s:{s:b}}}",
		"jsonrpc", "2.0", "id", id ? id : json_null(), "error",
		"code", code, "message", message, "data", "retry", retry);

	if (!o || lines_append(&b->to_client, o))
		abort();
	json_decref(o);
}

/* The bridge takes r over. */
static void send_request(struct bridge *b, struct request *r)
{
	requests_add(&b->requests, r);
	append(&b->to_agent, r->line, r->len);
	b->queued += r->len;
	r->end = b->queued;
}

/* A request of our own with a method and params (stolen). */
static void send_own(struct bridge *b, const char *method, json_t *params)
{
	char id[64];
	struct request *r;
	struct buf line;
	json_t *o;

	snprintf(id, sizeof(id), OWN_ID "%llu",
		 (unsigned long long)++b->own_id);
	o = json_pack("{s:s, s:s, s:s, s:o}", "jsonrpc", "2.0", "id", id,
		      "method", method, "params", params);
	buf_init(&line, SIZE_MAX / 2);
	if (!o || lines_append(&line, o))
		abort();
	r = request_create((struct bytes){ line.data, line.len - 1 }, o);
	r->own = true;
	send_request(b, r);
	json_decref(o);
	buf_finish(&line);
}

static bool has_room(const struct bridge *b)
{
	return b->up && b->requests.n < BRIDGE_REQUESTS_MAX &&
		b->requests.bytes < BRIDGE_REQUESTS_BYTES &&
		b->to_agent.len < BRIDGE_OUT_BYTES &&
		b->to_client.len < BRIDGE_OUT_BYTES;
}

static void take_client_line(struct bridge *b, struct bytes line)
{
	struct request *r;
	json_t *o;
	int ret = lines_parse(line, &o);

	if (ret == ERR_USAGE)
		answer_error(b, NULL, -32600, "a request is one JSON object a "
			     "line; batches are not taken", false);
	else if (ret)
		answer_error(b, NULL, -32700, "the line is not JSON", false);
	if (ret)
		return;
	r = request_create(line, o);
	if (!strcmp(r->method, "hello")) {
		json_t *params = json_object_get(o, "params");

		free(b->hello);
		b->hello = params ? json_dumps(params, JSON_COMPACT |
					       JSON_ENCODE_ANY) : NULL;
	}
	json_decref(o);
	send_request(b, r);
}

/* Takes up the client's lines as far as there is room. */
static void take_client(struct bridge *b)
{
	struct bytes line;

	while (has_room(b)) {
		int ret = lines_next_raw(&b->client, &line);

		if (ret == ERR_NOT_FOUND)
			return;
		if (ret)
			answer_error(b, NULL, -32700, "the line is over 256 KiB",
				     false);
		else
			take_client_line(b, line);
	}
}

void bridge_from_client(struct bridge *b, const uint8_t *data, size_t len)
{
	lines_feed(&b->client, data, len);
	take_client(b);
}

void bridge_client_end(struct bridge *b)
{
	b->client_ended = true;
	lines_feed(&b->client, (const uint8_t *)"\n", 1);
	take_client(b);
}

/* Whole lines wait already: no more is read. */
static bool client_waits(const struct bridge *b)
{
	return b->client.in.len - b->client.taken > b->client.tail;
}

bool bridge_wants_client(const struct bridge *b)
{
	if (b->client_ended || client_waits(b))
		return false;
	return has_room(b) || (!b->up && b->stopped);
}

bool bridge_wants_agent(const struct bridge *b)
{
	return b->to_client.len < BRIDGE_OUT_BYTES;
}

/* Remembers what the client subscribed to, by cursor. */
static void remember_subscription(struct bridge *b, json_t *params)
{
	const json_t *cursor = json_object_get(params, "cursor");
	struct bridge_subscription *s;

	for (size_t i = 0; i < b->n_subscriptions; i++) {
		s = &b->subscriptions[i];
		if (!json_equal(json_object_get(s->params, "cursor"), cursor) &&
		    (cursor || json_object_get(s->params, "cursor")))
			continue;
		json_decref(s->params);
		s->params = params ? json_incref(params) : json_object();
		return;
	}
	if (b->n_subscriptions == BRIDGE_SUBSCRIPTIONS_MAX)
		return;
	b->subscriptions = xrealloc(b->subscriptions,
		(b->n_subscriptions + 1) * sizeof(*s));
	s = &b->subscriptions[b->n_subscriptions++];
	s->params = params ? json_incref(params) : json_object();
	s->refused = false;
}

/* The answer to one of the bridge's own: a refused subscription is tried again. */
static void take_own_answer(struct bridge *b, const struct request *r,
			    bool failed)
{
	if (strcmp(r->method, "events.subscribe"))
		return;
	for (size_t i = 0; i < b->n_subscriptions; i++)
		if (json_equal(b->subscriptions[i].params, r->params))
			b->subscriptions[i].refused = failed;
}

static void took_answer(struct bridge *b, const struct request *r,
			bool failed)
{
	if (r->own) {
		take_own_answer(b, r, failed);
	} else if (!failed && !strcmp(r->method, "events.subscribe")) {
		remember_subscription(b, r->params);
		b->seen = 0;	/* the client asked for a replay */
	} else if (!failed && !strcmp(r->method, "agent.stop")) {
		b->stopped = true;
	}
}

/* Whether the client gets this line of the agent's. */
static bool take_answer(struct bridge *b, const json_t *id, bool failed)
{
	struct request **at;
	bool own;

	for (at = &b->requests.first; *at; at = &(*at)->next) {
		struct request *r = *at;

		if (!r->id || !json_equal(r->id, id))
			continue;
		own = r->own;
		took_answer(b, r, failed);
		request_destroy(requests_take(&b->requests, at));
		return !own;
	}
	return true;
}

/* A new agent replays from what was acknowledged. The client, which has not
 * died, has had some of that. With several subscriptions an event does not tell
 * to which it belongs: then the client sees it again. */
static bool take_event(struct bridge *b, const json_t *params)
{
	json_int_t seq = json_integer_value(json_object_get(params, "seq"));

	if (!seq || b->n_subscriptions > 1)
		return true;
	if (seq <= b->seen)
		return false;
	b->seen = seq;
	return true;
}

static bool take_agent_line(struct bridge *b, struct bytes line)
{
	const json_t *id;
	json_t *o;
	bool pass = true;

	if (lines_parse(line, &o))
		return true;
	id = json_object_get(o, "id");
	if (id && !json_is_null(id))
		pass = take_answer(b, id, json_object_get(o, "error") != NULL);
	else if (!id)
		pass = take_event(b, json_object_get(o, "params"));
	json_decref(o);
	return pass;
}

/* What a peer wrote may hold C1 controls, which JSON leaves as they are and a
 * terminal obeys. */
static void append_ascii(struct bridge *b, struct bytes line)
{
	json_t *o;
	char *text = NULL;

	if (lines_parse(line, &o))
		return;
	text = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(o);
	if (!text)
		abort();	/* out of memory */
	append(&b->to_client, text, strlen(text));
	free(text);
}

void bridge_from_agent(struct bridge *b, const uint8_t *data, size_t len)
{
	struct bytes line;
	int ret;

	lines_feed(&b->agent, data, len);
	while ((ret = lines_next_raw(&b->agent, &line)) != ERR_NOT_FOUND) {
		if (ret || !take_agent_line(b, line))
			continue;
		if (b->terminal)
			append_ascii(b, line);
		else
			append(&b->to_client, line.data, line.len);
		append(&b->to_client, "\n", 1);
	}
	take_client(b);
}

void bridge_sent_client(struct bridge *b, size_t n)
{
	buf_consume(&b->to_client, n);
	take_client(b);
}

void bridge_sent_agent(struct bridge *b, size_t n)
{
	struct request **at = &b->requests.first;

	buf_consume(&b->to_agent, n);
	b->written += n;
	/* Nobody answers a notification: once it is written it is done. */
	while (*at) {
		if (!(*at)->id && (*at)->end <= b->written)
			request_destroy(requests_take(&b->requests, at));
		else
			at = &(*at)->next;
	}
	take_client(b);
}

bool bridge_wants_up(const struct bridge *b)
{
	return !b->stopped || b->requests.n || client_waits(b);
}

static void resubscribe(struct bridge *b, bool refused_only)
{
	for (size_t i = 0; i < b->n_subscriptions; i++) {
		struct bridge_subscription *s = &b->subscriptions[i];

		if (refused_only && !s->refused)
			continue;
		s->refused = false;
		send_own(b, "events.subscribe", json_incref(s->params));
	}
}

void bridge_up(struct bridge *b)
{
	struct requests waiting;

	/* Behind what the bridge itself has to say they go again. */
	requests_init(&waiting);
	while (b->requests.first)
		requests_add(&waiting, requests_take(&b->requests,
						     &b->requests.first));
	b->up = true;
	b->stopped = false;
	if (b->hello)
		send_own(b, "hello", json_loads(b->hello, JSON_DECODE_ANY, NULL));
	resubscribe(b, false);
	while (waiting.first)
		send_request(b, requests_take(&waiting, &waiting.first));
	take_client(b);
}

void bridge_down(struct bridge *b)
{
	struct request **at = &b->requests.first;

	b->up = false;
	while (*at) {
		struct request *r = *at;
		bool sent = r->end <= b->written;

		if (!r->own && (r->repeat || !sent)) {
			at = &r->next;
			continue;
		}
		if (!r->own && r->id)
			answer_error(b, r->id, 3, "the agent ended before it had "
				     "answered; ask again", true);
		request_destroy(requests_take(&b->requests, at));
	}
	buf_clear(&b->to_agent);
	b->written = b->queued = 0;
	lines_finish(&b->agent);	/* half a line will not go on */
	lines_init(&b->agent);
	b->agent.max = LINE_ANSWER_MAX;
}

bool bridge_wants_retry(const struct bridge *b)
{
	for (size_t i = 0; b->up && i < b->n_subscriptions; i++)
		if (b->subscriptions[i].refused)
			return true;
	return false;
}

void bridge_retry(struct bridge *b)
{
	resubscribe(b, true);
}

bool bridge_done(const struct bridge *b)
{
	return b->client_ended && !client_waits(b) && !b->requests.n &&
		!b->to_agent.len && !b->to_client.len;
}
