/* The account at work: what all parts of the agent share, and its states. */
#ifndef SOTTO_AGENT_H
#define SOTTO_AGENT_H

#include <uv.h>

#include "clock.h"
#include "config.h"
#include "db.h"
#include "keys.h"
#include "paths.h"
#include "ratchet.h"
#include "sys.h"
#include "turn.h"
#include "vault.h"

struct api_server;
struct order;
struct owner;
struct receipts;
struct repair;
struct sendq;
struct ws;

enum agent_state {
	AGENT_NEW,	/* no account yet */
	AGENT_LOCKED,	/* there is one, its key is not here */
	AGENT_READY,
};

/* Plain struct that every part may read. What stands below "ready" is NULL in
 * other states. */
struct agent {
	const struct sys *sys;
	uv_loop_t *loop;
	const struct paths *paths;
	struct config *config;
	struct api_server *server;
	struct ws *ws;			/* stays when locked */
	enum agent_state state;
	enum vault_kind vault;
	int trouble;		/* ERR_*: why it cannot be opened, or OK */
	uint64_t started_at;		/* ms UTC */
	bool stopping;
	bool deriving;			/* a key, in another thread */
	/* ready */
	struct db *db;
	struct keys *keys;
	struct ratchet *ratchet;
	struct hlc clock;
	struct turn *turn;
	uint64_t seal_created;		/* of one's newest seal key, s UTC */
	struct owner *owner;
	struct sendq *sendq;
	struct receipts *receipts;
	struct order *order;
	struct repair *repair;
	uv_timer_t *housekeeping;
};

/* Finds out the state; with a key file opens the account. Never fails for what
 * is wrong with the account: trouble says it. */
void agent_init(struct agent *a, uv_loop_t *loop, const struct sys *sys,
		const struct paths *paths);
/* Locks and frees what agent_init made; the loop must run once more. */
void agent_finish(struct agent *a);

/* Opens the database with its key and starts everything. ERR_KEY, ERR_CORRUPT,
 * ERR_NO_SPACE, ERR_STORE ...; trouble is set. */
int agent_open(struct agent *a, const struct secret *key) must_check;
/* What a new account begins with. relay in its normal form; invite may be NULL.
 * recovery: the root's seed, the caller's. On failure nothing is left but the
 * vault, and the state stays "new". */
int agent_create(struct agent *a, const struct secret *key, const char *relay,
		 const char *name, const char *invite,
		 struct secret **recovery) must_check;
/* Commits, stops everything, forgets the key. */
void agent_lock(struct agent *a);
/* The setting ca-file is another one: connections that wait try again. */
void agent_ca_changed(struct agent *a);
/* Takes over a rotated seal key. */
int agent_seal_key_changed(struct agent *a) must_check;
/* One's own name for others; "" when none is set. */
const char *agent_name(const struct agent *a);
/* A sentence for a store's error. */
const char *agent_store_text(int err);

#endif
