/* component: relay. What a client sends to the relay. The first byte chooses the
 * state in which the connection is: fresh, sender, owner that waits for Auth, or
 * owner of a mailbox. Then frames follow, each behind its length (3 bytes,
 * big-endian); a length beyond the rest takes all of it. The disk completes
 * every job between two frames. */
#include <assert.h>
#include <sodium.h>

#include "conn.h"
#include "core.h"
#include "mailbox.h"
#include "sys.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum state { FRESH, SENDER, CHALLENGED, OWNER, STATES };

struct disk {
	struct storage_write *writes, **writes_end;
	struct storage_read *reads, **reads_end;
};

static uint64_t now = 1700000000000;

static uint64_t clock_ms(void *ctx)
{
	(void)ctx;
	return now;
}

static void no_random(void *ctx, void *out, size_t len)
{
	(void)ctx;
	memset(out, 7, len);
}

static int disk_write(void *ctx, struct storage_write *w)
{
	struct disk *d = ctx;

	w->next = NULL;
	*d->writes_end = w;
	d->writes_end = &w->next;
	return OK;
}

static int disk_read(void *ctx, struct storage_read *r)
{
	struct disk *d = ctx;

	r->next = NULL;
	*d->reads_end = r;
	d->reads_end = &r->next;
	return OK;
}

static void complete_write(struct storage_write *w)
{
	w->op.result = OK;
	if (w->op.type == STORE_ENVELOPE) {
		for (size_t i = 0; i < w->op.u.envelope.n_slots; i++)
			w->op.u.envelope.slots[i].status = STORE_SLOT_STORED;
	} else if (w->op.type == STORE_TAKE) {
		w->op.result = ERR_NOT_FOUND;
	}
	w->done(w);
}

static void complete_read(struct storage_read *r)
{
	r->result = OK;
	r->end = true;
	r->done(r);
}

static void settle(struct disk *d)
{
	while (d->writes || d->reads) {
		struct storage_write *w = d->writes;
		struct storage_read *r = d->reads;

		if (w) {
			d->writes = w->next;
			if (!d->writes)
				d->writes_end = &d->writes;
			complete_write(w);
		} else {
			d->reads = r->next;
			if (!d->reads)
				d->reads_end = &d->reads;
			complete_read(r);
		}
	}
}

static void nothing(void *ctx)
{
	(void)ctx;
}

static void no_pause(void *ctx, bool on)
{
	(void)ctx;
	(void)on;
}

static const struct conn_io io = { nothing, no_pause, nothing };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init() < 0;
}

/* As after Hello, and as after a good Auth. */
static void bring(struct conn *c, enum state state)
{
	static const struct mailbox_id id = { .device = 1 };

	c->role = state == SENDER ? SOTTO__ROLE__SENDER : SOTTO__ROLE__OWNER;
	if (state == FRESH)
		c->role = SOTTO__ROLE__ROLE_UNSET;
	else
		c->state = state == CHALLENGED ? CONN_CHALLENGED : CONN_OPEN;
	if (state != OWNER)
		return;
	c->owner = xcalloc(1, sizeof(*c->owner));
	deliver_init(c->owner, c, mailbox_pin(c->core, &id));
	mailbox_attach(c->owner->mailbox, c->owner, 0, 0);
}

static void feed(struct conn *c, struct disk *d, const uint8_t *data,
		 size_t len)
{
	while (len >= 3 && c->state != CONN_CLOSING) {
		size_t n = (size_t)data[0] << 16 | (size_t)data[1] << 8 |
			data[2];

		data += 3;
		len -= 3;
		if (n > len)
			n = len;
		conn_receive(c, data, n);
		data += n;
		len -= n;
		settle(d);
		if (conn_output(c).len > 0)
			conn_wrote(c);
		now += 6;
		core_tick(c->core);
		settle(d);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct store_identity identity = { .boot = 1 };
	const struct sys sys = { clock_ms, clock_ms, no_random, NULL };
	struct disk d = { 0 };
	const struct core_disk disk = { disk_write, disk_read, &d };
	struct core *core;
	struct conn *c;

	if (len == 0)
		return 0;
	d.writes_end = &d.writes;
	d.reads_end = &d.reads;
	core_create(&core_defaults, &identity, &disk, &sys, &core);
	c = conn_create(core, &io, NULL);
	bring(c, data[0] % STATES);
	settle(&d);
	if (conn_output(c).len > 0)
		conn_wrote(c);
	feed(c, &d, data + 1, len - 1);
	conn_gone(c);
	now += 1000;
	core_tick(core);
	settle(&d);
	assert(core->memory == 0 && core->open_sends == 0);
	core_destroy(core);
	return 0;
}
