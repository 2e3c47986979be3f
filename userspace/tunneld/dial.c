// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "attach.h"
#include "backoff.h"
#include "clock.h"
#include "crypto.h"
#include "dial.h"
#include "resolve.h"

#define WHY_MAX 512

enum dial_state {
	DIAL_IDLE, /* there is a carrier, or it is not known yet that there is none */
	DIAL_WAIT, /* timer: backoff */
	DIAL_RESOLVE,
	DIAL_CONNECT, /* io, timer: deadline of this address */
	DIAL_HANDSHAKE,
};

struct dial {
	struct daemon *d;
	struct tunnel *t;
	enum dial_state state;
	struct event *timer;

	struct resolve *resolve;
	struct sockaddr_storage addr[RESOLVE_MAX];
	size_t n_addr, next_addr;
	int fd; /* DIAL_CONNECT */
	struct event *io;
	struct handshake *handshake;
	char peer[TNL_ADDRSTRLEN]; /* the address being tried */

	struct backoff backoff;
	uint64_t up_ms;	   /* the carrier is up since; 0: it is not */
	bool attached;	   /* there was a carrier whose end is not accounted for */
	uint64_t delay_ms; /* before the next attempt */
};

static void connect_next(struct dial *dl);

static uint32_t chance(void)
{
	uint32_t v;

	evutil_secure_rng_get_bytes(&v, sizeof(v));
	return v;
}

/* --- one attempt --------------------------------------------------------- */

static void wait_ms(struct dial *dl, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	dl->state = DIAL_WAIT;
	evtimer_add(dl->timer, &tv);
}

static void close_socket(struct dial *dl)
{
	if (dl->io) {
		event_free(dl->io);
		dl->io = NULL;
	}
	if (dl->fd >= 0) {
		close(dl->fd);
		dl->fd = -1;
	}
}

/* Whatever is going on for the present attempt ends. */
static void cancel(struct dial *dl)
{
	evtimer_del(dl->timer);
	resolve_cancel(dl->resolve);
	dl->resolve = NULL;
	close_socket(dl);
	handshake_abort(dl->handshake);
	dl->handshake = NULL;
	dl->state = DIAL_IDLE;
}

static void attempt_failed(struct dial *dl, const char *why)
{
	uint64_t ms = backoff_failed(&dl->backoff, chance());

	cancel(dl);
	log_info("tunnel %s: dialling %s: %s; next try in %.1f s", dl->t->name, dl->t->remote, why,
		 (double)ms / 1000);
	wait_ms(dl, ms);
}

/* One address failed: the next one, or the attempt is over. */
static void address_failed(struct dial *dl, const char *why)
{
	char text[WHY_MAX];

	close_socket(dl);
	snprintf(text, sizeof(text), "%s: %s", dl->peer, why);
	if (dl->next_addr < dl->n_addr) {
		log_debug("tunnel %s: %s", dl->t->name, text);
		connect_next(dl);
	} else {
		attempt_failed(dl, text);
	}
}

static bool accept_pin(void *arg, const uint8_t pin[TUNNEL_PIN_LEN])
{
	const struct dial *dl = arg;

	return crypto_equal(pin, dl->t->pin, TUNNEL_PIN_LEN);
}

static void on_handshake(void *arg, const struct handshake_result *result)
{
	struct dial *dl = arg;
	char why[WHY_MAX], got[2 * TUNNEL_PIN_LEN + 1], want[2 * TUNNEL_PIN_LEN + 1];
	uint32_t id;

	dl->handshake = NULL;
	if (result->fd >= 0) {
		if (attach_carrier(&dl->d->ctl, dl->t->name, result->fd, result->pin, &id)) {
			attempt_failed(dl, dl->d->ctl.error);
			return;
		}
		dl->state = DIAL_IDLE;
		dl->attached = true;
		dl->up_ms = 0;
		log_info("tunnel %s: carrier %u to %s attached (%s, %s)", dl->t->name, id, dl->peer,
			 tnl_tls_version_name(result->version), tnl_cipher_name(result->cipher));
		return;
	}
	snprintf(why, sizeof(why), "%s", result->why);
	if (result->pin && !accept_pin(dl, result->pin)) {
		tnl_format_pin(result->pin, got);
		tnl_format_pin(dl->t->pin, want);
		snprintf(why, sizeof(why), "wrong peer: its pin is %s, expected %s", got, want);
	}
	address_failed(dl, why);
}

static void start_handshake(struct dial *dl)
{
	struct handshake_params params = {
		.base = dl->d->base,
		.shop = &dl->d->shop,
		.tls = { .fd = dl->fd,
			 .ciphers = dl->t->ciphers,
			 .accept_pin = accept_pin,
			 .arg = dl },
		.timeout_ms = dl->d->handshake_timeout_ms,
		.done = on_handshake,
		.arg = dl,
	};
	char why[WHY_MAX];

	params.tls.id = identity_get(dl->t->key, why, sizeof(why));
	if (!params.tls.id) {
		attempt_failed(dl, why);
		return;
	}
	params.pins = pins_new(&dl->t->pin, 1);
	if (!params.pins) {
		identity_put(params.tls.id);
		attempt_failed(dl, "out of memory");
		return;
	}
	dl->fd = -1;
	dl->state = DIAL_HANDSHAKE;
	dl->handshake = handshake_start(&params, why, sizeof(why));
	identity_put(params.tls.id);
	pins_put(params.pins);
	if (!dl->handshake)
		address_failed(dl, why);
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct dial *dl = arg;
	socklen_t len = sizeof(int);
	int error = 0;

	(void)what;
	evtimer_del(dl->timer);
	event_free(dl->io);
	dl->io = NULL;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error)
		address_failed(dl, strerror(error));
	else
		start_handshake(dl);
}

