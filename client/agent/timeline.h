/* What the flow of messages asks of the history beside people's reading. */
#ifndef SOTTO_TIMELINE_H
#define SOTTO_TIMELINE_H

#include "history.h"

/* An outgoing message by the envelope it went in. ERR_NOT_FOUND. */
int timeline_by_envelope(struct db *db, int64_t contact,
			 const uint8_t envelope[static 16],
			 struct message *out) must_check;
int timeline_set_envelope(struct db *db, int64_t contact,
			  const uint8_t id[static MESSAGE_ID_LEN],
			  const uint8_t envelope[static 16]) must_check;
/* The newest placeholder of an incoming envelope (UNDECRYPTABLE). ERR_NOT_FOUND. */
int timeline_undecryptable(struct db *db, int64_t contact,
			   const uint8_t envelope[static 16],
			   struct message *out) must_check;
int timeline_count_undecryptable(struct db *db, int64_t contact,
				 int64_t *count) must_check;
/* Messages of a conversation, counted up to max. */
int timeline_count(struct db *db, int64_t contact, int64_t max,
		   int64_t *count) must_check;
/* Conversations in which messages wait for others. */
int timeline_held(struct db *db,
		  int (*fn)(void *ctx, int64_t contact, uint32_t device),
		  void *ctx) must_check;
/* Sent messages without an answer since before (ms UTC), oldest first, some. */
int timeline_unanswered(struct db *db, uint64_t before,
			int (*fn)(void *ctx, const struct message *m),
			void *ctx) must_check;
/* Sent, undelivered messages up to a counter: the other side has seen them. */
int timeline_seen(struct db *db, int64_t contact, uint32_t device,
		  uint64_t counter,
		  int (*fn)(void *ctx, const struct message *m),
		  void *ctx) must_check;

#endif
