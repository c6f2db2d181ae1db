#include "tries.h"

#include <stddef.h>

static bool is_over(const struct tries_sender *s, uint64_t now)
{
	return now - s->since >= TRIES_WINDOW_MS;
}

bool tries_left(const struct tries *t, int64_t who, uint64_t now_ms)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->senders[i].who == who)
			return is_over(&t->senders[i], now_ms) ||
				t->senders[i].spent < TRIES_MS;
	return true;
}

/* Its place: its own, a new one, or that of the one heard of longest ago. */
static struct tries_sender *place(struct tries *t, int64_t who)
{
	struct tries_sender *oldest = NULL;

	for (unsigned i = 0; i < t->n; i++) {
		struct tries_sender *s = &t->senders[i];

		if (s->who == who)
			return s;
		if (!oldest || s->since < oldest->since)
			oldest = s;
	}
	if (t->n < TRIES_SENDERS)
		oldest = &t->senders[t->n++];
	*oldest = (struct tries_sender){ .who = who };
	return oldest;
}

void tries_spend(struct tries *t, int64_t who, uint64_t now_ms, uint64_t ms)
{
	struct tries_sender *s = place(t, who);

	if (!s->spent || is_over(s, now_ms))
		*s = (struct tries_sender){ who, now_ms, 0 };
	s->spent += ms;
}
