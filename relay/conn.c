#include "conn.h"

#include <assert.h>

#include "auth.h"
#include "reply.h"
#include "send.h"

static void wake(struct conn *c)
{
	if (!c->gone)
		c->io->wake(c->io_ctx);
}

static void too_slow(struct timer *t)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, timer));

	conn_close(c, CLOSE_SLOW);
}

static void drop_output(struct conn *c)
{
	c->core->output -= c->out.len;
	buf_finish(&c->out);
}

struct conn *conn_create(struct core *core, const struct conn_io *io, void *ctx)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->core = core;
	c->io = io;
	c->io_ctx = ctx;
	c->refs = 1;
	c->heard = core_now(core);
	buf_init(&c->out, FRAME_MAX);
	c->next = core->conns;
	if (c->next)
		c->next->prev = &c->next;
	c->prev = &core->conns;
	core->conns = c;
	core->n_conns++;
	wheel_set(&core->wheel, &c->timer, c->heard + HANDSHAKE_MS,
		  too_slow);
	return c;
}

struct conn *conn_ref(struct conn *c)
{
	c->refs++;
	return c;
}

void conn_unref(struct conn *c)
{
	assert(c->refs > 0);
	if (--c->refs > 0)
		return;
	buf_finish(&c->out);
	free(c);
}

void conn_gone(struct conn *c)
{
	c->gone = true;
	c->state = CONN_CLOSING;
	wheel_cancel(&c->core->wheel, &c->timer);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->core->n_conns--;
	send_forget(c);
	auth_detach(c);
	drop_output(c);
	conn_unref(c);
}

void conn_close(struct conn *c, int code)
{
	if (c->state == CONN_CLOSING)
		return;
	c->state = CONN_CLOSING;
	c->close_code = code;
	wheel_cancel(&c->core->wheel, &c->timer);
	send_forget(c);
	auth_detach(c);
	wake(c);
}

void conn_pause(struct conn *c, bool on)
{
	if (c->gone || c->paused == on)
		return;
	c->paused = on;
	c->io->pause(c->io_ctx, on);
}

/* ---- output ---- */

static void put_result(struct conn *c, int result, size_t len_before)
{
	/* The windows keep out far below its maximum. */
	assert(result == OK);
	c->core->output += c->out.len - len_before;
	wake(c);
}

static void does_not_read(struct timer *t)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, timer));

	drop_output(c);
	conn_close(c, CLOSE_AGAIN);
}

/* Not at once, for answers come from the midst of other work. */
static void check_share(struct conn *c)
{
	struct core *core = c->core;

	if (core->output > CORE_OUTPUT_MAX && c->out.len > OUTPUT_SHARE &&
	    c->state != CONN_CLOSING)
		wheel_set(&core->wheel, &c->timer, core_now(core),
			  does_not_read);
}

void conn_put(struct conn *c, Sotto__ServerMessage__OfCase kind,
	      const ProtobufCMessage *message)
{
	size_t len = c->out.len;

	if (c->state != CONN_CLOSING)
		put_result(c, reply_put(&c->out, kind, message), len);
}

bool conn_begin(struct conn *c)
{
	if (c->unanswered >= SEND_WINDOW) {
		conn_fail(c, SOTTO__ERROR_CODE__WINDOW,
			  "too many requests without an answer");
		return false;
	}
	c->unanswered++;
	return true;
}

void conn_answer(struct conn *c, Sotto__ServerMessage__OfCase kind,
		 const ProtobufCMessage *message)
{
	c->answers++;
	conn_put(c, kind, message);
	check_share(c);
}

void conn_answer_encoded(struct conn *c, Sotto__ServerMessage__OfCase kind,
			 struct bytes encoded)
{
	size_t len = c->out.len;

	c->answers++;
	if (c->state != CONN_CLOSING)
		put_result(c, reply_put_encoded(&c->out, kind, encoded), len);
	check_share(c);
}

static Sotto__Error make_error(Sotto__ErrorCode code, const char *text)
{
	Sotto__Error m = SOTTO__ERROR__INIT;

	m.code = code;
	/* protobuf-c's generated type wants char * and does not write. */
	m.text = (char *)(uintptr_t)text;
	return m;
}

void conn_answer_error(struct conn *c, Sotto__ErrorCode code, uint32_t request,
		       const uint8_t *id, const char *text)
{
	Sotto__Error m = make_error(code, text);
	uint8_t copy[ENVELOPE_ID_LEN];

	m.request = request;
	if (id) {
		memcpy(copy, id, sizeof(copy));
		m.id.data = copy;
		m.id.len = sizeof(copy);
	}
	conn_answer(c, SOTTO__SERVER_MESSAGE__OF_ERROR, &m.base);
}

static int code_closes(Sotto__ErrorCode code)
{
	switch (code) {
	case SOTTO__ERROR_CODE__VERSION:
		return CLOSE_VERSION;
	case SOTTO__ERROR_CODE__AUTH_FAILED:
	case SOTTO__ERROR_CODE__UNKNOWN_ACCOUNT:
	case SOTTO__ERROR_CODE__INVITE_NEEDED:
	case SOTTO__ERROR_CODE__BAD_LIST:
	case SOTTO__ERROR_CODE__BAD_BUNDLE:
		return CLOSE_AUTH;
	case SOTTO__ERROR_CODE__UNAVAILABLE:
	case SOTTO__ERROR_CODE__RATE:
		return CLOSE_AGAIN;
	case SOTTO__ERROR_CODE__COPIED:
		return CLOSE_COPIED;
	case SOTTO__ERROR_CODE__BAD_ACK:
		return CLOSE_ACK;
	case SOTTO__ERROR_CODE__WINDOW:
		return CLOSE_WINDOW;
	default:
		return CLOSE_MALFORMED;
	}
}

void conn_fail(struct conn *c, Sotto__ErrorCode code, const char *text)
{
	Sotto__Error m = make_error(code, text);

	conn_put(c, SOTTO__SERVER_MESSAGE__OF_ERROR, &m.base);
	conn_close(c, code_closes(code));
}

struct bytes conn_output(const struct conn *c)
{
	return buf_bytes(&c->out);
}

void conn_wrote(struct conn *c)
{
	drop_output(c);		/* an idle connection holds no buffer */
	c->unanswered -= c->answers;
	c->answers = 0;
	if (c->owner)
		deliver_wrote(c->owner);
}

int conn_close_code(const struct conn *c)
{
	return c->close_code;
}

/* ---- silence ---- */

static void silence(struct timer *t)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, timer));
	/* The wheel's own time may be behind what was heard since. */
	uint64_t now = core_now(c->core);
	uint64_t quiet = now - c->heard;
	uint64_t due = c->heard + SENDER_IDLE_MS;

	if (c->role == SOTTO__ROLE__OWNER) {
		if (quiet >= DEAD_AFTER_MS) {
			conn_close(c, CLOSE_SLOW);
			return;
		}
		due = c->heard + PING_AFTER_MS;
		if (quiet >= PING_AFTER_MS) {
			c->io->ping(c->io_ctx);
			due = now + PING_AFTER_MS / 2;
		}
	} else if (quiet >= SENDER_IDLE_MS) {
		if (c->unanswered == 0) {
			conn_close(c, CLOSE_IDLE);
			return;
		}
		due = now + SENDER_IDLE_MS;
	}
	wheel_set(&c->core->wheel, t, due, silence);
}

void conn_heard(struct conn *c)
{
	c->heard = core_now(c->core);
}

void conn_watch(struct conn *c)
{
	wheel_set(&c->core->wheel, &c->timer, c->heard + PING_AFTER_MS,
		  silence);
}
