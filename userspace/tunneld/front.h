/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Listeners with routes: the kernel keeps what they are, we accept for them. Who comes in
 * is a visitor (visitor.h) until it is known where it goes.
 */
#ifndef TUNNELD_FRONT_H
#define TUNNELD_FRONT_H

#include "daemon.h"
#include "rules.h"

/** struct table - the routes of a listener at one time; visitors keep the one they came by */
struct table {
	unsigned int refs;
	struct rules rules;
	struct certs *certs;	    /* with TLS of ours */
	char where[TNL_ADDRSTRLEN]; /* the listener */
};

void table_put(struct table *t);

/** table_allows - may somebody with this address come in? */
bool table_allows(const struct table *t, const struct sockaddr_storage *source);

/** front_sync - listen where the kernel has listeners with routes, and nowhere else
 *
 * A listener whose routes have changed goes on with the new ones: no connection is lost.
 * Return: 0; or -errno, and it is to be tried again.
 */
int front_sync(struct daemon *d);

/** front_stop - listen nowhere */
void front_stop(struct daemon *d);

#endif /* TUNNELD_FRONT_H */
