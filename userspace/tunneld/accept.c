// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE 1
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "accept.h"
#include "attach.h"
#include "clock.h"
#include "crypto.h"
#include "listen.h"
#include "refusal.h"
#include "suites.h"

#define ACCEPT_BATCH 32
#define WHY_MAX	     512

/* Owned by its listener from accept() to the end of the handshake. */
struct inbound {
	struct inbound *next;
	struct listener *l;
	struct handshake *handshake;
	struct sockaddr_storage addr;
	uint64_t began_ms;
	char peer[TNL_ADDRSTRLEN];
};

struct listener {
	struct listener *next;
	struct daemon *d;
	struct sockaddr_storage addr;
	socklen_t addrlen;
	char text[TNL_ADDRSTRLEN];
	char key[TUNNEL_TEXT_MAX + 1];
	uint32_t ciphers;	  /* of all its tunnels */
	struct pins *pins;	  /* likewise; NULL: out of memory */
	bool wanted;		  /* during accept_sync() */
	int fd;			  /* -1: not bound yet */
	struct event *io, *timer; /* timer: bind again, or accept again */
	unsigned int retry_ms;
	bool complained;
	struct log_limit key_log;
	struct inbound *inbound;
};

/* --- strangers ----------------------------------------------------------- */

static void log_refusal(struct listener *l, const char *peer, const char *why)
{
	refusal_log(l->d, peer, l->text, why);
}

static void log_flood(struct listener *l, const char *peer, const struct sockaddr *addr,
		      enum limits_verdict verdict)
{
	const struct limits_config *c = &l->d->limits.config;
	unsigned int more;
	char why[128], tail[64] = "";

	if (!log_limit_pass(&l->d->flood_log, clock_ms(), &more))
		return;
	if (more)
		snprintf(tail, sizeof(tail), "; %u more refused since the last such line", more);
	switch (verdict) {
	case LIMITS_TOTAL:
		snprintf(why, sizeof(why), "too many handshakes (%u, limit %u)", l->d->limits.total,
			 c->max);
		break;
	case LIMITS_ADDRESS:
		snprintf(why, sizeof(why), "too many handshakes from this address (%u, limit %u)",
			 limits_count(&l->d->limits, addr), c->max_address);
		break;
	case LIMITS_ALL_RATE:
		snprintf(why, sizeof(why),
			 "too many handshakes from unknown addresses (more than %u per second)",
			 c->all_rate);
		break;
	default:
		snprintf(why, sizeof(why),
			 "too many handshakes from this address (more than %u per second)",
			 c->rate);
	}
	log_info("refused %s on %s: %s%s", peer, l->text, why, tail);
}

/* --- handshakes ---------------------------------------------------------- */

/* Looks at all of them, so that the time does not tell which one matched. */
static struct tunnel *tunnel_of(struct listener *l, const uint8_t pin[TUNNEL_PIN_LEN])
{
	struct tunnel *t, *found = NULL;

	for (t = l->d->tunnels; t; t = t->next)
		if (t->listener == l && crypto_equal(t->pin, pin, TUNNEL_PIN_LEN))
			found = t;
	return found;
}

static bool accept_pin(void *arg, const uint8_t pin[TUNNEL_PIN_LEN])
{
	const struct inbound *in = arg;

	return tunnel_of(in->l, pin) != NULL;
}

static void unlink_inbound(struct inbound *in)
{
	struct inbound **p = &in->l->inbound;

	while (*p != in)
		p = &(*p)->next;
	*p = in->next;
	limits_leave(&in->l->d->limits, (struct sockaddr *)&in->addr);
	free(in);
}

/* Is @a the one to go before @b? Who has most of them, then who takes longest. */
static bool goes_first(struct daemon *d, const struct inbound *a, const struct inbound *b)
{
	unsigned int na = limits_count(&d->limits, (const struct sockaddr *)&a->addr);
	unsigned int nb = limits_count(&d->limits, (const struct sockaddr *)&b->addr);

	return na != nb ? na > nb : a->began_ms < b->began_ms;
}

/*
 * All places are taken: a stranger who holds one and says nothing must not keep
 * out a peer, who needs it for a moment only.
 */
static void drop_one(struct daemon *d)
{
	struct inbound *in, *victim = NULL;
	struct listener *l;

	for (l = d->listeners; l; l = l->next)
		for (in = l->inbound; in; in = in->next)
			if (!victim || goes_first(d, in, victim))
				victim = in;
	if (!victim)
		return;
	log_flood(victim->l, victim->peer, (struct sockaddr *)&victim->addr, LIMITS_TOTAL);
	handshake_abort(victim->handshake);
	unlink_inbound(victim);
}

