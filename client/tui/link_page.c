/* The page with one's own link and its QR code (dialogs.h). */
#include "buf.h"
#include "dialogs.h"
#include "model_json.h"
#include "overlay.h"
#include "qr.h"

static const char hint_plain[] = "c copies it   Esc closes";
static const char hint_more[] = "c copies it   r shows the QR code   Esc closes";
static const char hint_qr[] = "r back to the text   Esc closes";

struct link_page {
	struct qr *code;
	bool alone;		/* the code has the screen to itself */
	bool welcome;
};

static struct link_page *page_of(const struct app *a)
{
	return a->overlay->more;
}

static void page_done(struct overlay *o)
{
	struct link_page *p = o->more;

	qr_destroy(p->code);
	free(p);
}

static void fill(struct app *a);

static bool page_key(struct app *a, const struct key *k)
{
	struct overlay *o = a->overlay;
	struct link_page *page = page_of(a);

	if (k->code != KEY_CODE_CHAR || o->data == NULL)
		return false;
	if (k->ch == 'c') {
		screen_copy(o->data);
		app_notice(a, STYLE_GOOD, "sent to the terminal's clipboard");
		return true;
	}
	if (k->ch == 'r' && page->code) {
		page->alone = !page->alone;
		fill(a);
		return true;
	}
	return false;
}

static void page_extra(struct app *a, struct rect r, int first)
{
	struct surface *s = &a->surface;
	int room = r.row + r.rows - first, rows, cols;
	const struct link_page *page = page_of(a);

	if (page->code == NULL || s->ascii)
		return;
	rows = qr_rows(page->code);
	cols = qr_cols(page->code);
	if (cols > r.cols || (page->alone ? s->rows : room - 1) < rows) {
		if (page->alone)
			draw_fit(s, first, r.col, r.cols, STYLE_DIM,
				 "The screen is too small for the QR code.");
		return;
	}
	if (page->alone)
		qr_draw(page->code, s, (s->rows - rows) / 2, r.col + (r.cols - cols) / 2);
	else
		qr_draw(page->code, s, first + 1, r.col);
}

static void fill(struct app *a)
{
	struct overlay *o = a->overlay;
	const struct link_page *page = page_of(a);

	overlay_clear(o);
	o->top = 0;
	if (page->alone) {
		o->hint = hint_qr;
		return;
	}
	if (a->surface.rows < 10 && o->data) {
		overlay_add(o, STYLE_ACCENT, o->data, NULL);
	} else if (page->welcome) {
		overlay_add(o, STYLE_NORMAL, "Your account is ready. Give this link to "
			    "people who should be able to write to you:", NULL);
	} else {
		overlay_add(o, STYLE_NORMAL, "Whoever has this link can write to you:",
			    NULL);
	}
	if (o->data == NULL) {
		overlay_add(o, STYLE_DIM, "waiting for the relay...", NULL);
		return;
	}
	if (a->surface.rows >= 10) {
		overlay_add(o, STYLE_NORMAL, "", NULL);
		overlay_add(o, STYLE_ACCENT, o->data, NULL);
		overlay_add(o, STYLE_NORMAL, "", NULL);
	}
	overlay_add(o, STYLE_DIM, "They add it with  /add LINK  and you see a request.",
		    NULL);
	o->hint = page->code && !a->surface.ascii ? hint_more : hint_plain;
}

static void got_link(void *ctx, const struct reply *r)
{
	struct app *a = ctx;
	struct overlay *o = a->overlay;

	if (o == NULL || o->key != page_key || o->data != NULL)
		return;
	a->dirty = true;
	if (r->code == 3 && a->connection.state != CONNECTION_ONLINE)
		return;		/* dialog_online asks again */
	if (r->code) {
		overlay_add(o, STYLE_BAD, r->message, NULL);
		return;
	}
	o->data = text_printable_str(json_text(r->result, "link"), TEXT_LINE);
	page_of(a)->code = qr_create(o->data);
	fill(a);
}

void dialog_link(struct app *a, bool welcome)
{
	struct overlay *o = overlay_open(a, welcome ? "Welcome to sotto" : "Your link",
					 hint_plain);
	struct link_page *page = xcalloc(1, sizeof(*page));

	page->welcome = welcome;
	o->more = page;
	o->wide = true;
	o->key = page_key;
	o->extra = page_extra;
	o->done = page_done;
	fill(a);
	agent_ask(a->agent, "link.get", NULL, got_link, NULL);
}

void dialog_online(struct app *a)
{
	struct overlay *o = a->overlay;

	if (o != NULL && o->key == page_key && o->data == NULL)
		agent_ask(a->agent, "link.get", NULL, got_link, NULL);
}
