/* The durable event log of the machine API, and its clients' cursors. */
#ifndef SOTTO_EVENTS_H
#define SOTTO_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"

/* Appends an event (JSON text of an object without seq) in the open
 * transaction; *seq grows by 1 with each. */
int events_append(struct db *db, const char *type, const char *json, int64_t *seq) must_check;
/* Events after seq, oldest first. A nonzero return of fn ends and is returned. */
int events_read(struct db *db, int64_t after, int limit,
		int (*fn)(void *ctx, int64_t seq, const char *type, const char *json),
		void *ctx) must_check;
int events_last(struct db *db, int64_t *seq) must_check;	/* 0 when none */
/* A cursor's acknowledged seq. A new one begins at the end of the log
 * (*created). */
int cursor_open(struct db *db, const char *name, int64_t *acked,
		bool *created) must_check;
/* Same, but a new one begins after seq, at most the log's end; 0 is the start. */
int cursor_open_at(struct db *db, const char *name, int64_t seq, int64_t *acked,
		   bool *created) must_check;
/* Never backwards; ERR_USAGE beyond the last event. */
int cursor_ack(struct db *db, const char *name, int64_t seq) must_check;
/* Idempotency keys of sends, kept 30 days: the id that a key made.
 * ERR_NOT_FOUND; ERR_CONFLICT when the digest differs. */
int sendkey_get(struct db *db, const char *key, const uint8_t digest[static 32],
		uint8_t id[static 16]) must_check;
int sendkey_put(struct db *db, const char *key, const uint8_t digest[static 32],
		const uint8_t id[static 16], uint64_t now_ms) must_check;
/* Drops events older than 30 days that every cursor has acknowledged (but never
 * the newest), and keys; at most 10,000 events at once. In a transaction. */
int events_prune(struct db *db, uint64_t now_ms) must_check;

#endif
