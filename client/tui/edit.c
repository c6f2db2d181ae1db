#include "edit.h"

#include "edit_int.h"

struct edit *edit_create(size_t max)
{
	struct edit *e = xcalloc(1, sizeof(*e));

	e->max = max;
	e->cap = 256;
	e->text = xcalloc(1, e->cap);
	e->width = 80;
	e->goal = e->at_history = -1;
	return e;
}

static void drop_snapshots(struct snapshot *list, int *n)
{
	while (*n > 0)
		free(list[--*n].text);
}

void edit_destroy(struct edit *e)
{
	if (e == NULL)
		return;
	drop_snapshots(e->undo, &e->n_undo);
	drop_snapshots(e->redo, &e->n_redo);
	while (e->n_history > 0)
		free(e->history[--e->n_history]);
	while (e->n_kills > 0)
		free(e->kills[--e->n_kills]);
	free(e->draft);
	free(e->text);
	free(e);
}

const char *edit_text(const struct edit *e)
{
	return e->text;
}

size_t edit_len(const struct edit *e)
{
	return e->len;
}

size_t edit_cursor(const struct edit *e)
{
	return e->cursor;
}

static void push_snapshot(const struct edit *e, struct snapshot *list, int *n)
{
	if (*n == EDIT_UNDO_MAX) {
		free(list[0].text);
		memmove(list, list + 1, (EDIT_UNDO_MAX - 1) * sizeof(*list));
		--*n;
	}
	list[(*n)++] = (struct snapshot){ xstrdup(e->text), e->cursor };
}

void edit_keep(struct edit *e)
{
	push_snapshot(e, e->undo, &e->n_undo);
	drop_snapshots(e->redo, &e->n_redo);
}

void edit_replace(struct edit *e, const char *text, size_t cursor)
{
	size_t len = strlen(text);

	if (len > e->max) {
		len = e->max;
		while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
			len--;
	}
	if (len + 1 > e->cap) {
		e->cap = len + 1;
		e->text = xrealloc(e->text, e->cap);
	}
	memmove(e->text, text, len);
	e->text[len] = '\0';
	e->len = len;
	e->cursor = cursor < len ? cursor : len;
	e->goal = -1;
}

void edit_splice(struct edit *e, size_t at, size_t remove, const char *text,
		   size_t len)
{
	size_t tail = e->len - at - remove;

	if (e->len - remove + len + 1 > e->cap) {
		e->cap = (e->len - remove + len + 1) * 2;
		e->text = xrealloc(e->text, e->cap);
	}
	memmove(e->text + at + len, e->text + at + remove, tail);
	if (len > 0)
		memcpy(e->text + at, text, len);
	e->len = at + len + tail;
	e->text[e->len] = '\0';
	e->cursor = at + len;
	e->goal = -1;
}

int edit_insert(struct edit *e, const char *text, size_t len)
{
	struct buf clean;
	int err;

	buf_init(&clean, e->max - e->len);
	err = edit_clean(text, len, &clean);
	if (err == OK && clean.len > 0) {
		/* a space begins a new step of undo: steps are words */
		if (e->last != LAST_TYPING || len > 4 || text[0] == ' ')
			edit_keep(e);
		edit_splice(e, e->cursor, 0, (const char *)clean.data, clean.len);
		e->last = len > 4 ? LAST_OTHER : LAST_TYPING;
	}
	buf_finish(&clean);
	return err;
}

void edit_set(struct edit *e, const char *text)
{
	struct buf clean;

	buf_init(&clean, e->max);
	/* too long: what fitted stays */
	(void)!edit_clean(text, strlen(text), &clean);
	edit_replace(e, "", 0);
	if (clean.len > 0)
		edit_splice(e, 0, 0, (const char *)clean.data, clean.len);
	buf_finish(&clean);
	drop_snapshots(e->undo, &e->n_undo);
	drop_snapshots(e->redo, &e->n_redo);
	e->last = LAST_OTHER;
	e->at_history = -1;
}

