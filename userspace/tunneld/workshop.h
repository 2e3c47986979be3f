/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The handshake worker as the daemon sees it: a process that takes orders and reports
 * (orders.h), what it has of ours in keeping, and another one when it has ended.
 */
#ifndef TUNNELD_WORKSHOP_H
#define TUNNELD_WORKSHOP_H

#include <event2/event.h>
#include <stdbool.h>
#include "backoff.h"
#include "object.h"
#include "orders.h"
#include "parcel.h"

struct workshop;
struct handshake;

/** struct workshop_ops - who is told; given to workshop_run() */
struct workshop_ops {
	void (*report)(struct workshop *shop, const struct report *report);
	/* The worker has ended; another one is started later, not from in here. */
	void (*ended)(struct workshop *shop);
};

/** workshop_lost - the starter has ended: there will be no other worker */
typedef void (*workshop_lost)(void *arg);

struct workshop {
	struct event_base *base;
	const struct workshop_ops *ops;
	const struct handshake_ops *sockets; /* handshake.h */
	workshop_lost lost;
	void *arg; /* of .lost */

	int starter; /* its socket, -1: none */
	int starter_pid;
	int fd; /* the worker's socket, -1: there is none now */
	struct event *starter_io, *io, *writable, *again;
	struct workshop_order *queue, **queue_end; /* what the socket had no room for */

	unsigned int life; /* counts workers */
	uint64_t next_id;  /* of objects and handshakes; no worker gets one twice */
	uint64_t born_ms;  /* the worker */
	uint64_t heard_ms; /* it said something */
	struct backoff backoff;

	/* the worker has its own clock for a handshake: how much later than that it may be */
	unsigned int late_ms;
	struct handshake *handshakes; /* handshake.c: in flight, by their ids */
	unsigned int n_handshakes;
};

/**
 * workshop_begin - start the starter and the first worker, and wait until it is shut in
 * @shop: anything
 *
 * To be called with all privileges there are, and before any key is read.
 *
 * Return: 0, or -errno with a sentence in @err and nothing to stop.
 */
int workshop_begin(struct workshop *shop, char *err, size_t errlen);

/** workshop_adopt - a worker that somebody else started; for tests in place of workshop_begin() */
void workshop_adopt(struct workshop *shop, int fd);

/** workshop_run - from here on in an event loop. Return: 0 or -ENOMEM. */
int workshop_run(struct workshop *shop, struct event_base *base, const struct workshop_ops *ops,
		 workshop_lost lost, void *arg);

/** workshop_stop - the worker and its starter end; objects may outlive it. Twice is fine. */
void workshop_stop(struct workshop *shop);

/** workshop_is_open - is there a worker? */
static inline bool workshop_is_open(const struct workshop *shop)
{
	return shop->fd >= 0;
}

/** workshop_id - for a new handshake or object */
static inline uint64_t workshop_id(struct workshop *shop)
{
	return ++shop->next_id;
}

/**
 * workshop_order - tell the worker, or keep it until there is room
 * @fd: goes with it, stays the caller's until the order is sent or workshop_recall(); -1: none
 * Return: 0; or -errno, and nothing was said.
 */
int workshop_order(struct workshop *shop, const struct order *order, int fd);

/** workshop_recall - take an ORDER_SHAKE back. Return: false if it has gone to the worker. */
bool workshop_recall(struct workshop *shop, uint64_t id);

/** workshop_pack - fill @p with what @what is. Return: 0 or an mbedTLS error. */
typedef int (*workshop_pack)(void *what, struct parcel *p);

/**
 * workshop_keep - have the worker keep an object, if it does not yet
 * Return: its id; or 0 with a sentence in @err.
 */
uint64_t workshop_keep(struct workshop *shop, struct shop_object *object, enum object_kind kind,
		       workshop_pack pack, void *what, char *err, size_t errlen);

/** workshop_renew - this worker is no good: end it, and start another one */
void workshop_renew(struct workshop *shop, const char *why);

#endif /* TUNNELD_WORKSHOP_H */
