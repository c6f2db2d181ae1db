#include "compose.h"

#include <sodium.h>

#include "caps.h"
#include "envelope.h"
#include "fault.h"
#include "frame.h"
#include "gone.h"
#include "notice.h"
#include "pb.h"
#include "peers.h"
#include "timeline.h"

enum { CONTENT_MAX = 40000, SEND_MAX = 128 * 1024,
       AGAIN_MAX = 64	/* failed messages that go out again */ };

/* ---- contents ---- */

/* Encodes a content and puts it into c's lane. */
static int queue(struct agent *a, const struct contact *c,
		 enum outbox_kind kind, const uint8_t *message,
		 const Sotto__Content *content)
{
	struct outbox_entry e = {
		.contact = c->row,
		.kind = kind,
		.created_at = sys_wall_ms(a->sys),
	};
	int ret;

	memcpy(e.message, message, MESSAGE_ID_LEN);
	buf_init(&e.bytes, CONTENT_MAX);
	ret = pb_append(&e.bytes, &content->base);
	if (!ret)
		ret = outbox_add(a->db, &e);
	buf_wipe(&e.bytes);
	return ret;
}

/* What names a text in its content and its hash. conversation: HASH_LEN. */
static void fill_text(struct agent *a, const struct contact *c,
		      const struct message *m, const uint8_t *previous,
		      uint8_t *conversation, Sotto__Content *content,
		      Sotto__Text *text)
{
	conversation_id(&a->keys->account, &c->account, conversation);
	content->message = pb_bytes(m->id, MESSAGE_ID_LEN);
	content->conversation = pb_bytes(conversation, HASH_LEN);
	content->device = a->keys->device;
	content->counter = m->counter;
	if (m->counter > 1 && previous)
		content->previous = pb_bytes(previous, HASH_LEN);
	content->clock = m->clock;
	text->body = (char *)(uintptr_t)m->text;
	content->text = text;
}

/* The messages right before the next one have failed, as when the other side had
 * blocked us: it would wait for them and then show a gap, so they go out again
 * first. */
static int send_failed_again(struct agent *a, const struct contact *c)
{
	uint64_t from = c->sent_counter;
	struct message m;
	bool failed = true;
	int ret = OK;

	while (failed && from > 0 && c->sent_counter - from < AGAIN_MAX) {
		ret = history_get_counter(a->db, c->row, true, a->keys->device,
					  from, &m);
		if (ret)
			break;
		failed = m.state == MESSAGE_FAILED;
		message_finish(&m);
		from -= failed;
	}
	if (ret && ret != ERR_NOT_FOUND)
		return ret;
	for (ret = OK; !ret && from < c->sent_counter;) {
		ret = history_get_counter(a->db, c->row, true, a->keys->device,
					  ++from, &m);
		if (ret)
			break;
		ret = compose_again(a, c, &m, NULL);
		message_finish(&m);
	}
	return ret;
}

int compose_text(struct agent *a, struct contact *c, const char *text,
		 const char *key, uint8_t id[static MESSAGE_ID_LEN])
{
	Sotto__Content content = SOTTO__CONTENT__INIT;
	Sotto__Text body = SOTTO__TEXT__INIT;
	uint8_t conversation[HASH_LEN], previous[HASH_LEN];
	struct message m = {
		.contact = c->row,
		.outgoing = true,
		.device = a->keys->device,
		.counter = c->sent_counter + 1,
		.clock = hlc_now(&a->clock),
		.state = MESSAGE_QUEUED,
		.text = text,
	};
	int ret = send_failed_again(a, c);

	if (ret)
		return ret;
	sys_random(a->sys, m.id, MESSAGE_ID_LEN);
	m.sent_at = hlc_ms(m.clock);
	memcpy(previous, c->last_hash, HASH_LEN);
	fill_text(a, c, &m, previous, conversation, &content, &body);
	content_hash(&content, &a->keys->account, m.hash);
	ret = history_add(a->db, &m);
	if (ret)
		return ret;
	c->sent_counter = m.counter;
	memcpy(c->last_hash, m.hash, HASH_LEN);
	ret = contact_progress(a->db, c);
	if (!ret)
		ret = queue(a, c, OUTBOX_TEXT, m.id, &content);
	if (!ret)
		ret = notice_outgoing(a, c, &m, key);
	if (!ret)
		memcpy(id, m.id, MESSAGE_ID_LEN);
	return ret;
}

