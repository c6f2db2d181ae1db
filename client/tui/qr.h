/* QR codes drawn with half blocks. */
#ifndef SOTTO_QR_H
#define SOTTO_QR_H

#include "draw.h"

struct qr;

/* NULL when the text is too long for a QR code. */
struct qr *qr_create(const char *text);
void qr_destroy(struct qr *q);	/* takes NULL */
int qr_rows(const struct qr *q);
int qr_cols(const struct qr *q);
void qr_draw(const struct qr *q, struct surface *s, int row, int col);

#endif
