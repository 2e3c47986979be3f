// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include "ask.h"
#include "attach.h"
#include "clock.h"
#include "destination.h"
#include "egress.h"
#include "proxy.h"
#include "refusal.h"
#include "resolve.h"
#include "target.h"

/* At once; each has a socket, or a question to a name server. */
#define MAX 2048
/* Of one tunnel: a peer that asks for what does not answer leaves the others some. */
#define MAX_TUNNEL 512
/* For all of it, within TUNNEL_ANSWER_S; and for one address while there are others. */
#define ASK_MS	   ((TUNNEL_ANSWER_S - 5) * 1000)
#define ADDRESS_MS 4000

struct ask {
	struct ask *next, **prev; /* daemon.asks */
	struct daemon *d;
	struct question q;
	char service[TUNNEL_NAME_MAX + 1];
	char where[DESTINATION_MAX + 1]; /* for the log: what it is to be connected to */
	char host[DESTINATION_MAX + 1];	 /* with egress: the name that was asked for, or "" */
	struct egress *egress;		 /* NULL: the target is the admin's own */

	uint64_t until_ms;
	struct resolve *resolve;
	struct sockaddr_storage addr[RESOLVE_MAX];
	size_t n, at;
	int fd, error; /* of the last address that failed */
	struct event *io, *timer;

	int proxy;		/* version of the header that goes first; 0: none */
	struct proxy_ends ends; /* whose session it is, as the peer says */

	bool tls;		     /* it is to be TLS, as @upstream says */
	struct handshake *handshake; /* it has the fd until it is done */
	struct upstream upstream;
};

static void connect_next(struct ask *a);

static void free_ask(struct ask *a)
{
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	a->d->n_asks--;
	resolve_cancel(a->resolve);
	handshake_abort(a->handshake);
	if (a->io)
		event_free(a->io);
	if (a->timer)
		event_free(a->timer);
	if (a->fd >= 0)
		close(a->fd);
	if (a->egress) {
		egress_free(a->egress);
		free(a->egress);
	}
	free(a);
}

void asks_drop(struct daemon *d)
{
	while (d->asks) {
		answer_session(&d->ctl, &d->asks->q, -1, TUNNEL_REASON_NO_DAEMON);
		free_ask(d->asks);
	}
}

/* It leads nowhere; @a is gone. */
static void refuse(struct ask *a, uint8_t reason, const char *why)
{
	char where[TUNNEL_NAME_MAX * 2 + DESTINATION_MAX + 32];

	snprintf(where, sizeof(where), "service %s to %s", a->service, a->where);
	refusal_log(a->d, a->q.tunnel, where, why);
	answer_session(&a->d->ctl, &a->q, -1, reason);
	free_ask(a);
}

static uint8_t reason_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ENOENT: /* a unix socket that is not there */
	case EACCES:
	case EPERM:
		return TUNNEL_REASON_REFUSED;
	case ETIMEDOUT:
		return TUNNEL_REASON_TIMED_OUT;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
		return TUNNEL_REASON_NO_MEMORY;
	default:
		return TUNNEL_REASON_UNREACHABLE;
	}
}

