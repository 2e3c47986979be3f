// SPDX-License-Identifier: GPL-2.0
/* Requests. Each checks everything before it changes anything. */
#include <linux/inet.h>
#include <linux/module.h>
#include <linux/user_namespace.h>
#include <net/sock.h>

#include "af_tunnel.h"
#include "compat/compat.h"
#include "netlink_request.h"
#include "relay.h"

#define GRACE_DEFAULT_MS 60000
#define GRACE_MAX_MS (24 * 3600 * 1000)

static int check_name(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	size_t len = strnlen(nla_data(attr), nla_len(attr));

	if (tnl_name_ok(nla_data(attr), len))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "a name is 1 to 63 characters of a-z, 0-9, '.', '_' and '-'");
	return -EINVAL;
}

static bool is_inet(const struct nlattr *attr)
{
	const struct sockaddr *sa = nla_data(attr);
	int len = nla_len(attr);

	return len >= (int)sizeof(sa->sa_family) &&
	       ((sa->sa_family == AF_INET && len == sizeof(struct sockaddr_in)) ||
		(sa->sa_family == AF_INET6 && len == sizeof(struct sockaddr_in6)));
}

static int check_inet(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	if (is_inet(attr))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "an address is a whole struct sockaddr_in or sockaddr_in6");
	return -EINVAL;
}

/* From the root, and printable: it is shown, and written into files. */
static bool is_path(const struct nlattr *attr)
{
	const struct sockaddr_un *un = nla_data(attr);
	int len = nla_len(attr) - offsetof(struct sockaddr_un, sun_path), i;

	if (len < 2 || len > (int)sizeof(un->sun_path) || un->sun_family != AF_UNIX ||
	    un->sun_path[0] != '/' || un->sun_path[len - 1])
		return false;
	for (i = 0; i < len - 1; i++)
		if (un->sun_path[i] <= ' ' || un->sun_path[i] > '~')
			return false;
	return true;
}

/* Also a path, without which no unix socket can be listened on. */
static int check_address(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	if (is_inet(attr) || is_path(attr))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "an address is a whole struct sockaddr_in or sockaddr_in6, or a sockaddr_un up to the zero behind an absolute path of ASCII without blanks");
	return -EINVAL;
}

static int check_text(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	const u8 *text = nla_data(attr);
	size_t len = strnlen(nla_data(attr), nla_len(attr)), i;

	if (!len || len > TUNNEL_TEXT_MAX) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "this text must have 1 to 255 bytes");
		return -EINVAL;
	}
	for (i = 0; i < len; i++) {
		if (text[i] >= ' ' && text[i] != 0x7f)
			continue;
		NL_SET_ERR_MSG_ATTR(extack, attr, "this text has a control character in it");
		return -EINVAL;
	}
	return 0;
}

/* What it means is the daemon's business; that there is something is ours. */
static int check_routes(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	size_t len = strnlen(nla_data(attr), nla_len(attr));

	if (len && len <= TUNNEL_ROUTES_MAX)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "routes have 1 to 16384 bytes");
	return -EINVAL;
}

/* Likewise; its lines may be those of a file. */
static int check_target(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	size_t len = strnlen(nla_data(attr), nla_len(attr));

	if (len && len <= TUNNEL_TARGET_MAX)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "the target of a service has 1 to 4096 bytes");
	return -EINVAL;
}

/* As it goes over the wire: without blanks. */
static int check_destination(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	const u8 *text = nla_data(attr);
	size_t len = strnlen(nla_data(attr), nla_len(attr)), i;

	for (i = 0; i < len && text[i] > ' ' && text[i] <= '~'; i++)
		;
	if (len && i == len && len <= TNL_DESTINATION_MAX)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "a destination has 1 to 261 characters of ASCII, without blanks");
	return -EINVAL;
}

static int check_ids(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	int len = nla_len(attr);

	if (len % sizeof(u32) == 0 && len <= TUNNEL_ALLOW_MAX * sizeof(u32))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "ids are an array of at most 32 numbers of 32 bits");
	return -EINVAL;
}

static int check_access(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	if (tnl_access_ok(nla_data(attr), nla_len(attr)))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "an access list is an array of at most 64 struct tunnel_network, of 0 to 128 bits, with none behind them");
	return -EINVAL;
}

/* "": none */
static int check_text_or_none(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	return strnlen(nla_data(attr), nla_len(attr)) ? check_text(attr, extack) : 0;
}

