/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel tells of itself: multicast of configuration and events. */
#ifndef _TUNNEL_NOTIFY_H
#define _TUNNEL_NOTIFY_H

#include <linux/types.h>

struct tnl_carrier;
struct tnl_listener;
struct tnl_net;
struct tnl_service;
struct tnl_session;
struct tnl_tunnel;

void tnl_notify_tunnel(struct tnl_tunnel *t, u8 cmd);
void tnl_notify_service(struct tnl_net *tn, struct tnl_service *svc, u8 cmd);
void tnl_notify_listener(struct tnl_net *tn, struct tnl_listener *l, u8 cmd);
void tnl_notify_carrier(struct tnl_carrier *c, u8 cmd, u8 reason);
void tnl_notify_session(struct tnl_session *s, u8 cmd);

#endif /* _TUNNEL_NOTIFY_H */