static void attach(struct listener *l, const char *peer, const struct handshake_result *result)
{
	struct tunnel *t = tunnel_of(l, result->pin);
	char why[WHY_MAX + 128];
	uint32_t id;

	if (!t) {
		close(result->fd);
		log_refusal(l, peer, "its tunnel was removed during the handshake");
		return;
	}
	if (!(t->ciphers & suites_allow_bit(result->cipher))) {
		close(result->fd);
		snprintf(why, sizeof(why), "tunnel %s does not allow %s", t->name,
			 tnl_cipher_name(result->cipher));
		log_refusal(l, peer, why);
		return;
	}
	if (attach_carrier(&l->d->ctl, t->name, result->fd, result->pin, &id)) {
		snprintf(why, sizeof(why), "tunnel %s: %s", t->name, l->d->ctl.error);
		log_refusal(l, peer, why);
		return;
	}
	log_info("tunnel %s: carrier %u from %s attached (%s, %s)", t->name, id, peer,
		 tnl_tls_version_name(result->version), tnl_cipher_name(result->cipher));
}

static void on_handshake(void *arg, const struct handshake_result *result)
{
	struct inbound *in = arg;
	struct listener *l = in->l;
	char peer[TNL_ADDRSTRLEN];

	memcpy(peer, in->peer, sizeof(peer));
	if (result->fd >= 0)
		limits_good(&l->d->limits, (struct sockaddr *)&in->addr);
	unlink_inbound(in);
	if (result->fd < 0)
		log_refusal(l, peer, result->why);
	else
		attach(l, peer, result);
}

static struct identity *identity_of(struct listener *l)
{
	char why[WHY_MAX];
	unsigned int more;
	struct identity *id = identity_get(l->key, why, sizeof(why));

	if (!id && log_limit_pass(&l->key_log, clock_ms(), &more))
		log_info("nobody can connect to %s: %s", l->text, why);
	return id;
}

