#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bridge.h"
#include "cli.h"
#include "command.h"
#include "start.h"
#include "sys.h"

enum {
	READ_BYTES = 16 * 1024,
	RETRY_MS = 1000,	/* between subscriptions that were refused */
	WAIT_FIRST_MS = 1000,	/* between starts that failed; doubles */
	GIVE_UP_MS = 60000,
};

struct bot {
	struct cli *cli;
	struct bridge bridge;
	int agent;		/* -1: none */
	bool broken;		/* the agent takes no more; its end will show */
	int64_t retry_at;	/* of subscriptions; -1: none */
	int64_t connect_at;	/* the next try; 0: at once */
	int wait;		/* after that one */
	int64_t give_up;	/* of the tries to connect */
};

static int64_t now_ms(void)
{
	return (int64_t)sys_mono_ms(&sys_real);
}

static bool again(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Connects. A bot must not stop because an agent did, and what is wrong may be
 * mended: a restart that fails is tried for a minute, the first start not. */
static int connect_agent(struct bot *bot)
{
	char why[START_WHY_MAX] = "";
	int ret = start_connect(&bot->cli->paths, true, &bot->agent, why);

	if (!ret) {
		bot->broken = false;
		bridge_up(&bot->bridge);
		return CODE_OK;
	}
	if (now_ms() + bot->wait > bot->give_up)
		return cli_fail(ret == ERR_LOCKED ? CODE_LOCKED :
				CODE_UNEXPECTED, "%s", why);
	bot->connect_at = now_ms() + bot->wait;
	bot->wait *= 2;
	return CODE_OK;
}

static void lose_agent(struct bot *bot)
{
	close(bot->agent);
	bot->agent = -1;
	bot->retry_at = -1;
	bot->connect_at = 0;
	bot->wait = WAIT_FIRST_MS;
	bot->give_up = now_ms() + GIVE_UP_MS;
	bridge_down(&bot->bridge);
}

static void read_agent(struct bot *bot)
{
	uint8_t data[READ_BYTES];
	ssize_t n = recv(bot->agent, data, sizeof(data), 0);

	if (n > 0)
		bridge_from_agent(&bot->bridge, data, (size_t)n);
	else if (n == 0 || !again())
		lose_agent(bot);
}

static void write_agent(struct bot *bot)
{
	const struct buf *out = &bot->bridge.to_agent;
	ssize_t n = send(bot->agent, out->data, out->len, MSG_NOSIGNAL);

	if (n > 0)
		bridge_sent_agent(&bot->bridge, (size_t)n);
	else if (!again())
		bot->broken = true;	/* what it still said is read first */
}

static int read_client(struct bot *bot)
{
	uint8_t data[READ_BYTES];
	ssize_t n = read(STDIN_FILENO, data, sizeof(data));

	if (n > 0)
		bridge_from_client(&bot->bridge, data, (size_t)n);
	else if (n == 0)
		bridge_client_end(&bot->bridge);
	else if (!again())
		return cli_fail(CODE_UNEXPECTED, "bot: cannot read the input: %s",
				strerror(errno));
	return CODE_OK;
}

/* A pipe that poll calls ready takes PIPE_BUF without blocking; its flags are not
 * changed, since others may share it. SIGPIPE ends us when nobody reads. */
static int write_client(struct bot *bot)
{
	const struct buf *out = &bot->bridge.to_client;
	size_t part = out->len < PIPE_BUF ? out->len : PIPE_BUF;
	ssize_t n = write(STDOUT_FILENO, out->data, part);

	if (n > 0)
		bridge_sent_client(&bot->bridge, (size_t)n);
	else if (n < 0 && !again())
		return cli_fail(CODE_UNEXPECTED, "bot: cannot write the output: "
				"%s", strerror(errno));
	return CODE_OK;
}

static bool wants_connection(const struct bot *bot)
{
	return bot->agent < 0 && bridge_wants_up(&bot->bridge);
}

/* Milliseconds until something is due; -1: nothing. */
static int poll_timeout(struct bot *bot)
{
	int64_t due = -1, left;

	if (!bridge_wants_retry(&bot->bridge))
		bot->retry_at = -1;
	else if (bot->retry_at < 0)
		bot->retry_at = now_ms() + RETRY_MS;
	if (wants_connection(bot))
		due = bot->connect_at;
	else
		due = bot->retry_at;
	if (due < 0)
		return -1;
	left = due - now_ms();
	return left < 0 ? 0 : (int)left;
}

/* What is due by the clock. */
static int run_due(struct bot *bot)
{
	if (bot->retry_at >= 0 && now_ms() >= bot->retry_at) {
		bot->retry_at = -1;
		bridge_retry(&bot->bridge);
	}
	if (wants_connection(bot) && now_ms() >= bot->connect_at)
		return connect_agent(bot);
	return CODE_OK;
}

static int turn(struct bot *bot)
{
	struct bridge *b = &bot->bridge;
	struct pollfd p[3] = {
		{ .fd = bridge_wants_client(b) ? STDIN_FILENO : -1,
		  .events = POLLIN },
		{ .fd = STDOUT_FILENO, .events = b->to_client.len ? POLLOUT : 0 },
		{ .fd = bot->agent,
		  .events = (bridge_wants_agent(b) ? POLLIN : 0) |
			    (b->to_agent.len && !bot->broken ? POLLOUT : 0) },
	};
	int code = CODE_OK;

	/* A hang-up is told also when not asked for: not while its last words
	 * cannot be read. */
	if (!p[2].events)
		p[2].fd = -1;
	if (poll(p, 3, poll_timeout(bot)) < 0 && errno != EINTR)
		return cli_fail(CODE_UNEXPECTED, "bot: poll: %s",
				strerror(errno));
	if (p[1].revents & (POLLERR | POLLHUP | POLLNVAL)) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);	/* nobody reads any more */
	}
	if (p[1].revents & POLLOUT)
		code = write_client(bot);
	if (!code && p[0].revents)
		code = read_client(bot);
	if (!code && p[2].revents & POLLOUT)
		write_agent(bot);
	if (!code && p[2].revents & (POLLIN | POLLHUP | POLLERR) &&
	    bridge_wants_agent(b))
		read_agent(bot);
	return code ? code : run_due(bot);
}

static int run(struct cli *cli)
{
	struct bot bot = { .cli = cli, .agent = -1, .retry_at = -1 };
	int code = cli_paths(cli);

	bridge_init(&bot.bridge);
	bot.bridge.terminal = isatty(STDOUT_FILENO);
	if (!code)
		code = connect_agent(&bot);
	while (!code && !bridge_done(&bot.bridge))
		code = turn(&bot);
	if (bot.agent >= 0)
		close(bot.agent);
	bridge_finish(&bot.bridge);
	return code;
}

const struct command cmd_bot = {
	.name = "bot",
	.operands = "",
	.summary = "speak JSON-RPC on standard input and output",
	.more = "One JSON object a line, see sotto-bot(1). It outlives the agent:"
		" subscriptions go\non where their cursors stand. It ends when "
		"standard input does and all is answered.\n",
	.run = run,
};
