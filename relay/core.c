#include "core.h"

#include <sodium.h>

#include "conn.h"
#include "mailbox.h"
#include "sys.h"

enum {
	DEDUPE_MAX = 32768,	/* about 2 MB when full */
	RATES_MAX = 65536,	/* about 6 MB when full */
	TICK_BITS = 6,		/* a tick of sequence numbers is 64 ms */
	LAG_UNIT = 16,
	LAG_MAX = 25,		/* ms of a turn that count */
	LAG_TURNS = 4,		/* until an ack is seen: out, the device's, in */
};

const struct core_settings core_defaults = {
	.name = "localhost",
	.retention = 7 * 24 * 3600,
	.rates = {
		[CORE_RATE_OWNER] = { .burst = 2000, .per_minute = 240 },
		[CAP_INTRO] = { .burst = 120, .per_minute = 60 },
		[CAP_CONTACT] = { .burst = 40000, .per_minute = 30000 },
		[CAP_GROUP] = { .burst = 40000, .per_minute = 30000 },
		[CORE_RATE_PREKEYS] = { .burst = 60, .per_minute = 6 },
		[CORE_RATE_REGISTER] = { .burst = 2000, .per_minute = 60 },
	},
	.memory_max = 64 * 1024 * 1024,
	.ack_wait = 10,
};

static void derive(uint8_t out[static 32], uint64_t number,
		   const uint8_t master[static 32])
{
	_Static_assert(crypto_kdf_KEYBYTES == 32, "key size");
	crypto_kdf_derive_from_key(out, 32, number, "sottorel", master);
}

void core_room(struct core *core)
{
	while (core->waiting) {
		struct storage_write *w = core->waiting;
		struct storage_write *next = w->next;

		if (core->disk.write(core->disk.ctx, w) < 0)
			return;
		core->waiting = next;
	}
	core->waiting_end = &core->waiting;
	core_release(core, 0);
}

void core_create(const struct core_settings *settings,
		 const struct store_identity *identity,
		 const struct core_disk *disk, const struct sys *sys,
		 struct core **out)
{
	struct core *core = xcalloc(1, sizeof(*core));
	uint8_t revoke_key[32];

	core->sys = sys;
	core->settings = *settings;
	core->disk = *disk;
	core->waiting_end = &core->waiting;
	memcpy(core->incarnation, identity->incarnation, INCARNATION_LEN);
	derive(core->capability_key, 1, identity->relay_key);
	derive(core->token_key, 2, identity->relay_key);
	derive(core->dedupe_key, 3, identity->relay_key);
	derive(revoke_key, 4, identity->relay_key);
	core->sequence_base = (uint64_t)identity->boot << 32;
	core->started = sys_mono_ms(sys);
	wheel_init(&core->wheel, core->started);
	arena_init(&core->arena);
	table_init(&core->mailboxes, sys);
	dedupe_init(&core->dedupe, sys, DEDUPE_MAX);
	revoked_init(&core->revoked, sys, revoke_key);
	rate_init(&core->rates, sys, RATES_MAX);
	rate_init(&core->registering, sys, 1);
	sodium_memzero(revoke_key, sizeof(revoke_key));
	*out = core;
}

void core_destroy(struct core *core)
{
	if (!core)
		return;
	mailbox_destroy_all(core);
	table_finish(&core->mailboxes);
	dedupe_finish(&core->dedupe);
	revoked_finish(&core->revoked);
	rate_finish(&core->rates);
	rate_finish(&core->registering);
	arena_finish(&core->arena);
	sodium_memzero(core, sizeof(*core));
	free(core);
}

void core_configure(struct core *core, const struct core_settings *settings)
{
	memcpy(core->settings.rates, settings->rates,
	       sizeof(settings->rates));
	core->settings.memory_max = settings->memory_max;
	core_charge(core, 0);
	core_release(core, 0);
}

void core_revoked(struct core *core, const struct account_id *account,
		  const uint8_t hash[static CAPABILITY_ID_LEN])
{
	revoked_add(&core->revoked, account, hash);
	revoked_lasts(&core->revoked, hash);
}

uint64_t core_now(const struct core *core)
{
	return sys_mono_ms(core->sys);
}

void core_tick(struct core *core)
{
	wheel_advance(&core->wheel, core_now(core));
}

int64_t core_wait(const struct core *core)
{
	int64_t wait = wheel_wait(&core->wheel);
	uint64_t late = core_now(core) - core->wheel.now;

	if (wait < 0)
		return -1;
	return (uint64_t)wait > late ? wait - (int64_t)late : 0;
}

/* Up at once and down slowly: between long turns come short ones. */
void core_turned(struct core *core, uint64_t ms)
{
	uint32_t lag = LAG_UNIT * (uint32_t)(ms < LAG_MAX ? ms : LAG_MAX);

	if (lag > core->lag)
		core->lag = lag;
	else
		core->lag -= (core->lag - lag + 15) / 16;
}

uint32_t core_ack_wait(const struct core *core)
{
	return core->settings.ack_wait + LAG_TURNS * core->lag / LAG_UNIT;
}

int core_read(struct core *core, struct storage_read *r)
{
	return core->disk.read(core->disk.ctx, r);
}

void core_write(struct core *core, struct storage_write *w)
{
	w->next = NULL;
	if (!core->waiting && core->disk.write(core->disk.ctx, w) == OK)
		return;
	*core->waiting_end = w;
	core->waiting_end = &w->next;
	core_charge(core, 0);
}

/* Owners who send nothing are read on: their acks make room. Nothing that frees
 * memory waits for a client, so that pausing the others cannot lock up. */
static void pause_senders(struct core *core, bool on)
{
	core->crowded = on;
	for (struct conn *c = core->conns; c; c = c->next) {
		if (!on || c->role == SOTTO__ROLE__SENDER || c->sends)
			conn_pause(c, on);
	}
}

void core_charge(struct core *core, size_t bytes)
{
	core->memory += bytes;
	if (!core->crowded &&
	    (core->memory > core->settings.memory_max || core->waiting))
		pause_senders(core, true);
}

void core_release(struct core *core, size_t bytes)
{
	core->memory -= bytes;
	if (core->crowded && !core->leaving && !core->waiting &&
	    core->memory <= core->settings.memory_max / 4 * 3)
		pause_senders(core, false);
}

uint64_t core_sequence_floor(const struct core *core)
{
	uint64_t ms = core_now(core) - core->started;

	return core->sequence_base + (ms >> TICK_BITS) + 1;
}

void core_leave(struct core *core, uint32_t retry_after_ms)
{
	Sotto__Closing m = SOTTO__CLOSING__INIT;

	core->leaving = true;
	m.retry_after = retry_after_ms;
	for (struct conn *c = core->conns; c; c = c->next)
		conn_put(c, SOTTO__SERVER_MESSAGE__OF_CLOSING, &m.base);
	pause_senders(core, true);
}

bool core_idle(const struct core *core)
{
	if (core->open_sends > 0 || core->waiting)
		return false;
	for (const struct conn *c = core->conns; c; c = c->next) {
		if (c->unanswered > 0)
			return false;
	}
	return true;
}

void core_close_all(struct core *core)
{
	for (struct conn *c = core->conns; c; c = c->next)
		conn_close(c, CLOSE_GOING);
}
