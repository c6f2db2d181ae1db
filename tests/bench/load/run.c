#include "load.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

struct load *the_load;

void count_ready(struct user *u)
{
	(void)u;
	the_load->ready++;
}

void count_caught_up(struct user *u)
{
	the_load->caught_up += !u->live;
	u->live = true;
}

void count_minted(struct user *u)
{
	(void)u;
	the_load->minted++;
}

void count_sender(struct user *u)
{
	(void)u;
	the_load->senders++;
}

void load_users(struct load *l, const struct user_events *events)
{
	the_load = l;
	wires_init(&l->wires);
	l->all = xcalloc(l->users, sizeof(*l->all));
	for (unsigned i = 0; i < l->users; i++) {
		user_init(&l->all[i], i + 1, events);
		if (l->one || l->kind == WIRE_BARE)
			l->all[i].sends = &l->all[i].in;
	}
}

void load_until(struct load *l, const unsigned *counter, unsigned n,
		unsigned seconds)
{
	uint64_t end = now_ns() + seconds * 1000000000ull;

	while (*counter < n) {
		wires_turn(&l->wires, 100000000);
		if (now_ns() > end) {
			fprintf(stderr, "load: %u of %u after %u s\n", *counter,
				n, seconds);
			exit(1);
		}
	}
}

void load_connect(struct load *l, unsigned from, unsigned to, unsigned wave,
		  bool mint)
{
	const unsigned *counter = mint && l->kind == WIRE_WEBSOCKET ?
		&l->minted : &l->caught_up;
	unsigned base = *counter;

	for (unsigned i = from; i < to; i++) {
		l->all[i].mint = mint;
		if (!user_connect(&l->all[i], &l->wires, l->kind, l->port)) {
			perror("load: connect");
			exit(1);
		}
		if (i + 1 - from >= wave)
			load_until(l, counter, base + i + 1 - from - wave + 1,
				   60);
	}
	load_until(l, counter, base + to - from, 60);
}

void load_pairs(struct load *l)
{
	for (unsigned i = 0; i < l->users; i++) {
		struct user *u = &l->all[i];

		u->peer = &l->all[i ^ 1];
		letter_make(u, u->peer, l->kind);
	}
}

struct server_stat server_stat(pid_t pid)
{
	struct server_stat s = { 0 };
	unsigned long utime, stime;
	char path[64], line[1024], *p;
	long rss;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return s;
	p = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	fclose(f);
	/* proc(5): utime and stime are fields 14 and 15, rss 24 in pages. */
	if (!p || sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
			 "%lu %lu %*d %*d %*d %*d %*d %*d %*u %*u %ld",
			 &utime, &stime, &rss) != 3)
		return s;
	s.cpu = (double)(utime + stime) / (double)sysconf(_SC_CLK_TCK);
	s.rss = (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE);
	return s;
}

bool load_probe(uint16_t port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool there = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;

	close(fd);
	return there;
}

pid_t load_read_pid(void)
{
	int pid;

	if (scanf("%d", &pid) != 1) {
		fprintf(stderr, "load: no number of the new process came\n");
		exit(1);
	}
	return (pid_t)pid;
}
