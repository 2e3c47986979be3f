// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/tunnel.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "answer.h"
#include "attach.h"
#include "clock.h"
#include "ktls.h"
#include "linger.h"
#include "proxy.h"
#include "refusal.h"
#include "visitor.h"

/*
 * A client that says nothing waits for the server (SMTP, SSH); one that has begun has
 * this much time for its head.
 */
#define SILENT_MS 3000
#define DECIDE_MS 10000
/*
 * An HTTP/2 client may wait for SETTINGS before it asks for anything (RFC 9113, 3.4), as
 * those of gRPC do. After this time it gets some of us, which say nothing. What it
 * answers to them is ours, too, and does not go to the target: the one exception from
 * "the same bytes". The target's own SETTINGS follow, as they may at any time (6.5).
 */
#define SETTINGS_MS 100
/*
 * Each look begins anew, so one that drips is not looked at for each byte: when there is
 * a quarter more, or after a while that doubles.
 */
#define LOOK_MS	    5
#define LOOK_MS_MAX 640

#define BUFFER	    2048
#define MAX	    2048
#define MAX_ADDRESS 512

#define NOT_ALLOWED "its address is not allowed"

struct visitor {
	struct visitor *next, **prev; /* daemon.visitors, the oldest first */
	struct daemon *d;
	struct table *table;
	struct sockaddr_storage source; /* whose connection it is */
	struct proxy_ends ends;		/* what its PROXY header said */
	int fd;
	struct handshake *handshake; /* it has the fd until it is done */
	bool tls;		     /* it is: what is read and sent is inside of TLS */
	char sni[REQUEST_HOST_MAX + 1], alpn[EDGE_ALPN_LIST_MAX + 1];
	struct event *io, *timer;
	uint64_t began_ms;
	uint64_t settings_ms; /* HTTP/2 without a request: since when */
	bool settings;	      /* it has got ours */
	uint8_t *bytes;
	size_t len, room;
	size_t looked; /* bytes at the last look */
	unsigned int look_ms;
	bool end; /* it sends no more */
};

/* What is known of the one that is being looked at: large, and needed for a moment. */
static struct request request;

void visitors_init(struct daemon *d, uint32_t seed)
{
	/* As many as come: they are people, and cost little. */
	static const struct limits_config config = {
		.max = MAX,
		.max_address = MAX_ADDRESS,
		.rate = 1000000,
		.burst = 1000000,
	};

	limits_init(&d->visitor_limits, &config, seed);
	d->visitors_end = &d->visitors;
}

/* As the latest; it counts already. */
static void link_visitor(struct visitor *v)
{
	v->next = NULL;
	v->prev = v->d->visitors_end;
	*v->prev = v;
	v->d->visitors_end = &v->next;
}

static void unlink_visitor(struct visitor *v)
{
	*v->prev = v->next;
	if (v->next)
		v->next->prev = v->prev;
	else
		v->d->visitors_end = v->prev;
	limits_leave(&v->d->visitor_limits, (struct sockaddr *)&v->source);
}

static void forget_events(struct visitor *v)
{
	if (v->io)
		event_free(v->io);
	if (v->timer)
		event_free(v->timer);
	v->io = v->timer = NULL;
}

static void free_visitor(struct visitor *v)
{
	forget_events(v);
	handshake_abort(v->handshake);
	if (v->fd >= 0)
		close(v->fd);
	table_put(v->table);
	free(v->bytes);
	free(v);
}

static void drop(struct visitor *v)
{
	unlink_visitor(v);
	free_visitor(v);
}

void visitors_drop(struct daemon *d)
{
	while (d->visitors)
		drop(d->visitors);
}

static void say_refused(struct visitor *v, const char *why)
{
	char peer[TNL_ADDRSTRLEN];

	tnl_format_addr(&v->source, sizeof(v->source), peer);
	refusal_log(v->d, peer, v->table->where, why);
}

