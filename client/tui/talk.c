/* Which conversation is open, and the pages of its history (talk.h). */
#include "buf.h"
#include "model_json.h"
#include "talk.h"

static void got_page(struct app *a, enum page which, const struct reply *r)
{
	char account[MODEL_ID_LEN + 1];
	const char *edge;
	struct chat *c;

	snprintf(account, sizeof(account), "%s", r->tag);
	c = model_find(&a->model, account);
	if (c == NULL)
		return;
	c->loading = false;
	a->dirty = true;
	edge = model_page_edge(c, which);
	if (which != PAGE_LATEST &&
	    (!edge || strcmp(r->tag + strlen(account) + 1, edge) != 0))
		return;		/* the window has moved since */
	if (r->code) {
		a->scroll_owed = 0;
		app_refused(a, r);
		return;
	}
	model_take_page(c, which, r->result);
	if (which == PAGE_LATEST && (a->jump_unread || a->unfocused || c != a->open))
		model_mark_new(c);
	if (which != PAGE_LATEST || !c->follow)
		model_trim(c, which == PAGE_BEFORE);
}

static void got_latest(void *ctx, const struct reply *r)
{
	got_page(ctx, PAGE_LATEST, r);
}

static void got_before(void *ctx, const struct reply *r)
{
	got_page(ctx, PAGE_BEFORE, r);
}

static void got_after(void *ctx, const struct reply *r)
{
	got_page(ctx, PAGE_AFTER, r);
}

static void ask_page(struct app *a, struct chat *c, enum page which)
{
	static agent_done *const done[] = { got_latest, got_before, got_after };
	json_t *params = json_pack("{s:s}", "chat", c->account);
	const char *edge = model_page_edge(c, which);
	char tag[2 * MODEL_ID_LEN + 2];
	int limit = PAGE_MESSAGES;

	if (which == PAGE_LATEST && c->unread > PAGE_MESSAGES - 10)
		limit = c->unread > 190 ? 200 : (int)c->unread + 10;
	if (which != PAGE_LATEST && edge == NULL) {
		json_decref(params);
		return;
	}
	if (edge != NULL)
		json_object_set_new(params, which == PAGE_BEFORE ? "before" : "after",
				    json_string(edge));
	json_object_set_new(params, "limit", json_integer(limit));
	c->loading = agent_is_up(a->agent);
	snprintf(tag, sizeof(tag), "%s %s", c->account, edge ? edge : "");
	agent_ask(a->agent, "chat.history", params, done[which], tag);
}

void talk_need_page(struct app *a, bool before)
{
	struct chat *c = a->open;

	if (c == NULL || c->loading || !c->loaded)
		return;
	if (before ? c->more_before : c->more_after)
		ask_page(a, c, before ? PAGE_BEFORE : PAGE_AFTER);
}

static void got_list(void *ctx, const struct reply *r)
{
	struct app *a = ctx;
	struct chat *c;

	a->list_asked = false;
	a->dirty = true;
	if (r->code) {
		app_refused(a, r);
		return;
	}
	model_take_list(&a->model, r->result, a->open);
	if (a->wanted && (c = model_find_name(&a->model, a->wanted)) != NULL) {
		a->wanted = NULL;
		talk_open(a, c);
	}
	if (a->wanted && a->open == NULL)
		app_notice(a, STYLE_WARN, "no conversation with %s yet", a->wanted);
	if (!a->wanted && a->open == NULL && a->model.n > 0)
		talk_open(a, a->model.chats[0]);
	if (a->list_wanted)
		talk_refresh(a);
}

void talk_refresh(struct app *a)
{
	a->list_wanted = a->list_asked;
	if (a->list_asked || !agent_is_up(a->agent))
		return;
	a->list_asked = true;
	agent_ask(a->agent, "chat.list", NULL, got_list, NULL);
}

