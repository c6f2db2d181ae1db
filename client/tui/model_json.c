#include "model_json.h"

#include "buf.h"

const char *json_text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

int64_t json_number(const json_t *o, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(o, name));
}

void replace_text(char **field, const char *text, enum text_mode mode)
{
	char *clean = text_printable_str(text, mode);

	free(*field);
	*field = clean;
}

enum message_state message_state_parse(const char *text)
{
	static const char *const names[] = {
		[MESSAGE_QUEUED] = "queued", [MESSAGE_SENT] = "sent",
		[MESSAGE_DELIVERED] = "delivered", [MESSAGE_READ] = "read",
		[MESSAGE_FAILED] = "failed", [MESSAGE_EXPIRED] = "expired",
		[MESSAGE_RECEIVED] = "received",
		[MESSAGE_UNDECRYPTABLE] = "undecryptable",
		[MESSAGE_GAP] = "gap",
	};

	for (int i = MESSAGE_QUEUED; i <= MESSAGE_GAP; i++)
		if (strcmp(names[i], text) == 0)
			return (enum message_state)i;
	return MESSAGE_RECEIVED;
}

/* More than one empty row in a row would push everything else off the screen. */
static void set_text(struct message *m, const char *text)
{
	size_t newlines = 0, n = 0;

	replace_text(&m->text, text, TEXT_BLOCK);
	for (const char *p = m->text; *p; p++) {
		newlines = *p == '\n' ? newlines + 1 : 0;
		if (newlines <= 2 && !(n == 0 && newlines > 0))
			m->text[n++] = *p;
	}
	while (n > 1 && m->text[n - 1] == '\n')
		n--;
	m->text[n] = '\0';
	m->len = n;
}

struct message *message_from_json(const json_t *o)
{
	const char *id = json_text(o, "id"), *why = json_text(o, "why");
	struct message *m;

	if (strlen(id) != MODEL_ID_LEN)
		return NULL;
	m = xcalloc(1, sizeof(*m));
	memcpy(m->id, id, MODEL_ID_LEN);
	m->outgoing = json_is_true(json_object_get(o, "outgoing"));
	m->unread = json_is_true(json_object_get(o, "unread"));
	m->state = message_state_parse(json_text(o, "state"));
	if (json_is_true(json_object_get(o, "undecryptable")))
		m->state = MESSAGE_UNDECRYPTABLE;
	if (json_is_true(json_object_get(o, "gap")))
		m->state = MESSAGE_GAP;
	m->at = json_number(o, "sent_at");
	set_text(m, json_text(o, "text"));
	if (*why)
		replace_text(&m->why, why, TEXT_LINE);
	return m;
}

void message_destroy(struct message *m)
{
	if (m == NULL)
		return;
	free(m->key);
	free(m->raw);
	free(m->text);
	free(m->why);
	free(m);
}
