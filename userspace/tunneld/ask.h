/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel asks: where does a session of the peer's lead, to a service whose
 * target it does not understand? An answer is a connection, or why there is none.
 */
#ifndef TUNNELD_ASK_H
#define TUNNELD_ASK_H

#include <netlink/attr.h>
#include "daemon.h"

/** ask_start - TUNNEL_CMD_SESSION_ASK has come; it is answered from the loop */
void ask_start(struct daemon *d, struct nlattr **attr);

/** asks_drop - answer those there are: the daemon leaves */
void asks_drop(struct daemon *d);

#endif /* TUNNELD_ASK_H */
