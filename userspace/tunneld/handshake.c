// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "clock.h"
#include "handshake.h"
#include "ktls.h"
#include "linger.h"
#include "suites.h"
#include "tnl.h"

/* More than there can be of all that begin one, see conn_limits.h, visitor.c, ask.c. */
#define MOST 12288
const struct handshake_ops handshake_ktls = {
	.prepare = ktls_prepare,
	.installed = ktls_installed,
};

struct handshake {
	struct handshake *next, **prev; /* workshop.handshakes */
	struct handshake_params params; /* holds references on params.peers and .tls.certs */
	uint64_t id, began_ms;
	struct event *deadline;
	char alpn[EDGE_ALPN_LIST_MAX + 1]; /* what a service is offered */
};

/* All but the socket. */
static void release(struct handshake *h)
{
	struct workshop *shop = h->params.shop;

	*h->prev = h->next;
	if (h->next)
		h->next->prev = h->prev;
	shop->n_handshakes--;
	if (h->deadline)
		event_free(h->deadline);
	certs_put(h->params.tls.certs);
	peers_put(h->params.peers);
	free(h);
}

/* @pin: may be NULL */
static void fail(struct handshake *h, const char *why, const uint8_t *pin)
{
	struct handshake_params params = h->params;
	struct handshake_result result = { .fd = -1, .why = why, .pin = pin };

	release(h);
	linger_close(params.base, params.tls.fd);
	params.done(params.arg, &result);
}

/* The worker is to let go of it, too. */
static void call_off(struct handshake *h)
{
	struct order abort = { .what = ORDER_ABORT, .id = h->id };

	if (workshop_is_open(h->params.shop) && !workshop_recall(h->params.shop, h->id))
		workshop_order(h->params.shop, &abort, -1);
}

/* --- what the worker says -------------------------------------------------- */

static bool is_offered(const struct handshake *h, const char *alpn)
{
	const struct tls_params *tls = &h->params.tls;
	const char **name = tls->certs ? certs_alpn(tls->certs) : NULL;
	struct edge_names names;

	if (h->params.peers)
		return !strcmp(alpn, TLS_ALPN);
	if (!*alpn)
		return true;
	if (!tls->certs) {
		edge_split(&names, h->alpn);
		name = names.name;
	}
	for (; name && *name; name++)
		if (!strcmp(alpn, *name))
			return true;
	return false;
}

/* Can it be so? What follows takes it for true. */
static bool is_possible(const struct handshake *h, const struct report *r)
{
	char name[REQUEST_HOST_MAX + 1];
	struct text text = { r->name, strlen(r->name) };

	if (*r->name &&
	    (!h->params.tls.certs || !request_host(name, text, false) || strcmp(name, r->name)))
		return false;
	if (!is_offered(h, r->alpn))
		return false;
	return h->params.peers ? r->has_pin && peers_could_be(h->params.peers, r->peer, r->pin) :
				 !r->peer;
}

static void done(struct handshake *h, const struct report *r)
{
	struct handshake_params params = h->params;
	struct handshake_result result = { .fd = params.tls.fd, .server_name = r->name };
	char why[REPORT_WHY_MAX], pin[2 * TUNNEL_PIN_LEN + 1];

	result.pin = r->has_pin ? r->pin : NULL;
	result.alpn = *r->alpn ? r->alpn : NULL;
	/* nobody's word for it */
	if (params.shop->sockets->installed(params.tls.fd, &result.version, &result.cipher, why,
					    sizeof(why))) {
		fail(h, why, result.pin);
		return;
	}
	if (!(suites_allow_bit(result.cipher) & params.tls.ciphers)) {
		snprintf(why, sizeof(why), "%s is not allowed", tnl_cipher_name(result.cipher));
		fail(h, why, result.pin);
		return;
	}
	/* tunnels may have changed since the worker was told who may come */
	if (params.peers) {
		result.peer = peers_get(params.peers, r->peer);
		if (!params.still(params.arg, result.peer, r->pin)) {
			tnl_format_pin(r->pin, pin);
			snprintf(why, sizeof(why),
				 "unknown peer %s: its tunnel was removed or changed during the handshake",
				 pin);
			fail(h, why, result.pin);
			return;
		}
		peers_ref(params.peers);
	}
	release(h);
	params.done(params.arg, &result);
	peers_put(params.peers);
}

static void on_report(struct workshop *shop, const struct report *r)
{
	struct handshake *h;

	for (h = shop->handshakes; h && h->id != r->id; h = h->next)
		;
	/* one that we have given up meanwhile */
	if (!h)
		return;
	/* It has not been told of that one: our descriptor still waits to be sent. */
	if (workshop_recall(shop, h->id)) {
		workshop_renew(shop, "reports on what it was never asked");
		return;
	}
	if (r->what == REPORT_FAILED)
		fail(h, r->why, r->has_pin ? r->pin : NULL);
	else if (is_possible(h, r))
		done(h, r);
	else
		workshop_renew(shop, "reports what cannot be");
}

static void on_ended(struct workshop *shop)
{
	/* those that are begun in the meantime are refused: there is no worker */
	while (shop->handshakes)
		fail(shop->handshakes, "the handshake worker has ended in the middle of it", NULL);
}

