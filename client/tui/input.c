#include "input.h"

#include <utf8proc.h>

#include "buf.h"
#include "capability.h"
#include "commands.h"
#include "dialogs.h"
#include "first_run.h"
#include "overlay.h"
#include "paint.h"
#include "talk.h"
#include "unlock.h"

enum { QUIT_AGAIN_MS = 2000, PASTE_IDLE_MS = 1000,
       PASTE_FIRST = 2048 };

#define CTRL(c) ((c) & 31)

/* Text goes to what has the focus. */
static void input_text(struct app *a, const char *text, size_t len)
{
	if (len == 0)
		return;
	a->dirty = true;
	if (a->overlay) {
		overlay_text(a, text, len);
	} else if (a->mode == MODE_FIRST_RUN) {
		first_run_text(a, text, len);
	} else if (a->mode == MODE_LOCKED) {
		unlock_text(a, text, len);
	} else if (a->mode == MODE_CHAT) {
		if (edit_insert(a->edit, text, len) != OK)
			app_notice(a, STYLE_WARN, "a message has at most %d bytes",
				   TEXT_BYTES_MAX);
		talk_edited(a);
	}
}

/* Makes one line of a command that was pasted with ends of lines in it: those at
 * its end go; within a link that a terminal broke they go too. False when it
 * is text of several lines. */
static bool join_command(char *line)
{
	size_t len = strlen(line);
	char *nl, *cap;

	while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == ' '))
		line[--len] = '\0';
	while ((nl = strchr(line, '\n')) != NULL) {
		if (strncmp(line, "/add sotto://", 13) != 0)
			return false;
		cap = memchr(line, '#', (size_t)(nl - line));
		if (cap != NULL && nl - cap > CAPABILITY_TEXT_LEN &&
		    !(nl[1] == '?' || nl[1] == '&' || nl[1] == '='))
			*nl = ' ';		/* a name follows */
		else
			memmove(nl, nl + 1, strlen(nl));
	}
	return true;
}

static bool is_command(char *line)
{
	return line[0] == '/' && line[1] != '/' && join_command(line);
}

static void send_line(struct app *a)
{
	const char *text = edit_text(a->edit);
	char *line;

	if (*text == '\0')
		return;
	line = xstrdup(text);
	if (is_command(line)) {
		/* first emptied: the command may open another conversation */
		edit_accept(a->edit);
		if (!command_run(a, line) && edit_len(a->edit) == 0)
			edit_set(a->edit, line);
	} else if (a->open == NULL) {
		app_notice(a, STYLE_WARN, "nobody to send it to; /add LINK adds somebody");
	} else if (a->open->state == CHAT_BLOCKED) {
		app_notice(a, STYLE_WARN, "%s is blocked; /unblock first", a->open->name);
	} else {
		edit_accept(a->edit);
		talk_send(a, line + (line[0] == '/' && line[1] == '/'));
	}
	free(line);
}

static void add_line(struct app *a)
{
	input_text(a, "\n", 1);
}

static void cancel(struct app *a)
{
	if (edit_len(a->edit) > 0) {
		edit_do(a->edit, EDIT_KILL_ALL);	/* Ctrl-Y brings it back */
		talk_edited(a);
	} else if (a->quit_armed) {
		dialog_quit(a);
	} else {
		app_notice(a, STYLE_DIM, "Ctrl-C again leaves; messages keep arriving");
		a->quit_armed = a->now + QUIT_AGAIN_MS;
	}
}

static void to_newest(struct app *a)
{
	struct chat *c = a->open;

	if (c == NULL)
		return;
	c->follow = true;
	if (c->more_after) {
		model_shrink(c);
		talk_reload(a);
	}
}

static void escape(struct app *a)
{
	a->notice_until = 0;
	to_newest(a);
}

static void page_up(struct app *a)
{
	paint_scroll(a, -(a->view_rows > 2 ? a->view_rows - 1 : 1));
}

static void page_down(struct app *a)
{
	paint_scroll(a, a->view_rows > 2 ? a->view_rows - 1 : 1);
}

static void to_oldest(struct app *a)
{
	paint_scroll(a, -1000000);
}

static void next_chat(struct app *a)
{
	talk_step(a, 1);
}

static void previous_chat(struct app *a)
{
	talk_step(a, -1);
}

static void complete(struct app *a)
{
	if (!command_complete(a))
		screen_beep();
}

static void redraw(struct app *a)
{
	(void)a;
	screen_redraw();
}

static bool is_request(const struct app *a)
{
	return a->open && a->open->state == CHAT_REQUEST && edit_len(a->edit) == 0;
}

static void yes_or_pop(struct app *a)
{
	if (is_request(a))
		command_accept(a);
	else
		edit_do(a->edit, EDIT_YANK_POP);
}

static void decline(struct app *a)
{
	if (is_request(a))
		command_decline(a);
}

