#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf.h"

enum { PROFILE_MAX = 64 };

static bool profile_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	size_t len = strlen(name);

	return len >= 1 && len <= PROFILE_MAX && strspn(name, allowed) == len;
}

static __attribute__((format(printf, 1, 2))) char *format(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	return text;
}

/* NULL when the variable is unset, empty or not absolute. */
static const char *absolute_env(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] == '/' ? value : NULL;
}

/* dir made absolute without asking that it exists. */
static char *absolute(const char *dir)
{
	char *cwd, *path;

	if (dir[0] == '/')
		return xstrdup(dir);
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return NULL;
	path = format("%s/%s", cwd, dir);
	free(cwd);
	return path;
}

static int init_home(struct paths *p, const char *home)
{
	char *dir = absolute(home);

	if (!dir)
		return ERR_FORMAT;
	p->data_dir = format("%s/%s", dir, p->profile);
	p->config_file = format("%s/sotto.conf", p->data_dir);
	p->socket_dir = format("%s/run", dir);
	p->socket = format("%s/%s.sock", p->socket_dir, p->profile);
	free(dir);
	return OK;
}

/* The directory that an XDG variable names, else the one under HOME. */
static char *xdg_dir(const char *variable, const char *under_home)
{
	const char *value = absolute_env(variable);
	const char *home = absolute_env("HOME");

	if (value)
		return xstrdup(value);
	return home ? format("%s/%s", home, under_home) : NULL;
}

static int init_xdg(struct paths *p)
{
	char *config = xdg_dir("XDG_CONFIG_HOME", ".config");
	char *data = xdg_dir("XDG_DATA_HOME", ".local/share");
	const char *runtime = absolute_env("XDG_RUNTIME_DIR");
	int ret = ERR_FORMAT;

	if (!config || !data)
		goto out;
	p->config_file = format("%s/sotto/%s/sotto.conf", config, p->profile);
	p->data_dir = format("%s/sotto/%s", data, p->profile);
	if (runtime) {
		p->socket_dir = format("%s/sotto", runtime);
		p->socket = format("%s/%s.sock", p->socket_dir, p->profile);
	} else {
		p->socket_dir = xstrdup(p->data_dir);
		p->socket = format("%s/run.sock", p->data_dir);
	}
	ret = OK;
out:
	free(config);
	free(data);
	return ret;
}

int paths_init(struct paths *p, const char *profile)
{
	struct paths made = {0};
	const char *home = getenv("SOTTO_HOME");
	int ret;

	if (!profile)
		profile = getenv("SOTTO_PROFILE");
	if (!profile || !profile[0])
		profile = "default";
	if (!profile_valid(profile))
		return ERR_USAGE;
	made.profile = xstrdup(profile);
	ret = home && home[0] ? init_home(&made, home) : init_xdg(&made);
	if (ret) {
		paths_finish(&made);
		return ret;
	}
	*p = made;
	return OK;
}

void paths_finish(struct paths *p)
{
	free(p->profile);
	free(p->config_file);
	free(p->data_dir);
	free(p->socket_dir);
	free(p->socket);
	memset(p, 0, sizeof(*p));
}

int paths_make_dir(const char *dir)
{
	char *path = xstrdup(dir);
	struct stat st;
	int ret = ERR_SYSTEM;
	char *slash = path;

	while (slash) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(path, 0700) && errno != EEXIST &&
		    (stat(path, &st) || !S_ISDIR(st.st_mode)))
			goto out;
		if (slash)
			*slash = '/';
	}
	if (stat(path, &st))
		goto out;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		goto out;
	}
	if ((st.st_uid != geteuid() && st.st_uid) || st.st_mode & S_IWOTH) {
		errno = EPERM;
		goto out;
	}
	ret = OK;
out:
	free(path);
	return ret;
}

int paths_socket_address(const struct paths *p, struct sockaddr_un *out,
			 int *dir_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *name = strrchr(p->socket, '/') + 1;
	int fd = -1, n;

	n = snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		     p->socket);
	if (n < 0 || (size_t)n >= sizeof(address.sun_path)) {
		fd = open(p->socket_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return ERR_SYSTEM;
		/* Always fits: a profile has at most 64 characters. */
		n = snprintf(address.sun_path, sizeof(address.sun_path),
			     "/proc/self/fd/%d/%s", fd, name);
		if (n < 0 || (size_t)n >= sizeof(address.sun_path)) {
			close(fd);
			errno = ENAMETOOLONG;
			return ERR_SYSTEM;
		}
	}
	*out = address;
	*dir_fd = fd;
	return OK;
}

char *paths_program(const char *name)
{
	static const char *const places[] = { "", "../libexec/sotto/" };
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (!slash)
		return NULL;
	slash[1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *path = format("%s%s%s", exe, places[i], name);

		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}
