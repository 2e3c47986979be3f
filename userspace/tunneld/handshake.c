// SPDX-License-Identifier: GPL-2.0
#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "handshake.h"
#include "ktls.h"
#include "linger.h"
#include "request.h"

#define WHY_MAX 320

const struct handshake_ops handshake_ktls = {
	.prepare = ktls_prepare,
	.install = ktls_install,
};

struct handshake {
	struct handshake_params params; /* holds references on what is in params.tls */
	struct event *io, *deadline;
	struct tls *tls; /* NULL: server, nothing received yet */
};

/* All but the socket. */
static void release(struct handshake *h)
{
	if (h->io)
		event_free(h->io);
	if (h->deadline)
		event_free(h->deadline);
	tls_free(h->tls);
	identity_put(h->params.tls.id);
	certs_put(h->params.tls.certs);
	trust_put(h->params.tls.trust);
	free(h);
}

static void hold(const struct tls_params *tls)
{
	if (tls->id)
		identity_ref(tls->id);
	if (tls->certs)
		certs_ref(tls->certs);
	if (tls->trust)
		trust_ref(tls->trust);
}

static void fail(struct handshake *h, const char *sentence)
{
	const uint8_t *pin = h->tls ? tls_peer_pin(h->tls) : NULL;
	struct handshake_params params = h->params;
	uint8_t copy[TUNNEL_PIN_LEN];
	char why[WHY_MAX];
	struct handshake_result result = { .fd = -1, .why = why };

	/* what the result points to must outlive @h: @done may start the next one */
	snprintf(why, sizeof(why), "%s", sentence);
	if (pin) {
		memcpy(copy, pin, sizeof(copy));
		result.pin = copy;
	}
	release(h);
	linger_close(params.base, params.tls.fd);
	params.done(params.arg, &result);
}

static void succeed(struct handshake *h)
{
	struct handshake_params params = h->params;
	struct handshake_result result = { .fd = params.tls.fd };
	char name[REQUEST_HOST_MAX + 1], alpn[EDGE_ALPN_LIST_MAX + 1];
	uint8_t pin[TUNNEL_PIN_LEN];
	struct kdf_keys keys;
	char err[WHY_MAX];
	int ret;

	if (tls_keys(h->tls, &keys)) {
		fail(h, tls_why(h->tls));
		return;
	}
	ret = params.ops->install(params.tls.fd, &keys, err, sizeof(err));
	result.version = keys.version;
	result.cipher = keys.cipher;
	mbedtls_platform_zeroize(&keys, sizeof(keys));
	if (ret) {
		fail(h, err);
		return;
	}
	if (tls_peer_pin(h->tls)) {
		memcpy(pin, tls_peer_pin(h->tls), sizeof(pin));
		result.pin = pin;
	}
	snprintf(name, sizeof(name), "%s", tls_server_name(h->tls));
	result.server_name = name;
	if (tls_alpn(h->tls)) {
		snprintf(alpn, sizeof(alpn), "%s", tls_alpn(h->tls));
		result.alpn = alpn;
	}
	release(h);
	params.done(params.arg, &result);
}

static void on_io(evutil_socket_t fd, short what, void *arg);

static void wait_for(struct handshake *h, short what)
{
	event_del(h->io);
	event_assign(h->io, h->params.base, h->params.tls.fd, what, on_io, h);
	if (event_add(h->io, NULL))
		fail(h, "out of memory");
}

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	struct handshake *h = arg;
	char err[WHY_MAX];

	(void)fd;
	(void)what;
	if (!h->tls)
		h->tls = tls_new(&h->params.tls, err, sizeof(err));
	if (!h->tls) {
		fail(h, err);
		return;
	}
	switch (tls_step(h->tls)) {
	case TLS_DONE:
		succeed(h);
		break;
	case TLS_WANT_READ:
		wait_for(h, EV_READ);
		break;
	case TLS_WANT_WRITE:
		wait_for(h, EV_WRITE);
		break;
	case TLS_FAILED:
		fail(h, tls_why(h->tls));
		break;
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct handshake *h = arg;
	char why[64];

	(void)fd;
	(void)what;
	snprintf(why, sizeof(why), "handshake timed out after %g s", h->params.timeout_ms / 1000.0);
	fail(h, why);
}

struct handshake *handshake_start(const struct handshake_params *params, char *err, size_t errlen)
{
	struct timeval tv = clock_timeval(params->timeout_ms);
	struct handshake *h;

	if (params->ops->prepare(params->tls.fd, err, errlen)) {
		close(params->tls.fd);
		return NULL;
	}
	h = calloc(1, sizeof(*h));
	if (!h) {
		snprintf(err, errlen, "out of memory");
		close(params->tls.fd);
		return NULL;
	}
	h->params = *params;
	hold(&h->params.tls);
	/* the client speaks first; its socket is writable at once */
	h->io = event_new(params->base, params->tls.fd, params->tls.server ? EV_READ : EV_WRITE,
			  on_io, h);
	h->deadline = evtimer_new(params->base, on_deadline, h);
	if (!h->io || !h->deadline || event_add(h->io, NULL) || event_add(h->deadline, &tv)) {
		snprintf(err, errlen, "out of memory");
		handshake_abort(h);
		return NULL;
	}
	return h;
}

void handshake_abort(struct handshake *h)
{
	int fd;

	if (!h)
		return;
	fd = h->params.tls.fd;
	release(h);
	close(fd);
}
