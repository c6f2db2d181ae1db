#include "test_relay.h"

#include <assert.h>
#include <sodium.h>

#include "capability.h"

/* ---- clock and random ---- */

static uint64_t clock_ms(void *ctx)
{
	return ((struct test_world *)ctx)->ms;
}

static void next_random(void *ctx, void *out, size_t len)
{
	struct test_world *w = ctx;
	uint8_t seed[randombytes_SEEDBYTES] = { 0 };

	put_u64(seed, ++w->random);
	randombytes_buf_deterministic(out, len, seed);
}

/* ---- the disk ---- */

static int disk_write(void *ctx, struct storage_write *write)
{
	struct test_world *w = ctx;

	if (w->pending >= w->write_max)
		return ERR_FULL;
	write->next = NULL;
	*w->writes_end = write;
	w->writes_end = &write->next;
	w->n_writes++;
	w->n_acks += write->op.type == STORE_ACK;
	w->pending++;
	return OK;
}

static int disk_read(void *ctx, struct storage_read *read)
{
	struct test_world *w = ctx;
	struct storage_read **p = &w->reads;

	while (*p)
		p = &(*p)->next;
	read->next = NULL;
	*p = read;
	return OK;
}

static struct test_account *find(struct test_world *w,
				 const struct account_id *id)
{
	for (unsigned i = 0; i < w->n_accounts; i++) {
		if (account_equal(&w->accounts[i].id, id))
			return &w->accounts[i];
	}
	return NULL;
}

unsigned test_rows(const struct test_world *w, const struct account_id *a)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_rows; i++)
		n += account_equal(&w->rows[i].mailbox.account, a);
	return n;
}

static enum store_slot_status store_slot(struct test_world *w,
					 const struct store_op *op,
					 const struct store_slot *s)
{
	struct test_account *a = find(w, &s->mailbox.account);
	struct test_row *row;

	if (!a || !a->known || a->removed || s->mailbox.device != 1)
		return STORE_SLOT_GONE;
	assert(s->sequence > a->cursor);
	if (test_rows(w, &a->id) >= w->row_max)
		return STORE_SLOT_FULL;
	assert(w->n_rows < TEST_ROWS_MAX);
	for (unsigned i = 0; i < w->n_rows; i++)
		assert(w->rows[i].sequence != s->sequence ||
		       !account_equal(&w->rows[i].mailbox.account, &a->id));
	row = &w->rows[w->n_rows++];
	row->mailbox = s->mailbox;
	row->sequence = s->sequence;
	memcpy(row->id, op->u.envelope.id, sizeof(row->id));
	return STORE_SLOT_STORED;
}

static int store_ack(struct test_world *w, const struct store_op *op)
{
	struct test_account *a = find(w, &op->u.ack.mailbox.account);
	unsigned kept = 0;

	if (a->removed)
		return ERR_NOT_FOUND;
	for (unsigned i = 0; i < w->n_rows; i++) {
		if (!account_equal(&w->rows[i].mailbox.account, &a->id) ||
		    w->rows[i].sequence > op->u.ack.upto)
			w->rows[kept++] = w->rows[i];
	}
	w->n_rows = kept;
	assert(op->u.ack.upto >= a->cursor);
	a->cursor = op->u.ack.upto;
	return OK;
}

static void store_list(struct test_world *w, const struct store_op *op)
{
	struct test_account *a = find(w, &op->u.account.account);

	sotto__device_list__free_unpacked(a->list, NULL);
	a->list = sotto__device_list__unpack(NULL, op->u.account.list.len,
					     op->u.account.list.data);
	a->removed = a->list->devices[0]->id != 1;
}

