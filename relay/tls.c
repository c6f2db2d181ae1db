#include "tls.h"

#include <openssl/err.h>

#include "buf.h"
#include "log.h"

struct tls {
	SSL_CTX *pair;	/* holds chain and key; no connection is made of it */
};

static int load(const char *cert, const char *key, SSL_CTX **out)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int err = OK;

	if (!ctx)
		return ERR_KEY;
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1) {
		log_error("%s: not a readable PEM certificate chain", cert);
		err = ERR_KEY;
	} else if (SSL_CTX_use_PrivateKey_file(ctx, key,
					       SSL_FILETYPE_PEM) != 1) {
		log_error("%s: not a readable PEM private key, or not the "
			  "certificate's", key);
		err = ERR_KEY;
	}
	ERR_clear_error();
	if (err < 0)
		SSL_CTX_free(ctx);
	else
		*out = ctx;
	return err;
}

int tls_create(const char *cert, const char *key, struct tls **out)
{
	SSL_CTX *pair;
	int err = load(cert, key, &pair);

	if (err < 0)
		return err;
	*out = xcalloc(1, sizeof(**out));
	(*out)->pair = pair;
	return OK;
}

int tls_reload(struct tls *tls, const char *cert, const char *key)
{
	SSL_CTX *pair;
	int err = load(cert, key, &pair);

	if (err < 0)
		return err;
	SSL_CTX_free(tls->pair);
	tls->pair = pair;
	return OK;
}

void tls_destroy(struct tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->pair);
	free(tls);
}

/* At each handshake, so that a reloaded certificate is served. What the socket
 * came with may be of another type and would stand beside it. */
static int on_handshake(SSL *ssl, void *arg)
{
	const struct tls *tls = arg;
	STACK_OF(X509) *chain = NULL;

	SSL_certs_clear(ssl);
	SSL_CTX_get0_chain_certs(tls->pair, &chain);
	return SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(tls->pair),
				    SSL_CTX_get0_privatekey(tls->pair), chain,
				    1) == 1;
}

void tls_attach(struct tls *tls, SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	/* Without tickets and cache: resumption would link a person's
	 * connections. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_cert_cb(ctx, on_handshake, tls);
}
