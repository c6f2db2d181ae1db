#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"

enum { CONFIG_FILE_MAX = 64 * 1024 };

static const char *check_switch(const char *v)
{
	return !strcmp(v, "on") || !strcmp(v, "off") ?
		NULL : "the value is on or off";
}

static const char *check_requests(const char *v)
{
	return !strcmp(v, "ask") || !strcmp(v, "accept") ?
		NULL : "the value is ask or accept";
}

static const char *check_delay(const char *v)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(v, &end, 10);
	return v[0] && !*end && !errno && n >= 0 && n <= 1000 ?
		NULL : "the value is a number of milliseconds from 0 to 1000";
}

static const char *check_name(const char *v)
{
	return strlen(v) <= 128 ? NULL : "a name has at most 128 bytes";
}

static const char *check_path(const char *v)
{
	return !v[0] || v[0] == '/' ? NULL : "give an absolute path, which begins with /";
}

static const struct config_item items[] = {
	{ "ca-file", "", "PEM file with certificates that relays may have, "
	  "beside the system's", false, check_path },
	{ "contact-requests", "ask", "what to do with a stranger who has one's "
	  "link: ask or accept", false, check_requests },
	{ "name", "", "one's own name, as others see it", false, check_name },
	{ "receipt-delay-max", "1000", "receipts wait a random time of at most "
	  "so many milliseconds", false, check_delay },
	{ "receipts", "on", "tell contacts that their messages came and were "
	  "read: on or off", false, check_switch },
	{ "relay", "", "the relay that holds one's mailbox", true, NULL },
	{ "typing", "on", "tell contacts that one is typing: on or off", false,
	  check_switch },
};

enum { N_ITEMS = sizeof(items) / sizeof(items[0]) };

struct config {
	char *path;
	char *values[N_ITEMS];
};

const struct config_item *config_items(size_t *n)
{
	*n = N_ITEMS;
	return items;
}

static int find(const char *name)
{
	for (int i = 0; i < N_ITEMS; i++)
		if (!strcmp(items[i].name, name))
			return i;
	return -1;
}

static int on_value(void *ctx, const char *section, const char *name,
		    const char *value)
{
	struct config *c = ctx;
	int i = find(name);
	const char *why;

	if (section[0] || i < 0) {
		log_warn("sotto.conf: unknown setting %s", name);
		return 1;
	}
	why = items[i].check ? items[i].check(value) : NULL;
	if (why) {
		log_warn("sotto.conf: %s: %s", name, why);
		return 1;
	}
	free(c->values[i]);
	c->values[i] = xstrdup(value);
	return 1;
}

int config_load(const char *path, struct config **out)
{
	struct config *c = xcalloc(1, sizeof(*c));
	FILE *f;
	int line;

	c->path = xstrdup(path);
	f = fopen(path, "re");
	if (!f && errno != ENOENT) {
		log_error("%s: %s", path, strerror(errno));
		config_destroy(c);
		return ERR_SYSTEM;
	}
	if (f) {
		line = ini_parse_file(f, on_value, c);
		if (line > 0)
			log_warn("%s: line %d does not parse", path, line);
		fclose(f);
	}
	*out = c;
	return OK;
}

void config_destroy(struct config *c)
{
	if (!c)
		return;
	for (int i = 0; i < N_ITEMS; i++)
		free(c->values[i]);
	free(c->path);
	free(c);
}

const char *config_get(const struct config *c, const char *name)
{
	int i = find(name);

	if (i < 0)
		return NULL;
	return c->values[i] ? c->values[i] : items[i].fallback;
}

bool config_on(const struct config *c, const char *name)
{
	return !strcmp(config_get(c, name), "on");
}

long config_number(const struct config *c, const char *name)
{
	return strtol(config_get(c, name), NULL, 10);
}

/* Whether a line of the file sets name: "name =", "name:". */
static bool sets(const char *line, const char *name)
{
	size_t len = strlen(name);

	line += strspn(line, " \t");
	if (strncmp(line, name, len))
		return false;
	line += len;
	line += strspn(line, " \t");
	return *line == '=' || *line == ':';
}

/* The file's lines with the one that sets name replaced, or one added. */
static int rewrite(const struct config *c, const char *name, const char *value,
		   struct buf *out)
{
	FILE *f = fopen(c->path, "re");
	char *line = NULL;
	size_t size = 0;
	bool done = false;
	int ret = OK;

	while (f && !ret && getline(&line, &size, f) >= 0) {
		if (!sets(line, name)) {
			ret = buf_append(out, line, strlen(line));
			if (!ret && !strchr(line, '\n'))
				ret = buf_append(out, "\n", 1);
		} else if (!done) {
			done = true;
			ret = buf_appendf(out, "%s = %s\n", name, value);
		}
	}
	if (!ret && !done)
		ret = buf_appendf(out, "%s = %s\n", name, value);
	free(line);
	if (f)
		fclose(f);
	return ret;
}

static int save(const char *path, const struct buf *content)
{
	struct buf temp;
	int fd = -1, ret = ERR_SYSTEM;

	buf_init(&temp, 8192);
	if (buf_appendf(&temp, "%s.new", path) ||
	    buf_append_u8(&temp, 0))
		goto out;
	fd = open((char *)temp.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		  0600);
	if (fd < 0 ||
	    write(fd, content->data, content->len) != (ssize_t)content->len ||
	    fsync(fd) || rename((char *)temp.data, path))
		goto out;
	ret = OK;
out:
	if (ret) {
		log_error("%s: %s", path, strerror(errno));
		if (errno == ENOSPC || errno == EROFS || errno == EDQUOT)
			ret = ERR_NO_SPACE;
	}
	if (fd >= 0)
		close(fd);
	buf_finish(&temp);
	return ret;
}

int config_set(struct config *c, const char *name, const char *value,
	       const char **why)
{
	int i = find(name), ret;
	struct buf content;

	if (i < 0)
		return ERR_NOT_FOUND;
	*why = items[i].check ? items[i].check(value) : NULL;
	if (!*why && strlen(value) > CONFIG_VALUE_MAX)
		*why = "the value is too long";
	/* The INI form has no escapes: what would not come back is refused. */
	if (!*why && (strpbrk(value, "\r\n;") || value[0] == ' ' ||
		      (value[0] && value[strlen(value) - 1] == ' ')))
		*why = "the value has a newline, a semicolon or outer spaces";
	if (*why)
		return ERR_USAGE;
	buf_init(&content, CONFIG_FILE_MAX);
	ret = rewrite(c, name, value, &content);
	if (!ret)
		ret = save(c->path, &content);
	if (!ret) {
		free(c->values[i]);
		c->values[i] = xstrdup(value);
	}
	buf_finish(&content);
	return ret;
}
