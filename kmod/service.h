/* SPDX-License-Identifier: GPL-2.0 */
/* Services: names the peer may open sessions to, and where they lead. */
#ifndef _TUNNEL_SERVICE_H
#define _TUNNEL_SERVICE_H

#include <linux/cred.h>
#include <linux/netlink.h>
#include <linux/socket.h>

#include "tunnel.h"

struct tnl_service {
	struct list_head node;		/* tnl_net.services */
	struct rcu_head rcu;
	char name[TUNNEL_NAME_MAX + 1];
	char tunnel[TUNNEL_NAME_MAX + 1];	/* empty: for every tunnel */
	struct sockaddr_storage target;
	const struct cred *cred;	/* who set it up: connects as that user */
};

int tnl_service_add(struct tnl_net *tn, const char *name, const char *tunnel,
		    const struct sockaddr_storage *target,
		    struct netlink_ext_ack *extack);
int tnl_service_del(struct tnl_net *tn, const char *name, const char *tunnel);
void tnl_service_del_all(struct tnl_net *tn, const char *tunnel);
bool tnl_service_exists(struct tnl_tunnel *t, const char *name);
int tnl_service_target(struct tnl_tunnel *t, const char *name,
		       struct sockaddr_storage *target, const struct cred **cred);

static inline int tnl_sockaddr_len(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
					   sizeof(struct sockaddr_in);
}

#endif /* _TUNNEL_SERVICE_H */