static void block_or_word(struct app *a)
{
	if (is_request(a))
		command_block(a);
	else
		edit_do(a->edit, EDIT_WORD_LEFT);
}

struct binding {
	enum key_code code;
	uint32_t ch;
	bool alt, ctrl;
	void (*run)(struct app *a);
	enum edit_op op;	/* when run is NULL */
};

static const struct binding bindings[] = {
	{ KEY_CODE_CHAR, '\r', 0, 0, send_line, 0 },
	{ KEY_CODE_CHAR, '\r', 1, 0, add_line, 0 },
	{ KEY_CODE_CHAR, '\n', 0, 0, add_line, 0 },
	{ KEY_CODE_CHAR, '\t', 0, 0, complete, 0 },
	{ KEY_CODE_CHAR, CTRL('A'), 0, 0, NULL, EDIT_LINE_START },
	{ KEY_CODE_CHAR, CTRL('B'), 0, 0, NULL, EDIT_LEFT },
	{ KEY_CODE_CHAR, CTRL('C'), 0, 0, cancel, 0 },
	{ KEY_CODE_CHAR, CTRL('D'), 0, 0, NULL, EDIT_DELETE },
	{ KEY_CODE_CHAR, CTRL('E'), 0, 0, NULL, EDIT_LINE_END },
	{ KEY_CODE_CHAR, CTRL('F'), 0, 0, NULL, EDIT_RIGHT },
	{ KEY_CODE_CHAR, CTRL('G'), 0, 0, dialog_help, 0 },
	{ KEY_CODE_CHAR, CTRL('K'), 0, 0, NULL, EDIT_KILL_LINE_END },
	{ KEY_CODE_CHAR, CTRL('L'), 0, 0, redraw, 0 },
	{ KEY_CODE_CHAR, CTRL('N'), 0, 0, next_chat, 0 },
	{ KEY_CODE_CHAR, CTRL('P'), 0, 0, previous_chat, 0 },
	{ KEY_CODE_CHAR, CTRL('Q'), 0, 0, dialog_quit, 0 },
	{ KEY_CODE_CHAR, CTRL('T'), 0, 0, dialog_switch, 0 },
	{ KEY_CODE_CHAR, CTRL('U'), 0, 0, NULL, EDIT_KILL_LINE_START },
	{ KEY_CODE_CHAR, CTRL('W'), 0, 0, NULL, EDIT_KILL_WORD_LEFT },
	{ KEY_CODE_CHAR, CTRL('Y'), 0, 0, NULL, EDIT_YANK },
	{ KEY_CODE_CHAR, 31, 0, 0, NULL, EDIT_UNDO },
	{ KEY_CODE_CHAR, 27, 0, 0, escape, 0 },
	{ KEY_CODE_CHAR, '_', 1, 0, NULL, EDIT_REDO },
	{ KEY_CODE_CHAR, 'a', 1, 0, talk_next_unread, 0 },
	{ KEY_CODE_CHAR, 'b', 1, 0, block_or_word, 0 },
	{ KEY_CODE_CHAR, 'd', 1, 0, NULL, EDIT_KILL_WORD_RIGHT },
	{ KEY_CODE_CHAR, 'f', 1, 0, NULL, EDIT_WORD_RIGHT },
	{ KEY_CODE_CHAR, 'h', 1, 0, dialog_help, 0 },
	{ KEY_CODE_CHAR, 'n', 1, 0, decline, 0 },
	{ KEY_CODE_CHAR, 't', 1, 0, NULL, EDIT_TRANSPOSE },
	{ KEY_CODE_CHAR, 'y', 1, 0, yes_or_pop, 0 },
	{ KEY_CODE_CHAR, '<', 1, 0, to_oldest, 0 },
	{ KEY_CODE_CHAR, '>', 1, 0, to_newest, 0 },
	{ KEY_CODE_UP, 0, 0, 0, NULL, EDIT_ROW_UP },
	{ KEY_CODE_DOWN, 0, 0, 0, NULL, EDIT_ROW_DOWN },
	{ KEY_CODE_UP, 0, 1, 0, previous_chat, 0 },
	{ KEY_CODE_DOWN, 0, 1, 0, next_chat, 0 },
	{ KEY_CODE_UP, 0, 0, 1, NULL, EDIT_HISTORY_OLDER },
	{ KEY_CODE_DOWN, 0, 0, 1, NULL, EDIT_HISTORY_NEWER },
	{ KEY_CODE_LEFT, 0, 0, 0, NULL, EDIT_LEFT },
	{ KEY_CODE_RIGHT, 0, 0, 0, NULL, EDIT_RIGHT },
	{ KEY_CODE_LEFT, 0, 0, 1, NULL, EDIT_WORD_LEFT },
	{ KEY_CODE_RIGHT, 0, 0, 1, NULL, EDIT_WORD_RIGHT },
	{ KEY_CODE_LEFT, 0, 1, 0, NULL, EDIT_WORD_LEFT },
	{ KEY_CODE_RIGHT, 0, 1, 0, NULL, EDIT_WORD_RIGHT },
	{ KEY_CODE_HOME, 0, 0, 0, NULL, EDIT_LINE_START },
	{ KEY_CODE_END, 0, 0, 0, NULL, EDIT_LINE_END },
	{ KEY_CODE_HOME, 0, 0, 1, to_oldest, 0 },
	{ KEY_CODE_END, 0, 0, 1, to_newest, 0 },
	{ KEY_CODE_PAGE_UP, 0, 0, 0, page_up, 0 },
	{ KEY_CODE_PAGE_DOWN, 0, 0, 0, page_down, 0 },
	{ KEY_CODE_DELETE, 0, 0, 0, NULL, EDIT_DELETE },
	{ KEY_CODE_BACKSPACE, 0, 0, 0, NULL, EDIT_BACKSPACE },
	{ KEY_CODE_BACKSPACE, 0, 1, 0, NULL, EDIT_KILL_WORD_LEFT },
	{ KEY_CODE_F1, 0, 0, 0, dialog_help, 0 },
	{ KEY_CODE_F2, 0, 0, 0, dialog_switch, 0 },
};

