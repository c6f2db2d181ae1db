#include "trust.h"

#include "log.h"
#include "notice.h"
#include "sendq.h"

int trust_alert(struct agent *a, struct contact *c, enum contact_alert alert)
{
	int ret;

	if (c->alert)
		return OK;
	log_warn("a contact's device list was %s; sending to it has stopped",
		 alert == ALERT_ROLLBACK ? "rolled back" : "forked");
	c->alert = alert;
	ret = contact_save(a->db, c);
	return ret ? ret : notice_contact(a, c, "alert");
}

static bool same_devices(const struct device_list *x,
			 const struct device_list *y)
{
	if (x->n != y->n)
		return false;
	for (unsigned i = 0; i < x->n; i++)
		if (x->devices[i].id != y->devices[i].id)
			return false;
	return true;
}

int trust_list(struct agent *a, struct contact *c,
	       const struct device_list *next)
{
	bool had = c->has_list, same;
	int ret;

	if (!account_equal(&next->account, &c->account))
		return ERR_FORMAT;
	ret = had ? device_list_succeeds(&c->list, next) : OK;
	switch (ret) {
	case OK:
		same = had && same_devices(&c->list, next);
		c->list = *next;
		c->has_list = true;
		ret = contact_save(a->db, c);
		if (!ret && had && !same)
			ret = notice_contact(a, c, "device");
		return ret;
	case ERR_DUPLICATE:
		return OK;
	case ERR_STALE:
		ret = trust_alert(a, c, ALERT_ROLLBACK);
		return ret ? ret : ERR_IDENTITY;
	default:
		ret = trust_alert(a, c, ALERT_FORK);
		return ret ? ret : ERR_IDENTITY;
	}
}
