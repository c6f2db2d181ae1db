#include "ws.h"

#include <libwebsockets.h>
#include <sys/resource.h>
#include <unistd.h>

#include "buf.h"
#include "conn.h"
#include "core.h"
#include "log.h"
#include "tls.h"

enum {
	RX_BUFFER = 2048,		/* a connection's; frames are reassembled */
	TX_KEEP = 256 * 1024,		/* of the shared output buffer */
	HTTP_SECONDS = 10,		/* for TLS and the upgrade */
	CLOSE_SECONDS = 5,		/* for a peer that does not read */
	FRAME_SECONDS = 60,		/* for a frame that comes in pieces */
	PARTIAL_FREE = 64 * 1024,	/* a frame may grow to this in any case */
	STORE_FILES = 384,		/* descriptors of the store and its like */
	WRITE_CLOSE = 4,		/* lws_write_protocol's, left out of the header */
};

struct ws {
	struct core *core;
	struct ws_settings settings;
	uv_loop_t *loop;
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct tls *tls;	/* NULL: plain */
	struct buf tx;		/* LWS_PRE bytes and a frame, for one write */
	size_t partial;		/* bytes in all sessions' rx */
	size_t sockets;		/* with those that are no connection yet */
	size_t sockets_max;
	bool crowded;		/* and it has been said */
};

/* lws's memory for a connection, zeroed. */
struct session {
	struct ws *ws;
	struct lws *wsi;
	struct conn *conn;
	struct buf rx;
	size_t held;		/* bytes that lws could not write yet */
	bool ping;
	bool close_sent;
	bool wants_write;
};

/* Each call of libwebsockets' costs a system call, and each message calls. */
static void want_write(struct session *s)
{
	if (s->wants_write)
		return;
	s->wants_write = true;
	lws_callback_on_writable(s->wsi);
}

static void io_wake(void *ctx)
{
	struct session *s = ctx;

	want_write(s);
	if (!conn_close_code(s->conn))
		return;
	lws_rx_flow_control(s->wsi, 1);
	lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_REASON_BASE,
			CLOSE_SECONDS);
}

static void io_pause(void *ctx, bool on)
{
	struct session *s = ctx;

	lws_rx_flow_control(s->wsi, !on);
}

static void io_ping(void *ctx)
{
	struct session *s = ctx;

	s->ping = true;
	want_write(s);
}

static const struct conn_io io = {
	.wake = io_wake, .pause = io_pause, .ping = io_ping,
};

static void establish(struct ws *ws, struct session *s, struct lws *wsi)
{
	s->ws = ws;
	s->wsi = wsi;
	buf_init(&s->rx, FRAME_MAX);
	s->conn = conn_create(ws->core, &io, s);
	if (ws->core->leaving)
		conn_close(s->conn, CLOSE_GOING);
	else if (ws->core->n_conns > ws->settings.connections_max)
		conn_close(s->conn, CLOSE_AGAIN);
}

static void forget_partial(struct session *s)
{
	s->ws->partial -= s->rx.len;
	buf_finish(&s->rx);
}

static void hold(struct session *s, size_t bytes)
{
	s->ws->core->output += bytes - s->held;
	s->held = bytes;
}

static void finish(struct session *s)
{
	struct conn *c = s->conn;

	if (!c)
		return;
	s->conn = NULL;
	forget_partial(s);
	hold(s, 0);
	conn_gone(c);
}

/* What refuses a further piece of a frame, or 0. */
static int refusal(const struct session *s, size_t len)
{
	size_t rest = lws_remaining_packet_payload(s->wsi);
	size_t total = s->rx.len + len;

	if (!lws_frame_is_binary(s->wsi))
		return CLOSE_TEXT;
	if (total > conn_frame_max(s->conn) ||
	    rest > conn_frame_max(s->conn) - total)
		return CLOSE_TOO_BIG;
	if (total > PARTIAL_FREE &&
	    s->ws->partial + len > s->ws->settings.partial_max)
		return CLOSE_AGAIN;
	return 0;
}

