/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A visitor: a connection of which we do not know yet where it goes. We read what is
 * needed to say so, at most 16 KiB and for at most ten seconds, and hand it over to the
 * kernel together with what was read; or answer it and close.
 */
#ifndef TUNNELD_VISITOR_H
#define TUNNELD_VISITOR_H

#include "front.h"

/** visitors_init - what @d allows of them */
void visitors_init(struct daemon *d, uint32_t seed);

/**
 * visitor_start - take @fd in
 * @table: a reference, ours from here on
 * @fd: non-blocking; ours too
 */
void visitor_start(struct daemon *d, struct table *table, int fd,
		   const struct sockaddr_storage *source);

/** visitors_drop - close all of them */
void visitors_drop(struct daemon *d);

#endif /* TUNNELD_VISITOR_H */
