/* SPDX-License-Identifier: GPL-2.0 */
/* Sockets that user space hands over. */
#ifndef _TUNNEL_HANDOVER_H
#define _TUNNEL_HANDOVER_H

#include <linux/net.h>

struct netlink_ext_ack;
struct tnl_net;

struct socket *tnl_handover(struct tnl_net *tn, int fd, bool unix_too,
			    struct netlink_ext_ack *extack);

#endif /* _TUNNEL_HANDOVER_H */
