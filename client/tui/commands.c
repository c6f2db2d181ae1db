#include "commands.h"

#include <strings.h>

#include "buf.h"
#include "dialogs.h"
#include "model_json.h"
#include "talk.h"

enum { NEEDS_CHAT = 1, NEEDS_ARGS = 2 };

struct command {
	const char *name;
	int needs;
	const char *usage;
	void (*plain)(struct app *a);
	/* In its place, when there may be arguments; false: it could not run. */
	bool (*run)(struct app *a, const char *args);
};

static void got_contact(void *ctx, const struct reply *r)
{
	struct app *a = ctx;

	if (r->code)
		app_refused(a, r);
	else if (json_object_get(r->result, "contact"))
		model_take_contact(&a->model, json_object_get(r->result, "contact"));
	a->dirty = true;
	talk_refresh(a);
}

static void ask_contact(struct app *a, const char *method, const char *account,
			const char *extra, json_t *value)
{
	json_t *params = json_pack("{s:s}", "contact", account);

	if (extra)
		json_object_set_new(params, extra, value);
	agent_ask(a->agent, method, params, got_contact, account);
}

static void got_added(void *ctx, const struct reply *r)
{
	struct app *a = ctx;
	struct chat *c;

	if (r->code) {
		app_refused(a, r);
		return;
	}
	c = model_take_contact(&a->model, json_object_get(r->result, "contact"));
	if (c == NULL)
		return;
	app_notice(a, STYLE_GOOD, "%s is added; your first message asks them", c->name);
	talk_open(a, c);
	talk_refresh(a);
}

static bool run_add(struct app *a, const char *args)
{
	size_t n = strcspn(args, " ");
	const char *name = args + n + strspn(args + n, " ");
	json_t *params = json_object();

	json_object_set_new(params, "link", json_stringn(args, n));
	if (*name)
		json_object_set_new(params, "name", json_string(name));
	agent_ask(a->agent, "contact.add", params, got_added, NULL);
	return true;
}

void command_accept(struct app *a)
{
	ask_contact(a, "contact.accept", a->open->account, NULL, NULL);
}

static void remove_yes(struct app *a, const char *account)
{
	struct chat *c = model_find(&a->model, account);

	ask_contact(a, "contact.remove", account, NULL, NULL);
	if (c != NULL && c == a->open)
		talk_open(a, NULL);
	if (c != NULL)
		model_remove(&a->model, c);
}

/* "TITLE NAME WHAT", the question about the open chat; y runs yes with its account. */
static void ask_sure(struct app *a, const char *title, const char *what,
		     void (*yes)(struct app *a, const char *data))
{
	const struct chat *c = a->open;
	size_t size = strlen(title) + strlen(c->name) + strlen(what) + 2;
	char *text = xmalloc(size);

	snprintf(text, size, "%s %s%s", title, c->name, what);
	dialog_confirm(a, title, text, c->account, yes);
	free(text);
}

void command_decline(struct app *a)
{
	ask_sure(a, "Decline", "? They are not told.", remove_yes);
}

static void block_yes(struct app *a, const char *account)
{
	ask_contact(a, "contact.block", account, "blocked", json_true());
}

void command_block(struct app *a)
{
	ask_sure(a, "Block", "? The relay then refuses their messages.", block_yes);
}

static void remove_open(struct app *a)
{
	ask_sure(a, "Remove", " with the whole conversation?", remove_yes);
}

static void unblock_open(struct app *a)
{
	ask_contact(a, "contact.block", a->open->account, "blocked", json_false());
}

static bool run_rename(struct app *a, const char *args)
{
	ask_contact(a, "contact.rename", a->open->account, "name", json_string(args));
	return true;
}

static void show_link(struct app *a)
{
	dialog_link(a, false);
}

static bool run_search(struct app *a, const char *args)
{
	dialog_search(a, args);
	return true;
}

static bool run_to(struct app *a, const char *args)
{
	struct chat *c = model_find_name(&a->model, args);

	if (c == NULL) {
		app_notice(a, STYLE_WARN, "nobody is called %s, or several are", args);
		return false;
	}
	talk_open(a, c);
	return true;
}

static void got_locked(void *ctx, const struct reply *r)
{
	if (r->code)
		app_refused(ctx, r);
	else
		app_hello(ctx);
}

