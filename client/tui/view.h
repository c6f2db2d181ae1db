/* The parts of the main screen. Each paints one rectangle of the surface. */
#ifndef SOTTO_VIEW_H
#define SOTTO_VIEW_H

#include "draw.h"
#include "model.h"

/* Local time, "09:41". */
void view_clock(char out[static 16], int64_t at_ms);
/* "Tuesday, 24 November"; with the year when it is not that of now_ms. */
void view_day(char out[static 64], int64_t at_ms, int64_t now_ms);
/* "24 Nov 09:41" */
void view_moment(char out[static 32], int64_t at_ms);
bool view_same_day(int64_t a_ms, int64_t b_ms);
enum glyph view_state_glyph(enum message_state s, enum style *style);

/* The conversations; *top is the first that is shown, moved so that open is. */
void view_list(struct surface *s, struct rect r, const struct model *m,
	       const struct chat *open, int *top, int64_t now_ms);

/* The messages. */
struct chat_view {
	struct surface *s;
	struct rect r;
	struct chat *c;
	int64_t wall;
	const char *own_name;
};

/* Paints, and corrects the anchor. *bottom: index of the last message of which
 * something is shown (c->n > 0); *at_top: the first row of the window is shown;
 * *below: rows hidden below. */
void view_chat(const struct chat_view *v, size_t *bottom, bool *at_top, int *below);
/* Moves the view by rows, down is positive; returns how many it moved. */
int view_chat_scroll(const struct chat_view *v, int rows);
/* Puts the line "new" at the top when it stands above the view. */
void view_chat_show_unread(const struct chat_view *v);

#endif
