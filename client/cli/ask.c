#include "ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <termios.h>
#include <unistd.h>

#include "passphrase.h"

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	caught = sig;
}

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
enum { N_ENDING = sizeof(ending) / sizeof(ending[0]) };

/* How signals were handled before. */
struct signals {
	struct sigaction actions[N_ENDING];
	sigset_t mask;
};

/* Signals interrupt the wait for input, and come only there, so that echo can be
 * put back first. */
static void catch_signals(struct signals *old)
{
	struct sigaction a = { .sa_handler = on_signal };
	sigset_t held;

	caught = 0;
	sigemptyset(&held);
	for (int i = 0; i < N_ENDING; i++) {
		sigaddset(&held, ending[i]);
		sigaction(ending[i], &a, &old->actions[i]);
	}
	sigprocmask(SIG_BLOCK, &held, &old->mask);
}

static void release_signals(const struct signals *old)
{
	for (int i = 0; i < N_ENDING; i++)
		sigaction(ending[i], &old->actions[i], NULL);
	sigprocmask(SIG_SETMASK, &old->mask, NULL);
	if (caught)
		raise(caught);
}

bool ask_possible(void)
{
	return isatty(STDIN_FILENO);
}

/* Prompts go to the terminal, also when stdout and stderr do not. */
void ask_show(const char *text)
{
	int fd = open("/dev/tty", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int to = fd < 0 ? STDERR_FILENO : fd;
	size_t len = strlen(text);

	while (len) {
		ssize_t n = write(to, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		text += n;
		len -= (size_t)n;
	}
	if (fd >= 0)
		close(fd);
}

/* Waits for input with the signals of mask; false when one of ours came. */
static bool wait_input(const sigset_t *mask)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	while (ppoll(&p, 1, NULL, mask) < 0 && errno == EINTR)
		if (caught)
			return false;
	return true;
}

/* A line from stdin, byte by byte so that nothing behind it is taken. mask: NULL,
 * or the signals that are let through meanwhile. */
static int read_line(char *out, size_t size, size_t *out_len,
		     const sigset_t *mask)
{
	size_t len = 0;
	bool over = false;

	for (;;) {
		char c;
		ssize_t n;

		if (mask && !wait_input(mask))
			return ERR_NOT_FOUND;
		n = read(STDIN_FILENO, &c, 1);
		if (n < 0 && errno == EINTR && !caught)
			continue;
		if (n <= 0 && (caught || !len))
			return ERR_NOT_FOUND;
		if (n <= 0 || c == '\n')
			break;
		if (len < size - 1)
			out[len++] = c;
		else
			over = true;
	}
	if (over)
		return ERR_TOO_BIG;
	out[len] = '\0';
	*out_len = len;
	return OK;
}

int ask_line(const char *prompt, char *out, size_t size)
{
	size_t len;

	ask_show(prompt);
	return read_line(out, size, &len, NULL);
}

int ask_secret(const char *prompt, struct secret **out)
{
	struct signals old;
	struct termios before, quiet;
	char line[PASSPHRASE_MAX + 2];
	bool is_tty;
	size_t len = 0;
	int ret;

	catch_signals(&old);
	is_tty = !tcgetattr(STDIN_FILENO, &before);
	if (is_tty) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	ask_show(prompt);
	ret = read_line(line, sizeof(line) - 1, &len, &old.mask);
	if (is_tty)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	ask_show("\n");
	if (!ret)
		*out = secret_copy((uint8_t *)line, len);
	sodium_memzero(line, sizeof(line));
	release_signals(&old);
	return ret;
}

int ask_yes(const char *prompt)
{
	char line[16];
	int ret;

	do
		ret = ask_line(prompt, line, sizeof(line));
	while (ret == ERR_TOO_BIG || (!ret && strcmp(line, "yes") != 0));
	return ret;
}
