/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One TLS handshake on a non-blocking socket: mutual authentication by pinned
 * keys, and the secrets of it for kTLS. The only user of mbedTLS' SSL layer.
 */
#ifndef TUNNELD_TLS_H
#define TUNNELD_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "identity.h"
#include "kdf.h"

#define TLS_ALPN "tunnel/1"

/**
 * tls_accept_pin - may a peer with this key come in?
 * Called at least twice per handshake: when the certificate arrives and when
 * the handshake is done. Must compare with crypto_equal().
 */
typedef bool (*tls_accept_pin)(void *arg, const uint8_t pin[TUNNEL_PIN_LEN]);

struct tls_params {
	int fd; /* borrowed */
	bool server;
	struct identity *id; /* a reference is taken */
	uint32_t ciphers;    /* TUNNEL_CIPHER_* */
	tls_accept_pin accept_pin;
	void *arg;
};

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
 * ALPN agreed, peer certificate there and its pin accepted, extended master
 * secret used, nothing read beyond the handshake.
 *
 * Return: 0, or -EPROTO, -EKEYREJECTED or -EINVAL with tls_why() set and an alert sent.
 */
int tls_keys(struct tls *t, struct kdf_keys *keys);

/** tls_why - why it failed, one sentence fit for a log */
const char *tls_why(const struct tls *t);

/** tls_peer_pin - pin of the certificate the peer showed; NULL before it did */
const uint8_t *tls_peer_pin(const struct tls *t);

#endif /* TUNNELD_TLS_H */
