#define NCURSES_WIDECHAR 1
#include "screen.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "theme.h"

/* One process has one terminal; this is its state. */
static struct {
	SCREEN *curses;
	struct termios saved;
	bool utf8, active, modes;
	attr_t attrs[STYLE_COUNT];
	short pairs[STYLE_COUNT];
	char restore[128];	/* for screen_emergency */
	size_t restore_len;
	uint32_t ch;		/* a character of which bytes are still awaited */
	int awaited;
	bool ahead_valid;	/* a key read while looking what follows ESC */
	struct key ahead;
} scr;

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
	{ KEY_IC, KEY_CODE_INSERT, 0, 0 }, { KEY_DC, KEY_CODE_DELETE, 0, 0 },
	{ KEY_BACKSPACE, KEY_CODE_BACKSPACE, 0, 0 },
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

static void set_style(enum style st, enum look look, short fg, short bg)
{
	static const attr_t attrs[] = {
		[LOOK_PLAIN] = A_NORMAL, [LOOK_DIM] = A_DIM,
		[LOOK_BOLD] = A_BOLD, [LOOK_REVERSE] = A_REVERSE,
	};

	scr.attrs[st] = attrs[look];
	scr.pairs[st] = 0;
	if (fg == -1 && bg == -1)
		return;
	scr.pairs[st] = (short)(st + 1);	/* 0 is the terminal's own */
	init_pair(scr.pairs[st], fg, bg);
}

static void load_theme(void)
{
	const char *no_color = getenv("NO_COLOR");
	bool colour = !(no_color && *no_color) && has_colors() &&
		      start_color() == OK && COLORS >= 8;
	bool many = colour && COLORS >= 256;

	if (colour)
		use_default_colors();
	for (int i = 0; i < STYLE_COUNT; i++) {
		struct theme t = theme_of(i);

		if (many)
			set_style(i, t.look256, t.fg256, t.bg256);
		else if (colour)
			set_style(i, t.look8, t.fg8, t.bg8);
		else
			set_style(i, t.mono, -1, -1);
	}
}

static void write_all(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

/* Bracketed paste and focus events, where the terminal is of the xterm family;
 * others would show the sequence. */
static bool has_modes(void)
{
	const char *mouse = tigetstr("kmous"), *term = getenv("TERM");

	if (mouse != NULL && mouse != (char *)-1 && strcmp(mouse, "\033[M") == 0)
		return true;
	return term && (strncmp(term, "xterm", 5) == 0 ||
			strncmp(term, "tmux", 4) == 0 ||
			strncmp(term, "screen", 6) == 0);
}

static const char modes_on[] = "\033[?2004h\033[?1004h";
static const char modes_off[] = "\033[?1004l\033[?2004l";

static void add_restore(const char *s)
{
	size_t len;

	if (s == NULL || s == (const char *)-1)
		return;
	len = strlen(s);
	if (scr.restore_len + len > sizeof(scr.restore))
		return;
	memcpy(scr.restore + scr.restore_len, s, len);
	scr.restore_len += len;
}

static void prepare_emergency(void)
{
	scr.restore_len = 0;
	if (scr.modes)
		add_restore(modes_off);
	add_restore(tigetstr("sgr0"));
	add_restore(tigetstr("cnorm"));
	add_restore(tigetstr("rmkx"));
	add_restore(tigetstr("rmcup"));
}

static void take(void)
{
	scr.active = true;
	if (scr.modes)
		write_all(modes_on, sizeof(modes_on) - 1);
}

int screen_init(const char **why)
{
	const char *cup;

	*why = NULL;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return ERR_USAGE;
	if (tcgetattr(STDIN_FILENO, &scr.saved) < 0) {
		*why = "the terminal does not answer";
		return ERR_SYSTEM;
	}
	scr.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	/* before newterm, which asks for it */
	set_escdelay(25);
	scr.curses = newterm(NULL, stdout, stdin);
	if (scr.curses == NULL) {
		*why = "TERM names no terminal that is known here";
		return ERR_SYSTEM;
	}
	cup = tigetstr("cup");
	if (cup == NULL || cup == (char *)-1) {
		endwin();
		delscreen(scr.curses);
		*why = "this terminal cannot place the cursor; set TERM";
		return ERR_SYSTEM;
	}
	raw();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	meta(stdscr, TRUE);
	leaveok(stdscr, FALSE);
	for (size_t i = 0; i < sizeof(sequences) / sizeof(*sequences); i++)
		define_key(sequences[i].seq, sequences[i].code);
	load_theme();
	scr.modes = has_modes();
	prepare_emergency();
	take();
	return OK;
}

void screen_finish(void)
{
	if (!scr.active)
		return;
	scr.active = false;
	if (scr.modes)
		write_all(modes_off, sizeof(modes_off) - 1);
	endwin();
	tcsetattr(STDIN_FILENO, TCSANOW, &scr.saved);
}

void screen_emergency(void)
{
	if (!scr.active)
		return;
	scr.active = false;
	write_all(scr.restore, scr.restore_len);
	tcsetattr(STDIN_FILENO, TCSANOW, &scr.saved);
}

bool screen_utf8(void)
{
	return scr.utf8;
}

void screen_size(int *rows, int *cols)
{
	getmaxyx(stdscr, *rows, *cols);
}

void screen_resized(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 || ws.ws_row == 0 ||
	    ws.ws_col == 0)
		return;
	resizeterm(ws.ws_row, ws.ws_col);
	clearok(curscr, TRUE);
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

	if (!scr.utf8) {
		wide = btowc(byte);
		*ch = wide == WEOF ? '?' : (uint32_t)wide;
		return true;
	}
	if (scr.awaited > 0 && (byte & 0xC0) == 0x80) {
		scr.ch = scr.ch << 6 | (byte & 0x3F);
		*ch = scr.ch;
		return --scr.awaited == 0;
	}
	if (scr.awaited > 0) {		/* cut short */
		scr.awaited = 0;
		ungetch(byte);
		*ch = 0xFFFD;
		return true;
	}
	if (byte < 0xC2 || byte > 0xF4) {
		*ch = byte < 0x80 ? (uint32_t)byte : 0xFFFD;
		return true;
	}
	scr.awaited = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
	scr.ch = (uint32_t)byte & (0x3Fu >> scr.awaited);
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
	if (scr.ahead_valid) {
		scr.ahead_valid = false;
		*out = scr.ahead;
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
		scr.ahead = next;
		scr.ahead_valid = true;
		return true;
	}
	*out = next;
	out->alt = true;
	return true;
}

