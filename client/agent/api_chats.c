/* chat.* */
#include "api_find.h"
#include "json_out.h"
#include "notice.h"
#include "receipts.h"
#include "sendq.h"

enum { PAGE_MAX = 500, PAGE_DEFAULT = 50, PREVIEW_BYTES = 400 };

/* ---- chat.list ---- */

struct chat {
	json_t *o;
	uint64_t clock;
};

struct chats {
	struct api_call *c;
	const struct contact *contact;
	struct chat *list;
	size_t n;
};

/* Cuts a long text at the end of a character. */
static void preview(struct message *m, char out[static PREVIEW_BYTES + 1])
{
	size_t n = m->text ? strlen(m->text) : 0;

	if (n > PREVIEW_BYTES) {
		n = PREVIEW_BYTES;
		while (n && ((uint8_t)m->text[n] & 0xc0) == 0x80)
			n--;
	}
	if (n)
		memcpy(out, m->text, n);
	out[n] = '\0';
	m->text = out;
}

static int add_last(void *ctx, const struct message *m)
{
	struct chats *s = ctx;
	struct chat *chat = &s->list[s->n - 1];
	char text[PREVIEW_BYTES + 1];
	struct message shown = *m;

	preview(&shown, text);
	json_object_set_new(chat->o, "last",
			    json_message(s->c->a, s->contact, &shown));
	chat->clock = m->clock;
	return 1;
}

static int add_chat(void *ctx, const struct contact *contact)
{
	struct chats *s = ctx;
	json_t *all = json_contact(s->c->a, contact);
	json_t *o = json_object();
	int ret;

	json_object_set(o, "chat", json_object_get(all, "account"));
	json_object_set(o, "name", json_object_get(all, "name"));
	json_object_set(o, "state", json_object_get(all, "state"));
	json_object_set(o, "unread", json_object_get(all, "unread"));
	json_object_set(o, "alert", json_object_get(all, "alert"));
	json_decref(all);
	s->list = xrealloc(s->list, (s->n + 1) * sizeof(*s->list));
	s->list[s->n++] = (struct chat){ o, 0 };
	s->contact = contact;
	ret = history_page(s->c->a->db, contact->row, NULL, NULL, 1, add_last,
			   s);
	return ret < 0 ? ret : 0;
}

static int newest_first(const void *x, const void *y)
{
	const struct chat *a = x, *b = y;

	return a->clock < b->clock ? 1 : a->clock > b->clock ? -1 : 0;
}

static enum api_step list(struct api_call *c)
{
	struct chats s = { .c = c };
	json_t *chats = json_array();
	int ret = contact_each(c->a->db, add_chat, &s);

	if (s.n)
		qsort(s.list, s.n, sizeof(*s.list), newest_first);
	for (size_t i = 0; i < s.n; i++)
		json_array_append_new(chats, s.list[i].o);
	free(s.list);
	if (ret) {
		json_decref(chats);
		return api_fail_err(c, ret);
	}
	return api_result(c, json_pack("{s:o}", "chats", chats));
}

const struct api_method api_chat_list = {
	"chat.list", false, list, { { .name = NULL } },
};

/* ---- chat.history ---- */

static void reverse(json_t *list)
{
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n / 2; i++) {
		json_t *x = json_incref(json_array_get(list, i));
		json_t *y = json_incref(json_array_get(list, n - 1 - i));

		json_array_set_new(list, i, y);
		json_array_set_new(list, n - 1 - i, x);
	}
}

static enum api_step history(struct api_call *c)
{
	int64_t limit = api_int(c, "limit", PAGE_DEFAULT);
	bool before = api_text(c, "before"), after = api_text(c, "after");
	uint8_t id[MESSAGE_ID_LEN];
	struct api_page p = { .call = c };
	struct contact chat;
	int ret;

	if (limit < 1 || limit > PAGE_MAX)
		return api_fail(c, API_USAGE, "limit is 1 to %d", PAGE_MAX);
	if (before && after)
		return api_fail(c, API_USAGE, "before or after, not both");
	if (!api_contact(c, "chat", &chat) ||
	    ((before || after) &&
	     !api_message_id(c, before ? "before" : "after", id)))
		return API_DONE;
	p.contact = &chat;
	p.list = json_array();
	p.left = (int)limit;
	/* One more than asked for tells whether there is more. */
	ret = history_page(c->a->db, chat.row, before ? id : NULL,
			   after ? id : NULL, (int)limit + 1, api_page_add,
			   &p);
	if (ret < 0) {
		json_decref(p.list);
		return ret == ERR_NOT_FOUND ? api_fail(c, API_NOT_FOUND,
			"there is no such message in that chat") :
			api_fail_err(c, ret);
	}
	if (!after)
		reverse(p.list);
	return api_result(c, json_pack("{s:o, s:b}", "messages", p.list,
				       "more", p.more));
}

const struct api_method api_chat_history = {
	"chat.history", false, history, {
		{ "chat", API_TEXT, true }, { "before", API_TEXT, false },
		{ "after", API_TEXT, false }, { "limit", API_INT, false },
	},
};

/* ---- chat.read, chat.typing ---- */

struct reading {
	struct agent *a;
	const struct contact *c;
	int count;
};

static int on_read(void *ctx, const struct message *m)
{
	struct reading *r = ctx;

	r->count++;
	if (m->state != MESSAGE_RECEIVED)
		return 0;
	return receipts_due(r->a->receipts, r->c, m->id, MESSAGE_READ);
}

static int mark_read(struct agent *a, struct contact *chat,
		     const uint8_t *upto, int *count)
{
	struct reading r = { a, chat, 0 };
	int ret = history_mark_read(a->db, chat->row, upto, on_read, &r);

	if (!ret && r.count)
		ret = notice_read(a, chat, upto);
	*count = r.count;
	return ret;
}

static enum api_step read_upto(struct api_call *c)
{
	struct agent *a = c->a;
	uint8_t upto[MESSAGE_ID_LEN];
	struct contact chat;
	int count = 0, ret;

	if (!api_contact(c, "chat", &chat) ||
	    !api_message_id(c, "upto", upto))
		return API_DONE;
	ret = turn_begin(a->turn);
	if (!ret)
		ret = turn_end(a->turn, mark_read(a, &chat, upto, &count));
	if (ret == ERR_NOT_FOUND)
		return api_fail(c, API_NOT_FOUND,
				"there is no such message in that chat");
	if (ret)
		return api_fail_err(c, ret);
	return api_result(c, json_pack("{s:i}", "count", count));
}

const struct api_method api_chat_read = {
	"chat.read", false, read_upto, {
		{ "chat", API_TEXT, true }, { "upto", API_TEXT, true },
	},
};

static enum api_step typing(struct api_call *c)
{
	struct contact chat;

	if (!api_contact(c, "chat", &chat))
		return API_DONE;
	if (chat.state == CONTACT_ADDED && !chat.alert &&
	    config_on(c->a->config, "typing"))
		sendq_typing(c->a->sendq, &chat, api_bool(c, "on", false));
	return api_result(c, json_object());
}

const struct api_method api_chat_typing = {
	"chat.typing", false, typing, {
		{ "chat", API_TEXT, true }, { "on", API_BOOL, true },
	},
};
