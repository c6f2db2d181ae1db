/* The terminal. Nothing else calls curses. */
#ifndef SOTTO_SCREEN_H
#define SOTTO_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "draw.h"
#include "err.h"

enum key_code {
	KEY_CODE_CHAR,		/* ch: a character, or a control character < 32 */
	KEY_CODE_UP, KEY_CODE_DOWN, KEY_CODE_LEFT, KEY_CODE_RIGHT,
	KEY_CODE_HOME, KEY_CODE_END, KEY_CODE_PAGE_UP, KEY_CODE_PAGE_DOWN,
	KEY_CODE_DELETE, KEY_CODE_BACKSPACE,
	KEY_CODE_F1, KEY_CODE_F2,
	KEY_CODE_PASTE_BEGIN, KEY_CODE_PASTE_END,
	KEY_CODE_FOCUS_IN, KEY_CODE_FOCUS_OUT,
	KEY_CODE_OTHER,
};

struct key {
	enum key_code code;
	uint32_t ch;
	bool alt, ctrl;		/* ctrl: of arrows, Home and End */
};

/* Takes the terminal. setlocale has been called. ERR_SYSTEM when TERM is unknown
 * or cannot place the cursor (*why says so, static); ERR_USAGE without a
 * terminal on standard input and output. */
int screen_init(const char **why) must_check;
/* Gives it back as it was; safe to call twice. */
void screen_finish(void);
/* The same in few bytes, from a signal handler of a crash. */
void screen_emergency(void);

/* Whether the locale can show UTF-8. */
bool screen_utf8(void);
void screen_size(int *rows, int *cols);
/* After SIGWINCH. */
void screen_resized(void);
/* The next key without waiting; false when there is none. ERR_SYSTEM in *err
 * when the terminal is gone. */
bool screen_key(struct key *out, int *err);
void screen_show(const struct surface *s);
/* The next show paints everything anew. */
void screen_redraw(void);
/* Around a stop by SIGTSTP. */
void screen_suspend(void);
void screen_resume(void);
void screen_beep(void);
/* Gives text to the terminal for its clipboard (OSC 52 of xterm), where it is of
 * that family. */
void screen_copy(const char *text);

#endif
