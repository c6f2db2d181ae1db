#include "agent_int.h"

#include <errno.h>
#include <unistd.h>

#include "api_server.h"
#include "caps.h"
#include "events.h"
#include "history.h"
#include "log.h"
#include "notice.h"
#include "order.h"
#include "owner.h"
#include "receipts.h"
#include "received.h"
#include "repair.h"
#include "sendq.h"
#include "timeline.h"
#include "ws.h"

enum {
	HOUSEKEEPING_FIRST_MS = 10 * 1000,
	HOUSEKEEPING_MS = 3600 * 1000,
	EXPIRY_GRACE_MS = 3600 * 1000,
	LAST_COMMITS = 10,
};

static void close_account(struct agent *a);

const char *agent_name(const struct agent *a)
{
	return config_get(a->config, "name");
}

const char *agent_store_text(int err)
{
	switch (err) {
	case ERR_NO_SPACE:
		return "the disk is full or read-only; nothing was lost, "
			"make room and try again";
	case ERR_STORE:
		return "the account's store cannot be read or written";
	case ERR_CORRUPT:
		return "the account's store is damaged; it was left as it is "
			"(agent.log beside it tells more)";
	case ERR_STALE:
		return "the account's store was made by a newer sotto";
	case ERR_KEY:
		return "the key does not open the account's store";
	case ERR_LOCKED:
		return "the account's store is in use or locked";
	case ERR_NOT_FOUND:
		return "the account's store is incomplete";
	default:
		return err_text(err);
	}
}

/* ---- housekeeping ---- */

static int expire(void *ctx, const struct message *m)
{
	static const char why[] = "it was not confirmed in time; "
		"the relay has deleted it if it was not fetched";
	struct agent *a = ctx;
	struct contact c;
	bool changed = false;
	int ret = history_set_state(a->db, m->id, MESSAGE_EXPIRED, why,
				    &changed);

	if (ret || !changed)
		return ret;
	ret = contact_by_row(a->db, m->contact, &c);
	return ret ? ret : notice_receipt(a, &c, m->id, MESSAGE_EXPIRED, why);
}

static int tidy(struct agent *a)
{
	uint64_t now = sys_wall_ms(a->sys);
	uint64_t kept = owner_retention(a->owner) * 1000ull + EXPIRY_GRACE_MS;
	int ret = received_prune(a->db, now);

	if (!ret)
		ret = events_prune(a->db, now);
	if (!ret && now > kept)
		ret = timeline_unanswered(a->db, now - kept, expire, a);
	return ret;
}

static void on_housekeeping(uv_timer_t *timer)
{
	struct agent *a = timer->data;
	int ret = turn_begin(a->turn);

	if (!ret)
		ret = turn_end(a->turn, tidy(a));
	if (ret)
		log_error("housekeeping failed: %s", err_text(ret));
	owner_rotate(a->owner);
}

/* ---- opening ---- */

static void on_stored(void *ctx, int err)
{
	struct agent *a = ctx;

	if (err) {
		owner_store_failed(a->owner, err);
		sendq_store_failed(a->sendq);
	} else {
		sendq_store_works(a->sendq);
	}
}

int agent_seal_key_changed(struct agent *a)
{
	Sotto__Bundle *bundle;
	struct buf b;
	int ret;

	buf_init(&b, 4096);
	ret = keys_bundle_encoded(a->db, &b);
	if (!ret) {
		bundle = sotto__bundle__unpack(NULL, b.len, b.data);
		if (bundle && bundle->seal_key)
			a->seal_created = bundle->seal_key->created_at;
		else
			ret = ERR_CORRUPT;
		if (bundle)
			sotto__bundle__free_unpacked(bundle, NULL);
	}
	buf_finish(&b);
	return ret;
}

static const char *ca_file(const struct agent *a)
{
	const char *ca = getenv("SOTTO_CA_FILE");

	if (!ca || !ca[0])
		ca = config_get(a->config, "ca-file");
	return ca[0] ? ca : NULL;
}

int agent_start_ws(struct agent *a)
{
	return a->ws ? OK : ws_create(a->loop, ca_file(a), &a->ws);
}

void agent_ca_changed(struct agent *a)
{
	if (!a->ws)
		return;
	if (ws_trust(a->ws, ca_file(a)))
		log_error("the certificates of ca-file cannot be read");
	if (a->state != AGENT_READY)
		return;
	owner_retry(a->owner);
	sendq_retry(a->sendq);
}

