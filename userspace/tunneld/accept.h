/* SPDX-License-Identifier: GPL-2.0 */
/* Taking in the carriers of tunnels with role listen. */
#ifndef TUNNELD_ACCEPT_H
#define TUNNELD_ACCEPT_H

#include "config.h"

/**
 * accept_sync - one listening socket per LOCAL of the listen tunnels, no others
 *
 * Tunnels that share a LOCAL share its KEY and CERT, for the server shows its identity
 * before it knows who asks, and have different peers, for who a peer shows to be,
 * by key, by certificate or by PSK, is what chooses the tunnel. A tunnel that breaks this is refused and the refusal
 * logged once.
 */
void accept_sync(struct daemon *d);

#endif /* TUNNELD_ACCEPT_H */
