#include "qr.h"

#include <qrencode.h>

enum { QUIET = 4 };	/* modules around the code, ISO/IEC 18004 section 6.3.8 */

/* Light inside the quiet zone and beyond. */
static bool is_light(const QRcode *code, int x, int y)
{
	if (x < 0 || y < 0 || x >= code->width || y >= code->width)
		return true;
	return !(code->data[y * code->width + x] & 1);
}

static int draw_row(const QRcode *code, int y, bool utf8, struct buf *out)
{
	/* by light above and light below */
	static const char *const halves[] = { " ", "▄", "▀", "█" };
	int ret = OK;

	for (int x = -QUIET; x < code->width + QUIET && !ret; x++) {
		bool above = is_light(code, x, y);
		const char *cell = above ? "##" : "  ";

		if (utf8)
			cell = halves[2 * above + is_light(code, x, y + 1)];
		ret = buf_append(out, cell, strlen(cell));
	}
	return ret;
}

int qr_draw(const char *text, bool utf8, bool colour, struct buf *out)
{
	static const char on[] = "\033[97;40m", off[] = "\033[0m";
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
	int ret = OK;

	if (!code)
		return ERR_TOO_BIG;
	for (int y = -QUIET; y < code->width + QUIET && !ret; y += 1 + utf8) {
		if (colour)
			ret = buf_append(out, on, sizeof(on) - 1);
		if (!ret)
			ret = draw_row(code, y, utf8, out);
		if (!ret && colour)
			ret = buf_append(out, off, sizeof(off) - 1);
		if (!ret)
			ret = buf_append_u8(out, '\n');
	}
	QRcode_free(code);
	return ret;
}
