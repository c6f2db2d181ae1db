#include "app.h"

#include <stdarg.h>

#include "buf.h"
#include "sys.h"
#include "text.h"

void app_clock(struct app *a)
{
	a->now = (int64_t)sys_mono_ms(&sys_real);
	a->wall = (int64_t)sys_wall_ms(&sys_real);
}

void app_notice(struct app *a, enum style style, const char *fmt, ...)
{
	char text[sizeof(a->notice)], *clean;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clean = text_printable_str(text, TEXT_LINE);
	snprintf(a->notice, sizeof(a->notice), "%s", clean);
	free(clean);
	a->notice_style = style;
	a->notice_until = a->now + NOTICE_MS;
	a->dirty = true;
}

void app_refused(struct app *a, const struct reply *r)
{
	app_notice(a, STYLE_BAD, "%s", r->message);
}

void app_hello(struct app *a)
{
	a->hello_at = a->now;
}

void app_init(struct app *a, const char *wanted, bool ascii)
{
	uint32_t id[2];

	*a = (struct app){ .wanted = wanted, .dirty = true };
	app_clock(a);
	model_init(&a->model);
	surface_init(&a->surface, ascii);
	a->edit = edit_create(TEXT_BYTES_MAX);
	a->paste = xcalloc(1, sizeof(*a->paste));
	buf_init(a->paste, 4 * TEXT_BYTES_MAX);
	sys_random(&sys_real, id, sizeof(id));
	snprintf(a->key_prefix, sizeof(a->key_prefix), "%08x%08x", id[0], id[1]);
}

void app_finish(struct app *a)
{
	model_finish(&a->model);
	surface_finish(&a->surface);
	edit_destroy(a->edit);
	buf_wipe(a->paste);
	free(a->paste);
	free(a->connection.error);
	free(a->agent_why);
}