static void apply(struct test_world *w, struct store_op *op)
{
	op->result = OK;
	switch (op->type) {
	case STORE_ENVELOPE:
		for (size_t i = 0; i < op->u.envelope.n_slots; i++) {
			struct store_slot *s = &op->u.envelope.slots[i];

			s->status = store_slot(w, op, s);
		}
		break;
	case STORE_ACK:
		op->result = store_ack(w, op);
		break;
	case STORE_REGISTER:
		find(w, &op->u.account.account)->known = true;
		break;
	case STORE_TOKEN:
		find(w, &op->u.token.mailbox.account)->token =
			op->u.token.counter;
		find(w, &op->u.token.mailbox.account)->expired -=
			op->u.token.expired;
		break;
	case STORE_LIST:
		store_list(w, op);
		break;
	case STORE_BUNDLE:
	case STORE_PREKEYS:
	case STORE_TAKE:
	case STORE_REVOKE:
		break;
	}
}

void test_commit(struct test_world *w, unsigned n)
{
	while (n-- > 0 && w->writes) {
		struct storage_write *write = w->writes;

		w->writes = write->next;
		if (!w->writes)
			w->writes_end = &w->writes;
		w->pending--;
		if (w->fail)
			write->op.result = ERR_STORE;
		else
			apply(w, &write->op);
		write->done(write);
	}
	if (w->pending < w->write_max)
		core_room(w->core);
}

void test_commit_all(struct test_world *w)
{
	while (w->writes)
		test_commit(w, 1);
}

static void read_device(struct test_world *w, struct storage_read *r)
{
	struct test_account *a = find(w, &r->mailbox.account);
	struct store_device *d = &r->device;
	uint8_t list[DEVICE_LIST_BYTES_MAX];

	if (!a || !a->known)
		return;
	d->account_known = true;
	d->device_known = true;
	if (buf_append(&d->list, list,
		       sotto__device_list__pack(a->list, list)) < 0)
		abort();
	d->cursor = a->cursor;
	d->last_sequence = a->cursor;
	d->token_counter = a->token;
	d->expired = a->expired;
	for (unsigned i = 0; i < w->n_rows; i++) {
		if (account_equal(&w->rows[i].mailbox.account, &a->id) &&
		    w->rows[i].sequence > d->last_sequence)
			d->last_sequence = w->rows[i].sequence;
	}
}

static const struct test_row *next_row(const struct test_world *w,
				       const struct account_id *a,
				       uint64_t after)
{
	const struct test_row *best = NULL;

	for (unsigned i = 0; i < w->n_rows; i++) {
		const struct test_row *row = &w->rows[i];

		if (account_equal(&row->mailbox.account, a) &&
		    row->sequence > after &&
		    (!best || row->sequence < best->sequence))
			best = row;
	}
	return best;
}

struct test_read test_snapshot(struct test_world *w)
{
	struct test_read t = { .read = w->reads };
	struct storage_row **p = &t.rows;
	uint64_t after;

	assert(t.read);
	w->reads = t.read->next;
	if (t.read->type == STORAGE_DEVICE) {
		read_device(w, t.read);
		return t;
	}
	after = t.read->after;
	for (size_t n = 0;; n++) {
		const struct test_row *row =
			next_row(w, &t.read->mailbox.account, after);

		if (!row || n == t.read->max_rows || n == w->read_max) {
			t.end = !row;
			return t;
		}
		*p = xcalloc(1, sizeof(**p));
		(*p)->row.sequence = after = row->sequence;
		memcpy((*p)->row.id, row->id, sizeof(row->id));
		p = &(*p)->next;
	}
}

void test_complete(struct test_read *r)
{
	r->read->result = OK;
	r->read->rows = r->rows;
	r->read->end = r->end;
	r->read->done(r->read);
}

bool test_read(struct test_world *w)
{
	struct test_read r;

	if (!w->reads)
		return false;
	r = test_snapshot(w);
	test_complete(&r);
	return true;
}

void test_settle(struct test_world *w)
{
	do {
		test_commit_all(w);
	} while (test_read(w) || w->writes);
}

/* ---- the world ---- */

