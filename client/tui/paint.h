/* Where the parts of the screen stand. */
#ifndef SOTTO_PAINT_H
#define SOTTO_PAINT_H

#include "app.h"

/* Scrolls the messages; down is positive. */
void paint_scroll(struct app *a, int rows);

#endif