/* A cell as wide characters; what the locale has no character for is '?'. */
static size_t cell_wide(const struct cell *c, wchar_t out[static CCHARW_MAX + 1])
{
	const uint8_t *s = (const uint8_t *)c->text;
	size_t n = 0;

	while (*s && n < CCHARW_MAX) {
		uint32_t cp = *s++;
		int more = cp >= 0xF0 ? 3 : cp >= 0xE0 ? 2 : cp >= 0xC0 ? 1 : 0;

		if (more > 0)
			cp &= 0x3Fu >> more;
		for (; more > 0 && *s; more--)
			cp = cp << 6 | (*s++ & 0x3F);
		if (!scr.utf8 && cp > 126)
			cp = '?';
		/* ncurses takes one spacing character and marks */
		if (n > 0 && (!scr.utf8 || wcwidth((wchar_t)cp) != 0))
			break;
		out[n++] = (wchar_t)cp;
	}
	if (n == 0)
		out[n++] = L' ';
	out[n] = L'\0';
	return n;
}

static void show_cell(const struct cell *c, int row, int col, int last_col)
{
	wchar_t text[CCHARW_MAX + 1];
	enum style st = c->style < STYLE_COUNT ? c->style : STYLE_NORMAL;
	int width = c->width, w;
	cchar_t cc;

	cell_wide(c, text);
	w = wcwidth(text[0]);
	/* where the C library and we disagree, keep the columns */
	if (w < 1 || w > width || (w == 2 && col == last_col)) {
		text[0] = L'?';
		text[1] = L'\0';
		w = 1;
	}
	if (setcchar(&cc, text, scr.attrs[st], scr.pairs[st], NULL) == ERR)
		return;
	mvadd_wch(row, col, &cc);
	if (w < width) {
		setcchar(&cc, L" ", scr.attrs[st], scr.pairs[st], NULL);
		mvadd_wch(row, col + w, &cc);
	}
}

void screen_show(const struct surface *s)
{
	int rows, cols;

	getmaxyx(stdscr, rows, cols);
	erase();
	for (int row = 0; row < s->rows && row < rows; row++)
		for (int col = 0; col < s->cols && col < cols; col++) {
			const struct cell *c = &s->cells[row * s->cols + col];

			if (c->width > 0)
				show_cell(c, row, col, cols - 1);
		}
	if (s->cursor_row >= 0 && s->cursor_row < rows &&
	    s->cursor_col >= 0 && s->cursor_col < cols) {
		move(s->cursor_row, s->cursor_col);
		curs_set(1);
	} else {
		curs_set(0);
	}
	refresh();
}

void screen_redraw(void)
{
	clearok(curscr, TRUE);
}

void screen_suspend(void)
{
	if (!scr.active)
		return;
	def_prog_mode();
	if (scr.modes)
		write_all(modes_off, sizeof(modes_off) - 1);
	scr.active = false;
	endwin();
}

void screen_resume(void)
{
	reset_prog_mode();
	screen_resized();
	screen_redraw();
	take();
}

void screen_beep(void)
{
	beep();
}

void screen_copy(const char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text), n = 0;
	char out[4];

	if (!scr.modes)
		return;
	write_all("\033]52;c;", 7);
	for (size_t i = 0; i < len; i += 3) {
		const uint8_t *s = (const uint8_t *)text + i;
		size_t have = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)s[0] << 16;

		if (have > 1)
			v |= (uint32_t)s[1] << 8;
		if (have > 2)
			v |= s[2];
		for (n = 0; n < 4; n++)
			out[n] = n <= have ? digits[v >> (18 - 6 * n) & 63] : '=';
		write_all(out, 4);
	}
	write_all("\a", 1);
}
