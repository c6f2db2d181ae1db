#include "ws.h"

#include <libwebsockets.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "frame.h"
#include "log.h"

enum { RX_CHUNK = 16 * 1024, WHY_MAX = 480, AGENT_FDS = 256 };

struct ws {
	uv_loop_t *loop;
	struct lws_context *context;
	struct lws_vhost *vhost;
	SSL_CTX *tls;		/* the virtual host's, for clients */
};

struct ws_conn {
	struct ws *ws;
	struct relay_url url;
	unsigned address;
	const struct ws_events *events;	/* NULL: nobody listens any more */
	void *ctx;
	struct lws *wsi;
	uv_getaddrinfo_t resolve;
	bool resolving;
	bool connecting;	/* inside lws_client_connect_via_info */
	bool failed;		/* ... which has reported an error */
	bool open;
	bool ping;
	int close_code;		/* ours, to be sent */
	int peer_code;
	char why[WHY_MAX];
	struct buf in;
};

static void conn_free(struct ws_conn *c)
{
	buf_finish(&c->in);
	free(c);
}

/* The connection is gone for libwebsockets too. */
static void conn_gone(struct ws_conn *c)
{
	if (c->wsi)
		lws_set_wsi_user(c->wsi, NULL);
	if (c->events)
		c->events->closed(c->ctx, c->peer_code, c->why);
	conn_free(c);
}

/* Closes at the next chance to write. Never by a return value from RECEIVE:
 * libwebsockets 4.1 to 4.3 as a client leaves its receive buffer's head where it
 * is then, goes on reading for the answer to our close, and writes behind the
 * buffer (lws_ws_client_rx_sm). */
static void refuse(struct ws_conn *c, int code, const char *why)
{
	snprintf(c->why, sizeof(c->why), "%s", why);
	c->close_code = code;
	buf_finish(&c->in);
	lws_callback_on_writable(c->wsi);
}

static void on_receive(struct ws_conn *c, const void *data, size_t len)
{
	if (!c->events || c->close_code)
		return;
	c->events->alive(c->ctx);
	if (!lws_frame_is_binary(c->wsi)) {
		refuse(c, CLOSE_TEXT, "the relay sent text");
		return;
	}
	if (buf_append(&c->in, data, len)) {
		refuse(c, CLOSE_TOO_BIG,
		       "the relay sent an oversized message");
		return;
	}
	if (!lws_is_final_fragment(c->wsi))
		return;
	c->events->message(c->ctx, c->in.data, c->in.len);
	if (c->in.cap > 4 * RX_CHUNK)
		buf_finish(&c->in);
	else
		buf_clear(&c->in);
}

static int on_writeable(struct ws_conn *c)
{
	static const uint8_t room[LWS_PRE];
	struct buf frame;
	int ret = 0;

	if (c->close_code || !c->events) {
		lws_close_reason(c->wsi, (enum lws_close_status)c->close_code,
				 NULL, 0);
		return -1;
	}
	if (c->ping) {
		uint8_t empty[LWS_PRE + 1];

		c->ping = false;
		lws_callback_on_writable(c->wsi);
		return lws_write(c->wsi, empty + LWS_PRE, 0, LWS_WRITE_PING) < 0
			? -1 : 0;
	}
	buf_init(&frame, LWS_PRE + WS_FRAME_MAX);
	if (buf_append(&frame, room, LWS_PRE))
		abort();
	c->events->output(c->ctx, &frame);
	if (frame.len > LWS_PRE) {
		if (lws_write(c->wsi, frame.data + LWS_PRE,
			      frame.len - LWS_PRE, LWS_WRITE_BINARY) < 0)
			ret = -1;
		else
			lws_callback_on_writable(c->wsi);
	}
	buf_finish(&frame);
	return ret;
}

