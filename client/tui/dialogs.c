#include "dialogs.h"

#include <strings.h>

#include "buf.h"
#include "model_json.h"
#include "overlay.h"
#include "talk.h"
#include "view.h"

/* Questions. */

static bool confirm_key(struct app *a, const struct key *k)
{
	void (*yes)(struct app *, const char *) = a->overlay->yes;
	char *data;

	if (k->code != KEY_CODE_CHAR)
		return true;
	if (k->ch == 'y' || k->ch == 'Y') {
		data = a->overlay->data ? xstrdup(a->overlay->data) : NULL;
		overlay_close(a);
		yes(a, data);
		free(data);
	} else if (k->ch == 'n' || k->ch == 'N' || k->ch == 27 || k->ch == 3 ||
		   k->ch == 7) {
		overlay_close(a);
	}
	return true;
}

void dialog_confirm(struct app *a, const char *title, const char *question,
		    const char *data, void (*yes)(struct app *a, const char *data))
{
	struct overlay *o = overlay_open(a, title, "y yes   n no");

	overlay_add(o, STYLE_NORMAL, question, NULL);
	o->data = data ? xstrdup(data) : NULL;
	o->key = confirm_key;
	o->yes = yes;
}

static void leave(struct app *a, const char *data)
{
	(void)data;
	a->quit = true;
}

void dialog_quit(struct app *a)
{
	size_t unsent = model_count_pending(&a->model);
	char text[160];

	if (unsent == 0) {
		a->quit = true;
		return;
	}
	snprintf(text, sizeof(text), "%zu message%s not reached the agent yet and "
		 "would be lost. Leave all the same?", unsent,
		 unsent == 1 ? " has" : "s have");
	dialog_confirm(a, "Leave", text, NULL, leave);
}

/* Help. */

static const char *const help[][2] = {
	{ "Conversations", NULL },
	{ "Ctrl-N Ctrl-P", "next, previous (also Alt-Down, Alt-Up)" },
	{ "Alt-1 … Alt-9", "the first to the ninth" },
	{ "Ctrl-T  F2", "find one by name" },
	{ "Alt-A", "next one with unread messages" },
	{ "PgUp PgDn", "scroll through the history" },
	{ "Ctrl-Home Ctrl-End", "to the oldest loaded, to the newest" },
	{ "Writing", NULL },
	{ "Enter", "send" },
	{ "Alt-Enter  Ctrl-J", "a new line" },
	{ "Up Down", "rows, then what you sent before" },
	{ "Ctrl-A Ctrl-E", "start, end of the line" },
	{ "Alt-B Alt-F", "word back, forward (also Ctrl-arrows)" },
	{ "Ctrl-W Alt-D", "cut the word before, after" },
	{ "Ctrl-U Ctrl-K", "cut to the start, to the end of the line" },
	{ "Ctrl-Y Alt-Y", "paste what was cut, the one before" },
	{ "Ctrl-_ Alt-_", "undo, redo" },
	{ "Tab", "complete a command or a name" },
	{ "A request", NULL },
	{ "Alt-Y", "accept; answering does too" },
	{ "Alt-N Alt-B", "decline, block (with nothing typed)" },
	{ "Commands", NULL },
	{ "/add LINK [NAME]", "add a contact by their link" },
	{ "/link", "your own link, to give to others" },
	{ "/verify", "compare safety numbers" },
	{ "/search WORDS", "in all conversations" },
	{ "/rename NAME", "what you call this contact" },
	{ "/block /unblock /remove", "this contact" },
	{ "/lock /quit", "close the account; leave" },
	{ "Elsewhere", NULL },
	{ "Ctrl-L", "draw the screen anew" },
	{ "Ctrl-Z", "to the shell; fg comes back" },
	{ "Ctrl-Q", "leave; messages keep arriving" },
};

void dialog_help(struct app *a)
{
	struct overlay *o = overlay_open(a, "Help", "Esc closes, arrows scroll");
	const struct surface *s = &a->surface;
	bool narrow = s->cols < 50;
	char text[128];

	for (size_t i = 0; i < sizeof(help) / sizeof(*help); i++) {
		if (help[i][1] == NULL) {
			if (i > 0)
				overlay_add(o, STYLE_NORMAL, "", NULL);
			overlay_add(o, STYLE_ACCENT, help[i][0], NULL);
			continue;
		}
		if (narrow)
			snprintf(text, sizeof(text), "%s: %s", help[i][0], help[i][1]);
		else	/* the ellipsis has 3 bytes in 1 column */
			snprintf(text, sizeof(text), "  %-*s %s",
				 strstr(help[i][0], "…") ? 26 : 24, help[i][0],
				 help[i][1]);
		overlay_add(o, STYLE_NORMAL, text, NULL);
	}
	overlay_add(o, STYLE_NORMAL, "", NULL);
	overlay_add(o, STYLE_ACCENT, "A message of yours is", NULL);
	snprintf(text, sizeof(text), "  %s queued   %s sent   %s delivered   %s read   "
		 "%s failed", glyph_text(s, GLYPH_QUEUED), glyph_text(s, GLYPH_SENT),
		 glyph_text(s, GLYPH_DELIVERED), glyph_text(s, GLYPH_READ),
		 glyph_text(s, GLYPH_FAILED));
	overlay_add(o, STYLE_NORMAL, text, NULL);
}

/* Verify. */

static void got_marked(void *ctx, const struct reply *r)
{
	struct app *a = ctx;

	if (r->code)
		app_refused(a, r);
	else
		app_notice(a, STYLE_GOOD, "marked");
	talk_refresh(a);
}

