#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "command.h"
#include "out.h"
#include "sys.h"

enum { BACKLOG_MS = 2000 };
enum { OPT_FOLLOW, OPT_JSON, OPT_ALL, OPT_COUNT, OPT_TIMEOUT, OPT_CURSOR };

static const struct option_spec options[] = {
	[OPT_FOLLOW] = { "follow", NULL, "go on with what comes" },
	[OPT_JSON] = { "json", NULL, "print JSON, an event a line" },
	[OPT_ALL] = { "all", NULL, "all events, not messages alone (with --json)" },
	[OPT_COUNT] = { "count", "N", "end after N messages" },
	[OPT_TIMEOUT] = { "timeout", "S", "end after S seconds" },
	[OPT_CURSOR] = { "cursor", "NAME", "what has been taken is kept by this name (recv)" },
	{ 0 },
};

struct recv {
	struct cli *cli;
	const char *cursor;
	int count;		/* that are wanted; 0: any number */
	int taken;
	bool follow;		/* goes on behind what is there */
	int64_t deadline;	/* -1: none; see end_ms */
	int64_t seen;		/* seq of the last event that is done with */
	int64_t acked;
	int64_t first;		/* the cursor's place at the subscription */
	int64_t last;		/* seq at the time of the subscription */
	struct buf line;
	sigset_t waiting;	/* the signal mask while nothing is half done */
	int ended_by;		/* the signal to end with; 0: none */
};

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	caught = sig;
}

/* Signals come only in wait_for: what stdout took is acknowledged before the
 * process ends by one. */
static void hold_signals(struct recv *r)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction a = { .sa_handler = on_signal };
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaddset(&held, signals[i]);
		sigaction(signals[i], &a, NULL);
	}
	sigprocmask(SIG_BLOCK, &held, &r->waiting);
	signal(SIGPIPE, SIG_IGN);
}

static void end_by(const struct recv *r)
{
	signal(r->ended_by, SIG_DFL);
	sigprocmask(SIG_SETMASK, &r->waiting, NULL);
	raise(r->ended_by);
}

static int64_t now_ms(void)
{
	return (int64_t)sys_mono_ms(&sys_real);
}

/* When to give up; -1: never. What was there at the beginning is printed also
 * when the deadline is at once. */
static int64_t end_ms(const struct recv *r)
{
	if (r->deadline < 0)
		return -1;
	return r->seen < r->last ? r->deadline + BACKLOG_MS : r->deadline;
}

/* Waits until the agent or stdout has something for us, the deadline or a
 * signal; false when it is time to end. */
static bool wait_for(struct recv *r, short agent, short out, bool timed)
{
	struct pollfd p[2] = {
		{ .fd = STDOUT_FILENO, .events = out },
		{ .fd = r->cli->conn ? conn_fd(r->cli->conn) : -1,
		  .events = agent },
	};
	struct timespec t = {0};
	int64_t end = timed ? end_ms(r) : -1;
	int64_t left = end >= 0 ? end - now_ms() : -1;

	if (left > 0)
		t = (struct timespec){ left / 1000, left % 1000 * 1000000 };
	if (ppoll(p, agent ? 2 : 1, end >= 0 ? &t : NULL, &r->waiting) < 0 &&
	    errno != EINTR)
		return false;
	if (caught)
		r->ended_by = caught;
	else if (p[0].revents & (POLLERR | POLLHUP | POLLNVAL))
		r->ended_by = SIGPIPE;	/* nobody reads any more */
	return !r->ended_by;
}

