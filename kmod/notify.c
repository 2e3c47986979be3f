// SPDX-License-Identifier: GPL-2.0
#include "netlink.h"
#include "notify.h"

/*
 * Notifications are best effort: a reader that is too slow gets ENOBUFS and
 * dumps again. No secret is known here, so none can leak.
 */
static struct sk_buff *begin(struct tnl_net *tn, u8 cmd, int group, void **hdr)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&tnl_genl_family, tn->net, group))
		return NULL;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb)
		return NULL;
	*hdr = genlmsg_put(skb, 0, 0, &tnl_genl_family, 0, cmd);
	if (!*hdr) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

static void end(struct tnl_net *tn, struct sk_buff *skb, void *hdr, int group,
		int err)
{
	if (err) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast_netns(&tnl_genl_family, tn->net, skb, 0, group, GFP_KERNEL);
}

void tnl_notify_tunnel(struct tnl_tunnel *t, u8 cmd)
{
	struct sk_buff *skb;
	void *hdr;

	skb = begin(t->tn, cmd, TNL_MCGRP_CONFIG, &hdr);
	if (skb)
		end(t->tn, skb, hdr, TNL_MCGRP_CONFIG, tnl_put_tunnel(skb, t));
}

void tnl_notify_service(struct tnl_net *tn, struct tnl_service *svc, u8 cmd)
{
	struct sk_buff *skb;
	void *hdr;

	skb = begin(tn, cmd, TNL_MCGRP_CONFIG, &hdr);
	if (skb)
		end(tn, skb, hdr, TNL_MCGRP_CONFIG, tnl_put_service(skb, svc));
}

void tnl_notify_listener(struct tnl_net *tn, struct tnl_listener *l, u8 cmd)
{
	struct sk_buff *skb;
	void *hdr;

	skb = begin(tn, cmd, TNL_MCGRP_CONFIG, &hdr);
	if (skb)
		end(tn, skb, hdr, TNL_MCGRP_CONFIG, tnl_put_listener(skb, l));
}

void tnl_notify_carrier(struct tnl_carrier *c, u8 cmd, u8 reason)
{
	struct sk_buff *skb;
	void *hdr;

	skb = begin(c->tn, cmd, TNL_MCGRP_EVENTS, &hdr);
	if (skb)
		end(c->tn, skb, hdr, TNL_MCGRP_EVENTS,
		    tnl_put_carrier(skb, c) ||
		    nla_put_u8(skb, TUNNEL_A_REASON, reason));
}

void tnl_notify_session(struct tnl_session *s, u8 cmd)
{
	struct tnl_net *tn = s->tunnel->tn;
	struct sk_buff *skb;
	void *hdr;

	skb = begin(tn, cmd, TNL_MCGRP_EVENTS, &hdr);
	if (skb)
		end(tn, skb, hdr, TNL_MCGRP_EVENTS, tnl_put_session(skb, s));
}
