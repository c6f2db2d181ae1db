#include "user.h"

#include <assert.h>
#include <sodium.h>
#include <time.h>

#include "proto_read.h"
#include "relay.pb-c.h"

/* ---- keys ---- */

static void derive(uint8_t out[static 32], const char *what, uint32_t number)
{
	uint8_t text[32] = { 0 };

	snprintf((char *)text, sizeof(text), "bench %s %u", what, number);
	crypto_generichash(out, 32, text, sizeof(text), NULL, 0);
}

static void key_pair(const char *what, uint32_t number,
		     uint8_t public_key[static SIGN_PUBLIC_LEN],
		     uint8_t secret[static SIGN_SECRET_LEN])
{
	uint8_t seed[32];

	derive(seed, what, number);
	crypto_sign_seed_keypair(public_key, secret, seed);
}

static ProtobufCBinaryData bin(const void *p, size_t len)
{
	return (ProtobufCBinaryData){ len, (uint8_t *)(uintptr_t)p };
}

static uint8_t *pack(const ProtobufCMessage *m, size_t *len)
{
	uint8_t *p = xmalloc(protobuf_c_message_get_packed_size(m));

	*len = protobuf_c_message_pack(m, p);
	return p;
}

static void make_list(struct user *u)
{
	uint8_t root_secret[SIGN_SECRET_LEN], list_public[SIGN_PUBLIC_LEN];
	uint8_t list_secret[SIGN_SECRET_LEN], root_signature[SIGN_LEN];
	struct device_list list = { .epoch = 1, .version = 1, .n = 1 };

	key_pair("root", u->number, list.root, root_secret);
	key_pair("list", u->number, list_public, list_secret);
	list.devices[0].id = 1;
	list.devices[0].identity_key[0] = 5;
	derive(list.devices[0].identity_key + 1, "identity", u->number);
	key_pair("auth", u->number, list.devices[0].auth_key, u->auth_secret);
	list_key_certify(root_secret, 1, list_public, root_signature);
	u->list = device_list_sign(&list, list_secret, root_signature,
				   &u->list_len);
	u->account = list.account;
}

/* The relay does not check the prekey's XEdDSA signature, which is random. */
static void make_bundle(struct user *u)
{
	Sotto__Bundle b = SOTTO__BUNDLE__INIT;
	Sotto__SealKey seal = SOTTO__SEAL_KEY__INIT;
	uint8_t prekey[33] = { 5 }, prekey_signature[64], key[32];
	uint8_t seal_signature[SIGN_LEN], signature[SIGN_LEN];

	derive(prekey + 1, "prekey", u->number);
	derive(key, "seal", u->number);
	randombytes_buf(prekey_signature, sizeof(prekey_signature));
	seal.public_key = bin(key, sizeof(key));
	seal.created_at = (uint64_t)time(NULL);
	seal.signature = bin(seal_signature, SIGN_LEN);
	seal_key_sign(&seal, &u->account, 1, u->auth_secret);
	b.suite = SUITE_CURRENT;
	b.device = 1;
	b.registration_id = 77;
	b.signed_prekey_id = 1;
	b.signed_prekey = bin(prekey, sizeof(prekey));
	b.signed_prekey_signature = bin(prekey_signature, 64);
	b.seal_key = &seal;
	b.signature = bin(signature, SIGN_LEN);
	bundle_sign(&b, &u->account, u->auth_secret);
	u->bundle = pack(&b.base, &u->bundle_len);
}

void user_init(struct user *u, uint32_t number,
	       const struct user_events *events)
{
	*u = (struct user){ .number = number, .events = events };
	u->in.fd = u->out.fd = -1;
	u->sends = &u->out;
	make_list(u);
	make_bundle(u);
}

void user_finish(struct user *u)
{
	wire_drop(&u->in);
	wire_drop(&u->out);
	free(u->list);
	free(u->bundle);
	free(u->letter);
}

/* ---- requests ---- */

