/* The colours of styles, in numbers of terminals. */
#ifndef SOTTO_THEME_H
#define SOTTO_THEME_H

#include "draw.h"

enum look { LOOK_PLAIN, LOOK_DIM, LOOK_BOLD, LOOK_REVERSE };

/* How a style looks without colours, with the 8 and with the 256; -1 is the
 * terminal's own colour. */
struct theme {
	enum look mono;
	enum look look8;
	short fg8, bg8;
	enum look look256;
	short fg256, bg256;
};

/* st < STYLE_COUNT. */
struct theme theme_of(enum style st);

#endif
