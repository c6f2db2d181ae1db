#include "session.h"

#include "buf.h"
#include "dialogs.h"
#include "first_run.h"
#include "input.h"
#include "model_json.h"
#include "overlay.h"
#include "talk.h"
#include "unlock.h"

enum { HELLO_MS = 2000, API_VERSION = 1 };

static void take_connection(struct app *a, const json_t *o)
{
	static const char *const names[] = {
		[CONNECTION_ONLINE] = "online", [CONNECTION_CONNECTING] = "connecting",
		[CONNECTION_WAITING] = "waiting", [CONNECTION_OFFLINE] = "offline",
	};
	const char *state = json_text(o, "state"), *error = json_text(o, "error");

	for (int i = CONNECTION_ONLINE; i <= CONNECTION_OFFLINE; i++)
		if (strcmp(names[i], state) == 0)
			a->connection.state = (enum connection_state)i;
	a->connection.retry_at = json_number(o, "retry_at");
	a->connection.behind = json_is_false(json_object_get(o, "caught_up"));
	free(a->connection.error);
	a->connection.error = NULL;
	if (*error)
		replace_text(&a->connection.error, error, TEXT_LINE);
	a->dirty = true;
	if (a->connection.state == CONNECTION_ONLINE)
		dialog_online(a);
}

static void got_status(void *ctx, const struct reply *r)
{
	struct app *a = ctx;
	const char *relay = json_text(r->result, "relay");

	if (r->code)
		return;
	replace_text(&a->model.relay, relay, TEXT_LINE);
	take_connection(a, json_object_get(r->result, "connection"));
}

static void got_subscribed(void *ctx, const struct reply *r)
{
	if (r->code)
		app_refused(ctx, r);
}

/* The account is open: subscribe first, so that no event falls between it and the
 * lists that are asked for after it. */
static void enter_chat(struct app *a, const json_t *hello)
{
	snprintf(a->model.account, sizeof(a->model.account), "%s",
		 json_text(hello, "account"));
	replace_text(&a->model.name, json_text(hello, "name"), TEXT_LINE);
	if (a->mode == MODE_CHAT && a->subscribed)
		return;		/* asked twice */
	a->mode = MODE_CHAT;
	a->subscribed = true;
	a->list_asked = a->list_wanted = false;
	agent_ask(a->agent, "events.subscribe", NULL, got_subscribed, NULL);
	talk_refresh(a);
	if (a->open)	/* receipts may have passed us by */
		a->open->stale = a->open->follow;
	talk_reload(a);
	talk_resend(a);
	agent_ask(a->agent, "status", NULL, got_status, NULL);
	if (a->first_run != NULL) {
		first_run_destroy(a->first_run);
		a->first_run = NULL;
		dialog_link(a, true);
	}
}

static void enter_locked(struct app *a)
{
	if (a->mode == MODE_LOCKED)
		return;
	a->mode = MODE_LOCKED;
	a->subscribed = false;
	overlay_close(a);
	unlock_begin(a);
	for (size_t i = 0; i < a->model.n; i++)
		window_clear(a->model.chats[i]);
}

static void got_hello(void *ctx, const struct reply *r)
{
	struct app *a = ctx;
	const char *state = json_text(r->result, "state");

	a->dirty = true;
	if (r->code) {
		app_refused(a, r);
		return;
	}
	if (json_number(r->result, "version") != API_VERSION) {
		free(a->agent_why);
		a->agent_why = xstrdup("it is of another version; run sotto stop");
		return;
	}
	a->hello_at = 0;
	if (strcmp(state, "ready") != 0)	/* no events yet: look again */
		a->hello_at = a->now + HELLO_MS;
	if (a->first_run != NULL && first_run_has_key(a->first_run))
		return;				/* first it has to be written down */
	if (strcmp(state, "new") == 0) {
		if (a->first_run == NULL)
			a->first_run = first_run_create();
		a->mode = MODE_FIRST_RUN;
	} else if (strcmp(state, "locked") == 0) {
		enter_locked(a);
	} else {
		unlock_end(a);
		enter_chat(a, r->result);
	}
}

static void on_up(void *ctx)
{
	struct app *a = ctx;

	a->agent_lost = false;
	free(a->agent_why);
	a->agent_why = NULL;
	a->dirty = true;
	app_hello(a);
}

static void on_down(void *ctx, const char *why)
{
	struct app *a = ctx;

	a->agent_lost = true;
	a->subscribed = false;
	free(a->agent_why);
	a->agent_why = *why ? text_printable_str(why, TEXT_LINE) : NULL;
	a->connection.state = CONNECTION_UNKNOWN;
	a->list_asked = a->searched = false;
	a->scroll_owed = 0;
	a->typing_on = false;
	a->read_upto[0] = '\0';
	for (size_t i = 0; i < a->model.n; i++) {
		a->model.chats[i]->loading = false;
		a->model.chats[i]->typing_until = 0;
	}
	a->unlocking = false;
	if (a->first_run != NULL)
		first_run_agent_lost(a->first_run);
	a->dirty = true;
}

static void on_notify(void *ctx, const char *method, const json_t *params)
{
	struct app *a = ctx;

	a->dirty = true;
	if (strcmp(method, "event") == 0 && a->mode == MODE_CHAT)
		talk_event(a, params);
	else if (strcmp(method, "typing") == 0)
		talk_typing_event(a, params);
	else if (strcmp(method, "connection") == 0)
		take_connection(a, params);
	else if (strcmp(method, "agent") == 0)
		app_hello(a);
}

static const struct agent_ops ops = { on_up, on_down, on_notify };

void session_start(struct app *a, const struct paths *paths)
{
	a->agent = agent_create(paths, &ops, a);
}

void session_end(struct app *a)
{
	agent_destroy(a->agent);
	overlay_close(a);
	unlock_end(a);
	first_run_destroy(a->first_run);
}

static void soonest(int64_t *deadline, int64_t at)
{
	if (at > 0 && (*deadline < 0 || at < *deadline))
		*deadline = at;
}

int64_t session_deadline(const struct app *a)
{
	int64_t d = agent_deadline(a->agent);

	soonest(&d, a->notice_until);
	soonest(&d, a->quit_armed);
	soonest(&d, a->typing_idle_at);
	soonest(&d, a->typing_again_at);
	soonest(&d, a->paste_until);
	soonest(&d, a->hello_at);
	if (a->open)
		soonest(&d, a->open->typing_until);
	/* the countdown moves once a second */
	if (a->connection.state == CONNECTION_WAITING && a->connection.retry_at > a->wall)
		soonest(&d, a->now + 1 + (a->connection.retry_at - a->wall - 1) % 1000);
	return d;
}

static bool due(struct app *a, int64_t *at)
{
	if (*at == 0 || *at > a->now)
		return false;
	*at = 0;
	a->dirty = true;
	return true;
}

static void ask_hello(struct app *a)
{
	a->hello_at = 0;
	agent_ask(a->agent, "hello", json_pack("{s:s}", "client", "sotto-tui"),
		  got_hello, NULL);
}

void session_tick(struct app *a)
{
	due(a, &a->notice_until);
	due(a, &a->quit_armed);
	if (a->open)
		due(a, &a->open->typing_until);
	if (due(a, &a->typing_idle_at))
		talk_stop_typing(a);
	if (a->hello_at != 0 && a->hello_at <= a->now)
		ask_hello(a);
	if (due(a, &a->typing_again_at))
		talk_still_typing(a);
	if (due(a, &a->paste_until))
		input_paste_lost(a);
	if (a->connection.state == CONNECTION_WAITING)
		a->dirty = true;
}
