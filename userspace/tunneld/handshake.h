/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A handshake in flight: from a connected socket to one whose TLS the kernel
 * does, or to a reason why not. The handshake worker makes it (worker.h); we look at
 * what can be seen of it from here, and give up when the worker does.
 */
#ifndef TUNNELD_HANDSHAKE_H
#define TUNNELD_HANDSHAKE_H

#include <event2/event.h>
#include "identity.h"
#include "pins.h"
#include "tls.h"
#include "workshop.h"

struct handshake;

/** struct handshake_ops - what is done to the socket here; tests replace it */
struct handshake_ops {
	/* Before the first byte. Return: 0, or -errno with a sentence in @err. */
	int (*prepare)(int fd, char *err, size_t errlen);
	/* After the last: what does the kernel do on it? Return: as above. */
	int (*installed)(int fd, uint16_t *version, uint16_t *cipher, char *err, size_t errlen);
};

/** handshake_ktls - the real thing, ktls.h */
extern const struct handshake_ops handshake_ktls;

/** handshake_reports - for workshop_run() */
extern const struct workshop_ops handshake_reports;

/**
 * struct handshake_result - how it ended
 * @fd: on success the socket, now the callee's, and no descriptor of it elsewhere; else -1
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
	struct workshop *shop;
	/*
	 * .fd: connected, O_NONBLOCK; owned from here on. .accept_pin: asked here, when all is
	 * done, whether the peer may still come in. .upstream: needed during the call only.
	 */
	struct tls_params tls;
	struct pins *pins; /* with tls.id: who may come in as of now */
	unsigned int timeout_ms;
	handshake_done done;
	void *arg;
};

/**
 * handshake_start - begin
 *
 * Without a worker there is none: nobody else makes it.
 *
 * Return: the handshake, valid until @done was called or handshake_abort(); or NULL with a
 * sentence in @err and the socket closed.
 */
struct handshake *handshake_start(const struct handshake_params *params, char *err, size_t errlen);

/** handshake_abort - forget it and close the socket; @done is not called. NULL is fine. */
void handshake_abort(struct handshake *h);

#endif /* TUNNELD_HANDSHAKE_H */
