#include "relay_conn.h"

#include "log.h"

enum { ERROR_MAX = 480 };

struct relay_conn {
	uv_timer_t timer;
	uv_loop_t *loop;
	const struct sys *sys;
	struct ws *ws;
	struct ws_conn *ws_conn;
	struct relay_url url;
	bool owner;
	const struct relay_conn_ops *ops;
	struct relay_link_ops link_ops;	/* ops->link with our ready */
	void *ctx;
	struct relay_link link;
	enum relay_conn_state state;
	unsigned failures;
	unsigned address;	/* of the name's, the one to try */
	bool opened;
	uint64_t retry_at;
	uint64_t alive_at;		/* monotonic ms */
	uint64_t used_at;
	uint32_t retry_after;
	bool pinged;
	bool in_input;
	bool failing;		/* fail at the end of the input */
	int fail_code;
	bool fail_give_up;
	char error[ERROR_MAX];
};

static void on_timer(uv_timer_t *timer);

uint64_t backoff_ms(const struct sys *sys, unsigned n)
{
	uint64_t ms = 1000ull * (n < 6 ? 1u << n : RELAY_CONN_BACKOFF_MAX);

	if (ms > RELAY_CONN_BACKOFF_MAX * 1000)
		ms = RELAY_CONN_BACKOFF_MAX * 1000;
	return ms - ms / 4 + sys_uniform(sys, (uint32_t)(ms / 2 + 1));
}

static void arm(struct relay_conn *c, uint64_t ms)
{
	uv_timer_start(&c->timer, on_timer, ms, 0);
}

static void set_state(struct relay_conn *c, enum relay_conn_state state)
{
	c->state = state;
	if (c->ops->changed)
		c->ops->changed(c->ctx);
}

/* The connection is no more, on either side. */
static void drop(struct relay_conn *c)
{
	bool had = c->state == CONN_ONLINE;

	c->ws_conn = NULL;
	relay_link_finish(&c->link);
	uv_timer_stop(&c->timer);
	c->state = CONN_OFFLINE;
	if (had && c->ops->lost)
		c->ops->lost(c->ctx);
}

static void after_failure(struct relay_conn *c, bool give_up)
{
	uint64_t wait;

	drop(c);
	log_info("relay connection (%s): %s", c->owner ? "owner" : "sender",
		 c->error);
	if (give_up) {
		set_state(c, CONN_OFFLINE);
		return;
	}
	if (!c->opened)
		c->address++;
	wait = backoff_ms(c->sys, c->failures++);
	if (c->retry_after) {
		wait = c->retry_after +
			sys_uniform(c->sys, c->retry_after / 2 + 1000);
		c->retry_after = 0;
	}
	c->retry_at = sys_wall_ms(c->sys) + wait;
	arm(c, wait);
	set_state(c, CONN_WAITING);
}

void relay_conn_fail(struct relay_conn *c, int close_code, const char *why,
		     bool give_up)
{
	if (!c->ws_conn)
		return;
	if (!c->failing)
		snprintf(c->error, sizeof(c->error), "%s", why);
	if (c->in_input) {
		/* The link is in use up the stack. */
		if (!c->failing) {
			c->failing = true;
			c->fail_code = close_code;
			c->fail_give_up = give_up;
		}
		return;
	}
	ws_close(c->ws_conn, close_code);
	after_failure(c, give_up);
}

static void on_opened(void *ctx)
{
	struct relay_conn *c = ctx;

	c->opened = true;
	c->alive_at = sys_mono_ms(c->sys);
	arm(c, RELAY_CONN_READY_MS);
	ws_want_write(c->ws_conn);
}

static void on_message(void *ctx, const uint8_t *data, size_t len)
{
	struct relay_conn *c = ctx;
	int ret;

	c->in_input = true;
	ret = relay_link_input(&c->link, data, len);
	c->in_input = false;
	if (c->failing) {
		c->failing = false;
		ws_close(c->ws_conn, c->fail_code);
		after_failure(c, c->fail_give_up);
	} else if (ret) {
		relay_conn_fail(c, CLOSE_MALFORMED,
				"the relay does not keep to the protocol", false);
	}
}