const struct workshop_ops handshake_reports = {
	.report = on_report,
	.ended = on_ended,
};

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct handshake *h = arg;
	struct workshop *shop = h->params.shop;
	bool stuck = shop->heard_ms < h->began_ms;

	(void)fd;
	(void)what;
	call_off(h);
	fail(h, "the handshake worker did not answer in time", NULL);
	if (stuck && workshop_is_open(shop))
		workshop_renew(shop, "is stuck");
}

/* --- what it is told -------------------------------------------------------- */

static int pack_identity(void *what, struct parcel *p)
{
	return identity_pack(what, p);
}

static int pack_peers(void *what, struct parcel *p)
{
	return peers_pack(what, p);
}

static int pack_certs(void *what, struct parcel *p)
{
	return certs_pack(what, p);
}

static int pack_trust(void *what, struct parcel *p)
{
	return trust_pack(what, p);
}

/* Return: false with a sentence in @err. */
static bool give_objects(const struct handshake_params *params, struct order *order, char *err,
			 size_t errlen)
{
	const struct tls_params *tls = &params->tls;
	struct workshop *shop = params->shop;

	if (params->peers) {
		order->peers = workshop_keep(shop, peers_object(params->peers), OBJECT_PEERS,
					     pack_peers, params->peers, err, errlen);
		/* without one it is by a key that both have */
		if (tls->id)
			order->identity = workshop_keep(shop, identity_object(tls->id),
							OBJECT_IDENTITY, pack_identity, tls->id,
							err, errlen);
		return order->peers && (!tls->id || order->identity);
	}
	if (tls->certs) {
		order->certs = workshop_keep(shop, certs_object(tls->certs), OBJECT_CERTS,
					     pack_certs, tls->certs, err, errlen);
		return order->certs != 0;
	}
	if (tls->trust)
		order->trust = workshop_keep(shop, trust_object(tls->trust), OBJECT_TRUST,
					     pack_trust, tls->trust, err, errlen);
	return !tls->trust || order->trust;
}

static bool tell(struct handshake *h, const struct handshake_params *params, char *err,
		 size_t errlen)
{
	const struct upstream *u = params->tls.upstream;
	const struct tls_params *tls = &params->tls;
	struct order order = { .what = ORDER_SHAKE,
			       .id = h->id,
			       .server = tls->server,
			       .ciphers = tls->ciphers,
			       .timeout_ms = params->timeout_ms };
	int ret;

	if (!give_objects(params, &order, err, errlen))
		return false;
	if (u) {
		order.upstream = true;
		order.verify = u->verify;
		snprintf(order.name, sizeof(order.name), "%s", u->name);
		snprintf(order.alpn, sizeof(order.alpn), "%s", u->alpn);
	}
	ret = workshop_order(params->shop, &order, tls->fd);
	if (ret)
		snprintf(err, errlen, "the handshake worker: %s", strerror(-ret));
	return !ret;
}

/* --- life ------------------------------------------------------------------- */

static struct handshake *make(const struct handshake_params *params)
{
	struct timeval tv = clock_timeval((uint64_t)params->timeout_ms + params->shop->late_ms);
	struct handshake *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->deadline = evtimer_new(params->base, on_deadline, h);
	if (!h->deadline || event_add(h->deadline, &tv)) {
		if (h->deadline)
			event_free(h->deadline);
		free(h);
		return NULL;
	}
	h->params = *params;
	h->params.tls.upstream = NULL;
	h->params.tls.id = NULL;
	if (params->peers)
		peers_ref(params->peers);
	if (params->tls.certs)
		certs_ref(params->tls.certs);
	if (params->tls.upstream)
		snprintf(h->alpn, sizeof(h->alpn), "%s", params->tls.upstream->alpn);
	h->id = workshop_id(params->shop);
	h->began_ms = clock_ms();
	h->prev = &params->shop->handshakes;
	h->next = *h->prev;
	if (h->next)
		h->next->prev = &h->next;
	*h->prev = h;
	params->shop->n_handshakes++;
	return h;
}

struct handshake *handshake_start(const struct handshake_params *params, char *err, size_t errlen)
{
	struct workshop *shop = params->shop;
	struct handshake *h = NULL;

	if (!workshop_is_open(shop))
		snprintf(err, errlen, "there is no handshake worker at this moment");
	else if (shop->n_handshakes >= MOST)
		snprintf(err, errlen, "too many handshakes (%u)", shop->n_handshakes);
	else if (!shop->sockets->prepare(params->tls.fd, err, errlen)) {
		h = make(params);
		if (!h)
			snprintf(err, errlen, "out of memory");
	}
	if (h && tell(h, params, err, errlen))
		return h;
	if (h)
		release(h);
	close(params->tls.fd);
	return NULL;
}

void handshake_abort(struct handshake *h)
{
	int fd;

	if (!h)
		return;
	call_off(h);
	fd = h->params.tls.fd;
	release(h);
	/* for the peer it is over now, whenever the worker closes its descriptor */
	shutdown(fd, SHUT_RDWR);
	close(fd);
}