int compose_control(struct agent *a, const struct contact *c,
		    Sotto__Content *content)
{
	uint8_t id[MESSAGE_ID_LEN], conversation[HASH_LEN];

	sys_random(a->sys, id, sizeof(id));
	conversation_id(&a->keys->account, &c->account, conversation);
	content->message = pb_bytes(id, sizeof(id));
	content->conversation = pb_bytes(conversation, sizeof(conversation));
	content->device = a->keys->device;
	content->clock = hlc_now(&a->clock);
	return queue(a, c, OUTBOX_CONTROL, id, content);
}

int compose_introduction(struct agent *a, const struct contact *c)
{
	Sotto__Content content = SOTTO__CONTENT__INIT;

	return compose_control(a, c, &content);
}

/* The hash of our content before m, to c; *has. */
static int previous_hash(struct agent *a, const struct contact *c,
			 const struct message *m,
			 uint8_t out[static HASH_LEN], bool *has)
{
	struct message before;
	int ret;

	*has = false;
	if (m->counter <= 1)
		return OK;
	ret = history_get_counter(a->db, m->contact, true, m->device,
				  m->counter - 1, &before);
	if (ret == ERR_NOT_FOUND) {
		ret = gone_hash(a->db, &c->account, m->counter - 1, out);
		*has = !ret;
		return ret == ERR_NOT_FOUND ? OK : ret;
	}
	if (ret)
		return ret;
	memcpy(out, before.hash, HASH_LEN);
	*has = true;
	message_finish(&before);
	return OK;
}

int compose_again(struct agent *a, const struct contact *c,
		  const struct message *m, const uint8_t *heals)
{
	Sotto__Content content = SOTTO__CONTENT__INIT;
	Sotto__Text body = SOTTO__TEXT__INIT;
	uint8_t conversation[HASH_LEN], previous[HASH_LEN];
	bool has;
	int ret = previous_hash(a, c, m, previous, &has);

	if (ret)
		return ret;
	fill_text(a, c, m, has ? previous : NULL, conversation, &content,
		  &body);
	if (heals)
		content.heals = pb_bytes(heals, ENVELOPE_ID_LEN);
	return queue(a, c, OUTBOX_CONTROL, m->id, &content);
}

/* ---- what is added when a content is encrypted ---- */

struct extras {
	Sotto__Seen seen, *seen_list[1];
	Sotto__Introduction introduction;
	Sotto__SealKey *seal_key;	/* heap, of bundle */
	Sotto__Bundle *bundle;
	uint8_t seen_hash[HASH_LEN];
	char relay[RELAY_URL_MAX + 1];
};

static void extras_finish(struct extras *x)
{
	if (x->bundle)
		sotto__bundle__free_unpacked(x->bundle, NULL);
}

static int add_seal_key(struct agent *a, const struct contact *c,
			Sotto__Content *content, struct extras *x)
{
	struct buf b;
	int ret;

	if (peer_knows_seal_key(a, &c->account, c->list.devices[0].id,
				a->seal_created))
		return OK;
	buf_init(&b, 4096);
	ret = keys_bundle_encoded(a->db, &b);
	if (!ret)
		x->bundle = sotto__bundle__unpack(NULL, b.len, b.data);
	buf_finish(&b);
	if (ret)
		return ret;
	if (!x->bundle)
		return ERR_CORRUPT;
	content->seal_key = x->bundle->seal_key;
	return OK;
}

