#include "api.h"

#include <stdarg.h>
#include <unistd.h>

#include "api_server.h"
#include "json_out.h"

/* Sorted by name. */
static const struct api_method *const methods[] = {
	&api_account_init, &api_account_lock, &api_account_unlock,
	&api_agent_stop, &api_chat_history, &api_chat_list, &api_chat_read,
	&api_chat_typing, &api_config_get, &api_config_list, &api_config_set,
	&api_contact_accept, &api_contact_add, &api_contact_block,
	&api_contact_list, &api_contact_remove, &api_contact_rename,
	&api_contact_verify, &api_events_ack, &api_events_subscribe,
	&api_hello, &api_link_get, &api_message_get, &api_message_search,
	&api_message_send, &api_message_wait, &api_status,
};

static int compare(const void *name, const void *entry)
{
	const struct api_method *const *m = entry;

	return strcmp(name, (*m)->name);
}

static const struct api_method *find(const char *name)
{
	const struct api_method *const *m =
		bsearch(name, methods, sizeof(methods) / sizeof(methods[0]),
			sizeof(methods[0]), compare);

	return m ? *m : NULL;
}

/* ---- results ---- */

enum api_step api_fail(struct api_call *c, enum api_code code,
		       const char *fmt, ...)
{
	va_list ap;

	c->error = code;
	va_start(ap, fmt);
	vsnprintf(c->message, sizeof(c->message), fmt, ap);
	va_end(ap);
	return API_DONE;
}

enum api_step api_fail_err(struct api_call *c, int err)
{
	switch (err) {
	case ERR_NOT_FOUND:
		return api_fail(c, API_NOT_FOUND, "there is no such thing");
	case ERR_AMBIGUOUS:
		return api_fail(c, API_USAGE, "that name fits two people; "
				"use the account id");
	case ERR_TOO_BIG:
		return api_fail(c, API_USAGE, "that is too long");
	case ERR_FORMAT:
		return api_fail(c, API_USAGE, "that does not make sense");
	default:
		c->retry = true;
		return api_fail(c, API_UNEXPECTED, "%s", agent_store_text(err));
	}
}

enum api_step api_result(struct api_call *c, json_t *result)
{
	c->result = result;
	return API_DONE;
}

static json_t *error_object(int code, const char *message, bool retry)
{
	/* A name in it may be cut within a character. */
	json_t *e = json_pack("{s:i, s:o}", "code", code, "message",
			      json_text(message));

	if (code > 0)
		json_object_set_new(e, "data",
				    json_pack("{s:b}", "retry", retry));
	return e;
}

json_t *api_answer(struct api_call *c)
{
	json_t *o;

	if (!c->id)
		return NULL;
	o = json_pack("{s:s, s:O}", "jsonrpc", "2.0", "id", c->id);
	if (c->error)
		json_object_set_new(o, "error",
			error_object(c->error, c->message, c->retry));
	else
		json_object_set(o, "result", c->result);
	return o;
}

json_t *api_line_error(int err)
{
	int code = err == ERR_FORMAT ? API_PARSE : API_INVALID;
	const char *why = err == ERR_FORMAT ? "this is not JSON" :
		err == ERR_TOO_BIG ? "the line is too long" :
		"one object a line; batches are not taken";

	return json_pack("{s:s, s:n, s:o}", "jsonrpc", "2.0", "id", "error",
			 error_object(code, why, false));
}

