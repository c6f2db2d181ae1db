#include "model.h"

#include <strings.h>

#include "buf.h"
#include "model_json.h"

void model_init(struct model *m)
{
	*m = (struct model){ 0 };
}

static void chat_destroy(struct chat *c)
{
	for (size_t i = 0; i < c->n; i++)
		message_destroy(c->messages[i]);
	free(c->messages);
	free(c->name);
	free(c->alert);
	free(c->preview);
	free(c->draft);
	free(c);
}

void model_finish(struct model *m)
{
	for (size_t i = 0; i < m->n; i++)
		chat_destroy(m->chats[i]);
	free(m->chats);
	free(m->name);
	free(m->relay);
	model_init(m);
}

struct chat *model_find(const struct model *m, const char *account)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->chats[i]->account, account) == 0)
			return m->chats[i];
	return NULL;
}

struct chat *model_find_name(const struct model *m, const char *name)
{
	struct chat *c = model_find(m, name), *starts = NULL;
	size_t len = strlen(name), n_starts = 0;

	if (c != NULL)
		return c;
	for (size_t i = 0; i < m->n; i++) {
		if (strcasecmp(m->chats[i]->name, name) == 0)
			return m->chats[i];
		if (strncasecmp(m->chats[i]->name, name, len) == 0) {
			starts = m->chats[i];
			n_starts++;
		}
	}
	return n_starts == 1 ? starts : NULL;
}

unsigned model_unread(const struct model *m)
{
	unsigned sum = 0;

	for (size_t i = 0; i < m->n; i++)
		sum += m->chats[i]->unread;
	return sum;
}

int model_index(const struct model *m, const struct chat *c)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->chats[i] == c)
			return (int)i;
	return -1;
}

static int newest_first(const void *a, const void *b)
{
	const struct chat *x = *(struct chat *const *)a, *y = *(struct chat *const *)b;

	if (x->last_at != y->last_at)
		return x->last_at < y->last_at ? 1 : -1;
	return strcasecmp(x->name, y->name);
}

static void sort(struct model *m)
{
	if (m->n > 1)
		qsort(m->chats, m->n, sizeof(*m->chats), newest_first);
}

static struct chat *chat_get(struct model *m, const char *account)
{
	struct chat *c = model_find(m, account);

	if (c != NULL)
		return c;
	c = xcalloc(1, sizeof(*c));
	snprintf(c->account, sizeof(c->account), "%s", account);
	c->name = xstrdup("");
	c->preview = xstrdup("");
	c->follow = true;
	m->chats = xrealloc(m->chats, (m->n + 1) * sizeof(*m->chats));
	m->chats[m->n++] = c;
	return c;
}

void model_remove(struct model *m, struct chat *c)
{
	int i = model_index(m, c);

	if (i < 0)
		return;
	memmove(m->chats + i, m->chats + i + 1,
		(m->n - (size_t)i - 1) * sizeof(*m->chats));
	m->n--;
	chat_destroy(c);
}

static enum chat_state state_of(const char *text)
{
	if (strcmp(text, "request") == 0)
		return CHAT_REQUEST;
	return strcmp(text, "blocked") == 0 ? CHAT_BLOCKED : CHAT_CONTACT;
}

static void take_common(struct chat *c, const json_t *o)
{
	const char *name = json_text(o, "name"), *alert = json_text(o, "alert");

	replace_text(&c->name, *name ? name : c->account, TEXT_LINE);
	c->state = state_of(json_text(o, "state"));
	if (*alert) {
		replace_text(&c->alert, alert, TEXT_LINE);
	} else {
		free(c->alert);
		c->alert = NULL;
	}
	if (json_object_get(o, "unread"))
		c->unread = (unsigned)json_number(o, "unread");
	if (json_object_get(o, "verified"))
		c->verified = json_is_true(json_object_get(o, "verified"));
}

struct chat *model_take_contact(struct model *m, const json_t *contact)
{
	const char *account = json_text(contact, "account");
	struct chat *c;

