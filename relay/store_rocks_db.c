#include "store_rocks.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "log.h"

enum {
	BLOCK = 16 << 10,
	CACHE = 32 << 20,
	MEMTABLES = 16 << 20,
	WAL = 32 << 20,
	FILES = 256,
	ROOM = 4 << 20,		/* free space for which a reopening is tried */
	INFO_LEVEL_ERROR = 3,
};

/* Families whose iterators stay within a mailbox have a prefix bloom filter,
 * the others are asked for whole keys. */
static const struct {
	const char *name;
	size_t prefix;
	bool deletions;		/* queue-like: compact where many were deleted */
	bool memtable_bloom;	/* most look-ups find nothing */
} families[ROCKS_FAMILIES] = {
	[ROCKS_META] = { .name = "default" },
	[ROCKS_ACCOUNTS] = { .name = "accounts" },
	[ROCKS_DEVICES] = { .name = "devices" },
	[ROCKS_PREKEYS] = { .name = "prekeys", .deletions = true },
	[ROCKS_ROWS] = { .name = "rows", .prefix = ROCKS_MAILBOX_LEN,
			 .deletions = true },
	[ROCKS_PAYLOADS] = { .name = "payloads", .deletions = true },
	[ROCKS_IDS] = { .name = "ids", .memtable_bloom = true },
	[ROCKS_EXPIRY] = { .name = "expiry", .deletions = true },
	[ROCKS_REVOKED] = { .name = "revoked" },
};

static rocksdb_block_based_table_options_t *table_options(struct rocks *r,
							  size_t prefix)
{
	rocksdb_block_based_table_options_t *t =
		rocksdb_block_based_options_create();

	rocksdb_block_based_options_set_block_size(t, BLOCK);
	rocksdb_block_based_options_set_block_cache(t, r->cache);
	rocksdb_block_based_options_set_filter_policy(
		t, rocksdb_filterpolicy_create_bloom_full(10));
	rocksdb_block_based_options_set_whole_key_filtering(t, prefix == 0);
	rocksdb_block_based_options_set_index_type(
		t, rocksdb_block_based_table_index_type_two_level_index_search);
	rocksdb_block_based_options_set_partition_filters(t, 1);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks(t, 1);
	rocksdb_block_based_options_set_pin_top_level_index_and_filter(t, 1);
	return t;
}

static rocksdb_options_t *make_options(struct rocks *r, enum rocks_family f)
{
	rocksdb_options_t *o = rocksdb_options_create();
	rocksdb_block_based_table_options_t *t =
		table_options(r, families[f].prefix);

	rocksdb_options_set_create_if_missing(o, 1);
	rocksdb_options_set_create_missing_column_families(o, 1);
	rocksdb_options_set_write_buffer_size(o, MEMTABLES);
	rocksdb_options_set_db_write_buffer_size(o, MEMTABLES);
	/* Counted against MEMTABLES whole: small, for there are nine. */
	rocksdb_options_set_arena_block_size(o, 128 << 10);
	rocksdb_options_set_max_total_wal_size(o, WAL);
	rocksdb_options_set_max_open_files(o, FILES);
	rocksdb_options_set_max_background_jobs(o, 2);
	rocksdb_options_set_compression(o, rocksdb_no_compression);
	rocksdb_options_set_level_compaction_dynamic_level_bytes(o, 1);
	/* Everything acknowledged was synced: what a power failure tears can
	 * only be behind it. */
	rocksdb_options_set_wal_recovery_mode(o, rocksdb_point_in_time_recovery);
	rocksdb_options_set_skip_stats_update_on_db_open(o, 1);
	rocksdb_options_set_stats_dump_period_sec(o, 0);
	rocksdb_options_set_stats_persist_period_sec(o, 0);
	/* Its own log would hold keys, so account ids. */
	rocksdb_options_set_info_log_level(o, INFO_LEVEL_ERROR);
	rocksdb_options_set_keep_log_file_num(o, 2);
	rocksdb_options_set_max_manifest_file_size(o, 4 << 20);
	rocksdb_options_set_block_based_table_factory(o, t);
	rocksdb_block_based_options_destroy(t);
	if (families[f].prefix)
		rocksdb_options_set_prefix_extractor(
			o, rocksdb_slicetransform_create_fixed_prefix(
				   families[f].prefix));
	if (families[f].deletions)
		rocksdb_options_add_compact_on_deletion_collector_factory(
			o, 1024, 512);
	if (families[f].memtable_bloom) {
		rocksdb_options_set_memtable_whole_key_filtering(o, 1);
		rocksdb_options_set_memtable_prefix_bloom_size_ratio(o, 0.02);
	}
	return o;
}

/* RocksDB tells errors apart by text alone. */
static int read_text(const char *text)
{
	if (strstr(text, "No space left") || strstr(text, "Read-only file") ||
	    strstr(text, "quota exceeded"))
		return ERR_NO_SPACE;
	if (strncmp(text, "Corruption", 10) == 0)
		return ERR_CORRUPT;
	if (strstr(text, "While lock file") || strstr(text, "lock hold by"))
		return ERR_LOCKED;
	return ERR_STORE;
}

