/* account.* */
#include <poll.h>
#include <sodium.h>
#include <unistd.h>

#include "account.h"
#include "api.h"
#include "api_server.h"
#include "contacts.h"
#include "json_out.h"
#include "log.h"
#include "passphrase.h"

enum {
	PASSPHRASE_WAIT_MS = 10 * 1000,
	INVITE_MAX = 64,
};

/* ---- keys: derived off the loop ---- */

/* One derivation at a time: it takes 256 MiB. */
struct job {
	uv_work_t work;
	struct api_call *call;
	struct agent *a;
	bool create;
	int passphrase_fd;		/* the call's; -1: key file */
	char *key_file;
	int ret;
	struct secret *key;
	int recovery_fd;
};

/* Whoever holds the other end open without a word does not hold us for ever. */
static int read_passphrase(int fd, struct secret **out)
{
	struct secret *in = secret_create(PASSPHRASE_MAX + 2);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < in->len) {
		if (poll(&p, 1, PASSPHRASE_WAIT_MS) <= 0)
			n = -1;
		else
			n = read(fd, in->data + len, in->len - len);
		if (n > 0)
			len += (size_t)n;
	}
	if (len && in->data[len - 1] == '\n')
		len--;
	if (n < 0 || !len || len > PASSPHRASE_MAX) {
		secret_destroy(in);
		return ERR_USAGE;
	}
	*out = secret_copy(in->data, len);
	secret_destroy(in);
	return OK;
}

static void run_job(uv_work_t *work)
{
	struct job *j = work->data;
	const char *dir = j->a->paths->data_dir;
	struct secret *passphrase = NULL;

	if (j->passphrase_fd >= 0)
		j->ret = read_passphrase(j->passphrase_fd, &passphrase);
	if (j->ret)
		return;
	if (!j->create)
		j->ret = vault_unlock(dir, passphrase, &j->key);
	else if (passphrase)
		j->ret = vault_create_passphrase(dir, passphrase, &j->key);
	else
		j->ret = vault_create_key_file(dir, j->key_file, &j->key);
	secret_destroy(passphrase);
}

static enum api_step fail_key(struct api_call *c, int err)
{
	if (err == ERR_KEY)
		return api_fail(c, API_LOCKED, "%s", c->a->vault ==
				VAULT_KEY_FILE ? "the key file is another one" :
				"the passphrase is wrong");
	if (err == ERR_USAGE)
		return api_fail(c, API_USAGE, "the passphrase could not be "
				"read; it has 1 to %d bytes", PASSPHRASE_MAX);
	if (err == ERR_NOT_FOUND)
		return api_fail(c, API_NOT_FOUND, "there is no account here");
	c->retry = false;
	return api_fail(c, API_UNEXPECTED, "%s", agent_store_text(err));
}

static void finish_job(struct job *j)
{
	j->a->deriving = false;
	secret_destroy(j->key);
	free(j->key_file);
	free(j);
}

/* The descriptor of a name in fds, or -1; it stays the call's. */
static int named_fd(const struct api_call *c, const char *name)
{
	json_t *names = json_object_get(c->params, "fds");
	const char *s;

	for (size_t i = 0; i < json_array_size(names); i++) {
		s = json_string_value(json_array_get(names, i));
		if (s && !strcmp(s, name))
			return c->fds[i];
	}
	return -1;
}

static enum api_step queue_job(struct api_call *c, struct job *j,
			       uv_after_work_cb after)
{
	j->work.data = j;
	j->call = c;
	j->a = c->a;
	c->a->deriving = true;
	api_keep(c);
	if (uv_queue_work(c->a->loop, &j->work, run_job, after))
		abort();	/* only for wrong arguments */
	return API_LATER;
}

/* ---- account.unlock, account.lock ---- */

static void after_unlock(uv_work_t *work, int status)
{
	struct job *j = work->data;
	struct api_call *c = j->call;
	struct agent *a = j->a;
	int ret = status ? ERR_SYSTEM : j->ret;

	if (a->stopping) {	/* nobody is left to answer */
		finish_job(j);
		return;
	}
	if (!ret && a->state != AGENT_READY)
		ret = agent_open(a, j->key);
	if (ret)
		fail_key(c, ret);
	else
		api_result(c, json_object());
	finish_job(j);
	api_unkeep(c);
	api_finish(c);
}

static enum api_step unlock(struct api_call *c)
{
	struct job *j;
	int fd = named_fd(c, "passphrase");

