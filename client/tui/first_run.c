#include "first_run.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "account.h"
#include "buf.h"
#include "first_run_int.h"
#include "text.h"
#include "url.h"

struct first_run *first_run_create(void)
{
	struct first_run *f = xcalloc(1, sizeof(*f));

	f->relay = edit_create(255);
	f->name = edit_create(64);
	f->pass = passfield_create();
	f->again = passfield_create();
	f->recovery_fd = -1;
	edit_set(f->relay, "wss://");
	return f;
}

static void close_pipe(struct first_run *f)
{
	if (f->recovery_fd >= 0)
		close(f->recovery_fd);
	f->recovery_fd = -1;
}

void first_run_destroy(struct first_run *f)
{
	if (f == NULL)
		return;
	close_pipe(f);
	secret_destroy(f->recovery);
	edit_destroy(f->relay);
	edit_destroy(f->name);
	passfield_destroy(f->pass);
	passfield_destroy(f->again);
	free(f->error);
	free(f);
}

bool first_run_has_key(const struct first_run *f)
{
	return f->recovery != NULL;
}

static void fail(struct first_run *f, enum field at, const char *why)
{
	f->step = STEP_FORM;
	f->field = at;
	free(f->error);
	f->error = text_printable_str(why, TEXT_LINE);
}

/* What the agent has written by now. */
static void read_recovery(struct first_run *f)
{
	struct secret *s;
	size_t len = 0;
	ssize_t n = 1;

	if (f->recovery_fd < 0)
		return;
	s = secret_create(RECOVERY_TEXT_LEN + 2);
	while (len < RECOVERY_TEXT_LEN + 1 && n != 0) {
		n = read(f->recovery_fd, s->data + len, RECOVERY_TEXT_LEN + 1 - len);
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			len += (size_t)n;
	}
	close_pipe(f);
	while (len > 0 && s->data[len - 1] <= ' ')
		s->data[--len] = 0;
	for (size_t i = 0; i < len; i++)
		if (s->data[i] < ' ' || s->data[i] > '~')
			s->data[i] = '?';
	if (len == 0) {
		secret_destroy(s);
		return;
	}
	f->recovery = s;
	f->step = STEP_KEY;
	passfield_clear(f->pass);
	passfield_clear(f->again);
}

void first_run_agent_lost(struct first_run *f)
{
	if (f->step != STEP_WAIT)
		return;
	read_recovery(f);
	if (f->recovery == NULL)
		fail(f, f->field, "the agent ended; press Enter to try again");
}

static void got_account(void *ctx, const struct reply *r)
{
	struct app *a = ctx;
	struct first_run *f = a->first_run;

	a->dirty = true;
	if (f == NULL || f->step != STEP_WAIT)
		return;
	if (r->code) {
		close_pipe(f);
		fail(f, r->code == 1 || r->code == 3 ? FIELD_RELAY : f->field,
		     r->message);
		return;
	}
	read_recovery(f);
	if (f->recovery == NULL)	/* cannot be, but must not stop here */
		app_hello(a);
}

static json_t *make_params(const struct first_run *f)
{
	json_t *params = json_pack("{s:s}", "relay", edit_text(f->relay));

	if (edit_len(f->name) > 0)
		json_object_set_new(params, "name", json_string(edit_text(f->name)));
	json_object_set_new(params, "fds", f->key_file ?
			    json_pack("[s]", "recovery") :
			    json_pack("[s, s]", "passphrase", "recovery"));
	return params;
}