/* Why there is no connection, for people. */
static void explain(struct ws_conn *c, const char *what, size_t len)
{
	static const char tls[] = "connect SSL err";

	if (len >= sizeof(tls) - 1 && !memcmp(what, tls, sizeof(tls) - 1))
		snprintf(c->why, sizeof(c->why), "the relay's certificate is "
			 "not accepted: it must be for %s, and of an authority "
			 "known here (sotto config set ca-file FILE)",
			 c->url.host);
	else if (len)
		snprintf(c->why, sizeof(c->why), "the relay cannot be reached "
			 "at %s:%u (%.*s)", c->url.host, c->url.port, (int)len,
			 what);
	else
		snprintf(c->why, sizeof(c->why),
			 "the relay cannot be reached");
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason,
		    void *user, void *in, size_t len)
{
	struct ws_conn *c = user;
	struct ws *ws;

	if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS) {
		ws = lws_context_user(lws_get_context(wsi));
		ws->tls = user;
		return 0;
	}
	if (!c)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		explain(c, in, in ? len : 0);
		c->failed = true;
		if (!c->connecting)
			conn_gone(c);
		return 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		c->wsi = wsi;
		c->open = true;
		if (!c->events)
			return -1;
		c->events->opened(c->ctx);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		on_receive(c, in, len);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
		if (c->events)
			c->events->alive(c->ctx);
		return 0;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return on_writeable(c);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		if (len >= 2)
			c->peer_code = ((const uint8_t *)in)[0] << 8 |
				((const uint8_t *)in)[1];
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
		if (!c->why[0])
			snprintf(c->why, sizeof(c->why),
				 "the connection was closed");
		conn_gone(c);
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		/* Whatever was said before, this pointer ends here. */
		c->wsi = NULL;
		c->open = false;
		c->failed = true;
		if (!c->why[0])
			snprintf(c->why, sizeof(c->why),
				 "the connection was closed");
		if (!c->connecting)
			conn_gone(c);
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{ .name = SUBPROTOCOL, .callback = callback,
	  .rx_buffer_size = RX_CHUNK },
	{ .name = NULL },
};

/* We watch for silence ourselves. */
static const lws_retry_bo_t no_validity_check;

static void on_lws_log(int level, const char *line)
{
	if (level == LLL_ERR)
		log_debug("libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
}

/* NULL when the file does not load. */
static X509_STORE *load_store(const char *ca_file)
{
	X509_STORE *store = X509_STORE_new();

	if (store && X509_STORE_set_default_paths(store) == 1 &&
	    (!ca_file || X509_STORE_load_file(store, ca_file) == 1))
		return store;
	X509_STORE_free(store);
	ERR_clear_error();
	return NULL;
}

int ws_check_ca(const char *ca_file)
{
	X509_STORE *store = load_store(ca_file);

	X509_STORE_free(store);
	return store ? OK : ERR_FORMAT;
}

int ws_trust(struct ws *ws, const char *ca_file)
{
	X509_STORE *store = load_store(ca_file);

	if (!store)
		return ERR_FORMAT;
	SSL_CTX_set_cert_store(ws->tls, store);
	return OK;
}

int ws_create(uv_loop_t *loop, const char *ca_file, struct ws **out)
{
	struct ws *ws = xcalloc(1, sizeof(*ws));
	void *loops[] = { loop };
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.foreign_loops = loops,
		.pcontext = &ws->context,
		.fd_limit_per_thread = AGENT_FDS,
		.user = ws,
		.retry_and_idle_policy = &no_validity_check,
		/* TLS 1.3 alone, and nothing by which a relay could tell that
		 * two connections come from one client. */
		.ssl_client_options_set = (long)(SSL_OP_NO_TLSv1 |
			SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2 |
			SSL_OP_NO_TICKET),
		.options = LWS_SERVER_OPTION_LIBUV |
			LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
			LWS_SERVER_OPTION_EXPLICIT_VHOSTS
#ifdef LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE
			| LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE
#endif
	};

	lws_set_log_level(LLL_ERR, on_lws_log);
	ws->loop = loop;
	ws->context = lws_create_context(&info);
	if (ws->context)
		ws->vhost = lws_create_vhost(ws->context, &info);
	if (!ws->vhost || !ws->tls) {
		log_error("cannot start TLS");
		ws_destroy(ws);
		return ERR_SYSTEM;
	}
	if (ca_file && ws_trust(ws, ca_file))
		log_error("%s: no PEM file with certificates", ca_file);
	*out = ws;
	return OK;
}

void ws_destroy(struct ws *ws)
{
	if (!ws)
		return;
	/* A context on somebody else's loop leaves its virtual host behind. */
	if (ws->vhost)
		lws_vhost_destroy(ws->vhost);
	if (ws->context)
		lws_context_destroy(ws->context);
	/* Its handles close in the loop; 4.1 then wants to be called again, 4.3
	 * has set the pointer to NULL. */
	for (int i = 0; i < 20 && ws->context; i++)
		uv_run(ws->loop, UV_RUN_NOWAIT);
	if (ws->context)
		lws_context_destroy(ws->context);
	free(ws);
}