/* @fd is consumed. */
static void start(struct listener *l, int fd, const struct sockaddr_storage *addr, const char *peer)
{
	struct handshake_params params = {
		.base = l->d->base,
		.shop = &l->d->shop,
		.tls = { .fd = fd, .server = true, .ciphers = l->ciphers, .accept_pin = accept_pin },
		.timeout_ms = l->d->handshake_timeout_ms,
		.done = on_handshake,
	};
	struct inbound *in = calloc(1, sizeof(*in));
	char why[WHY_MAX] = "out of memory";
	int one = 1;

	params.tls.id = identity_of(l);
	params.pins = l->pins;
	if (!in || !params.tls.id || !params.pins) {
		free(in);
		identity_put(params.tls.id);
		close(fd);
		limits_leave(&l->d->limits, (const struct sockaddr *)addr);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	in->l = l;
	in->addr = *addr;
	in->began_ms = clock_ms();
	snprintf(in->peer, sizeof(in->peer), "%s", peer);
	in->next = l->inbound;
	l->inbound = in;
	params.arg = params.tls.arg = in;
	in->handshake = handshake_start(&params, why, sizeof(why));
	identity_put(params.tls.id);
	if (!in->handshake) {
		unlink_inbound(in);
		log_refusal(l, peer, why);
	}
}

/* --- the listening socket ------------------------------------------------ */

static void pause_accepting(struct listener *l)
{
	struct timeval tv = clock_timeval(LISTEN_PAUSE_MS);

	event_del(l->io);
	evtimer_add(l->timer, &tv);
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	struct sockaddr_storage addr;
	char peer[TNL_ADDRSTRLEN];
	enum limits_verdict verdict;
	socklen_t len;
	int i, conn;

	(void)what;
	for (i = 0; i < ACCEPT_BATCH; i++) {
		len = sizeof(addr);
		conn = accept4(fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (conn < 0 && listen_pauses(errno)) {
			/* the connection stays queued and would wake us for ever */
			log_info("accepting on %s: %s", l->text, strerror(errno));
			pause_accepting(l);
			return;
		}
		if (conn < 0 && errno == EAGAIN)
			return;
		if (conn < 0)
			continue; /* that connection has died already */
		tnl_format_addr(&addr, len, peer);
		verdict = limits_enter(&l->d->limits, (struct sockaddr *)&addr, clock_ms());
		if (verdict == LIMITS_TOTAL) {
			drop_one(l->d);
			verdict = limits_enter(&l->d->limits, (struct sockaddr *)&addr, clock_ms());
		}
		if (verdict == LIMITS_OK) {
			start(l, conn, &addr, peer);
		} else {
			close(conn);
			log_flood(l, peer, (struct sockaddr *)&addr, verdict);
		}
	}
}

static int bind_socket(struct listener *l)
{
	int fd = listen_socket(&l->addr, l->addrlen);

	if (fd < 0)
		return fd;
	l->io = event_new(l->d->base, fd, EV_READ | EV_PERSIST, on_connection, l);
	if (!l->io || event_add(l->io, NULL)) {
		close(fd);
		return -ENOMEM;
	}
	l->fd = fd;
	return 0;
}

static void open_listener(struct listener *l)
{
	char pin[2 * TUNNEL_PIN_LEN + 1] = "unknown";
	int ret = bind_socket(l);
	struct identity *id;

	if (!ret) {
		id = identity_of(l);
		if (id)
			tnl_format_pin(identity_pin(id), pin);
		identity_put(id);
		log_info("listening on %s, our pin is %s", l->text, pin);
		return;
	}
	if (!l->complained)
		log_info("listening on %s: %s; trying again", l->text, strerror(-ret));
	l->complained = true;
	listen_again(l->timer, &l->retry_ms);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	if (l->fd < 0)
		open_listener(l);
	else
		event_add(l->io, NULL);
}

static struct listener *make_listener(struct daemon *d, const struct sockaddr_storage *addr,
				      socklen_t len)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->timer = evtimer_new(d->base, on_timer, l);
	if (!l->timer) {
		free(l);
		return NULL;
	}
	l->d = d;
	l->addr = *addr;
	l->addrlen = len;
	l->fd = -1;
	l->retry_ms = LISTEN_RETRY_MS;
	tnl_format_addr(addr, len, l->text);
	l->next = d->listeners;
	d->listeners = l;
	return l;
}

static void free_listener(struct listener *l)
{
	while (l->inbound) {
		handshake_abort(l->inbound->handshake);
		unlink_inbound(l->inbound);
	}
	if (l->io)
		event_free(l->io);
	event_free(l->timer);
	pins_put(l->pins);
	if (l->fd >= 0) {
		close(l->fd);
		log_info("no longer listening on %s", l->text);
	}
	free(l);
}

/* --- which there must be ------------------------------------------------- */

static struct listener *find(struct daemon *d, const struct sockaddr_storage *addr, socklen_t len)
{
	struct listener *l;

	for (l = d->listeners; l; l = l->next)
		if (l->addrlen == len && !memcmp(&l->addr, addr, len))
			return l;
	return NULL;
}

static void refuse_tunnel(struct tunnel *t, const char *why)
{
	if (!t->complaint || strcmp(t->complaint, why))
		log_info("tunnel %s: listening on %s is refused: %s", t->name, t->local, why);
	t->complaint = why;
}

/* t->listener of the tunnels before @t in the list is settled, of those behind it NULL. */
static void place(struct daemon *d, struct tunnel *t)
{
	struct sockaddr_storage addr;
	struct listener *l;
	char err[128];
	int len;

	memset(&addr, 0, sizeof(addr));
	len = tnl_parse_addr(t->local, &addr, err, sizeof(err));
	if (len < 0) {
		refuse_tunnel(t, "not a numeric address:port");
		return;
	}
	l = find(d, &addr, (socklen_t)len);
	if (!l)
		l = make_listener(d, &addr, (socklen_t)len);
	if (!l) {
		refuse_tunnel(t, "out of memory");
		return;
	}
	if (!l->wanted) {
		snprintf(l->key, sizeof(l->key), "%s", t->key);
		l->ciphers = 0;
	} else if (strcmp(l->key, t->key)) {
		refuse_tunnel(t, "another tunnel listens there with another KEY");
		return;
	} else if (tunnel_of(l, t->pin)) {
		refuse_tunnel(t, "another tunnel listens there for the same peer");
		return;
	}
	l->wanted = true;
	l->ciphers |= t->ciphers;
	t->listener = l;
	t->complaint = NULL;
}

/* Who may come in at @l; the same as before stays what the handshake worker has already. */
static void take_pins(struct daemon *d, struct listener *l)
{
	uint8_t(*pin)[TUNNEL_PIN_LEN];
	struct tunnel *t;
	size_t n = 0;

	for (t = d->tunnels; t; t = t->next)
		n += t->listener == l;
	pin = malloc((n ? n : 1) * sizeof(*pin));
	for (n = 0, t = d->tunnels; pin && t; t = t->next)
		if (t->listener == l)
			memcpy(pin[n++], t->pin, sizeof(*pin));
	if (!pin || !l->pins || !pins_same(l->pins, pin, n)) {
		pins_put(l->pins);
		l->pins = pin ? pins_new(pin, n) : NULL;
	}
	free(pin);
}

void accept_sync(struct daemon *d)
{
	struct listener **p, *l;
	struct tunnel *t;

	for (l = d->listeners; l; l = l->next)
		l->wanted = false;
	for (t = d->tunnels; t; t = t->next)
		t->listener = NULL;
	for (t = d->tunnels; t; t = t->next)
		if (t->role == TUNNEL_ROLE_LISTEN)
			place(d, t);
	/* the old ones first: they may hold an address that a new one overlaps */
	for (p = &d->listeners; (l = *p);) {
		if (l->wanted) {
			p = &l->next;
			continue;
		}
		*p = l->next;
		free_listener(l);
	}
	for (l = d->listeners; l; l = l->next)
		take_pins(d, l);
	for (l = d->listeners; l; l = l->next)
		if (l->fd < 0 && !evtimer_pending(l->timer, NULL))
			open_listener(l);
}
