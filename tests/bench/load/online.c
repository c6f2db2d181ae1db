/* W1: all are there. In a closed loop each user keeps `window` messages without an
 * answer; with a rate they send by the clock, whatever comes back. */
#include "load.h"

#include <math.h>

enum { LATENCIES_MAX = 8 << 20, WARM_NS = 1000000000 };

static struct {
	bool measuring, open_loop;
	uint64_t number, delivered, answered, refused, repeated;
	uint32_t *latency;	/* ns, of those measured */
	size_t n;
} w;

static void post(struct user *u)
{
	letter_send(u, ++u->sent);
	w.number++;
}

static void on_sent(struct user *u, unsigned accepted, unsigned refused)
{
	u->answered += accepted + refused;
	w.answered += accepted + refused;
	w.refused += refused;
	if (w.open_loop || !w.measuring)
		return;
	while (u->sent - u->answered < the_load->window)
		post(u);
}

static void on_mail(struct user *u, uint64_t sequence, struct bytes payload)
{
	uint64_t now = now_ns(), sent = letter_time(payload);

	(void)sequence;
	if (letter_number(payload) <= u->last)
		w.repeated++;
	else
		u->last = letter_number(payload);
	u->received++;
	w.delivered++;
	if (u->in.kind == WIRE_BARE)
		user_ack(u, 1);
	if (w.n < LATENCIES_MAX)
		w.latency[w.n++] = (uint32_t)(now - sent);
}

static void on_frame_end(struct user *u, uint64_t sequence)
{
	user_ack(u, sequence);
}

static const struct user_events events = {
	.ready = count_ready, .caught_up = count_caught_up,
	.minted = count_minted, .sender = count_sender, .sent = on_sent,
	.mail = on_mail, .frame_end = on_frame_end,
};

static void run_closed(struct load *l, uint64_t end)
{
	while (now_ns() < end)
		wires_turn(&l->wires, 10000000);
}

/* A message is due every 1/rate s, by the users in turn. */
static void run_open(struct load *l, uint64_t end)
{
	static unsigned next;
	uint64_t step = (uint64_t)(1e9 / l->rate), due = now_ns(), now;

	while ((now = now_ns()) < end) {
		for (; due <= now; due += step)
			post(&l->all[next++ % l->users]);
		wires_turn(&l->wires, due - now);
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double percentile_ms(double p)
{
	if (w.n == 0)
		return 0;
	return w.latency[(size_t)fmin((double)w.n * p / 100,
				      (double)(w.n - 1))] / 1e6;
}

static void settle(struct load *l)
{
	uint64_t end = now_ns() + 10000000000ull;

	w.measuring = false;
	while (w.answered < w.number && now_ns() < end)
		wires_turn(&l->wires, 100000000);
}

static void report(const struct load *l, uint64_t delivered, double seconds,
		   double cpu, struct server_stat after, uint64_t bytes)
{
	qsort(w.latency, w.n, sizeof(*w.latency), compare);
	printf("{\"delivered_per_s\": %.0f, \"cpu_s_per_100k\": %.3f, "
	       "\"cpu\": %.2f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
	       "\"rss_mib\": %.1f, \"bytes_per_message\": %.0f, "
	       "\"sent\": %llu, \"answered\": %llu, \"delivered\": %llu, "
	       "\"refused\": %llu, \"repeated\": %llu}\n",
	       (double)delivered / seconds,
	       cpu / (double)delivered * 1e5, cpu / seconds, percentile_ms(50),
	       percentile_ms(99), (double)after.rss / 1048576,
	       (double)bytes / (double)delivered,
	       (unsigned long long)w.number, (unsigned long long)w.answered,
	       (unsigned long long)w.delivered, (unsigned long long)w.refused,
	       (unsigned long long)w.repeated);
	(void)l;
}

void online(struct load *l)
{
	struct server_stat before, after;
	uint64_t began, count, bytes;
	double took;

	l->users &= ~1u;
	w.open_loop = l->rate > 0;
	w.latency = xmalloc(LATENCIES_MAX * sizeof(*w.latency));
	load_users(l, &events);
	load_connect(l, 0, l->users, 64, true);
	load_pairs(l);
	for (unsigned i = 0; l->all[0].sends == &l->all[0].out && i < l->users;
	     i++) {
		if (!user_connect_sender(&l->all[i], &l->wires, l->port))
			exit(1);
	}
	if (l->all[0].sends == &l->all[0].out)
		load_until(l, &l->senders, l->users, 30);
	w.measuring = true;
	for (unsigned i = 0; !w.open_loop && i < l->users; i++)
		on_sent(&l->all[i], 0, 0);
	began = now_ns();
	(w.open_loop ? run_open : run_closed)(l, began + WARM_NS);
	w.n = 0;
	count = w.delivered;
	bytes = l->wires.bytes_in + l->wires.bytes_out;
	before = server_stat(l->pid);
	began = now_ns();
	(w.open_loop ? run_open : run_closed)(
		l, began + (uint64_t)(l->seconds * 1e9));
	after = server_stat(l->pid);
	took = (double)(now_ns() - began) / 1e9;
	count = w.delivered - count;
	bytes = l->wires.bytes_in + l->wires.bytes_out - bytes;
	settle(l);
	report(l, count, took, after.cpu - before.cpu, after, bytes);
}
