#include "admit.h"

#include <sodium.h>

#include "core.h"
#include "frame.h"
#include "mailbox.h"
#include "send.h"
#include "sys.h"

enum { DEVICE_MAX = 0x7fffffff };

const char *admit_sizes(const Sotto__Send *m)
{
	if (m->id.len != ENVELOPE_ID_LEN || m->ephemeral_key.len != 32)
		return "Send: size of id or ephemeral_key";
	if (m->payload.len > PAYLOAD_MAX)
		return "Send: payload is too large";
	if (m->n_slots < 1 || m->n_slots > SLOTS_MAX)
		return "Send: number of slots";
	for (size_t i = 0; i < m->n_slots; i++) {
		const Sotto__Slot *s = m->slots[i];

		if (s->account.len != ACCOUNT_LEN || s->device < 1 ||
		    s->device > DEVICE_MAX ||
		    s->capability.len != CAPABILITY_LEN ||
		    s->sealed.len > SEALED_MAX)
			return "Send: a field of a slot";
	}
	return NULL;
}

struct send *admit_copy(struct core *core, const Sotto__Send *m)
{
	size_t size = sizeof(struct send) + m->n_slots * sizeof(struct slot);
	size_t at = size;
	struct send *s;
	uint8_t *p;

	size += m->payload.len;
	for (size_t i = 0; i < m->n_slots; i++)
		size += m->slots[i]->sealed.len;
	s = xcalloc(1, size);
	p = (uint8_t *)s + at;
	s->core = core;
	s->refs = 1;
	s->size = size;
	s->n = m->n_slots;
	memcpy(s->id, m->id.data, sizeof(s->id));
	memcpy(s->ephemeral_key, m->ephemeral_key.data, 32);
	if (m->payload.len > 0)
		memcpy(p, m->payload.data, m->payload.len);
	s->payload = (struct bytes){ p, m->payload.len };
	p += m->payload.len;
	for (size_t i = 0; i < s->n; i++) {
		struct bytes sealed = { p, m->slots[i]->sealed.len };

		s->slots[i].send = s;
		memcpy(s->slots[i].id.account.b, m->slots[i]->account.data,
		       ACCOUNT_LEN);
		s->slots[i].id.device = m->slots[i]->device;
		if (sealed.len > 0)
			memcpy(p, m->slots[i]->sealed.data, sealed.len);
		s->slots[i].sealed = sealed;
		p += sealed.len;
	}
	core_charge(s->core, size);
	return s;
}

/* A slot's status when its capability does not carry it, else UNSET. */
static Sotto__SlotStatus check_capability(struct slot *slot, const Sotto__Slot *m)
{
	struct core *core = slot->send->core;
	uint32_t hours = (uint32_t)(sys_wall_ms(core->sys) / 3600000);
	struct capability cap;

	if (capability_check(m->capability.data, m->capability.len,
			     &slot->id.account, core->capability_key, hours,
			     &cap) < 0 ||
	    revoked_has(&core->revoked, &slot->id.account, cap.id))
		return SOTTO__SLOT_STATUS__NO_CAPABILITY;
	if (!rate_take(&core->rates, cap.id, sizeof(cap.id),
		       &core->settings.rates[cap.class], 1, core_now(core)))
		return SOTTO__SLOT_STATUS__RATE_LIMITED;
	slot->class = cap.class;
	memcpy(slot->capability, cap.id, sizeof(cap.id));
	return SOTTO__SLOT_STATUS__STATUS_UNSET;
}

/* Keyed, so that the table links no envelope to a mailbox. */
static void hash_slot(struct slot *slot, const uint8_t content[static 32])
{
	const struct core *core = slot->send->core;
	uint8_t name[ENVELOPE_ID_LEN + sizeof(struct mailbox_id)];
	crypto_generichash_state state;

	memcpy(name, slot->send->id, ENVELOPE_ID_LEN);
	memcpy(name + ENVELOPE_ID_LEN, &slot->id, sizeof(slot->id));
	crypto_generichash(slot->key, sizeof(slot->key), name, sizeof(name),
			   core->dedupe_key, 32);
	crypto_generichash_init(&state, core->dedupe_key, 32,
				sizeof(slot->digest));
	crypto_generichash_update(&state, content, 32);
	crypto_generichash_update(&state, slot->sealed.data,
				  slot->sealed.len);
	crypto_generichash_final(&state, slot->digest, sizeof(slot->digest));
}

static void hash_content(const struct send *s, uint8_t out[static 32])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, s->core->dedupe_key, 32, 32);
	crypto_generichash_update(&state, s->ephemeral_key, 32);
	crypto_generichash_update(&state, s->payload.data, s->payload.len);
	crypto_generichash_final(&state, out, 32);
}

int admit_slots(struct send *s, const Sotto__Send *m)
{
	uint8_t content[32];

	hash_content(s, content);
	for (size_t i = 0; i < s->n; i++) {
		struct slot *slot = &s->slots[i];

		slot->status = check_capability(slot, m->slots[i]);
		if (slot->status != SOTTO__SLOT_STATUS__STATUS_UNSET)
			continue;
		slot->mailbox = mailbox_pin(s->core, &slot->id);
		if (slot->mailbox->mark == s)
			return ERR_FORMAT;
		slot->mailbox->mark = s;
		hash_slot(slot, content);
		switch (dedupe_find(&s->core->dedupe, slot->key, slot->digest)) {
		case DEDUPE_SAME:
			slot->status = SOTTO__SLOT_STATUS__ACCEPTED;
			break;
		case DEDUPE_OTHER:
			return ERR_CONFLICT;
		case DEDUPE_NEW:
			break;
		}
	}
	return OK;
}
