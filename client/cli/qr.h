/* Text as a QR code made of characters. */
#ifndef SOTTO_QR_H
#define SOTTO_QR_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"

/* Appends lines that draw text (ISO/IEC 18004, error correction L, a quiet zone
 * of 4): two rows a line in UTF-8 half blocks, or in ASCII one row a line and
 * two characters a module. Light modules are what is drawn, as on a dark
 * terminal; with colour black and white are asked for. ERR_TOO_BIG. */
int qr_draw(const char *text, bool utf8, bool colour, struct buf *out) must_check;

#endif