/* Answer and close; @v is gone. */
static void refuse(struct visitor *v, enum answer a, const char *why)
{
	uint8_t answer[ANSWER_MAX];
	size_t n = answer_write(answer, a, &request, v->bytes, v->len);
	int fd = v->fd;

	say_refused(v, why);
	forget_events(v);
	v->fd = -1;
	/* A fresh connection has room for it, or its end is no loss. */
	if (n && send(fd, answer, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n) {
		if (v->tls)
			ktls_close_notify(fd);
		linger_close(v->d->base, fd);
	} else {
		close(fd);
	}
	drop(v);
}

/* It goes where @route says; @v is gone. */
static void lead(struct visitor *v, const struct route *route)
{
	char tunnel[TUNNEL_NAME_MAX + 1], service[TUNNEL_NAME_MAX + 1];
	uint8_t refusal[ANSWER_MAX];
	struct handover h = {
		.tunnel = tunnel,
		.service = service,
		.fd = v->fd,
		.prefix = v->bytes,
		.prefix_len = v->len,
		.protocol = request.protocol,
		.refusal = refusal,
		.ends = v->ends.source.ss_family ? &v->ends : NULL,
	};
	char why[sizeof(v->d->ctl.error) + 64];
	int ret;

	h.refusal_len = answer_write(refusal, ANSWER_REFUSED, &request, v->bytes, v->len);
	rules_target(route, tunnel, service);
	/* The kernel takes none that is somebody else's too. */
	forget_events(v);
	ret = hand_over(&v->d->ctl, &h);
	if (ret == -ENOTCONN) {
		drop(v); /* it is gone: a health check, as a rule */
		return;
	}
	if (ret) {
		snprintf(why, sizeof(why), "to %s: %s", route->target, v->d->ctl.error);
		refuse(v, ANSWER_UNAVAILABLE, why);
		return;
	}
	log_debug("%s: %s to %s", v->table->where, rules_protocol_name(request.protocol),
		  route->target);
	drop(v);
}

/* What its bytes do not tell: it said that to us, in the handshake. */
static void add_tls(struct visitor *v)
{
	if (!v->tls)
		return;
	memcpy(request.sni, v->sni, sizeof(request.sni));
	request.n_alpn = *v->alpn ? 1 : 0;
	request.alpn[0] = (struct text){ v->alpn, strlen(v->alpn) };
}

/* All that will be known is known; @v is gone. */
static void decide(struct visitor *v)
{
	const struct rules *r = &v->table->rules;
	int i;

	add_tls(v);
	i = route_find(r->route, r->n, &request, &v->source);

	if (i >= 0)
		lead(v, &r->route[i]);
	else
		refuse(v, ANSWER_NO_ROUTE, "no route fits");
}

/* An HTTP/2 client has said no more than that. Return: true if @v is gone. */
static bool wait_for_request(struct visitor *v, uint64_t now)
{
	const struct rules *r = &v->table->rules;
	int i;

	add_tls(v);
	i = v->settings ? -1 : route_waiting(r->route, r->n, &request, &v->source);

	if (i >= 0) {
		lead(v, &r->route[i]);
		return true;
	}
	if (!v->settings_ms)
		v->settings_ms = now;
	if (!v->settings && now >= v->settings_ms + SETTINGS_MS && !http2_asks(v->bytes, v->len))
		v->settings = send(v->fd, HTTP2_SETTINGS, HTTP2_SETTINGS_LEN, MSG_NOSIGNAL) ==
			      HTTP2_SETTINGS_LEN;
	return false;
}

/* Take its answer to our SETTINGS out of what it said. Return: false, not there yet. */
static bool take_ack(struct visitor *v)
{
	size_t at = http2_ack(v->bytes, v->len);

	if (!at)
		return false;
	v->len -= HTTP2_SETTINGS_LEN;
	memmove(v->bytes + at, v->bytes + at + HTTP2_SETTINGS_LEN, v->len - at);
	v->settings = false;
	/* what was found points into the bytes */
	request_parse(&request, v->bytes, v->len);
	return true;
}

static void wait_for(struct visitor *v, uint64_t now, uint64_t until)
{
	struct timeval tv = clock_timeval(until > now ? until - now : 0);

	evtimer_add(v->timer, &tv);
}

/* When to look next if nothing more comes. */
static void set_timer(struct visitor *v, uint64_t now)
{
	uint64_t until = v->began_ms + (v->len ? DECIDE_MS : SILENT_MS);

	if (v->len > v->looked && now + v->look_ms < until)
		until = now + v->look_ms;
	if (v->settings_ms && !v->settings && v->settings_ms + SETTINGS_MS > now &&
	    v->settings_ms + SETTINGS_MS < until)
		until = v->settings_ms + SETTINGS_MS;
	wait_for(v, now, until);
}

/*
 * Of one that says no more: is what could have become HTTP, for all its letters, none? There
 * is no target behind its first word.
 */
static bool is_opaque(const struct visitor *v)
{
	const uint8_t *blank = memchr(v->bytes, ' ', v->len);

	if (request.protocol != TUNNEL_PROTOCOL_OPAQUE || v->bytes[0] == 0x16)
		return false;
	return !blank || blank + 1 == v->bytes + v->len || !strchr("/*hH", blank[1]);
}

/* Look at what there is; @v may be gone. */
static void look(struct visitor *v)
{
	uint64_t now = clock_ms();
	bool over = v->end || now >= v->began_ms + (v->len ? DECIDE_MS : SILENT_MS);

	v->looked = v->len;
	switch (request_parse(&request, v->bytes, v->len)) {
	case VERDICT_BAD:
		refuse(v, ANSWER_BAD, request.why);
		return;
	case VERDICT_MORE:
		break;
	default:
		if (v->settings && !take_ack(v)) {
			if (v->len < REQUEST_BYTES_MAX)
				break;
			refuse(v, ANSWER_LATE, "it does not acknowledge SETTINGS");
			return;
		}
		decide(v);
		return;
	}
	if (!v->len && v->end) {
		drop(v); /* a port scan, a health check */
		return;
	}
	if (!v->len && over) {
		decide(v);
		return;
	}
	if (!over && request.protocol == TUNNEL_PROTOCOL_HTTP2 && wait_for_request(v, now))
		return;
	if (over && is_opaque(v)) {
		decide(v);
		return;
	}
	if (over) {
		refuse(v, v->end ? ANSWER_BAD : ANSWER_LATE,
		       v->end ? "it ended in the middle of its head" :
				"its head was not there in time");
		return;
	}
	v->look_ms = v->look_ms * 2 > LOOK_MS_MAX ? LOOK_MS_MAX : v->look_ms * 2;
	set_timer(v, now);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

/* Return: false if there is no memory. */
static bool make_room(struct visitor *v)
{
	size_t room = v->room ? v->room * 2 : BUFFER;
	uint8_t *bytes;

	if (v->len < v->room || v->room == REQUEST_BYTES_MAX)
		return true;
	bytes = realloc(v->bytes, room);
	if (!bytes)
		return false;
	v->bytes = bytes;
	v->room = room;
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct visitor *v = arg;
	ssize_t n = 1;

	(void)what;
	do {
		if (!make_room(v)) {
			say_refused(v, "out of memory");
			drop(v);
			return;
		}
		if (v->len == REQUEST_BYTES_MAX)
			break;
		n = recv(fd, v->bytes + v->len, v->room - v->len, 0);
		if (n > 0)
			v->len += n;
	} while (n > 0);
	/* a record that is not data: close_notify, or what the kernel will not take either */
	if (n < 0 && errno == EIO && v->tls)
		n = 0;
	if (v->len < REQUEST_BYTES_MAX && n < 0 && errno != EAGAIN && errno != EINTR) {
		drop(v); /* it was reset */
		return;
	}
	v->end = v->len < REQUEST_BYTES_MAX && !n;
	if (v->end || v->len == REQUEST_BYTES_MAX || !v->looked ||
	    v->len - v->looked > v->looked / 4)
		look(v);
	else
		set_timer(v, clock_ms());
}

/* From here on what it says is looked at, if it matters; @v may be gone. */
static void begin(struct visitor *v)
{
	v->began_ms = clock_ms();
	v->io = event_new(v->d->base, v->fd, EV_READ | EV_PERSIST, on_readable, v);
	v->timer = evtimer_new(v->d->base, on_timer, v);
	if (!v->io || !v->timer || event_add(v->io, NULL)) {
		say_refused(v, "out of memory");
		drop(v);
	} else if (!v->table->rules.reads) {
		memset(&request, 0, sizeof(request));
		request.protocol = TUNNEL_PROTOCOL_OPAQUE;
		decide(v);
	} else {
		/* What it says has often come with it. */
		on_readable(v->fd, EV_READ, v);
	}
}

static void on_handshake(void *arg, const struct handshake_result *result)
{
	struct visitor *v = arg;

	v->handshake = NULL;
	if (result->fd < 0) {
		say_refused(v, result->why);
		drop(v);
		return;
	}
	v->fd = result->fd;
	v->tls = true;
	snprintf(v->sni, sizeof(v->sni), "%s", result->server_name);
	snprintf(v->alpn, sizeof(v->alpn), "%s", result->alpn ? result->alpn : "");
	begin(v);
}

/* @v may be gone. */
static void begin_tls(struct visitor *v)
{
	struct table *t = v->table;
	struct handshake_params params = {
		.base = v->d->base,
		.shop = &v->d->shop,
		.tls = { .fd = v->fd, .server = true, .ciphers = TLS_CIPHERS_ALL },
		.timeout_ms = v->d->handshake_timeout_ms,
		.done = on_handshake,
		.arg = v,
	};
	char why[256];
	unsigned int more;
	int one = 1;

	t->certs = certs_fresh(t->certs, why, sizeof(why));
	if (*why && log_limit_pass(&v->d->certs_log, clock_ms(), &more))
		log_info("%s: the certificates of before stay: %s", t->where, why);
	params.tls.certs = t->certs;
	setsockopt(v->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	v->fd = -1;
	v->handshake = handshake_start(&params, why, sizeof(why));
	if (!v->handshake) {
		say_refused(v, why);
		drop(v);
	}
}

/* It is known whose connection it is; @v may be gone. */
static void enter(struct visitor *v)
{
	/* what was configured, not what is loaded: nobody gets in without TLS by mistake */
	if (v->table->rules.edge)
		begin_tls(v);
	else
		begin(v);
}

/* --- PROXY headers --------------------------------------------------------- */

/* Return: false if they are too many, which has been said. */
static bool count(struct daemon *d, const struct table *table,
		  const struct sockaddr_storage *source)
{
	struct sockaddr *from = (struct sockaddr *)source;
	enum limits_verdict verdict = limits_enter(&d->visitor_limits, from, clock_ms());
	unsigned int more;

	if (verdict == LIMITS_TOTAL && d->visitors) {
		drop(d->visitors); /* the oldest: a decision takes a moment */
		verdict = limits_enter(&d->visitor_limits, from, clock_ms());
	}
	if (verdict != LIMITS_OK && log_limit_pass(&d->visitor_log, clock_ms(), &more))
		log_info("refused on %s: too many connections%s do not say what they want",
			 table->where, verdict == LIMITS_ADDRESS ? " of one address" : "");
	return verdict == LIMITS_OK;
}

/*
 * The header is there: it is another one's connection, if it says so. @v may be gone.
 */
static void proxy_done(struct visitor *v)
{
	forget_events(v);
	v->len = 0;
	if (v->ends.source.ss_family) {
		/* it must not be dropped for itself */
		unlink_visitor(v);
		v->source = v->ends.source;
		if (!count(v->d, v->table, &v->source)) {
			free_visitor(v);
			return;
		}
		link_visitor(v);
	}
	if (!table_allows(v->table, &v->source)) {
		say_refused(v, NOT_ALLOWED);
		drop(v);
		return;
	}
	enter(v);
}

static void on_proxy(evutil_socket_t fd, short what, void *arg)
{
	const char *why = "sent no whole PROXY header in time";
	struct visitor *v = arg;
	ssize_t n;

	while (!(what & EV_TIMEOUT)) {
		/* what is behind it is for whoever comes next, maybe TLS */
		n = recv(fd, v->bytes + v->len, v->room - v->len, MSG_PEEK);
		if (n > 0)
			n = recv(fd, v->bytes + v->len, proxy_take(v->bytes, v->len, n), 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0 || (!n && !v->len)) {
			drop(v); /* it was reset; a port scan, a health check */
			return;
		}
		v->len += n;
		switch (proxy_parse(&v->ends, v->bytes, v->len, &why)) {
		case PROXY_DONE:
			proxy_done(v);
			return;
		case PROXY_MORE:
			if (n)
				continue;
			why = "ended within its PROXY header";
			break;
		case PROXY_BAD:
			break;
		}
		break;
	}
	say_refused(v, why);
	drop(v);
}

/* @v may be gone. */
static void begin_proxy(struct visitor *v)
{
	struct timeval tv = clock_timeval(SILENT_MS);

	v->room = PROXY_BYTES_MAX;
	v->bytes = malloc(v->room);
	v->io = event_new(v->d->base, v->fd, EV_READ | EV_PERSIST, on_proxy, v);
	v->timer = evtimer_new(v->d->base, on_proxy, v);
	if (!v->bytes || !v->io || !v->timer || event_add(v->io, NULL) ||
	    evtimer_add(v->timer, &tv)) {
		say_refused(v, "out of memory");
		drop(v);
	} else {
		on_proxy(v->fd, EV_READ, v);
	}
}

void visitor_start(struct daemon *d, struct table *table, int fd,
		   const struct sockaddr_storage *source)
{
	const struct gate *gate = table->rules.gate;
	bool proxy = gate && gate_has(gate, GATE_PROXY, source);
	struct visitor *v = NULL;
	char peer[TNL_ADDRSTRLEN];

	/* before it could take somebody's place */
	if (!proxy && !table_allows(table, source)) {
		tnl_format_addr(source, sizeof(*source), peer);
		refusal_log(d, peer, table->where, NOT_ALLOWED);
	} else if (count(d, table, source)) {
		v = calloc(1, sizeof(*v));
		if (!v)
			limits_leave(&d->visitor_limits, (const struct sockaddr *)source);
	}
	if (!v) {
		close(fd);
		table_put(table);
		return;
	}
	v->d = d;
	v->table = table;
	v->source = *source;
	v->fd = fd;
	v->look_ms = LOOK_MS;
	link_visitor(v);
	if (proxy)
		begin_proxy(v);
	else
		enter(v);
}
