/* sotto-agent: starts, listens, goes into the background, runs the loop. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "agent.h"
#include "api_server.h"
#include "log.h"
#include "paths.h"
#include "secret.h"

enum {
	BACKLOG = 64,
	WINNER_WAIT_MS = 10 * 1000,	/* for the other one's socket */
	WINNER_POLL_MS = 10,
	LOG_MAX = 1024 * 1024,		/* then the file is begun anew */
	LOG_CHECK_MS = 60 * 1000,
	LOG_LINES = 600,		/* a minute */
};

static struct agent agent;
static char *log_file;

static int complain(const char *what)
{
	fprintf(stderr, "sotto-agent: %s: %s\n", what, strerror(errno));
	return 2;
}

static char *join(const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	char *path = xmalloc(size);

	snprintf(path, size, "%s/%s", dir, name);
	return path;
}

/* ---- one agent a profile ---- */

static bool socket_answers(const struct paths *p)
{
	struct sockaddr_un address;
	int dir_fd = -1, fd;
	bool answers;

	if (paths_socket_address(p, &address, &dir_fd))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	answers = fd >= 0 && !connect(fd, (struct sockaddr *)&address,
				      sizeof(address));
	if (fd >= 0)
		close(fd);
	if (dir_fd >= 0)
		close(dir_fd);
	return answers;
}

/* The lock, -1 when another agent has it and answers, -2 on failure. It is held
 * as long as the process lives. */
static int take_lock(const struct paths *p)
{
	char *path = join(p->data_dir, "lock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		complain(path);
		free(path);
		return -2;
	}
	free(path);
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB);
	     waited += WINNER_POLL_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			complain("lock");
			break;
		}
		if (socket_answers(p)) {
			close(fd);
			return -1;
		}
		if (waited >= WINNER_WAIT_MS) {
			fputs("sotto-agent: another agent has this profile "
			      "but does not answer\n", stderr);
			break;
		}
		usleep(WINNER_POLL_MS * 1000);
		continue;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	close(fd);
	return -2;
}

/* Only the lock's holder gets here, so a socket that stands there is old. */
static int listen_socket(const struct paths *p)
{
	struct sockaddr_un address;
	int dir_fd = -1, fd;
	mode_t mask;
	bool failed;

	if (paths_socket_address(p, &address, &dir_fd)) {
		complain(p->socket_dir);
		return -1;
	}
	unlink(p->socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);
	failed = fd < 0 || bind(fd, (struct sockaddr *)&address,
				sizeof(address)) || listen(fd, BACKLOG);
	if (failed)
		complain(p->socket);
	umask(mask);
	if (dir_fd >= 0)
		close(dir_fd);
	if (failed && fd >= 0)
		close(fd);
	return failed ? -1 : fd;
}

/* ---- background ---- */

static void open_log(void)
{
	int fd = open(log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
		      0600);

	if (fd < 0)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		dup2(fd, STDERR_FILENO);
		close(fd);
	}
}

static void check_log(void)
{
	struct stat st;
	char *old;

	if (fstat(STDERR_FILENO, &st) || !S_ISREG(st.st_mode) ||
	    st.st_size < LOG_MAX)
		return;
	old = xmalloc(strlen(log_file) + 3);
	snprintf(old, strlen(log_file) + 3, "%s.1", log_file);
	if (rename(log_file, old))
		unlink(log_file);
	free(old);
	open_log();
}

static void on_log_timer(uv_timer_t *timer)
{
	(void)timer;
	check_log();
}

/* The parent ends: whoever started it knows that the socket listens. */
static int go_background(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid;

	if (null < 0)
		return complain("/dev/null");
	pid = fork();
	if (pid < 0)
		return complain("fork");
	if (pid > 0)
		_exit(0);
	setsid();
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	open_log();
	close(null);
	if (chdir("/"))
		return 2;
	return 0;
}

/* ---- the loop ---- */

