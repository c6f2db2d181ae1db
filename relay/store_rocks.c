#include "store_rocks.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "sys.h"

enum { META_LEN = 1 + 4 + INCARNATION_LEN + 32, FORMAT = 1, RESTARTS = 4,
       FLUSH_SECONDS = 5 };

static const char meta_key[] = "identity";

/* Makes a directory and its name durable. */
static int make_dir(const char *path)
{
	char *parent = xstrdup(path), *slash;
	int fd, err = 0;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		err = errno == ENOSPC || errno == EROFS || errno == EDQUOT
			? ERR_NO_SPACE : ERR_STORE;
	slash = strrchr(parent, '/');
	if (slash && slash != parent)
		*slash = '\0';
	fd = err ? -1 : open(slash ? parent : ".",
			     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err && (fd < 0 || fsync(fd) < 0))
		err = ERR_STORE;
	if (err)
		log_error("store: cannot make %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(parent);
	return err;
}

/* The store holds the relay's keys: it is closed to others also where somebody
 * has made the folder, or where it was opened by accident. */
static int make_private(const char *path)
{
	struct stat st;
	int err = make_dir(path);

	if (err)
		return err;
	if (stat(path, &st) == 0 &&
	    ((st.st_mode & 077) == 0 || chmod(path, 0700) == 0))
		return 0;
	log_error("store: cannot close %s to others: %s", path,
		  strerror(errno));
	return ERR_STORE;
}

static int make_dirs(const struct store_settings *settings, char **path)
{
	size_t size = strlen(settings->dir) + sizeof("/store");
	char *p = xmalloc(size);
	int err;

	snprintf(p, size, "%s/store", settings->dir);
	err = make_dir(settings->dir);
	if (!err)
		err = make_private(p);
	if (err) {
		free(p);
		return err;
	}
	*path = p;
	return 0;
}

/* Reads the identity or makes one; raises the boot number and syncs it. */
static int load_identity(struct rocks *r, uint32_t now,
			 struct store_identity *out)
{
	struct store_identity id = { .boot = 0 };
	uint8_t meta[META_LEN] = { FORMAT }, *value;
	size_t len;
	int err = rocks_get(r, ROCKS_META, meta_key, sizeof(meta_key) - 1,
			    &value, &len);

	if (err == ERR_NOT_FOUND) {
		sys_random(&sys_real, id.incarnation, sizeof(id.incarnation));
		sys_random(&sys_real, id.relay_key, sizeof(id.relay_key));
	} else if (err) {
		return err;
	} else {
		if (len == META_LEN && value[0] == FORMAT) {
			id.boot = get_u32(value + 1);
			memcpy(id.incarnation, value + 5, INCARNATION_LEN);
			memcpy(id.relay_key, value + 5 + INCARNATION_LEN, 32);
		} else {
			err = ERR_CORRUPT;
			log_error("store: not of a format that is known here");
		}
		sodium_memzero(value, len);
		free(value);
		if (err)
			return err;
	}
	id.boot = id.boot + 1 > now ? id.boot + 1 : now;
	put_u32(meta + 1, id.boot);
	memcpy(meta + 5, id.incarnation, INCARNATION_LEN);
	memcpy(meta + 5 + INCARNATION_LEN, id.relay_key, 32);
	rocks_put(r, ROCKS_META, meta_key, sizeof(meta_key) - 1, meta, META_LEN);
	sodium_memzero(meta, sizeof(meta));
	err = rocks_batch_write(r);
	if (!err)
		*out = id;
	sodium_memzero(&id, sizeof(id));
	return err;
}

static void rocks_close(void *store)
{
	struct rocks *r = store;

	if (!r)
		return;
	rocks_db_close(r);
	for (size_t i = 0; i < ROCKS_FAMILIES; i++)
		if (r->options[i])
			rocksdb_options_destroy(r->options[i]);
	rocksdb_writebatch_wi_destroy(r->batch);
	rocksdb_readoptions_destroy(r->get);
	rocksdb_writeoptions_destroy(r->write);
	free(r->puts);
	free(r->undo);
	rocksdb_cache_destroy(r->cache);
	pthread_rwlock_destroy(&r->lock);
	buf_finish(&r->scratch);
	sodium_memzero(r->hash_key, sizeof(r->hash_key));
	free(r->states);
	free(r->path);
	free(r);
}

static struct rocks *create(const struct store_settings *settings, char *path)
{
	struct rocks *r = xcalloc(1, sizeof(*r));

	r->path = path;
	r->settings = *settings;
	pthread_rwlock_init(&r->lock, NULL);
	r->cache = rocksdb_cache_create_lru(32 << 20);
	r->get = rocksdb_readoptions_create();
	r->write = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(r->write, 1);
	r->batch_number = 1;
	r->batch = rocksdb_writebatch_wi_create(0, 1);
	r->states = xcalloc(ROCKS_STATES, sizeof(*r->states));
	buf_init(&r->scratch, ROCKS_ROW_HEAD + 65536 + PAYLOAD_MAX);
	return r;
}

static int rocks_open(const struct store_settings *settings, uint32_t now,
		      void **store, struct store_identity *identity)
{
	struct rocks *r;
	char *path;
	int err = make_dirs(settings, &path);

	if (err)
		return err;
	r = create(settings, path);
	err = rocks_db_open(r);
	if (!err)
		err = load_identity(r, now, identity);
	if (err) {
		rocks_close(r);
		return err;
	}
	r->boot = identity->boot;
	crypto_generichash(r->hash_key, sizeof(r->hash_key),
			   (const uint8_t *)"sotto/1 store ids", 17,
			   identity->relay_key, sizeof(identity->relay_key));
	*store = r;
	return 0;
}

static int (*const appliers[])(struct rocks *r, struct store_op *op) = {
	[STORE_ENVELOPE] = rocks_envelope,
	[STORE_ACK] = rocks_ack,
	[STORE_REGISTER] = rocks_register,
	[STORE_LIST] = rocks_list,
	[STORE_BUNDLE] = rocks_bundle,
	[STORE_PREKEYS] = rocks_prekeys,
	[STORE_TAKE] = rocks_take,
	[STORE_TOKEN] = rocks_token,
	[STORE_REVOKE] = rocks_revoke,
};

/* Errors of reading, after which an op may be half in the batch. */
static bool store_error(int err)
{
	return err == ERR_STORE || err == ERR_NO_SPACE || err == ERR_CORRUPT ||
	       err == ERR_LOCKED;
}

/* Whether it only adds, and may be refused while there is little room. */
static bool adds(enum store_op_type type)
{
	return type == STORE_ENVELOPE || type == STORE_REGISTER ||
	       type == STORE_BUNDLE || type == STORE_PREKEYS;
}

/* RocksDB 7.8 aborts the process when a disk is full, so it must not meet one.
 * Acknowledgements and what the engine itself merges need some room to make
 * more: the reserve. */
static int check_room(struct rocks *r, struct store_op *const *ops, size_t n)
{
	uint64_t reserve = r->settings.reserve;
	uint64_t left = reserve ? rocks_free(r) : UINT64_MAX;
	/* Once in it, an eighth more has to be free: else it comes and goes. */
	bool scarce = left < reserve + (r->scarce ? reserve / 8 : 0);

	if (scarce != r->scarce) {
		r->scarce = scarce;
		if (scarce)
			log_error("store: disk full: of the reserve of %lu MiB "
				  "%lu are left, new mail is refused",
				  (unsigned long)(reserve >> 20),
				  (unsigned long)(left >> 20));
		else
			log_warn("store: the disk has room again");
	}
	for (size_t i = 0; i < n; i++)
		ops[i]->result = scarce && adds(ops[i]->type) ?
			ERR_NO_SPACE : OK;
	return left < reserve / 4 ? ERR_NO_SPACE : OK;
}

/* Fills the batch. An op that met a bad block takes no other down with it: it
 * keeps its error, and the batch begins anew without it. */
static int apply(struct rocks *r, struct store_op *const *ops, size_t n)
{
	int restarts = 0, err = rocks_undo(r);

	for (size_t i = 0; !err && i < n;) {
		struct store_op *op = ops[i++];

		if (store_error(op->result))
			continue;
		op->result = appliers[op->type](r, op);
		if (!store_error(op->result))
			continue;
		if (++restarts > RESTARTS)
			return op->result;
		rocks_batch_clear(r);
		err = rocks_undo(r);
		i = 0;
	}
	return err;
}

static int rocks_commit(void *store, struct store_op *const *ops, size_t n,
			uint32_t now)
{
	struct rocks *r = store;
	int err = check_room(r, ops, n);

	if (!err)
		err = rocks_enter(r, true);
	if (!err) {
		r->now = now;
		err = apply(r, ops, n);
		if (!err)
			err = rocks_batch_write(r);
		else
			rocks_batch_clear(r);
		if (!err && r->scarce && now - r->flushed >= FLUSH_SECONDS) {
			rocks_flush(r);
			r->flushed = now;
		}
		rocks_leave(r);
	}
	for (size_t i = 0; err && i < n; i++) {
		ops[i]->result = err;
		if (ops[i]->type == STORE_TAKE)
			buf_clear(ops[i]->u.take.fetched);
	}
	return err;
}

const struct store_ops store_rocks = {
	.name = "embedded",
	.open = rocks_open,
	.close = rocks_close,
	.commit = rocks_commit,
	.sweep = rocks_sweep,
	.read_device = rocks_read_device,
	.read_mailbox = rocks_read_mailbox,
	.read_revoked = rocks_read_revoked,
};
