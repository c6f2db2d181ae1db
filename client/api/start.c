#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "sys.h"

enum { RETRY_FIRST_MS = 2, RETRY_MAX_MS = 100, EXIT_CODE_LOCKED = 8 };

extern char **environ;

static __attribute__((format(printf, 2, 3)))
void say(char why[static START_WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, START_WHY_MAX, fmt, ap);
	va_end(ap);
}

static int64_t now_ms(void)
{
	return (int64_t)sys_mono_ms(&sys_real);
}

static int left_ms(int64_t deadline)
{
	int64_t left = deadline - now_ms();

	return left < 0 ? 0 : (int)left;
}

/* Whether the process at the other end is our user's: a passphrase may follow. */
static int check_peer(int fd, char why[static START_WHY_MAX])
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) &&
	    cred.uid == geteuid())
		return OK;
	say(why, "the agent's socket belongs to another user");
	return ERR_REFUSED;
}

/* ERR_NOT_FOUND when nobody listens. */
static int try_connect(const struct paths *p, int *out,
		       char why[static START_WHY_MAX])
{
	/* A full backlog makes connect wait: not for ever on a hung agent. */
	const struct timeval limit = { .tv_sec = START_MS / 1000 };
	struct sockaddr_un address;
	int fd, dir_fd = -1, failed = 0;

	if (paths_socket_address(p, &address, &dir_fd)) {
		say(why, "%s: %s", p->socket_dir, strerror(errno));
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)))
		failed = errno;
	if (dir_fd >= 0)
		close(dir_fd);
	if (failed) {
		if (fd >= 0)
			close(fd);
		if (failed == EAGAIN) {
			say(why, "the agent does not answer");
			return ERR_TIMEOUT;
		}
		say(why, "%s: %s", p->socket, strerror(failed));
		return failed == ENOENT || failed == ECONNREFUSED ?
			ERR_NOT_FOUND : ERR_SYSTEM;
	}
	if (check_peer(fd, why) ||
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
		close(fd);
		return ERR_REFUSED;
	}
	*out = fd;
	return OK;
}

/* Starts the program in a session of its own with nothing of ours but the pipe
 * for its errors. */
static int spawn_agent(const char *program, const char *profile, int errors,
		       pid_t *pid)
{
	char *argv[] = { xstrdup("sotto-agent"), xstrdup("--profile"),
			 xstrdup(profile), NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int ret;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID |
		POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, errors, 2);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&files, 0, 1);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	ret = posix_spawn(pid, program, &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	for (int i = 0; argv[i]; i++)
		free(argv[i]);
	errno = ret;
	return ret ? ERR_SYSTEM : OK;
}

/* The last line that the agent wrote, without "sotto-agent: ". */
static void last_line(char *text, char why[static START_WHY_MAX])
{
	static const char prefix[] = "sotto-agent: ";
	size_t len = strlen(text);
	char *line;

	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	if (!strncmp(line, prefix, sizeof(prefix) - 1))
		line += sizeof(prefix) - 1;
	if (line[0])
		say(why, "%s", line);
}

/* Reads errors until the process ends; keeps the newest part in text. */
static int watch(int pidfd, int errors, int64_t deadline, char *text,
		 size_t size)
{
	struct pollfd p[2] = {
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = errors, .events = POLLIN },
	};
	size_t len = 0;

	text[0] = '\0';
	for (;;) {
		ssize_t n;

		if (poll(p, 2, left_ms(deadline)) < 0 && errno != EINTR)
			return ERR_SYSTEM;
		if (len > size / 2) {
			memmove(text, text + size / 4, len - size / 4);
			len -= size / 4;
		}
		n = read(errors, text + len, size - 1 - len);
		if (n > 0)
			len += (size_t)n;
		else if (n == 0)
			p[1].fd = -1;	/* closed */
		text[len] = '\0';
		if (p[0].revents && n <= 0)
			return OK;
		if (!left_ms(deadline))
			return ERR_TIMEOUT;
	}
}

/* Waits until the agent has gone into the background or failed. */
static int wait_agent(pid_t pid, int errors, int64_t deadline,
		      char why[static START_WHY_MAX])
{
	char text[2 * START_WHY_MAX];
	int pidfd = pidfd_open(pid, 0), status, ret;

	ret = pidfd < 0 ? ERR_SYSTEM :
		watch(pidfd, errors, deadline, text, sizeof(text));
	if (pidfd >= 0)
		close(pidfd);
	if (ret == ERR_TIMEOUT) {
		/* It may still get there: leave it to itself. */
		say(why, "the agent did not start within %d seconds",
		    START_MS / 1000);
		return ret;
	}
	if (ret || waitpid(pid, &status, 0) != pid) {
		say(why, "cannot wait for the agent: %s", strerror(errno));
		return ERR_SYSTEM;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return OK;
	if (WIFSIGNALED(status))
		say(why, "the agent was ended by signal %d", WTERMSIG(status));
	else
		say(why, "the agent ended with code %d", WEXITSTATUS(status));
	last_line(text, why);
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CODE_LOCKED ?
		ERR_LOCKED : ERR_SYSTEM;
}

static int run_agent(const struct paths *p, int64_t deadline,
		     char why[static START_WHY_MAX])
{
	char *program = paths_program("sotto-agent");
	int errors[2] = { -1, -1 }, ret = ERR_SYSTEM;
	pid_t pid;

	if (!program) {
		say(why, "the program sotto-agent is not installed");
		return ERR_SYSTEM;
	}
	if (pipe2(errors, O_CLOEXEC) ||
	    fcntl(errors[0], F_SETFL, O_NONBLOCK) < 0) {
		say(why, "cannot start the agent: %s", strerror(errno));
		goto out;
	}
	ret = spawn_agent(program, p->profile, errors[1], &pid);
	if (ret) {
		say(why, "%s: %s", program, strerror(errno));
		goto out;
	}
	close(errors[1]);
	errors[1] = -1;
	ret = wait_agent(pid, errors[0], deadline, why);
out:
	if (errors[0] >= 0)
		close(errors[0]);
	if (errors[1] >= 0)
		close(errors[1]);
	free(program);
	return ret;
}

int start_connect(const struct paths *p, bool start, int *out,
		  char why[static START_WHY_MAX])
{
	int64_t deadline = now_ms() + START_MS;
	int wait = RETRY_FIRST_MS;
	int ret;

	for (;;) {
		ret = try_connect(p, out, why);
		if (ret != ERR_NOT_FOUND || !start)
			return ret;
		if (now_ms() >= deadline) {
			say(why, "the agent starts but does not stay");
			return ERR_TIMEOUT;
		}
		ret = run_agent(p, deadline, why);
		if (ret)
			return ret;
		ret = try_connect(p, out, why);
		if (ret != ERR_NOT_FOUND)
			return ret;
		/* Another one's agent that is about to listen, or one that was
		 * stopped again: look anew. */
		poll(NULL, 0, wait);
		wait = wait * 2 < RETRY_MAX_MS ? wait * 2 : RETRY_MAX_MS;
	}
}
