/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TUNNELD_LISTEN_H
#define TUNNELD_LISTEN_H

#include <event2/event.h>
#include <sys/socket.h>
#include "clock.h"

/** listen_socket - a TCP socket that listens on @addr; non-blocking
 *
 * [::] is every address, of IPv4 too.
 * Return: descriptor, or -errno.
 */
int listen_socket(const struct sockaddr_storage *addr, socklen_t len);

/** listen_pauses - is @error of accept4() one that waiting may help against?
 *
 * The connection stays queued then, and would wake an event loop for ever.
 */
int listen_pauses(int error);

/* How long to wait after listen_pauses(), and before an address is tried again. */
#define LISTEN_PAUSE_MS	    100
#define LISTEN_RETRY_MS	    1000
#define LISTEN_RETRY_MAX_MS 30000

/** listen_again - let @timer fire after *@retry_ms, which doubles; it begins as LISTEN_RETRY_MS */
static inline void listen_again(struct event *timer, unsigned int *retry_ms)
{
	struct timeval tv = clock_timeval(*retry_ms);

	evtimer_add(timer, &tv);
	*retry_ms = *retry_ms * 2 > LISTEN_RETRY_MAX_MS ? LISTEN_RETRY_MAX_MS : *retry_ms * 2;
}

#endif /* TUNNELD_LISTEN_H */
