// SPDX-License-Identifier: GPL-2.0
#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "negotiate.h"
#include "request.h"

#define WHY_MAX 320

struct negotiation {
	struct negotiation_params params; /* holds references on what is in params.tls */
	struct event *io, *deadline;
	struct tls *tls; /* NULL: server, nothing received yet */
};

/* All but the socket. */
static void release(struct negotiation *n)
{
	if (n->io)
		event_free(n->io);
	if (n->deadline)
		event_free(n->deadline);
	tls_free(n->tls);
	identity_put(n->params.tls.id);
	certs_put(n->params.tls.certs);
	trust_put(n->params.tls.trust);
	free(n);
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

static void fail(struct negotiation *n, const char *sentence)
{
	const uint8_t *pin = n->tls ? tls_peer_pin(n->tls) : NULL;
	struct negotiation_params params = n->params;
	uint8_t copy[TUNNEL_PIN_LEN];
	char why[WHY_MAX];
	struct negotiation_result result = { .why = why };

	/* what the result points to must outlive @n: @done may start the next one */
	snprintf(why, sizeof(why), "%s", sentence);
	if (pin) {
		memcpy(copy, pin, sizeof(copy));
		result.pin = copy;
	}
	release(n);
	params.done(params.arg, &result);
}

static void succeed(struct negotiation *n)
{
	struct negotiation_params params = n->params;
	struct negotiation_result result = { 0 };
	char name[REQUEST_HOST_MAX + 1], alpn[EDGE_ALPN_LIST_MAX + 1];
	uint8_t pin[TUNNEL_PIN_LEN];
	struct kdf_keys keys;
	char err[WHY_MAX];
	int ret;

	if (tls_keys(n->tls, &keys)) {
		fail(n, tls_why(n->tls));
		return;
	}
	ret = params.install(params.tls.fd, &keys, err, sizeof(err));
	result.version = keys.version;
	result.cipher = keys.cipher;
	mbedtls_platform_zeroize(&keys, sizeof(keys));
	if (ret) {
		fail(n, err);
		return;
	}
	if (tls_peer_pin(n->tls)) {
		memcpy(pin, tls_peer_pin(n->tls), sizeof(pin));
		result.pin = pin;
	}
	snprintf(name, sizeof(name), "%s", tls_server_name(n->tls));
	result.server_name = name;
	if (tls_alpn(n->tls)) {
		snprintf(alpn, sizeof(alpn), "%s", tls_alpn(n->tls));
		result.alpn = alpn;
	}
	release(n);
	params.done(params.arg, &result);
}

static void on_io(evutil_socket_t fd, short what, void *arg);

static void wait_for(struct negotiation *n, short what)
{
	event_del(n->io);
	event_assign(n->io, n->params.base, n->params.tls.fd, what, on_io, n);
	if (event_add(n->io, NULL))
		fail(n, "out of memory");
}

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	struct negotiation *n = arg;
	char err[WHY_MAX];

	(void)fd;
	(void)what;
	if (!n->tls)
		n->tls = tls_new(&n->params.tls, err, sizeof(err));
	if (!n->tls) {
		fail(n, err);
		return;
	}
	switch (tls_step(n->tls)) {
	case TLS_DONE:
		succeed(n);
		break;
	case TLS_WANT_READ:
		wait_for(n, EV_READ);
		break;
	case TLS_WANT_WRITE:
		wait_for(n, EV_WRITE);
		break;
	case TLS_FAILED:
		fail(n, tls_why(n->tls));
		break;
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct negotiation *n = arg;
	char why[64];

	(void)fd;
	(void)what;
	snprintf(why, sizeof(why), "handshake timed out after %g s", n->params.timeout_ms / 1000.0);
	fail(n, why);
}

struct negotiation *negotiate_start(const struct negotiation_params *params, char *err,
				    size_t errlen)
{
	struct timeval tv = clock_timeval(params->timeout_ms);
	struct negotiation *n;

	n = calloc(1, sizeof(*n));
	if (!n) {
		snprintf(err, errlen, "out of memory");
		return NULL;
	}
	n->params = *params;
	hold(&n->params.tls);
	/* the client speaks first; its socket is writable at once */
	n->io = event_new(params->base, params->tls.fd, params->tls.server ? EV_READ : EV_WRITE,
			  on_io, n);
	n->deadline = evtimer_new(params->base, on_deadline, n);
	if (!n->io || !n->deadline || event_add(n->io, NULL) || event_add(n->deadline, &tv)) {
		snprintf(err, errlen, "out of memory");
		negotiate_abort(n);
		return NULL;
	}
	return n;
}

void negotiate_abort(struct negotiation *n)
{
	if (n)
		release(n);
}
