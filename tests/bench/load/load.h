/* The workloads of the load generator. Each prints one line of JSON. */
#ifndef SOTTO_BENCH_LOAD_H
#define SOTTO_BENCH_LOAD_H

#include <sys/types.h>

#include "user.h"

struct load {
	enum wire_kind kind;
	uint16_t port;
	pid_t pid;		/* the server's */
	unsigned users;
	double seconds, rate;
	unsigned window, messages;
	bool one;		/* a user sends on the connection he reads from */
	struct wires wires;
	struct user *all;	/* users of them */
	unsigned ready, caught_up, minted, senders;
};

/* W1 in a closed loop, and at a given rate: see tests/bench/relay_load.py. */
void online(struct load *l);
/* W2. Kills the server, prints "killed", and goes on when it has been told the
 * number of the new process. */
void offline(struct load *l);
/* W3 and W4. */
void idle(struct load *l);
/* Accounts are made and nothing more. */
void enroll(struct load *l);

/* ---- for the workloads ---- */

extern struct load *the_load;

/* Makes the users with these events (those of load_users are counted besides). */
void load_users(struct load *l, const struct user_events *events);
/* Connects users[from..to) as owners, at most `wave` at once, until all are
 * ready; with mint, until they have a capability. */
void load_connect(struct load *l, unsigned from, unsigned to, unsigned wave,
		  bool mint);
/* Turns the loop until *counter is n; ends the program after so many seconds. */
void load_until(struct load *l, const unsigned *counter, unsigned n,
		unsigned seconds);
/* Users 2n and 2n + 1 are each other's peer and have letters. */
void load_pairs(struct load *l);
void count_ready(struct user *u);
void count_caught_up(struct user *u);
void count_minted(struct user *u);
void count_sender(struct user *u);

struct server_stat {
	double cpu;		/* utime + stime, s */
	uint64_t rss;		/* bytes */
};

struct server_stat server_stat(pid_t pid);
/* Whether somebody listens there. */
bool load_probe(uint16_t port);
/* The restarted server's, from standard input. */
pid_t load_read_pid(void);

#endif