static const struct nla_policy policy[TUNNEL_A_MAX + 1] = {
	[TUNNEL_A_NAME]		= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_name),
	[TUNNEL_A_SERVICE]	= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_name),
	[TUNNEL_A_ROLE]		= NLA_POLICY_MAX(NLA_U8, TUNNEL_ROLE_LISTEN),
	[TUNNEL_A_PEER_PIN]	= NLA_POLICY_EXACT_LEN(TUNNEL_PIN_LEN),
	[TUNNEL_A_REMOTE]	= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_text),
	[TUNNEL_A_LOCAL]	= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_text),
	[TUNNEL_A_KEY]		= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_text),
	[TUNNEL_A_CIPHERS]	= NLA_POLICY_MASK(NLA_U32, TUNNEL_CIPHER_ALL),
	[TUNNEL_A_GRACE]	= { .type = NLA_U32 },
	[TUNNEL_A_ADDRESS]	= NLA_POLICY_VALIDATE_FN(NLA_BINARY, check_address),
	[TUNNEL_A_FD]		= { .type = NLA_S32 },
	[TUNNEL_A_CARRIER_ID]	= { .type = NLA_U32 },
	[TUNNEL_A_SESSION_ID]	= { .type = NLA_U64 },
	[TUNNEL_A_DIRECT]	= NLA_POLICY_MAX(NLA_U8, TUNNEL_DIRECT_MAX),
	[TUNNEL_A_ALLOW_UIDS]	= NLA_POLICY_VALIDATE_FN(NLA_BINARY, check_ids),
	[TUNNEL_A_ALLOW_GIDS]	= NLA_POLICY_VALIDATE_FN(NLA_BINARY, check_ids),
	[TUNNEL_A_OWNER_UID]	= { .type = NLA_U32 },
	[TUNNEL_A_OWNER_GID]	= { .type = NLA_U32 },
	[TUNNEL_A_PROTOCOL]	= NLA_POLICY_MAX(NLA_U8, TUNNEL_PROTOCOL_MAX),
	[TUNNEL_A_PEER_ADDR]	= NLA_POLICY_VALIDATE_FN(NLA_BINARY, check_inet),
	[TUNNEL_A_LOCAL_ADDR]	= NLA_POLICY_VALIDATE_FN(NLA_BINARY, check_inet),
	[TUNNEL_A_ACCESS]	= NLA_POLICY_VALIDATE_FN(NLA_BINARY, check_access),
	[TUNNEL_A_LIMIT_SESSIONS] = { .type = NLA_U32 },
	[TUNNEL_A_LIMIT_RATE]	= { .type = NLA_U32 },
	[TUNNEL_A_LIMIT_BANDWIDTH] = { .type = NLA_U64 },
	[TUNNEL_A_MODE]		= NLA_POLICY_MASK(NLA_U32, 0777),
	[TUNNEL_A_STATE]	= { .type = NLA_U8 },
	[TUNNEL_A_ROUTES]	= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_routes),
	[TUNNEL_A_REVISION]	= { .type = NLA_U32 },
	[TUNNEL_A_REPORT]	= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_text),
	[TUNNEL_A_REFUSAL]	= { .type = NLA_BINARY, .len = TUNNEL_REFUSAL_MAX },
	[TUNNEL_A_TARGET]	= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_target),
	[TUNNEL_A_DESTINATION]	= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_destination),
	[TUNNEL_A_REASON]	= NLA_POLICY_MAX(NLA_U8, TUNNEL_REASON_MAX),
	[TUNNEL_A_ASK_PORT]	= { .type = NLA_U32 },
	[TUNNEL_A_ASK_ID]	= { .type = NLA_U64 },
	[TUNNEL_A_PREFIX]	= { .type = NLA_BINARY, .len = TUNNEL_PREFIX_MAX },
	[TUNNEL_A_PEER_PINS]	= NLA_POLICY_VALIDATE_FN(NLA_BINARY, tnl_nl_check_pins),
	[TUNNEL_A_PEER_CA]	= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_text),
	[TUNNEL_A_PEER_AUTH_NAME] = NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_text),
	[TUNNEL_A_CERT]		= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_text_or_none),
	[TUNNEL_A_PSK]		= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_text),
	[TUNNEL_A_PSK_IDENTITY]	= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_name),
};

/* A tunnel by name, referenced. */
static struct tnl_tunnel *get_tunnel(struct genl_info *info)
{
	struct tnl_tunnel *t;
	int err;

