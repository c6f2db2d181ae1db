#include <sodium.h>
#include <utf8proc.h>

#include "capability.h"
#include "envelope.h"
#include "url.h"

enum { DEVICE_ID_MAX = 0x7fffffff };

static bool has_len(const ProtobufCBinaryData *d, size_t len)
{
	return d->len == len;
}

static bool has_len_or_none(const ProtobufCBinaryData *d, size_t len)
{
	return d->len == len || d->len == 0;
}

/* Well-formed UTF-8 (RFC 3629) of min to max bytes. */
static bool is_text(const char *s, size_t min, size_t max)
{
	size_t len = strlen(s), at = 0;
	utf8proc_int32_t c;

	if (len < min || len > max)
		return false;
	while (at < len) {
		utf8proc_ssize_t n =
			utf8proc_iterate((const utf8proc_uint8_t *)s + at,
					 (utf8proc_ssize_t)(len - at), &c);

		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

static bool is_device(uint32_t device)
{
	return device >= 1 && device <= DEVICE_ID_MAX;
}

/* What SQLite's integers hold. */
static bool is_number(uint64_t v)
{
	return v <= INT64_MAX;
}

static bool check_seen(const Sotto__Content *c)
{
	if (c->n_seen > CONTENT_SEEN_MAX)
		return false;
	for (size_t i = 0; i < c->n_seen; i++) {
		const Sotto__Seen *s = c->seen[i];

		if (!has_len(&s->account, ACCOUNT_LEN) ||
		    !is_device(s->device) || !s->counter ||
		    !is_number(s->counter) || !has_len(&s->hash, HASH_LEN))
			return false;
	}
	return true;
}

static bool check_receipts(const Sotto__Content *c)
{
	if (c->n_receipts > CONTENT_RECEIPTS_MAX)
		return false;
	for (size_t i = 0; i < c->n_receipts; i++) {
		const Sotto__Receipt *r = c->receipts[i];

		if (!has_len(&r->message, 16) ||
		    (r->state != SOTTO__RECEIPT_STATE__DELIVERED &&
		     r->state != SOTTO__RECEIPT_STATE__READ))
			return false;
	}
	return true;
}

static bool check_resend(const Sotto__Content *c)
{
	if (c->n_resend > CONTENT_RESEND_MAX)
		return false;
	for (size_t i = 0; i < c->n_resend; i++)
		if (!c->resend[i] || !is_number(c->resend[i]))
			return false;
	return true;
}

static bool check_introduction(const Sotto__Introduction *in)
{
	struct capability capability;

	return is_text(in->relay, 1, RELAY_URL_MAX) &&
	       is_text(in->name, 0, INTRODUCTION_NAME_MAX) &&
	       capability_read(in->capability.data, in->capability.len,
			       &capability) == OK &&
	       capability.class == CAP_CONTACT;
}

static bool check_head(const Sotto__Content *c)
{
	return has_len(&c->message, 16) && has_len(&c->conversation, HASH_LEN) &&
	       is_device(c->device) && is_number(c->counter) &&
	       has_len(&c->previous, c->counter > 1 ? HASH_LEN : 0) &&
	       is_number(c->clock) && has_len_or_none(&c->group_state, HASH_LEN) &&
	       is_number(c->list_version) && is_number(c->list_epoch) &&
	       is_number(c->peer_list_version) &&
	       is_number(c->peer_list_epoch) &&
	       has_len_or_none(&c->peer_list_hash, HASH_LEN);
}

int content_check(const Sotto__Content *c)
{
	if (!check_head(c) || !check_seen(c) || !check_receipts(c) ||
	    !check_resend(c))
		return ERR_FORMAT;
	if (c->seal_key && (!has_len(&c->seal_key->public_key, SEAL_KEY_LEN) ||
			    !has_len(&c->seal_key->signature, SIGN_LEN) ||
			    !is_number(c->seal_key->created_at)))
		return ERR_FORMAT;
	if (c->introduction && !check_introduction(c->introduction))
		return ERR_FORMAT;
	if (c->text && (!c->counter || !is_text(c->text->body, 1, TEXT_MAX)))
		return ERR_FORMAT;
	if (c->repair && !has_len(&c->repair->envelope, 16))
		return ERR_FORMAT;
	return OK;
}

/* A transcript as of sign.h, hashed as it comes: a text does not fit into one. */
static void hash_field(crypto_generichash_state *s, const void *data, size_t len)
{
	uint8_t prefix[4];

	put_u32(prefix, (uint32_t)len);
	crypto_generichash_update(s, prefix, sizeof(prefix));
	crypto_generichash_update(s, data, len);
}

static void hash_number(crypto_generichash_state *s, uint64_t v)
{
	uint8_t bytes[8];

	put_u64(bytes, v);
	hash_field(s, bytes, sizeof(bytes));
}

void content_hash(const Sotto__Content *c, const struct account_id *sender,
		  uint8_t out[static HASH_LEN])
{
	static const char head[] = "sotto/1 content";
	const char *text = c->text ? c->text->body : "";
	crypto_generichash_state s;

	crypto_generichash_init(&s, NULL, 0, HASH_LEN);
	crypto_generichash_update(&s, (const uint8_t *)head, sizeof(head) - 1);
	hash_field(&s, sender->b, sizeof(sender->b));
	hash_number(&s, c->device);
	hash_number(&s, c->counter);
	hash_field(&s, c->previous.data, c->previous.len);
	hash_field(&s, c->message.data, c->message.len);
	hash_number(&s, c->clock);
	hash_field(&s, text, strlen(text));
	crypto_generichash_final(&s, out, HASH_LEN);
}

void conversation_id(const struct account_id *a, const struct account_id *b,
		     uint8_t out[static HASH_LEN])
{
	bool ordered = account_compare(a, b) <= 0;
	const struct account_id *first = ordered ? a : b;
	const struct account_id *second = ordered ? b : a;
	struct transcript t;

	transcript_init(&t, "conversation");
	transcript_add(&t, first->b, sizeof(first->b));
	transcript_add(&t, second->b, sizeof(second->b));
	transcript_hash(&t, out);
}
