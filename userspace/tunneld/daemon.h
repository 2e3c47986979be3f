/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the daemon share. One instance, owned by main(). */
#ifndef TUNNELD_DAEMON_H
#define TUNNELD_DAEMON_H

#include <event2/event.h>
#include "handshake.h"
#include "conn_limits.h"
#include "log.h"
#include "tnl.h"

struct tunnel;
struct listener;
struct front;
struct visitor;
struct ask;

struct daemon {
	struct event_base *base;
	struct workshop shop;
	unsigned int handshake_timeout_ms;

	/*
	 * Two netlink sockets: requests and their answers on one, which is also
	 * the registered daemon; notifications on the other.
	 */
	struct tnl_conn ctl, events;

	struct tunnel *tunnels; /* config.c: mirror of the kernel's */
	struct event *events_io, *sync_timer;
	uint64_t sync_due_ms; /* when sync_timer is pending */

	struct front *fronts; /* front.c */
	struct visitor *visitors, **visitors_end;
	struct limits visitor_limits;
	struct log_limit visitor_log, certs_log;

	struct ask *asks; /* ask.c */
	unsigned int n_asks;

	struct listener *listeners; /* accept.c */
	struct limits limits;
	struct log_limit flood_log;
	struct bucket refusal_log;
	unsigned int refusals_unlogged;

	int exit_code;
};

/** daemon_stop - leave the event loop with @exit_code */
static inline void daemon_stop(struct daemon *d, int exit_code)
{
	d->exit_code = exit_code;
	event_base_loopbreak(d->base);
}

#endif /* TUNNELD_DAEMON_H */
