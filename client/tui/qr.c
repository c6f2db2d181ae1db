#include "qr.h"

#include <qrencode.h>

#include "buf.h"

/* Light modules around it. ISO 18004 asks for 4; readers take 2, and a terminal
 * has few rows. */
enum { QUIET = 2 };

struct qr {
	QRcode *code;
};

struct qr *qr_create(const char *text)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
	struct qr *q;

	if (code == NULL)
		return NULL;
	q = xcalloc(1, sizeof(*q));
	q->code = code;
	return q;
}

void qr_destroy(struct qr *q)
{
	if (q == NULL)
		return;
	QRcode_free(q->code);
	free(q);
}

int qr_cols(const struct qr *q)
{
	return q->code->width + 2 * QUIET;
}

int qr_rows(const struct qr *q)
{
	return (qr_cols(q) + 1) / 2;
}

static bool is_dark(const struct qr *q, int x, int y)
{
	int n = q->code->width;

	x -= QUIET;
	y -= QUIET;
	return x >= 0 && y >= 0 && x < n && y < n && (q->code->data[y * n + x] & 1);
}

void qr_draw(const struct qr *q, struct surface *s, int row, int col)
{
	static const char *const blocks[2][2] = { { " ", "▄" }, { "▀", "█" } };

	for (int y = 0; y < qr_rows(q); y++)
		for (int x = 0; x < qr_cols(q); x++)
			draw_text(s, row + y, col + x, 1, STYLE_QR,
				  blocks[is_dark(q, x, 2 * y)][is_dark(q, x, 2 * y + 1)]);
}
