// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "front.h"
#include "listen.h"
#include "visitor.h"

#define ACCEPT_BATCH 64

struct front {
	struct front *next;
	struct daemon *d;
	struct sockaddr_storage addr;
	socklen_t addrlen;
	char text[TNL_ADDRSTRLEN];
	uint32_t revision;
	uint8_t state;	   /* of a list that has just been read: as the kernel knows it */
	struct front *had; /* likewise: ours for the same address, or NULL */
	char *routes;	   /* of a list that has just been read: text */

	struct table *table; /* NULL: the routes are not as they must be */
	int fd;		     /* -1: not bound */
	struct event *io;
	struct event *timer; /* bind again, or accept again */
	unsigned int retry_ms;
	char why[TUNNEL_TEXT_MAX + 1]; /* as it was reported and logged */
};

void table_put(struct table *t)
{
	if (--t->refs)
		return;
	rules_free(&t->rules);
	certs_put(t->certs);
	free(t);
}

bool table_allows(const struct table *t, const struct sockaddr_storage *source)
{
	return !t->rules.gate || gate_allows(t->rules.gate, source);
}

/* --- what the kernel hears of us ------------------------------------------ */

/* @why: NULL, or a sentence; @f is up, or has failed. */
static void report(struct front *f, const char *why)
{
	struct nl_msg *msg = tnl_msg(&f->d->ctl, TUNNEL_CMD_LISTENER_REPORT, 0);
	int ret;

	if (why && strcmp(f->why, why))
		log_info("listening on %s: %s", f->text, why);
	else if (!why)
		log_debug("listening on %s, %zu routes", f->text, f->table->rules.n);
	snprintf(f->why, sizeof(f->why), "%s", why ? why : "");
	if (!msg || nla_put(msg, TUNNEL_A_ADDRESS, (int)f->addrlen, &f->addr) ||
	    nla_put_u32(msg, TUNNEL_A_REVISION, f->revision) ||
	    nla_put_u8(msg, TUNNEL_A_STATE, why ? TUNNEL_LISTENER_FAILED : TUNNEL_LISTENER_UP) ||
	    (why && nla_put_string(msg, TUNNEL_A_REPORT, f->why))) {
		nlmsg_free(msg);
		return;
	}
	/* ENOENT, ESTALE: it has changed meanwhile, which we are told of and look at next */
	ret = tnl_talk(&f->d->ctl, msg, NULL, NULL);
	if (ret && ret != -ENOENT && ret != -ESTALE)
		log_debug("reporting on %s: %s", f->text, f->d->ctl.error);
}

/* --- the listening socket ------------------------------------------------- */

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct timeval pause = clock_timeval(LISTEN_PAUSE_MS);
	struct front *f = arg;
	struct sockaddr_storage addr;
	socklen_t len;
	int i, conn;

	(void)what;
	for (i = 0; i < ACCEPT_BATCH; i++) {
		len = sizeof(addr);
		conn = accept4(fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (conn >= 0) {
			f->table->refs++;
			visitor_start(f->d, f->table, conn, &addr);
		} else if (listen_pauses(errno)) {
			log_info("accepting on %s: %s", f->text, strerror(errno));
			event_del(f->io);
			evtimer_add(f->timer, &pause);
			return;
		} else if (errno == EAGAIN) {
			return;
		}
		/* else that connection has died already */
	}
}

static void stop_listening(struct front *f)
{
	if (f->io)
		event_free(f->io);
	f->io = NULL;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	evtimer_del(f->timer);
}

/* What clients are to be shown. Return: false after saying why not. */
static bool load_certs(struct front *f)
{
	char err[256], why[TUNNEL_TEXT_MAX + 1];

	if (!f->table->rules.edge || f->table->certs)
		return true;
	f->table->certs = certs_load(f->table->rules.edge, err, sizeof(err));
	if (f->table->certs)
		return true;
	snprintf(why, sizeof(why), "%.250s", err);
	report(f, why);
	return false;
}

static void open_front(struct front *f)
{
	char why[128];
	int fd;

	if (!load_certs(f)) {
		listen_again(f->timer, &f->retry_ms);
		return;
	}
	fd = listen_socket(&f->addr, f->addrlen);
	if (fd >= 0) {
		f->fd = fd;
		f->io = event_new(f->d->base, fd, EV_READ | EV_PERSIST, on_connection, f);
		if (f->io && !event_add(f->io, NULL)) {
			f->retry_ms = LISTEN_RETRY_MS;
			log_info("listening on %s by routes", f->text);
			report(f, NULL);
			return;
		}
		stop_listening(f);
		fd = -ENOMEM;
	}
	snprintf(why, sizeof(why), "%s", strerror(-fd));
	report(f, why);
	listen_again(f->timer, &f->retry_ms);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;

	(void)fd;
	(void)what;
	if (f->io)
		event_add(f->io, NULL);
	else
		open_front(f);
}

/* --- the routes ----------------------------------------------------------- */

/* The same certificates as before need no look at files that may be in the making. */
static void keep_certs(struct table *t, const struct table *before)
{
	char *now = rules_format_edge(t->rules.edge), *then = rules_format_edge(before->rules.edge);

	if (before->certs && now && then && !strcmp(now, then))
		t->certs = certs_ref(before->certs);
	free(now);
	free(then);
}

