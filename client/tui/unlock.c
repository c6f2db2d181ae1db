#include "unlock.h"

#include <unistd.h>

#include "buf.h"
#include "passfield.h"
#include "text.h"

void unlock_begin(struct app *a)
{
	if (a->pass == NULL)
		a->pass = passfield_create();
	a->unlocking = false;
}

void unlock_end(struct app *a)
{
	passfield_destroy(a->pass);
	a->pass = NULL;
	a->unlocking = false;
	free(a->pass_error);
	a->pass_error = NULL;
}

static void got_unlocked(void *ctx, const struct reply *r)
{
	struct app *a = ctx;

	a->unlocking = false;
	a->dirty = true;
	if (r->code == 0) {
		app_hello(a);
		return;
	}
	free(a->pass_error);
	a->pass_error = text_printable_str(r->message, TEXT_LINE);
	if (a->pass)
		passfield_clear(a->pass);
}

static void unlock(struct app *a)
{
	int fd;

	if (a->unlocking || passfield_chars(a->pass) == 0 || !agent_is_up(a->agent))
		return;
	if (passfield_pipe(a->pass, &fd) != OK) {
		app_notice(a, STYLE_BAD, "no pipe for the passphrase");
		return;
	}
	a->unlocking = true;
	free(a->pass_error);
	a->pass_error = NULL;
	agent_ask_fds(a->agent, "account.unlock",
		      json_pack("{s:[s]}", "fds", "passphrase"), &fd, 1,
		      got_unlocked);
	close(fd);
}

void unlock_key(struct app *a, const struct key *k)
{
	a->dirty = true;
	if (k->code == KEY_CODE_BACKSPACE)
		passfield_back(a->pass);
	else if (k->code == KEY_CODE_CHAR && (k->ch == '\r' || k->ch == '\n'))
		unlock(a);
	else if (k->code == KEY_CODE_CHAR && k->ch == 21)
		passfield_clear(a->pass);
	else if (k->code == KEY_CODE_CHAR &&
		 (k->ch == 3 || k->ch == 4 || k->ch == 27))
		a->quit = true;
}

void unlock_text(struct app *a, const char *text, size_t len)
{
	if (!a->unlocking)
		passfield_add(a->pass, text, len);
	a->dirty = true;
}

void unlock_paint(struct app *a)
{
	struct surface *s = &a->surface;
	int rows = s->rows >= 10 ? 8 : s->rows, cols = s->cols >= 60 ? 56 : s->cols;
	struct rect r = draw_box(s, draw_centre(s, rows, cols), "Locked");
	int row = r.row, used;
	size_t chars = a->pass ? passfield_chars(a->pass) : 0;

	if (r.rows >= 5) {
		draw_fit(s, row + 1, r.col, r.cols, STYLE_NORMAL,
			 "Your account is locked.");
		row += 3;
	} else {
		draw_fit(s, row++, r.col, r.cols, STYLE_BOLD, "Locked");
	}
	used = draw_fit(s, row, r.col, r.cols - 4, STYLE_DIM, "Passphrase ");
	for (size_t i = 0; i < chars && used < r.cols - 1; i++)
		used += draw_text(s, row, r.col + used, 1, STYLE_NORMAL, "*");
	s->cursor_row = row;
	s->cursor_col = r.col + used;
	if (a->unlocking)
		draw_fit(s, row + 1, r.col, r.cols, STYLE_DIM, "opening...");
	else if (a->pass_error)
		draw_fit(s, row + 1, r.col, r.cols, STYLE_BAD, a->pass_error);
	if (r.rows >= 5)
		draw_fit(s, r.row + r.rows - 1, r.col, r.cols, STYLE_DIM,
			 "Enter opens it, Esc leaves");
}
