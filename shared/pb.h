/* What protobuf-c leaves to its users. */
#ifndef SOTTO_PB_H
#define SOTTO_PB_H

#include <protobuf-c/protobuf-c.h>

#include "buf.h"
#include "err.h"

/* A field of len bytes at data, which stay the caller's: for messages that are
 * packed, not freed. */
ProtobufCBinaryData pb_bytes(const void *data, size_t len);
/* Packs m behind what is in out. ERR_TOO_BIG: beyond out's maximum, out is as it
 * was. m: the base of a generated message. */
int pb_append(struct buf *out, const ProtobufCMessage *m) must_check;

#endif
