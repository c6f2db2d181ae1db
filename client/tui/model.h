/* What the TUI knows: conversations, and a window of messages of each. Text in it
 * is printable. No I/O. */
#ifndef SOTTO_MODEL_H
#define SOTTO_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MODEL_ID_LEN = 32,
	/* of the window of the open conversation; others keep a page */
	WINDOW_MESSAGES = 400, WINDOW_BYTES = 1024 * 1024,
	PAGE_MESSAGES = 50,
	TYPING_MS = 8000,
};

enum message_state {
	MESSAGE_PENDING,	/* the agent has not answered yet */
	MESSAGE_QUEUED, MESSAGE_SENT, MESSAGE_DELIVERED, MESSAGE_READ,
	MESSAGE_FAILED, MESSAGE_EXPIRED,
	MESSAGE_RECEIVED, MESSAGE_UNDECRYPTABLE, MESSAGE_GAP,
};

struct message {
	char id[MODEL_ID_LEN + 1];	/* "" while pending */
	char *key, *raw;		/* of a pending one: idempotency key, text to send */
	bool outgoing, unread;
	enum message_state state;
	int64_t at;			/* ms UTC */
	char *text, *why;		/* why may be NULL */
	size_t len;
	int rows, rows_width;		/* of text, cached for that width */
};

enum chat_state { CHAT_CONTACT, CHAT_REQUEST, CHAT_BLOCKED };

struct chat {
	char account[MODEL_ID_LEN + 1];
	char *name, *alert, *preview, *draft;	/* alert, draft may be NULL */
	enum chat_state state;
	bool verified, preview_own, listed;
	enum message_state preview_state;
	char preview_id[MODEL_ID_LEN + 1];
	int64_t last_at;
	unsigned unread;
	int64_t typing_until;		/* mono ms; 0: not typing */

	/* A run of the history without holes, oldest first; pending messages stand
	 * at its end. */
	struct message **messages;
	size_t n, bytes;
	bool loaded, loading, more_before, more_after;
	bool stale;		/* the next latest page replaces all */
	char first_unread[MODEL_ID_LEN + 1];	/* the line "new" stands before it */

	/* The row at the bottom of the view: the last one when follow, else row
	 * anchor_row of message anchor. */
	bool follow;
	char anchor[MODEL_ID_LEN + 1];
	int anchor_row;
	bool centre;		/* the next layout puts the anchor into the middle */
};

struct model {
	struct chat **chats;		/* newest first */
	size_t n;
	char account[MODEL_ID_LEN + 1];	/* one's own */
	char *name, *relay;		/* may be NULL */
};

void model_init(struct model *m);
void model_finish(struct model *m);

struct chat *model_find(const struct model *m, const char *account);
/* By a name without regard to case, by an account or by the start of a name when
 * only one has it; NULL. */
struct chat *model_find_name(const struct model *m, const char *name);
unsigned model_unread(const struct model *m);
/* The place in the list; -1 when it is not there. */
int model_index(const struct model *m, const struct chat *c);

/* The answer of chat.list: adds, updates, sorts, and drops conversations that are
 * no longer listed, all but `keep` (may be NULL). */
void model_take_list(struct model *m, const json_t *result, const struct chat *keep);
/* A contact object (contact.*, event contact); NULL when it makes no sense. */
struct chat *model_take_contact(struct model *m, const json_t *contact);
void model_remove(struct model *m, struct chat *c);

enum page { PAGE_LATEST, PAGE_BEFORE, PAGE_AFTER };
/* The message that a page before or after the window is asked with: its first or
 * last one; NULL for PAGE_LATEST, and when there is none. */
const char *model_page_edge(const struct chat *c, enum page which);
/* The answer of chat.history. For PAGE_LATEST it replaces what it overlaps, and
 * everything when it overlaps nothing. The others fit only while their edge is
 * still that of the window. */
void model_take_page(struct chat *c, enum page which, const json_t *result);
/* Empties the window and begins anew with one message (a search result). */
void model_begin_at(struct chat *c, const json_t *message);
/* Keeps one page, or nothing when the window is not at the end of the history. */
void model_shrink(struct chat *c);
/* Drops messages beyond the limits of a window at the end away from the view. */
void model_trim(struct chat *c, bool drop_newest);

/* The events `message` and `outgoing`; false when the chat is unknown. *in_window
 * tells whether the window now holds it. */
bool model_take_message(struct model *m, const json_t *event, bool outgoing,
			struct chat **chat, bool *in_window);
void model_take_receipt(struct model *m, const json_t *event);

/* What is shown up to messages[index] is read; counts what is left. */
void model_mark_read(struct chat *c, size_t index);
/* The line "new" before the first unread one of the window, if there is none yet. */
void model_mark_new(struct chat *c);

/* A message of one's own that the agent has not answered yet. */
struct message *model_add_pending(struct chat *c, const char *text, const char *key,
				  int64_t at);
/* The agent's answer to it: id, or NULL and why it was refused. */
void model_settle(struct chat *c, const char *key, const char *id, const char *why);
size_t model_count_pending(const struct model *m);
struct message *model_find_message(const struct chat *c, const char *id, size_t *index);

#endif
