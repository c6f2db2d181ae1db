#include "out.h"

#include <time.h>
#include <unistd.h>

#include "text.h"

enum { TIME_MAX = 32 };

void out_json(const json_t *o)
{
	size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;

	if (isatty(STDOUT_FILENO))
		flags |= JSON_ENSURE_ASCII;
	if (!o)
		o = json_null();
	json_dumpf(o, stdout, flags);
	putchar('\n');
}

const char *out_member(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "";
}

char *out_line(const char *text)
{
	return text_printable_str(text, TEXT_LINE);
}

int out_width(const char *text)
{
	char *line = out_line(text);
	int width = text_width(line, strlen(line));

	free(line);
	return width;
}

void out_column(const char *text, int cells)
{
	char *line = out_line(text);
	int width = text_width(line, strlen(line));

	printf("%s%*s", line, width < cells ? cells - width + 1 : 1, "");
	free(line);
}

/* Local time "2026-11-24 13:40". */
static void format_time(json_int_t ms, char text[static TIME_MAX])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (!localtime_r(&t, &tm) ||
	    !strftime(text, TIME_MAX, "%Y-%m-%d %H:%M", &tm))
		memcpy(text, "?", 2);
}

static void append(struct buf *out, const char *text, size_t len)
{
	if (buf_append(out, text, len))
		abort();	/* a message is far below any maximum here */
}

void out_message(struct buf *out, json_int_t ms, const char *name,
		 const char *text)
{
	char time[TIME_MAX];
	char *who = out_line(name);
	char *block = text_printable_str(text, TEXT_BLOCK);
	const char *line = block, *end;

	format_time(ms, time);
	append(out, time, strlen(time));
	append(out, " ", 1);
	append(out, who, strlen(who));
	append(out, ": ", 2);
	while ((end = strchr(line, '\n'))) {
		append(out, line, (size_t)(end - line));
		append(out, "\n    ", 5);
		line = end + 1;
	}
	append(out, line, strlen(line));
	append(out, "\n", 1);
	free(block);
	free(who);
}

void out_message_object(const json_t *m)
{
	bool own = json_is_true(json_object_get(m, "outgoing"));
	struct buf line;

	buf_init(&line, SIZE_MAX / 2);
	out_message(&line, json_integer_value(json_object_get(m, "sent_at")),
		    own ? "me" : out_member(m, "from_name"),
		    out_member(m, "text"));
	fwrite(line.data, 1, line.len, stdout);
	buf_finish(&line);
}
