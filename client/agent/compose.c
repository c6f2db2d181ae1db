#include "compose_int.h"

#include "envelope.h"
#include "frame.h"
#include "gone.h"
#include "notice.h"
#include "pb.h"

enum {
	CONTENT_MAX = 40000,	/* bytes, encoded */
	AGAIN_MAX = 64,		/* failed messages that go out again */
};

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

void compose_head(struct agent *a, const struct contact *c,
		  Sotto__Content *content, struct control_head *h)
{
	sys_random(a->sys, h->message, sizeof(h->message));
	conversation_id(&a->keys->account, &c->account, h->conversation);
	content->message = pb_bytes(h->message, sizeof(h->message));
	content->conversation = pb_bytes(h->conversation,
					 sizeof(h->conversation));
	content->device = a->keys->device;
	content->clock = hlc_now(&a->clock);
}

int compose_control(struct agent *a, const struct contact *c,
		    Sotto__Content *content)
{
	struct control_head head;

	compose_head(a, c, content, &head);
	return queue(a, c, OUTBOX_CONTROL, head.message, content);
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

int compose_stored(struct agent *a, const struct contact *c,
		   const struct message *m, struct stored_content *out)
{
	bool has;
	int ret = previous_hash(a, c, m, out->previous, &has);

	if (ret)
		return ret;
	out->content = (Sotto__Content)SOTTO__CONTENT__INIT;
	out->text = (Sotto__Text)SOTTO__TEXT__INIT;
	fill_text(a, c, m, has ? out->previous : NULL, out->conversation,
		  &out->content, &out->text);
	return OK;
}

int compose_again(struct agent *a, const struct contact *c,
		  const struct message *m, const uint8_t *heals)
{
	struct stored_content s;
	int ret = compose_stored(a, c, m, &s);

	if (ret)
		return ret;
	if (heals)
		s.content.heals = pb_bytes(heals, ENVELOPE_ID_LEN);
	return queue(a, c, OUTBOX_CONTROL, m->id, &s.content);
}
