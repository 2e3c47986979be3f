// SPDX-License-Identifier: GPL-2.0
/*
 * tunneld's mirror of the tunnels, with a kernel that says what the input says:
 * whatever comes, each tunnel that is dialled is dialled once and stopped once, and
 * we listen once for each listener with routes.
 *
 * Input: answers to the dumps and notifications, datagrams as in kernel.h; before
 * each step a byte, odd: dump, even: read notifications.
 */
/* options: -max_len=2048 */
/* links: userspace/lib/nl.c userspace/lib/text.c userspace/tunneld/config.c userspace/tunneld/log.c */
/* links: userspace/tunneld/front.c userspace/policy/rules.c userspace/policy/route.c userspace/policy/http.c userspace/policy/edge.c userspace/policy/gate.c */
/* links: userspace/tunneld/certs.c userspace/tunneld/pem.c userspace/tunneld/crypto.c userspace/tunneld/parcel.c */
#include "kernel.h"
#include "output.h"
#include "accept.h"
#include "ask.h"
#include "config.h"
#include "dial.h"
#include "front.h"
#include "listen.h"
#include "visitor.h"
#include <errno.h>
#include <unistd.h>

/* --- what config.c calls ------------------------------------------------------- */

struct dial {
	struct tunnel *t;
};

static unsigned int dials;

static void check_text(const char *text, size_t size)
{
	must(memchr(text, 0, size));
}

static void check_tunnel(const struct tunnel *t)
{
	check_text(t->name, sizeof(t->name));
	check_text(t->remote, sizeof(t->remote));
	check_text(t->local, sizeof(t->local));
	check_text(t->key, sizeof(t->key));
	must(t->ciphers);
	must(!t->dial || t->dial->t == t);
}

void dial_sync(struct daemon *d, struct tunnel *t)
{
	(void)d;
	must(t->role == TUNNEL_ROLE_DIAL);
	check_tunnel(t);
	if (t->dial)
		return;
	t->dial = malloc(sizeof(*t->dial));
	must(t->dial);
	t->dial->t = t;
	dials++;
}

void dial_moved(struct tunnel *t)
{
	t->dial->t = t;
}

void dial_carrier_up(struct tunnel *t)
{
	check_tunnel(t);
}

void dial_carrier_down(struct tunnel *t, uint8_t reason)
{
	(void)reason;
	check_tunnel(t);
}

void dial_stop(struct tunnel *t)
{
	check_tunnel(t);
	dials -= t->dial != NULL;
	free(t->dial);
	t->dial = NULL;
}

void accept_sync(struct daemon *d)
{
	struct tunnel *t;

	for (t = d->tunnels; t; t = t->next)
		check_tunnel(t);
}

/* Questions go to ask.c with all attributes that are there, each as it must be. */
void ask_start(struct daemon *d, struct nlattr **attr)
{
	static const int texts[] = { TUNNEL_A_NAME, TUNNEL_A_SERVICE, TUNNEL_A_TARGET,
				     TUNNEL_A_DESTINATION };
	size_t i;

	(void)d;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (attr[texts[i]])
			check_text(nla_get_string(attr[texts[i]]), nla_len(attr[texts[i]]));
	must(!attr[TUNNEL_A_SESSION_ID] ||
	     nla_len(attr[TUNNEL_A_SESSION_ID]) >= (int)sizeof(uint64_t));
}

void asks_drop(struct daemon *d)
{
	must(!d->asks);
}

/* --- what front.c calls -------------------------------------------------------- */

static unsigned int listens;

/* Every other address is taken. */
int listen_socket(const struct sockaddr_storage *addr, socklen_t len)
{
	(void)addr;
	must(len <= sizeof(*addr));
	return listens++ & 1 ? -EADDRINUSE : socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

int listen_pauses(int error)
{
	(void)error;
	return 0;
}

/* Nobody comes in. */
void visitor_start(struct daemon *d, struct table *table, int fd,
		   const struct sockaddr_storage *source)
{
	(void)d;
	(void)table;
	(void)fd;
	(void)source;
	must(false);
}

void visitors_drop(struct daemon *d)
{
	must(!d->visitors);
}

/* ------------------------------------------------------------------------------- */

static struct event_base *base;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	base = event_base_new();
	must(base);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	FILE *real_err = stderr;
	struct daemon d = { .base = base };

	if (!nowhere)
		nowhere = output_open(NULL);
	stderr = nowhere;
	kernel_begin((struct input){ data, size }, false, 1);
	must(!tnl_open(&d.ctl) && !tnl_open(&d.events));
	must(!config_start(&d));
	while (kernel.in.left && !d.exit_code) {
		if (take(&kernel.in, 1) & 1)
			event_active(d.sync_timer, EV_TIMEOUT, 0);
		else
			event_active(d.events_io, EV_READ, 0);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	config_stop(&d);
	must(!d.tunnels && !dials && !d.fronts);
	tnl_close(&d.ctl);
	tnl_close(&d.events);
	stderr = real_err;
	return 0;
}
