/* SPDX-License-Identifier: GPL-2.0 */
/* What functions that serve a request have in common. */
#ifndef _TUNNEL_NETLINK_REQUEST_H
#define _TUNNEL_NETLINK_REQUEST_H

#include "netlink.h"

/* Without this attribute the request makes no sense. */
static inline int need(struct genl_info *info, int attr, const char *sentence)
{
	if (info->attrs[attr])
		return 0;
	info->extack->_msg = sentence;
	return -EINVAL;
}

#define NEED_NAME "attribute NAME is missing: say which tunnel"
#define NEED_SESSION "attribute SESSION_ID is missing: say which session"
#define NEED_SERVICE "attribute SERVICE is missing: say which service"

static inline const char *text(struct genl_info *info, int attr)
{
	return info->attrs[attr] ? nla_data(info->attrs[attr]) : NULL;
}

static inline void get_address(struct genl_info *info, struct sockaddr_storage *ss)
{
	struct nlattr *attr = info->attrs[TUNNEL_A_ADDRESS];

	memset(ss, 0, sizeof(*ss));
	memcpy(ss, nla_data(attr), nla_len(attr));
}

static inline __be16 port_of(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET6 ?
		((const struct sockaddr_in6 *)ss)->sin6_port :
		((const struct sockaddr_in *)ss)->sin_port;
}

/* The namespace is usable: not on its way out. tn->lock held. */
static inline int alive(struct tnl_net *tn, struct genl_info *info)
{
	if (!tn->dying)
		return 0;
	GENL_SET_ERR_MSG(info, "the network namespace is being removed");
	return -ESHUTDOWN;
}

static inline int check_tunnel_exists(struct tnl_net *tn, struct genl_info *info)
{
	if (tnl_tunnel_find(tn, text(info, TUNNEL_A_NAME)))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_NAME],
			    "there is no tunnel of this name: 'tunnelctl tunnel show' lists them");
	return -ENOENT;
}

static inline struct sk_buff *begin_reply(struct genl_info *info, u8 cmd, void **hdr)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);

	if (!skb)
		return NULL;
	*hdr = genlmsg_put_reply(skb, info, &tnl_genl_family, 0, cmd);
	if (!*hdr) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

static inline int end_reply(struct sk_buff *skb, struct genl_info *info, void *hdr, int err)
{
	if (err) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

/* netlink_listener.c */
int tnl_nl_listener_new(struct sk_buff *skb, struct genl_info *info);
int tnl_nl_listener_set(struct sk_buff *skb, struct genl_info *info);
int tnl_nl_listener_report(struct sk_buff *skb, struct genl_info *info);
int tnl_nl_listener_del(struct sk_buff *skb, struct genl_info *info);

/* netlink_identity.c */
int tnl_nl_check_pins(const struct nlattr *attr, struct netlink_ext_ack *extack);
struct tnl_identity *tnl_nl_identity(struct genl_info *info, const struct tnl_identity *old);
int tnl_nl_identity_free_of(struct tnl_net *tn, struct genl_info *info, u8 role, const char *local,
			    const struct tnl_identity *id, const struct tnl_tunnel *except);
int tnl_nl_limits(struct genl_info *info, struct tnl_limits *max, bool *named);
int tnl_nl_tunnel_set(struct sk_buff *skb, struct genl_info *info);

#endif /* _TUNNEL_NETLINK_REQUEST_H */