static void on_signal(uv_signal_t *handle, int number)
{
	log_info("ends by signal %d", number);
	agent.stopping = true;
	uv_stop(handle->loop);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static int run(const struct paths *p, int listener, bool foreground)
{
	uv_loop_t loop;
	uv_signal_t term, interrupt;
	uv_timer_t log_timer;
	int ret;

	uv_loop_init(&loop);
	uv_signal_init(&loop, &term);
	uv_signal_init(&loop, &interrupt);
	uv_timer_init(&loop, &log_timer);
	uv_signal_start(&term, on_signal, SIGTERM);
	uv_signal_start(&interrupt, on_signal, SIGINT);
	if (!foreground)
		uv_timer_start(&log_timer, on_log_timer, LOG_CHECK_MS,
			       LOG_CHECK_MS);
	agent_init(&agent, &loop, &sys_real, p);
	ret = api_server_create(&agent, listener, &agent.server);
	if (!ret) {
		log_info("started");
		uv_run(&loop, UV_RUN_DEFAULT);
	}
	/* A commit that was under way is answered before the socket goes. */
	if (agent.turn)
		turn_commit(agent.turn);
	unlink(p->socket);
	api_server_destroy(agent.server);
	agent.server = NULL;
	agent_lock(&agent);
	uv_close((uv_handle_t *)&term, NULL);
	uv_close((uv_handle_t *)&interrupt, NULL);
	uv_close((uv_handle_t *)&log_timer, NULL);
	/* Connections say goodbye before what holds them goes. */
	for (int i = 0; i < 10; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	agent_finish(&agent);
	for (int i = 0; i < 100 && uv_run(&loop, UV_RUN_NOWAIT); i++)
		;
	uv_walk(&loop, close_handle, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_loop_close(&loop);
	return ret ? 2 : 0;
}

static int usage(FILE *out)
{
	fputs("usage: sotto-agent [--profile NAME] [--foreground]\n", out);
	return out == stdout ? 0 : 1;
}

static bool make_dirs(const struct paths *p)
{
	char *config = xstrdup(p->config_file), *slash = strrchr(config, '/');
	const char *const dirs[] = { p->data_dir, p->socket_dir, config };
	bool made = true;

	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && made; i++) {
		made = !paths_make_dir(dirs[i]);
		if (!made && errno == EPERM)
			fprintf(stderr, "sotto-agent: %s: others can write "
				"there, or it is another user's\n", dirs[i]);
		else if (!made)
			complain(dirs[i]);
	}
	free(config);
	return made;
}

static int start(const struct paths *p, bool foreground)
{
	int lock, listener, ret;

	if (!make_dirs(p))
		return 2;
	lock = take_lock(p);
	if (lock < 0)
		return lock == -1 ? 0 : 2;
	listener = listen_socket(p);
	if (listener < 0)
		return 2;
	log_file = join(p->data_dir, "agent.log");
	if (!foreground) {
		ret = go_background();
		if (ret)
			return ret;
		check_log();
	}
	ret = run(p, listener, foreground);
	free(log_file);
	close(lock);
	return ret;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "profile", required_argument, NULL, 'p' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *profile = NULL;
	bool foreground = false;
	struct paths paths;
	int opt, ret;

	if (secret_process_init())
		return 2;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'p': profile = optarg; break;
		case 'f': foreground = true; break;
		case 'h': return usage(stdout);
		default: return usage(stderr);
		}
	}
	if (optind != argc)
		return usage(stderr);
	log_init("sotto-agent", LOG_INFO);
	log_limit(LOG_LINES);
	/* libwebsockets would take proxies from these; proxies are for a
	 * version that gives each connection its own credentials. */
	unsetenv("http_proxy");
	unsetenv("socks_proxy");
	setenv("UV_THREADPOOL_SIZE", "2", 1);
	signal(SIGPIPE, SIG_IGN);
	if (paths_init(&paths, profile)) {
		fputs("sotto-agent: a profile's name is 1 to 64 of "
		      "A-Z a-z 0-9 _ -\n", stderr);
		return 1;
	}
	ret = start(&paths, foreground);
	paths_finish(&paths);
	return ret;
}
