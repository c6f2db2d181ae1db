#include "pb.h"

ProtobufCBinaryData pb_bytes(const void *data, size_t len)
{
	/* protobuf-c wants a writable pointer and only reads when it packs. */
	return (ProtobufCBinaryData){ len, (uint8_t *)(uintptr_t)data };
}

int pb_append(struct buf *out, const ProtobufCMessage *m)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	uint8_t *to = buf_reserve(out, len);

	if (!to)
		return ERR_TOO_BIG;
	protobuf_c_message_pack(m, to);
	out->len += len;
	return OK;
}