static bool matches(const struct binding *b, const struct key *k)
{
	return b->code == k->code && b->alt == k->alt && b->ctrl == k->ctrl &&
		(k->code != KEY_CODE_CHAR || b->ch == k->ch);
}

static void chat_key(struct app *a, const struct key *k)
{
	if (k->code == KEY_CODE_CHAR && k->alt && k->ch >= '1' && k->ch <= '9') {
		if (k->ch - '1' < a->model.n)
			talk_open(a, a->model.chats[k->ch - '1']);
		return;
	}
	for (size_t i = 0; i < sizeof(bindings) / sizeof(*bindings); i++) {
		const struct binding *b = &bindings[i];

		if (!matches(b, k))
			continue;
		if (b->run)
			b->run(a);
		else if (edit_do(a->edit, b->op))
			talk_edited(a);
		return;
	}
}

static void waiting_key(struct app *a, const struct key *k)
{
	if (k->code == KEY_CODE_CHAR && (k->ch == 3 || k->ch == CTRL('Q')))
		a->quit = true;
}

static void add_char(struct app *a, uint32_t ch)
{
	uint8_t b[4];
	size_t n = (size_t)utf8proc_encode_char((utf8proc_int32_t)ch, b);

	/* it may be a passphrase: no copy is left behind by growing */
	if (a->paste->len == 0 && !buf_reserve(a->paste, PASTE_FIRST))
		return;
	/* beyond the maximum it would be refused as a whole anyway */
	if (buf_append(a->paste, b, n) != OK)
		return;
	a->paste_until = a->pasting ? a->now + PASTE_IDLE_MS : 0;
}

void input_flush(struct app *a)
{
	if (a->pasting || a->paste->len == 0)
		return;
	input_text(a, (const char *)a->paste->data, a->paste->len);
	buf_wipe(a->paste);
}

void input_paste_lost(struct app *a)
{
	a->pasting = false;
	input_flush(a);
}

static void dispatch(struct app *a, const struct key *k)
{
	a->dirty = true;
	if (k->code == KEY_CODE_CHAR && k->ch == CTRL('L'))
		redraw(a);
	else if (a->overlay)
		overlay_key(a, k);
	else if (a->mode == MODE_FIRST_RUN)
		first_run_key(a, k);
	else if (a->mode == MODE_LOCKED)
		unlock_key(a, k);
	else if (a->mode == MODE_CHAT)
		chat_key(a, k);
	else
		waiting_key(a, k);
}

/* Whether the overlay takes letters as commands, not as text. */
static bool letters_are_keys(const struct app *a)
{
	return a->overlay && a->overlay->refilter == NULL;
}

void input_key(struct app *a, const struct key *k)
{
	bool plain = k->code == KEY_CODE_CHAR && !k->alt && k->ch >= 32;

	if (k->code == KEY_CODE_FOCUS_IN || k->code == KEY_CODE_FOCUS_OUT) {
		a->unfocused = k->code == KEY_CODE_FOCUS_OUT;
		a->dirty = true;
		return;
	}
	if (k->code == KEY_CODE_PASTE_BEGIN || k->code == KEY_CODE_PASTE_END) {
		input_flush(a);
		a->pasting = k->code == KEY_CODE_PASTE_BEGIN;
		a->paste_until = a->pasting ? a->now + PASTE_IDLE_MS : 0;
		input_flush(a);
		return;
	}
	if (a->pasting && k->code == KEY_CODE_CHAR) {
		add_char(a, k->ch);
		return;
	}
	/* characters that come together go in together: a burst costs one change,
	 * and what joins is seen joined */
	if (plain && !letters_are_keys(a)) {
		add_char(a, k->ch);
		return;
	}
	input_flush(a);
	a->scroll_owed = 0;
	dispatch(a, k);
}