void test_world_init(struct test_world *w)
{
	struct core_settings settings = core_defaults;
	struct store_identity identity = { .boot = 1000 };
	struct core_disk disk = { disk_write, disk_read, w };

	*w = (struct test_world){ .ms = 1700000000000, .write_max = 100000,
				  .read_max = TEST_ROWS_MAX,
				  .row_max = TEST_ROWS_MAX };
	w->sys = (struct sys){ clock_ms, clock_ms, next_random, w };
	w->writes_end = &w->writes;
	memset(identity.relay_key, 7, sizeof(identity.relay_key));
	memset(identity.incarnation, 8, sizeof(identity.incarnation));
	core_create(&settings, &identity, &disk, &w->sys, &w->core);
}

void test_world_finish(struct test_world *w)
{
	test_settle(w);
	for (unsigned i = 0; i < w->n_accounts; i++) {
		struct test_account *a = &w->accounts[i];

		sotto__device_list__free_unpacked(a->list, NULL);
		sotto__bundle__free_unpacked(a->bundle, NULL);
	}
	assert(w->core->n_conns == 0 && w->core->memory == 0 &&
	       w->core->open_sends == 0 && w->core->output == 0);
	core_destroy(w->core);
}

void test_world_pass(struct test_world *w, uint64_t ms)
{
	w->ms += ms;
	core_tick(w->core);
}

static void make_bundle(struct test_account *a)
{
	uint8_t bytes[64] = { 5 }, signature[SIGN_LEN], bundle_signature[SIGN_LEN];
	Sotto__Bundle b = SOTTO__BUNDLE__INIT;
	Sotto__SealKey seal = SOTTO__SEAL_KEY__INIT;
	uint8_t packed[512];

	b.suite = 1;
	b.device = 1;
	b.registration_id = 1;
	b.signed_prekey_id = 1;
	b.signed_prekey = (ProtobufCBinaryData){ 33, bytes };
	b.signed_prekey_signature = (ProtobufCBinaryData){ 64, bytes };
	b.seal_key = &seal;
	seal.public_key = (ProtobufCBinaryData){ 32, bytes };
	seal.created_at = 1;
	seal.signature = (ProtobufCBinaryData){ SIGN_LEN, signature };
	b.signature = (ProtobufCBinaryData){ SIGN_LEN, bundle_signature };
	seal_key_sign(&seal, &a->id, 1, a->auth_secret);
	bundle_sign(&b, &a->id, a->auth_secret);
	a->bundle = sotto__bundle__unpack(
		NULL, sotto__bundle__pack(&b, packed), packed);
}

struct test_account *test_account(struct test_world *w)
{
	struct test_account *a = &w->accounts[w->n_accounts];
	uint8_t root_secret[SIGN_SECRET_LEN];
	uint8_t seed[32] = { (uint8_t)++w->n_accounts };
	struct device_list list = { .epoch = 1, .version = 1, .n = 1 };
	uint8_t *encoded;
	size_t len;

	assert(w->n_accounts <= TEST_LIST_MAX);
	crypto_sign_seed_keypair(list.root, root_secret, seed);
	seed[1] = 1;
	crypto_sign_seed_keypair(list.list_key, a->list_secret, seed);
	seed[1] = 2;
	list.devices[0].id = 1;
	list.devices[0].identity_key[0] = 5;
	crypto_sign_seed_keypair(list.devices[0].auth_key, a->auth_secret,
				 seed);
	a->id = account_from_root(list.root);
	list.account = a->id;
	list_key_certify(root_secret, 1, list.list_key, a->certificate);
	encoded = device_list_sign(&list, a->list_secret, a->certificate, &len);
	a->list = sotto__device_list__unpack(NULL, len, encoded);
	free(encoded);
	make_bundle(a);
	return a;
}

/* ---- clients ---- */

static void on_wake(void *ctx)
{
	((struct test_client *)ctx)->woken = true;
}

static void on_pause(void *ctx, bool on)
{
	((struct test_client *)ctx)->paused = on;
}

static void on_ping(void *ctx)
{
	((struct test_client *)ctx)->pinged = true;
}

