/* What several methods look up. */
#ifndef SOTTO_API_FIND_H
#define SOTTO_API_FIND_H

#include "api.h"
#include "contacts.h"
#include "history.h"

/* The contact that a parameter names; false: the call has its error. */
bool api_contact(struct api_call *c, const char *param, struct contact *out);
/* The message id in a parameter, which must be there. */
bool api_message_id(struct api_call *c, const char *param,
		    uint8_t id[static MESSAGE_ID_LEN]);
/* Makes a request a contact: its answers get our Introduction, what it sent gets
 * receipts. In a turn. */
int api_accept(struct agent *a, struct contact *c) must_check;

/* Gathers messages for an answer that stays readable in one line. */
struct api_page {
	struct api_call *call;
	const struct contact *contact;	/* NULL: looked up for each */
	json_t *list;
	size_t bytes;
	int left;
	bool more;
};

enum { API_PAGE_BYTES = 160 * 1024 };

/* For history_page and history_search; ctx a struct api_page. Ends with 1 when
 * the page is full. */
int api_page_add(void *ctx, const struct message *m);

#endif