static void on_alive(void *ctx)
{
	struct relay_conn *c = ctx;

	c->alive_at = sys_mono_ms(c->sys);
	c->pinged = false;
}

static void on_output(void *ctx, struct buf *frame)
{
	struct relay_conn *c = ctx;

	relay_link_output(&c->link, frame);
}

static const char *close_text(int code, const char *why)
{
	switch (code) {
	case CLOSE_GOING: return "the relay is restarting";
	case CLOSE_AUTH: return "the relay refuses this account";
	case CLOSE_VERSION: return "the relay speaks another version";
	case CLOSE_REPLACED: return "this account is connected from elsewhere";
	case CLOSE_COPIED: return "the relay says that this store is a copy";
	case CLOSE_SLOW: return "the connection was too slow";
	case CLOSE_MALFORMED:
	case CLOSE_WINDOW:
	case CLOSE_ACK: return "the relay did not understand us";
	default: return why;
	}
}

static void on_closed(void *ctx, int code, const char *why)
{
	struct relay_conn *c = ctx;

	/* What the relay's Error said before is clearer. */
	if (!c->failing)
		snprintf(c->error, sizeof(c->error), "%s",
			 close_text(code, why));
	after_failure(c, false);
}

static const struct ws_events ws_events = {
	on_opened, on_message, on_alive, on_output, on_closed,
};

static void on_ready(void *ctx, const Sotto__Ready *r)
{
	struct relay_conn *c = ctx;

	c->failures = 0;
	c->error[0] = '\0';
	c->used_at = sys_mono_ms(c->sys);
	set_state(c, CONN_ONLINE);
	arm(c, c->owner ? RELAY_CONN_SILENCE_MS : RELAY_CONN_IDLE_MS);
	if (c->ops->link.ready)
		c->ops->link.ready(c->ctx, r);
}

/* The link's ctx is ours, the others' are the user's. */
#define FORWARD(name, type) \
static void fwd_##name(void *ctx, type v) \
{ \
	struct relay_conn *c = ctx; \
 \
	if (!c->failing && c->ops->link.name) \
		c->ops->link.name(c->ctx, v); \
}
FORWARD(challenge, const Sotto__Challenge *)
FORWARD(deliver, const Sotto__Deliver *)
FORWARD(expired, uint64_t)
FORWARD(done, uint32_t)
FORWARD(minted, const Sotto__Minted *)
FORWARD(fetched, const Sotto__Fetched *)
FORWARD(sent, const Sotto__Sent *)
FORWARD(error, const Sotto__Error *)
FORWARD(closing, uint32_t)

static void fwd_caught_up(void *ctx)
{
	struct relay_conn *c = ctx;

	if (!c->failing && c->ops->link.caught_up)
		c->ops->link.caught_up(c->ctx);
}

static const struct relay_link_ops forward = {
	.challenge = fwd_challenge,
	.ready = on_ready,
	.deliver = fwd_deliver,
	.caught_up = fwd_caught_up,
	.expired = fwd_expired,
	.done = fwd_done,
	.minted = fwd_minted,
	.fetched = fwd_fetched,
	.sent = fwd_sent,
	.error = fwd_error,
	.closing = fwd_closing,
};

