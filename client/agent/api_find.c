#include "api_find.h"

#include "compose.h"
#include "json_out.h"
#include "notice.h"
#include "receipts.h"
#include "sendq.h"

enum { MESSAGE_COST = 400, ACCEPT_RECEIPTS = 256 };

bool api_contact(struct api_call *c, const char *param, struct contact *out)
{
	const char *to = api_text(c, param);
	int ret = contact_find(c->a->db, to, out);

	if (!ret)
		return true;
	if (ret == ERR_NOT_FOUND)
		api_fail(c, API_NOT_FOUND, "there is no contact %.128s", to);
	else if (ret == ERR_AMBIGUOUS)
		api_fail(c, API_USAGE, "%.128s fits two people; use the "
			 "account id", to);
	else
		api_fail_err(c, ret);
	return false;
}

bool api_message_id(struct api_call *c, const char *param,
		    uint8_t id[static MESSAGE_ID_LEN])
{
	const char *text = api_text(c, param);

	if (text && !json_parse_id(text, id))
		return true;
	api_fail(c, API_USAGE, "%s is a message's id: 32 hex characters",
		 param);
	return false;
}

struct accepting {
	struct agent *a;
	const struct contact *c;
};

static int tell_delivered(void *ctx, const struct message *m)
{
	struct accepting *p = ctx;

	if (m->outgoing || m->state != MESSAGE_RECEIVED)
		return 0;
	return receipts_due(p->a->receipts, p->c, m->id, MESSAGE_DELIVERED);
}

int api_accept(struct agent *a, struct contact *c)
{
	struct accepting p = { a, c };
	int ret;

	c->state = CONTACT_ADDED;
	ret = contact_save(a->db, c);
	if (!ret)
		ret = notice_contact(a, c, "accepted");
	if (!ret)
		ret = compose_introduction(a, c);
	if (!ret)
		ret = sendq_queued(a->sendq, c);
	if (!ret)
		ret = history_page(a->db, c->row, NULL, NULL, ACCEPT_RECEIPTS,
				   tell_delivered, &p);
	return ret;
}

/* Bytes of JSON at most. */
static size_t cost(const char *text)
{
	size_t n = MESSAGE_COST;

	for (; text && *text; text++) {
		uint8_t ch = (uint8_t)*text;

		n += ch < 0x20 ? 6 : ch == '"' || ch == '\\' ? 2 : 1;
	}
	return n;
}

int api_page_add(void *ctx, const struct message *m)
{
	struct api_page *p = ctx;
	size_t n = cost(m->text);
	struct contact c;
	json_t *o;
	int ret;

	if (!p->left || (p->bytes && p->bytes + n > API_PAGE_BYTES)) {
		p->more = true;
		return 1;
	}
	if (!p->contact) {
		ret = contact_by_row(p->call->a->db, m->contact, &c);
		if (ret)
			return ret;
	}
	o = json_message(p->call->a, p->contact ? p->contact : &c, m);
	if (!m->outgoing)
		json_object_set_new(o, "unread", json_boolean(m->unread));
	json_array_append_new(p->list, o);
	p->bytes += n;
	p->left--;
	return 0;
}
