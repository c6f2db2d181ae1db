#include "powerfail.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES = 4096 };

/* A write, or with data NULL a new size. */
struct change {
	off_t at;
	size_t len;
	uint8_t *data;
};

/* A file; its durable content is the shadow's file of its id. */
struct node {
	int id;
	bool is_dir;
	struct change *changes;
	size_t n, cap;
};

struct name {
	char *path;	/* relative to the root */
	struct node *node;
};

struct tree {
	struct name names[NAMES];
	size_t n;
};

/* from: removed; to: then is node. Either may be NULL. */
struct renaming {
	char *from, *to;
	struct node *node;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *root, *shadow;
static size_t root_len;
static struct tree current, durable;
static struct renaming *pending;
static size_t n_pending, cap_pending;
static int next_id;
static long syncs, writes, cut_sync, cut_write, fail_sync, full_from, full_to;
static bool cut_after;
static unsigned seed;

void disk_die(const char *why)
{
	fprintf(stderr, "powerfail: %s: %s\n", why, strerror(errno));
	_exit(99);
}

static void *must(void *p)
{
	if (!p)
		disk_die("memory");
	return p;
}

static char *copy_text(const char *s)
{
	return must(strdup(s));
}

/* The path under the root with single slashes and none at the end, or NULL. */
const char *disk_within(const char *path, char rel[static PATH_MAX])
{
	size_t n = 0;

	if (!root || !path || strncmp(path, root, root_len) != 0 ||
	    (path[root_len] && path[root_len] != '/'))
		return NULL;
	for (const char *p = path + root_len; *p && n < PATH_MAX - 1; p++)
		if (*p != '/' || (n > 0 && rel[n - 1] != '/'))
			rel[n++] = *p;
	if (n > 0 && rel[n - 1] == '/')
		n--;
	rel[n] = '\0';
	return rel;
}

static void parent_of(const char *path, char out[static PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	memcpy(out, path, n);
	out[n] = '\0';
}

/* ---- names ---- */

void disk_lock(void)
{
	pthread_mutex_lock(&mutex);
}

void disk_unlock(void)
{
	pthread_mutex_unlock(&mutex);
}

static struct name *find(struct tree *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->names[i].path, path) == 0)
			return &t->names[i];
	return NULL;
}

static void set_name(struct tree *t, const char *path, struct node *node)
{
	struct name *name = find(t, path);

	if (!name) {
		if (t->n == NAMES)
			disk_die("too many files");
		name = &t->names[t->n++];
		name->path = copy_text(path);
	}
	name->node = node;
}

static void remove_name(struct tree *t, const char *path)
{
	struct name *name = find(t, path);

	if (!name)
		return;
	free(name->path);
	*name = t->names[--t->n];
}

static void apply_renaming(struct tree *t, const struct renaming *r)
{
	if (r->from)
		remove_name(t, r->from);
	if (r->to)
		set_name(t, r->to, r->node);
}

void disk_rename(const char *from, const char *to, struct node *node)
{
	if (n_pending == cap_pending) {
		cap_pending = cap_pending ? cap_pending * 2 : 64;
		pending = must(realloc(pending, cap_pending * sizeof(*pending)));
	}
	pending[n_pending++] = (struct renaming){
		from ? copy_text(from) : NULL, to ? copy_text(to) : NULL, node };
	apply_renaming(&current, &pending[n_pending - 1]);
}

static struct node *new_node(bool is_dir)
{
	struct node *node = must(calloc(1, sizeof(*node)));

	node->id = next_id++;
	node->is_dir = is_dir;
	return node;
}

struct node *disk_find(const char *path)
{
	struct name *name = find(&current, path);

	return name ? name->node : NULL;
}

struct node *disk_create(const char *path, bool is_dir)
{
	struct node *node = new_node(is_dir);

	disk_rename(NULL, path, node);
	return node;
}

/* ---- contents ---- */

void disk_write(struct node *node, off_t at, const void *data, size_t len)
{
	struct change *c;

	if (node->n == node->cap) {
		node->cap = node->cap ? node->cap * 2 : 16;
		node->changes = must(realloc(node->changes, node->cap *
					     sizeof(*node->changes)));
	}
	c = &node->changes[node->n++];
	*c = (struct change){ .at = at, .len = len };
	if (data) {
		c->data = must(malloc(len ? len : 1));
		memcpy(c->data, data, len);
	}
}

static void forget_changes(struct node *node)
{
	for (size_t i = 0; i < node->n; i++)
		free(node->changes[i].data);
	node->n = 0;
}

static int shadow_file(const struct node *node)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%d", shadow, node->id);
	fd = REAL(open)(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		disk_die(path);
	return fd;
}

static void write_change(int fd, const struct change *c, size_t len)
{
	if (!c->data) {
		if (REAL(ftruncate)(fd, c->at) < 0)
			disk_die("truncate");
	} else if (len > 0 && REAL(pwrite)(fd, c->data, len, c->at) !=
				      (ssize_t)len) {
		disk_die("write");
	}
}

static void sync_node(struct node *node)
{
	int fd = shadow_file(node);

	for (size_t i = 0; i < node->n; i++)
		write_change(fd, &node->changes[i], node->changes[i].len);
	REAL(close)(fd);
	forget_changes(node);
}

