/* Contents into envelopes, for all of a contact's devices. */
#include <sodium.h>

#include "compose_int.h"
#include "envelope.h"
#include "fault.h"
#include "frame.h"
#include "pb.h"
#include "peers.h"
#include "timeline.h"

enum { SEND_MAX = 128 * 1024 };	/* bytes, encoded */

struct sending {
	struct agent *a;
	struct contact *c;
	uint8_t secret[CONTENT_SECRET_LEN];
	uint8_t public_key[32], secret_key[32];	/* ephemeral, of the envelope */
	uint8_t envelope[ENVELOPE_ID_LEN];
	struct buf payload;
	Sotto__DeviceList *list;	/* ours, for who may not hold it */
	Sotto__Slot slots[DEVICES_MAX], *slot_list[DEVICES_MAX];
	struct buf sealed[DEVICES_MAX];
};

static int load_list(struct agent *a, Sotto__DeviceList **out)
{
	struct buf b;
	int ret;

	buf_init(&b, DEVICE_LIST_BYTES_MAX);
	ret = keys_list_encoded(a->db, &b);
	if (!ret) {
		*out = sotto__device_list__unpack(NULL, b.len, b.data);
		if (!*out)
			ret = ERR_CORRUPT;
	}
	buf_finish(&b);
	return ret;
}

/* One device: a ratchet step, and the seal around it. */
static int add_slot(struct sending *s, unsigned i)
{
	struct agent *a = s->a;
	uint32_t device = s->c->list.devices[i].id;
	uint8_t seal_key[SEAL_KEY_LEN];
	Sotto__Sealed sealed = SOTTO__SEALED__INIT;
	enum ratchet_kind kind;
	struct buf body;
	int ret;

	buf_init(&body, SEALED_MAX);
	buf_init(&s->sealed[i], SEALED_MAX);
	ret = peer_seal_key(a, &s->c->account, device, seal_key);
	if (!ret)
		ret = ratchet_encrypt(a->ratchet, &s->c->list, device,
				      s->secret, CONTENT_SECRET_LEN, &kind,
				      &body);
	if (ret)
		goto out;
	sealed.suite = SUITE_CURRENT;
	sealed.account = pb_bytes(a->keys->account.b, ACCOUNT_LEN);
	sealed.device = a->keys->device;
	sealed.list_hash = pb_bytes(a->keys->list.hash, HASH_LEN);
	sealed.kind = kind == RATCHET_PREKEY ? SOTTO__SEALED_KIND__PREKEY :
		SOTTO__SEALED_KIND__RATCHET;
	sealed.body = pb_bytes(body.data, body.len);
	sealed.list = s->list;
	ret = envelope_seal(&sealed, s->public_key, s->secret_key, seal_key,
			    &s->sealed[i]);
	if (ret)
		goto out;
	s->slots[i] = (Sotto__Slot)SOTTO__SLOT__INIT;
	s->slots[i].account = pb_bytes(s->c->account.b, ACCOUNT_LEN);
	s->slots[i].device = device;
	s->slots[i].list_version = s->c->list.version;
	s->slots[i].capability = pb_bytes(s->c->capability, CAPABILITY_LEN);
	s->slots[i].sealed = pb_bytes(s->sealed[i].data, s->sealed[i].len);
	s->slot_list[i] = &s->slots[i];
out:
	buf_finish(&body);
	return ret;
}

static int pack_send(struct sending *s, bool ephemeral, struct buf *out)
{
	Sotto__Send send = SOTTO__SEND__INIT;

	send.id = pb_bytes(s->envelope, ENVELOPE_ID_LEN);
	send.ephemeral_key = pb_bytes(s->public_key, sizeof(s->public_key));
	send.payload = pb_bytes(s->payload.data, s->payload.len);
	send.n_slots = s->c->list.n;
	send.slots = s->slot_list;
	send.ephemeral = ephemeral;
	return pb_append(out, &send.base);
}