static void receive(struct session *s, const uint8_t *data, size_t len)
{
	bool whole = lws_is_final_fragment(s->wsi);
	int code = refusal(s, len);

	core_tick(s->ws->core);
	conn_heard(s->conn);
	if (code) {
		forget_partial(s);
		conn_close(s->conn, code);
		return;
	}
	if (whole && s->rx.len == 0 && lws_is_first_fragment(s->wsi)) {
		conn_receive(s->conn, data, len);
		return;
	}
	if (conn_close_code(s->conn) || buf_append(&s->rx, data, len) < 0)
		return;
	if (s->rx.len == len)
		lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_REASON_BASE,
				FRAME_SECONDS);
	s->ws->partial += len;
	if (!whole)
		return;
	lws_set_timeout(s->wsi, NO_PENDING_TIMEOUT, 0);
	conn_receive(s->conn, s->rx.data, s->rx.len);
	forget_partial(s);
}

static int write_frame(struct session *s, struct bytes frame)
{
	struct buf *tx = &s->ws->tx;
	int written;

	buf_clear(tx);
	if (!buf_reserve(tx, LWS_PRE + frame.len))
		return -1;
	memcpy(tx->data + LWS_PRE, frame.data, frame.len);
	written = lws_write(s->wsi, tx->data + LWS_PRE, frame.len,
			    LWS_WRITE_BINARY);
	hold(s, lws_partial_buffered(s->wsi) ? frame.len : 0);
	if (tx->cap > TX_KEEP)
		buf_finish(tx);
	return written < (int)frame.len ? -1 : 0;
}

/* Our own close frame (RFC 6455, 5.5.1); then the connection lives on until the
 * peer has answered it. When libwebsockets does this it closes the socket at
 * once, and with bytes unread in it the kernel resets the connection and the
 * peer never sees why. */
static int write_close(struct session *s, int code)
{
	uint8_t frame[LWS_PRE + 2];

	if (s->close_sent)
		return 0;
	s->close_sent = true;
	frame[LWS_PRE] = (uint8_t)(code >> 8);
	frame[LWS_PRE + 1] = (uint8_t)code;
	return lws_write(s->wsi, frame + LWS_PRE, 2,
			 (enum lws_write_protocol)WRITE_CLOSE) < 0 ? -1 : 0;
}

/* One write a call: everything that is ready, then a close. */
static int writable(struct session *s)
{
	struct bytes frame = conn_output(s->conn);
	int code = conn_close_code(s->conn);
	uint8_t ping[LWS_PRE];

	s->wants_write = false;
	hold(s, 0);
	if (s->ping && !code) {
		s->ping = false;
		want_write(s);
		return lws_write(s->wsi, ping + LWS_PRE, 0,
				 LWS_WRITE_PING) < 0 ? -1 : 0;
	}
	if (frame.len > 0) {
		if (write_frame(s, frame) < 0)
			return -1;
		conn_wrote(s->conn);
		if (code || conn_output(s->conn).len > 0)
			want_write(s);
		return 0;
	}
	return code ? write_close(s, code) : 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason,
		    void *user, void *in, size_t len)
{
	struct session *s = user;

	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		establish(lws_context_user(lws_get_context(wsi)), s, wsi);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		if (s->conn)
			receive(s, in, len);
		return 0;
	case LWS_CALLBACK_RECEIVE_PONG:
		if (s->conn)
			conn_heard(s->conn);
		return 0;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		/* To ours, or to be answered by libwebsockets. */
		return s->close_sent ? -1 : 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return s->conn ? writable(s) : 0;
	case LWS_CALLBACK_CLOSED:
		finish(s);
		return 0;
	default:
		return 0;
	}
}

/* protocols[0], where lws puts whoever names no subprotocol. */
static int on_other(struct lws *wsi, enum lws_callback_reasons reason,
		    void *user, void *in, size_t len)
{
	struct ws *ws = lws_context_user(lws_get_context(wsi));

	(void)in;
	(void)len;
	switch (reason) {
	case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
		tls_attach(ws->tls, user);	/* an SSL_CTX here */
		return 0;
	case LWS_CALLBACK_WSI_CREATE:
		ws->sockets++;
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		ws->sockets--;
		return 0;
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return -1;
	case LWS_CALLBACK_HTTP:
		if (lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, NULL))
			return -1;
		return lws_http_transaction_completed(wsi) ? -1 : 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{ .name = "none", .callback = on_other },
	{ .name = SUBPROTOCOL, .callback = on_event,
	  .per_session_data_size = sizeof(struct session),
	  .rx_buffer_size = RX_BUFFER, .tx_packet_size = FRAME_MAX },
	{ .name = NULL },
};