static void start_connect(struct ws_conn *c, const char *address)
{
	char host[RELAY_HOST_MAX + 16];
	bool v6 = strchr(c->url.host, ':');
	struct lws_client_connect_info info = {
		.context = c->ws->context,
		.vhost = c->ws->vhost,
		.address = address,
		.port = c->url.port,
		.ssl_connection = c->url.tls ? LCCSCF_USE_SSL : 0,
		.path = "/",
		.host = host,
		.protocol = SUBPROTOCOL,
		.local_protocol_name = SUBPROTOCOL,
		.alpn = "http/1.1",
		.userdata = c,
		.pwsi = &c->wsi,
		.retry_and_idle_policy = &no_validity_check,
	};

	if (c->url.port == (c->url.tls ? 443 : 80) || v6)
		snprintf(host, sizeof(host), "%s", c->url.host);
	else
		snprintf(host, sizeof(host), "%s:%u", c->url.host, c->url.port);
	c->connecting = true;
	if (!lws_client_connect_via_info(&info)) {
		/* It may have left a pointer to what it has freed. */
		c->wsi = NULL;
		c->failed = true;
		if (!c->why[0])
			snprintf(c->why, sizeof(c->why),
				 "the relay cannot be reached");
	}
	c->connecting = false;
	if (c->failed)
		conn_gone(c);
}

static const struct addrinfo *pick(const struct addrinfo *found, unsigned n)
{
	const struct addrinfo *a;
	unsigned count = 0;

	for (a = found; a; a = a->ai_next)
		count++;
	for (a = found, n %= count; n > 0; n--)
		a = a->ai_next;
	return a;
}

static void on_resolved(uv_getaddrinfo_t *req, int status,
			struct addrinfo *found)
{
	struct ws_conn *c = req->data;
	const struct addrinfo *a = status ? NULL : pick(found, c->address);
	char address[INET6_ADDRSTRLEN];

	c->resolving = false;
	if (!c->events) {
		uv_freeaddrinfo(found);
		conn_free(c);
		return;
	}
	if (!a || getnameinfo(a->ai_addr, a->ai_addrlen, address,
			      sizeof(address), NULL, 0, NI_NUMERICHOST)) {
		snprintf(c->why, sizeof(c->why), "the name %s is not known",
			 c->url.host);
		if (!status)
			uv_freeaddrinfo(found);
		conn_gone(c);
		return;
	}
	uv_freeaddrinfo(found);
	start_connect(c, address);
}

struct ws_conn *ws_connect(struct ws *ws, const struct relay_url *url,
			   unsigned address,
			   const struct ws_events *events, void *ctx)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct ws_conn *c = xcalloc(1, sizeof(*c));
	char port[8];
	int ret;

	c->ws = ws;
	c->url = *url;
	c->address = address;
	c->events = events;
	c->ctx = ctx;
	c->resolve.data = c;
	buf_init(&c->in, FRAME_MAX);
	snprintf(port, sizeof(port), "%u", url->port);
	/* Off the loop: libwebsockets would look the name up in it and wait. */
	ret = uv_getaddrinfo(ws->loop, &c->resolve, on_resolved, url->host,
			     port, &hints);
	if (ret) {
		log_error("cannot look names up: %s", uv_strerror(ret));
		abort();	/* only for want of memory or wrong arguments */
	}
	c->resolving = true;
	return c;
}

void ws_want_write(struct ws_conn *c)
{
	if (c->open)
		lws_callback_on_writable(c->wsi);
}

void ws_ping(struct ws_conn *c)
{
	c->ping = true;
	ws_want_write(c);
}

void ws_close(struct ws_conn *c, int code)
{
	if (!c)
		return;
	c->events = NULL;
	c->close_code = code ? code : LWS_CLOSE_STATUS_NORMAL;
	if (c->resolving)
		uv_cancel((uv_req_t *)&c->resolve);
	else if (c->open)
		lws_callback_on_writable(c->wsi);
	else if (c->wsi)
		lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK,
				LWS_TO_KILL_ASYNC);
}