static void connect_next(struct dial *dl)
{
	struct timeval tv = clock_timeval(dl->d->handshake_timeout_ms);
	const struct sockaddr_storage *to = &dl->addr[dl->next_addr++];
	int one = 1;

	tnl_format_addr(to, tnl_addr_len(to), dl->peer);
	log_debug("tunnel %s: dialling %s", dl->t->name, dl->peer);
	dl->state = DIAL_CONNECT;
	dl->fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (dl->fd < 0) {
		address_failed(dl, strerror(errno));
		return;
	}
	setsockopt(dl->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(dl->fd, (const struct sockaddr *)to, tnl_addr_len(to)) &&
	    errno != EINPROGRESS) {
		address_failed(dl, strerror(errno));
		return;
	}
	dl->io = event_new(dl->d->base, dl->fd, EV_WRITE, on_connected, dl);
	if (!dl->io || event_add(dl->io, NULL)) {
		address_failed(dl, "out of memory");
		return;
	}
	evtimer_add(dl->timer, &tv);
}

static void on_resolved(void *arg, const struct sockaddr_storage *addr, size_t n, const char *why)
{
	struct dial *dl = arg;

	dl->resolve = NULL;
	if (!n) {
		attempt_failed(dl, why);
		return;
	}
	memcpy(dl->addr, addr, n * sizeof(*addr));
	dl->n_addr = n;
	dl->next_addr = 0;
	connect_next(dl);
}

static void attempt(struct dial *dl)
{
	char why[WHY_MAX];
	struct identity *id;

	/* a key that cannot be read makes the rest pointless */
	id = identity_get(dl->t->key, why, sizeof(why));
	if (!id) {
		attempt_failed(dl, why);
		return;
	}
	identity_put(id);
	dl->state = DIAL_RESOLVE;
	dl->resolve = resolve_start(dl->d->base, dl->t->remote, true, on_resolved, dl, why,
				    sizeof(why));
	if (!dl->resolve)
		attempt_failed(dl, why);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct dial *dl = arg;

	(void)fd;
	(void)what;
	if (dl->state == DIAL_WAIT)
		attempt(dl);
	else if (dl->state == DIAL_CONNECT)
		address_failed(dl, "no answer");
}

/* --- when to dial -------------------------------------------------------- */

/* Losses that a new carrier cures; after others the peer is likely to refuse again. */
static bool resumable(uint8_t reason)
{
	switch (reason) {
	case TUNNEL_REASON_NONE:
	case TUNNEL_REASON_TRANSPORT:
	case TUNNEL_REASON_AEAD_LIMIT:
	case TUNNEL_REASON_REPLACED:
	case TUNNEL_REASON_TIMED_OUT:
	case TUNNEL_REASON_ADMIN:
	case TUNNEL_REASON_PEER_RESTARTED:
		return true;
	default:
		return false;
	}
}

static void account_loss(struct dial *dl, uint8_t reason)
{
	uint64_t now = clock_ms(), lived = dl->up_ms ? now - dl->up_ms + 1 : 0;

	dl->delay_ms = backoff_lost(&dl->backoff, lived, resumable(reason), now, chance());
	dl->attached = false;
	dl->up_ms = 0;
}

void dial_carrier_up(struct tunnel *t)
{
	if (!t->dial)
		return;
	t->dial->attached = true;
	t->dial->up_ms = clock_ms();
}

void dial_carrier_down(struct tunnel *t, uint8_t reason)
{
	/* the end of a carrier that a newer one replaced says nothing about the newer */
	if (t->dial && t->dial->attached && reason != TUNNEL_REASON_REPLACED)
		account_loss(t->dial, reason);
}

void dial_moved(struct tunnel *t)
{
	t->dial->t = t;
}

static struct dial *make(struct daemon *d, struct tunnel *t)
{
	struct dial *dl = calloc(1, sizeof(*dl));

	if (!dl)
		return NULL;
	dl->d = d;
	dl->t = t;
	dl->fd = -1;
	dl->timer = evtimer_new(d->base, on_timer, dl);
	if (!dl->timer) {
		free(dl);
		return NULL;
	}
	return dl;
}

void dial_sync(struct daemon *d, struct tunnel *t)
{
	struct dial *dl = t->dial;

	if (!dl) {
		dl = make(d, t);
		if (!dl) {
			log_info("tunnel %s: out of memory", t->name);
			return;
		}
		t->dial = dl;
	}
	if (t->state != TUNNEL_STATE_DOWN) {
		if (dl->state != DIAL_IDLE)
			cancel(dl);
		dl->attached = true;
		/* it may have come up before this daemon was started */
		if (t->state == TUNNEL_STATE_UP && !dl->up_ms)
			dl->up_ms = clock_ms();
		return;
	}
	if (dl->state != DIAL_IDLE)
		return;
	/* a loss whose notification we did not get */
	if (dl->attached)
		account_loss(dl, TUNNEL_REASON_TRANSPORT);
	wait_ms(dl, dl->delay_ms);
	dl->delay_ms = 0;
}

void dial_stop(struct tunnel *t)
{
	struct dial *dl = t->dial;

	if (!dl)
		return;
	cancel(dl);
	event_free(dl->timer);
	free(dl);
	t->dial = NULL;
}
