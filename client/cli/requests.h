/* The requests under way of a bridge, in the order in which they came. */
#ifndef SOTTO_REQUESTS_H
#define SOTTO_REQUESTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct request {
	struct request *next;
	char *line;		/* with its newline */
	size_t len;
	uint64_t end;		/* set by the owner: where it ends in what is sent */
	json_t *id;		/* NULL: a notification */
	char *method;		/* "" when there is none */
	json_t *params;		/* of events.subscribe; else NULL */
	bool repeat;		/* executing it twice is the same as once */
	bool own;		/* set by the owner: nobody gets its answer */
};

/* Stays where it was initialised: it points into itself. */
struct requests {
	struct request *first, **end;
	size_t n, bytes;
};

void requests_init(struct requests *l);
void requests_finish(struct requests *l);
/* The list takes r over. */
void requests_add(struct requests *l, struct request *r);
/* Takes the request at *at, a link of the list, out of it and hands it over. */
struct request *requests_take(struct requests *l, struct request **at);

/* From a line without its newline, and the object that it is. */
struct request *request_create(struct bytes line, const json_t *o) must_check;
void request_destroy(struct request *r);

#endif
