/* Protocol buffers read field by field, without a copy: the load generator's
 * parser must cost less than the relay's. */
#ifndef SOTTO_BENCH_PROTO_READ_H
#define SOTTO_BENCH_PROTO_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

struct proto_field {
	uint32_t number;
	uint64_t value;		/* of a number */
	struct bytes bytes;	/* of the others */
};

static inline bool proto_varint(struct bytes *in, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 10 && i < in->len; i++) {
		v |= (uint64_t)(in->data[i] & 0x7f) << (7 * i);
		if (in->data[i] & 0x80)
			continue;
		in->data += i + 1;
		in->len -= i + 1;
		*out = v;
		return true;
	}
	return false;
}

/* False at the end, and for what no relay sends. */
static inline bool proto_next(struct bytes *in, struct proto_field *f)
{
	uint64_t tag;

	*f = (struct proto_field){ 0 };
	if (!proto_varint(in, &tag) || !proto_varint(in, &f->value))
		return false;
	f->number = (uint32_t)(tag >> 3);
	if ((tag & 7) == 0)
		return true;
	if ((tag & 7) != 2 || f->value > in->len)
		return false;
	f->bytes = (struct bytes){ in->data, f->value };
	in->data += f->value;
	in->len -= f->value;
	return true;
}

#endif