	err = need(info, TUNNEL_A_NAME, NEED_NAME);
	if (err)
		return ERR_PTR(err);
	t = tnl_tunnel_get(tnl_net(genl_info_net(info)), text(info, TUNNEL_A_NAME));
	if (t)
		return t;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_NAME],
			    "there is no tunnel of this name: 'tunnelctl tunnel show' lists them");
	return ERR_PTR(-ENOENT);
}

/* --- tunnels --------------------------------------------------------------- */

/* Return: 0, or -EINVAL for an id that nobody has. */
static int read_uid(struct genl_info *info, int attr, u32 id, kuid_t *uid)
{
	*uid = make_kuid(genl_info_net(info)->user_ns, id);
	if (uid_valid(*uid))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr],
			    "this is no uid of the user namespace of this network namespace");
	return -EINVAL;
}

static int read_gid(struct genl_info *info, int attr, u32 id, kgid_t *gid)
{
	*gid = make_kgid(genl_info_net(info)->user_ns, id);
	if (gid_valid(*gid))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr],
			    "this is no gid of the user namespace of this network namespace");
	return -EINVAL;
}

static int get_allow(struct genl_info *info, struct tnl_allow *a)
{
	struct nlattr *uids = info->attrs[TUNNEL_A_ALLOW_UIDS];
	struct nlattr *gids = info->attrs[TUNNEL_A_ALLOW_GIDS];
	int i, err = 0;
	u32 id;

	a->n_uids = uids ? nla_len(uids) / sizeof(id) : 0;
	a->n_gids = gids ? nla_len(gids) / sizeof(id) : 0;
	for (i = 0; !err && i < a->n_uids; i++) {
		memcpy(&id, nla_data(uids) + i * sizeof(id), sizeof(id));
		err = read_uid(info, TUNNEL_A_ALLOW_UIDS, id, &a->uids[i]);
	}
	for (i = 0; !err && i < a->n_gids; i++) {
		memcpy(&id, nla_data(gids) + i * sizeof(id), sizeof(id));
		err = read_gid(info, TUNNEL_A_ALLOW_GIDS, id, &a->gids[i]);
	}
	return err;
}

static int check_tunnel(struct genl_info *info, struct tnl_tunnel_config *c)
{
	bool named;
	int err;

	err = need(info, TUNNEL_A_NAME, NEED_NAME) ?:
	      need(info, TUNNEL_A_ROLE,
		   "attribute ROLE is missing: does this side dial or listen?");
	if (err)
		return err;
	c->name = text(info, TUNNEL_A_NAME);
	c->role = nla_get_u8(info->attrs[TUNNEL_A_ROLE]);
	c->remote = text(info, TUNNEL_A_REMOTE);
	c->local = text(info, TUNNEL_A_LOCAL);
	if (c->role == TUNNEL_ROLE_DIAL)
		err = need(info, TUNNEL_A_REMOTE,
			   "attribute REMOTE is missing: a tunnel that dials needs an address to dial");
	else
		err = need(info, TUNNEL_A_LOCAL,
			   "attribute LOCAL is missing: a tunnel that listens needs an address to listen on");
	if (err)
		return err;
	c->ciphers = TUNNEL_CIPHER_ALL;
	if (info->attrs[TUNNEL_A_CIPHERS])
		c->ciphers = nla_get_u32(info->attrs[TUNNEL_A_CIPHERS]);
	if (!c->ciphers) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_CIPHERS],
				    "at least one cipher must be allowed");
		return -EINVAL;
	}
	c->grace_ms = GRACE_DEFAULT_MS;
	if (info->attrs[TUNNEL_A_GRACE])
		c->grace_ms = nla_get_u32(info->attrs[TUNNEL_A_GRACE]);
	if (c->grace_ms > GRACE_MAX_MS) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_GRACE],
				    "the grace time is at most 86400000 ms, one day");
		return -ERANGE;
	}
	c->direct = TUNNEL_DIRECT_ADMIN;
	if (info->attrs[TUNNEL_A_DIRECT])
		c->direct = nla_get_u8(info->attrs[TUNNEL_A_DIRECT]);
	return tnl_nl_limits(info, &c->limits, &named) ?: get_allow(info, &c->allow);
}

