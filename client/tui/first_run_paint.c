#include "account.h"
#include "first_run_int.h"

/* In full, and for a narrow screen. */
static const char *const labels[N_FIELDS][2] = {
	{ "Relay", "Relay" }, { "Your name", "Name" }, { "Protect it by", "Lock" },
	{ "Passphrase", "Pass" }, { "Once more", "Again" },
};

static void paint_protect(const struct first_run *f, struct surface *s, int row,
			  int col, int cols)
{
	int used = draw_glyph(s, row, col, 1, f->key_file ? STYLE_DIM : STYLE_ACCENT,
			      f->key_file ? GLYPH_RING : GLYPH_DOT) + 1;

	used += draw_fit(s, row, col + used, cols - used,
			 f->key_file ? STYLE_DIM : STYLE_NORMAL, "passphrase") + 3;
	if (used + 6 > cols)
		return;
	used += draw_glyph(s, row, col + used, 1, f->key_file ? STYLE_ACCENT :
			   STYLE_DIM, f->key_file ? GLYPH_DOT : GLYPH_RING) + 1;
	draw_fit(s, row, col + used, cols - used,
		 f->key_file ? STYLE_NORMAL : STYLE_DIM, "key file");
}

static void paint_pass(const struct passfield *p, struct surface *s, int row, int col,
		       int cols, bool focus)
{
	int n = (int)passfield_chars(p);

	if (n > cols - 1)
		n = cols - 1;
	for (int i = 0; i < n; i++)
		draw_text(s, row, col + i, 1, STYLE_NORMAL, "*");
	if (focus) {
		s->cursor_row = row;
		s->cursor_col = col + n;
	}
}

static void paint_field(const struct first_run *f, struct surface *s, enum field i,
			int row, struct rect r, int label_cols)
{
	bool focus = i == f->field;
	int col = r.col + label_cols + 2, cols = r.cols - label_cols - 2;
	const struct edit *e = i == FIELD_RELAY ? f->relay : f->name;

	if (focus)
		draw_glyph(s, row, r.col, 1, STYLE_ACCENT, GLYPH_BAR);
	draw_fit(s, row, r.col + 1, label_cols, focus ? STYLE_BOLD : STYLE_DIM,
		 labels[i][label_cols < 13]);
	if (i == FIELD_PROTECT)
		paint_protect(f, s, row, col, cols);
	else if (i == FIELD_PASS || i == FIELD_AGAIN)
		paint_pass(i == FIELD_PASS ? f->pass : f->again, s, row, col, cols, focus);
	else if (focus)
		draw_field(s, row, col, cols, edit_text(e), edit_cursor(e));
	else
		draw_fit(s, row, col, cols, STYLE_NORMAL, edit_text(e));
}

static void paint_form(struct app *a, struct rect r)
{
	static const char *const notes[N_FIELDS] = {
		"The server that keeps mail for you until you fetch it. It cannot "
		"read any.",
		"What people who get your link see. It may stay empty.",
		"A passphrase is asked after each start of the agent; a key file "
		"opens by itself. Arrows choose.",
		"It encrypts everything on this machine. Nobody can reset it.",
		"The passphrase again, against slips.",
	};
	const struct first_run *f = a->first_run;
	struct surface *s = &a->surface;
	bool small = r.rows < 12;
	int row = r.row;

	if (!small) {
		draw_fit(s, row + 1, r.col, r.cols, STYLE_NORMAL,
			 "Let us make your account.");
		row += 3;
	}
	for (enum field i = 0; i <= first_run_last_field(f); i++)
		if (!small || i == f->field) {
			paint_field(f, s, i, row, r, r.cols < 40 ? 6 : 14);
			row += 1;
		}
	row += !small;
	if (f->step == STEP_WAIT)
		draw_fit(s, row, r.col, r.cols, STYLE_DIM, "making keys...");
	else
		draw_wrapped(s, (struct rect){ row, r.col, small ? r.rows - 2 : 3,
			     r.cols }, f->error ? STYLE_BAD : STYLE_DIM,
			     f->error ? f->error : notes[f->field]);
	draw_fit(s, r.row + r.rows - 1, r.col, r.cols, STYLE_DIM,
		 r.cols < 40 ? "Enter goes on" :
		 "Enter goes on   arrows move   Ctrl-C leaves");
}

static void paint_key(struct app *a, struct rect r)
{
	const struct first_run *f = a->first_run;
	struct surface *s = &a->surface;
	const char *key = (const char *)f->recovery->data;
	int row = r.row, each = r.cols >= RECOVERY_TEXT_LEN + 2 ? 64 :
		r.cols >= 34 ? 32 : 16;

	if (r.rows >= 10) {
		row += 1;
		row += draw_wrapped(s, (struct rect){ row, r.col, 4, r.cols },
				    STYLE_NORMAL, "This is your recovery key. It is your "
				    "account: with it you come back after losing this "
				    "machine, and nobody can without it. Write it down "
				    "on paper now; it is not shown again.") + 1;
	}
	/* groups of 7 characters and a hyphen, whole ones to a row */
	for (size_t at = 0, len = strlen(key); at < len; at += (size_t)each)
		draw_bytes(s, row++, r.col, r.cols, STYLE_BOLD, key + at,
			   len - at < (size_t)each ? len - at : (size_t)each);
	draw_fit(s, r.row + r.rows - 1, r.col, r.cols, STYLE_DIM,
		 r.cols < 40 ? "Enter: written down" :
		 "Enter when you have written it down");
}

void first_run_paint(struct app *a)
{
	const struct first_run *f = a->first_run;
	struct surface *s = &a->surface;
	struct rect r = draw_box(s, draw_centre(s, 17, 76),
				 f->step == STEP_KEY ? "Your recovery key" :
				 "Welcome to sotto");

	s->cursor_row = -1;
	if (f->step == STEP_KEY)
		paint_key(a, r);
	else
		paint_form(a, r);
	if (f->step != STEP_FORM)
		s->cursor_row = -1;
}
