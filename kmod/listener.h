/* SPDX-License-Identifier: GPL-2.0 */
/* Listeners: local addresses whose connections become sessions. */
#ifndef _TUNNEL_LISTENER_H
#define _TUNNEL_LISTENER_H

#include <linux/netlink.h>
#include <linux/socket.h>

#include "tunnel.h"
#include "watch.h"

struct tnl_listener {
	struct list_head node;		/* tnl_net.listeners */
	struct tnl_net *tn;
	struct sockaddr_storage address;
	char tunnel[TUNNEL_NAME_MAX + 1];
	char service[TUNNEL_NAME_MAX + 1];
	struct socket *sock;
	struct tnl_watch watch;
	struct work_struct accept_work;
};

int tnl_listener_add(struct tnl_net *tn, struct sockaddr_storage *address,
		     const char *tunnel, const char *service,
		     struct netlink_ext_ack *extack);
int tnl_listener_del(struct tnl_net *tn, const struct sockaddr_storage *address);
void tnl_listener_del_all(struct tnl_net *tn, const char *tunnel);

#endif /* _TUNNEL_LISTENER_H */