static int tunnel_new(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct tnl_tunnel_config c = {};
	int err;

	err = check_tunnel(info, &c);
	if (err)
		return err;
	c.identity = tnl_nl_identity(info, NULL);
	if (IS_ERR(c.identity))
		return PTR_ERR(c.identity);
	mutex_lock(&tn->lock);
	err = alive(tn, info);
	if (!err && tnl_tunnel_find(tn, c.name)) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_NAME],
				    "a tunnel of this name exists: delete it first, or choose another name");
		err = -EEXIST;
	}
	if (!err)
		err = tnl_nl_identity_free_of(tn, info, c.role, c.local, c.identity, NULL);
	if (!err)
		err = PTR_ERR_OR_ZERO(tnl_tunnel_create(tn, &c));
	mutex_unlock(&tn->lock);
	if (err)
		tnl_identity_free(c.identity);
	return err;
}

static int tunnel_del(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct tnl_tunnel *t = get_tunnel(info);
	bool found;

	if (IS_ERR(t))
		return PTR_ERR(t);
	tnl_listener_del_all(tn, t->name);
	mutex_lock(&tn->lock);
	found = tnl_tunnel_find(tn, t->name) == t;
	if (found)
		tnl_tunnel_unlink(t);
	mutex_unlock(&tn->lock);
	if (found) {
		/* One may have been added before the tunnel was unlinked. */
		tnl_listener_del_all(tn, t->name);
		tnl_tunnel_destroy(t);
	}
	tnl_tunnel_put(t);
	return found ? 0 : -ENOENT;
}

static int tunnel_get(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_tunnel *t = get_tunnel(info);
	struct sk_buff *reply;
	int err = -ENOMEM;
	void *hdr;

	if (IS_ERR(t))
		return PTR_ERR(t);
	reply = begin_reply(info, TUNNEL_CMD_TUNNEL_GET, &hdr);
	if (reply) {
		mutex_lock(&t->tn->lock);
		err = tnl_put_tunnel(reply, t);
		mutex_unlock(&t->tn->lock);
		err = end_reply(reply, info, hdr, err);
	}
	tnl_tunnel_put(t);
	return err;
}

/* --- services ------------------------------------------------------------ */

/* Where a service leads: to an address, as the daemon says, or to the socket of its owner. */
static int get_target(struct genl_info *info, struct tnl_service_config *c,
		      struct sockaddr_storage *target)
{
	struct nlattr *uid = info->attrs[TUNNEL_A_OWNER_UID];
	struct nlattr *gid = info->attrs[TUNNEL_A_OWNER_GID];
	int err;

	c->owner = INVALID_UID;
	c->group = INVALID_GID;
	c->text = text(info, TUNNEL_A_TARGET);
	if (c->text) {
		if (!uid && !info->attrs[TUNNEL_A_ADDRESS])
			return 0;
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_TARGET],
				    "a service leads to one place: an address, a target for the daemon, or the socket of an owner");
		return -EINVAL;
	}
	if (!uid) {
		err = need(info, TUNNEL_A_ADDRESS,
			   "attribute ADDRESS is missing: say where the service leads");
		if (err)
			return err;
		get_address(info, target);
		c->target = target;
		if (target->ss_family != AF_UNIX && port_of(target))
			return 0;
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_ADDRESS],
				    "the target of a service is an address with a port from 1 to 65535; paths are for TARGET");
		return -EINVAL;
	}
	if (info->attrs[TUNNEL_A_ADDRESS]) {
		NL_SET_ERR_MSG_ATTR(info->extack, uid,
				    "a service leads to an address or to the socket of an owner, not to both");
		return -EINVAL;
	}
	if (!tnl_family) {
		NL_SET_ERR_MSG_ATTR(info->extack, uid,
				    "the module was loaded without sockets (module parameter family=0)");
		return -EAFNOSUPPORT;
	}
	err = read_uid(info, TUNNEL_A_OWNER_UID, nla_get_u32(uid), &c->owner);
	if (!err && gid)
		err = read_gid(info, TUNNEL_A_OWNER_GID, nla_get_u32(gid), &c->group);
	return err;
}

/* Who it is, and who may use it how much. An empty list is there, too. */
static int get_service(struct genl_info *info, struct tnl_service_config *c,
		       struct tnl_limits *limits)
{
	struct nlattr *access = info->attrs[TUNNEL_A_ACCESS];
	bool named;
	int err;

	err = need(info, TUNNEL_A_SERVICE, NEED_SERVICE) ?:
	      tnl_nl_limits(info, limits, &named);
	if (err)
		return err;
	c->name = text(info, TUNNEL_A_SERVICE);
	c->tunnel = text(info, TUNNEL_A_NAME) ?: "";
	c->limits = named ? limits : NULL;
	if (access) {
		c->access = nla_data(access);
		c->n_access = nla_len(access) / sizeof(*c->access);
	}
	return 0;
}

