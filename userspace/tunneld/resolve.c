// SPDX-License-Identifier: GPL-2.0
#include <event2/dns.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "resolve.h"
#include "tnl.h"

#define HOST_MAX 253

struct resolve {
	struct event *deliver;
	struct evdns_base *dns;		       /* NULL: the address is numeric */
	struct evdns_getaddrinfo_request *req; /* NULL: answered, or answered at once */
	bool cancelled;
	resolve_done done;
	void *arg;
	struct sockaddr_storage addr[RESOLVE_MAX];
	size_t n;
	char why[HOST_MAX + 128];
};

static void release(struct resolve *r)
{
	if (r->dns)
		evdns_base_free(r->dns, 0);
	if (r->deliver)
		event_free(r->deliver);
	free(r);
}

static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
	struct resolve *r = arg;
	struct resolve copy = *r;

	(void)fd;
	(void)what;
	/* released first: @done may start the next lookup */
	release(r);
	if (!copy.cancelled)
		copy.done(copy.arg, copy.addr, copy.n, copy.n ? NULL : copy.why);
}

/* Never free the base inside its own callback, nor call back inside resolve_start(). */
static void deliver_later(struct resolve *r)
{
	r->req = NULL;
	event_active(r->deliver, EV_TIMEOUT, 0);
}

static void on_answer(int result, struct evutil_addrinfo *list, void *arg)
{
	struct resolve *r = arg;
	struct evutil_addrinfo *ai;
	char detail[64];

	for (ai = list; ai && r->n < RESOLVE_MAX; ai = ai->ai_next)
		if (ai->ai_addrlen <= sizeof(r->addr[0]))
			memcpy(&r->addr[r->n++], ai->ai_addr, ai->ai_addrlen);
	if (list)
		evutil_freeaddrinfo(list);
	if (!r->n) {
		snprintf(detail, sizeof(detail), "%s",
			 result ? evutil_gai_strerror(result) : "no address");
		snprintf(r->why + strlen(r->why), sizeof(r->why) - strlen(r->why), ": %s", detail);
	}
	deliver_later(r);
}

static void lookup(struct resolve *r, struct event_base *base, const char *host, const char *port)
{
	struct evutil_addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP,
		/* no ADDRCONFIG: libevent asks once whether there is IPv6, and remembers */
		.ai_flags = EVUTIL_AI_NUMERICSERV,
	};
	struct evdns_getaddrinfo_request *req;

	snprintf(r->why, sizeof(r->why), "resolving %s", host);
	r->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (!r->dns) {
		snprintf(r->why, sizeof(r->why), "out of memory");
		deliver_later(r);
		return;
	}
	/* without the file this leaves the usual 127.0.0.1 */
	evdns_base_resolv_conf_parse(r->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf");
	req = evdns_getaddrinfo(r->dns, host, port, &hints, on_answer, r);
	/* NULL: on_answer() has already run, from inside */
	if (req)
		r->req = req;
}

/* "host:port" into its halves. Return: false if it is not of that form. */
static bool split(const char *remote, char host[HOST_MAX + 1], const char **port)
{
	const char *colon = strrchr(remote, ':');
	size_t len = colon ? (size_t)(colon - remote) : 0;
	unsigned long number;
	char *end;

	if (!len || len > HOST_MAX || memchr(remote, ':', len))
		return false;
	number = strtoul(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end || !number || number > 65535)
		return false;
	memcpy(host, remote, len);
	host[len] = '\0';
	*port = colon + 1;
	return true;
}

struct resolve *resolve_start(struct event_base *base, const char *remote, resolve_done done,
			      void *arg, char *err, size_t errlen)
{
	struct resolve *r = calloc(1, sizeof(*r));
	char host[HOST_MAX + 1], ignored[128];
	const char *port;

	if (r)
		r->deliver = evtimer_new(base, on_deliver, r);
	if (!r || !r->deliver) {
		free(r);
		snprintf(err, errlen, "out of memory");
		return NULL;
	}
	r->done = done;
	r->arg = arg;
	if (tnl_parse_addr(remote, &r->addr[0], ignored, sizeof(ignored)) > 0) {
		r->n = 1;
		deliver_later(r);
		return r;
	}
	if (!split(remote, host, &port)) {
		release(r);
		snprintf(err, errlen, "\"%s\" is not host:port", remote);
		return NULL;
	}
	lookup(r, base, host, port);
	return r;
}

void resolve_cancel(struct resolve *r)
{
	if (!r)
		return;
	r->cancelled = true;
	/* its callback still comes, from the loop, and releases */
	if (r->req)
		evdns_getaddrinfo_cancel(r->req);
}
