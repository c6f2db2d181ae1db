#include "order.h"

#include "compose.h"
#include "envelope.h"
#include "history.h"
#include "log.h"
#include "notice.h"
#include "sendq.h"
#include "timeline.h"
#include "trust.h"

/* A conversation with something held. */
struct wait {
	int64_t contact;
	uint32_t device;
	uint64_t due;		/* monotonic ms */
};

struct order {
	struct agent *a;
	uv_timer_t *timer;
	struct wait *waits;
	size_t n_waits;
	bool caught_up;
};

/* ---- waiting ---- */

static void on_timer(uv_timer_t *timer);

static void arm(struct order *o)
{
	uint64_t now = sys_mono_ms(o->a->sys), next = UINT64_MAX;

	for (size_t i = 0; i < o->n_waits; i++)
		if (o->waits[i].due < next)
			next = o->waits[i].due;
	if (!o->caught_up || next == UINT64_MAX)
		uv_timer_stop(o->timer);
	else
		uv_timer_start(o->timer, on_timer,
			       next > now ? next - now : 0, 0);
}

static int watch(void *ctx, int64_t contact, uint32_t device)
{
	struct order *o = ctx;

	for (size_t i = 0; i < o->n_waits; i++)
		if (o->waits[i].contact == contact &&
		    o->waits[i].device == device)
			return 0;
	o->waits = xrealloc(o->waits, (o->n_waits + 1) * sizeof(*o->waits));
	o->waits[o->n_waits++] = (struct wait){
		contact, device, sys_mono_ms(o->a->sys) + ORDER_WAIT_MS };
	return 0;
}

void order_caught_up(struct order *o, bool caught_up)
{
	o->caught_up = caught_up;
	o->n_waits = 0;
	if (caught_up && timeline_held(o->a->db, watch, o))
		log_error("messages that wait cannot be read");
	arm(o);
}

/* ---- showing ---- */

/* Shows what was held for the next counters, behind the clock after. */
static int release(struct order *o, struct contact *c, uint32_t device,
		   uint64_t after)
{
	struct agent *a = o->a;
	int ret;

	for (;;) {
		struct message m;

		ret = history_get_counter(a->db, c->row, false, device,
					  c->seen_counter + 1, &m);
		if (ret)
			return ret == ERR_NOT_FOUND ? OK : ret;
		if (m.clock <= after)
			m.clock = after + 1;
		after = m.clock;
		if (m.state == MESSAGE_HELD) {
			ret = history_show(a->db, m.row, m.clock);
			m.state = MESSAGE_RECEIVED;
			if (!ret)
				ret = notice_message(a, c, &m, NULL);
		}
		message_finish(&m);
		if (ret)
			return ret;
		c->seen_counter++;
	}
}

/* Whether content follows what we hold of its device; OK too when we do not hold
 * it. A chain that does not fit is a fork. *after: the clock of the one before. */
static int check_chain(struct order *o, struct contact *c,
		       const Sotto__Content *content, uint64_t *after)
{
	struct message before;
	bool fits;
	int ret;

	*after = 0;
	if (content->counter <= 1)
		return OK;
	ret = history_get_counter(o->a->db, c->row, false, content->device,
				  content->counter - 1, &before);
	if (ret)
		return ret == ERR_NOT_FOUND ? OK : ret;
	fits = before.state == MESSAGE_GAP ||
		(content->previous.len == HASH_LEN &&
		 !memcmp(content->previous.data, before.hash, HASH_LEN));
	*after = before.clock;
	message_finish(&before);
	if (fits)
		return OK;
	log_warn("a message does not continue the ones before it");
	return trust_alert(o->a, c, ALERT_FORK);
}

static int show(struct order *o, struct contact *c, struct message *m,
		const uint8_t *replaces, bool *stored)
{
	int ret;

	m->state = MESSAGE_RECEIVED;
	ret = history_add(o->a->db, m);
	if (ret)
		return ret == ERR_DUPLICATE ? OK : ret;
	*stored = true;
	return notice_message(o->a, c, m, replaces);
}

