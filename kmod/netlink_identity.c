// SPDX-License-Identifier: GPL-2.0
/* Requests about who the peer of a tunnel may be, what it may do, and who we are to it. */
#include "netlink_request.h"
#include "notify.h"

#define BANDWIDTH_MAX BIT_ULL(40)

#define NEED_PIN "attribute PEER_PIN is missing: a tunnel without a pinned peer would trust anybody"

/* tnl_nl_check_pins - of an attribute, as a policy has it */
int tnl_nl_check_pins(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	struct tnl_pins pins;
	int err = tnl_pins_read(&pins, nla_data(attr), nla_len(attr));

	if (err == -EINVAL)
		NL_SET_ERR_MSG_ATTR(extack, attr, "pins are 1 to 8 times 32 bytes");
	else if (err)
		NL_SET_ERR_MSG_ATTR(extack, attr, "one of these pins is there twice");
	return err;
}

static int refuse(struct genl_info *info, int attr, const char *sentence)
{
	NL_SET_BAD_ATTR(info->extack, info->attrs[attr]);
	info->extack->_msg = sentence;
	return -EINVAL;
}

static bool said(struct genl_info *info, int which)
{
	return info->attrs[tnl_identity_attr[which]];
}

/* One way to tell who the peer is, not several. Return: it, or -EINVAL. */
static int way_of(struct genl_info *info, const struct tnl_identity *old)
{
	bool pins = info->attrs[TUNNEL_A_PEER_PIN] || info->attrs[TUNNEL_A_PEER_PINS];
	bool ca = said(info, TNL_IDENTITY_CA) || said(info, TNL_IDENTITY_NAME);

	if (said(info, TNL_IDENTITY_PSK) || said(info, TNL_IDENTITY_PSK_NAME)) {
		if (info->attrs[TUNNEL_A_PEER_PINS])
			return refuse(info, TUNNEL_A_PEER_PINS,
				      "with PSK there is one PEER_PIN, the fingerprint of the key");
		if (ca)
			return refuse(info, TUNNEL_A_PEER_CA,
				      "the peer is known by PSK or by PEER_CA, not by both");
		if (said(info, TNL_IDENTITY_KEY) || said(info, TNL_IDENTITY_CERT))
			return refuse(info, TUNNEL_A_KEY,
				      "a tunnel has either KEY, a key of its own, or PSK, one that both sides have");
		return TNL_IDENTITY_BY_PSK;
	}
	if (pins && ca)
		return refuse(info, TUNNEL_A_PEER_CA,
			      "the peer is known by PEER_PIN or by PEER_CA, not by both");
	if (ca)
		return TNL_IDENTITY_BY_CA;
	if (pins || !old)
		return TNL_IDENTITY_BY_PIN;
	return tnl_identity_way(old);
}

/* What belongs to another way does not stay. */
static void drop_others(struct tnl_identity *id, int way)
{
	if (way == tnl_identity_way(id))
		return;
	id->pins.n = 0;
	tnl_identity_set_text(id, TNL_IDENTITY_PSK, NULL);
	tnl_identity_set_text(id, TNL_IDENTITY_PSK_NAME, NULL);
	tnl_identity_set_text(id, TNL_IDENTITY_CA, NULL);
	tnl_identity_set_text(id, TNL_IDENTITY_NAME, NULL);
	if (way != TNL_IDENTITY_BY_PSK)
		return;
	tnl_identity_set_text(id, TNL_IDENTITY_KEY, NULL);
	tnl_identity_set_text(id, TNL_IDENTITY_CERT, NULL);
}

static int take_pins(struct genl_info *info, struct tnl_identity *id)
{
	struct nlattr *one = info->attrs[TUNNEL_A_PEER_PIN];
	struct nlattr *some = info->attrs[TUNNEL_A_PEER_PINS];

	if (one && some)
		return refuse(info, TUNNEL_A_PEER_PINS, "give either PEER_PIN or PEER_PINS");
	if (!one)
		one = some;
	return one ? tnl_pins_read(&id->pins, nla_data(one), nla_len(one)) : 0;
}

static int take_texts(struct genl_info *info, struct tnl_identity *id)
{
	const char *words;
	int i, err = 0;

	for (i = 0; !err && i < TNL_IDENTITY_TEXTS; i++) {
		words = text(info, tnl_identity_attr[i]);
		if (words)
			err = tnl_identity_set_text(id, i, *words ? words : NULL);
	}
	return err;
}

static int check_path(struct genl_info *info, const struct tnl_identity *id, int which,
		      const char *missing)
{
	const char *path = id->text[which];

	if (!path)
		return need(info, tnl_identity_attr[which], missing);
	if (path[0] != '/')
		return refuse(info, tnl_identity_attr[which], "this path must be absolute");
	return 0;
}