static const struct conn_io io = { on_wake, on_pause, on_ping };

void test_connect(struct test_world *w, struct test_client *c)
{
	uint8_t token[TOKEN_LEN];

	memcpy(token, c->token, TOKEN_LEN);
	*c = (struct test_client){ .world = w };
	memcpy(c->token, token, TOKEN_LEN);
	c->conn = conn_create(w->core, &io, c);
}

void test_gone(struct test_client *c)
{
	if (!c->conn)
		return;
	conn_gone(c->conn);
	c->conn = NULL;
	if (c->frame)
		sotto__server_frame__free_unpacked(c->frame, NULL);
	c->frame = NULL;
}

void test_say(struct test_client *c, Sotto__ClientMessage *m)
{
	Sotto__ClientFrame frame = SOTTO__CLIENT_FRAME__INIT;
	size_t len;
	uint8_t *data;

	frame.n_messages = 1;
	frame.messages = &m;
	len = sotto__client_frame__get_packed_size(&frame);
	data = xmalloc(len);
	sotto__client_frame__pack(&frame, data);
	core_tick(c->world->core);
	conn_receive(c->conn, data, len);
	free(data);
}

const Sotto__ServerMessage *test_hear(struct test_client *c)
{
	struct bytes out;

	while (!c->frame || c->at == c->frame->n_messages) {
		if (c->frame)
			sotto__server_frame__free_unpacked(c->frame, NULL);
		c->frame = NULL;
		c->at = 0;
		out = conn_output(c->conn);
		if (out.len == 0)
			return NULL;
		c->frame = sotto__server_frame__unpack(NULL, out.len, out.data);
		assert(c->frame);
		conn_wrote(c->conn);
	}
	return c->frame->messages[c->at++];
}

static void say_hello(struct test_client *c, Sotto__Role role)
{
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	Sotto__Hello hello = SOTTO__HELLO__INIT;

	hello.min_version = 1;
	hello.max_version = 1;
	hello.role = role;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_HELLO;
	m.hello = &hello;
	test_say(c, &m);
}

void test_sender(struct test_world *w, struct test_client *c)
{
	const Sotto__ServerMessage *m;

	test_connect(w, c);
	say_hello(c, SOTTO__ROLE__SENDER);
	m = test_hear(c);
	assert(m->of_case == SOTTO__SERVER_MESSAGE__OF_CHALLENGE);
}

static void say_auth(struct test_client *c, struct test_account *a,
		     const Sotto__Challenge *challenge)
{
	static const uint8_t no_token[TOKEN_LEN];
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	Sotto__Auth auth = SOTTO__AUTH__INIT;
	uint8_t signature[SIGN_LEN];

	auth_sign(challenge->nonce.data, challenge->relay_name, &a->id, 1,
		  a->auth_secret, signature);
	auth.account = (ProtobufCBinaryData){ ACCOUNT_LEN, a->id.b };
	auth.device = 1;
	auth.signature = (ProtobufCBinaryData){ SIGN_LEN, signature };
	auth.list = a->list;
	auth.bundle = a->bundle;
	if (memcmp(c->token, no_token, TOKEN_LEN) != 0)
		auth.token = (ProtobufCBinaryData){ TOKEN_LEN, c->token };
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_AUTH;
	m.auth = &auth;
	test_say(c, &m);
}

void test_authenticate(struct test_world *w, struct test_client *c,
		       struct test_account *a)
{
	const Sotto__ServerMessage *m;

	test_connect(w, c);
	say_hello(c, SOTTO__ROLE__OWNER);
	m = test_hear(c);
	assert(m->of_case == SOTTO__SERVER_MESSAGE__OF_CHALLENGE);
	say_auth(c, a, m->challenge);
}

void test_owner(struct test_world *w, struct test_client *c,
		struct test_account *a)
{
	const Sotto__ServerMessage *m;

