/* The editor's kill ring and history. */
#include "edit_int.h"

static void keep_kill(struct edit *e, size_t from, size_t to, bool before)
{
	size_t len = to - from, old;
	char *text;

	if (e->last == LAST_KILL && e->n_kills > 0) {	/* grows the last one */
		old = strlen(e->kills[0]);
		text = xmalloc(old + len + 1);
		memcpy(text + (before ? len : 0), e->kills[0], old);
		memcpy(text + (before ? 0 : old), e->text + from, len);
		text[old + len] = '\0';
		free(e->kills[0]);
		e->kills[0] = text;
		return;
	}
	if (e->n_kills == EDIT_KILLS_MAX)
		free(e->kills[--e->n_kills]);
	memmove(e->kills + 1, e->kills, (size_t)e->n_kills * sizeof(*e->kills));
	text = xmalloc(len + 1);
	memcpy(text, e->text + from, len);
	text[len] = '\0';
	e->kills[0] = text;
	e->n_kills++;
}

bool edit_kill(struct edit *e, size_t from, size_t to)
{
	if (from == to)
		return false;
	edit_keep(e);
	keep_kill(e, from, to, from < e->cursor);
	edit_splice(e, from, to - from, NULL, 0);
	e->last = LAST_KILL;
	return true;
}

bool edit_yank(struct edit *e, bool pop)
{
	size_t len, remove = 0, at = e->cursor;

	if (e->n_kills == 0 || (pop && e->last != LAST_YANK))
		return false;
	e->at_kill = pop ? (e->at_kill + 1) % e->n_kills : 0;
	if (pop) {
		at = e->yank_start;
		remove = e->cursor - at;
	}
	len = strlen(e->kills[e->at_kill]);
	if (e->len - remove + len > e->max)
		return false;
	edit_keep(e);
	edit_splice(e, at, remove, e->kills[e->at_kill], len);
	e->yank_start = at;
	e->last = LAST_YANK;
	return true;
}

bool edit_transpose(struct edit *e)
{
	size_t mid = e->cursor == e->len ? edit_previous(e, e->cursor) : e->cursor;
	size_t from = edit_previous(e, mid), to = edit_next(e, mid);
	char swapped[256];

	if (from == mid || mid == to || to - from > sizeof(swapped) ||
	    memchr(e->text + from, '\n', to - from))
		return false;
	memcpy(swapped, e->text + mid, to - mid);
	memcpy(swapped + (to - mid), e->text + from, mid - from);
	edit_keep(e);
	edit_splice(e, from, to - from, swapped, to - from);
	return true;
}

bool edit_walk_history(struct edit *e, int by)
{
	int to = e->at_history + by;
	const char *text;

	if (to < -1 || to >= e->n_history)
		return false;
	if (e->at_history == -1) {
		free(e->draft);
		e->draft = xstrdup(e->text);
	}
	edit_keep(e);
	e->at_history = to;
	text = to == -1 ? e->draft : e->history[to];
	edit_replace(e, text, strlen(text));
	return true;
}
