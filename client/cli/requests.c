#include "requests.h"

void requests_init(struct requests *l)
{
	*l = (struct requests){ .end = &l->first };
}

void requests_finish(struct requests *l)
{
	while (l->first)
		request_destroy(requests_take(l, &l->first));
}

void requests_add(struct requests *l, struct request *r)
{
	r->next = NULL;
	*l->end = r;
	l->end = &r->next;
	l->n++;
	l->bytes += r->len;
}

struct request *requests_take(struct requests *l, struct request **at)
{
	struct request *r = *at;

	*at = r->next;
	if (!r->next)
		l->end = at;
	l->n--;
	l->bytes -= r->len;
	return r;
}

/* A message with a key is sent once, an acknowledgement only goes forward, and a
 * subscription ended with its connection. */
static bool may_repeat(const char *method, const json_t *params)
{
	if (!strcmp(method, "message.send"))
		return json_object_get(params, "key") != NULL;
	return !strcmp(method, "hello") || !strcmp(method, "events.ack") ||
		!strcmp(method, "events.subscribe");
}

struct request *request_create(struct bytes line, const json_t *o)
{
	struct request *r = xcalloc(1, sizeof(*r));
	const char *method = json_string_value(json_object_get(o, "method"));
	json_t *id = json_object_get(o, "id");
	json_t *params = json_object_get(o, "params");

	r->line = xmalloc(line.len + 1);
	memcpy(r->line, line.data, line.len);
	r->line[line.len] = '\n';
	r->len = line.len + 1;
	r->method = xstrdup(method ? method : "");
	r->id = json_is_null(id) ? NULL : json_incref(id);
	r->repeat = may_repeat(r->method, params);
	if (!strcmp(r->method, "events.subscribe"))
		r->params = json_incref(params);
	return r;
}

void request_destroy(struct request *r)
{
	free(r->line);
	free(r->method);
	json_decref(r->id);
	json_decref(r->params);
	free(r);
}
