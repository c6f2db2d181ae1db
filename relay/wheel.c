#include "wheel.h"

#include <stddef.h>

enum { BITS = 6, MASK = WHEEL_SLOTS - 1 };

static const uint64_t span_max = (1ULL << (BITS * WHEEL_LEVELS)) -
	(1ULL << (BITS * (WHEEL_LEVELS - 1)));

void wheel_init(struct wheel *w, uint64_t now)
{
	*w = (struct wheel){ .now = now };
}

void wheel_cancel(struct wheel *w, struct timer *t)
{
	if (!t->prev)
		return;
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	if (!w->slots[t->level][t->slot])
		w->used[t->level] &= ~(1ULL << t->slot);
	t->prev = NULL;
	t->next = NULL;
}

static void place(struct wheel *w, struct timer *t)
{
	uint64_t delta = t->due - w->now;
	unsigned level = 0;
	struct timer **head;

	while (level < WHEEL_LEVELS - 1 && delta >= 1ULL << (BITS * (level + 1)))
		level++;
	t->level = (uint8_t)level;
	t->slot = (uint8_t)(t->due >> (BITS * level) & MASK);
	head = &w->slots[level][t->slot];
	t->next = *head;
	if (*head)
		(*head)->prev = &t->next;
	*head = t;
	t->prev = head;
	w->used[level] |= 1ULL << t->slot;
}

void wheel_set(struct wheel *w, struct timer *t, uint64_t due,
	       void (*fire)(struct timer *t))
{
	wheel_cancel(w, t);
	if (due <= w->now)
		due = w->now + 1;
	if (due - w->now > span_max)
		due = w->now + span_max;
	t->due = due;
	t->fire = fire;
	place(w, t);
}

/* Timers of a coarse slot whose time has begun go to finer ones. */
static void cascade(struct wheel *w, unsigned level)
{
	unsigned slot = (unsigned)(w->now >> (BITS * level) & MASK);
	struct timer *t;

	if (slot == 0 && level + 1 < WHEEL_LEVELS)
		cascade(w, level + 1);
	while ((t = w->slots[level][slot])) {
		wheel_cancel(w, t);
		place(w, t);
	}
}

void wheel_advance(struct wheel *w, uint64_t now)
{
	while (w->now < now) {
		int64_t wait = wheel_wait(w);
		struct timer *t;

		if (wait < 0 || (uint64_t)wait > now - w->now) {
			w->now = now;
			return;
		}
		w->now += (uint64_t)wait;
		if ((w->now & MASK) == 0)
			cascade(w, 1);
		while ((t = w->slots[0][w->now & MASK])) {
			wheel_cancel(w, t);
			t->fire(t);
		}
	}
}

/* Steps of the level from its current slot to the next one in use. */
static unsigned distance(uint64_t used, unsigned current)
{
	unsigned shift = (current + 1) & MASK;
	uint64_t turned = used >> shift | (shift ? used << (64 - shift) : 0);

	return (unsigned)__builtin_ctzll(turned) + 1;
}

int64_t wheel_wait(const struct wheel *w)
{
	uint64_t best = UINT64_MAX;

	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		unsigned bits = BITS * level;
		uint64_t at;

		if (!w->used[level])
			continue;
		at = (w->now >> bits) +
			distance(w->used[level],
				 (unsigned)(w->now >> bits & MASK));
		if ((at << bits) < best)
			best = at << bits;
	}
	return best == UINT64_MAX ? -1 : (int64_t)(best - w->now);
}
