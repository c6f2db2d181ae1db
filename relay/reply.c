#include "reply.h"

enum { HEAD_MAX = 1 + 5 + 1 + 5 };

/* Protocol buffers, "Encoding": base 128, least significant group first. */
static size_t put_varint(uint8_t *out, size_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		out[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (uint8_t)v;
	return n;
}

/* Field 1 of ServerFrame, and in it the field `kind` of ServerMessage, whose
 * len bytes follow; every kind is below 16, hence one byte of tag. */
static size_t put_head(uint8_t head[static HEAD_MAX],
		       Sotto__ServerMessage__OfCase kind, size_t len)
{
	uint8_t inner[1 + 5];
	size_t n = 1, inner_len = 1;

	inner[0] = (uint8_t)((unsigned)kind << 3 | 2);
	inner_len += put_varint(inner + 1, len);
	head[0] = 1 << 3 | 2;
	n += put_varint(head + 1, inner_len + len);
	memcpy(head + n, inner, inner_len);
	return n + inner_len;
}

int reply_put(struct buf *out, Sotto__ServerMessage__OfCase kind,
	      const ProtobufCMessage *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t head[HEAD_MAX];
	size_t head_len = put_head(head, kind, len);
	uint8_t *p = buf_reserve(out, head_len + len);

	if (!p)
		return ERR_TOO_BIG;
	memcpy(p, head, head_len);
	protobuf_c_message_pack(message, p + head_len);
	out->len += head_len + len;
	return OK;
}

int reply_put_encoded(struct buf *out, Sotto__ServerMessage__OfCase kind,
		      struct bytes encoded)
{
	uint8_t head[HEAD_MAX];
	size_t head_len = put_head(head, kind, encoded.len);
	uint8_t *p = buf_reserve(out, head_len + encoded.len);

	if (!p)
		return ERR_TOO_BIG;
	memcpy(p, head, head_len);
	if (encoded.len > 0)
		memcpy(p + head_len, encoded.data, encoded.len);
	out->len += head_len + encoded.len;
	return OK;
}
