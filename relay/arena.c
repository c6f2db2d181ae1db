#include "arena.h"

#include "buf.h"

enum { ALIGN = 16, CHUNK_MIN = 64 * 1024 };

struct arena_chunk {
	struct arena_chunk *next;
	_Alignas(16) uint8_t data[];
};

/* NULL beyond the bound: protobuf-c then gives the parse up. */
static void *take(void *ctx, size_t size)
{
	struct arena *a = ctx;
	uint8_t *p;

	if (size > a->max - a->used)
		return NULL;
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (size > a->max - a->used)
		return NULL;
	a->used += size;
	if (size > a->left) {
		size_t len = size > CHUNK_MIN ? size : CHUNK_MIN;
		struct arena_chunk *c = xmalloc(sizeof(*c) + len);

		c->next = a->chunks;
		a->chunks = c;
		a->at = c->data;
		a->left = len;
	}
	p = a->at;
	a->at += size;
	a->left -= size;
	return p;
}

static void give_back(void *ctx, void *p)
{
	(void)ctx;
	(void)p;
}

void arena_init(struct arena *a)
{
	a->allocator = (ProtobufCAllocator){
		.alloc = take, .free = give_back, .allocator_data = a,
	};
	a->chunks = NULL;
	arena_reset(a, 0);
}

void arena_reset(struct arena *a, size_t max)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	a->at = a->first;
	a->left = sizeof(a->first);
	a->used = 0;
	a->max = max;
}

void arena_finish(struct arena *a)
{
	arena_reset(a, 0);
}