static int service_new(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct tnl_service_config c = {};
	struct sockaddr_storage target;
	struct tnl_limits limits = {};
	int err;

	err = get_service(info, &c, &limits) ?: get_target(info, &c, &target);
	if (err)
		return err;
	mutex_lock(&tn->lock);
	err = alive(tn, info);
	if (!err && info->attrs[TUNNEL_A_NAME])
		err = check_tunnel_exists(tn, info);
	if (!err)
		err = tnl_service_add(tn, &c, info->extack);
	mutex_unlock(&tn->lock);
	return err;
}

static int service_set(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct tnl_service_config c = {};
	struct tnl_limits limits = {};
	int err;

	mutex_lock(&tn->lock);
	if (info->attrs[TUNNEL_A_SERVICE])
		tnl_service_limits(tn, text(info, TUNNEL_A_SERVICE),
				   text(info, TUNNEL_A_NAME) ?: "", &limits);
	err = get_service(info, &c, &limits);
	c.text = text(info, TUNNEL_A_TARGET);
	if (!err && !c.text && !c.access && !c.limits) {
		GENL_SET_ERR_MSG(info, "none of TARGET, ACCESS and LIMIT_* is there: say what shall be other");
		err = -EINVAL;
	}
	if (!err)
		err = tnl_service_set(tn, &c, info->extack);
	mutex_unlock(&tn->lock);
	return err;
}

static int service_del(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	int err;

	err = need(info, TUNNEL_A_SERVICE, NEED_SERVICE);
	if (err)
		return err;
	mutex_lock(&tn->lock);
	err = tnl_service_del(tn, text(info, TUNNEL_A_SERVICE),
			      text(info, TUNNEL_A_NAME) ?: "");
	mutex_unlock(&tn->lock);
	if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_SERVICE],
				    "there is no such service: 'tunnelctl service show' lists them");
	return err;
}

/* --- sessions and carriers ------------------------------------------------- */

static int session_new(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *protocol = info->attrs[TUNNEL_A_PROTOCOL];
	struct nlattr *read = info->attrs[TUNNEL_A_PREFIX];
	struct nlattr *refusal = info->attrs[TUNNEL_A_REFUSAL];
	struct tnl_adoption a = { .protocol = TUNNEL_PROTOCOL_OPAQUE };
	struct tnl_open o = {};
	struct sk_buff *reply;
	struct tnl_tunnel *t;
	void *hdr;
	int err;
	u64 id;

	err = need(info, TUNNEL_A_SERVICE, NEED_SERVICE) ?:
	      need(info, TUNNEL_A_FD, "attribute FD is missing: say which socket");
	if (err)
		return err;
	if (protocol && nla_get_u8(protocol) == TUNNEL_PROTOCOL_MESSAGES) {
		NL_SET_ERR_MSG_ATTR(info->extack, protocol, "a TCP connection has no messages");
		return -EPROTOTYPE;
	}
	a.fd = nla_get_s32(info->attrs[TUNNEL_A_FD]);
	if (protocol)
		a.protocol = nla_get_u8(protocol);
	if (read) {
		a.prefix = nla_data(read);
		a.prefix_len = nla_len(read);
	}
	if (refusal) {
		a.refusal = nla_data(refusal);
		a.refusal_len = nla_len(refusal);
	}
	strscpy(o.service, text(info, TUNNEL_A_SERVICE), sizeof(o.service));
	if (info->attrs[TUNNEL_A_PEER_ADDR])
		o.has_source = tnl_relay_address(o.source,
						 nla_data(info->attrs[TUNNEL_A_PEER_ADDR]));
	if (info->attrs[TUNNEL_A_LOCAL_ADDR])
		o.has_local = tnl_relay_address(o.local,
						nla_data(info->attrs[TUNNEL_A_LOCAL_ADDR]));
	t = get_tunnel(info);
	if (IS_ERR(t))
		return PTR_ERR(t);
	err = -ENOMEM;
	reply = begin_reply(info, TUNNEL_CMD_SESSION_NEW, &hdr);
	if (reply) {
		err = tnl_relay_adopt(t, &o, &a, &id, info->extack);
		if (err)
			nlmsg_free(reply);
		else
			/* The connection is ours, whether the answer gets through or not. */
			end_reply(reply, info, hdr,
				  nla_put_u64_64bit(reply, TUNNEL_A_SESSION_ID, id, TUNNEL_A_PAD));
	}
	tnl_tunnel_put(t);
	return err;
}