static void close_socket(struct ask *a)
{
	if (a->io)
		event_free(a->io);
	a->io = NULL;
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

/* One address has failed; @a may be gone. */
static void address_failed(struct ask *a, int error)
{
	close_socket(a);
	a->error = error;
	if (a->at < a->n && clock_ms() < a->until_ms)
		connect_next(a);
	else
		refuse(a, reason_of(error), strerror(error));
}

/* It is as it must be: the kernel's from here on; @a is gone. */
static void hand_over_it(struct ask *a)
{
	int ret;

	ret = answer_session(&a->d->ctl, &a->q, a->fd, 0);
	/* ENOENT: the peer has ended the session meanwhile */
	if (ret && ret != -ENOENT)
		refuse(a, reason_of(-ret), a->d->ctl.error);
	else
		free_ask(a);
}

static void on_handshake(void *arg, const struct handshake_result *result)
{
	struct ask *a = arg;

	a->handshake = NULL;
	if (result->fd < 0 && a->at < a->n && clock_ms() < a->until_ms) {
		connect_next(a);
		return;
	}
	if (result->fd < 0) {
		refuse(a, TUNNEL_REASON_REFUSED, result->why);
		return;
	}
	a->fd = result->fd;
	hand_over_it(a);
}

/* @a may be gone. */
static void begin_tls(struct ask *a)
{
	uint64_t now = clock_ms(), ms = a->until_ms > now ? a->until_ms - now : 1;
	struct handshake_params params = {
		.base = a->d->base,
		.shop = &a->d->shop,
		.tls = { .fd = a->fd, .ciphers = TLS_CIPHERS_ALL, .upstream = &a->upstream },
		.timeout_ms = a->at < a->n && ms > ADDRESS_MS ? ADDRESS_MS : ms,
		.done = on_handshake,
		.arg = a,
	};
	char why[512];

	if (a->upstream.verify) {
		params.tls.trust = trust_get(a->upstream.ca, why, sizeof(why));
		if (!params.tls.trust) {
			refuse(a, TUNNEL_REASON_REFUSED, why);
			return;
		}
	}
	a->fd = -1;
	a->handshake = handshake_start(&params, why, sizeof(why));
	trust_put(params.tls.trust);
	if (!a->handshake)
		refuse(a, TUNNEL_REASON_REFUSED, why);
}

/* Whose connection it is, before its first byte, also of TLS. Return: 0 or an error number. */
static int say_proxy(const struct ask *a)
{
	uint8_t header[PROXY_WRITE_MAX];
	size_t len = proxy_write(header, a->proxy, &a->ends);
	ssize_t n = send(a->fd, header, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return errno;
	/* A fresh connection has room for it. */
	return (size_t)n == len ? 0 : ENOBUFS;
}

/* @a may be gone. */
static void connected(struct ask *a)
{
	int error = a->proxy ? say_proxy(a) : 0;

	if (error) {
		address_failed(a, error);
		return;
	}
	if (a->io)
		event_free(a->io);
	a->io = NULL;
	if (a->tls)
		begin_tls(a);
	else
		hand_over_it(a);
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct ask *a = arg;
	socklen_t len = sizeof(int);
	int error = 0;

	(void)what;
	evtimer_del(a->timer);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error)
		address_failed(a, error);
	else
		connected(a);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ask *a = arg;

	(void)fd;
	(void)what;
	if (a->resolve)
		refuse(a, TUNNEL_REASON_TIMED_OUT, "its name is not resolved in time");
	else
		address_failed(a, ETIMEDOUT);
}

static void wait_for(struct ask *a, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	evtimer_add(a->timer, &tv);
}

/* Is it an address of this host? Nothing is sent. */
static bool is_own(const struct sockaddr_storage *to)
{
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	int fd = socket(to->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool own = true; /* if it cannot be told */

	if (fd >= 0 && connect(fd, (const struct sockaddr *)to, tnl_addr_len(to)))
		own = false; /* no way there */
	else if (fd >= 0 && !getsockname(fd, (struct sockaddr *)&from, &len))
		own = to->ss_family == AF_INET6 ?
			      !memcmp(&((struct sockaddr_in6 *)&from)->sin6_addr,
				      &((const struct sockaddr_in6 *)to)->sin6_addr, 16) :
			      ((struct sockaddr_in *)&from)->sin_addr.s_addr ==
				      ((const struct sockaddr_in *)to)->sin_addr.s_addr;
	if (fd >= 0)
		close(fd);
	return own;
}

/* May it be connected to this one? What a name leads to is known only now. */
static bool allowed(const struct ask *a, const struct sockaddr_storage *to)
{
	if (!a->egress)
		return true;
	/* A name that leads to this host itself is not what a rule for names is about. */
	return egress_allows(a->egress, *a->host && !is_own(to) ? a->host : NULL, to);
}

static void connect_next(struct ask *a)
{
	uint64_t now = clock_ms(), ms = a->until_ms > now ? a->until_ms - now : 0;
	const struct sockaddr_storage *to = NULL;
	int one = 1;

	while (a->at < a->n && !to) {
		to = &a->addr[a->at++];
		if (!allowed(a, to))
			to = NULL;
	}
	if (!to) {
		if (a->error)
			refuse(a, reason_of(a->error), strerror(a->error));
		else
			refuse(a, TUNNEL_REASON_REFUSED, "no egress rule allows its addresses");
		return;
	}
	a->fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd < 0) {
		address_failed(a, errno);
		return;
	}
	if (to->ss_family != AF_UNIX)
		setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!connect(a->fd, (const struct sockaddr *)to, tnl_addr_len(to))) {
		connected(a);
		return;
	}
	/* EAGAIN: the backlog of a unix socket is full, and nobody would tell us of room */
	if (errno != EINPROGRESS) {
		address_failed(a, errno == EAGAIN ? ECONNREFUSED : errno);
		return;
	}
	a->io = event_new(a->d->base, a->fd, EV_WRITE, on_connected, a);
	if (!a->io || event_add(a->io, NULL)) {
		address_failed(a, ENOMEM);
		return;
	}
	wait_for(a, a->at < a->n && ms > ADDRESS_MS ? ADDRESS_MS : ms);
}

static void on_resolved(void *arg, const struct sockaddr_storage *addr, size_t n, const char *why)
{
	struct ask *a = arg;

	a->resolve = NULL;
	evtimer_del(a->timer);
	if (!n) {
		refuse(a, TUNNEL_REASON_UNREACHABLE, why);
		return;
	}
	memcpy(a->addr, addr, n * sizeof(*addr));
	a->n = n;
	connect_next(a);
}

