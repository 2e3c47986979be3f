/* SPDX-License-Identifier: GPL-2.0 */
/* Making carriers of tunnels with role dial, for as long as they have none. */
#ifndef TUNNELD_DIAL_H
#define TUNNELD_DIAL_H

#include "config.h"

/** dial_sync - start or stop dialling @t, as its state in the kernel asks */
void dial_sync(struct daemon *d, struct tunnel *t);

/** dial_moved - @t has taken the place of another mirror of the same tunnel */
void dial_moved(struct tunnel *t);

/** dial_carrier_up - both HELLOs are done. No effect on listen tunnels. */
void dial_carrier_up(struct tunnel *t);

/**
 * dial_carrier_down - a carrier of @t ended
 *
 * Remembers how soon to dial again; whether to is dial_sync()'s decision, since
 * another carrier may be there.
 */
void dial_carrier_down(struct tunnel *t, uint8_t reason);

/** dial_stop - stop, and forget all about it */
void dial_stop(struct tunnel *t);

#endif /* TUNNELD_DIAL_H */