int rocks_failed(struct rocks *r, const char *what, char *text)
{
	int err = read_text(text);

	log_error("store: %s: %s", what, text);
	rocksdb_free(text);
	if (err != ERR_CORRUPT)
		atomic_store(&r->broken, err);
	return err;
}

int rocks_db_open(struct rocks *r)
{
	const char *names[ROCKS_FAMILIES];
	char *text = NULL;

	for (size_t i = 0; i < ROCKS_FAMILIES; i++) {
		names[i] = families[i].name;
		if (!r->options[i])
			r->options[i] = make_options(r, (enum rocks_family)i);
	}
	r->db = rocksdb_open_column_families(
		r->options[0], r->path, ROCKS_FAMILIES, names,
		(const rocksdb_options_t *const *)r->options, r->family, &text);
	if (text) {
		r->db = NULL;
		return rocks_failed(r, "cannot open", text);
	}
	atomic_store(&r->broken, 0);
	return 0;
}

void rocks_db_close(struct rocks *r)
{
	if (!r->db)
		return;
	for (size_t i = 0; i < ROCKS_FAMILIES; i++)
		rocksdb_column_family_handle_destroy(r->family[i]);
	rocksdb_close(r->db);
	r->db = NULL;
}

uint64_t rocks_free(const struct rocks *r)
{
	struct statvfs v;

	if (statvfs(r->path, &v) < 0)
		return UINT64_MAX;
	return v.f_flag & ST_RDONLY ? 0 : (uint64_t)v.f_bavail * v.f_frsize;
}

void rocks_flush(struct rocks *r)
{
	static const enum rocks_family mail[] = { ROCKS_ROWS, ROCKS_PAYLOADS };
	rocksdb_flushoptions_t *o = rocksdb_flushoptions_create();

	for (size_t i = 0; i < sizeof(mail) / sizeof(mail[0]); i++) {
		char *text = NULL;

		rocksdb_flush_cf(r->db, o, r->family[mail[i]], &text);
		if (text)
			(void)!rocks_failed(r, "cannot flush", text);
	}
	rocksdb_flushoptions_destroy(o);
}

/* A full disk would not take a reopening either, while the database as it is
 * still reads. */
static bool has_room(const struct rocks *r)
{
	return rocks_free(r) >= ROOM;
}

static int reopen(struct rocks *r)
{
	int err = 0;

	pthread_rwlock_wrlock(&r->lock);
	if (!atomic_load(&r->broken) && r->db)
		goto out;
	if (atomic_load(&r->broken) == ERR_NO_SPACE && r->db && !has_room(r)) {
		err = ERR_NO_SPACE;
		goto out;
	}
	rocks_batch_clear(r);
	rocks_db_close(r);
	err = rocks_db_open(r);
	if (!err)
		log_warn("store: reopened after an error");
out:
	pthread_rwlock_unlock(&r->lock);
	return err;
}

int rocks_enter(struct rocks *r, bool writer)
{
	int err = 0;

	if (atomic_load(&r->broken))
		err = reopen(r);
	pthread_rwlock_rdlock(&r->lock);
	if (r->db && (!err || !writer))
		return 0;
	pthread_rwlock_unlock(&r->lock);
	return err ? err : ERR_STORE;
}

void rocks_leave(struct rocks *r)
{
	pthread_rwlock_unlock(&r->lock);
}

int rocks_get(struct rocks *r, enum rocks_family f, const void *key,
	      size_t key_len, uint8_t **value, size_t *len)
{
	char *text = NULL;
	char *v = rocksdb_writebatch_wi_get_from_batch_and_db_cf(
		r->batch, r->db, r->get, r->family[f], key, key_len, len,
		&text);

	if (text)
		return rocks_failed(r, "cannot read", text);
	if (!v)
		return ERR_NOT_FOUND;
	*value = (uint8_t *)v;
	return 0;
}

void rocks_put(struct rocks *r, enum rocks_family f, const void *key,
	       size_t key_len, const void *value, size_t len)
{
	rocksdb_writebatch_wi_put_cf(r->batch, r->family[f], key, key_len,
				     value ? value : "", len);
}

void rocks_delete(struct rocks *r, enum rocks_family f, const void *key,
		  size_t key_len)
{
	rocksdb_writebatch_wi_delete_cf(r->batch, r->family[f], key, key_len);
}

static void begin_batch(struct rocks *r)
{
	rocksdb_writebatch_wi_clear(r->batch);
	r->batch_number++;
	r->n_puts = 0;
}

void rocks_batch_clear(struct rocks *r)
{
	rocks_state_forget(r);
	begin_batch(r);
}

int rocks_batch_write(struct rocks *r)
{
	char *text = NULL;
	int err = 0;

	rocks_state_flush(r);
	if (rocksdb_writebatch_wi_count(r->batch) > 0)
		rocksdb_write_writebatch_wi(r->db, r->write, r->batch, &text);
	if (text) {
		err = rocks_failed(r, "cannot write", text);
		if (err == ERR_CORRUPT)
			atomic_store(&r->broken, err);
		rocks_state_forget(r);
		rocks_undo_note(r);
	} else {
		rocks_undo_done(r);
	}
	begin_batch(r);
	return err;
}
