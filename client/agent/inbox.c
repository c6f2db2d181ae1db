#include "inbox.h"

#include "apply.h"
#include "caps.h"
#include "envelope.h"
#include "fault.h"
#include "log.h"
#include "owner.h"
#include "received.h"
#include "repair.h"
#include "sendq.h"
#include "tries.h"

enum {
	PAIRS_MAX = 8,		/* a week each, kept 30 days */
	JUNK_LOG_MS = 10 * 1000,
	REQUESTS_MAX = 100,	/* that wait; further strangers are not heard */
};

struct inbox {
	struct agent *a;
	struct secret *pairs;	/* struct seal_pair[PAIRS_MAX], newest first */
	int n_pairs;		/* -1: to be loaded */
	uint64_t junk;		/* dropped and not logged yet */
	uint64_t junk_at;
	struct tries tries;
};

struct inbox *inbox_create(struct agent *a)
{
	struct inbox *in = xcalloc(1, sizeof(*in));

	in->a = a;
	in->n_pairs = -1;
	in->pairs = secret_create(PAIRS_MAX * sizeof(struct seal_pair));
	return in;
}

void inbox_destroy(struct inbox *in)
{
	if (!in)
		return;
	secret_destroy(in->pairs);
	free(in);
}

void inbox_keys_changed(struct inbox *in)
{
	in->n_pairs = -1;
}

/* Errors that mean that the envelope must come again; all others are verdicts on
 * the envelope. */
static bool is_store_error(int err)
{
	return err == ERR_STORE || err == ERR_NO_SPACE || err == ERR_LOCKED ||
		err == ERR_CORRUPT;
}

/* Opens the seal; *newest tells whether with the newest key. ERR_UNDECRYPTABLE,
 * or the store's error. */
static int unseal(struct inbox *in, const Sotto__Deliver *d,
		  Sotto__Sealed **out, bool *newest)
{
	struct seal_pair *pairs = (struct seal_pair *)(void *)in->pairs->data;

	if (in->n_pairs < 0) {
		int n = keys_seal_pairs(in->a->db, pairs, PAIRS_MAX);

		if (n < 0)
			return n;
		in->n_pairs = n;
	}
	for (int i = 0; i < in->n_pairs; i++) {
		int ret = envelope_unseal(d->ephemeral_key.data,
					  d->sealed.data, d->sealed.len,
					  &pairs[i], 1, out);

		if (!ret) {
			*newest = i == 0;
			return OK;
		}
	}
	return ERR_UNDECRYPTABLE;
}

/* Who may use the capability it came with. ERR_REFUSED: nobody. */
static int find_giver(struct incoming *m)
{
	int ret = contact_by_given(m->a->db, m->d->capability.data, &m->c);

	if (ret != ERR_NOT_FOUND) {
		m->attributed = !ret;
		return ret;
	}
	return caps_is_link(m->a, m->d->capability.data) ? OK : ERR_REFUSED;
}

/* Whom the seal claims: must agree with who was given the capability. */
static int find_sender(struct incoming *m)
{
	struct account_id claimed;
	int64_t waiting = 0;
	int ret;

	if (m->sealed->account.len != ACCOUNT_LEN || !m->sealed->device ||
	    m->sealed->list_hash.len != HASH_LEN || !m->sealed->suite)
		return ERR_REFUSED;
	memcpy(claimed.b, m->sealed->account.data, ACCOUNT_LEN);
	if (account_equal(&claimed, &m->a->keys->account))
		return ERR_REFUSED;
	if (m->attributed)
		return account_equal(&claimed, &m->c.account) ?
			OK : ERR_REFUSED;
	ret = contact_by_account(m->a->db, &claimed, &m->c);
	if (ret == ERR_NOT_FOUND) {
		m->c = (struct contact){ .account = claimed,
					 .state = CONTACT_REQUEST };
		ret = contact_requests(m->a->db, &waiting);
		if (!ret && waiting >= REQUESTS_MAX)
			ret = ERR_FULL;
	}
	return ret;
}

/* The list under which to decrypt: one that came and is not older than the one
 * held, else that one. Nothing is believed yet. */
static int choose_list(struct incoming *m)
{
	int ret;

	if (m->sealed->list) {
		ret = device_list_verify(m->sealed->list, &m->came);
		if (ret || !account_equal(&m->came.account, &m->c.account))
			return ERR_REFUSED;
		m->has_came = true;
		if (!m->c.has_list ||
		    device_list_succeeds(&m->c.list, &m->came) == OK) {
			m->list = &m->came;
			return OK;
		}
	}
	m->list = &m->c.list;
	return m->c.has_list ? OK : ERR_REFUSED;
}

/* Between the ratchet's decryption and its storing the step: the session stays as
 * it was when the payload is not the one that was sent. */
