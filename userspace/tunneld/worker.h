/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The handshake worker: what reads TLS of strangers, in a process that has nothing but the
 * sockets and keys it was given. Of a socket it closes its descriptor before it reports, so
 * that the daemon has the only one.
 */
#ifndef TUNNELD_WORKER_H
#define TUNNELD_WORKER_H

#include "negotiate.h"

struct worker;

/**
 * worker_open - take orders in an event loop
 * @fd: SOCK_SEQPACKET to who gives them; the worker's from here on
 * @gone: called once, when nobody gives any more or they make no sense
 * Return: for worker_close(), or NULL without memory.
 */
struct worker *worker_open(struct event_base *base, int fd, negotiation_install install,
			   void (*gone)(void *arg), void *arg);

/** worker_close - forget all, wipe keys, close descriptors */
void worker_close(struct worker *w);

/** worker_main - all there is to it in a process of its own, with jail_seal(). Does not return. */
__attribute__((noreturn)) void worker_main(int fd, negotiation_install install);

#endif /* TUNNELD_WORKER_H */