static void put(struct wire *w, Sotto__ClientMessage *m)
{
	Sotto__ClientFrame f = SOTTO__CLIENT_FRAME__INIT;
	size_t len;

	f.n_messages = 1;
	f.messages = &m;
	len = protobuf_c_message_get_packed_size(&f.base);
	protobuf_c_message_pack(&f.base, wire_room(w, len));
}

static void put_hello(struct wire *w, Sotto__Role role)
{
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	Sotto__Hello hello = SOTTO__HELLO__INIT;

	hello.min_version = hello.max_version = PROTOCOL_VERSION;
	hello.role = role;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_HELLO;
	m.hello = &hello;
	put(w, &m);
}

static void put_auth(struct user *u, const Sotto__Challenge *c)
{
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	Sotto__Auth auth = SOTTO__AUTH__INIT;
	uint8_t signature[SIGN_LEN];

	auth_sign(c->nonce.data, c->relay_name, &u->account, 1, u->auth_secret,
		  signature);
	auth.account = bin(u->account.b, ACCOUNT_LEN);
	auth.device = 1;
	auth.signature = bin(signature, SIGN_LEN);
	auth.token = bin(u->token, u->token_len);
	if (!u->registered) {
		auth.list = sotto__device_list__unpack(NULL, u->list_len,
						       u->list);
		auth.bundle = sotto__bundle__unpack(NULL, u->bundle_len,
						    u->bundle);
	}
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_AUTH;
	m.auth = &auth;
	put(&u->in, &m);
	if (auth.list)
		sotto__device_list__free_unpacked(auth.list, NULL);
	if (auth.bundle)
		sotto__bundle__free_unpacked(auth.bundle, NULL);
}

static void put_mint(struct user *u)
{
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	Sotto__Mint mint = SOTTO__MINT__INIT;

	mint.request = 1;
	mint.class_ = SOTTO__CAPABILITY_CLASS__CONTACT;
	mint.count = 1;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_MINT;
	m.mint = &mint;
	put(&u->in, &m);
}

static void put_confirm(struct user *u)
{
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	Sotto__ConfirmToken confirm = SOTTO__CONFIRM_TOKEN__INIT;

	confirm.token = bin(u->token, u->token_len);
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_CONFIRM_TOKEN;
	m.confirm_token = &confirm;
	put(&u->in, &m);
}

void user_ack(struct user *u, uint64_t sequence)
{
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	Sotto__Ack ack = SOTTO__ACK__INIT;

	if (u->in.kind == WIRE_BARE) {
		uint8_t *p = wire_room(&u->in, BARE_HEAD + 8);

		put_u32(p, BARE_HEAD - 4 + 8);
		p[4] = BARE_ACK;
		put_u32(p + 5, u->peer->number);
		put_u64(p + BARE_HEAD, sequence);
		return;
	}
	ack.sequence = sequence;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_ACK;
	m.ack = &ack;
	put(&u->in, &m);
}

/* ---- what comes ---- */

#define EVENT(u, name, ...) do { \
	if ((u)->events->name) \
		(u)->events->name((u), ##__VA_ARGS__); \
} while (0)

static void on_challenge(struct user *u, struct wire *w, struct bytes body)
{
	Sotto__Challenge *c = sotto__challenge__unpack(NULL, body.len,
						       body.data);

	assert(c);
	if (w == &u->in)
		put_auth(u, c);
	else
		EVENT(u, sender);
	sotto__challenge__free_unpacked(c, NULL);
}

static void on_ready(struct user *u, struct bytes body)
{
	Sotto__Ready *r = sotto__ready__unpack(NULL, body.len, body.data);

	assert(r && r->token.len == TOKEN_LEN);
	u->registered = true;
	if (u->confirm) {
		memcpy(u->token, r->token.data, TOKEN_LEN);
		u->token_len = TOKEN_LEN;
		put_confirm(u);
	}
	if (u->mint && !u->has_capability)
		put_mint(u);
	sotto__ready__free_unpacked(r, NULL);
	EVENT(u, ready);
}

