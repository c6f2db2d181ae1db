/* The window of messages of one conversation (model.h). */
#include "buf.h"
#include "model_json.h"

static size_t cost(const struct message *m)
{
	return sizeof(*m) + m->len;
}

static void insert(struct chat *c, size_t at, struct message *m)
{
	c->messages = xrealloc(c->messages, (c->n + 1) * sizeof(*c->messages));
	memmove(c->messages + at + 1, c->messages + at,
		(c->n - at) * sizeof(*c->messages));
	c->messages[at] = m;
	c->n++;
	c->bytes += cost(m);
}

static void drop(struct chat *c, size_t at)
{
	c->bytes -= cost(c->messages[at]);
	message_destroy(c->messages[at]);
	memmove(c->messages + at, c->messages + at + 1,
		(c->n - at - 1) * sizeof(*c->messages));
	c->n--;
}

/* Messages before the pending ones at the end. */
static size_t settled(const struct chat *c)
{
	size_t n = c->n;

	while (n > 0 && c->messages[n - 1]->id[0] == '\0')
		n--;
	return n;
}

/* The window begins anew. */
static void begin(struct chat *c)
{
	c->loading = c->loaded = c->more_after = false;
	c->more_before = true;
}

void window_clear(struct chat *c)
{
	/* pending ones go only with the chat */
	while (settled(c) > 0)
		drop(c, 0);
	begin(c);
	c->follow = true;
}

struct message *model_find_message(const struct chat *c, const char *id, size_t *index)
{
	if (*id == '\0')
		return NULL;
	for (size_t i = c->n; i > 0; i--)
		if (strcmp(c->messages[i - 1]->id, id) == 0) {
			if (index)
				*index = i - 1;
			return c->messages[i - 1];
		}
	return NULL;
}

static struct message *find_key(const struct chat *c, const char *key, size_t *index)
{
	for (size_t i = c->n; i > 0 && *key; i--)
		if (c->messages[i - 1]->key && strcmp(c->messages[i - 1]->key, key) == 0) {
			*index = i - 1;
			return c->messages[i - 1];
		}
	return NULL;
}

/* Drops the settled messages from `at` on. */
static void cut(struct chat *c, size_t at)
{
	for (size_t n = settled(c); n > at; n--)
		drop(c, n - 1);
}

static void take_latest(struct chat *c, const json_t *list, bool more)
{
	const json_t *first = json_array_get(list, 0);
	size_t at;

	if (!c->stale && first && model_find_message(c, json_text(first, "id"), &at)) {
		cut(c, at);
	} else {
		cut(c, 0);
		c->more_before = more;
	}
	c->more_after = c->stale = false;
	c->loaded = true;
}

const char *model_page_edge(const struct chat *c, enum page which)
{
	size_t n = settled(c);

	if (n == 0 || which == PAGE_LATEST)
		return NULL;
	return c->messages[which == PAGE_BEFORE ? 0 : n - 1]->id;
}

void model_take_page(struct chat *c, enum page which, const json_t *result)
{
	const json_t *list = json_object_get(result, "messages"), *o;
	bool more = json_is_true(json_object_get(result, "more"));
	size_t i, at;

	if (which == PAGE_LATEST)
		take_latest(c, list, more);
	else if (which == PAGE_BEFORE)
		c->more_before = more;
	else
		c->more_after = more;
	at = which == PAGE_BEFORE ? 0 : settled(c);
	json_array_foreach(list, i, o) {
		struct message *m = message_from_json(o);

		if (m == NULL)
			continue;
		if (model_find_message(c, m->id, NULL))
			message_destroy(m);
		else
			insert(c, at++, m);
	}
}

void model_mark_new(struct chat *c)
{
	for (size_t i = 0; i < c->n && c->first_unread[0] == '\0'; i++)
		if (c->messages[i]->unread)
			memcpy(c->first_unread, c->messages[i]->id,
			       sizeof(c->first_unread));
}

