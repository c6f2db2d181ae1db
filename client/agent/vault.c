#include "vault.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "buf.h"
#include "db.h"
#include "log.h"
#include "sign.h"

/* The file: lines "sotto-vault 1", then for a passphrase "argon2id OPS KIB SALT"
 * or "key-file PATH", then "check HEX". */
enum {
	CHECK_LEN = 16,
	FILE_MAX = 8192,
	PATH_MAX_LEN = 4096,
	KEY_TEXT_LEN = 2 * DB_KEY_LEN,
	/* What a vault of another machine may ask for. */
	OPS_MAX = 64,
	KIB_MAX = 4 * 1024 * 1024,
};

struct vault {
	enum vault_kind kind;
	unsigned long ops;
	unsigned long kib;
	uint8_t salt[crypto_pwhash_SALTBYTES];
	uint8_t check[CHECK_LEN];
	char key_file[PATH_MAX_LEN];	/* as the file has it */
};

static int system_error(const char *what)
{
	log_error("vault, %s: %s", what, strerror(errno));
	return errno == ENOSPC || errno == EROFS || errno == EDQUOT ?
	       ERR_NO_SPACE : ERR_SYSTEM;
}

static char *join(const char *dir, const char *name)
{
	size_t len = strlen(dir) + strlen(name) + 2;
	char *path = xmalloc(len);

	snprintf(path, len, "%s/%s", dir, name);
	return path;
}

/* Tells a right key from a wrong one. It helps a guesser no more than the
 * database itself does. */
static void key_check(const struct secret *key, uint8_t out[static CHECK_LEN])
{
	static const char purpose[] = "sotto/1 vault";
	uint8_t hash[HASH_LEN];

	crypto_generichash(hash, sizeof(hash), (const uint8_t *)purpose,
			   sizeof(purpose) - 1, key->data, key->len);
	memcpy(out, hash, CHECK_LEN);
}

/* The whole of a small file as text. ERR_NOT_FOUND, ERR_SYSTEM, ERR_CORRUPT when
 * it is longer than max. */
