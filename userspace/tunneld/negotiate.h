/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A handshake in this process: from a connected socket to one whose TLS the kernel does,
 * or to a reason why not. Runs in the event loop, ends by its deadline. The handshake
 * worker makes them; the daemon asks for them by handshake.h.
 */
#ifndef TUNNELD_NEGOTIATE_H
#define TUNNELD_NEGOTIATE_H

#include <event2/event.h>
#include "kdf.h"
#include "tls.h"

struct negotiation;

/** negotiation_install - what is done with the keys: ktls_install(), but in tests */
typedef int (*negotiation_install)(int fd, const struct kdf_keys *keys, char *err, size_t errlen);

/** struct negotiation_result - how it ended; valid until @done returns */
struct negotiation_result {
	const char *why;    /* NULL: well; else one sentence */
	const uint8_t *pin; /* of the peer, if it showed a certificate */
	uint16_t version;   /* KDF_TLS12 or KDF_TLS13 */
	uint16_t cipher;    /* TLS_CIPHER_* */
	/* of a listener with certificates */
	const char *server_name; /* tls_server_name() */
	const char *alpn;	 /* what was agreed, or NULL */
};

/** negotiation_done - called exactly once, from the event loop, unless aborted before */
typedef void (*negotiation_done)(void *arg, const struct negotiation_result *result);

struct negotiation_params {
	struct event_base *base;
	negotiation_install install;
	/* .fd: connected, O_NONBLOCK, with ktls_prepare() behind it; stays the caller's.
	 * .upstream: until @done was called */
	struct tls_params tls;
	unsigned int timeout_ms;
	negotiation_done done;
	void *arg;
};

/**
 * negotiate_start - begin
 *
 * A server side allocates TLS state only when the first byte has arrived: a
 * connection that says nothing costs a socket and 200 bytes.
 *
 * Return: the negotiation, valid until @done was called or negotiate_abort(); or NULL with a
 * sentence in @err. When @done is called nothing of it waits for the socket any more.
 */
struct negotiation *negotiate_start(const struct negotiation_params *params, char *err,
				    size_t errlen);

/** negotiate_abort - forget it; @done is not called. NULL is fine. */
void negotiate_abort(struct negotiation *n);

#endif /* TUNNELD_NEGOTIATE_H */
