/* Keys as the terminal sends them (screen.h). */
#define NCURSES_WIDECHAR 1
#include "screen.h"

#include <curses.h>
#include <poll.h>
#include <unistd.h>
#include <wchar.h>

#include "screen_int.h"

static struct {
	uint32_t ch;		/* a character of which bytes are still awaited */
	int awaited;
	bool ahead_valid;	/* a key read while looking what follows ESC */
	struct key ahead;
} keys;

/* Keys that terminfo does not know, or that differ between terminals. */
enum {
	K_PASTE_BEGIN = KEY_MAX + 1, K_PASTE_END, K_FOCUS_IN, K_FOCUS_OUT,
	K_ALT_UP, K_ALT_DOWN, K_ALT_LEFT, K_ALT_RIGHT,
	K_CTRL_UP, K_CTRL_DOWN, K_CTRL_LEFT, K_CTRL_RIGHT,
	K_CTRL_HOME, K_CTRL_END,
};

static const struct {
	const char *seq;
	int code;
} sequences[] = {
	{ "\033[200~", K_PASTE_BEGIN }, { "\033[201~", K_PASTE_END },
	{ "\033[I", K_FOCUS_IN }, { "\033[O", K_FOCUS_OUT },
	{ "\033[1;3A", K_ALT_UP }, { "\033[1;3B", K_ALT_DOWN },
	{ "\033[1;3C", K_ALT_RIGHT }, { "\033[1;3D", K_ALT_LEFT },
	{ "\033\033[A", K_ALT_UP }, { "\033\033[B", K_ALT_DOWN },
	{ "\033\033OA", K_ALT_UP }, { "\033\033OB", K_ALT_DOWN },
	{ "\033[1;5A", K_CTRL_UP }, { "\033[1;5B", K_CTRL_DOWN },
	{ "\033[1;5C", K_CTRL_RIGHT }, { "\033[1;5D", K_CTRL_LEFT },
	{ "\033[1;5H", K_CTRL_HOME }, { "\033[1;5F", K_CTRL_END },
	/* both forms of cursor and edit keys, whatever mode the terminal is in */
	{ "\033[A", KEY_UP }, { "\033[B", KEY_DOWN },
	{ "\033[C", KEY_RIGHT }, { "\033[D", KEY_LEFT },
	{ "\033OA", KEY_UP }, { "\033OB", KEY_DOWN },
	{ "\033OC", KEY_RIGHT }, { "\033OD", KEY_LEFT },
	{ "\033[H", KEY_HOME }, { "\033[F", KEY_END },
	{ "\033OH", KEY_HOME }, { "\033OF", KEY_END },
	{ "\033[1~", KEY_HOME }, { "\033[4~", KEY_END },
	{ "\033[2~", KEY_IC }, { "\033[3~", KEY_DC },
	{ "\033[5~", KEY_PPAGE }, { "\033[6~", KEY_NPAGE },
	{ "\033OP", KEY_F(1) }, { "\033OQ", KEY_F(2) },
	{ "\033[11~", KEY_F(1) }, { "\033[12~", KEY_F(2) },
	{ "\033[[A", KEY_F(1) }, { "\033[[B", KEY_F(2) },
};

static const struct {
	int code;
	enum key_code key;
	bool alt, ctrl;
} key_map[] = {
	{ KEY_UP, KEY_CODE_UP, 0, 0 }, { KEY_DOWN, KEY_CODE_DOWN, 0, 0 },
	{ KEY_LEFT, KEY_CODE_LEFT, 0, 0 }, { KEY_RIGHT, KEY_CODE_RIGHT, 0, 0 },
	{ KEY_HOME, KEY_CODE_HOME, 0, 0 }, { KEY_END, KEY_CODE_END, 0, 0 },
	{ KEY_PPAGE, KEY_CODE_PAGE_UP, 0, 0 },
	{ KEY_NPAGE, KEY_CODE_PAGE_DOWN, 0, 0 },
	{ KEY_DC, KEY_CODE_DELETE, 0, 0 }, { KEY_BACKSPACE, KEY_CODE_BACKSPACE, 0, 0 },
	{ KEY_F(1), KEY_CODE_F1, 0, 0 }, { KEY_F(2), KEY_CODE_F2, 0, 0 },
	{ K_PASTE_BEGIN, KEY_CODE_PASTE_BEGIN, 0, 0 },
	{ K_PASTE_END, KEY_CODE_PASTE_END, 0, 0 },
	{ K_FOCUS_IN, KEY_CODE_FOCUS_IN, 0, 0 },
	{ K_FOCUS_OUT, KEY_CODE_FOCUS_OUT, 0, 0 },
	{ K_ALT_UP, KEY_CODE_UP, 1, 0 }, { K_ALT_DOWN, KEY_CODE_DOWN, 1, 0 },
	{ K_ALT_LEFT, KEY_CODE_LEFT, 1, 0 }, { K_ALT_RIGHT, KEY_CODE_RIGHT, 1, 0 },
	{ K_CTRL_UP, KEY_CODE_UP, 0, 1 }, { K_CTRL_DOWN, KEY_CODE_DOWN, 0, 1 },
	{ K_CTRL_LEFT, KEY_CODE_LEFT, 0, 1 }, { K_CTRL_RIGHT, KEY_CODE_RIGHT, 0, 1 },
	{ K_CTRL_HOME, KEY_CODE_HOME, 0, 1 }, { K_CTRL_END, KEY_CODE_END, 0, 1 },
};