/* The newest that was shown of the other side's. */
static int add_seen(struct agent *a, const struct contact *c,
		    Sotto__Content *content, struct extras *x)
{
	struct message m;
	bool gap;
	int ret;

	if (!c->seen_counter)
		return OK;
	ret = history_get_counter(a->db, c->row, false, c->list.devices[0].id,
				  c->seen_counter, &m);
	if (ret)
		return ret == ERR_NOT_FOUND ? OK : ret;
	memcpy(x->seen_hash, m.hash, HASH_LEN);
	gap = m.state == MESSAGE_GAP;
	message_finish(&m);
	if (gap)	/* not seen, and no hash */
		return OK;
	x->seen = (Sotto__Seen)SOTTO__SEEN__INIT;
	x->seen.account = pb_bytes(c->account.b, ACCOUNT_LEN);
	x->seen.device = c->list.devices[0].id;
	x->seen.counter = c->seen_counter;
	x->seen.hash = pb_bytes(x->seen_hash, HASH_LEN);
	x->seen_list[0] = &x->seen;
	content->n_seen = 1;
	content->seen = x->seen_list;
	return OK;
}

/* A capability for c to write to us with, unless it has one. ERR_FULL: none is
 * left. */
static int give(struct agent *a, struct contact *c, bool anew)
{
	int ret;

	if (c->has_given && !anew)
		return OK;
	ret = caps_take(a, c->given);
	if (ret)
		return ret == ERR_NOT_FOUND ? ERR_FULL : ret;
	c->has_given = true;
	return contact_save(a->db, c);
}

/* How to answer, until they have; and once a month with a new capability, while
 * those before stay good for their year. */
static int add_introduction(struct agent *a, struct contact *c,
			    Sotto__Content *content, struct extras *x)
{
	bool renew = c->answered && c->has_given && content->counter &&
		caps_old(a, c->given);
	struct buf relay;
	int ret;

	if (c->answered && !renew)
		return OK;
	ret = give(a, c, renew);
	if (ret)
		return renew && ret == ERR_FULL ? OK : ret;
	buf_init(&relay, sizeof(x->relay) - 1);
	ret = db_get(a->db, "relay", &relay);
	if (!ret) {
		memcpy(x->relay, relay.data, relay.len);
		x->relay[relay.len] = '\0';
	}
	buf_finish(&relay);
	x->introduction = (Sotto__Introduction)SOTTO__INTRODUCTION__INIT;
	x->introduction.relay = x->relay;
	x->introduction.name = (char *)(uintptr_t)agent_name(a);
	x->introduction.capability = pb_bytes(c->given, CAPABILITY_LEN);
	content->introduction = &x->introduction;
	return ret;
}

static int add_extras(struct agent *a, struct contact *c,
		      Sotto__Content *content, struct extras *x)
{
	int ret;

	content->list_version = a->keys->list.version;
	content->list_epoch = a->keys->list.epoch;
	content->peer_list_version = c->list.version;
	content->peer_list_epoch = c->list.epoch;
	content->peer_list_hash = pb_bytes(c->list.hash, HASH_LEN);
	ret = add_introduction(a, c, content, x);
	if (!ret)
		ret = add_seal_key(a, c, content, x);
	if (!ret && content->counter)
		ret = add_seen(a, c, content, x);
	return ret;
}

/* ---- envelopes ---- */

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
	struct extras x = { .bundle = NULL };
	int ret;

	if (!c->has_list || !c->has_capability)
		return ERR_NOT_FOUND;
	buf_init(&s.payload, PAYLOAD_MAX);
	ret = add_extras(a, c, content, &x);
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
	extras_finish(&x);
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
	Sotto__Content content = SOTTO__CONTENT__INIT;
	Sotto__Text body = SOTTO__TEXT__INIT;
	uint8_t conversation[HASH_LEN], previous[HASH_LEN];
	bool has;
	int ret = previous_hash(a, c, m, previous, &has);

	if (ret)
		return ret;
	fill_text(a, c, m, has ? previous : NULL, conversation, &content,
		  &body);
	return store_encrypted(a, c, &content, e);
}

int compose_ephemeral(struct agent *a, struct contact *c,
		      Sotto__Content *content, struct buf *send,
		      uint8_t envelope[static 16])
{
	uint8_t id[MESSAGE_ID_LEN], conversation[HASH_LEN];

	sys_random(a->sys, id, sizeof(id));
	conversation_id(&a->keys->account, &c->account, conversation);
	content->message = pb_bytes(id, sizeof(id));
	content->conversation = pb_bytes(conversation, sizeof(conversation));
	content->device = a->keys->device;
	content->clock = hlc_now(&a->clock);
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