static int start_parts(struct agent *a)
{
	int ret = keys_load(a->db, &a->keys);

	if (!ret)
		ret = ratchet_create(a->db, &a->ratchet);
	if (!ret)
		ret = hlc_load(&a->clock, a->sys, a->db);
	if (!ret)
		ret = agent_seal_key_changed(a);
	if (!ret)
		ret = turn_create(a->loop, a->db, &a->clock, on_stored,
				  a, &a->turn);
	if (!ret)
		ret = agent_start_ws(a);
	if (ret)
		return ret;
	a->order = order_create(a);
	a->repair = repair_create(a);
	a->receipts = receipts_create(a);
	ret = sendq_create(a, &a->sendq);
	return ret ? ret : owner_create(a, &a->owner);
}

static void set_trouble(struct agent *a, int err)
{
	a->trouble = err;
	if (err)
		log_error("the account cannot be opened: %s",
			  agent_store_text(err));
}

char *agent_store_path(const struct agent *a, const char *name)
{
	size_t size = strlen(a->paths->data_dir) + strlen(name) + 2;
	char *path = xmalloc(size);

	snprintf(path, size, "%s/%s", a->paths->data_dir, name);
	return path;
}

static bool has_store(const struct agent *a)
{
	char *path = agent_store_path(a, AGENT_STORE);
	bool has = !access(path, F_OK) || errno != ENOENT;

	free(path);
	return has;
}

/* The database is open. */
static int start(struct agent *a)
{
	int ret = start_parts(a);

	if (ret) {
		close_account(a);
		set_trouble(a, ret);
		return ret;
	}
	set_trouble(a, OK);
	a->state = AGENT_READY;
	a->housekeeping = xcalloc(1, sizeof(*a->housekeeping));
	uv_timer_init(a->loop, a->housekeeping);
	a->housekeeping->data = a;
	uv_timer_start(a->housekeeping, on_housekeeping,
		       HOUSEKEEPING_FIRST_MS, HOUSEKEEPING_MS);
	owner_start(a->owner);
	sendq_pump(a->sendq);
	notice_agent(a);
	return OK;
}

int agent_open(struct agent *a, const struct secret *key)
{
	char *path = agent_store_path(a, AGENT_STORE);
	/* db_open would make a new one. */
	int ret = has_store(a) ? db_open(path, key, &a->db) : ERR_NOT_FOUND;

	free(path);
	if (ret) {
		set_trouble(a, ret == ERR_KEY ? OK : ret);
		return ret;
	}
	return start(a);
}

/* ---- closing ---- */

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

/* Takes any half-open state. */
static void close_account(struct agent *a)
{
	/* What runs after a commit may begin the next transaction. */
	for (int i = 0; i < LAST_COMMITS && a->turn &&
	     turn_is_open(a->turn); i++)
		turn_commit(a->turn);
	if (a->housekeeping)
		uv_close((uv_handle_t *)a->housekeeping, free_handle);
	a->housekeeping = NULL;
	owner_destroy(a->owner);
	a->owner = NULL;
	sendq_destroy(a->sendq);
	a->sendq = NULL;
	receipts_destroy(a->receipts);
	a->receipts = NULL;
	repair_destroy(a->repair);
	a->repair = NULL;
	order_destroy(a->order);
	a->order = NULL;
	turn_destroy(a->turn);
	a->turn = NULL;
	ratchet_destroy(a->ratchet);
	a->ratchet = NULL;
	keys_destroy(a->keys);
	a->keys = NULL;
	db_close(a->db);
	a->db = NULL;
	if (a->state == AGENT_READY)
		a->state = AGENT_LOCKED;
}

void agent_lock(struct agent *a)
{
	close_account(a);
	api_server_state_changed(a->server);
	notice_agent(a);
	notice_connection(a);
}

void agent_init(struct agent *a, uv_loop_t *loop, const struct sys *sys,
		const struct paths *paths)
{
	struct secret *key = NULL;
	char *key_file = NULL;
	int ret;

	*a = (struct agent){ .sys = sys, .loop = loop, .paths = paths };
	a->started_at = sys_wall_ms(sys);
	if (config_load(paths->config_file, &a->config) &&
	    config_load("/dev/null", &a->config))
		abort();	/* the defaults need no file */
	ret = vault_read(paths->data_dir, &a->vault, &key_file);
	/* A vault without a store was made for an account that was not. */
	if (!ret && !has_store(a))
		a->vault = VAULT_NONE;
	a->state = !ret && a->vault == VAULT_NONE ? AGENT_NEW : AGENT_LOCKED;
	if (!ret && a->vault == VAULT_KEY_FILE)
		ret = vault_unlock(paths->data_dir, NULL, &key);
	if (ret)
		set_trouble(a, ret);
	else if (key && agent_open(a, key) == ERR_KEY)
		set_trouble(a, ERR_KEY);
	secret_destroy(key);
	free(key_file);
}

void agent_finish(struct agent *a)
{
	close_account(a);
	ws_destroy(a->ws);
	a->ws = NULL;
	config_destroy(a->config);
	a->config = NULL;
}
