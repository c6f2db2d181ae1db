/* Timers in a hierarchical wheel: setting and cancelling cost the same however
 * many there are (libwebsockets keeps a sorted list). Source: Varghese and
 * Lauck, "Hashed and Hierarchical Timing Wheels", scheme 7. */
#ifndef SOTTO_WHEEL_H
#define SOTTO_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

enum { WHEEL_LEVELS = 4, WHEEL_SLOTS = 64 };

/* Stands in the caller's struct; zeroed is a timer that is not set. */
struct timer {
	struct timer *next;
	struct timer **prev;	/* NULL: not set */
	uint64_t due;		/* milliseconds of the wheel's clock */
	uint8_t level, slot;
	void (*fire)(struct timer *t);
};

struct wheel {
	uint64_t now;
	struct timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t used[WHEEL_LEVELS];	/* a bit for each slot with timers */
};

void wheel_init(struct wheel *w, uint64_t now);
/* Sets, or sets anew; due in the past means at the next advance. Times beyond
 * 4 hours are cut to that. */
void wheel_set(struct wheel *w, struct timer *t, uint64_t due,
	       void (*fire)(struct timer *t));
void wheel_cancel(struct wheel *w, struct timer *t);
/* Fires what is due. A timer is unset when it fires and may be set again or
 * freed by fire(), which may change any other timer too. */
void wheel_advance(struct wheel *w, uint64_t now);
/* Milliseconds from the wheel's time to when wheel_advance has something to
 * do, -1 for never. May be early, is never late. */
int64_t wheel_wait(const struct wheel *w);

#endif