static int session_answer(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *fd = info->attrs[TUNNEL_A_FD];
	struct nlattr *reason = info->attrs[TUNNEL_A_REASON];
	struct tnl_session *s;
	struct tnl_tunnel *t;
	int err;

	err = need(info, TUNNEL_A_SESSION_ID, NEED_SESSION) ?:
	      need(info, TUNNEL_A_ASK_ID, "attribute ASK_ID is missing: say which question");
	if (err)
		return err;
	if (!fd == !reason || (fd && nla_get_s32(fd) < 0) || (reason && !nla_get_u8(reason))) {
		GENL_SET_ERR_MSG(info, "an answer has either FD, where the session leads, or REASON, why it leads nowhere");
		return -EINVAL;
	}
	if (READ_ONCE(tnl_net(genl_info_net(info))->daemon_portid) != info->snd_portid) {
		GENL_SET_ERR_MSG(info, "only the registered daemon answers");
		return -EPERM;
	}
	t = get_tunnel(info);
	if (IS_ERR(t))
		return PTR_ERR(t);
	s = tnl_session_find(&t->lane, nla_get_u64(info->attrs[TUNNEL_A_SESSION_ID]));
	if (s) {
		err = tnl_relay_answer(s, nla_get_u64(info->attrs[TUNNEL_A_ASK_ID]),
				       fd ? nla_get_s32(fd) : -1,
				       reason ? nla_get_u8(reason) : 0, info->extack);
		tnl_session_put(s);
	} else {
		GENL_SET_ERR_MSG(info, "there is no such session any more");
		err = -ENOENT;
	}
	tnl_tunnel_put(t);
	return err;
}

static int session_del(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_session *s = NULL;
	struct tnl_tunnel *t;
	int err;

	err = need(info, TUNNEL_A_SESSION_ID, NEED_SESSION);
	if (err)
		return err;
	t = get_tunnel(info);
	if (IS_ERR(t))
		return PTR_ERR(t);
	s = tnl_session_find(&t->lane, nla_get_u64(info->attrs[TUNNEL_A_SESSION_ID]));
	if (s) {
		tnl_session_reset(s, TUNNEL_REASON_ADMIN);
		tnl_session_put(s);
	} else {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_SESSION_ID],
				    "there is no such session: 'tunnelctl session show' lists them");
		err = -ENOENT;
	}
	tnl_tunnel_put(t);
	return err;
}

static int carrier_attach(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *revision = info->attrs[TUNNEL_A_REVISION];
	struct tnl_shown peer = {};
	struct sk_buff *reply;
	struct tnl_tunnel *t;
	void *hdr;
	int err;
	u32 id;

	err = need(info, TUNNEL_A_FD, "attribute FD is missing: say which socket") ?:
	      need(info, TUNNEL_A_PEER_PIN,
		   "attribute PEER_PIN is missing: say whose key the handshake has verified");
	if (err)
		return err;
	t = get_tunnel(info);
	if (IS_ERR(t))
		return PTR_ERR(t);
	nla_memcpy(peer.pin, info->attrs[TUNNEL_A_PEER_PIN], sizeof(peer.pin));
	if (revision)
		peer.revision = nla_get_u32(revision);
	err = -ENOMEM;
	reply = begin_reply(info, TUNNEL_CMD_CARRIER_ATTACH, &hdr);
	if (reply) {
		err = tnl_carrier_attach(t, nla_get_s32(info->attrs[TUNNEL_A_FD]),
					 &peer, &id, info->extack);
		if (err)
			nlmsg_free(reply);
		else
			err = end_reply(reply, info, hdr,
					nla_put_u32(reply, TUNNEL_A_CARRIER_ID, id));
	}
	tnl_tunnel_put(t);
	return err;
}

static int carrier_del(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct tnl_tunnel *t;
	int err;
	u32 id;

	err = need(info, TUNNEL_A_CARRIER_ID, "attribute CARRIER_ID is missing: say which carrier");
	if (err)
		return err;
	id = nla_get_u32(info->attrs[TUNNEL_A_CARRIER_ID]);
	err = -ENOENT;
	mutex_lock(&tn->lock);
	list_for_each_entry(t, &tn->tunnels, node) {
		struct tnl_carrier *c;

		mutex_lock(&t->lane.attach_lock);
		c = t->lane.carrier;
		if (!c || c->id != id)
			list_for_each_entry(c, &t->lane.pending, node)
				if (c->id == id)
					break;
		if (c && !list_entry_is_head(c, &t->lane.pending, node)) {
			tnl_carrier_lost(c, TUNNEL_REASON_TRANSPORT);
			err = 0;
		}
		mutex_unlock(&t->lane.attach_lock);
	}
	mutex_unlock(&tn->lock);
	if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TUNNEL_A_CARRIER_ID],
				    "there is no such carrier: 'tunnelctl carrier show' lists them");
	return err;
}

