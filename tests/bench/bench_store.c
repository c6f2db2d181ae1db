/* component: agent
 * Messages a second from a backlog into the store: unseal, ratchet, decrypt,
 * history with search index, event, contact; one commit a batch, and no savepoint,
 * which would cost more than all the rest. Prints one line.
 * Usage: bench_store [MESSAGES [BATCH [DIRECTORY]]]
 *
 * cc $(CFLAGS) -Ishared -Iclient/agent -I$(B)/shared/proto -I$(B)/client/proto
 *    bench_store.c libagent.a libapi.a libshared.a $(LIBS_agent)
 */
#include <assert.h>
#include <sodium.h>
#include <unistd.h>

#include "contacts.h"
#include "envelope.h"
#include "events.h"
#include "frame.h"
#include "history.h"
#include "keys.h"
#include "log.h"
#include "ratchet.h"
#include "secret.h"
#include "sys.h"

enum { TEXT_LEN = 120 };

struct mail {
	uint8_t ephemeral[32];
	struct buf sealed, payload;
};

struct side {
	char path[256];
	struct db *db;
	struct keys *keys;
	struct ratchet *ratchet;
	struct contact peer;
	struct seal_pair pairs[8];
	int n_pairs;
};

static struct secret *db_key;

/* The bench has nobody to return an error to. */
#define must(call) do { \
	int err_ = (call); \
	if (err_ < 0) { \
		fprintf(stderr, "%s: %s\n", #call, err_text(err_)); \
		exit(1); \
	} \
} while (0)

static void side_init(struct side *s, const char *dir, const char *name)
{
	struct secret *recovery;

	snprintf(s->path, sizeof(s->path), "%s/%s", dir, name);
	must(db_open(s->path, db_key, &s->db));
	must(db_begin(s->db));
	must(keys_create(s->db, &sys_real, &recovery));
	must(db_commit(s->db));
	secret_destroy(recovery);
	must(keys_load(s->db, &s->keys));
	must(ratchet_create(s->db, &s->ratchet));
	s->n_pairs = keys_seal_pairs(s->db, s->pairs, 8);
	must(s->n_pairs);
}

static void meet(struct side *s, const struct side *other, const char *name)
{
	s->peer.account = other->keys->account;
	s->peer.state = CONTACT_ADDED;
	snprintf(s->peer.name, sizeof(s->peer.name), "%s", name);
	s->peer.has_list = true;
	s->peer.list = other->keys->list;
	must(contact_save(s->db, &s->peer));
}

static void start(struct side *from, struct side *to)
{
	Sotto__DeviceBundle b = SOTTO__DEVICE_BUNDLE__INIT;
	struct buf encoded;

	buf_init(&encoded, 4096);
	must(keys_bundle_encoded(to->db, &encoded));
	b.bundle = sotto__bundle__unpack(NULL, encoded.len, encoded.data);
	assert(b.bundle);
	must(bundle_verify(b.bundle, &to->keys->list));
	must(ratchet_start(from->ratchet, &to->keys->list, &b));
	sotto__bundle__free_unpacked(b.bundle, NULL);
	buf_finish(&encoded);
}

