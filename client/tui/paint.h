/* Where the parts of the screen stand. */
#ifndef SOTTO_PAINT_H
#define SOTTO_PAINT_H

#include "app.h"

/* Everything onto the surface; what is seen then counts as read, and pages of
 * history that the view comes near are asked for. */
void paint(struct app *a);
/* Scrolls the messages; down is positive. */
void paint_scroll(struct app *a, int rows);

#endif