void api_call_free(struct api_call *c)
{
	for (int i = 0; i < API_CALL_FDS; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
	json_decref(c->id);
	json_decref(c->params);
	json_decref(c->result);
	free(c);
}

/* ---- parameters ---- */

const char *api_text(const struct api_call *c, const char *name)
{
	return json_string_value(json_object_get(c->params, name));
}

bool api_bool(const struct api_call *c, const char *name, bool fallback)
{
	const json_t *v = json_object_get(c->params, name);

	return v ? json_is_true(v) : fallback;
}

int64_t api_int(const struct api_call *c, const char *name, int64_t fallback)
{
	const json_t *v = json_object_get(c->params, name);

	return v ? json_integer_value(v) : fallback;
}

static bool fits(const json_t *v, enum api_type type)
{
	switch (type) {
	case API_TEXT: return json_is_string(v);
	case API_BOOL: return json_is_boolean(v);
	case API_INT: return json_is_integer(v);
	case API_LIST: return json_is_array(v);
	case API_ANY: return true;
	}
	return false;
}

static const char *type_name(enum api_type type)
{
	static const char *const names[] = {
		[API_TEXT] = "a string", [API_BOOL] = "true or false",
		[API_INT] = "a whole number", [API_LIST] = "an array",
		[API_ANY] = "a value",
	};

	return names[type];
}

/* A null stands for absence. */
static bool check_params(struct api_call *c)
{
	const struct api_param *p;
	const char *name;
	json_t *value;
	void *next;

	json_object_foreach_safe(c->params, next, name, value) {
		for (p = c->method->params; p->name; p++)
			if (!strcmp(p->name, name))
				break;
		if (!p->name) {
			api_fail(c, API_PARAMS, "%s has no parameter %.64s",
				 c->method->name, name);
			return false;
		}
		if (json_is_null(value)) {
			json_object_del(c->params, name);
		} else if (!fits(value, p->type)) {
			api_fail(c, API_PARAMS, "%s must be %s", p->name,
				 type_name(p->type));
			return false;
		}
	}
	for (p = c->method->params; p->name; p++) {
		if (p->required && !json_object_get(c->params, p->name)) {
			api_fail(c, API_PARAMS, "%s needs the parameter %s",
				 c->method->name, p->name);
			return false;
		}
	}
	return true;
}

/* The descriptors that came with the line, in the order in which it names
 * them. */
static bool take_fds(struct api_call *c, int *fds, size_t *n_fds)
{
	json_t *names = json_object_get(c->params, "fds");
	size_t n = json_array_size(names);

	if (!n)
		return true;
	if (n > API_CALL_FDS || n > *n_fds) {
		api_fail(c, API_PARAMS, "descriptors are named in fds that did "
			 "not come with the line");
		return false;
	}
	for (size_t i = 0; i < n; i++)
		c->fds[i] = fds[i];
	memmove(fds, fds + n, (*n_fds - n) * sizeof(*fds));
	*n_fds -= n;
	return true;
}

/* ---- dispatch ---- */

static bool check_request(struct api_call *c, json_t *request)
{
	const char *version = json_string_value(
		json_object_get(request, "jsonrpc"));
	json_t *id = json_object_get(request, "id");
	json_t *params = json_object_get(request, "params");
	const char *method = json_string_value(
		json_object_get(request, "method"));

	if (id && !json_is_string(id) && !json_is_number(id) &&
	    !json_is_null(id)) {
		c->id = json_null();
		api_fail(c, API_INVALID, "an id is a string or a number");
		return false;
	}
	c->id = id ? json_incref(id) : NULL;
	if (!version || strcmp(version, "2.0") || !method) {
		if (!c->id)
			c->id = json_null();
		api_fail(c, API_INVALID, "this is not a JSON-RPC 2.0 request");
		return false;
	}
	c->method = find(method);
	if (!c->method) {
		api_fail(c, API_NO_METHOD, "there is no method %.64s", method);
		return false;
	}
	if (params && !json_is_object(params) && !json_is_null(params)) {
		api_fail(c, API_PARAMS, "params is an object, by name");
		return false;
	}
	c->params = json_is_object(params) ? json_copy(params) : json_object();
	return check_params(c);
}

static bool check_state(struct api_call *c)
{
	if (c->a->state == AGENT_READY || c->method->any_state)
		return true;
	if (c->a->state == AGENT_NEW)
		api_fail(c, API_NOT_FOUND, "there is no account here yet; "
			 "set one up with: sotto init --relay URL");
	else if (c->a->trouble)
		api_fail(c, c->a->trouble == ERR_KEY ? API_LOCKED :
			 API_UNEXPECTED, "%s", agent_store_text(c->a->trouble));
	else
		api_fail(c, API_LOCKED, "the account is locked; "
			 "open it with: sotto unlock");
	return false;
}

void api_dispatch(struct agent *a, struct api_server *server,
		  struct api_client *client, json_t *request,
		  int *fds, size_t *n_fds)
{
	struct api_call *c = xcalloc(1, sizeof(*c));

	c->a = a;
	c->server = server;
	c->client = client;
	for (int i = 0; i < API_CALL_FDS; i++)
		c->fds[i] = -1;
	if (check_request(c, request) && take_fds(c, fds, n_fds) &&
	    check_state(c) && c->method->run(c) == API_LATER)
		return;
	api_finish(c);
}