static int check_psk(struct genl_info *info, const struct tnl_identity *id)
{
	int err;

	if (id->text[TNL_IDENTITY_KEY] || id->text[TNL_IDENTITY_CERT])
		return refuse(info, info->attrs[TUNNEL_A_KEY] ? TUNNEL_A_KEY : TUNNEL_A_CERT,
			      "a tunnel has either KEY, a key of its own, or PSK, one that both sides have");
	err = check_path(info, id, TNL_IDENTITY_PSK,
			 "attribute PSK is missing: say where the key is that both sides have");
	if (err)
		return err;
	/* Another file is another key, until somebody has looked. */
	if (said(info, TNL_IDENTITY_PSK) || !id->pins.n)
		err = need(info, TUNNEL_A_PEER_PIN,
			   "attribute PEER_PIN is missing: say which key it is, by its fingerprint");
	if (!err && !id->text[TNL_IDENTITY_PSK_NAME])
		err = need(info, TUNNEL_A_PSK_IDENTITY,
			   "attribute PSK_IDENTITY is missing: say what both sides call the key");
	return err;
}

/* Is it whole? What is missing is named by its attribute, which a request may have left out. */
static int check(struct genl_info *info, const struct tnl_identity *id, int way)
{
	int err = 0;

	if (way == TNL_IDENTITY_BY_PSK)
		return check_psk(info, id);
	if (way == TNL_IDENTITY_BY_CA) {
		err = check_path(info, id, TNL_IDENTITY_CA,
				 "attribute PEER_CA is missing: say who signs for the peer");
		if (!err && !id->text[TNL_IDENTITY_NAME])
			err = need(info, TUNNEL_A_PEER_AUTH_NAME,
				   "attribute PEER_AUTH_NAME is missing: who else has a certificate of this authority would be let in");
	} else if (!id->pins.n) {
		err = need(info, TUNNEL_A_PEER_PIN, NEED_PIN);
	}
	if (err)
		return err;
	if (id->text[TNL_IDENTITY_CERT])
		err = check_path(info, id, TNL_IDENTITY_CERT, "");
	return err ?: check_path(info, id, TNL_IDENTITY_KEY,
				 "attribute KEY is missing: say where our private key is");
}

/**
 * tnl_nl_identity - what a request says
 * @info: the request
 * @old: of the tunnel that is to have another one: what is not said stays; or NULL
 * Return: whole, for tnl_identity_free(); or ERR_PTR().
 */
struct tnl_identity *tnl_nl_identity(struct genl_info *info, const struct tnl_identity *old)
{
	struct tnl_identity *id;
	int way, err;

	way = way_of(info, old);
	if (way < 0)
		return ERR_PTR(way);
	id = tnl_identity_dup(old);
	if (!id)
		return ERR_PTR(-ENOMEM);
	drop_others(id, way);
	err = take_pins(info, id) ?:
	      take_texts(info, id) ?:
	      check(info, id, way);
	if (!err)
		return id;
	tnl_identity_free(id);
	return ERR_PTR(err);
}

/* Where a request says who the peer is. */
static int peer_attr(struct genl_info *info)
{
	static const int attrs[] = { TUNNEL_A_PEER_PIN, TUNNEL_A_PEER_PINS, TUNNEL_A_PEER_AUTH_NAME,
				     TUNNEL_A_PSK_IDENTITY };
	int i;

	for (i = 0; i < ARRAY_SIZE(attrs) - 1 && !info->attrs[attrs[i]]; i++)
		;
	return attrs[i];
}

/**
 * tnl_nl_identity_free_of - is it that of nobody else?
 * @tn: the namespace; lock held
 * @info: the request, for its sentence
 * @role: of the tunnel that shall have it
 * @local: of that tunnel, with TUNNEL_ROLE_LISTEN
 * @id: the identity
 * @except: that tunnel, if it is there already
 *
 * Where peers come in, who they are is all that says which tunnel is meant.
 *
 * Return: 0 or -EEXIST.
 */
int tnl_nl_identity_free_of(struct tnl_net *tn, struct genl_info *info, u8 role, const char *local,
			    const struct tnl_identity *id, const struct tnl_tunnel *except)
{
	const struct tnl_tunnel *t;

	if (role != TUNNEL_ROLE_LISTEN)
		return 0;
	list_for_each_entry(t, &tn->tunnels, node) {
		if (t == except || t->role != role || strcmp(t->local, local) ||
		    !tnl_identity_meets(t->identity, id))
			continue;
		refuse(info, peer_attr(info),
		       "another tunnel on this address has the same peer: one peer, one tunnel");
		return -EEXIST;
	}
	return 0;
}