static void resolve(struct ask *a, const char *remote)
{
	char why[256];

	wait_for(a, ASK_MS);
	/* Names that peers ask for are whole: no domain of ours is put behind them. */
	a->resolve = resolve_start(a->d->base, remote, !a->egress, on_resolved, a, why,
				   sizeof(why));
	if (!a->resolve)
		refuse(a, TUNNEL_REASON_UNREACHABLE, why);
}

/* What the peer asks for, by the rules of the service; @a may be gone. */
static void begin_egress(struct ask *a, const char *rules, const char *asked)
{
	struct destination to;
	char why[256];
	const char *wrong;

	a->egress = calloc(1, sizeof(*a->egress));
	if (!a->egress || egress_parse(a->egress, rules, NULL, why, sizeof(why))) {
		/* what is not understood allows nothing */
		free(a->egress);
		a->egress = NULL;
		refuse(a, TUNNEL_REASON_REFUSED, "its egress rules are not as they must be");
		return;
	}
	wrong = asked ? destination_parse(&to, asked, strlen(asked)) : "is missing";
	if (wrong) {
		snprintf(why, sizeof(why), "the destination %s", wrong);
		refuse(a, TUNNEL_REASON_REFUSED, why);
		return;
	}
	snprintf(a->host, sizeof(a->host), "%s", to.host);
	if (*to.host && !egress_may(a->egress, to.host, to.port)) {
		/* no question to a name server tells anybody of it */
		refuse(a, TUNNEL_REASON_REFUSED, "no egress rule allows it");
		return;
	}
	if (*to.host) {
		resolve(a, a->where);
		return;
	}
	a->addr[0] = to.addr;
	a->n = 1;
	connect_next(a);
}

static void begin(struct ask *a, const char *text, const char *asked)
{
	struct target to;
	char why[256];

	if (target_parse(&to, text, why, sizeof(why))) {
		refuse(a, TUNNEL_REASON_REFUSED, why);
		return;
	}
	a->proxy = to.proxy;
	switch (to.kind) {
	case TARGET_UNIX:
		memcpy(&a->addr[0], &to.un, sizeof(to.un));
		a->n = 1;
		connect_next(a);
		break;
	case TARGET_TLS:
		a->tls = true;
		a->upstream = to.tls;
		resolve(a, to.to);
		break;
	case TARGET_HOST:
		resolve(a, to.to);
		break;
	case TARGET_EGRESS:
		begin_egress(a, to.rules, asked);
		break;
	}
}

static void get_end(struct sockaddr_storage *ss, const struct nlattr *attr)
{
	if (attr && (size_t)nla_len(attr) <= sizeof(*ss))
		memcpy(ss, nla_data(attr), nla_len(attr));
}

static unsigned int asks_of(const struct daemon *d, const char *tunnel)
{
	const struct ask *a;
	unsigned int n = 0;

	for (a = d->asks; a; a = a->next)
		n += !strcmp(a->q.tunnel, tunnel);
	return n;
}

void ask_start(struct daemon *d, struct nlattr **attr)
{
	const char *text, *asked;
	struct question q;
	struct ask *a;

	if (!attr[TUNNEL_A_NAME] || !attr[TUNNEL_A_SESSION_ID] || !attr[TUNNEL_A_SERVICE] ||
	    !attr[TUNNEL_A_TARGET] || !attr[TUNNEL_A_ASK_ID])
		return;
	snprintf(q.tunnel, sizeof(q.tunnel), "%s", nla_get_string(attr[TUNNEL_A_NAME]));
	q.session = nla_get_u64(attr[TUNNEL_A_SESSION_ID]);
	q.id = nla_get_u64(attr[TUNNEL_A_ASK_ID]);
	text = nla_get_string(attr[TUNNEL_A_TARGET]);
	asked = attr[TUNNEL_A_DESTINATION] ? nla_get_string(attr[TUNNEL_A_DESTINATION]) : NULL;
	a = d->n_asks < MAX && asks_of(d, q.tunnel) < MAX_TUNNEL ? calloc(1, sizeof(*a)) : NULL;
	if (!a) {
		answer_session(&d->ctl, &q, -1, TUNNEL_REASON_LIMIT);
		return;
	}
	a->d = d;
	a->fd = -1;
	a->q = q;
	a->until_ms = clock_ms() + ASK_MS;
	snprintf(a->service, sizeof(a->service), "%s", nla_get_string(attr[TUNNEL_A_SERVICE]));
	target_where(text, asked, a->where, sizeof(a->where));
	get_end(&a->ends.source, attr[TUNNEL_A_PEER_ADDR]);
	get_end(&a->ends.local, attr[TUNNEL_A_LOCAL_ADDR]);
	a->prev = &d->asks;
	a->next = d->asks;
	if (a->next)
		a->next->prev = &a->next;
	d->asks = a;
	d->n_asks++;
	a->timer = evtimer_new(d->base, on_timer, a);
	if (a->timer)
		begin(a, text, asked);
	else
		refuse(a, TUNNEL_REASON_NO_MEMORY, "out of memory");
}
