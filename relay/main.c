/* sotto-relay: the loop, its signals, and the order of start and end. */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "conn.h"
#include "core.h"
#include "listen.h"
#include "log.h"
#include "reload.h"
#include "secret.h"
#include "storage.h"
#include "store.h"
#include "sys.h"
#include "tls.h"
#include "ws.h"

enum {
	EXIT_USAGE = 1,
	EXIT_FAILED = 2,
	QUEUE_MAX = 4096,		/* jobs of the storage in flight */
	DRAIN_MS = 5000,		/* for answers to reach slow readers */
	CLOSE_MS = 2000,		/* for close frames */
	RETRY_AFTER_MS = 1000,		/* told to clients in Closing */
};

struct relay {
	uv_loop_t loop;
	struct config config;
	int argc;
	char **argv;
	void *store;
	struct storage *storage;
	struct core *core;
	struct ws *ws;
	struct listener *listeners[CONFIG_LISTEN_MAX];
	size_t n_listeners;
	uv_signal_t term, interrupt, hangup;
	uv_prepare_t prepare;
	uv_check_t served;
	uv_timer_t timer;		/* of the core's wheel */
	uint64_t leaving;		/* since when; 0: not */
	uint64_t closing;
};

/* ---- the clock ---- */

static void on_wheel(uv_timer_t *timer)
{
	struct relay *r = timer->data;

	core_tick(r->core);
}

static void step_leaving(struct relay *r)
{
	uint64_t now = core_now(r->core);

	if (!r->closing) {
		if (!core_idle(r->core) && now - r->leaving < DRAIN_MS)
			return;
		r->closing = now;
		core_close_all(r->core);
	}
	if (r->core->n_conns == 0 || now - r->closing >= CLOSE_MS)
		uv_stop(&r->loop);
}

/* Before the loop sleeps: the timer is set to the wheel's next moment. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct relay *r = prepare->data;
	int64_t wait;

	if (r->leaving)
		step_leaving(r);
	wait = core_wait(r->core);
	if (r->leaving && (wait < 0 || wait > 20))
		wait = 20;
	if (wait < 0)
		uv_timer_stop(&r->timer);
	else
		uv_timer_start(&r->timer, on_wheel, (uint64_t)wait, 0);
}

/* After the loop has served what woke it, when its clock stood still. */
static void on_served(uv_check_t *served)
{
	struct relay *r = served->data;

	core_turned(r->core, uv_hrtime() / 1000000 - uv_now(&r->loop));
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *signal, int number)
{
	struct relay *r = signal->data;

	if (r->leaving) {
		log_warn("ended at once by a second signal");
		_exit(128 + number);
	}
	log_info("draining");
	for (size_t i = 0; i < r->n_listeners; i++)
		listener_destroy(r->listeners[i]);
	r->n_listeners = 0;
	r->leaving = core_now(r->core);
	core_leave(r->core, RETRY_AFTER_MS);
}

static void on_hangup(uv_signal_t *signal, int number)
{
	struct relay *r = signal->data;

	(void)number;
	reload(&r->config, r->argc, r->argv, r->core, r->ws);
}

static void start_handles(struct relay *r)
{
	signal(SIGPIPE, SIG_IGN);
	uv_signal_init(&r->loop, &r->term);
	uv_signal_init(&r->loop, &r->interrupt);
	uv_signal_init(&r->loop, &r->hangup);
	uv_prepare_init(&r->loop, &r->prepare);
	uv_check_init(&r->loop, &r->served);
	uv_timer_init(&r->loop, &r->timer);
	r->term.data = r;
	r->interrupt.data = r;
	r->hangup.data = r;
	r->prepare.data = r;
	r->served.data = r;
	r->timer.data = r;
	uv_signal_start(&r->term, on_signal, SIGTERM);
	uv_signal_start(&r->interrupt, on_signal, SIGINT);
	uv_signal_start(&r->hangup, on_hangup, SIGHUP);
	uv_prepare_start(&r->prepare, on_prepare);
}

static void stop_handles(struct relay *r)
{
	uv_close((uv_handle_t *)&r->term, NULL);
	uv_close((uv_handle_t *)&r->interrupt, NULL);
	uv_close((uv_handle_t *)&r->hangup, NULL);
	uv_close((uv_handle_t *)&r->prepare, NULL);
	uv_close((uv_handle_t *)&r->served, NULL);
	uv_close((uv_handle_t *)&r->timer, NULL);
}

/* ---- start ---- */