static void sync_dir(const char *dir)
{
	char in[PATH_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < n_pending; i++) {
		struct renaming *r = &pending[i];

		parent_of(r->to ? r->to : r->from, in);
		if (strcmp(in, dir) != 0) {
			pending[kept++] = *r;
			continue;
		}
		apply_renaming(&durable, r);
		free(r->from);
		free(r->to);
	}
	n_pending = kept;
}

/* ---- the cut ---- */

static unsigned chance(unsigned below)
{
	return (unsigned)rand_r(&seed) % below;
}

static void leave_contents(struct node *node)
{
	enum { NOTHING, BEGINNING, SOME, ALL } left = chance(4);
	size_t n = left == BEGINNING ? chance((unsigned)node->n + 1) : node->n;
	int fd = shadow_file(node);

	for (size_t i = 0; i < n && left != NOTHING; i++) {
		struct change *c = &node->changes[i];
		size_t len = c->len;

		if (left == SOME && chance(2))
			continue;
		if ((left == SOME || (left == BEGINNING && i == n - 1)) &&
		    len > 0 && chance(2))
			len = chance((unsigned)len);
		write_change(fd, c, len);
	}
	REAL(close)(fd);
}

static void leave_names(void)
{
	size_t n = 0;

	switch (chance(3)) {
	case 0:
		break;
	case 1:
		n = n_pending;
		break;
	default:
		n = chance((unsigned)n_pending + 1);
	}
	for (size_t i = 0; i < n; i++)
		apply_renaming(&durable, &pending[i]);
}

/* Directories come first, for a name is found only below one that is there. */
static bool make_parents(const char *path)
{
	char dir[PATH_MAX], at[2 * PATH_MAX];
	struct name *name;

	parent_of(path, dir);
	if (!*dir)
		return true;
	name = find(&durable, dir);
	if (!name || !name->node->is_dir || !make_parents(dir))
		return false;
	snprintf(at, sizeof(at), "%s/disk/%s", shadow, dir);
	return REAL(mkdir)(at, 0700) == 0 || errno == EEXIST;
}

static void cut(void)
{
	char from[PATH_MAX], to[2 * PATH_MAX];

	leave_names();
	snprintf(to, sizeof(to), "%s/disk", shadow);
	if (REAL(mkdir)(to, 0700) < 0)
		disk_die("disk");
	for (size_t i = 0; i < durable.n; i++) {
		struct name *name = &durable.names[i];

		if (name->node->is_dir || !make_parents(name->path))
			continue;
		leave_contents(name->node);
		snprintf(from, sizeof(from), "%s/%d", shadow, name->node->id);
		snprintf(to, sizeof(to), "%s/disk/%s", shadow, name->path);
		if (REAL(rename)(from, to) < 0)
			disk_die(to);
	}
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

bool disk_may_write(void)
{
	writes++;
	if (writes == cut_write)
		cut();
	if (writes >= full_from && writes < full_to) {
		errno = ENOSPC;
		return false;
	}
	return true;
}

int disk_sync(struct node *node, const char *dir)
{
	int err = 0;

	syncs++;
	if (syncs == cut_sync && !cut_after)
		cut();
	if (syncs == fail_sync) {
		if (node)
			forget_changes(node);
		errno = EIO;
		err = -1;
	} else if (node) {
		sync_node(node);
	} else {
		sync_dir(dir);
	}
	if (syncs == cut_sync)
		cut();
	return err;
}

/* ---- starting and ending ---- */

static int adopt(const char *path, const struct stat *st, int type,
		 struct FTW *ftw)
{
	char rel[PATH_MAX], data[65536];
	struct node *node;
	ssize_t n;
	int in, out;

	(void)st, (void)ftw;
	if (!disk_within(path, rel) || !*rel)
		return 0;
	node = new_node(type == FTW_D);
	set_name(&current, rel, node);
	set_name(&durable, rel, node);
	if (node->is_dir)
		return 0;
	in = REAL(open)(path, O_RDONLY | O_CLOEXEC);
	out = shadow_file(node);
	while ((n = read(in, data, sizeof(data))) > 0)
		if (REAL(write)(out, data, (size_t)n) != n)
			disk_die("copy");
	REAL(close)(in);
	REAL(close)(out);
	return 0;
}

__attribute__((constructor)) static void begin(void)
{
	const char *cut_at = getenv("SOTTO_POWER_CUT");
	const char *fail = getenv("SOTTO_POWER_FAIL");
	const char *s = getenv("SOTTO_POWER_SEED");
	const char *dir = getenv("SOTTO_POWER_ROOT");

	shadow = getenv("SOTTO_POWER_SHADOW");
	if (!dir || !shadow)
		return;
	seed = s ? (unsigned)strtoul(s, NULL, 10) : 1;
	if (cut_at && sscanf(cut_at, "sync:%ld", &cut_sync) == 1)
		cut_after = strstr(cut_at, "after");
	else if (cut_at)
		sscanf(cut_at, "write:%ld", &cut_write);
	if (fail && sscanf(fail, "sync:%ld", &fail_sync) != 1)
		sscanf(fail, "space:%ld:%ld", &full_from, &full_to);
	root = dir;
	root_len = strlen(root);
	nftw(root, adopt, 16, FTW_PHYS);
}

__attribute__((destructor)) static void end(void)
{
	char path[PATH_MAX];
	FILE *f;

	if (!root)
		return;
	snprintf(path, sizeof(path), "%s/counts", shadow);
	f = fopen(path, "w");
	if (f) {
		fprintf(f, "%ld %ld\n", syncs, writes);
		fclose(f);
	}
}