/* Encrypts content for all of c's devices; appends the encoded Send. */
static int encrypt(struct agent *a, struct contact *c, Sotto__Content *content,
		   bool ephemeral, struct buf *out,
		   uint8_t envelope[static ENVELOPE_ID_LEN])
{
	struct sending s = { .a = a, .c = c };
	struct compose_extras x = { .bundle = NULL };
	int ret;

	if (!c->has_list || !c->has_capability)
		return ERR_NOT_FOUND;
	buf_init(&s.payload, PAYLOAD_MAX);
	ret = compose_add_extras(a, c, content, &x);
	if (!ret)
		ret = envelope_encrypt(a->sys, content, s.secret, &s.payload);
	if (!ret && !c->answered)
		ret = load_list(a, &s.list);
	sys_random(a->sys, s.secret_key, sizeof(s.secret_key));
	crypto_scalarmult_base(s.public_key, s.secret_key);
	sys_random(a->sys, s.envelope, sizeof(s.envelope));
	for (unsigned i = 0; i < c->list.n && !ret; i++)
		ret = add_slot(&s, i);
	if (!ret)
		ret = pack_send(&s, ephemeral, out);
	if (!ret) {
		memcpy(envelope, s.envelope, ENVELOPE_ID_LEN);
		fault_point("agent.ratchet");
	}
	compose_extras_finish(&x);
	if (s.list)
		sotto__device_list__free_unpacked(s.list, NULL);
	buf_finish(&s.payload);
	for (unsigned i = 0; i < c->list.n; i++)
		buf_finish(&s.sealed[i]);
	sodium_memzero(&s, sizeof(s));
	return ret;
}

static int store_encrypted(struct agent *a, struct contact *c,
			   Sotto__Content *content, struct outbox_entry *e)
{
	struct buf send;
	int ret;

	buf_init(&send, SEND_MAX);
	ret = encrypt(a, c, content, false, &send, e->envelope);
	if (ret) {
		buf_finish(&send);
		return ret;
	}
	buf_wipe(&e->bytes);
	e->bytes = send;
	e->encrypted = true;
	ret = outbox_encrypted(a->db, e);
	if (!ret && content->text)
		ret = timeline_set_envelope(a->db, e->contact, e->message,
					   e->envelope);
	return ret;
}

int compose_encrypt(struct agent *a, struct contact *c, struct outbox_entry *e)
{
	Sotto__Content *base, content;
	int ret;

	base = sotto__content__unpack(NULL, e->bytes.len, e->bytes.data);
	if (!base)
		return ERR_CORRUPT;
	/* The copy takes what is added; base frees what it has unpacked. */
	content = *base;
	ret = store_encrypted(a, c, &content, e);
	sotto__content__free_unpacked(base, NULL);
	return ret;
}

int compose_encrypt_again(struct agent *a, struct contact *c,
			  const struct message *m, struct outbox_entry *e)
{
	struct stored_content s;
	int ret = compose_stored(a, c, m, &s);

	return ret ? ret : store_encrypted(a, c, &s.content, e);
}

int compose_ephemeral(struct agent *a, struct contact *c,
		      Sotto__Content *content, struct buf *send,
		      uint8_t envelope[static 16])
{
	struct control_head head;

	compose_head(a, c, content, &head);
	return encrypt(a, c, content, true, send, envelope);
}

bool compose_can_encrypt(struct agent *a, const struct contact *c)
{
	uint8_t key[SEAL_KEY_LEN];

	if (!c->has_list || !c->has_capability || !c->list.n)
		return false;
	for (unsigned i = 0; i < c->list.n; i++) {
		uint32_t device = c->list.devices[i].id;

		if (!ratchet_has_session(a->ratchet, &c->account, device) ||
		    peer_seal_key(a, &c->account, device, key))
			return false;
	}
	return true;
}