	test_authenticate(w, c, a);
	/* The device, and to register a commit and the device again. */
	while (c->conn->state == CONN_AUTHENTICATING) {
		if (!test_read(w))
			test_commit(w, 1);
	}
	m = test_hear(c);
	assert(m->of_case == SOTTO__SERVER_MESSAGE__OF_READY);
	memcpy(c->token, m->ready->token.data, TOKEN_LEN);
}

void test_owner_live(struct test_world *w, struct test_client *c,
		     struct test_account *a)
{
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	Sotto__ConfirmToken confirm = SOTTO__CONFIRM_TOKEN__INIT;
	const Sotto__ServerMessage *heard;

	test_owner(w, c, a);
	confirm.token = (ProtobufCBinaryData){ TOKEN_LEN, c->token };
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_CONFIRM_TOKEN;
	m.confirm_token = &confirm;
	test_say(c, &m);
	test_settle(w);
	do {
		heard = test_hear(c);
		assert(heard);
	} while (heard->of_case != SOTTO__SERVER_MESSAGE__OF_CAUGHT_UP);
	w->n_writes = 0;
	w->n_acks = 0;
}

void test_ack(struct test_client *c, uint64_t sequence)
{
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	Sotto__Ack ack = SOTTO__ACK__INIT;

	ack.sequence = sequence;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_ACK;
	m.ack = &ack;
	test_say(c, &m);
}

void test_remove_device(struct test_client *c, struct test_account *a)
{
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	Sotto__PutList put = SOTTO__PUT_LIST__INIT;
	struct device_list list;
	uint8_t *encoded;
	size_t len;

	if (device_list_verify(a->list, &list) < 0)
		abort();
	list.version++;
	memcpy(list.previous, list.hash, HASH_LEN);
	list.devices[0].id = 2;
	encoded = device_list_sign(&list, a->list_secret, a->certificate, &len);
	put.list = sotto__device_list__unpack(NULL, len, encoded);
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_PUT_LIST;
	m.put_list = &put;
	test_say(c, &m);
	sotto__device_list__free_unpacked(put.list, NULL);
	free(encoded);
}

uint32_t test_number(const ProtobufCBinaryData *id)
{
	assert(id->len == ENVELOPE_ID_LEN);
	return get_u32(id->data);
}

void test_send(struct test_client *c, uint32_t number, const char *payload,
	       struct test_account *const *to, unsigned n, bool ephemeral)
{
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	Sotto__Send send = SOTTO__SEND__INIT;
	Sotto__Slot slots[TEST_LIST_MAX], *list[TEST_LIST_MAX];
	uint8_t caps[TEST_LIST_MAX][CAPABILITY_LEN];
	uint8_t id[ENVELOPE_ID_LEN] = { 0 }, key[32] = { 9 };
	uint8_t text[256];
	size_t len = strlen(payload);
	struct capability cap = { .class = CAP_CONTACT };

	assert(len <= sizeof(text));
	memcpy(text, payload, len);
	put_u32(id, number);
	cap.expiry = (uint32_t)(c->world->ms / 3600000) + 10;
	for (unsigned i = 0; i < n; i++) {
		Sotto__Slot slot = SOTTO__SLOT__INIT;

		capability_mint(&cap, &to[i]->id,
				c->world->core->capability_key, caps[i]);
		slot.account = (ProtobufCBinaryData){ ACCOUNT_LEN,
						      to[i]->id.b };
		slot.device = 1;
		slot.capability = (ProtobufCBinaryData){ CAPABILITY_LEN,
							 caps[i] };
		slots[i] = slot;
		list[i] = &slots[i];
	}
	send.id = (ProtobufCBinaryData){ sizeof(id), id };
	send.ephemeral_key = (ProtobufCBinaryData){ sizeof(key), key };
	send.payload = (ProtobufCBinaryData){ len, text };
	send.n_slots = n;
	send.slots = list;
	send.ephemeral = ephemeral;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_SEND;
	m.send = &send;
	test_say(c, &m);
}