/* --- the rest -------------------------------------------------------------- */

static int put_stats(struct sk_buff *skb, struct tnl_net *tn)
{
	struct nlattr *stats = nla_nest_start(skb, TUNNEL_A_STATS);
	int i;

	if (!stats)
		return -EMSGSIZE;
	for (i = 0; i < TNL_MIB_ITEMS; i++) {
		struct nlattr *stat = nla_nest_start(skb, TUNNEL_A_STAT);

		if (!stat ||
		    nla_put_string(skb, TUNNEL_A_STAT_NAME, tnl_mib_names[i]) ||
		    nla_put_u64_64bit(skb, TUNNEL_A_STAT_VALUE,
				      tnl_mib_sum(tn->mib, i), TUNNEL_A_PAD))
			return -EMSGSIZE;
		nla_nest_end(skb, stat);
	}
	nla_nest_end(skb, stats);
	return 0;
}

static int stats_get(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct sk_buff *reply;
	void *hdr;

	reply = begin_reply(info, TUNNEL_CMD_STATS_GET, &hdr);
	if (!reply)
		return -ENOMEM;
	return end_reply(reply, info, hdr, put_stats(reply, tn));
}

static u32 count(struct list_head *list)
{
	struct list_head *pos;
	u32 n = 0;

	list_for_each(pos, list)
		n++;
	return n;
}

static int info_get(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct tnl_tunnel *t;
	struct sk_buff *reply;
	u32 carriers = 0;
	void *hdr;
	int err;

	reply = begin_reply(info, TUNNEL_CMD_INFO_GET, &hdr);
	if (!reply)
		return -ENOMEM;
	mutex_lock(&tn->lock);
	list_for_each_entry(t, &tn->tunnels, node)
		carriers += !!READ_ONCE(t->lane.carrier);
	err = nla_put_string(reply, TUNNEL_A_VERSION, TUNNEL_VERSION) ||
	      nla_put_u32(reply, TUNNEL_A_GENERATION, tn->generation) ||
	      nla_put_u32(reply, TUNNEL_A_DAEMON, tn->daemon_portid) ||
	      nla_put_u32(reply, TUNNEL_A_FAMILY, tnl_family) ||
	      nla_put_u32(reply, TUNNEL_A_COUNT_TUNNELS, count(&tn->tunnels)) ||
	      nla_put_u32(reply, TUNNEL_A_COUNT_SERVICES, count(&tn->services)) ||
	      nla_put_u32(reply, TUNNEL_A_COUNT_LISTENERS, count(&tn->listeners)) ||
	      nla_put_u32(reply, TUNNEL_A_COUNT_CARRIERS, carriers);
	mutex_unlock(&tn->lock);
	return end_reply(reply, info, hdr, err);
}

static int daemon_register(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct nlattr *ask = info->attrs[TUNNEL_A_ASK_PORT];
	int err;

	mutex_lock(&tn->lock);
	err = alive(tn, info);
	if (!err && tn->daemon_portid && tn->daemon_portid != info->snd_portid) {
		GENL_SET_ERR_MSG(info, "a tunneld is running in this network namespace already: stop it first");
		err = -EBUSY;
	}
	if (!err) {
		if (!tn->daemon_portid)
			tnl_listener_await_daemon(tn);
		WRITE_ONCE(tn->ask_portid, ask ? nla_get_u32(ask) : 0);
		/* Then: a question between the two goes to nobody else. Pairs with tnl_ask(). */
		smp_store_release(&tn->daemon_portid, info->snd_portid);
		cancel_delayed_work(&tn->linger);
	}
	mutex_unlock(&tn->lock);
	return err;
}

static int flush(struct sk_buff *skb, struct genl_info *info)
{
	tnl_flush(tnl_net(genl_info_net(info)));
	return 0;
}

/* --- the family ------------------------------------------------------------ */

static bool userns;
module_param(userns, bool, 0444);
MODULE_PARM_DESC(userns, "let CAP_NET_ADMIN of a user namespace configure its network namespaces (default: no)");

