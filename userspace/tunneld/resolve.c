// SPDX-License-Identifier: GPL-2.0
#include <event2/dns.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "clock.h"
#include "resolve.h"
#include "tnl.h"

#define HOST_MAX 253
/* libevent may still look at a base in the loop's next rounds after its last callback. */
#define RETIRE_MS 5000

/*
 * A client of the name servers, shared by lookups; another one once its files are others.
 * The first puts the domains of resolv.conf behind names, the second does not.
 */
struct dns {
	struct evdns_base *base;
	unsigned int refs; /* lookups, and being the current one */
	struct stat conf, hosts;
};

static struct dns *current[2];

struct resolve {
	struct event_base *loop;
	struct event *deliver;
	struct dns *dns;		       /* NULL: the address is numeric */
	struct evdns_getaddrinfo_request *req; /* NULL: answered, or answered at once */
	bool cancelled;
	resolve_done done;
	void *arg;
	struct sockaddr_storage addr[RESOLVE_MAX];
	size_t n;
	char why[HOST_MAX + 128];
};

static void free_dns(evutil_socket_t fd, short what, void *arg)
{
	struct dns *dns = arg;

	(void)fd;
	(void)what;
	evdns_base_free(dns->base, 0);
	free(dns);
}

static void put_dns(struct event_base *loop, struct dns *dns)
{
	struct timeval later = clock_timeval(RETIRE_MS);

	if (--dns->refs)
		return;
	/* without memory for that it is better kept than freed too soon */
	event_base_once(loop, -1, EV_TIMEOUT, free_dns, dns, &later);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Return: referenced, NULL without memory. */
static struct dns *get_dns(struct event_base *loop, bool search)
{
	struct stat conf = { 0 }, hosts = { 0 };
	struct dns **now = &current[search], *dns;

	/* one that is not there is all zeros */
	if (stat("/etc/resolv.conf", &conf))
		memset(&conf, 0, sizeof(conf));
	if (stat("/etc/hosts", &hosts))
		memset(&hosts, 0, sizeof(hosts));
	if (*now && same_file(&(*now)->conf, &conf) && same_file(&(*now)->hosts, &hosts)) {
		(*now)->refs++;
		return *now;
	}
	dns = calloc(1, sizeof(*dns));
	if (dns)
		dns->base = evdns_base_new(loop, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (!dns || !dns->base) {
		free(dns);
		return NULL;
	}
	/* without the file this leaves the usual 127.0.0.1 */
	evdns_base_resolv_conf_parse(dns->base,
				     search ? DNS_OPTIONS_ALL :
					      DNS_OPTIONS_ALL & ~DNS_OPTION_SEARCH,
				     "/etc/resolv.conf");
	dns->conf = conf;
	dns->hosts = hosts;
	if (*now)
		put_dns(loop, *now);
	*now = dns;
	dns->refs = 2;
	return dns;
}

static void release(struct resolve *r)
{
	if (r->dns)
		put_dns(r->loop, r->dns);
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

static void lookup(struct resolve *r, const char *host, const char *port, bool search)
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
	r->dns = get_dns(r->loop, search);
	if (!r->dns) {
		snprintf(r->why, sizeof(r->why), "out of memory");
		deliver_later(r);
		return;
	}
	req = evdns_getaddrinfo(r->dns->base, host, port, &hints, on_answer, r);
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

struct resolve *resolve_start(struct event_base *base, const char *remote, bool search,
			      resolve_done done, void *arg, char *err, size_t errlen)
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
	r->loop = base;
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
	lookup(r, host, port, search);
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
