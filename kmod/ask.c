// SPDX-License-Identifier: GPL-2.0
#include "ask.h"
#include "netlink.h"

/* What a question has besides the service's target. */
#define REST (NLMSG_GOODSIZE / 2)

/**
 * tnl_ask - ask the daemon where a session of the peer's shall lead
 * @s: to a service whose target is the daemon's business
 * @id: of the question: ids of sessions come again when a lane begins anew
 *
 * It is told to one socket only. Whoever waits for the answer has a deadline; a daemon
 * with more questions than its socket takes gets no further one.
 *
 * Context: process.
 * Return: 0; -ESRCH, -ECONNREFUSED: there is no daemon; -EAGAIN, -ENOMEM, -ENOENT.
 */
int tnl_ask(struct tnl_session *s, u64 id)
{
	struct tnl_net *tn = s->tunnel->tn;
	/* Pairs with the release where one registers. */
	u32 port = smp_load_acquire(&tn->daemon_portid) ? READ_ONCE(tn->ask_portid) : 0;
	struct sk_buff *skb;
	void *hdr;
	int err;

	if (!port)
		return -ESRCH;
	skb = genlmsg_new(TUNNEL_TARGET_MAX + REST, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	hdr = genlmsg_put(skb, 0, 0, &tnl_genl_family, 0, TUNNEL_CMD_SESSION_ASK);
	err = hdr ? nla_put_u64_64bit(skb, TUNNEL_A_ASK_ID, id, TUNNEL_A_PAD) ?:
		    tnl_put_session(skb, s) : -EMSGSIZE;
	if (!err)
		err = tnl_service_put_text(s->tunnel, s->service, skb);
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_unicast(tn->net, skb, port);
}