/**
 * tnl_nl_limits - limits that a request names
 * @info: the request
 * @max: those that it does not name stay as they are here
 * @named: does it name any?
 * Return: 0 or -ERANGE.
 */
int tnl_nl_limits(struct genl_info *info, struct tnl_limits *max, bool *named)
{
	struct nlattr *sessions = info->attrs[TUNNEL_A_LIMIT_SESSIONS];
	struct nlattr *rate = info->attrs[TUNNEL_A_LIMIT_RATE];
	struct nlattr *bandwidth = info->attrs[TUNNEL_A_LIMIT_BANDWIDTH];

	*named = sessions || rate || bandwidth;
	if (sessions)
		max->sessions = nla_get_u32(sessions);
	if (rate)
		max->rate = nla_get_u32(rate);
	if (bandwidth)
		max->bandwidth = nla_get_u64(bandwidth);
	if (!max->bandwidth || (max->bandwidth >= TUNNEL_BANDWIDTH_MIN &&
				max->bandwidth <= BANDWIDTH_MAX))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, bandwidth,
			    "a limit of the bandwidth is 1024 to 1099511627776 bytes a second, or 0: none");
	return -ERANGE;
}

/* Only this may change while a tunnel is there; something must. *identity: more than limits? */
static int check_changes(struct genl_info *info, bool *identity)
{
	int attr, i, n = 0;

	for (attr = 1; attr <= TUNNEL_A_MAX; attr++) {
		if (!info->attrs[attr] || attr == TUNNEL_A_NAME)
			continue;
		if (attr == TUNNEL_A_LIMIT_SESSIONS || attr == TUNNEL_A_LIMIT_RATE ||
		    attr == TUNNEL_A_LIMIT_BANDWIDTH) {
			n++;
			continue;
		}
		for (i = 0; i < TNL_IDENTITY_TEXTS && tnl_identity_attr[i] != attr; i++)
			;
		if (i == TNL_IDENTITY_TEXTS && attr != TUNNEL_A_PEER_PIN &&
		    attr != TUNNEL_A_PEER_PINS)
			return refuse(info, attr,
				      "this does not change while a tunnel is there: delete it, and make it anew");
		*identity = true;
		n++;
	}
	if (n)
		return 0;
	GENL_SET_ERR_MSG(info, "say what is to be another one: PEER_PIN, PEER_PINS, PEER_CA, PEER_AUTH_NAME, KEY, CERT, PSK, PSK_IDENTITY or LIMIT_*");
	return -EINVAL;
}

static int set_limits(struct tnl_tunnel *t, struct genl_info *info)
{
	struct tnl_limits max = {};
	bool named;
	int err;

	if (t->limiter)
		max = t->limiter->max;
	err = tnl_nl_limits(info, &max, &named);
	if (err || !named)
		return err;
	return tnl_tunnel_limit(t, &max);
}

int tnl_nl_tunnel_set(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct tnl_identity *id = NULL;
	bool identity = false;
	struct tnl_carrier *gone;
	struct tnl_tunnel *t;
	int err;

	err = need(info, TUNNEL_A_NAME, NEED_NAME) ?: check_changes(info, &identity);
	if (err)
		return err;
	mutex_lock(&tn->lock);
	err = alive(tn, info) ?: check_tunnel_exists(tn, info);
	if (!err) {
		t = tnl_tunnel_find(tn, text(info, TUNNEL_A_NAME));
		id = tnl_nl_identity(info, t->identity);
		err = PTR_ERR_OR_ZERO(id);
	}
	if (!err) {
		err = tnl_nl_identity_free_of(tn, info, t->role, t->local, id, t) ?:
		      set_limits(t, info);
		if (err)
			tnl_identity_free(id);
	}
	if (!err && !identity) {
		tnl_identity_free(id);
		tnl_notify_tunnel(t, TUNNEL_CMD_TUNNEL_SET);
	}
	if (err || !identity) {
		mutex_unlock(&tn->lock);
		return err;
	}
	tnl_tunnel_hold(t);
	mutex_lock(&t->lane.attach_lock);
	id = tnl_tunnel_identify(t, id);
	/* What is to be waited for is not waited for with the lock of the namespace. */
	mutex_unlock(&tn->lock);
	gone = tnl_carrier_revoke(&t->lane);
	mutex_unlock(&t->lane.attach_lock);
	if (gone)
		tnl_carrier_finish(gone);
	tnl_identity_free(id);
	tnl_tunnel_put(t);
	return 0;
}