struct relay_conn *relay_conn_create(uv_loop_t *loop, const struct sys *sys,
				     struct ws *ws,
				     const struct relay_url *url, bool owner,
				     const struct relay_conn_ops *ops,
				     void *ctx)
{
	struct relay_conn *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->sys = sys;
	c->ws = ws;
	c->url = *url;
	c->owner = owner;
	c->ops = ops;
	c->ctx = ctx;
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	return c;
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void relay_conn_destroy(struct relay_conn *c)
{
	if (!c)
		return;
	ws_close(c->ws_conn, 0);
	relay_link_finish(&c->link);
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

static void start(struct relay_conn *c)
{
	c->failing = c->pinged = c->opened = false;
	relay_link_init(&c->link, c->owner, &forward, c);
	c->ws_conn = ws_connect(c->ws, &c->url, c->address, &ws_events,
				c);
	set_state(c, CONN_CONNECTING);
	/* libwebsockets has timeouts for its steps; this one covers all. */
	arm(c, RELAY_CONN_OPEN_MS);
}

void relay_conn_open(struct relay_conn *c)
{
	if (c->state == CONN_OFFLINE)
		start(c);
}

void relay_conn_retry(struct relay_conn *c)
{
	if (c->state == CONN_WAITING)
		start(c);
}

void relay_conn_close(struct relay_conn *c)
{
	if (!c->ws_conn) {
		uv_timer_stop(&c->timer);
		set_state(c, CONN_OFFLINE);
		return;
	}
	ws_close(c->ws_conn, 0);
	drop(c);
	set_state(c, CONN_OFFLINE);
}

static void check_silence(struct relay_conn *c, uint64_t now)
{
	uint64_t silent = now - c->alive_at;

	if (c->pinged && silent >= RELAY_CONN_PONG_MS) {
		relay_conn_fail(c, 0, "the relay does not answer", false);
	} else if (silent >= RELAY_CONN_SILENCE_MS) {
		c->pinged = true;
		ws_ping(c->ws_conn);
		arm(c, RELAY_CONN_PONG_MS);
	} else {
		arm(c, RELAY_CONN_SILENCE_MS - silent);
	}
}

static void check_idle(struct relay_conn *c, uint64_t now)
{
	uint64_t idle = now - c->used_at;

	if (c->link.unanswered || c->link.out.len) {
		/* An unanswered Send on a silent connection: it is dead. */
		if (now - c->alive_at >= RELAY_CONN_SILENCE_MS)
			relay_conn_fail(c, 0, "the relay does not answer",
					false);
		else
			arm(c, RELAY_CONN_SILENCE_MS);
	} else if (idle >= RELAY_CONN_IDLE_MS) {
		relay_conn_close(c);
	} else {
		arm(c, RELAY_CONN_IDLE_MS - idle);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct relay_conn *c = timer->data;
	uint64_t now = sys_mono_ms(c->sys);

	switch (c->state) {
	case CONN_WAITING:
		start(c);
		break;
	case CONN_CONNECTING:
		relay_conn_fail(c, 0, "the relay does not answer", false);
		break;
	case CONN_ONLINE:
		if (c->owner)
			check_silence(c, now);
		else
			check_idle(c, now);
		break;
	case CONN_OFFLINE:
		break;
	}
}

struct relay_link *relay_conn_link(struct relay_conn *c)
{
	return c->state == CONN_ONLINE && !c->failing ? &c->link : NULL;
}

int relay_conn_send(struct relay_conn *c, const Sotto__ClientMessage *m)
{
	int ret;

	if (!c->ws_conn || c->failing)
		return ERR_NETWORK;
	ret = relay_link_send(&c->link, m);
	if (ret)
		return ret;
	c->used_at = sys_mono_ms(c->sys);
	if (!c->owner && c->link.unanswered == 1) {
		/* The silence begins now. */
		c->alive_at = c->used_at;
		arm(c, RELAY_CONN_SILENCE_MS);
	}
	ws_want_write(c->ws_conn);
	return OK;
}

struct relay_conn_status relay_conn_status(const struct relay_conn *c)
{
	return (struct relay_conn_status){
		.state = c->state,
		.retry_at = c->state == CONN_WAITING ? c->retry_at : 0,
		.error = c->error[0] ? c->error : NULL,
	};
}

const struct relay_url *relay_conn_url(const struct relay_conn *c)
{
	return &c->url;
}

void relay_conn_retry_after(struct relay_conn *c, uint32_t ms)
{
	c->retry_after = ms < 3600 * 1000 ? ms : 3600 * 1000;
}
