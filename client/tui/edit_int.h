/* Inside the editor: shared by edit.c, edit_move.c and edit_kill.c alone. */
#ifndef SOTTO_EDIT_INT_H
#define SOTTO_EDIT_INT_H

#include "buf.h"
#include "edit.h"

struct snapshot {
	char *text;
	size_t cursor;
};

/* What the op before was: typing is one step of undo, kills in a row one kill,
 * a pop follows a yank alone. */
enum last { LAST_OTHER, LAST_TYPING, LAST_KILL, LAST_YANK };

struct edit {
	char *text;		/* max + 1 bytes at most */
	size_t len, cap, max, cursor;
	int width, goal;	/* goal: column that rows up and down keep, or -1 */
	enum last last;
	char *history[EDIT_HISTORY_MAX];	/* newest first */
	int n_history, at_history;		/* at: -1 is the text being written */
	char *draft;				/* that text, while in the history */
	char *kills[EDIT_KILLS_MAX];		/* newest first */
	int n_kills, at_kill;
	size_t yank_start;
	struct snapshot undo[EDIT_UNDO_MAX], redo[EDIT_UNDO_MAX];	/* oldest first */
	int n_undo, n_redo;
};

/* Text made fit to be edited and sent: valid UTF-8 (bad bytes become U+FFFD)
 * without control and invisible format characters; tabs become spaces. More is
 * kept than text_printable keeps, joiners of emoji above all, because this text
 * is what others get. ERR_TOO_BIG beyond out's maximum. */
int edit_clean(const char *text, size_t len, struct buf *out) must_check;

/* Call before a change of the text. */
void edit_keep(struct edit *e);
/* Replaces `remove` bytes at `at`; the caller has seen to the maximum. */
void edit_splice(struct edit *e, size_t at, size_t remove, const char *text,
		 size_t len);
/* Replaces all; too long a text is cut. */
void edit_replace(struct edit *e, const char *text, size_t cursor);

size_t edit_next(const struct edit *e, size_t at);
size_t edit_previous(const struct edit *e, size_t at);
size_t edit_word_right(const struct edit *e);
size_t edit_word_left(const struct edit *e);
size_t edit_line_start(const struct edit *e);
size_t edit_line_end(const struct edit *e);
bool edit_move_row(struct edit *e, int by);

bool edit_kill(struct edit *e, size_t from, size_t to);
bool edit_yank(struct edit *e, bool pop);
bool edit_transpose(struct edit *e);
bool edit_walk_history(struct edit *e, int by);

#endif