void talk_open(struct app *a, struct chat *c)
{
	bool had = a->open != NULL;

	if (c == a->open)
		return;
	talk_stop_typing(a);
	if (a->open != NULL) {
		free(a->open->draft);
		a->open->draft = edit_len(a->edit) > 0 ?
			xstrdup(edit_text(a->edit)) : NULL;
		model_shrink(a->open);
	}
	a->open = c;
	a->dirty = true;
	a->read_upto[0] = '\0';
	a->scroll_owed = 0;
	/* what was typed before anything was open stays */
	if (had || edit_len(a->edit) == 0 || (c && c->draft))
		edit_set(a->edit, c && c->draft ? c->draft : "");
	if (c == NULL)
		return;
	c->follow = true;
	a->jump_unread = c->unread > 0;
	model_mark_new(c);
	talk_reload(a);
}

void talk_reload(struct app *a)
{
	if (a->open != NULL && !a->open->loading && !a->open->more_after)
		ask_page(a, a->open, PAGE_LATEST);
}

static void got_read(void *ctx, const struct reply *r)
{
	struct app *a = ctx;

	struct chat *c = model_find(&a->model, r->tag);
	size_t at;

	if (r->code)
		a->read_upto[0] = '\0';
	/* again: a list that was asked before may have come between */
	else if (c != NULL && model_find_message(c, a->read_upto, &at))
		model_mark_read(c, at);
}

void talk_seen(struct app *a, size_t index)
{
	struct chat *c = a->open;
	struct message *m = NULL;

	if (a->unfocused || a->overlay != NULL || !agent_is_up(a->agent) ||
	    c->unread == 0)
		return;
	for (size_t i = index + 1; i > 0 && m == NULL; i--)
		if (!c->messages[i - 1]->outgoing && c->messages[i - 1]->id[0])
			m = c->messages[i - 1];
	if (m == NULL || !m->unread || strcmp(m->id, a->read_upto) == 0)
		return;
	memcpy(a->read_upto, m->id, sizeof(a->read_upto));
	model_mark_read(c, index);
	agent_ask(a->agent, "chat.read",
		  json_pack("{s:s, s:s}", "chat", c->account, "upto", m->id),
		  got_read, c->account);
}

/* Going to a message that was searched for: it, what stands before it, what
 * stands after it. */
static void got_target(void *ctx, const struct reply *r)
{
	struct app *a = ctx;
	struct chat *c = model_find(&a->model, json_text(r->result, "chat"));

	a->searched = false;
	if (r->code) {
		app_refused(a, r);
		return;
	}
	if (c == NULL)
		return;
	talk_open(a, c);
	a->jump_unread = false;
	if (!model_find_message(c, json_text(r->result, "id"), NULL))
		model_begin_at(c, r->result);
	c->follow = false;
	snprintf(c->anchor, sizeof(c->anchor), "%s", json_text(r->result, "id"));
	c->anchor_row = 0;
	c->centre = true;
	if (c->more_before)
		ask_page(a, c, PAGE_BEFORE);
	if (c->more_after)
		ask_page(a, c, PAGE_AFTER);
}

void talk_jump(struct app *a, const char *message_id)
{
	if (a->searched)
		return;
	a->searched = agent_is_up(a->agent);
	agent_ask(a->agent, "message.get", json_pack("{s:s}", "id", message_id),
		  got_target, NULL);
}

/* Going from one conversation to another. */

void talk_step(struct app *a, int by)
{
	int n = (int)a->model.n, at;

	if (n == 0)
		return;
	at = a->open ? model_index(&a->model, a->open) : 0;
	talk_open(a, a->model.chats[(at + by % n + n) % n]);
}

void talk_next_unread(struct app *a)
{
	size_t n = a->model.n, at = 0;

	if (a->open)
		at = (size_t)model_index(&a->model, a->open);
	for (size_t i = 1; i <= n; i++)
		if (a->model.chats[(at + i) % n]->unread > 0) {
			talk_open(a, a->model.chats[(at + i) % n]);
			return;
		}
	app_notice(a, STYLE_DIM, "nothing unread");
}
