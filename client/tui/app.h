/* The state of the running TUI, which its parts share. A part calls those that stand
 * before it: app; talk, overlay, unlock, first_run; dialogs, paint; commands; input;
 * session; main. */
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

enum connection_state {
	CONNECTION_UNKNOWN, CONNECTION_ONLINE, CONNECTION_CONNECTING,
	CONNECTION_WAITING, CONNECTION_OFFLINE,
};

/* The agent's to the relay. */
struct connection {
	enum connection_state state;
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
	int64_t hello_at;		/* when to ask hello; 0: no need */
	struct connection connection;
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

void app_init(struct app *a, const char *wanted, bool ascii);
void app_finish(struct app *a);
/* Sets now and wall. */
void app_clock(struct app *a);
/* A line at the bottom for NOTICE_MS; made printable. */
void app_notice(struct app *a, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Shows the error of a reply as a notice. */
void app_refused(struct app *a, const struct reply *r);
/* Has hello asked at once: the account may be open now, or locked. */
void app_hello(struct app *a);

#endif