void edit_accept(struct edit *e)
{
	if (e->len > 0 &&
	    (e->n_history == 0 || strcmp(e->history[0], e->text) != 0)) {
		if (e->n_history == EDIT_HISTORY_MAX)
			free(e->history[--e->n_history]);
		memmove(e->history + 1, e->history,
			(size_t)e->n_history * sizeof(*e->history));
		e->history[0] = xstrdup(e->text);
		e->n_history++;
	}
	edit_set(e, "");
}

static bool undo(struct edit *e, struct snapshot *from, int *n_from,
		 struct snapshot *to, int *n_to)
{
	struct snapshot s;

	if (*n_from == 0)
		return false;
	push_snapshot(e, to, n_to);
	s = from[--*n_from];
	edit_replace(e, s.text, s.cursor);
	free(s.text);
	return true;
}

static bool move_to(struct edit *e, size_t at)
{
	bool moved = at != e->cursor;

	e->cursor = at;
	e->goal = -1;
	return moved;
}

static bool remove_range(struct edit *e, size_t from, size_t to)
{
	if (from == to)
		return false;
	edit_keep(e);
	edit_splice(e, from, to - from, NULL, 0);
	return true;
}

static bool run(struct edit *e, enum edit_op op)
{
	size_t at;

	switch (op) {
	case EDIT_LEFT:
		return move_to(e, edit_previous(e, e->cursor));
	case EDIT_RIGHT:
		return move_to(e, edit_next(e, e->cursor));
	case EDIT_WORD_LEFT:
		return move_to(e, edit_word_left(e));
	case EDIT_WORD_RIGHT:
		return move_to(e, edit_word_right(e));
	case EDIT_LINE_START:
		return move_to(e, edit_line_start(e));
	case EDIT_LINE_END:
		return move_to(e, edit_line_end(e));
	case EDIT_TEXT_START:
		return move_to(e, 0);
	case EDIT_TEXT_END:
		return move_to(e, e->len);
	case EDIT_ROW_UP:
		return edit_move_row(e, -1) || edit_walk_history(e, 1);
	case EDIT_ROW_DOWN:
		return edit_move_row(e, 1) || edit_walk_history(e, -1);
	case EDIT_BACKSPACE:
		return remove_range(e, edit_previous(e, e->cursor), e->cursor);
	case EDIT_DELETE:
		return remove_range(e, e->cursor, edit_next(e, e->cursor));
	case EDIT_KILL_WORD_LEFT:
		return edit_kill(e, edit_word_left(e), e->cursor);
	case EDIT_KILL_WORD_RIGHT:
		return edit_kill(e, e->cursor, edit_word_right(e));
	case EDIT_KILL_LINE_START:
		return edit_kill(e, edit_line_start(e), e->cursor);
	case EDIT_KILL_LINE_END:
		at = edit_line_end(e);
		/* at the end of a line it takes the newline */
		return edit_kill(e, e->cursor,
				  at == e->cursor ? edit_next(e, at) : at);
	case EDIT_KILL_ALL:
		return edit_kill(e, 0, e->len);
	case EDIT_YANK:
		return edit_yank(e, false);
	case EDIT_YANK_POP:
		return edit_yank(e, true);
	case EDIT_TRANSPOSE:
		return edit_transpose(e);
	case EDIT_UNDO:
		return undo(e, e->undo, &e->n_undo, e->redo, &e->n_redo);
	case EDIT_REDO:
		return undo(e, e->redo, &e->n_redo, e->undo, &e->n_undo);
	case EDIT_HISTORY_OLDER:
		return edit_walk_history(e, 1);
	case EDIT_HISTORY_NEWER:
		return edit_walk_history(e, -1);
	}
	return false;
}

bool edit_do(struct edit *e, enum edit_op op)
{
	enum last before = e->last;
	bool changed = run(e, op);

	/* kills and yanks set it themselves; everything else ends a row of them */
	if (e->last == before && !(changed && (op == EDIT_YANK || op == EDIT_YANK_POP ||
	    (op >= EDIT_KILL_WORD_LEFT && op <= EDIT_KILL_ALL))))
		e->last = LAST_OTHER;
	return changed;
}
