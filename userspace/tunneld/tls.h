/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One TLS handshake on a non-blocking socket, and the secrets of it for kTLS. The only
 * user of mbedTLS' SSL layer. There are three kinds, by what is set in struct tls_params:
 *
 *	accept	a carrier: both sides are known, by pinned keys or by who signed for them
 *		(id), by a key that both have (psk, find_psk), or, who accepts, by either
 *	certs	a listener that ends TLS: we show a certificate, to whoever comes
 *	upstream a service that wants TLS: we look at its certificate and name, unless
 *		the admin said otherwise
 */
#ifndef TUNNELD_TLS_H
#define TUNNELD_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "certs.h"
#include "identity.h"
#include "kdf.h"
#include "target.h"
#include "tnl.h"
#include "trust.h"

#define TLS_ALPN "tunnel/1"

/** struct tls_peer - who the other side has shown to be */
struct tls_peer {
	const uint8_t *pin;	 /* of its key, or of the key that both have */
	mbedtls_x509_crt *chain; /* its certificate and what it sent behind it; NULL: a PSK */
};

/**
 * tls_accept - may this peer come in?
 * @why: on false gets a sentence, if there is more to say than that nobody here knows it
 * Called at least twice per handshake: when the certificate arrives and when
 * the handshake is done. Must compare with crypto_equal().
 */
typedef bool (*tls_accept)(void *arg, const struct tls_peer *peer, char *why, size_t whylen);

/**
 * tls_find_psk - the key that a client may have which gives this name
 * @name: @len bytes, as the client sent them
 * Return: borrowed until the callback is called again, or NULL: nobody is called so.
 */
typedef const struct tnl_psk *(*tls_find_psk)(void *arg, const uint8_t *name, size_t len);

struct tls_params {
	int fd; /* borrowed */
	bool server;
	uint32_t ciphers; /* TUNNEL_CIPHER_* */

	struct identity *id; /* a reference is taken */
	/* A client: this key, by this name, and none of ours. Borrowed until tls_new() returns. */
	const struct tnl_psk *psk;
	const char *psk_name;
	tls_find_psk find_psk; /* .server: NULL if nobody has one */
	tls_accept accept;
	void *arg;

	struct certs *certs; /* a reference is taken; .server */

	const struct upstream *upstream; /* borrowed until tls_new() returns; a client */
	struct trust *trust;		 /* its .verify: a reference is taken */
};

/** TLS_CIPHERS_ALL - whatever kTLS and we know */
#define TLS_CIPHERS_ALL UINT32_MAX

enum tls_status {
	TLS_DONE,
	TLS_WANT_READ,
	TLS_WANT_WRITE,
	TLS_FAILED, /* tls_why(); an alert was sent where there is one for it */
};

struct tls;

/** tls_new - Return: NULL with a sentence in @err (no cipher allowed, no memory). */
struct tls *tls_new(const struct tls_params *params, char *err, size_t errlen);

/** tls_free - wipes all secrets; the socket stays open. NULL is fine. */
void tls_free(struct tls *t);

/** tls_step - go on until the socket would block, TLS_DONE or TLS_FAILED */
enum tls_status tls_step(struct tls *t);

/**
 * tls_keys - after TLS_DONE: check everything once more and derive the keys
 *
 * Of a carrier: ALPN agreed, peer certificate there and accepted, or the fingerprint of
 * the key that both have, extended master
 * secret used. Of an upstream: its certificate verified, HTTP/2 agreed if we want no other.
 * Of all: nothing read beyond the handshake.
 *
 * Return: 0, or -EPROTO, -EKEYREJECTED or -EINVAL with tls_why() set and an alert sent.
 */
int tls_keys(struct tls *t, struct kdf_keys *keys);

/** tls_why - why it failed, one sentence fit for a log */
const char *tls_why(const struct tls *t);

/** tls_peer_pin - pin of the certificate, or of the PSK, the peer showed; NULL before it did */
const uint8_t *tls_peer_pin(const struct tls *t);

/** tls_server_name - what the client asked for (SNI), in lower case; "" for nothing */
const char *tls_server_name(const struct tls *t);

/** tls_alpn - the protocol that was agreed, or NULL */
const char *tls_alpn(const struct tls *t);

#endif /* TUNNELD_TLS_H */
