/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A handshake in flight: from a connected socket to one whose TLS the kernel
 * does, or to a reason why not. Runs in the event loop, ends by its deadline.
 */
#ifndef TUNNELD_HANDSHAKE_H
#define TUNNELD_HANDSHAKE_H

#include <event2/event.h>
#include "identity.h"
#include "kdf.h"
#include "tls.h"

struct handshake;

/** struct handshake_ops - what is done to the socket; tests replace it */
struct handshake_ops {
	/* Before the first byte. Return: 0, or -errno with a sentence in @err. */
	int (*prepare)(int fd, char *err, size_t errlen);
	/* With the keys, after the last. Return: as above. */
	int (*install)(int fd, const struct kdf_keys *keys, char *err, size_t errlen);
};

/** handshake_ktls - the real thing, ktls.h */
extern const struct handshake_ops handshake_ktls;

/**
 * struct handshake_result - how it ended
 * @fd: on success the socket, now the callee's; else -1
 * @why: on failure one sentence
 * @pin: of the peer, if it showed a certificate
 */
struct handshake_result {
	int fd;
	const char *why;
	const uint8_t *pin;
	uint16_t version; /* KDF_TLS12 or KDF_TLS13 */
	uint16_t cipher;  /* TLS_CIPHER_* */
	/* of a listener with certificates; valid until @done returns */
	const char *server_name; /* tls_server_name() */
	const char *alpn;	 /* what was agreed, or NULL */
};

/** handshake_done - called exactly once, from the event loop, unless aborted before */
typedef void (*handshake_done)(void *arg, const struct handshake_result *result);

struct handshake_params {
	struct event_base *base;
	const struct handshake_ops *ops;
	/*
	 * .fd: connected, O_NONBLOCK; owned from here on. .upstream, .psk, .psk_name: until
	 * @done was called
	 */
	struct tls_params tls;
	unsigned int timeout_ms;
	handshake_done done;
	void *arg;
};

/**
 * handshake_start - begin
 *
 * A server side allocates TLS state only when the first byte has arrived: a
 * connection that says nothing costs a socket and 200 bytes.
 *
 * Return: the handshake, valid until @done was called or handshake_abort(); or NULL with a
 * sentence in @err and the socket closed.
 */
struct handshake *handshake_start(const struct handshake_params *params, char *err, size_t errlen);

/** handshake_abort - forget it and close the socket; @done is not called. NULL is fine. */
void handshake_abort(struct handshake *h);

#endif /* TUNNELD_HANDSHAKE_H */