void model_mark_read(struct chat *c, size_t index)
{
	unsigned newly = 0, left = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (i <= index && c->messages[i]->unread) {
			c->messages[i]->unread = false;
			newly++;
		}
		left += c->messages[i]->unread;
	}
	if (c->more_after)
		c->unread = c->unread > newly ? c->unread - newly : 0;
	else
		c->unread = left;
}

void model_begin_at(struct chat *c, const json_t *message)
{
	struct message *m = message_from_json(message);

	if (m == NULL)
		return;
	cut(c, 0);
	begin(c);
	insert(c, 0, m);
	c->loaded = c->more_after = true;
	c->follow = false;
	memcpy(c->anchor, m->id, sizeof(c->anchor));
	c->anchor_row = 0;
}

void model_trim(struct chat *c, bool drop_newest)
{
	size_t n;

	while ((n = settled(c)) > PAGE_MESSAGES &&
	       (n > WINDOW_MESSAGES || c->bytes > WINDOW_BYTES)) {
		drop(c, drop_newest ? n - 1 : 0);
		if (drop_newest)
			c->more_after = true;
		else
			c->more_before = true;
	}
}

void model_shrink(struct chat *c)
{
	c->follow = true;
	c->first_unread[0] = '\0';
	if (c->more_after) {
		cut(c, 0);
		begin(c);
		return;
	}
	while (settled(c) > PAGE_MESSAGES ||
	       (settled(c) > 0 && c->bytes > WINDOW_BYTES / 8)) {
		drop(c, 0);
		c->more_before = true;
	}
	if (settled(c) == 0)
		begin(c);
}

bool window_take(struct chat *c, struct message *msg, const char *key,
		 const char *replaces)
{
	struct message *old;
	size_t at;

	old = find_key(c, key, &at);
	if (old == NULL)
		old = model_find_message(c, msg->id, &at);
	if (old == NULL)
		old = model_find_message(c, replaces, &at);
	if (old != NULL) {
		/* an answer or a receipt may have come before this event */
		if (old->id[0] && old->state > msg->state && old->state <= MESSAGE_READ)
			msg->state = old->state;
		drop(c, at);
		if (at > settled(c))
			at = settled(c);
		insert(c, at, msg);
		return true;
	}
	if (!c->loaded || c->more_after) {
		message_destroy(msg);
		return false;
	}
	insert(c, settled(c), msg);
	/* while one reads far up, what comes must not grow without end */
	if (c->follow || c->n > 2 * WINDOW_MESSAGES || c->bytes > 2 * WINDOW_BYTES)
		model_trim(c, !c->follow);
	return !c->more_after;
}

struct message *model_add_pending(struct chat *c, const char *text, const char *key,
				  int64_t at)
{
	struct message *m = xcalloc(1, sizeof(*m));

	m->outgoing = true;
	m->state = MESSAGE_PENDING;
	m->at = at;
	m->key = xstrdup(key);
	m->raw = xstrdup(text);
	replace_text(&m->text, text, TEXT_BLOCK);
	m->len = strlen(m->text);
	insert(c, c->n, m);
	return m;
}

void model_settle(struct chat *c, const char *key, const char *id, const char *why)
{
	struct message *m, *same;
	size_t at, place;

	m = find_key(c, key, &at);
	if (m == NULL || m->state != MESSAGE_PENDING)
		return;
	if (id == NULL) {
		m->state = MESSAGE_FAILED;
		replace_text(&m->why, why, TEXT_LINE);
		return;
	}
	same = model_find_message(c, id, &place);
	if (same != NULL || c->more_after || !c->loaded) {
		drop(c, at);	/* it is in the history where it belongs */
		return;
	}
	snprintf(m->id, sizeof(m->id), "%s", id);
	m->state = MESSAGE_QUEUED;
	/* before those that still wait or were refused */
	for (place = 0; c->messages[place]->id[0];)
		if (++place >= at)
			return;
	memmove(c->messages + place + 1, c->messages + place,
		(at - place) * sizeof(*c->messages));
	c->messages[place] = m;
}
