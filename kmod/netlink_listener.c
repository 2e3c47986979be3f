// SPDX-License-Identifier: GPL-2.0
/* Requests about listeners. */
#include "netlink_request.h"

/* That the request is meant to follow on, or NULL. */
static const u32 *revision(struct genl_info *info)
{
	struct nlattr *attr = info->attrs[TUNNEL_A_REVISION];

	return attr ? nla_data(attr) : NULL;
}

static int listener_new_routes(struct tnl_net *tn, struct genl_info *info)
{
	struct sockaddr_storage address;
	int err;

	if (info->attrs[TUNNEL_A_NAME] || info->attrs[TUNNEL_A_SERVICE] ||
	    info->attrs[TUNNEL_A_DESTINATION] || info->attrs[TUNNEL_A_MODE] ||
	    info->attrs[TUNNEL_A_OWNER_UID] || info->attrs[TUNNEL_A_OWNER_GID]) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_ROUTES],
				    "a listener leads to one service, or has routes, not both");
		return -EINVAL;
	}
	get_address(info, &address);
	if (address.ss_family == AF_UNIX) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_ADDRESS],
				    "a listener at a path leads to one service: routes need an address with a port");
		return -EINVAL;
	}
	if (!port_of(&address)) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_ADDRESS],
				    "a listener with routes needs a port from 1 to 65535");
		return -EINVAL;
	}
	mutex_lock(&tn->lock);
	err = alive(tn, info) ?:
	      tnl_listener_add_routes(tn, &address, text(info, TUNNEL_A_ROUTES),
				      info->extack);
	mutex_unlock(&tn->lock);
	return err;
}

int tnl_nl_listener_set(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct sockaddr_storage address;
	int err;

	err = need(info, TUNNEL_A_ADDRESS, "attribute ADDRESS is missing: say which listener") ?:
	      need(info, TUNNEL_A_ROUTES, "attribute ROUTES is missing: say where it leads");
	if (err)
		return err;
	get_address(info, &address);
	mutex_lock(&tn->lock);
	err = tnl_listener_set_routes(tn, &address, text(info, TUNNEL_A_ROUTES),
				      revision(info), info->extack);
	mutex_unlock(&tn->lock);
	return err;
}

int tnl_nl_listener_report(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct sockaddr_storage address;
	int err;

	err = need(info, TUNNEL_A_ADDRESS, "attribute ADDRESS is missing: say which listener") ?:
	      need(info, TUNNEL_A_REVISION, "attribute REVISION is missing: say of which routes") ?:
	      need(info, TUNNEL_A_STATE, "attribute STATE is missing: say how it is");
	if (err)
		return err;
	if (nla_get_u8(info->attrs[TUNNEL_A_STATE]) > TUNNEL_LISTENER_STATE_MAX) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_STATE],
				    "a listener has no such state");
		return -ERANGE;
	}
	get_address(info, &address);
	mutex_lock(&tn->lock);
	if (tn->daemon_portid != info->snd_portid) {
		GENL_SET_ERR_MSG(info, "only the registered daemon reports");
		err = -EPERM;
	}
	err = err ?: tnl_listener_report(tn, &address,
					 nla_get_u32(info->attrs[TUNNEL_A_REVISION]),
					 nla_get_u8(info->attrs[TUNNEL_A_STATE]),
					 text(info, TUNNEL_A_REPORT), info->extack);
	mutex_unlock(&tn->lock);
	return err;
}

static int read_file(struct genl_info *info, const struct sockaddr_storage *address,
		     struct tnl_file *f)
{
	struct nlattr *mode = info->attrs[TUNNEL_A_MODE];
	struct nlattr *uid = info->attrs[TUNNEL_A_OWNER_UID];
	struct nlattr *gid = info->attrs[TUNNEL_A_OWNER_GID];

	if ((mode || uid || gid) && address->ss_family != AF_UNIX) {
		GENL_SET_ERR_MSG(info, "MODE, OWNER_UID and OWNER_GID are about the file of a listener at a path");
		return -EINVAL;
	}
	if (gid && !uid) {
		GENL_SET_ERR_MSG(info, "OWNER_GID belongs to OWNER_UID: name both");
		return -EINVAL;
	}
	f->has_mode = mode;
	f->mode = mode ? nla_get_u32(mode) : 0;
	f->has_uid = uid;
	f->uid = uid ? nla_get_u32(uid) : 0;
	f->has_gid = gid;
	f->gid = gid ? nla_get_u32(gid) : 0;
	return 0;
}

int tnl_nl_listener_new(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct sockaddr_storage address;
	struct tnl_file file = {};
	struct sk_buff *reply;
	void *hdr;
	int err;

	err = need(info, TUNNEL_A_ADDRESS, "attribute ADDRESS is missing: say where to listen");
	if (!err && info->attrs[TUNNEL_A_ROUTES])
		return listener_new_routes(tn, info);
	err = err ?: need(info, TUNNEL_A_NAME, NEED_NAME) ?:
	      need(info, TUNNEL_A_SERVICE, NEED_SERVICE);
	if (err)
		return err;
	get_address(info, &address);
	err = read_file(info, &address, &file);
	if (err)
		return err;
	reply = begin_reply(info, TUNNEL_CMD_LISTENER_NEW, &hdr);
	if (!reply)
		return -ENOMEM;
	mutex_lock(&tn->lock);
	err = alive(tn, info);
	if (!err)
		err = check_tunnel_exists(tn, info);
	if (!err) {
		err = tnl_listener_add(tn, &address, text(info, TUNNEL_A_NAME),
				       text(info, TUNNEL_A_SERVICE),
				       text(info, TUNNEL_A_DESTINATION), &file, info->extack);
		if (err)
			NL_SET_BAD_ATTR(info->extack, info->attrs[TUNNEL_A_ADDRESS]);
	}
	mutex_unlock(&tn->lock);
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	return end_reply(reply, info, hdr,
			 nla_put(reply, TUNNEL_A_ADDRESS,
				 tnl_sockaddr_len(&address), &address));
}

int tnl_nl_listener_del(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct sockaddr_storage address;
	int err;

	err = need(info, TUNNEL_A_ADDRESS, "attribute ADDRESS is missing: say which listener");
	if (err)
		return err;
	get_address(info, &address);
	err = tnl_listener_del(tn, &address, revision(info));
	if (err == -ESTALE)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_REVISION],
				    "it has been changed meanwhile: look, and try again");
	else if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_ADDRESS],
				    "there is no listener on this address: 'tunnelctl listener show' lists them");
	return err;
}
