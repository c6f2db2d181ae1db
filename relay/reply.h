/* Encoding of what goes to a client: a ServerFrame grows message by message in
 * one buffer, since the encodings of a repeated field stand side by side. */
#ifndef SOTTO_REPLY_H
#define SOTTO_REPLY_H

#include <protobuf-c/protobuf-c.h>

#include "buf.h"
#include "err.h"
#include "relay.pb-c.h"

/* Appends one ServerMessage of the kind with this message in it. ERR_TOO_BIG
 * beyond the buffer's maximum; then nothing was appended. */
int reply_put(struct buf *out, Sotto__ServerMessage__OfCase kind,
	      const ProtobufCMessage *message) must_check;
/* The same for a message that is encoded already. */
int reply_put_encoded(struct buf *out, Sotto__ServerMessage__OfCase kind,
		      struct bytes encoded) must_check;

#endif