/* Hands the line to stdout; false when it did not take all. */
static bool put_line(struct recv *r)
{
	size_t done = 0;

	while (done < r->line.len) {
		size_t part = r->line.len - done;
		ssize_t n;

		/* A pipe that is ready takes PIPE_BUF without blocking. */
		if (!wait_for(r, 0, POLLOUT, false))
			return false;
		n = write(STDOUT_FILENO, r->line.data + done,
			  part < PIPE_BUF ? part : PIPE_BUF);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0 && errno == EPIPE)
			r->ended_by = SIGPIPE;
		if (n < 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static int append_part(const char *data, size_t len, void *out)
{
	return buf_append(out, data, len);
}

static bool print_event(struct recv *r, const json_t *event)
{
	buf_clear(&r->line);
	if (r->cli->opt[OPT_JSON]) {
		size_t flags = JSON_COMPACT;

		if (isatty(STDOUT_FILENO))
			flags |= JSON_ENSURE_ASCII;
		if (json_dump_callback(event, append_part, &r->line, flags) ||
		    buf_append_u8(&r->line, '\n'))
			return false;
	} else {
		out_message(&r->line, json_integer_value(
				json_object_get(event, "sent_at")),
			    out_member(event, "from_name"),
			    out_member(event, "text"));
	}
	return put_line(r);
}

static bool is_done(const struct recv *r)
{
	if (r->count && r->taken >= r->count)
		return true;
	return !r->follow && r->seen >= r->last;
}

/* One object from the agent; false when stdout did not take it. */
static bool take(struct recv *r, const json_t *o)
{
	const json_t *event = json_object_get(o, "params");
	int64_t seq = json_integer_value(json_object_get(event, "seq"));
	bool message = !strcmp(out_member(event, "type"), "message");

	/* Answers to acks; what a new connection repeats. */
	if (strcmp(out_member(o, "method"), "event") || seq <= r->seen)
		return true;
	if ((message || r->cli->opt[OPT_ALL]) && !print_event(r, event))
		return false;
	r->taken += message;
	r->seen = seq;
	return true;
}

static int subscribe(struct recv *r)
{
	json_t *result;
	int code = cli_call(r->cli, "events.subscribe",
			    json_pack("{s:s, s:s}", "cursor", r->cursor,
				      "from", "start"), &result);

	if (code)
		return code;
	r->acked = json_integer_value(json_object_get(result, "acked"));
	r->first = r->acked;
	if (r->seen < r->acked)
		r->seen = r->acked;
	r->last = json_integer_value(json_object_get(result, "last"));
	json_decref(result);
	return CODE_OK;
}

/* Acknowledges what is done with, without waiting for the answer. */
static void ack(struct recv *r)
{
	if (r->seen <= r->acked)
		return;
	if (conn_request(r->cli->conn, "events.ack",
			 json_pack("{s:s, s:I}", "cursor", r->cursor, "seq",
				   (json_int_t)r->seen)) > 0)
		r->acked = r->seen;
}

/* The last one is waited for: the next run begins behind it. */
static int finish(struct recv *r)
{
	if (!r->cli->conn || r->seen <= r->first)
		return CODE_OK;
	return cli_call(r->cli, "events.ack",
			json_pack("{s:s, s:I}", "cursor", r->cursor, "seq",
				  (json_int_t)r->seen), NULL);
}

static int reconnect(struct recv *r)
{
	conn_close(r->cli->conn);
	r->cli->conn = NULL;
	return subscribe(r);	/* starts the agent */
}

/* Until it is time to end; exit code. */
static int loop(struct recv *r)
{
	while (!is_done(r)) {
		struct conn *conn = r->cli->conn;
		json_t *o;
		bool took = true;
		int code;

		while (took && !is_done(r) && (o = conn_next(conn))) {
			took = take(r, o);
			json_decref(o);
		}
		if (!took && !r->ended_by)
			return cli_fail(CODE_UNEXPECTED, "cannot write the "
					"output: %s", strerror(errno));
		if (!took || is_done(r))
			return CODE_OK;
		ack(r);
		if (end_ms(r) >= 0 && now_ms() >= end_ms(r))
			return r->taken < r->count ? cli_fail(CODE_TIMEOUT,
				"recv: %d of %d messages came in time",
				r->taken, r->count) : CODE_OK;
		if (!wait_for(r, conn_wants_write(conn) ? POLLIN | POLLOUT :
			      POLLIN, 0, true))
			return CODE_OK;
		if (conn_pump(conn)) {
			while ((o = conn_next(conn)))
				json_decref(o);	/* come again */
			code = reconnect(r);
			if (code)
				return code;
		}
	}
	return CODE_OK;
}

static int read_options(struct recv *r)
{
	const char *const *opt = r->cli->opt;
	int ms;

	if (opt[OPT_COUNT] && !cli_number(opt[OPT_COUNT], 1, &r->count))
		return cli_fail(CODE_USAGE, "recv: --count takes a number from "
				"1 on");
	if (opt[OPT_TIMEOUT] && !cli_milliseconds(opt[OPT_TIMEOUT], &ms))
		return cli_fail(CODE_USAGE, "recv: --timeout takes seconds");
	if (opt[OPT_ALL] && !opt[OPT_JSON])
		return cli_fail(CODE_USAGE, "recv: --all goes with --json");
	r->cursor = opt[OPT_CURSOR] ? opt[OPT_CURSOR] : "recv";
	r->deadline = opt[OPT_TIMEOUT] ? now_ms() + ms : -1;
	r->follow = opt[OPT_FOLLOW] || opt[OPT_TIMEOUT] || opt[OPT_COUNT];
	return CODE_OK;
}

static int run(struct cli *cli)
{
	struct recv r = { .cli = cli };
	int code = read_options(&r), acked;

	buf_init(&r.line, SIZE_MAX / 2);
	if (!code)
		code = subscribe(&r);
	if (code)
		goto out;
	hold_signals(&r);
	code = loop(&r);
	/* After a failure too: what stdout took must not come again. */
	acked = finish(&r);
	if (!code)
		code = acked;
	if (r.ended_by)
		end_by(&r);
out:
	buf_finish(&r.line);
	return code;
}

const struct command cmd_recv = {
	.name = "recv",
	.operands = "",
	.summary = "print messages that came since this cursor's last one",
	.more = "A message counts as taken only when standard output took it: "
		"killed at any moment,\nit loses none. With --count or --timeout"
		" it waits for what is not there yet; a\ntime-out ends with 0, or"
		" with 7 when --count is unmet.\n",
	.options = options,
	.run = run,
};
