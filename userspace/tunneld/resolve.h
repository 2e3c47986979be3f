/* SPDX-License-Identifier: GPL-2.0 */
/* Host names to addresses, by DNS and /etc/hosts, without blocking the loop. */
#ifndef TUNNELD_RESOLVE_H
#define TUNNELD_RESOLVE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define RESOLVE_MAX 16

struct resolve;

/** resolve_done - @n addresses; @n == 0: @why is a sentence. Called once, from the loop. */
typedef void (*resolve_done)(void *arg, const struct sockaddr_storage *addr, size_t n,
			     const char *why);

/**
 * resolve_start - look up @remote
 * @remote: "host:port", "1.2.3.4:port" or "[IPv6 address]:port"
 * @search: is a name also looked up below the domains of resolv.conf?
 *
 * /etc/resolv.conf and /etc/hosts are read anew when they have changed: a daemon started
 * before the network must not remember that there was none.
 *
 * Return: the lookup, valid until @done or resolve_cancel(); NULL with a sentence in @err.
 */
struct resolve *resolve_start(struct event_base *base, const char *remote, bool search,
			      resolve_done done, void *arg, char *err, size_t errlen);

/** resolve_cancel - @done is not called. NULL is fine. */
void resolve_cancel(struct resolve *r);

#endif /* TUNNELD_RESOLVE_H */
