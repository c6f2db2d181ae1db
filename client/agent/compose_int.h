/* What the files of compose share. */
#ifndef SOTTO_COMPOSE_INT_H
#define SOTTO_COMPOSE_INT_H

#include "compose.h"
#include "url.h"

/* What a content points to that is no part of the history. */
struct control_head {
	uint8_t message[MESSAGE_ID_LEN];
	uint8_t conversation[HASH_LEN];
};

/* Fills content's header; head has to live as long. */
void compose_head(struct agent *a, const struct contact *c,
		  Sotto__Content *content, struct control_head *head);

/* A stored message of ours as a content, and what that points to. */
struct stored_content {
	Sotto__Content content;
	Sotto__Text text;
	uint8_t conversation[HASH_LEN], previous[HASH_LEN];
};

/* out borrows m's text. */
int compose_stored(struct agent *a, const struct contact *c,
		   const struct message *m,
		   struct stored_content *out) must_check;

/* compose_extras.c */
struct compose_extras {
	Sotto__Seen seen, *seen_list[1];
	Sotto__Introduction introduction;
	Sotto__Bundle *bundle;		/* heap, of our seal key; or NULL */
	uint8_t seen_hash[HASH_LEN];
	char relay[RELAY_URL_MAX + 1];
};

/* Adds both sides' list versions, and what c may not know: our introduction, seal
 * key, what was seen of theirs. content points into x, which begins as zeros. May
 * take a capability for c and save it: ERR_FULL when none is left. */
int compose_add_extras(struct agent *a, struct contact *c,
		       Sotto__Content *content,
		       struct compose_extras *x) must_check;
void compose_extras_finish(struct compose_extras *x);

#endif
