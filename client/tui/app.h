/* The state of the running TUI, and what its parts do to it. */
#ifndef SOTTO_APP_H
#define SOTTO_APP_H

#include "agent.h"
#include "draw.h"
#include "edit.h"
#include "model.h"
#include "screen.h"

enum {
	TEXT_BYTES_MAX = 30000,	/* of a message (message.send) */
	SIDEBAR_MIN_COLS = 64,	/* narrower screens have no list beside the chat */
	NOTICE_MS = 6000,
};

enum mode {
	MODE_WAITING,		/* the agent has not said hello yet */
	MODE_FIRST_RUN,
	MODE_LOCKED,
	MODE_CHAT,
};

enum link_state { LINK_UNKNOWN, LINK_ONLINE, LINK_CONNECTING, LINK_WAITING, LINK_OFFLINE };

/* The agent's connection to the relay. */
struct link {
	enum link_state state;
	int64_t retry_at;	/* wall ms; 0: none */
	char *error;		/* may be NULL */
	bool behind;		/* mail is still being fetched */
};

struct overlay;
struct first_run;
struct passfield;

struct app {
	struct model model;
	struct agent *agent;
	struct edit *edit;
	struct surface surface;
	enum mode mode;
	bool quit, dirty;
	int64_t now, wall;		/* ms: monotonic, UTC; set once a turn */

	const char *wanted;		/* --chat NAME until it has been opened */
	struct chat *open;		/* NULL: none */
	bool jump_unread;		/* the next layout shows the first unread one */
	bool list_asked, list_wanted;
	bool searched;			/* the answer to a jump is awaited */
	char read_upto[MODEL_ID_LEN + 1];	/* of the last chat.read */
	int list_top;			/* first conversation shown in the list */
	int view_rows;			/* of messages, as painted last */
	int scroll_owed;		/* rows up, when the page that is awaited comes */

	bool agent_lost;		/* was up, is down */
	char *agent_why;		/* why it cannot be started, or NULL */
	bool subscribed;
	int64_t hello_at;		/* when to ask hello again; 0: no need */
	struct link link;
	bool unfocused;			/* the terminal says that nobody looks */

	char notice[256];
	enum style notice_style;
	int64_t notice_until;

	int64_t beeped_at;
	bool typing_on;			/* what the other was told last */
	int64_t typing_again_at, typing_idle_at;

	int64_t quit_armed;		/* Ctrl-C within this time leaves */
	bool pasting;
	struct buf *paste;
	int64_t paste_until;

	struct overlay *overlay;	/* NULL: none */
	struct first_run *first_run;
	struct passfield *pass;		/* in MODE_LOCKED */
	bool unlocking;
	char *pass_error;
	unsigned long keys;		/* counts messages sent, for their keys */
	char key_prefix[24];
};

/* app.c: life, agent and mode. */
int app_init(struct app *a, const struct paths *paths, const char *wanted,
	     bool ascii) must_check;
void app_finish(struct app *a);
/* Sets now and wall. */
void app_clock(struct app *a);
/* Everything that is due; -1 or the mono ms of the next. */
void app_tick(struct app *a);
int64_t app_deadline(const struct app *a);
void app_notice(struct app *a, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Shows the error of a reply as a notice. */
void app_refused(struct app *a, const struct reply *r);
/* Ends MODE_FIRST_RUN or MODE_LOCKED: asks hello again. */
void app_hello(struct app *a);
/* Leaves, after asking when something would be lost. */
void app_quit(struct app *a);

/* talk.c, talk_live.c: conversations over the API. */
void talk_refresh(struct app *a);
void talk_open(struct app *a, struct chat *c);		/* c may be NULL */
void talk_reload(struct app *a);	/* the open chat, after a reconnect */
void talk_event(struct app *a, const json_t *event);
void talk_typing_event(struct app *a, const json_t *params);
void talk_send(struct app *a, const char *text);
void talk_resend(struct app *a);	/* what the agent has not answered */
void talk_edited(struct app *a);	/* the draft changed: typing indicator */
void talk_stop_typing(struct app *a);
void talk_still_typing(struct app *a);
/* The view shows messages up to this one. */
void talk_seen(struct app *a, size_t index);
void talk_need_page(struct app *a, bool before);
void talk_jump(struct app *a, const char *message_id);	/* shows it in its chat */
void talk_step(struct app *a, int by);	/* next, previous conversation */
void talk_next_unread(struct app *a);

/* input.c */
void input_key(struct app *a, const struct key *k);
/* After the keys of one turn. */
void input_flush(struct app *a);
/* Text into whatever has the focus. */
void input_text(struct app *a, const char *text, size_t len);

/* paint.c: everything onto the surface. */
void paint(struct app *a);

/* unlock.c */
void unlock_begin(struct app *a);
void unlock_key(struct app *a, const struct key *k);
void unlock_text(struct app *a, const char *text, size_t len);
void unlock_paint(struct app *a);
void unlock_end(struct app *a);

#endif
