/* The certificate and TLS settings of the relay's sockets. */
#ifndef SOTTO_TLS_H
#define SOTTO_TLS_H

#include <openssl/ssl.h>

#include "err.h"

struct tls;

/* Paths of a PEM certificate chain and of its private key. ERR_KEY when they do
 * not load or do not belong together; logged. */
int tls_create(const char *cert, const char *key, struct tls **out) must_check;
/* Serves these from the next handshake on; on ERR_KEY the old ones stay. */
int tls_reload(struct tls *tls, const char *cert, const char *key) must_check;
/* No handshake is under way any more. Takes NULL. */
void tls_destroy(struct tls *tls);
/* Makes ctx a server of TLS 1.3 alone, without resumption, that shows the
 * certificate of tls. */
void tls_attach(struct tls *tls, SSL_CTX *ctx);

#endif