static void on_minted(struct user *u, struct bytes body)
{
	Sotto__Minted *m = sotto__minted__unpack(NULL, body.len, body.data);

	assert(m && m->n_capabilities == 1);
	memcpy(u->capability, m->capabilities[0].data, CAPABILITY_LEN);
	u->has_capability = true;
	sotto__minted__free_unpacked(m, NULL);
	EVENT(u, minted);
}

static void on_sent(struct user *u, struct bytes body)
{
	unsigned accepted = 0, refused = 0;
	struct proto_field f;

	while (proto_next(&body, &f)) {
		if (f.number != 2)
			continue;
		/* Packed: a byte a status. */
		for (size_t i = 0; i < f.bytes.len; i++) {
			if (f.bytes.data[i] == SOTTO__SLOT_STATUS__ACCEPTED)
				accepted++;
			else
				refused++;
		}
	}
	EVENT(u, sent, accepted, refused);
}

static uint64_t on_deliver(struct user *u, struct bytes body)
{
	struct bytes payload = { NULL, 0 };
	struct proto_field f;
	uint64_t sequence = 0;

	while (proto_next(&body, &f)) {
		if (f.number == 1)
			sequence = f.value;
		else if (f.number == 6)
			payload = f.bytes;
	}
	EVENT(u, mail, sequence, payload);
	return sequence;
}

static void on_error(struct user *u, struct bytes body)
{
	Sotto__Error *e = sotto__error__unpack(NULL, body.len, body.data);

	fprintf(stderr, "load: the relay answers %u: %s\n",
		e ? (unsigned)e->code : 0, e && e->text ? e->text : "");
	if (e)
		sotto__error__free_unpacked(e, NULL);
	EVENT(u, sent, 0, 1);
}

static void on_frame(struct wire *w, const uint8_t *data, size_t len)
{
	struct bytes frame = { data, len };
	struct proto_field message, of;
	struct user *u = w->user;
	uint64_t sequence = 0;

	while (proto_next(&frame, &message)) {
		struct bytes inner = message.bytes;

		if (!proto_next(&inner, &of))
			continue;
		switch (of.number) {
		case SOTTO__SERVER_MESSAGE__OF_CHALLENGE:
			on_challenge(u, w, of.bytes);
			break;
		case SOTTO__SERVER_MESSAGE__OF_READY:
			on_ready(u, of.bytes);
			break;
		case SOTTO__SERVER_MESSAGE__OF_DELIVER:
			sequence = on_deliver(u, of.bytes);
			break;
		case SOTTO__SERVER_MESSAGE__OF_CAUGHT_UP:
			EVENT(u, caught_up);
			break;
		case SOTTO__SERVER_MESSAGE__OF_MINTED:
			on_minted(u, of.bytes);
			break;
		case SOTTO__SERVER_MESSAGE__OF_SENT:
			on_sent(u, of.bytes);
			break;
		case SOTTO__SERVER_MESSAGE__OF_ERROR:
			on_error(u, of.bytes);
			break;
		default:
			break;
		}
	}
	if (sequence > 0)
		EVENT(u, frame_end, sequence);
}

/* The baseline acknowledges by a count, not by a place in a mailbox. */
static void on_bare(struct wire *w, const uint8_t *data, size_t len)
{
	struct user *u = w->user;

	if (data[0] == BARE_HELLO) {
		EVENT(u, ready);
		EVENT(u, caught_up);
	} else if (data[0] == BARE_MAIL) {
		EVENT(u, mail, 0, (struct bytes){ data + len - PAYLOAD_LEN,
						 PAYLOAD_LEN });
	} else {
		EVENT(u, sent, (unsigned)get_u64(data + 5), 0);
	}
}

static void on_open(struct wire *w)
{
	struct user *u = w->user;
	uint8_t *p;

	if (w->kind == WIRE_WEBSOCKET) {
		put_hello(w, w == &u->in ? SOTTO__ROLE__OWNER :
					   SOTTO__ROLE__SENDER);
		return;
	}
	p = wire_room(w, BARE_HEAD);
	put_u32(p, BARE_HEAD - 4);
	p[4] = BARE_HELLO;
	put_u32(p + 5, u->number);
}

