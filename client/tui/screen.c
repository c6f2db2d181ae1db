#define NCURSES_WIDECHAR 1
#include "screen.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <sodium.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "buf.h"
#include "screen_int.h"
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
} scr;

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
	screen_keys_init();
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
	size_t len = strlen(text);
	size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
	char *coded;

	if (!scr.modes)
		return;
	coded = xmalloc(size);
	sodium_bin2base64(coded, size, (const uint8_t *)text, len,
			  sodium_base64_VARIANT_ORIGINAL);
	write_all("\033]52;c;", 7);
	write_all(coded, size - 1);
	write_all("\a", 1);
	free(coded);
}
