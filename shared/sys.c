#include "sys.h"

#include <assert.h>
#include <sodium.h>

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec t;
	int r = clock_gettime(clock, &t);

	assert(r == 0);
	(void)r;
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t real_wall_ms(void *ctx)
{
	(void)ctx;
	return clock_ms(CLOCK_REALTIME);
}

static uint64_t real_mono_ms(void *ctx)
{
	(void)ctx;
	return clock_ms(CLOCK_MONOTONIC);
}

static void real_random(void *ctx, void *out, size_t len)
{
	(void)ctx;
	randombytes_buf(out, len);
}

const struct sys sys_real = {
	.wall_ms = real_wall_ms,
	.mono_ms = real_mono_ms,
	.random = real_random,
};

uint64_t sys_wall_ms(const struct sys *s)
{
	return s->wall_ms(s->ctx);
}

uint64_t sys_mono_ms(const struct sys *s)
{
	return s->mono_ms(s->ctx);
}

void sys_random(const struct sys *s, void *out, size_t len)
{
	s->random(s->ctx, out, len);
}

uint32_t sys_uniform(const struct sys *s, uint32_t below)
{
	uint32_t v, skip;

	assert(below > 0);
	/* 2^32 mod below: under it the remainders would be uneven. */
	skip = -below % below;
	do
		sys_random(s, &v, sizeof(v));
	while (v < skip);
	return v % below;
}