static int read_file(const char *path, char *out, size_t max)
{
	size_t len = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : system_error("open");
	while (len < max) {
		n = read(fd, out + len, max - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (len < max && n < 0) {
		close(fd);
		return system_error("read");
	}
	close(fd);
	if (len == max)
		return ERR_CORRUPT;
	out[len] = '\0';
	return OK;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return system_error("write");
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? system_error("sync") : OK;
}

static int sync_directory_of(const char *path)
{
	char *dir = xstrdup(path), *slash = strrchr(dir, '/');
	int fd, r = OK;

	if (slash)
		slash[slash == dir] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		r = system_error("sync directory");
	if (fd >= 0)
		close(fd);
	free(dir);
	return r;
}

/* Durable and all or nothing. excl: fails with ERR_EXISTS when it is there. */
static int write_file(const char *path, const char *text, size_t len, bool excl)
{
	char *temp = xmalloc(strlen(path) + 8);
	int fd, r;

	snprintf(temp, strlen(path) + 8, "%s.new", path);
	/* Never a file that somebody else made and can read. */
	unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		r = system_error("create");
		goto out;
	}
	r = write_all(fd, text, len);
	if (close(fd) < 0 && !r)
		r = system_error("close");
	if (!r && excl && link(temp, path) < 0)
		r = errno == EEXIST ? ERR_EXISTS : system_error("link");
	if (!r && !excl && rename(temp, path) < 0)
		r = system_error("rename");
	if (r < 0 || excl)
		unlink(temp);
	if (!r)
		r = sync_directory_of(path);
out:
	free(temp);
	return r;
}

static bool read_hex(const char *hex, size_t hex_len, uint8_t *out, size_t len)
{
	size_t n;

	return hex_len == 2 * len &&
	       sodium_hex2bin(out, len, hex, hex_len, NULL, &n, NULL) == 0 &&
	       n == len;
}

static bool parse_kind(const char *line, struct vault *v)
{
	static const char file[] = "key-file ";
	int at = 0;

	if (strncmp(line, file, sizeof(file) - 1) == 0) {
		v->kind = VAULT_KEY_FILE;
		line += sizeof(file) - 1;
		if (!*line || strlen(line) >= sizeof(v->key_file))
			return false;
		memcpy(v->key_file, line, strlen(line) + 1);
		return true;
	}
	v->kind = VAULT_PASSPHRASE;
	return sscanf(line, "argon2id %lu %lu %n", &v->ops, &v->kib, &at) == 2 &&
	       at && v->ops >= crypto_pwhash_OPSLIMIT_MIN &&
	       v->ops <= OPS_MAX && v->kib >= 8 && v->kib <= KIB_MAX &&
	       read_hex(line + at, strlen(line + at), v->salt, sizeof(v->salt));
}

static bool parse(char *text, struct vault *v)
{
	static const char head[] = "sotto-vault 1\n", check[] = "\ncheck ";
	char *kind = text + sizeof(head) - 1, *end;

	if (strncmp(text, head, sizeof(head) - 1) != 0)
		return false;
	end = strstr(kind, check);
	if (!end)
		return false;
	*end = '\0';
	end += sizeof(check) - 1;
	return read_hex(end, strcspn(end, "\n"), v->check, CHECK_LEN) &&
	       parse_kind(kind, v);
}

static int load(const char *data_dir, struct vault *v)
{
	char *path = join(data_dir, "vault"), *text = xmalloc(FILE_MAX);
	int r = read_file(path, text, FILE_MAX);

	if (!r && !parse(text, v)) {
		log_error("the vault file is damaged");
		r = ERR_CORRUPT;
	}
	free(text);
	free(path);
	return r;
}

/* line: what stands between the first and the last. */
static int save(const char *data_dir, const char *line,
		const struct secret *key)
{
	char *path = join(data_dir, "vault"), hex[2 * CHECK_LEN + 1];
	uint8_t check[CHECK_LEN];
	struct buf b;
	int r;

	key_check(key, check);
	sodium_bin2hex(hex, sizeof(hex), check, sizeof(check));
	buf_init(&b, FILE_MAX - 1);
	r = buf_appendf(&b, "sotto-vault 1\n%s\ncheck %s\n", line, hex);
	if (!r)
		r = write_file(path, (const char *)b.data, b.len, false);
	buf_finish(&b);
	free(path);
	return r;
}

static char *key_path(const char *data_dir, const char *key_file)
{
	return *key_file == '/' ? xstrdup(key_file) : join(data_dir, key_file);
}

int vault_read(const char *data_dir, enum vault_kind *kind, char **key_file)
{
	struct vault v;
	int r = load(data_dir, &v);

	if (r == ERR_NOT_FOUND) {
		*kind = VAULT_NONE;
		*key_file = NULL;
		return OK;
	}
	if (r < 0)
		return r;
	*kind = v.kind;
	*key_file = v.kind == VAULT_KEY_FILE ?
		    key_path(data_dir, v.key_file) : NULL;
	return OK;
}

static int derive(const struct vault *v, const struct secret *passphrase,
		  struct secret **key)
{
	struct secret *k = secret_create(DB_KEY_LEN);

	if (crypto_pwhash(k->data, k->len, (const char *)passphrase->data,
			  passphrase->len, v->salt, v->ops,
			  (size_t)v->kib * 1024,
			  crypto_pwhash_ALG_ARGON2ID13) != 0) {
		secret_destroy(k);
		log_error("no memory to derive the key: %lu MiB are needed",
			  v->kib / 1024);
		return ERR_SYSTEM;
	}
	*key = k;
	return OK;
}

int vault_create_passphrase(const char *data_dir,
			    const struct secret *passphrase,
			    struct secret **key)
{
	struct vault v = {
		.kind = VAULT_PASSPHRASE,
		.ops = crypto_pwhash_OPSLIMIT_MODERATE,
		.kib = crypto_pwhash_MEMLIMIT_MODERATE / 1024,
	};
	char line[128], salt[2 * sizeof(v.salt) + 1];
	struct secret *k;
	int r;

	randombytes_buf(v.salt, sizeof(v.salt));
	sodium_bin2hex(salt, sizeof(salt), v.salt, sizeof(v.salt));
	snprintf(line, sizeof(line), "argon2id %lu %lu %s", v.ops, v.kib, salt);
	r = derive(&v, passphrase, &k);
	if (r < 0)
		return r;
	r = save(data_dir, line, k);
	if (r < 0)
		secret_destroy(k);
	else
		*key = k;
	return r;
}

static int read_key_file(const char *path, struct secret **key)
{
	struct secret *text = secret_create(KEY_TEXT_LEN + 3), *k;
	int r = read_file(path, (char *)text->data, text->len);

	if (!r) {
		k = secret_create(DB_KEY_LEN);
		if (read_hex((char *)text->data,
			     strcspn((char *)text->data, "\r\n"), k->data,
			     k->len)) {
			*key = k;
		} else {
			secret_destroy(k);
			log_error("the key file is not 64 hex digits");
			r = ERR_CORRUPT;
		}
	}
	secret_destroy(text);
	return r;
}

static int make_key_file(const char *path)
{
	struct secret *k = secret_create(DB_KEY_LEN);
	struct secret *text = secret_create(KEY_TEXT_LEN + 1);
	int r;

	randombytes_buf(k->data, k->len);
	sodium_bin2hex((char *)text->data, text->len, k->data, k->len);
	text->data[KEY_TEXT_LEN] = '\n';
	r = write_file(path, (const char *)text->data, text->len, true);
	secret_destroy(text);
	secret_destroy(k);
	return r == ERR_EXISTS ? OK : r;	/* somebody else was quicker */
}

int vault_create_key_file(const char *data_dir, const char *key_file,
			  struct secret **key)
{
	char *path = key_path(data_dir, key_file);
	struct secret *k;
	struct buf line;
	int r;

	buf_init(&line, PATH_MAX_LEN);
	r = strpbrk(key_file, "\r\n") || !*key_file ? ERR_USAGE : OK;
	if (!r)
		r = read_key_file(path, &k);
	if (r == ERR_NOT_FOUND) {
		r = make_key_file(path);
		if (!r)
			r = read_key_file(path, &k);
	}
	if (r < 0)
		goto out;
	r = buf_appendf(&line, "key-file %s", key_file);
	if (!r)
		r = buf_append_u8(&line, '\0');
	if (!r)
		r = save(data_dir, (const char *)line.data, k);
	if (r < 0)
		secret_destroy(k);
	else
		*key = k;
out:
	buf_finish(&line);
	free(path);
	return r;
}

int vault_unlock(const char *data_dir, const struct secret *passphrase,
		 struct secret **key)
{
	uint8_t check[CHECK_LEN];
	struct secret *k = NULL;
	struct vault v;
	char *path;
	int r;

	r = load(data_dir, &v);
	if (r < 0)
		return r;
	if (v.kind == VAULT_KEY_FILE) {
		path = key_path(data_dir, v.key_file);
		r = read_key_file(path, &k);
		free(path);
	} else {
		r = passphrase ? derive(&v, passphrase, &k) : ERR_LOCKED;
	}
	if (r < 0)
		return r;
	key_check(k, check);
	if (sodium_memcmp(check, v.check, CHECK_LEN) != 0) {
		secret_destroy(k);
		return ERR_KEY;
	}
	*key = k;
	return OK;
}