/* Other routes than before; what has come in by the old ones goes on with those. */
static void take_routes(struct front *f, const char *routes)
{
	struct table *t = calloc(1, sizeof(*t));
	char err[256] = "out of memory", why[TUNNEL_TEXT_MAX + 1];
	size_t line = 0;

	if (t && rules_parse(&t->rules, routes, &line, err, sizeof(err))) {
		free(t);
		t = NULL;
	}
	if (t && f->table)
		keep_certs(t, f->table);
	if (f->table)
		table_put(f->table);
	f->table = t;
	if (!t) {
		/* No guessing where people are to go. */
		stop_listening(f);
		snprintf(why, sizeof(why), "route %zu: %.200s", line, err);
		report(f, why);
		return;
	}
	t->refs = 1;
	memcpy(t->where, f->text, sizeof(t->where));
	/* Nobody gets in without TLS meanwhile. */
	if (f->fd >= 0 && !load_certs(f)) {
		stop_listening(f);
		listen_again(f->timer, &f->retry_ms);
	} else if (f->fd < 0) {
		open_front(f);
	} else {
		report(f, NULL);
	}
}

/* --- which there must be -------------------------------------------------- */

struct dump {
	struct front *first, **last;
	bool no_memory;
};

static void free_front(struct front *f)
{
	if (f->timer) {
		if (f->fd >= 0)
			log_info("no longer listening on %s", f->text);
		stop_listening(f);
		event_free(f->timer);
	}
	if (f->table)
		table_put(f->table);
	free(f->routes);
	free(f);
}

static void free_list(struct front *f)
{
	while (f) {
		struct front *next = f->next;

		free_front(f);
		f = next;
	}
}

static int take_listener(uint8_t cmd, struct nlattr **attr, void *arg)
{
	struct dump *dump = arg;
	struct nlattr *addr = attr[TUNNEL_A_ADDRESS];
	struct front *f;

	(void)cmd;
	if (!attr[TUNNEL_A_ROUTES] || !attr[TUNNEL_A_REVISION] || !addr ||
	    (size_t)nla_len(addr) > sizeof(f->addr))
		return 0;
	f = calloc(1, sizeof(*f));
	if (f)
		f->routes = strdup(nla_get_string(attr[TUNNEL_A_ROUTES]));
	if (!f || !f->routes) {
		free(f);
		dump->no_memory = true;
		return 0;
	}
	memcpy(&f->addr, nla_data(addr), nla_len(addr));
	f->addrlen = nla_len(addr);
	f->revision = nla_get_u32(attr[TUNNEL_A_REVISION]);
	f->state = attr[TUNNEL_A_STATE] ? nla_get_u8(attr[TUNNEL_A_STATE]) : TUNNEL_LISTENER_UP;
	tnl_format_addr(&f->addr, f->addrlen, f->text);
	f->fd = -1;
	f->retry_ms = LISTEN_RETRY_MS;
	*dump->last = f;
	dump->last = &f->next;
	return 0;
}

/* The one for the same address that we have already, taken out of the list. */
static struct front *take_out(struct front **list, const struct front *like)
{
	struct front **p, *f;

	for (p = list; (f = *p); p = &f->next)
		if (f->addrlen == like->addrlen && !memcmp(&f->addr, &like->addr, f->addrlen)) {
			*p = f->next;
			return f;
		}
	return NULL;
}

/* What is there already goes on, with other routes if they are others. */
static void go_on(struct front *had, struct front *now)
{
	uint32_t revision = had->revision;

	had->revision = now->revision;
	if (revision != now->revision)
		take_routes(had, now->routes);
	else if (now->state == TUNNEL_LISTENER_WAITING)
		report(had, *had->why ? had->why : NULL);
}

int front_sync(struct daemon *d)
{
	struct dump dump = { .last = &dump.first };
	struct nl_msg *msg = tnl_msg(&d->ctl, TUNNEL_CMD_LISTENER_GET, NLM_F_DUMP);
	int ret = msg ? tnl_talk(&d->ctl, msg, take_listener, &dump) : -ENOMEM;
	struct front *old, *f, *next, **last = &d->fronts;

	if (!ret && dump.no_memory)
		ret = -ENOMEM;
	if (ret) {
		free_list(dump.first);
		return ret;
	}
	old = d->fronts;
	d->fronts = NULL;
	/* first what goes: it may hold an address that a new one overlaps */
	for (f = dump.first; f; f = f->next) {
		f->had = take_out(&old, f);
		if (f->had) {
			f->had->next = NULL;
			*last = f->had;
			last = &f->had->next;
		}
	}
	free_list(old);
	for (f = dump.first; f; f = next) {
		next = f->next;
		f->next = NULL;
		if (f->had) {
			go_on(f->had, f);
			free_front(f);
			continue;
		}
		f->d = d;
		f->timer = evtimer_new(d->base, on_timer, f);
		if (!f->timer) {
			free_front(f);
			ret = -ENOMEM;
			continue;
		}
		*last = f;
		last = &f->next;
		take_routes(f, f->routes);
		free(f->routes);
		f->routes = NULL;
	}
	return ret;
}

void front_stop(struct daemon *d)
{
	free_list(d->fronts);
	d->fronts = NULL;
}