static void lock_account(struct app *a)
{
	agent_ask(a->agent, "account.lock", NULL, got_locked, NULL);
}

/* Sorted by name: bsearch. */
static const struct command commands[] = {
	{ "accept", NEEDS_CHAT, "/accept", command_accept, NULL },
	{ "add", NEEDS_ARGS, "/add LINK [NAME]", NULL, run_add },
	{ "block", NEEDS_CHAT, "/block", command_block, NULL },
	{ "decline", NEEDS_CHAT, "/decline", command_decline, NULL },
	{ "help", 0, "/help", dialog_help, NULL },
	{ "link", 0, "/link", show_link, NULL },
	{ "lock", 0, "/lock", lock_account, NULL },
	{ "quit", 0, "/quit", dialog_quit, NULL },
	{ "remove", NEEDS_CHAT, "/remove", remove_open, NULL },
	{ "rename", NEEDS_CHAT | NEEDS_ARGS, "/rename NAME", NULL, run_rename },
	{ "search", NEEDS_ARGS, "/search WORDS", NULL, run_search },
	{ "to", NEEDS_ARGS, "/to NAME", NULL, run_to },
	{ "unblock", NEEDS_CHAT, "/unblock", unblock_open, NULL },
	{ "verify", NEEDS_CHAT, "/verify", dialog_verify, NULL },
};

enum { N_COMMANDS = sizeof(commands) / sizeof(*commands) };

static int by_name(const void *key, const void *command)
{
	return strcmp(key, ((const struct command *)command)->name);
}

static bool check(struct app *a, const struct command *c, const char *name,
		  const char *args)
{
	if (c == NULL)
		app_notice(a, STYLE_WARN, "no command /%s; // sends a message that "
			   "begins with /", name);
	else if ((c->needs & NEEDS_ARGS) && *args == '\0')
		app_notice(a, STYLE_WARN, "usage: %s", c->usage);
	else if ((c->needs & NEEDS_CHAT) && a->open == NULL)
		app_notice(a, STYLE_WARN, "open a conversation first");
	else if (!agent_is_up(a->agent) && c->plain != dialog_quit &&
		 c->plain != dialog_help)
		app_notice(a, STYLE_WARN, "the agent is not there yet; try again");
	else
		return true;
	return false;
}

bool command_run(struct app *a, const char *line)
{
	size_t n = strcspn(line + 1, " ");
	const char *args = line + 1 + n;
	const struct command *c = NULL;
	char name[16], *trimmed;
	bool done = false;

	args += strspn(args, " ");
	trimmed = xstrdup(args);
	for (size_t len = strlen(trimmed); len > 0 && trimmed[len - 1] == ' ';)
		trimmed[--len] = '\0';
	snprintf(name, sizeof(name), "%.*s", n > 15 ? 15 : (int)n, line + 1);
	if (n < sizeof(name))
		c = bsearch(name, commands, N_COMMANDS, sizeof(*commands), by_name);
	if (check(a, c, name, trimmed)) {
		if (c->plain)
			c->plain(a);
		done = c->plain || c->run(a, trimmed);
	}
	free(trimmed);
	return done;
}

/* The only continuation of word among names, or NULL. */
static const char *only(const struct app *a, const char *word, bool is_command)
{
	size_t len = strlen(word), n = is_command ? N_COMMANDS : a->model.n;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *name = is_command ? commands[i].name :
			a->model.chats[i]->name;

		if (strncasecmp(name, word, len) != 0)
			continue;
		if (found)
			return NULL;
		found = name;
	}
	return found;
}

bool command_complete(struct app *a)
{
	const char *text = edit_text(a->edit), *found;
	bool is_to = strncmp(text, "/to ", 4) == 0;
	char *line;
	size_t size;

	if (text[0] != '/' || edit_cursor(a->edit) != edit_len(a->edit) ||
	    (strchr(text, ' ') && !is_to))
		return false;
	found = only(a, is_to ? text + 4 : text + 1, !is_to);
	if (found == NULL)
		return false;
	size = strlen(found) + 8;
	line = xmalloc(size);
	snprintf(line, size, is_to ? "/to %s" : "/%s ", found);
	edit_set(a->edit, line);
	free(line);
	return true;
}
