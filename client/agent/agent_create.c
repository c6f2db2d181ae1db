/* A new account: its store is made under another name, and named when it is whole. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "agent_int.h"
#include "log.h"
#include "url.h"

#define NEW_STORE "account.new.db"

static void remove_file(const struct agent *a, const char *name)
{
	char *path = agent_store_path(a, name);

	unlink(path);
	free(path);
}

/* What an earlier try left. */
static void remove_new_store(const struct agent *a)
{
	remove_file(a, NEW_STORE);
	remove_file(a, NEW_STORE "-wal");
	remove_file(a, NEW_STORE "-shm");
}

/* In a transaction of its own: nothing shares it yet. */
static int fill(struct agent *a, const char *relay, const char *invite,
		struct secret **recovery)
{
	struct relay_url url;
	char text[RELAY_URL_MAX + 1];
	int ret = relay_url_parse(relay, &url);

	if (!ret)
		ret = db_begin(a->db);
	if (ret)
		return ret;
	relay_url_text(&url, text);
	ret = keys_create(a->db, a->sys, recovery);
	if (!ret)
		ret = db_put(a->db, "relay", text, strlen(text));
	if (!ret && invite)
		ret = db_put(a->db, "invite", invite, strlen(invite));
	if (!ret)
		return db_commit(a->db);
	db_rollback(a->db);
	return ret;
}

static void store_settings(struct agent *a, const char *relay,
			   const char *name)
{
	const char *why;

	if (config_set(a->config, "relay", relay, &why) ||
	    (name && config_set(a->config, "name", name, &why)))
		log_error("settings were not written to sotto.conf");
}

/* The name that counts is given to a whole store alone. */
static int name_store(const struct agent *a)
{
	char *from = agent_store_path(a, NEW_STORE), *to = agent_store_path(a, AGENT_STORE);
	int dir = open(a->paths->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = OK;

	if (dir < 0 || rename(from, to) || fsync(dir))
		ret = errno == ENOSPC || errno == EROFS ? ERR_NO_SPACE :
			ERR_STORE;
	if (dir >= 0)
		close(dir);
	free(from);
	free(to);
	return ret;
}

int agent_create(struct agent *a, const struct secret *key, const char *relay,
		 const char *name, const char *invite,
		 struct secret **recovery)
{
	char *path = agent_store_path(a, NEW_STORE), *key_file;
	int ret;

	remove_new_store(a);
	/* What can fail without the account comes first. */
	ret = agent_start_ws(a);
	if (!ret)
		ret = db_open(path, key, &a->db);
	free(path);
	if (!ret)
		ret = fill(a, relay, invite, recovery);
	db_close(a->db);
	a->db = NULL;
	if (!ret)
		ret = name_store(a);
	if (ret) {
		remove_new_store(a);
		return ret;
	}
	store_settings(a, relay, name);
	if (vault_read(a->paths->data_dir, &a->vault, &key_file))
		a->vault = VAULT_NONE;
	else
		free(key_file);
	a->state = AGENT_LOCKED;
	return agent_open(a, key);
}
