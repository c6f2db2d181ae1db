/* sotto-tui: the chat in the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "input.h"
#include "paint.h"
#include "paths.h"
#include "secret.h"
#include "session.h"

enum { EXIT_USAGE = 1, EXIT_UNEXPECTED = 2, PAINT_EVERY_MS = 16, KEYS_A_TURN = 4096 };

/* Handlers only set these and wake the loop through the pipe. */
static volatile sig_atomic_t resized, ended, stopped, continued;
static int wake[2] = { -1, -1 };
/* What libraries and asserts write while the screen is ours is shown after it. */
static int real_stderr = -1, kept_stderr = -1;

static void on_signal(int sig)
{
	int saved = errno;

	if (sig == SIGWINCH)
		resized = 1;
	else if (sig == SIGTSTP)
		stopped = 1;
	else if (sig == SIGCONT)
		continued = 1;
	else
		ended = sig;
	(void)!write(wake[1], "", 1);
	errno = saved;
}

static void show_kept(void)
{
	char data[1024];
	off_t at = 0;
	ssize_t n;

	if (kept_stderr < 0)
		return;
	while (at < 65536 && (n = pread(kept_stderr, data, sizeof(data), at)) > 0) {
		if (write(real_stderr, data, (size_t)n) < 0)
			break;
		at += n;
	}
}

static void on_crash(int sig)
{
	screen_emergency();
	show_kept();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void catch(int sig, void (*handler)(int), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	sigfillset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

static int set_up_signals(void)
{
	static const int soft[] = { SIGWINCH, SIGTSTP, SIGCONT, SIGHUP, SIGTERM,
				    SIGINT, SIGQUIT };
	static const int hard[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };

	if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) < 0)
		return ERR_SYSTEM;
	for (size_t i = 0; i < sizeof(soft) / sizeof(*soft); i++)
		catch(soft[i], on_signal, SA_RESTART);
	for (size_t i = 0; i < sizeof(hard) / sizeof(*hard); i++)
		catch(hard[i], on_crash, SA_RESETHAND | SA_NODEFER);
	signal(SIGPIPE, SIG_IGN);
	return OK;
}

static void keep_stderr(void)
{
	kept_stderr = memfd_create("stderr", MFD_CLOEXEC);
	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (kept_stderr >= 0 && real_stderr >= 0)
		dup2(kept_stderr, STDERR_FILENO);
}

static void release_stderr(void)
{
	if (kept_stderr < 0 || real_stderr < 0)
		return;
	dup2(real_stderr, STDERR_FILENO);
	show_kept();
}

static void stop(void)
{
	stopped = 0;
	screen_suspend();
	raise(SIGSTOP);		/* not SIGTSTP: that is ours */
	continued = 1;
}

static void take_signals(struct app *a)
{
	char junk[64];

	while (read(wake[0], junk, sizeof(junk)) > 0)
		;
	if (stopped)
		stop();
	if (continued) {
		continued = 0;
		screen_resume();
		a->dirty = true;
	}
	if (resized) {
		resized = 0;
		screen_resized();
		a->dirty = true;
	}
	if (ended)
		a->quit = true;
}

static void take_keys(struct app *a)
{
	struct key k;
	int err = OK;

	for (int i = 0; i < KEYS_A_TURN && !a->quit && screen_key(&k, &err); i++) {
		if (k.code == KEY_CODE_CHAR && k.ch == 26 && !a->pasting) {
			input_flush(a);
			stop();
			take_signals(a);
			continue;
		}
		input_key(a, &k);
	}
	input_flush(a);
	if (err != OK)
		ended = SIGHUP;
}

/* ms until something is due, as poll wants it. */
static int time_left(const struct app *a, int64_t painted)
{
	int64_t deadline = session_deadline(a), left;

	if (a->dirty && (deadline < 0 || painted + PAINT_EVERY_MS < deadline))
		deadline = painted + PAINT_EVERY_MS;
	if (deadline < 0)
		return -1;
	left = deadline - a->now;
	return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void run(struct app *a)
{
	struct pollfd p[3] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = wake[0], .events = POLLIN },
	};
	int64_t painted = 0;
	bool keys = true;

	while (!a->quit) {
		app_clock(a);
		agent_turn(a->agent, a->now);
		session_tick(a);
		/* what one types is shown at once, what comes in bursts is not */
		if (a->dirty && (keys || a->now - painted >= PAINT_EVERY_MS)) {
			a->dirty = false;
			paint(a);
			screen_show(&a->surface);
			painted = a->now;
			keys = false;
			/* painting may have asked for pages */
			agent_turn(a->agent, a->now);
		}
		agent_poll(a->agent, &p[2]);
		if (poll(p, 3, time_left(a, painted)) < 0 && errno != EINTR)
			break;
		app_clock(a);
		if (p[1].revents)
			take_signals(a);
		if (p[0].revents & POLLIN) {
			take_keys(a);
			keys = true;
		} else if (p[0].revents) {	/* the terminal has gone */
			ended = SIGHUP;
		}
		if (ended)
			a->quit = true;
	}
}

static void usage(FILE *out)
{
	fputs("usage: sotto-tui [--profile NAME] [--chat NAME]\n"
	      "The chat in the terminal; see sotto(1).\n", out);
}

/* 0, or the exit code + 1. */
static int parse(int argc, char **argv, const char **profile, const char **chat)
{
	static const struct option options[] = {
		{ "profile", required_argument, NULL, 'p' },
		{ "chat", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			*profile = optarg;
		else if (c == 'c')
			*chat = optarg;
		else if (c == 'h')
			return usage(stdout), 1;
		else
			return usage(stderr), EXIT_USAGE + 1;
	}
	if (optind < argc)
		return usage(stderr), EXIT_USAGE + 1;
	return 0;
}

static int chat(const struct paths *paths, const char *wanted)
{
	struct app app;
	const char *why;
	int err;

	keep_stderr();
	err = screen_init(&why);
	if (err != OK) {
		release_stderr();
		fprintf(stderr, "sotto-tui: %s\n", err == ERR_USAGE ?
			"the chat needs a terminal; see sotto --help for commands" : why);
		return err == ERR_USAGE ? EXIT_USAGE : EXIT_UNEXPECTED;
	}
	/* names of days in a charset that we do not draw */
	if (!screen_utf8())
		setlocale(LC_TIME, "C");
	app_init(&app, wanted, !screen_utf8());
	session_start(&app, paths);
	run(&app);
	screen_finish();
	release_stderr();
	session_end(&app);
	app_finish(&app);
	return ended ? 128 + ended : 0;
}

int main(int argc, char **argv)
{
	const char *profile = NULL, *wanted = NULL;
	static struct paths paths;	/* a thread may read them to the end */
	int code = parse(argc, argv, &profile, &wanted);

	if (code)
		return code - 1;
	setlocale(LC_ALL, "");
	if (secret_process_init() != OK || set_up_signals() != OK) {
		fputs("sotto-tui: cannot start\n", stderr);
		return EXIT_UNEXPECTED;
	}
	if (paths_init(&paths, profile) != OK) {
		fputs("sotto-tui: a profile's name has letters, digits, _ and -, "
		      "and HOME must be set\n", stderr);
		return EXIT_USAGE;
	}
	return chat(&paths, wanted);
}