/* One message each way, so that what follows is no first contact. */
static void greet(struct side *from, struct side *to)
{
	enum ratchet_kind kind;
	struct buf body, plain;

	buf_init(&body, 1024);
	buf_init(&plain, 1024);
	must(ratchet_encrypt(from->ratchet, &to->keys->list, 1,
			     (const uint8_t *)"x", 1, &kind, &body));
	must(ratchet_decrypt(to->ratchet, &from->keys->list, 1, kind, body.data,
			     body.len, &plain));
	buf_finish(&body);
	buf_finish(&plain);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Words from a small vocabulary, as people's are. */
static void make_text(char text[static TEXT_LEN + 1], unsigned n)
{
	size_t len = 0;

	while (len + 10 < TEXT_LEN) {
		n = n * 1103515245u + 12345u;
		len += (size_t)snprintf(text + len, TEXT_LEN + 1 - len,
					"word%u ", n >> 16 & 0x7ff);
	}
}

static void pack(struct side *from, struct side *to, unsigned n, struct mail *m)
{
	uint8_t id[16], conversation[HASH_LEN], secret[CONTENT_SECRET_LEN];
	uint8_t ephemeral[32], hash[HASH_LEN];
	Sotto__Content c = SOTTO__CONTENT__INIT;
	Sotto__Sealed s = SOTTO__SEALED__INIT;
	Sotto__Text t = SOTTO__TEXT__INIT;
	char text[TEXT_LEN + 1];
	enum ratchet_kind kind;
	struct buf body;

	make_text(text, n);
	sys_random(&sys_real, id, sizeof(id));
	conversation_id(&from->keys->account, &to->keys->account, conversation);
	t.body = text;
	c.text = &t;
	c.message = (ProtobufCBinaryData){ sizeof(id), id };
	c.conversation = (ProtobufCBinaryData){ HASH_LEN, conversation };
	c.device = from->keys->device;
	c.counter = n + 1;
	if (n)
		c.previous = (ProtobufCBinaryData){ HASH_LEN,
						    from->peer.last_hash };
	c.clock = (sys_wall_ms(&sys_real) << 16) + n;
	c.list_version = c.list_epoch = 1;
	buf_init(&m->payload, PAYLOAD_MAX);
	buf_init(&m->sealed, SEALED_MAX);
	must(envelope_encrypt(&sys_real, &c, secret, &m->payload));
	content_hash(&c, &from->keys->account, hash);
	memcpy(from->peer.last_hash, hash, HASH_LEN);
	buf_init(&body, 1024);
	must(ratchet_encrypt(from->ratchet, &to->keys->list, 1, secret,
			     sizeof(secret), &kind, &body));
	crypto_box_keypair(m->ephemeral, ephemeral);
	s.suite = 1;
	s.account = (ProtobufCBinaryData){ ACCOUNT_LEN,
					   from->keys->account.b };
	s.device = 1;
	s.list_hash = (ProtobufCBinaryData){ HASH_LEN, from->keys->list.hash };
	s.kind = (Sotto__SealedKind)kind;
	s.body = (ProtobufCBinaryData){ body.len, body.data };
	must(envelope_seal(&s, m->ephemeral, ephemeral, to->pairs[0].public_key,
			   &m->sealed));
	buf_finish(&body);
}

struct incoming {
	const struct mail *mail;
	Sotto__Content *content;
};

static int open_payload(void *ctx, const uint8_t *secret, size_t len)
{
	struct incoming *in = ctx;

	return len == CONTENT_SECRET_LEN ?
	       envelope_decrypt(secret, in->mail->payload.data,
				in->mail->payload.len, &in->content) :
	       ERR_FORMAT;
}

static void receive(struct side *s, const struct mail *m)
{
	struct incoming in = { .mail = m };
	struct contact c;
	struct account_id from;
	struct message msg = { 0 };
	Sotto__Sealed *sealed;
	Sotto__Content *content;
	char json[512];
	int64_t seq;

	must(envelope_unseal(m->ephemeral, m->sealed.data, m->sealed.len,
			     s->pairs, (size_t)s->n_pairs, &sealed));
	memcpy(from.b, sealed->account.data, sizeof(from.b));
	must(contact_by_account(s->db, &from, &c));
	must(ratchet_decrypt_checked(s->ratchet, &c.list, sealed->device,
				     (enum ratchet_kind)sealed->kind,
				     sealed->body.data, sealed->body.len,
				     open_payload, &in));
	content = in.content;
	must(content_check(content));
	msg.contact = c.row;
	msg.device = content->device;
	msg.counter = content->counter;
	msg.clock = content->clock;
	msg.sent_at = content->clock >> 16;
	msg.received_at = sys_wall_ms(&sys_real);
	msg.state = MESSAGE_RECEIVED;
	msg.text = content->text->body;
	memcpy(msg.id, content->message.data, sizeof(msg.id));
	content_hash(content, &c.account, msg.hash);
	must(history_add(s->db, &msg));
	snprintf(json, sizeof(json), "{\"id\":\"%032d\",\"chat\":\"%032d\","
		 "\"from\":\"%032d\",\"from_name\":\"x\",\"text\":\"%s\","
		 "\"sent_at\":1700000000000}", 1, 2, 3, msg.text);
	must(events_append(s->db, "message", json, &seq));
	c.seen_counter = msg.counter;
	memcpy(c.last_hash, msg.hash, HASH_LEN);
	must(contact_save(s->db, &c));
	sotto__content__free_unpacked(content, NULL);
	sotto__sealed__free_unpacked(sealed, NULL);
}

static void side_finish(struct side *s)
{
	char path[sizeof(s->path) + 8];

	ratchet_destroy(s->ratchet);
	keys_destroy(s->keys);
	db_close(s->db);
	unlink(s->path);
	snprintf(path, sizeof(path), "%s-wal", s->path);
	unlink(path);
	snprintf(path, sizeof(path), "%s-shm", s->path);
	unlink(path);
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
	unsigned batch = argc > 2 ? (unsigned)atoi(argv[2]) : 256;
	const char *dir = argc > 3 ? argv[3] : "/tmp";
	char temp[200];
	struct mail *mail = xcalloc(n, sizeof(*mail));
	struct side a = { .db = NULL }, b = { .db = NULL };
	uint64_t t0;
	double cpu;

	must(secret_process_init());
	log_init("bench_store", LOG_ERROR);
	db_key = secret_create(DB_KEY_LEN);
	snprintf(temp, sizeof(temp), "%s/sotto-bench-XXXXXX", dir);
	if (!n || !batch || !mkdtemp(temp)) {
		perror(temp);
		return 1;
	}
	side_init(&a, temp, "a");
	side_init(&b, temp, "b");
	meet(&a, &b, "bob");
	meet(&b, &a, "alice");
	start(&a, &b);
	greet(&a, &b);
	greet(&b, &a);
	must(db_begin(a.db));
	for (unsigned i = 0; i < n; i++)
		pack(&a, &b, i, &mail[i]);
	must(db_commit(a.db));
	cpu = cpu_seconds();
	t0 = sys_mono_ms(&sys_real);
	for (unsigned i = 0; i < n; ) {
		must(db_begin(b.db));
		for (unsigned j = 0; j < batch && i < n; j++, i++)
			receive(&b, &mail[i]);
		must(db_commit(b.db));
	}
	t0 = sys_mono_ms(&sys_real) - t0;
	cpu = cpu_seconds() - cpu;
	printf("store: %u messages in batches of %u: %.0f messages/s, "
	       "%.0f us of CPU each\n", n, batch,
	       n * 1000.0 / (double)(t0 ? t0 : 1), cpu * 1e6 / n);
	for (unsigned i = 0; i < n; i++) {
		buf_finish(&mail[i].sealed);
		buf_finish(&mail[i].payload);
	}
	free(mail);
	side_finish(&a);
	side_finish(&b);
	rmdir(temp);
	secret_destroy(db_key);
	return 0;
}
