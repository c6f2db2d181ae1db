/* W3: authenticated connections that do nothing. W4: all drop, and return at
 * once. */
#include "load.h"

#include <sodium.h>

enum { WAVE = 256, STORM_S = 120 };

static unsigned ended;

static void on_gone(struct user *u, struct wire *wire, int code)
{
	(void)wire;
	if (ended++ == 0)
		fprintf(stderr, "load: user %u's connection ended with %d\n",
			u->number, code);
}

static const struct user_events events = {
	.ready = count_ready, .caught_up = count_caught_up, .gone = on_gone,
};

static void wait_seconds(struct load *l, double seconds)
{
	uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);

	while (now_ns() < end)
		wires_turn(&l->wires, 50000000);
}

/* What the checks of n signatures cost on one core, in s. */
static double signatures(unsigned n)
{
	uint8_t public_key[32], secret[64], signature[64], text[180] = { 0 };
	enum { TRIES = 2000 };
	uint64_t began;
	int good = 0;

	crypto_sign_keypair(public_key, secret);
	crypto_sign_detached(signature, NULL, text, sizeof(text), secret);
	began = now_ns();
	for (unsigned i = 0; i < TRIES; i++)
		good += crypto_sign_verify_detached(signature, text,
						    sizeof(text), public_key);
	return good ? 0 : (double)(now_ns() - began) / 1e9 * n / TRIES;
}

/* Until all are back; one whose connection ends tries again at once. */
static double storm(struct load *l)
{
	uint64_t began;

	for (unsigned i = 0; i < l->users; i++) {
		wire_drop(&l->all[i].in);
		l->all[i].live = false;
	}
	l->caught_up = 0;
	began = now_ns();
	for (unsigned i = 0; i < l->users; i++) {
		if (!user_connect(&l->all[i], &l->wires, l->kind, l->port))
			exit(1);
	}
	while (l->caught_up < l->users) {
		wires_turn(&l->wires, 100000000);
		if (now_ns() - began > STORM_S * 1000000000ull) {
			fprintf(stderr, "load: %u of %u are back\n",
				l->caught_up, l->users);
			exit(1);
		}
		for (unsigned i = 0; ended > 0 && i < l->users; i++) {
			struct user *u = &l->all[i];

			if (u->in.state == WIRE_CLOSED &&
			    !user_connect(u, &l->wires, l->kind, l->port))
				exit(1);
		}
		ended = 0;
	}
	return (double)(now_ns() - began) / 1e9;
}

void enroll(struct load *l)
{
	load_users(l, &events);
	load_connect(l, 0, l->users, WAVE, false);
	printf("{\"users\": %u}\n", l->users);
}

void idle(struct load *l)
{
	struct server_stat none = server_stat(l->pid), all, before, after;
	double took, storm_cpu;

	load_users(l, &events);
	for (unsigned i = 0; i < l->users; i++) {
		l->all[i].registered = true;
		l->all[i].confirm = true;
	}
	load_connect(l, 0, l->users, WAVE, false);
	wait_seconds(l, 1);
	before = server_stat(l->pid);
	wait_seconds(l, l->seconds);
	all = server_stat(l->pid);
	took = storm(l);
	after = server_stat(l->pid);
	storm_cpu = after.cpu - all.cpu;
	printf("{\"connections\": %u, \"rss_idle_mib\": %.1f, "
	       "\"rss_connection_kib\": %.2f, \"idle_cpu_percent\": %.2f, "
	       "\"storm_s\": %.3f, \"storm_cpu_s\": %.2f, "
	       "\"signatures_s\": %.3f}\n", l->users,
	       (double)none.rss / 1048576,
	       ((double)all.rss - (double)none.rss) / 1024 / l->users,
	       (all.cpu - before.cpu) / l->seconds * 100, took, storm_cpu,
	       signatures(l->users));
}