/* One with a counter that has been passed: known, or missed until now. */
static int take_late(struct order *o, struct contact *c, struct message *m,
		     const uint8_t *replaces, bool *stored)
{
	struct message held;
	uint8_t gap[MESSAGE_ID_LEN];
	int ret = history_get_counter(o->a->db, c->row, false, m->device,
				      m->counter, &held);

	if (ret == ERR_NOT_FOUND)
		return show(o, c, m, replaces, stored);
	if (ret)
		return ret;
	if (held.state == MESSAGE_GAP) {
		memcpy(gap, held.id, sizeof(gap));
		ret = history_remove(o->a->db, held.row);
		if (!ret)
			ret = show(o, c, m, gap, stored);
	} else if (memcmp(held.hash, m->hash, HASH_LEN)) {
		log_warn("a contact sent two messages as the same one");
		ret = trust_alert(o->a, c, ALERT_FORK);
	}
	message_finish(&held);
	return ret;
}

static void after_held(void *ctx, int err)
{
	if (!err)
		arm(ctx);
}

static int hold(struct order *o, struct contact *c, struct message *m,
		bool *stored)
{
	int ret;

	m->state = MESSAGE_HELD;
	ret = history_add(o->a->db, m);
	if (ret)
		return ret == ERR_DUPLICATE ? OK : ret;
	*stored = true;
	if (o->caught_up) {
		watch(o, c->row, m->device);
		turn_after(o->a->turn, after_held, o);
	}
	return OK;
}

int order_take(struct order *o, struct contact *c,
	       const Sotto__Content *content,
	       const uint8_t envelope[static ENVELOPE_ID_LEN],
	       const uint8_t *replaces, bool *stored)
{
	struct agent *a = o->a;
	uint64_t now = sys_wall_ms(a->sys);
	uint64_t limit = (now + HLC_AHEAD_MS) << HLC_SHIFT;
	struct message m = {
		.contact = c->row,
		.device = content->device,
		.counter = content->counter,
		/* A clock from the future would stay last for ever. */
		.clock = content->clock < limit ? content->clock : limit,
		.received_at = now,
		.text = content->text->body,
	};
	uint64_t after;
	int ret;

	*stored = false;
	m.sent_at = hlc_ms(m.clock);
	memcpy(m.id, content->message.data, MESSAGE_ID_LEN);
	memcpy(m.envelope, envelope, ENVELOPE_ID_LEN);
	content_hash(content, &c->account, m.hash);
	if (m.counter <= c->seen_counter)
		return take_late(o, c, &m, replaces, stored);
	ret = check_chain(o, c, content, &after);
	if (ret)
		return ret;
	/* Nothing is put in front of what was said before it. */
	if (m.clock <= after) {
		m.clock = after + 1;
		m.sent_at = hlc_ms(m.clock);
	}
	if (m.counter > c->seen_counter + 1)
		return hold(o, c, &m, stored);
	ret = show(o, c, &m, replaces, stored);
	if (ret)
		return ret;
	c->seen_counter = m.counter;
	return release(o, c, m.device, m.clock);
}

/* ---- gaps ---- */

static int add_gap(struct order *o, const struct contact *c,
		   const struct message *next, uint64_t counter,
		   uint64_t missing)
{
	struct agent *a = o->a;
	char text[80];
	struct message m = {
		.contact = c->row,
		.device = next->device,
		.counter = counter,
		.clock = next->clock - (next->counter - counter),
		.sent_at = next->sent_at,
		.received_at = sys_wall_ms(a->sys),
		.state = MESSAGE_GAP,
		.text = text,
	};
	int ret;

	sys_random(a->sys, m.id, sizeof(m.id));
	if (missing > 1)
		snprintf(text, sizeof(text), "%llu messages are missing here",
			 (unsigned long long)missing);
	else
		snprintf(text, sizeof(text), "A message is missing here");
	ret = history_add(a->db, &m);
	return ret ? ret : notice_message(a, c, &m, NULL);
}

