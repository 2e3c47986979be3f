/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TUNNEL_NETLINK_H
#define _TUNNEL_NETLINK_H

#include <net/genetlink.h>

#include "carrier.h"
#include "listener.h"
#include "service.h"
#include "session.h"
#include "tunnel.h"

enum tnl_mcgrp {
	TNL_MCGRP_CONFIG,
	TNL_MCGRP_EVENTS,
};

extern struct genl_family tnl_genl_family;

/* netlink_dump.c: what an object looks like in a message, and dumps of them */
int tnl_put_tunnel(struct sk_buff *skb, struct tnl_tunnel *t);
int tnl_put_service(struct sk_buff *skb, const struct tnl_service *svc);
int tnl_put_listener(struct sk_buff *skb, const struct tnl_listener *l);
int tnl_put_carrier(struct sk_buff *skb, struct tnl_carrier *c);
int tnl_put_session(struct sk_buff *skb, struct tnl_session *s);
int tnl_dump_tunnels(struct sk_buff *skb, struct netlink_callback *cb);
int tnl_dump_services(struct sk_buff *skb, struct netlink_callback *cb);
int tnl_dump_listeners(struct sk_buff *skb, struct netlink_callback *cb);
int tnl_dump_carriers(struct sk_buff *skb, struct netlink_callback *cb);
int tnl_dump_sessions(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* _TUNNEL_NETLINK_H */
