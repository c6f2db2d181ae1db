#include "theme.h"

enum { RED = 1, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE };

/* The 256 were chosen to be readable on black and on white alike. */
static const struct theme styles[STYLE_NAME] = {
	[STYLE_NORMAL] = { LOOK_PLAIN, LOOK_PLAIN, -1, -1, LOOK_PLAIN, -1, -1 },
	[STYLE_DIM] = { LOOK_DIM, LOOK_DIM, -1, -1, LOOK_PLAIN, 244, -1 },
	[STYLE_BOLD] = { LOOK_BOLD, LOOK_BOLD, -1, -1, LOOK_BOLD, -1, -1 },
	[STYLE_BORDER] = { LOOK_DIM, LOOK_DIM, -1, -1, LOOK_PLAIN, 243, -1 },
	[STYLE_ACCENT] = { LOOK_BOLD, LOOK_BOLD, CYAN, -1, LOOK_BOLD, 37, -1 },
	[STYLE_BADGE] = { LOOK_REVERSE, LOOK_BOLD, WHITE, BLUE, LOOK_BOLD, 231, 31 },
	[STYLE_SELECTED] = { LOOK_REVERSE, LOOK_REVERSE, -1, -1, LOOK_REVERSE, -1, -1 },
	[STYLE_OWN] = { LOOK_BOLD, LOOK_BOLD, CYAN, -1, LOOK_BOLD, 37, -1 },
	[STYLE_GOOD] = { LOOK_PLAIN, LOOK_PLAIN, GREEN, -1, LOOK_PLAIN, 71, -1 },
	[STYLE_WARN] = { LOOK_BOLD, LOOK_PLAIN, YELLOW, -1, LOOK_PLAIN, 172, -1 },
	[STYLE_BAD] = { LOOK_BOLD, LOOK_BOLD, RED, -1, LOOK_BOLD, 167, -1 },
	[STYLE_READ] = { LOOK_BOLD, LOOK_BOLD, CYAN, -1, LOOK_BOLD, 37, -1 },
	[STYLE_QR] = { LOOK_REVERSE, LOOK_PLAIN, 0, WHITE, LOOK_PLAIN, 16, 231 },
};

static const short names8[] = { GREEN, MAGENTA, BLUE, YELLOW, RED };
static const short names256[STYLE_NAMES] = {
	64, 67, 97, 132, 136, 130, 169, 72, 99, 173,
};

struct theme theme_of(enum style st)
{
	int n = (int)st - STYLE_NAME;

	if (n < 0)
		return styles[st];
	return (struct theme){
		LOOK_BOLD, LOOK_BOLD, names8[n % 5], -1, LOOK_BOLD, names256[n], -1,
	};
}
