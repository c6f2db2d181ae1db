/* events.* */
#include "api.h"
#include "api_server.h"
#include "events.h"

enum { WINDOW_MAX = 4096, CURSOR_WAIT_MS = 3000 };

static bool good_cursor(const char *name)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(name);

	return len >= 1 && len <= API_CURSOR_MAX && strspn(name, ok) == len;
}

/* Where a new cursor, or a connection without one, begins. -1: makes no sense. */
static int64_t first_pos(const struct api_call *c, int64_t last)
{
	json_t *from = json_object_get(c->params, "from");
	const char *text = json_string_value(from);

	if (!from || (text && !strcmp(text, "now")))
		return last;
	if (text && !strcmp(text, "start"))
		return 0;
	if (json_is_integer(from) && json_integer_value(from) >= 0)
		return json_integer_value(from) < last ?
			json_integer_value(from) : last;
	return -1;
}

static int open_cursor(struct agent *a, const char *name, int64_t from,
		       int64_t *acked, bool *created)
{
	int ret = turn_begin(a->turn);

	if (ret)
		return ret;
	return turn_end(a->turn, cursor_open_at(a->db, name, from, acked,
						created));
}

/* ERR_EXISTS: the cursor is in use. */
static int try_subscribe(struct api_call *c)
{
	const char *cursor = api_text(c, "cursor");
	int64_t last = 0, from, acked;
	bool created = false;
	int ret = events_last(c->a->db, &last);

	if (ret)
		return ret;
	acked = from = first_pos(c, last);
	if (from < 0)
		return ERR_USAGE;
	if (cursor)
		ret = open_cursor(c->a, cursor, from, &acked, &created);
	if (!ret)
		ret = api_subscribe(c, cursor, acked,
				    (int)api_int(c, "window", API_WINDOW));
	if (!ret)
		api_result(c, json_pack("{s:I, s:I, s:b}", "acked", acked,
					"last", last, "created", created));
	return ret;
}

static bool subscribed(struct api_call *c)
{
	int ret = try_subscribe(c);

	if (ret == ERR_EXISTS)
		return false;
	if (ret == ERR_USAGE)
		api_fail(c, API_USAGE, "from is \"now\", \"start\" or a "
			 "number");
	else if (ret)
		api_fail_err(c, ret);
	return true;
}

static void in_use(struct api_call *c)
{
	c->retry = true;
	api_fail(c, API_REFUSED, "another connection uses the cursor %s",
		 api_text(c, "cursor"));
}

/* Whoever had the cursor may be about to end, as a script that was killed. */
static enum api_step subscribe(struct api_call *c)
{
	const char *cursor = api_text(c, "cursor");
	int64_t window = api_int(c, "window", API_WINDOW);

	if (cursor && !good_cursor(cursor))
		return api_fail(c, API_USAGE, "a cursor's name is 1 to %d of "
				"A-Z a-z 0-9 . _ -", API_CURSOR_MAX);
	if (window < 1 || window > WINDOW_MAX)
		return api_fail(c, API_USAGE, "window is 1 to %d", WINDOW_MAX);
	if (!c->client || subscribed(c))
		return API_DONE;
	api_wait(c, CURSOR_WAIT_MS, subscribed, in_use);
	return API_LATER;
}

const struct api_method api_events_subscribe = {
	"events.subscribe", false, subscribe, {
		{ "cursor", API_TEXT, false }, { "from", API_ANY, false },
		{ "window", API_INT, false },
	},
};

static enum api_step ack(struct api_call *c)
{
	struct agent *a = c->a;
	const char *cursor = api_text(c, "cursor");
	int64_t seq = api_int(c, "seq", 0), acked = 0;
	bool created = false;
	int ret;

	if (!good_cursor(cursor))
		return api_fail(c, API_USAGE, "there is no such cursor");
	ret = turn_enter(a->turn);
	if (ret)
		return api_fail_err(c, ret);
	ret = cursor_ack(a->db, cursor, seq);
	if (ret == ERR_USAGE || ret == ERR_NOT_FOUND) {
		/* Nothing was changed. */
		if (turn_leave(a->turn, OK))
			return API_DONE;
		return ret == ERR_USAGE ?
			api_fail(c, API_USAGE, "there is no event %lld yet",
				 (long long)seq) :
			api_fail(c, API_NOT_FOUND, "there is no cursor %s",
				 cursor);
	}
	if (!ret)
		ret = cursor_open(a->db, cursor, &acked, &created);
	ret = turn_leave(a->turn, ret);
	if (ret)
		return api_fail_err(c, ret);
	api_acked(c->server, cursor, seq);
	return api_result(c, json_pack("{s:I}", "acked", acked));
}

const struct api_method api_events_ack = {
	"events.ack", false, ack, {
		{ "cursor", API_TEXT, true }, { "seq", API_INT, true },
	},
};