/* Its own pings and 5 minutes' hang-up are off: see conn.c. */
static const lws_retry_bo_t no_validity = { .secs_since_valid_hangup = 0 };

static void on_log(int level, const char *line)
{
	size_t len = strlen(line);

	(void)level;
	while (len > 0 && line[len - 1] == '\n')
		len--;
	log_warn("libwebsockets: %.*s", (int)len, line);
}

static int make_vhost(struct ws *ws)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.vhost_name = "relay",
		.retry_and_idle_policy = &no_validity,
		.timeout_secs = HTTP_SECONDS,
		.keepalive_timeout = HTTP_SECONDS,
	};

	if (ws->settings.tls_cert) {
		info.ssl_cert_filepath = ws->settings.tls_cert;
		info.ssl_private_key_filepath = ws->settings.tls_key;
		info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		info.alpn = "http/1.1";
	}
	ws->vhost = lws_create_vhost(ws->context, &info);
	return ws->vhost ? OK : ERR_SYSTEM;
}

/* Connections and as many handshakes again as a quarter of them, but so that
 * descriptors are left for the store, which could not write without. */
static size_t count_sockets(size_t connections)
{
	size_t max = connections + connections / 4 + 16, descriptors;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return max;
	descriptors = (size_t)limit.rlim_cur;
	descriptors -= descriptors > 2 * STORE_FILES ? STORE_FILES :
						       descriptors / 2;
	return max < descriptors ? max : descriptors;
}

int ws_create(uv_loop_t *loop, struct core *core,
	      const struct ws_settings *settings, struct ws **out)
{
	struct ws *ws = xcalloc(1, sizeof(*ws));
	void *loops[] = { loop };
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.options = LWS_SERVER_OPTION_LIBUV |
			LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
		.foreign_loops = loops,
		.user = ws,
		.pcontext = &ws->context,
		.timeout_secs = HTTP_SECONDS,
	};
	int err = OK;

	lws_set_log_level(LLL_ERR, on_log);
	if (settings->tls_cert) {
		err = tls_create(settings->tls_cert, settings->tls_key,
				 &ws->tls);
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	}
	ws->core = core;
	ws->settings = *settings;
	ws->loop = loop;
	ws->sockets_max = count_sockets(settings->connections_max);
	buf_init(&ws->tx, LWS_PRE + FRAME_MAX);
	if (err == OK) {
		ws->context = lws_create_context(&info);
		err = ws->context ? make_vhost(ws) : ERR_SYSTEM;
	}
	if (err < 0) {
		ws_destroy(ws);
		return err;
	}
	*out = ws;
	return OK;
}

int ws_reload(struct ws *ws, const struct ws_settings *settings)
{
	if (ws->tls && settings->tls_cert &&
	    tls_reload(ws->tls, settings->tls_cert, settings->tls_key) < 0)
		return ERR_KEY;
	ws->settings.connections_max = settings->connections_max;
	ws->sockets_max = count_sockets(settings->connections_max);
	return OK;
}

void ws_adopt(struct ws *ws, int fd)
{
	if (ws->sockets >= ws->sockets_max) {
		if (!ws->crowded)
			log_warn("%zu sockets are open: others are refused",
				 ws->sockets);
		ws->crowded = true;
		close(fd);
		return;
	}
	ws->crowded &= ws->sockets >= ws->sockets_max / 8 * 7;
	/* lws closes the socket itself when it cannot take it. */
	if (!lws_adopt_socket_vhost(ws->vhost, fd))
		log_warn("a connection could not be taken");
}

void ws_destroy(struct ws *ws)
{
	if (!ws)
		return;
	/* A context on a foreign loop leaves its virtual host behind. */
	if (ws->vhost)
		lws_vhost_destroy(ws->vhost);
	if (ws->context)
		lws_context_destroy(ws->context);
	/* Its handles close on the loop; then 4.1 wants to be called again, and
	 * 4.3 has cleared the pointer. */
	for (int i = 0; ws->context && i < 100; i++) {
		if (uv_run(ws->loop, UV_RUN_NOWAIT) == 0)
			break;
	}
	if (ws->context)
		lws_context_destroy(ws->context);
	tls_destroy(ws->tls);
	buf_finish(&ws->tx);
	free(ws);
}