static void create_account(struct app *a)
{
	struct first_run *f = a->first_run;
	int fds[2], back[2], n = 0;

	if (!agent_is_up(a->agent)) {
		fail(f, f->field, "the agent is not there yet; press Enter again");
		return;
	}
	if (pipe2(back, O_CLOEXEC) < 0) {
		fail(f, f->field, "no pipe for the recovery key");
		return;
	}
	fcntl(back[0], F_SETFL, O_NONBLOCK);
	if (!f->key_file && passfield_pipe(f->pass, &fds[n]) != OK) {
		close(back[0]);
		close(back[1]);
		fail(f, f->field, "no pipe for the passphrase");
		return;
	}
	n += !f->key_file;
	fds[n++] = back[1];
	f->recovery_fd = back[0];
	f->step = STEP_WAIT;
	free(f->error);
	f->error = NULL;
	agent_ask_fds(a->agent, "account.init", make_params(f), fds, (size_t)n,
		      got_account);
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

/* Puts an address that was pasted behind the scheme that stands in the field, or
 * instead of it without a scheme, in order; NULL when it is good. */
static const char *check_relay(struct first_run *f)
{
	static const char scheme[] = "wss://";
	const char *given = edit_text(f->relay);
	const char *rest = strncmp(given, scheme, strlen(scheme)) == 0 ?
		given + strlen(scheme) : given;
	char text[RELAY_URL_MAX + sizeof(scheme)];
	struct relay_url url;

	snprintf(text, sizeof(text), "%s%s",
		 strstr(rest, "://") ? "" : scheme, rest);
	switch (relay_url_parse(text, &url)) {
	case OK:
		edit_set(f->relay, text);
		return NULL;
	case ERR_REFUSED:
		return "ws:// is for a relay on this machine; others need "
			"wss://";
	default:
		return "a relay's address looks like wss://relay.example";
	}
}

/* Whether the field is filled in well; else says what is wrong. */
static bool check(struct first_run *f, enum field at)
{
	const char *wrong = at == FIELD_RELAY ? check_relay(f) : NULL;

	if (wrong)
		fail(f, at, wrong);
	else if (at == FIELD_PASS && passfield_chars(f->pass) < 8)
		fail(f, at, "at least 8 characters; some words are good");
	else if (at == FIELD_AGAIN && !passfield_equal(f->pass, f->again))
		fail(f, at, "the two are not the same");
	else
		return true;
	return false;
}

enum field first_run_last_field(const struct first_run *f)
{
	return f->key_file ? FIELD_PROTECT : FIELD_AGAIN;
}

static void enter(struct app *a)
{
	struct first_run *f = a->first_run;

	free(f->error);
	f->error = NULL;
	if (!check(f, f->field))
		return;
	if (f->field < first_run_last_field(f)) {
		f->field++;
		return;
	}
	for (enum field i = 0; i <= first_run_last_field(f); i++)
		if (!check(f, i))
			return;
	create_account(a);
}

static void move(struct first_run *f, int by)
{
	int to = (int)f->field + by;

	if (to >= 0 && to <= (int)first_run_last_field(f))
		f->field = (enum field)to;
}

static struct edit *edit_of(const struct first_run *f)
{
	return f->field == FIELD_RELAY ? f->relay :
		f->field == FIELD_NAME ? f->name : NULL;
}

static struct passfield *pass_of(const struct first_run *f)
{
	return f->field == FIELD_PASS ? f->pass :
		f->field == FIELD_AGAIN ? f->again : NULL;
}

void first_run_text(struct app *a, const char *text, size_t len)
{
	struct first_run *f = a->first_run;

	a->dirty = true;
	if (f->step != STEP_FORM)
		return;
	if (f->field == FIELD_PROTECT && text[0] == ' ')
		f->key_file = !f->key_file;
	if (pass_of(f))
		passfield_add(pass_of(f), text, len);
	/* one line: a pasted end of line is not wanted */
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (edit_of(f) && edit_insert(edit_of(f), text, len) != OK)
		screen_beep();
}

static void form_control(struct app *a, uint32_t ch)
{
	struct first_run *f = a->first_run;

	switch (ch) {
	case '\r': case '\n':
		enter(a);
		break;
	case '\t': case 14:
		move(f, 1);
		break;
	case 16:
		move(f, -1);
		break;
	case 1: case 5:
		if (edit_of(f))
			edit_do(edit_of(f), ch == 1 ? EDIT_TEXT_START : EDIT_TEXT_END);
		break;
	case 21:
		if (edit_of(f))
			edit_do(edit_of(f), EDIT_KILL_ALL);
		if (pass_of(f))
			passfield_clear(pass_of(f));
		break;
	case 23:
		if (edit_of(f))
			edit_do(edit_of(f), EDIT_KILL_WORD_LEFT);
		break;
	}
}

static void form_key(struct app *a, const struct key *k)
{
	struct first_run *f = a->first_run;
	struct edit *e = edit_of(f);

	switch (k->code) {
	case KEY_CODE_UP:
		move(f, -1);
		break;
	case KEY_CODE_DOWN:
		move(f, 1);
		break;
	case KEY_CODE_LEFT: case KEY_CODE_RIGHT:
		if (f->field == FIELD_PROTECT)
			f->key_file = k->code == KEY_CODE_RIGHT;
		else if (e)
			edit_do(e, k->code == KEY_CODE_LEFT ? EDIT_LEFT : EDIT_RIGHT);
		break;
	case KEY_CODE_HOME: case KEY_CODE_END:
		if (e)
			edit_do(e, k->code == KEY_CODE_HOME ? EDIT_TEXT_START :
				EDIT_TEXT_END);
		break;
	case KEY_CODE_DELETE:
		if (e)
			edit_do(e, EDIT_DELETE);
		break;
	case KEY_CODE_BACKSPACE:
		if (e)
			edit_do(e, EDIT_BACKSPACE);
		if (pass_of(f))
			passfield_back(pass_of(f));
		break;
	case KEY_CODE_CHAR:
		form_control(a, k->ch);
		break;
	default:
		break;
	}
}

void first_run_key(struct app *a, const struct key *k)
{
	struct first_run *f = a->first_run;
	bool ctrl_c = k->code == KEY_CODE_CHAR && (k->ch == 3 || k->ch == 17);

	a->dirty = true;
	if (f->step == STEP_KEY) {
		/* leaving would lose the key: only Enter goes on */
		if (k->code == KEY_CODE_CHAR && (k->ch == '\r' || k->ch == '\n')) {
			secret_destroy(f->recovery);
			f->recovery = NULL;
			f->step = STEP_WAIT;
			app_hello(a);
		}
	} else if (ctrl_c) {
		a->quit = true;
	} else if (f->step == STEP_FORM) {
		form_key(a, k);
	}
}
