/* A bounded arena for protobuf-c: a frame is parsed into it, acted on, and the
 * whole is given up at once. A small frame cannot grow beyond the bound. */
#ifndef SOTTO_ARENA_H
#define SOTTO_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

enum { ARENA_FIRST = 32 * 1024 };

struct arena_chunk;

struct arena {
	ProtobufCAllocator allocator;
	struct arena_chunk *chunks;	/* beyond the first piece */
	uint8_t *at;
	size_t left;		/* in the current piece */
	size_t used, max;
	_Alignas(16) uint8_t first[ARENA_FIRST];
};

void arena_init(struct arena *a);
/* Forgets everything and allows max bytes in all. */
void arena_reset(struct arena *a, size_t max);
void arena_finish(struct arena *a);

#endif