static int open_payload(void *ctx, const uint8_t *secret, size_t len)
{
	struct incoming *m = ctx;

	fault_point("agent.decrypt");
	if (len != CONTENT_SECRET_LEN)
		return ERR_UNDECRYPTABLE;
	return envelope_decrypt(secret, m->d->payload.data, m->d->payload.len,
				&m->content) ? ERR_UNDECRYPTABLE : OK;
}

/* Of whom it costs: with the link anybody can claim to be somebody, and must not
 * use up what is that one's own. */
static int64_t payer(const struct incoming *m)
{
	return m->attributed ? m->c.row : -m->c.row;
}

static int decrypt(struct inbox *in, struct incoming *m)
{
	enum ratchet_kind kind =
		m->sealed->kind == SOTTO__SEALED_KIND__PREKEY ?
		RATCHET_PREKEY : RATCHET_MESSAGE;
	uint64_t began = sys_mono_ms(m->a->sys);
	int ret;

	/* A stranger has no sessions, and the relay bounds what links bring. */
	if (m->c.row && !tries_left(&in->tries, payer(m), began))
		return ERR_UNDECRYPTABLE;
	m->new_session = kind == RATCHET_PREKEY &&
		!ratchet_has_session(m->a->ratchet, &m->c.account,
				     m->sealed->device);
	ret = ratchet_decrypt_checked(m->a->ratchet, m->list,
				      m->sealed->device, kind,
				      m->sealed->body.data,
				      m->sealed->body.len, open_payload, m);
	if (ret && m->c.row)
		tries_spend(&in->tries, payer(m), began,
			    sys_mono_ms(m->a->sys) - began);
	/* A session that is broken is begun anew; a broken database shows when
	 * the placeholder is stored. */
	if (ret == ERR_CORRUPT)
		ret = ERR_UNDECRYPTABLE;
	return ret;
}

/* Through the seal and the ratchet to a content. */
static int open_envelope(struct inbox *in, struct incoming *m)
{
	int ret = unseal(in, m->d, &m->sealed, &m->newest_seal);

	if (!ret)
		ret = find_sender(m);
	if (!ret && m->c.state == CONTACT_BLOCKED)
		ret = ERR_REFUSED;
	if (!ret)
		ret = choose_list(m);
	if (!ret && m->sealed->suite < m->c.suite_seen)
		ret = ERR_REFUSED;
	if (!ret && m->sealed->suite > SUITE_CURRENT)
		ret = ERR_UNDECRYPTABLE;	/* of a later version */
	return ret ? ret : decrypt(in, m);
}

/* Junk is counted, not listed, and leaves nothing in the store: else it would
 * fill log and disk. */
static void note_junk(struct inbox *in, const char *what)
{
	uint64_t now = sys_mono_ms(in->a->sys);

	in->junk++;
	if (in->junk_at && now - in->junk_at < JUNK_LOG_MS)
		return;
	log_warn("%llu envelope%s dropped: %s", (unsigned long long)in->junk,
		 in->junk > 1 ? "s" : "", what);
	in->junk = 0;
	in->junk_at = now;
}

/* What is to be done with an envelope that did not open. */
static int on_unopened(struct inbox *in, struct incoming *m, int err)
{
	struct agent *a = m->a;

	if (err == ERR_REFUSED) {
		m->junk = true;
		note_junk(in, "the sender had no right to send it");
		return OK;
	}
	if (err == ERR_FULL) {
		m->junk = true;
		note_junk(in, "too many contact requests wait for an answer");
		return OK;
	}
	if (!m->attributed || m->c.state == CONTACT_BLOCKED) {
		/* Whoever has the link can send such; there is no telling who. */
		m->junk = true;
		note_junk(in, "sent with one's link, and does not decrypt");
		return OK;
	}
	if (err == ERR_IDENTITY)
		sendq_refresh_list(a->sendq, &m->c);
	return repair_undecryptable(a->repair, &m->c, m->d->envelope.data);
}

static int take(struct inbox *in, struct incoming *m)
{
	int ret = find_giver(m);

	if (!ret)
		ret = open_envelope(in, m);
	if (is_store_error(ret))
		return ret;
	if (ret)
		return on_unopened(in, m, ret);
	if (m->new_session)
		owner_prekey_used(m->a->owner);
	return apply(m);
}

int inbox_deliver(struct inbox *in, const Sotto__Deliver *d)
{
	struct agent *a = in->a;
	struct incoming m = { .a = a, .d = d };
	bool known;
	int ret = received_known(a->db, d->envelope.data, &known);

	if (ret || known)
		return ret;
	ret = take(in, &m);
	if (m.sealed)
		sotto__sealed__free_unpacked(m.sealed, NULL);
	if (m.content)
		sotto__content__free_unpacked(m.content, NULL);
	if (ret || m.junk)
		return ret;
	return received_add(a->db, d->envelope.data, sys_wall_ms(a->sys));
}