static void on_gone(struct wire *w, int code)
{
	struct user *u = w->user;

	if (u->events->gone) {
		u->events->gone(u, w, code);
		return;
	}
	fprintf(stderr, "load: a connection ended with %d\n", code);
	exit(1);
}

static const struct wire_events websocket = { on_open, on_frame, on_gone };
static const struct wire_events bare = { on_open, on_bare, on_gone };

bool user_connect(struct user *u, struct wires *ws, enum wire_kind kind,
		  uint16_t port)
{
	return wire_connect(&u->in, ws, kind, port,
			    kind == WIRE_BARE ? &bare : &websocket, u);
}

bool user_connect_sender(struct user *u, struct wires *ws, uint16_t port)
{
	return wire_connect(&u->out, ws, WIRE_WEBSOCKET, port, &websocket, u);
}

/* ---- letters ---- */

static size_t place(const uint8_t *in, size_t len, const uint8_t *what,
		    size_t n)
{
	const uint8_t *p = memmem(in, len, what, n);

	assert(p);
	return (size_t)(p - in);
}

static void letter_bare(struct user *u, const struct user *to, size_t len)
{
	u->letter = xcalloc(1, BARE_HEAD + len);
	u->letter_len = BARE_HEAD + len;
	u->letter_id = BARE_HEAD;
	u->letter_payload = u->letter_len - PAYLOAD_LEN;
	randombytes_buf(u->letter, u->letter_len);
	put_u32(u->letter, (uint32_t)(u->letter_len - 4));
	u->letter[4] = BARE_MAIL;
	put_u32(u->letter + 5, to->number);
}

void letter_make(struct user *u, const struct user *to, enum wire_kind kind)
{
	Sotto__ClientFrame f = SOTTO__CLIENT_FRAME__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT, *messages = &m;
	Sotto__Send s = SOTTO__SEND__INIT;
	Sotto__Slot slot = SOTTO__SLOT__INIT, *slots = &slot;
	uint8_t id[ENVELOPE_ID_LEN], key[32], sealed[SEALED_LEN];
	uint8_t payload[PAYLOAD_LEN];

	randombytes_buf(id, sizeof(id));
	randombytes_buf(key, sizeof(key));
	randombytes_buf(sealed, sizeof(sealed));
	randombytes_buf(payload, sizeof(payload));
	f.n_messages = 1;
	f.messages = &messages;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_SEND;
	m.send = &s;
	s.id = bin(id, sizeof(id));
	s.ephemeral_key = bin(key, sizeof(key));
	s.payload = bin(payload, sizeof(payload));
	s.n_slots = 1;
	s.slots = &slots;
	slot.account = bin(to->account.b, ACCOUNT_LEN);
	slot.device = 1;
	slot.list_version = 1;
	slot.capability = bin(to->capability, CAPABILITY_LEN);
	slot.sealed = bin(sealed, sizeof(sealed));
	free(u->letter);
	if (kind == WIRE_BARE) {
		letter_bare(u, to, protobuf_c_message_get_packed_size(&f.base));
		return;
	}
	u->letter = pack(&f.base, &u->letter_len);
	u->letter_id = place(u->letter, u->letter_len, id, sizeof(id));
	u->letter_payload = place(u->letter, u->letter_len, payload, 32);
}

void letter_send(struct user *u, uint64_t number)
{
	uint8_t *p = wire_room(u->sends, u->letter_len);

	memcpy(p, u->letter, u->letter_len);
	/* The other half of the id stays random from letter_make. */
	put_u64(p + u->letter_id, number);
	put_u64(p + u->letter_payload, now_ns());
	put_u64(p + u->letter_payload + 8, number);
}

uint64_t letter_time(struct bytes payload)
{
	return get_u64(payload.data);
}

uint64_t letter_number(struct bytes payload)
{
	return get_u64(payload.data + 8);
}
