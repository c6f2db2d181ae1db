/* The limits of the relay protocol (relay.proto), the same on both sides. */
#ifndef SOTTO_FRAME_H
#define SOTTO_FRAME_H

enum {
	PROTOCOL_VERSION = 1,
	NONCE_LEN = 32,
	ENVELOPE_ID_LEN = 16,
	TOKEN_LEN = 24,
	INCARNATION_LEN = 16,
	SEALED_MAX = 2304,
	PAYLOAD_MAX = 32768 + 64,	/* the largest bucket, nonce and MAC */
	SLOTS_MAX = 2048,
	FRAME_MAX = 8 * 1024 * 1024,	/* 2,048 slots of 2 KiB and a payload fit */
	SEND_WINDOW = 256,
	DELIVER_WINDOW = 1024,		/* and DELIVER_WINDOW_BYTES */
	DELIVER_WINDOW_BYTES = 1024 * 1024,
	PREKEYS_PUT_MAX = 200,
	PREKEYS_MAX = 1000,
	MINT_MAX = 64,
	REVOKE_MAX = 256,
};

#define SUBPROTOCOL "sotto-1"

enum close_code {
	CLOSE_GOING = 1001,
	CLOSE_TEXT = 1003,
	CLOSE_TOO_BIG = 1009,
	CLOSE_AGAIN = 1013,	/* the relay cannot now: try again later */
	CLOSE_MALFORMED = 4000,
	CLOSE_AUTH = 4001,
	CLOSE_VERSION = 4002,
	CLOSE_REPLACED = 4003,
	CLOSE_WINDOW = 4004,
	CLOSE_ACK = 4005,
	CLOSE_COPIED = 4006,
	CLOSE_SLOW = 4008,
	CLOSE_IDLE = 1000,	/* a sender connection without traffic */
};

#endif