/* Asks c's device for what lies between. */
static int ask_again(struct order *o, struct contact *c, uint64_t from,
		     uint64_t to)
{
	Sotto__Content content = SOTTO__CONTENT__INIT;
	uint64_t counters[ORDER_RESEND_MAX];
	size_t n = 0;
	int ret;

	if (c->state != CONTACT_ADDED)
		return OK;
	while (n < ORDER_RESEND_MAX && from + n < to) {
		counters[n] = from + n;
		n++;
	}
	content.n_resend = n;
	content.resend = counters;
	ret = compose_control(o->a, c, &content);
	return ret ? ret : sendq_queued(o->a->sendq, c);
}

/* Goes on without what is missing before the first held message. */
static int pass_gap(struct order *o, const struct wait *w)
{
	struct agent *a = o->a;
	struct contact c;
	struct message next;
	int64_t unreadable = 0;
	uint64_t from, missing, shown;
	int ret = contact_by_row(a->db, w->contact, &c);

	if (!ret)
		ret = history_first_held(a->db, c.row, w->device, &next);
	if (ret)
		return ret == ERR_NOT_FOUND ? OK : ret;
	from = c.seen_counter + 1;
	missing = next.counter > from ? next.counter - from : 0;
	ret = timeline_count_undecryptable(a->db, c.row, &unreadable);
	/* What could not be decrypted is shown, and asked for, already. */
	shown = missing <= (uint64_t)unreadable ? 0 :
		missing < ORDER_GAPS_SHOWN ? missing : ORDER_GAPS_SHOWN;
	for (uint64_t i = 0; i < shown && !ret; i++)
		ret = add_gap(o, &c, &next, from + i, i + 1 < shown ? 1 :
			      missing - i);
	if (!ret && missing)
		ret = ask_again(o, &c, from, next.counter);
	c.seen_counter = next.counter - 1;
	message_finish(&next);
	if (!ret)
		ret = release(o, &c, w->device, 0);
	return ret ? ret : contact_save(a->db, &c);
}

static int end_wait(struct order *o, const struct wait *w)
{
	struct agent *a = o->a;
	struct message m;
	int ret = turn_begin(a->turn);

	if (!ret)
		ret = turn_end(a->turn, pass_gap(o, w));
	if (!ret) {
		ret = history_first_held(a->db, w->contact, w->device, &m);
		if (!ret) {
			message_finish(&m);
			watch(o, w->contact, w->device);
		} else if (ret == ERR_NOT_FOUND) {
			ret = OK;
		}
	}
	if (ret) {
		log_error("a gap was not passed: %s", err_text(ret));
		watch(o, w->contact, w->device);
	}
	return ret;
}

static void on_timer(uv_timer_t *timer)
{
	order_expire(timer->data);
}

void order_expire(struct order *o)
{
	uint64_t now = sys_mono_ms(o->a->sys);
	size_t i = 0;
	int ret = OK;

	while (i < o->n_waits && !ret) {
		struct wait w = o->waits[i];

		if (w.due > now) {
			i++;
			continue;
		}
		o->waits[i] = o->waits[--o->n_waits];
		ret = end_wait(o, &w);
	}
	arm(o);
}

/* ---- life ---- */

struct order *order_create(struct agent *a)
{
	struct order *o = xcalloc(1, sizeof(*o));

	o->a = a;
	o->timer = xcalloc(1, sizeof(*o->timer));
	uv_timer_init(a->loop, o->timer);
	o->timer->data = o;
	return o;
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

void order_destroy(struct order *o)
{
	if (!o)
		return;
	uv_close((uv_handle_t *)o->timer, free_handle);
	free(o->waits);
	free(o);
}