	if (c->a->state == AGENT_READY)
		return api_result(c, json_object());
	if (c->a->state == AGENT_NEW)
		return api_fail(c, API_NOT_FOUND, "there is no account here");
	if (c->a->vault == VAULT_PASSPHRASE && fd < 0)
		return api_fail(c, API_USAGE, "the passphrase comes through a "
				"descriptor named in fds");
	if (c->a->deriving)
		return api_fail(c, API_REFUSED, "a key is being derived; "
				"try again in a moment");
	j = xcalloc(1, sizeof(*j));
	j->passphrase_fd = c->a->vault == VAULT_PASSPHRASE ? fd : -1;
	return queue_job(c, j, after_unlock);
}

const struct api_method api_account_unlock = {
	"account.unlock", true, unlock, { { "fds", API_LIST, false } },
};

static enum api_step lock(struct api_call *c)
{
	if (c->a->state == AGENT_READY)
		agent_lock(c->a);
	return api_result(c, json_object());
}

const struct api_method api_account_lock = {
	"account.lock", true, lock, { { .name = NULL } },
};

/* ---- account.init ---- */

static int write_recovery(int fd, const struct secret *seed)
{
	char text[RECOVERY_TEXT_LEN + 2];
	ssize_t n;
	int ret = OK;

	recovery_text(seed->data, text);
	text[RECOVERY_TEXT_LEN] = '\n';
	n = write(fd, text, RECOVERY_TEXT_LEN + 1);
	if (n != RECOVERY_TEXT_LEN + 1)
		ret = ERR_SYSTEM;
	/* A pipe or terminal cannot be synced. */
	if (!ret)
		(void)!fsync(fd);
	sodium_memzero(text, sizeof(text));
	return ret;
}

static void after_init(uv_work_t *work, int status)
{
	struct job *j = work->data;
	struct api_call *c = j->call;
	struct agent *a = j->a;
	struct secret *seed = NULL;
	int ret = status ? ERR_SYSTEM : j->ret;

	if (a->stopping) {
		finish_job(j);
		return;
	}
	if (!ret)
		ret = agent_create(a, j->key, api_text(c, "relay"),
				   api_text(c, "name"), api_text(c, "invite"),
				   &seed);
	if (ret) {
		fail_key(c, ret);
	} else {
		json_t *o = json_object();

		json_object_set_new(o, "account",
				    json_account(&a->keys->account));
		api_result(c, o);
	}
	/* Once there is an account its recovery key must not be lost. */
	if (seed && j->recovery_fd >= 0 && write_recovery(j->recovery_fd, seed))
		log_error("the recovery key could not be handed out");
	secret_destroy(seed);
	finish_job(j);
	api_unkeep(c);
	api_finish(c);
}

static enum api_step check_init(struct api_call *c)
{
	struct relay_url url;
	const char *invite = api_text(c, "invite");
	const char *name = api_text(c, "name");
	const char *key_file = api_text(c, "key_file");
	int ret = relay_url_parse(api_text(c, "relay"), &url);

	if (c->a->state != AGENT_NEW)
		return api_fail(c, API_REFUSED, "there is an account here "
				"already; use another --profile");
	if (c->a->deriving)
		return api_fail(c, API_REFUSED, "the account is being made");
	if (ret == ERR_REFUSED)
		return api_fail(c, API_USAGE, "a ws:// relay can only be on "
				"this machine; use wss://");
	if (ret)
		return api_fail(c, API_USAGE, "the relay's address looks like "
				"wss://host or wss://host:port");
	if (invite && strlen(invite) > INVITE_MAX)
		return api_fail(c, API_USAGE, "the invitation is too long");
	if (name && strlen(name) > CONTACT_NAME_MAX)
		return api_fail(c, API_USAGE, "a name has at most %d bytes",
				CONTACT_NAME_MAX);
	if (key_file && key_file[0] != '/')
		return api_fail(c, API_USAGE, "key_file is an absolute path");
	return API_LATER;
}

static enum api_step init(struct api_call *c)
{
	const char *key_file = api_text(c, "key_file");
	int fd = named_fd(c, "passphrase");
	struct job *j;

	if (check_init(c) == API_DONE)
		return API_DONE;
	if (fd >= 0 && key_file)
		return api_fail(c, API_USAGE,
				"a passphrase or a key file, not both");
	j = xcalloc(1, sizeof(*j));
	j->create = true;
	j->recovery_fd = named_fd(c, "recovery");
	j->passphrase_fd = fd;
	/* A relative one stands in the data directory and moves with it. */
	if (fd < 0)
		j->key_file = xstrdup(key_file ? key_file : "key");
	return queue_job(c, j, after_init);
}

const struct api_method api_account_init = {
	"account.init", true, init, {
		{ "relay", API_TEXT, true }, { "name", API_TEXT, false },
		{ "key_file", API_TEXT, false }, { "invite", API_TEXT, false },
		{ "fds", API_LIST, false },
	},
};
