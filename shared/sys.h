/* Clock and randomness, handed in so that tests and fuzzers can inject them. */
#ifndef SOTTO_SYS_H
#define SOTTO_SYS_H

#include <stddef.h>
#include <stdint.h>

struct sys {
	/* Milliseconds since the epoch, UTC. */
	uint64_t (*wall_ms)(void *ctx);
	/* Milliseconds of a clock that never goes back. */
	uint64_t (*mono_ms)(void *ctx);
	void (*random)(void *ctx, void *out, size_t len);
	void *ctx;
};

/* The real ones: clock_gettime and randombytes_buf. */
extern const struct sys sys_real;

uint64_t sys_wall_ms(const struct sys *s);
uint64_t sys_mono_ms(const struct sys *s);
void sys_random(const struct sys *s, void *out, size_t len);
/* A number from 0 to below, evenly spread; below > 0. */
uint32_t sys_uniform(const struct sys *s, uint32_t below);

#endif