/* Connections need descriptors: as many as the system allows. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void on_accepted(void *ctx, int fd)
{
	struct relay *r = ctx;

	ws_adopt(r->ws, fd);
}

static void on_revoked(void *ctx, const struct account_id *account,
		       const uint8_t id[CAPABILITY_ID_LEN])
{
	core_revoked(ctx, account, id);
}

static int make_data_dir(const char *dir)
{
	struct stat st;

	if (mkdir(dir, 0700) == 0)
		return OK;
	if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	    access(dir, R_OK | W_OK | X_OK) == 0)
		return OK;
	log_error("%s: cannot be made or written: %m", dir);
	return ERR_STORE;
}

static int disk_write(void *ctx, struct storage_write *w)
{
	return storage_submit(ctx, w);
}

static int disk_read(void *ctx, struct storage_read *r)
{
	return storage_read(ctx, r);
}

static void on_room(void *ctx)
{
	core_room(ctx);
}

static const char *open_text(int err)
{
	switch (err) {
	case ERR_LOCKED:
		return "locked by another process: does a relay run there?";
	case ERR_CORRUPT:
		return "it is damaged: put back a copy of it, or give "
			"another --data";
	default:
		return err_text(err);
	}
}

static int start_storage(struct relay *r)
{
	uint32_t now = (uint32_t)(sys_wall_ms(&sys_real) / 1000);
	int err = make_data_dir(r->config.data);
	struct store_identity identity;
	struct core_disk disk;

	if (err < 0)
		return err;
	err = store_rocks.open(&r->config.store, now, &r->store, &identity);
	if (err < 0) {
		log_error("%s: cannot be opened: %s", r->config.data,
			  open_text(err));
		return err;
	}
	err = storage_create(&r->loop, &store_rocks, r->store, QUEUE_MAX,
			     &r->storage);
	if (err < 0) {
		store_rocks.close(r->store);
		return err;
	}
	disk = (struct core_disk){ disk_write, disk_read, r->storage };
	core_create(&r->config.core, &identity, &disk, &sys_real, &r->core);
	sodium_memzero(&identity, sizeof(identity));
	storage_on_room(r->storage, on_room, r->core);
	return OK;
}

static int start_listening(struct relay *r)
{
	for (size_t i = 0; i < r->config.n_listen; i++) {
		char text[LISTEN_TEXT_MAX];

		if (listener_create(&r->loop, &r->config.listen[i],
				    on_accepted, r, text,
				    &r->listeners[i]) < 0) {
			log_error("cannot listen on %s: %m", text);
			return ERR_SYSTEM;
		}
		r->n_listeners++;
		log_info("listening on %s", text);
	}
	return OK;
}

static int start(struct relay *r)
{
	int err = start_storage(r);

	if (err < 0)
		return err;
	err = store_rocks.read_revoked(r->store, on_revoked, r->core);
	if (err < 0) {
		log_error("revocations: %s", err_text(err));
		return err;
	}
	err = ws_create(&r->loop, r->core, &r->config.ws, &r->ws);
	if (err < 0)
		return err;
	return start_listening(r);
}

static int run(struct relay *r)
{
	int err;

	if (uv_loop_init(&r->loop) < 0)
		return EXIT_FAILED;
	raise_descriptors();
	start_handles(r);
	uv_prepare_stop(&r->prepare);
	err = start(r);
	if (err == OK) {
		uv_prepare_start(&r->prepare, on_prepare);
		uv_check_start(&r->served, on_served);
		uv_run(&r->loop, UV_RUN_DEFAULT);
		uv_check_stop(&r->served);
		uv_prepare_stop(&r->prepare);
	}
	for (size_t i = 0; i < r->n_listeners; i++)
		listener_destroy(r->listeners[i]);
	ws_destroy(r->ws);
	storage_destroy(r->storage);
	core_destroy(r->core);
	stop_handles(r);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&r->loop);
	return err == OK ? 0 : EXIT_FAILED;
}

/* ---- commands ---- */

static int check(const struct config *c)
{
	int err = make_data_dir(c->data);
	struct tls *tls = NULL;

	if (err == OK && c->tls_cert)
		err = tls_create(c->tls_cert, c->tls_key, &tls);
	tls_destroy(tls);
	if (err < 0)
		return EXIT_FAILED;
	printf("The settings are good.\n");
	return 0;
}

int main(int argc, char **argv)
{
	static struct relay r;
	int status = 0;

	r.argc = argc;
	r.argv = argv;

	umask(077);
	log_init("sotto-relay", LOG_INFO);
	if (secret_process_init() < 0) {
		log_error("libsodium does not start");
		return EXIT_FAILED;
	}
	if (config_load(&r.config, argc, argv) < 0) {
		fprintf(stderr, "sotto-relay: %s\n", r.config.error);
		status = EXIT_USAGE;
		goto out;
	}
	log_init("sotto-relay", r.config.log_level);
	switch (r.config.command) {
	case CONFIG_HELP:
		config_help(stdout);
		break;
	case CONFIG_VERSION:
		printf("sotto-relay 0.1\n");
		break;
	case CONFIG_CHECK:
		status = check(&r.config);
		break;
	case CONFIG_RUN:
		status = run(&r);
	}
out:
	config_finish(&r.config);
	return status;
}