	if (strlen(account) != MODEL_ID_LEN)
		return NULL;
	c = chat_get(m, account);
	take_common(c, contact);
	sort(m);
	return c;
}

static void set_preview(struct chat *c, const struct message *last)
{
	char *line = text_printable_str(last->text, TEXT_LINE);
	size_t len = strlen(line);

	/* a list shows some dozens of columns */
	if (len > 300) {
		len = 300;
		while (len > 0 && ((unsigned char)line[len] & 0xC0) == 0x80)
			len--;
		line[len] = '\0';
	}
	free(c->preview);
	c->preview = xstrdup(line);
	free(line);
	c->preview_own = last->outgoing;
	c->preview_state = last->state;
	memcpy(c->preview_id, last->id, sizeof(c->preview_id));
	if (last->at > c->last_at)
		c->last_at = last->at;
}

static void take_preview(struct chat *c, const json_t *message)
{
	struct message *last = message_from_json(message);

	if (last == NULL)
		return;
	set_preview(c, last);
	message_destroy(last);
}

void model_take_list(struct model *m, const json_t *result, const struct chat *keep)
{
	const json_t *chats = json_object_get(result, "chats"), *o;
	size_t i;

	for (i = 0; i < m->n; i++)
		m->chats[i]->listed = false;
	json_array_foreach(chats, i, o) {
		const char *account = json_text(o, "chat");
		struct chat *c;

		if (strlen(account) != MODEL_ID_LEN)
			continue;
		c = chat_get(m, account);
		c->listed = true;
		take_common(c, o);
		take_preview(c, json_object_get(o, "last"));
	}
	for (i = m->n; i > 0; i--)
		if (!m->chats[i - 1]->listed && m->chats[i - 1] != keep)
			model_remove(m, m->chats[i - 1]);
	sort(m);
}

bool model_take_message(struct model *m, const json_t *event, bool outgoing,
			struct chat **chat, bool *in_window)
{
	struct chat *c = model_find(m, json_text(event, "chat"));
	const char *replaces = json_text(event, "replaces");
	struct message *msg;

	*in_window = false;
	if (c == NULL)
		return false;
	msg = message_from_json(event);
	if (msg == NULL)
		return false;
	*chat = c;
	msg->outgoing = outgoing;
	if (outgoing && msg->state == MESSAGE_RECEIVED)
		msg->state = MESSAGE_QUEUED;
	msg->unread = !outgoing;
	if (!outgoing)
		c->typing_until = 0;
	if (!outgoing && !*replaces && !model_find_message(c, msg->id, NULL))
		c->unread++;
	set_preview(c, msg);
	*in_window = window_take(c, msg, json_text(event, "key"), replaces);
	sort(m);
	return true;
}

/* Delivered and read never go back; a failure may be mended by a retry. */
static bool goes_forward(enum message_state from, enum message_state to)
{
	return from != MESSAGE_READ && (to > from || from > MESSAGE_READ);
}

void model_take_receipt(struct model *m, const json_t *event)
{
	struct chat *c = model_find(m, json_text(event, "chat"));
	const char *why = json_text(event, "why");
	enum message_state state = message_state_parse(json_text(event, "state"));
	struct message *msg;

	if (c == NULL || state < MESSAGE_QUEUED || state > MESSAGE_EXPIRED)
		return;
	if (strcmp(c->preview_id, json_text(event, "id")) == 0 &&
	    goes_forward(c->preview_state, state))
		c->preview_state = state;
	msg = model_find_message(c, json_text(event, "id"), NULL);
	if (msg == NULL || !goes_forward(msg->state, state))
		return;
	msg->state = state;
	if (*why)
		replace_text(&msg->why, why, TEXT_LINE);
}

size_t model_count_pending(const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		for (size_t k = 0; k < m->chats[i]->n; k++)
			n += m->chats[i]->messages[k]->state == MESSAGE_PENDING;
	return n;
}
