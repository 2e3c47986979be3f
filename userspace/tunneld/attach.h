/* SPDX-License-Identifier: GPL-2.0 */
/* The hand-over: a socket with kTLS in both directions becomes a carrier. */
#ifndef TUNNELD_ATTACH_H
#define TUNNELD_ATTACH_H

#include "tnl.h"

/**
 * attach_carrier - TUNNEL_CMD_CARRIER_ATTACH, then close @fd
 *
 * @fd is closed in any case and at once: the kernel holds the file, and whoever
 * holds the descriptor can read the keys with getsockopt().
 *
 * Return: 0 with @carrier_id set, or -errno with the kernel's sentence in c->error.
 */
int attach_carrier(struct tnl_conn *c, const char *tunnel, int fd,
		   const uint8_t pin[TUNNEL_PIN_LEN], uint32_t *carrier_id);

#endif /* TUNNELD_ATTACH_H */