static bool verify_key(struct app *a, const struct key *k)
{
	bool yes = k->code == KEY_CODE_CHAR && (k->ch == 'y' || k->ch == 'Y');
	bool no = k->code == KEY_CODE_CHAR && (k->ch == 'n' || k->ch == 'N');

	if (!yes && !no)
		return false;
	agent_ask(a->agent, "contact.verify",
		  json_pack("{s:s, s:b}", "contact", a->overlay->data, "verified", yes),
		  got_marked, NULL);
	overlay_close(a);
	return true;
}

/* The number in groups of five digits, so many to a row. */
static void add_number(struct overlay *o, const char *number)
{
	char row[64];
	size_t used = 2, groups = 0;

	snprintf(row, sizeof(row), "  ");
	for (; *number && strlen(number) >= 1; ) {
		size_t n = 0;

		while (*number == ' ' || *number == '\n')
			number++;
		while (n < 5 && number[n] && number[n] != ' ' && number[n] != '\n')
			n++;
		if (n == 0)
			break;
		snprintf(row + used, sizeof(row) - used, "%.*s  ", (int)n, number);
		used += n + 2;
		number += n;
		if (++groups == 4) {
			overlay_add(o, STYLE_BOLD, row, NULL);
			groups = 0;
			used = 2;
		}
	}
	if (groups > 0)
		overlay_add(o, STYLE_BOLD, row, NULL);
}

static void got_number(void *ctx, const struct reply *r)
{
	struct app *a = ctx;
	const struct chat *c = model_find(&a->model, r->tag);
	bool verified = json_is_true(json_object_get(r->result, "verified"));
	struct overlay *o;
	char title[128];

	if (r->code || c == NULL) {
		if (r->code)
			app_refused(a, r);
		return;
	}
	snprintf(title, sizeof(title), "Safety number with %.80s", c->name);
	o = overlay_open(a, title, "y it matches   n it does not   Esc closes");
	add_number(o, json_text(r->result, "safety_number"));
	overlay_add(o, STYLE_NORMAL, "", NULL);
	overlay_add(o, STYLE_NORMAL, "Compare it in person or by phone. When both see "
		    "the same number, nobody stands between you.", NULL);
	overlay_add(o, verified ? STYLE_GOOD : STYLE_DIM,
		    verified ? "You have verified it." : "Not verified yet.", NULL);
	o->data = xstrdup(c->account);
	o->key = verify_key;
}

void dialog_verify(struct app *a)
{
	const char *account = a->open->account;

	agent_ask(a->agent, "contact.verify", json_pack("{s:s}", "contact", account),
		  got_number, account);
}

/* Search. */

static void found_chosen(struct app *a, const char *id)
{
	talk_jump(a, id);
}

static void add_found(struct app *a, struct overlay *o, const json_t *m)
{
	const struct chat *c = model_find(&a->model, json_text(m, "chat"));
	int64_t at = json_number(m, "sent_at");
	char when[32], *line, *text;
	size_t size;

	view_moment(when, at);
	text = text_printable_str(json_text(m, "text"), TEXT_LINE);
	size = strlen(text) + 512;
	line = xmalloc(size);
	snprintf(line, size, "%s  %.100s: %s", when,
		 json_is_true(json_object_get(m, "outgoing")) ? "You" :
		 c ? c->name : "?", text);
	overlay_add(o, STYLE_NORMAL, line, json_text(m, "id"));
	free(line);
	free(text);
}

static void got_found(void *ctx, const struct reply *r)
{
	struct app *a = ctx;
	const json_t *list = json_object_get(r->result, "messages"), *m;
	struct overlay *o;
	char title[96];
	size_t i;

	if (r->code) {
		app_refused(a, r);
		return;
	}
	if (json_array_size(list) == 0) {
		app_notice(a, STYLE_WARN, "nothing found for %s", r->tag);
		return;
	}
	snprintf(title, sizeof(title), "Found: %.60s", r->tag);
	o = overlay_open(a, title, "Enter goes there, Esc closes");
	json_array_foreach(list, i, m)
		add_found(a, o, m);
	o->selected = 0;
	o->choose = found_chosen;
}

void dialog_search(struct app *a, const char *words)
{
	agent_ask(a->agent, "message.search",
		  json_pack("{s:s, s:i}", "words", words, "limit", 50),
		  got_found, words);
}

/* Going to a conversation by name. */

static void chat_chosen(struct app *a, const char *account)
{
	struct chat *c = model_find(&a->model, account);

	if (c != NULL)
		talk_open(a, c);
}

static void list_chats(struct app *a)
{
	struct overlay *o = a->overlay;
	char line[256];

	overlay_clear(o);
	for (size_t i = 0; i < a->model.n; i++) {
		const struct chat *c = a->model.chats[i];
		const char *state = c->state == CHAT_REQUEST ? "  wants to talk" :
			c->state == CHAT_BLOCKED ? "  blocked" : "";

		if (o->filter[0] && !strcasestr(c->name, o->filter))
			continue;
		if (c->unread > 0)
			snprintf(line, sizeof(line), "%.120s (%u)%s", c->name,
				 c->unread, state);
		else
			snprintf(line, sizeof(line), "%.120s%s", c->name, state);
		overlay_add(o, c->unread ? STYLE_BOLD : STYLE_NORMAL, line, c->account);
	}
	if (o->n == 0)
		overlay_add(o, STYLE_DIM, a->model.n ? "no name fits" :
			    "nobody yet: /add LINK", NULL);
}

void dialog_switch(struct app *a)
{
	struct overlay *o = overlay_open(a, "Go to", "type to find, Enter goes there");

	o->refilter = list_chats;
	o->choose = chat_chosen;
	list_chats(a);
	o->selected = 0;
}
