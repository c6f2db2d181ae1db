/* Opening the owner connection: Auth, registration, and what a relay's store that
 * is not the one we knew has to be given again. */
#include "caps.h"
#include "compose.h"
#include "contacts.h"
#include "log.h"
#include "owner_int.h"
#include "sendq.h"

/* The signed name keeps our answer from opening another relay (relay.proto, Auth).
 * We are registered at this one alone, so a new name is only noted. */
static int check_name(struct agent *a, const char *name)
{
	struct buf held;
	bool same;
	int ret;

	buf_init(&held, RELAY_NAME_MAX);
	ret = db_get(a->db, "relay-name", &held);
	same = !ret && held.len == strlen(name) &&
		!memcmp(held.data, name, held.len);
	if (!ret && !same)
		log_warn("the relay goes by another name than before");
	buf_finish(&held);
	if (ret && ret != ERR_NOT_FOUND)
		return ret;
	return same ? OK : db_put(a->db, "relay-name", name, strlen(name));
}

struct auth_parts {
	struct buf list, bundle, token, invite;
};

/* Whether an incarnation of the relay's store is known, and is the one that the
 * relay names now. */
static int check_incarnation(struct owner *o, bool *known, bool *same)
{
	struct buf held;
	int ret;

	buf_init(&held, INCARNATION_LEN);
	ret = db_get(o->a->db, "incarnation", &held);
	*known = !ret;
	*same = *known && held.len == INCARNATION_LEN &&
		!memcmp(held.data, o->incarnation, INCARNATION_LEN);
	buf_finish(&held);
	return ret == ERR_NOT_FOUND ? OK : ret;
}

/* The last token, when the relay's store is still the one that issued it. */
static int load_token(struct owner *o, struct buf *token)
{
	bool known, same;
	int ret = check_incarnation(o, &known, &same);

	if (!ret && same)
		ret = db_get(o->a->db, "token", token);
	return ret == ERR_NOT_FOUND ? OK : ret;
}

/* Of an account that the relay may not know yet. */
static int load_auth(struct owner *o, struct auth_parts *p, bool *registered)
{
	struct agent *a = o->a;
	int ret = owner_flag(a, "registered", registered);

	if (!ret)
		ret = load_token(o, &p->token);
	if (ret || *registered)
		return ret;
	ret = keys_list_encoded(a->db, &p->list);
	if (!ret)
		ret = keys_bundle_encoded(a->db, &p->bundle);
	if (!ret)
		ret = db_get(a->db, "invite", &p->invite);
	if (ret == ERR_NOT_FOUND)
		ret = OK;
	return ret ? ret : buf_append_u8(&p->invite, 0);
}

static void send_auth(struct owner *o, const Sotto__Challenge *c,
		      const struct auth_parts *p)
{
	struct agent *a = o->a;
	uint8_t signature[SIGN_LEN];
	Sotto__Auth auth = SOTTO__AUTH__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;

	auth_sign(c->nonce.data, c->relay_name, &a->keys->account,
		  a->keys->device, a->keys->auth_secret->data, signature);
	auth.account = (ProtobufCBinaryData){ ACCOUNT_LEN,
					      a->keys->account.b };
	auth.device = a->keys->device;
	auth.signature = (ProtobufCBinaryData){ SIGN_LEN, signature };
	auth.token = (ProtobufCBinaryData){ p->token.len, p->token.data };
	if (p->list.len) {
		auth.list = sotto__device_list__unpack(NULL, p->list.len,
						       p->list.data);
		auth.bundle = sotto__bundle__unpack(NULL, p->bundle.len,
						    p->bundle.data);
		if (p->invite.len > 1)
			auth.invite = (char *)p->invite.data;
	}
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_AUTH;
	m.auth = &auth;
	owner_send(o, &m);
	if (auth.list)
		sotto__device_list__free_unpacked(auth.list, NULL);
	if (auth.bundle)
		sotto__bundle__free_unpacked(auth.bundle, NULL);
}