void screen_keys_init(void)
{
	for (size_t i = 0; i < sizeof(sequences) / sizeof(*sequences); i++)
		define_key(sequences[i].seq, sequences[i].code);
}

static bool translate(int code, struct key *out)
{
	*out = (struct key){ .code = KEY_CODE_OTHER };
	if (code == KEY_RESIZE)
		return false;
	for (size_t i = 0; i < sizeof(key_map) / sizeof(*key_map); i++) {
		if (key_map[i].code != code)
			continue;
		out->code = key_map[i].key;
		out->alt = key_map[i].alt;
		out->ctrl = key_map[i].ctrl;
	}
	if (code == KEY_ENTER) {
		out->code = KEY_CODE_CHAR;
		out->ch = '\r';
	}
	return true;
}

/* Bytes to characters. get_wch is of no use here: after a byte that the locale
 * does not know it swallows what follows. False while more bytes are awaited. */
static bool decode(int byte, uint32_t *ch)
{
	wint_t wide;

	if (!screen_utf8()) {
		wide = btowc(byte);
		*ch = wide == WEOF ? '?' : (uint32_t)wide;
		return true;
	}
	if (keys.awaited > 0 && (byte & 0xC0) == 0x80) {
		keys.ch = keys.ch << 6 | (byte & 0x3F);
		*ch = keys.ch;
		return --keys.awaited == 0;
	}
	if (keys.awaited > 0) {		/* cut short */
		keys.awaited = 0;
		ungetch(byte);
		*ch = 0xFFFD;
		return true;
	}
	if (byte < 0xC2 || byte > 0xF4) {
		*ch = byte < 0x80 ? (uint32_t)byte : 0xFFFD;
		return true;
	}
	keys.awaited = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
	keys.ch = (uint32_t)byte & (0x3Fu >> keys.awaited);
	return false;
}

static bool read_key(struct key *out)
{
	uint32_t ch;
	int c;

	while ((c = getch()) != ERR) {
		if (c > 255) {
			if (translate(c, out))
				return true;
		} else if (decode(c, &ch)) {
			*out = (struct key){ .code = KEY_CODE_CHAR, .ch = ch };
			if (ch == 127 || ch == 8)
				out->code = KEY_CODE_BACKSPACE;
			return true;
		}
	}
	return false;
}

bool screen_key(struct key *out, int *err)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	struct key next;

	*err = OK;
	if (keys.ahead_valid) {
		keys.ahead_valid = false;
		*out = keys.ahead;
		return true;
	}
	if (!read_key(out)) {
		/* readable, yet nothing comes: end of file */
		if (poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLHUP | POLLERR)))
			*err = ERR_SYSTEM;
		return false;
	}
	if (out->code != KEY_CODE_CHAR || out->ch != 27)
		return true;
	/* ESC and a key at once is Alt and that key */
	if (!read_key(&next))
		return true;
	if (next.code == KEY_CODE_PASTE_BEGIN || next.code == KEY_CODE_PASTE_END ||
	    next.code == KEY_CODE_FOCUS_IN || next.code == KEY_CODE_FOCUS_OUT) {
		keys.ahead = next;
		keys.ahead_valid = true;
		return true;
	}
	*out = next;
	out->alt = true;
	return true;
}
