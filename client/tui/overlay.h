/* A page over the main screen: text to read, or a list to choose from. */
#ifndef SOTTO_OVERLAY_H
#define SOTTO_OVERLAY_H

#include "app.h"

struct overlay_row {
	char *text;
	enum style style;
	char *value;		/* what choosing it gives; NULL: not to be chosen */
};

struct overlay {
	char *title;
	const char *hint;	/* the keys, on the last line */
	struct overlay_row *rows;
	size_t n;
	int top;		/* first row that is shown */
	int selected;		/* -1: text, no list */
	bool wide;		/* the whole width without a frame, to be copied from */
	char *data;		/* the dialog's own: an account, a link; may be NULL */
	char filter[64];

	/* All may be NULL. */
	bool (*key)(struct app *a, const struct key *k);	/* true: taken */
	void (*choose)(struct app *a, const char *value);
	void (*refilter)(struct app *a);	/* typed text changes the list */
	/* Paints below the rows; first is the first free row. */
	void (*extra)(struct app *a, struct rect r, int first);
	void (*yes)(struct app *a, const char *data);	/* of dialog_confirm */
	void *more;				/* the dialog's own */
	void (*done)(struct overlay *o);	/* it is being closed: frees more */
};

/* Replaces the one before. title is copied, hint not. */
struct overlay *overlay_open(struct app *a, const char *title, const char *hint);
void overlay_add(struct overlay *o, enum style st, const char *text, const char *value);
void overlay_clear(struct overlay *o);
void overlay_close(struct app *a);
void overlay_key(struct app *a, const struct key *k);
void overlay_text(struct app *a, const char *text, size_t len);
void overlay_paint(struct app *a);

#endif