/* Admin means: of the initial user namespace, unless the parameter opens it. */
static int pre_doit(const struct tnl_genl_ops *ops, struct sk_buff *skb,
		    struct genl_info *info)
{
	if (!(ops->flags & GENL_UNS_ADMIN_PERM) || userns ||
	    netlink_capable(skb, CAP_NET_ADMIN))
		return 0;
	GENL_SET_ERR_MSG(info, "this needs CAP_NET_ADMIN in the initial user namespace (module parameter userns=1 lifts that)");
	return -EPERM;
}

static int start_admin(struct netlink_callback *cb)
{
	if (userns || netlink_capable(cb->skb, CAP_NET_ADMIN))
		return 0;
	NL_SET_ERR_MSG(cb->extack, "this needs CAP_NET_ADMIN in the initial user namespace (module parameter userns=1 lifts that)");
	return -EPERM;
}

/* Room for the longest object, however small the reader's buffer is. */
static int start_long(struct netlink_callback *cb)
{
	cb->min_dump_alloc = max_t(u32, cb->min_dump_alloc, 2 * TUNNEL_ROUTES_MAX);
	return start_admin(cb);
}

#define DO(c, fn)						\
	{ .cmd = TUNNEL_CMD_##c, .doit = fn, .policy = policy,	\
	  .maxattr = TUNNEL_A_MAX, .flags = GENL_UNS_ADMIN_PERM }
#define DO_DUMP(c, fn, dump)					\
	{ .cmd = TUNNEL_CMD_##c, .doit = fn, .start = start_admin,	\
	  .dumpit = dump, .policy = policy,			\
	  .maxattr = TUNNEL_A_MAX, .flags = GENL_UNS_ADMIN_PERM }
#define DUMP(c, dump)						\
	{ .cmd = TUNNEL_CMD_##c, .start = start_admin, .dumpit = dump,	\
	  .policy = policy, .maxattr = TUNNEL_A_MAX,		\
	  .flags = GENL_UNS_ADMIN_PERM }
#define DUMP_LONG(c, dump)					\
	{ .cmd = TUNNEL_CMD_##c, .start = start_long, .dumpit = dump,	\
	  .policy = policy, .maxattr = TUNNEL_A_MAX,		\
	  .flags = GENL_UNS_ADMIN_PERM }
#define ANYBODY(c, fn)						\
	{ .cmd = TUNNEL_CMD_##c, .doit = fn, .policy = policy,	\
	  .maxattr = TUNNEL_A_MAX }

static const struct genl_ops ops[] = {
	DO(TUNNEL_NEW, tunnel_new),
	DO(TUNNEL_SET, tnl_nl_tunnel_set),
	DO(TUNNEL_DEL, tunnel_del),
	DO_DUMP(TUNNEL_GET, tunnel_get, tnl_dump_tunnels),
	DO(SERVICE_NEW, service_new),
	DO(SERVICE_SET, service_set),
	DO(SERVICE_DEL, service_del),
	DUMP_LONG(SERVICE_GET, tnl_dump_services),
	DO(LISTENER_NEW, tnl_nl_listener_new),
	DO(LISTENER_SET, tnl_nl_listener_set),
	DO(LISTENER_REPORT, tnl_nl_listener_report),
	DO(LISTENER_DEL, tnl_nl_listener_del),
	DUMP_LONG(LISTENER_GET, tnl_dump_listeners),
	DUMP(SESSION_GET, tnl_dump_sessions),
	DO(SESSION_NEW, session_new),
	DO(SESSION_ANSWER, session_answer),
	DO(SESSION_DEL, session_del),
	DO(CARRIER_ATTACH, carrier_attach),
	DO(CARRIER_DEL, carrier_del),
	DUMP(CARRIER_GET, tnl_dump_carriers),
	ANYBODY(STATS_GET, stats_get),
	ANYBODY(INFO_GET, info_get),
	DO(DAEMON_REGISTER, daemon_register),
	DO(FLUSH, flush),
};

static const struct genl_multicast_group groups[] = {
	[TNL_MCGRP_CONFIG] = { .name = TUNNEL_MCGRP_CONFIG,
			       .flags = GENL_MCAST_CAP_NET_ADMIN },
	[TNL_MCGRP_EVENTS] = { .name = TUNNEL_MCGRP_EVENTS,
			       .flags = GENL_MCAST_CAP_NET_ADMIN },
};

struct genl_family tnl_genl_family __ro_after_init = {
	.name = TUNNEL_GENL_NAME,
	.version = TUNNEL_GENL_VERSION,
	.maxattr = TUNNEL_A_MAX,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
	.pre_doit = pre_doit,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.resv_start_op = TUNNEL_CMD_UNSPEC + 1,
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};
