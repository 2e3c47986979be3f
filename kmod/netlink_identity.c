// SPDX-License-Identifier: GPL-2.0
/* Requests about who the peer of a tunnel may be, and who we are to it. */
#include "netlink_request.h"

#define NEED_PIN "attribute PEER_PIN is missing: a tunnel without a pinned peer would trust anybody"

static int refuse(struct genl_info *info, int attr, const char *sentence)
{
	NL_SET_BAD_ATTR(info->extack, info->attrs[attr]);
	info->extack->_msg = sentence;
	return -EINVAL;
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
	int i, err = 0;

	for (i = 0; !err && i < TNL_IDENTITY_TEXTS; i++) {
		const char *said = text(info, tnl_identity_attr[i]);

		if (said)
			err = tnl_identity_set_text(id, i, said);
	}
	return err;
}

/* Is it whole? What is missing is named by its attribute, which a request may have left out. */
static int check(struct genl_info *info, const struct tnl_identity *id)
{
	if (!id->pins.n)
		return need(info, TUNNEL_A_PEER_PIN, NEED_PIN);
	if (!id->text[TNL_IDENTITY_KEY])
		return need(info, TUNNEL_A_KEY,
			    "attribute KEY is missing: say where our private key is");
	if (id->text[TNL_IDENTITY_KEY][0] != '/')
		return refuse(info, TUNNEL_A_KEY, "the path of the key must be absolute");
	return 0;
}

/**
 * tnl_nl_identity - what a request says
 * @info: the request
 * @old: of the tunnel that is to have another one: what is not said stays; or NULL
 * Return: whole, for tnl_identity_free(); or ERR_PTR().
 */
struct tnl_identity *tnl_nl_identity(struct genl_info *info, const struct tnl_identity *old)
{
	struct tnl_identity *id = tnl_identity_dup(old);
	int err;

	if (!id)
		return ERR_PTR(-ENOMEM);
	err = take_pins(info, id) ?:
	      take_texts(info, id) ?:
	      check(info, id);
	if (!err)
		return id;
	tnl_identity_free(id);
	return ERR_PTR(err);
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
		    !tnl_pins_meet(&t->identity->pins, &id->pins))
			continue;
		refuse(info,
		       info->attrs[TUNNEL_A_PEER_PIN] ? TUNNEL_A_PEER_PIN : TUNNEL_A_PEER_PINS,
		       "another tunnel on this address has the same peer: one peer, one tunnel");
		return -EEXIST;
	}
	return 0;
}

/* Only this may change while a tunnel is there; something must. */
static int check_changes(struct genl_info *info)
{
	int attr, i, n = 0;

	for (attr = 1; attr <= TUNNEL_A_MAX; attr++) {
		if (!info->attrs[attr] || attr == TUNNEL_A_NAME)
			continue;
		for (i = 0; i < TNL_IDENTITY_TEXTS && tnl_identity_attr[i] != attr; i++)
			;
		if (i == TNL_IDENTITY_TEXTS && attr != TUNNEL_A_PEER_PIN &&
		    attr != TUNNEL_A_PEER_PINS)
			return refuse(info, attr,
				      "this does not change while a tunnel is there: delete it, and make it anew");
		n++;
	}
	if (n)
		return 0;
	GENL_SET_ERR_MSG(info, "say what is to be another one: PEER_PIN, PEER_PINS or KEY");
	return -EINVAL;
}

int tnl_nl_tunnel_set(struct sk_buff *skb, struct genl_info *info)
{
	struct tnl_net *tn = tnl_net(genl_info_net(info));
	struct tnl_identity *id = NULL;
	struct tnl_carrier *gone;
	struct tnl_tunnel *t;
	int err;

	err = need(info, TUNNEL_A_NAME, NEED_NAME) ?: check_changes(info);
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
		err = tnl_nl_identity_free_of(tn, info, t->role, t->local, id, t);
		if (err)
			tnl_identity_free(id);
	}
	if (err) {
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
