/* W2: mail for users who are not there. The server is killed right after the last
 * acknowledgement; when it has been started again, all return and drain. */
#include "load.h"

#include <signal.h>
#include <time.h>

enum { SENDERS = 64, WAIT_S = 120 };

static struct {
	uint64_t number, answered, refused;
	uint64_t accepted;	/* by the numbers in `acked` */
	uint64_t drained, repeated, alien;
	unsigned done;		/* users who have all */
	uint8_t *seen;
	bool draining;
} w;

/* One letter to each user in turn; a sender speaks for all who write to a user. */
static void post(struct user *s)
{
	struct user *to;

	if (w.number == the_load->messages)
		return;
	to = &the_load->all[SENDERS + w.number % (the_load->users - SENDERS)];
	to->sends = &s->out;
	letter_send(to, w.number++);
	s->sent++;
}

static void on_sent(struct user *u, unsigned accepted, unsigned refused)
{
	u->answered += accepted + refused;
	w.answered += accepted + refused;
	w.accepted += accepted;
	w.refused += refused;
	while (u->sent - u->answered < the_load->window &&
	       w.number < the_load->messages)
		post(u);
}

static void on_mail(struct user *u, uint64_t sequence, struct bytes payload)
{
	uint64_t n = letter_number(payload);

	(void)sequence;
	u->received++;
	if (n >= the_load->messages)
		w.alien++;
	else if (w.seen[n]++)
		w.repeated++;
	else
		w.drained++;
}

static void on_frame_end(struct user *u, uint64_t sequence)
{
	user_ack(u, sequence);
}

/* The kill ends the senders' connections. */
static void on_gone(struct user *u, struct wire *wire, int code)
{
	(void)code;
	if (!w.draining || wire != &u->in)
		return;
	fprintf(stderr, "load: a connection ended with %d\n", code);
	exit(1);
}

static const struct user_events events = {
	.ready = count_ready, .caught_up = count_caught_up,
	.minted = count_minted, .sender = count_sender, .sent = on_sent,
	.mail = on_mail, .frame_end = on_frame_end, .gone = on_gone,
};

static void wait_server(const struct load *l)
{
	struct timespec pause = { .tv_nsec = 2000000 };

	for (unsigned i = 0; i < WAIT_S * 500; i++) {
		if (load_probe(l->port))
			return;
		nanosleep(&pause, NULL);
	}
	fprintf(stderr, "load: the server did not come back\n");
	exit(1);
}

static void enqueue(struct load *l)
{
	for (unsigned i = 0; i < SENDERS; i++) {
		if (!user_connect_sender(&l->all[i], &l->wires, l->port))
			exit(1);
	}
	load_until(l, &l->senders, SENDERS, 30);
}

static void drain(struct load *l)
{
	w.draining = true;
	l->caught_up = 0;
	for (unsigned i = SENDERS; i < l->users; i++)
		l->all[i].live = false;
	load_connect(l, SENDERS, l->users, l->users, false);
}

static void report(double in, double cpu, double out, double out_cpu,
		   double down)
{
	uint64_t lost = w.accepted > w.drained ? w.accepted - w.drained : 0;

	printf("{\"enqueue_per_s\": %.0f, \"enqueue_cpu_s_per_100k\": %.3f, "
	       "\"drain_per_s\": %.0f, \"drain_cpu_s_per_100k\": %.3f, "
	       "\"down_ms\": %.0f, \"acknowledged\": %llu, "
	       "\"refused\": %llu, \"lost\": %llu, \"repeated\": %llu}\n",
	       (double)w.accepted / in, cpu / (double)w.accepted * 1e5,
	       (double)w.drained / out, out_cpu / (double)w.drained * 1e5,
	       down * 1e3, (unsigned long long)w.accepted,
	       (unsigned long long)w.refused, (unsigned long long)lost,
	       (unsigned long long)(w.repeated + w.alien));
}

static double since(uint64_t *t)
{
	uint64_t now = now_ns();
	double s = (double)(now - *t) / 1e9;

	*t = now;
	return s;
}

void offline(struct load *l)
{
	struct server_stat before, after;
	double in, cpu, out, down;
	uint64_t t;

	l->users += SENDERS;
	w.seen = xcalloc(l->messages, 1);
	load_users(l, &events);
	load_connect(l, SENDERS, l->users, 64, true);
	for (unsigned i = SENDERS; i < l->users; i++) {
		letter_make(&l->all[i], &l->all[i], l->kind);
		wire_drop(&l->all[i].in);
	}
	for (unsigned i = 0; i < SENDERS; i++)
		l->all[i].sends = &l->all[i].out;
	enqueue(l);
	before = server_stat(l->pid);
	t = now_ns();
	for (unsigned i = 0; i < SENDERS; i++)
		on_sent(&l->all[i], 0, 0);
	while (w.answered < l->messages)
		wires_turn(&l->wires, 100000000);
	in = since(&t);
	cpu = server_stat(l->pid).cpu - before.cpu;
	kill(l->pid, SIGKILL);
	printf("killed\n");
	fflush(stdout);
	for (unsigned i = 0; i < SENDERS; i++)
		wire_drop(&l->all[i].out);
	l->pid = load_read_pid();
	wait_server(l);
	down = since(&t);
	before = server_stat(l->pid);
	drain(l);
	out = since(&t);
	after = server_stat(l->pid);
	report(in, cpu, out, after.cpu - before.cpu, down);
}