void owner_on_challenge(void *ctx, const Sotto__Challenge *c)
{
	struct owner *o = ctx;
	struct agent *a = o->a;
	struct auth_parts p;
	bool registered = false;
	int ret;

	buf_init(&p.list, DEVICE_LIST_BYTES_MAX);
	buf_init(&p.bundle, 4096);
	buf_init(&p.token, TOKEN_LEN);
	buf_init(&p.invite, 256);
	memcpy(o->incarnation, c->incarnation.data, INCARNATION_LEN);
	ret = turn_begin(a->turn);
	if (!ret) {
		ret = check_name(a, c->relay_name);
		if (!ret)
			ret = db_put_int(a->db, "retention", c->retention);
		ret = turn_end(a->turn, ret);
	}
	if (!ret)
		ret = load_auth(o, &p, &registered);
	if (!ret)
		send_auth(o, c, &p);
	else
		relay_conn_fail(o->conn, 0, agent_store_text(ret), false);
	buf_finish(&p.list);
	buf_finish(&p.bundle);
	buf_finish(&p.token);
	buf_finish(&p.invite);
}

/* The token is in the store: tell the relay, and bring it up to date. */
static void after_ready(void *ctx, int err)
{
	struct owner *o = ctx;
	Sotto__ConfirmToken confirm = SOTTO__CONFIRM_TOKEN__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;

	if (err || !o->confirm)
		return;
	o->confirm = false;
	confirm.token = (ProtobufCBinaryData){ TOKEN_LEN, o->token };
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_CONFIRM_TOKEN;
	m.confirm_token = &confirm;
	owner_send(o, &m);
	owner_poke(o);
	sendq_pump(o->a->sendq);
}

/* The relay's store is not the one we knew: all of ours goes there again. */
static int upload_again(struct agent *a)
{
	struct buf all;
	int ret = db_put_int(a->db, "list-dirty", 1);

	if (!ret)
		ret = db_put_int(a->db, "bundle-dirty", 1);
	buf_init(&all, 256 * 1024);
	if (!ret)
		ret = caps_revocations(a, true, &all);
	if (!ret)
		ret = db_put(a->db, "caps-revoke", all.data, all.len);
	buf_finish(&all);
	return ret;
}

/* What c was given is worth nothing: it gets another, with the next message. */
static int give_again(void *ctx, const struct contact *contact)
{
	struct agent *a = ctx;
	struct contact c = *contact;
	int ret;

	if (c.state != CONTACT_ADDED || !c.has_given)
		return OK;
	c.has_given = c.answered = false;
	ret = contact_save(a->db, &c);
	if (!ret && c.has_capability)
		ret = compose_introduction(a, &c);
	return ret ? ret : sendq_queued(a->sendq, &c);
}

/* The relay had forgotten the account, and with it the key under which it had
 * minted. */
static int begin_again(struct agent *a)
{
	int ret;

	log_warn("the relay had forgotten this account; contact links made "
		 "before are void");
	ret = caps_forget(a);
	return ret ? ret : contact_each(a->db, give_again, a);
}

static int store_ready(struct owner *o, const Sotto__Ready *r)
{
	struct agent *a = o->a;
	bool known, same;
	int ret = check_incarnation(o, &known, &same);

	if (!ret)
		ret = db_put(a->db, "token", r->token.data, TOKEN_LEN);
	if (!ret)
		ret = db_put_int(a->db, "registered", 1);
	if (!ret)
		ret = db_put(a->db, "incarnation", o->incarnation,
			     INCARNATION_LEN);
	if (!ret && ((known && !same) ||
		     r->list_version < a->keys->list.version))
		ret = upload_again(a);
	if (!ret && known && r->registered)
		ret = begin_again(a);
	return ret;
}

void owner_on_ready(void *ctx, const Sotto__Ready *r)
{
	struct owner *o = ctx;
	int ret;

	memset(o->pending, 0, sizeof(o->pending));
	o->stalled = o->caught_up = o->broken = o->confirm = false;
	o->ack = o->acked = 0;
	o->prekeys = r->prekeys;
	memcpy(o->token, r->token.data, TOKEN_LEN);
	ret = turn_begin(o->a->turn);
	if (!ret)
		ret = turn_end(o->a->turn, store_ready(o, r));
	if (ret) {
		relay_conn_fail(o->conn, 0, agent_store_text(ret), false);
		return;
	}
	o->confirm = true;
	turn_after(o->a->turn, after_ready, o);
}
