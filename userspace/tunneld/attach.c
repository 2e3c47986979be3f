// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <unistd.h>
#include "attach.h"

static int take_id(uint8_t cmd, struct nlattr **attr, void *arg)
{
	(void)cmd;
	if (attr[TUNNEL_A_CARRIER_ID])
		*(uint32_t *)arg = nla_get_u32(attr[TUNNEL_A_CARRIER_ID]);
	return 0;
}

int attach_carrier(struct tnl_conn *c, const char *tunnel, int fd,
		   const uint8_t pin[TUNNEL_PIN_LEN], uint32_t revision, uint32_t *carrier_id)
{
	struct nl_msg *msg = tnl_msg(c, TUNNEL_CMD_CARRIER_ATTACH, 0);
	int ret;

	*carrier_id = 0;
	if (!msg || nla_put_string(msg, TUNNEL_A_NAME, tunnel) ||
	    nla_put_s32(msg, TUNNEL_A_FD, fd) ||
	    nla_put(msg, TUNNEL_A_PEER_PIN, TUNNEL_PIN_LEN, pin) ||
	    nla_put_u32(msg, TUNNEL_A_REVISION, revision)) {
		nlmsg_free(msg);
		snprintf(c->error, sizeof(c->error), "out of memory");
		ret = -ENOMEM;
	} else {
		ret = tnl_talk(c, msg, take_id, carrier_id);
	}
	close(fd);
	return ret;
}

static int put_end(struct nl_msg *msg, int attr, const struct sockaddr_storage *ss)
{
	return ss->ss_family ? nla_put(msg, attr, (int)tnl_addr_len(ss), ss) : 0;
}

int hand_over(struct tnl_conn *c, const struct handover *h)
{
	struct nl_msg *msg = tnl_msg(c, TUNNEL_CMD_SESSION_NEW, 0);

	if (!msg || nla_put_string(msg, TUNNEL_A_NAME, h->tunnel) ||
	    nla_put_string(msg, TUNNEL_A_SERVICE, h->service) ||
	    nla_put_s32(msg, TUNNEL_A_FD, h->fd) ||
	    nla_put_u8(msg, TUNNEL_A_PROTOCOL, h->protocol) ||
	    (h->ends && (put_end(msg, TUNNEL_A_PEER_ADDR, &h->ends->source) ||
			 put_end(msg, TUNNEL_A_LOCAL_ADDR, &h->ends->local))) ||
	    (h->prefix_len && nla_put(msg, TUNNEL_A_PREFIX, (int)h->prefix_len, h->prefix)) ||
	    (h->refusal_len && nla_put(msg, TUNNEL_A_REFUSAL, (int)h->refusal_len, h->refusal))) {
		nlmsg_free(msg);
		snprintf(c->error, sizeof(c->error), "out of memory");
		return -ENOMEM;
	}
	return tnl_talk(c, msg, NULL, NULL);
}

int answer_session(struct tnl_conn *c, const struct question *q, int fd, uint8_t reason)
{
	struct nl_msg *msg = tnl_msg(c, TUNNEL_CMD_SESSION_ANSWER, 0);

	if (!msg || nla_put_string(msg, TUNNEL_A_NAME, q->tunnel) ||
	    nla_put_u64(msg, TUNNEL_A_SESSION_ID, q->session) ||
	    nla_put_u64(msg, TUNNEL_A_ASK_ID, q->id) ||
	    (fd >= 0 ? nla_put_s32(msg, TUNNEL_A_FD, fd) :
		       nla_put_u8(msg, TUNNEL_A_REASON, reason))) {
		nlmsg_free(msg);
		snprintf(c->error, sizeof(c->error), "out of memory");
		return -ENOMEM;
	}
	return tnl_talk(c, msg, NULL, NULL);
}
