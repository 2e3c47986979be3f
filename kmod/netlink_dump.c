// SPDX-License-Identifier: GPL-2.0
#include <linux/tcp.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "compat/compat.h"
#include "netlink.h"

static int put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, TUNNEL_A_PAD);
}

static int put_address(struct sk_buff *skb, int attr,
		       const struct sockaddr_storage *ss)
{
	return nla_put(skb, attr, tnl_sockaddr_len(ss), ss);
}

static int put_text(struct sk_buff *skb, int attr, const char *text)
{
	return text && *text ? nla_put_string(skb, attr, text) : 0;
}

/* Those that are there; as the configuration has them, so under tnl_net.lock or RCU. */
static int put_limits(struct sk_buff *skb, const struct tnl_limiter *l)
{
	if (!l)
		return 0;
	if ((l->max.sessions &&
	     nla_put_u32(skb, TUNNEL_A_LIMIT_SESSIONS, l->max.sessions)) ||
	    (l->max.rate && nla_put_u32(skb, TUNNEL_A_LIMIT_RATE, l->max.rate)) ||
	    (l->max.bandwidth &&
	     put_u64(skb, TUNNEL_A_LIMIT_BANDWIDTH, l->max.bandwidth)))
		return -EMSGSIZE;
	return 0;
}

/* Arrays of ids, as the user namespace of the namespace has them. */
static int put_allow(struct sk_buff *skb, const struct tnl_tunnel *t)
{
	struct user_namespace *ns = t->tn->net->user_ns;
	const struct tnl_allow *a = &t->allow;
	struct nlattr *attr;
	unsigned int i;
	u32 *id;

	if (a->n_uids) {
		attr = nla_reserve(skb, TUNNEL_A_ALLOW_UIDS, a->n_uids * sizeof(*id));
		if (!attr)
			return -EMSGSIZE;
		for (i = 0, id = nla_data(attr); i < a->n_uids; i++)
			*id++ = from_kuid_munged(ns, a->uids[i]);
	}
	if (a->n_gids) {
		attr = nla_reserve(skb, TUNNEL_A_ALLOW_GIDS, a->n_gids * sizeof(*id));
		if (!attr)
			return -EMSGSIZE;
		for (i = 0, id = nla_data(attr); i < a->n_gids; i++)
			*id++ = from_kgid_munged(ns, a->gids[i]);
	}
	return 0;
}

static int put_identity(struct sk_buff *skb, const struct tnl_identity *id)
{
	int i, err;

	err = nla_put_u32(skb, TUNNEL_A_REVISION, id->revision);
	if (!err && id->pins.n)
		err = nla_put(skb, id->pins.n == 1 ? TUNNEL_A_PEER_PIN : TUNNEL_A_PEER_PINS,
			      id->pins.n * TUNNEL_PIN_LEN, id->pins.pin);
	for (i = 0; !err && i < TNL_IDENTITY_TEXTS; i++)
		err = put_text(skb, tnl_identity_attr[i], id->text[i]);
	return err;
}

/* tnl_put_tunnel - attributes of a tunnel. Context: process; tnl_net.lock held. */
int tnl_put_tunnel(struct sk_buff *skb, struct tnl_tunnel *t)
{
	struct tnl_lane *lane = &t->lane;
	u8 state;
	u32 n;

	spin_lock(&lane->lock);
	state = lane->up ? TUNNEL_STATE_UP :
		lane->carrier ? TUNNEL_STATE_HELLO : TUNNEL_STATE_DOWN;
	n = lane->n_opened + lane->n_accepted;
	spin_unlock(&lane->lock);
	if (state == TUNNEL_STATE_DOWN && READ_ONCE(lane->n_pending))
		state = TUNNEL_STATE_HELLO;

	if (nla_put_string(skb, TUNNEL_A_NAME, t->name) ||
	    nla_put_u8(skb, TUNNEL_A_ROLE, t->role) ||
	    put_identity(skb, t->identity) ||
	    put_text(skb, TUNNEL_A_REMOTE, t->remote) ||
	    put_text(skb, TUNNEL_A_LOCAL, t->local) ||
	    nla_put_u32(skb, TUNNEL_A_CIPHERS, t->ciphers) ||
	    nla_put_u32(skb, TUNNEL_A_GRACE, t->grace_ms) ||
	    nla_put_u8(skb, TUNNEL_A_STATE, state) ||
	    nla_put_u32(skb, TUNNEL_A_SESSIONS, n) ||
	    nla_put_u8(skb, TUNNEL_A_DIRECT, t->direct) ||
	    put_allow(skb, t) ||
	    put_limits(skb, READ_ONCE(t->limiter)) ||
	    put_text(skb, TUNNEL_A_PEER_NAME, lane->peer_name))
		return -EMSGSIZE;
	return 0;
}

static int put_owner(struct sk_buff *skb, const struct tnl_service *svc)
{
	struct user_namespace *ns = svc->tn->net->user_ns;

	if (nla_put_u32(skb, TUNNEL_A_OWNER_UID, from_kuid_munged(ns, svc->owner)) ||
	    (gid_valid(svc->group) &&
	     nla_put_u32(skb, TUNNEL_A_OWNER_GID,
			 from_kgid_munged(ns, svc->group))) ||
	    nla_put_u8(skb, TUNNEL_A_BOUND, !!rcu_access_pointer(svc->listener)))
		return -EMSGSIZE;
	return 0;
}

/* tnl_put_service - all but a long target, which a notification has no room for */
int tnl_put_service(struct sk_buff *skb, const struct tnl_service *svc)
{
	if (nla_put_string(skb, TUNNEL_A_SERVICE, svc->name) ||
	    put_text(skb, TUNNEL_A_NAME, svc->tunnel) ||
	    put_limits(skb, svc->limiter) ||
	    (svc->n_access &&
	     nla_put(skb, TUNNEL_A_ACCESS, svc->n_access * sizeof(*svc->access), svc->access)))
		return -EMSGSIZE;
	if (svc->target.ss_family)
		return put_address(skb, TUNNEL_A_ADDRESS, &svc->target);
	if (!svc->text)
		return put_owner(skb, svc);
	return strlen(svc->text) <= TUNNEL_TEXT_MAX ?
	       nla_put_string(skb, TUNNEL_A_TARGET, svc->text) : 0;
}

static int put_whole_service(struct sk_buff *skb, const struct tnl_service *svc)
{
	if (tnl_put_service(skb, svc))
		return -EMSGSIZE;
	return svc->text && strlen(svc->text) > TUNNEL_TEXT_MAX ?
	       nla_put_string(skb, TUNNEL_A_TARGET, svc->text) : 0;
}

static int put_file(struct sk_buff *skb, const struct tnl_file *f)
{
	return (f->has_mode && nla_put_u32(skb, TUNNEL_A_MODE, f->mode)) ||
	       (f->has_uid && nla_put_u32(skb, TUNNEL_A_OWNER_UID, f->uid)) ||
	       (f->has_gid && nla_put_u32(skb, TUNNEL_A_OWNER_GID, f->gid)) ? -EMSGSIZE : 0;
}

/* tnl_put_listener - all but the routes, which a notification has no room for */
int tnl_put_listener(struct sk_buff *skb, const struct tnl_listener *l)
{
	u8 state = l->state;

	if (put_address(skb, TUNNEL_A_ADDRESS, &l->address))
		return -EMSGSIZE;
	if (!l->routes)
		return nla_put_string(skb, TUNNEL_A_NAME, l->tunnel) ||
		       nla_put_string(skb, TUNNEL_A_SERVICE, l->service) ||
		       put_file(skb, &l->file) ||
		       put_text(skb, TUNNEL_A_DESTINATION, l->destination) ? -EMSGSIZE : 0;
	if (!READ_ONCE(l->tn->daemon_portid))
		state = TUNNEL_LISTENER_WAITING;
	if (nla_put_u8(skb, TUNNEL_A_STATE, state) ||
	    nla_put_u32(skb, TUNNEL_A_REVISION, l->revision))
		return -EMSGSIZE;
	return state == TUNNEL_LISTENER_FAILED ?
	       put_text(skb, TUNNEL_A_REPORT, l->report) : 0;
}

static int put_whole_listener(struct sk_buff *skb, const struct tnl_listener *l)
{
	if (tnl_put_listener(skb, l))
		return -EMSGSIZE;
	return l->routes ? nla_put_string(skb, TUNNEL_A_ROUTES, l->routes) : 0;
}

/* tnl_put_carrier - attributes of a carrier and of the lane it is attached to */
int tnl_put_carrier(struct sk_buff *skb, struct tnl_carrier *c)
{
	struct tnl_lane *lane = c->lane;
	struct sockaddr_storage local = {}, peer = {};
	u64 age = jiffies_to_msecs(jiffies - c->attached_at);
	bool up = test_bit(TNL_CARRIER_READY, &c->bits);

	kernel_getsockname(c->sock, (struct sockaddr *)&local);
	/* Fails once the peer is gone; then the address stays empty. */
	kernel_getpeername(c->sock, (struct sockaddr *)&peer);
	if (nla_put_string(skb, TUNNEL_A_NAME, c->tunnel->name) ||
	    nla_put_u32(skb, TUNNEL_A_CARRIER_ID, c->id) ||
	    nla_put_u8(skb, TUNNEL_A_STATE,
		       up ? TUNNEL_STATE_UP : TUNNEL_STATE_HELLO) ||
	    put_address(skb, TUNNEL_A_LOCAL_ADDR, &local) ||
	    (peer.ss_family && put_address(skb, TUNNEL_A_PEER_ADDR, &peer)) ||
	    nla_put(skb, TUNNEL_A_PEER_PIN, sizeof(c->peer_is.pin), c->peer_is.pin) ||
	    nla_put_u16(skb, TUNNEL_A_TLS_VERSION, c->ktls.version) ||
	    nla_put_u16(skb, TUNNEL_A_TLS_CIPHER, c->ktls.cipher) ||
	    nla_put_u8(skb, TUNNEL_A_KTLS_TX, c->ktls.tx) ||
	    nla_put_u8(skb, TUNNEL_A_KTLS_RX, c->ktls.rx) ||
	    nla_put_u32(skb, TUNNEL_A_RTT_US, tcp_sk(c->sock->sk)->srtt_us >> 3) ||
	    put_u64(skb, TUNNEL_A_AGE_MS, age) ||
	    put_u64(skb, TUNNEL_A_TX_BYTES, READ_ONCE(c->tx_bytes)) ||
	    put_u64(skb, TUNNEL_A_RX_BYTES, READ_ONCE(c->rx_bytes)) ||
	    put_u64(skb, TUNNEL_A_TX_RECORDS, READ_ONCE(c->tx_records)) ||
	    put_u64(skb, TUNNEL_A_RX_RECORDS, READ_ONCE(c->rx_records)) ||
	    put_text(skb, TUNNEL_A_PEER_NAME, lane->peer_name) ||
	    put_u64(skb, TUNNEL_A_LANE_TX, READ_ONCE(lane->sent)) ||
	    put_u64(skb, TUNNEL_A_LANE_ACKED, READ_ONCE(lane->peer_acked)) ||
	    put_u64(skb, TUNNEL_A_LANE_RX, READ_ONCE(lane->rx_offset)) ||
	    put_u64(skb, TUNNEL_A_TX_QUEUED, READ_ONCE(lane->fifo.len)) ||
	    put_u64(skb, TUNNEL_A_LANE_REPLAYED, READ_ONCE(lane->replayed)) ||
	    put_u64(skb, TUNNEL_A_LANE_ATTACH, lane->attach))
		return -EMSGSIZE;
	return 0;
}

static int put_end(struct sk_buff *skb, int attr, const struct sockaddr_in6 *source)
{
	struct sockaddr_storage ss = {};
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;

	if (!source->sin6_family)
		return 0;
	if (ipv6_addr_v4mapped(&source->sin6_addr)) {
		in->sin_family = AF_INET;
		in->sin_addr.s_addr = source->sin6_addr.s6_addr32[3];
		in->sin_port = source->sin6_port;
	} else {
		*(struct sockaddr_in6 *)&ss = *source;
	}
	return put_address(skb, attr, &ss);
}

/* tnl_put_session - attributes of a session. Context: process. */
int tnl_put_session(struct sk_buff *skb, struct tnl_session *s)
{
	bool up = READ_ONCE(s->lane->up);
	u64 age = jiffies_to_msecs(jiffies - s->opened_at);
	int err;

	spin_lock(&s->lock);
	err = nla_put_string(skb, TUNNEL_A_NAME, s->tunnel->name) ||
	      put_u64(skb, TUNNEL_A_SESSION_ID, s->id) ||
	      nla_put_string(skb, TUNNEL_A_SERVICE, s->service) ||
	      put_text(skb, TUNNEL_A_DESTINATION, s->destination) ||
	      put_end(skb, TUNNEL_A_PEER_ADDR, &s->source) ||
	      put_end(skb, TUNNEL_A_LOCAL_ADDR, &s->local) ||
	      nla_put_u8(skb, TUNNEL_A_STATE, tnl_session_state(s)) ||
	      nla_put_u8(skb, TUNNEL_A_BLOCKED, tnl_session_blocked(s, up)) ||
	      nla_put_u8(skb, TUNNEL_A_PROTOCOL, s->protocol) ||
	      nla_put_u8(skb, TUNNEL_A_ACCEPTED, !!(s->flags & TNL_S_BY_PEER)) ||
	      nla_put_u8(skb, TUNNEL_A_REASON, s->reason) ||
	      nla_put_u8(skb, TUNNEL_A_ENDPOINT, s->endpoint) ||
	      (uid_valid(s->uid) &&
	       nla_put_u32(skb, TUNNEL_A_OWNER_UID,
			   from_kuid_munged(s->tunnel->tn->net->user_ns, s->uid))) ||
	      (s->has_uuid &&
	       nla_put(skb, TUNNEL_A_UUID, sizeof(s->uuid), s->uuid)) ||
	      (s->priority && nla_put_u8(skb, TUNNEL_A_PRIORITY, s->priority)) ||
	      put_u64(skb, TUNNEL_A_AGE_MS, age) ||
	      put_u64(skb, TUNNEL_A_TX_BYTES, s->tx.queued) ||
	      put_u64(skb, TUNNEL_A_RX_BYTES, s->rx.received) ||
	      put_u64(skb, TUNNEL_A_TX_QUEUED, s->txq.len) ||
	      put_u64(skb, TUNNEL_A_RX_QUEUED, s->rx.received - s->rx.consumed) ||
	      put_u64(skb, TUNNEL_A_TX_CREDIT, tnl_credit_avail(&s->tx)) ||
	      put_u64(skb, TUNNEL_A_RX_WINDOW, s->rx.window);
	spin_unlock(&s->lock);
	return err ? -EMSGSIZE : 0;
}

/* --- dumps: cb->args[0] is the place of the object to go on with ----------- */

static void *begin_msg(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				cb->nlh->nlmsg_seq, &tnl_genl_family,
				NLM_F_MULTI, cmd);

	if (hdr)
		genl_dump_check_consistent(cb, hdr);
	return hdr;
}

/* Return: 0, or -EMSGSIZE with the message undone. */
static int end_msg(struct sk_buff *skb, void *hdr, int err)
{
	if (err)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return err;
}

static struct tnl_net *begin_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct tnl_net *tn = tnl_net(sock_net(skb->sk));

	mutex_lock(&tn->lock);
	cb->seq = tn->generation + 1;	/* 0 would mean: not known */
	return tn;
}

/* Does the request want this tunnel? */
static bool wanted(struct netlink_callback *cb, const char *tunnel)
{
	struct nlattr *name = tnl_dump_attrs(cb)[TUNNEL_A_NAME];

	return !name || !nla_strcmp(name, tunnel);
}

#define DUMP_LIST(fn, type, list, cmd, put)				\
int fn(struct sk_buff *skb, struct netlink_callback *cb)		\
{									\
	struct tnl_net *tn = begin_dump(skb, cb);			\
	long i = 0;							\
	type *o;							\
									\
	list_for_each_entry(o, &tn->list, node) {			\
		void *hdr;						\
									\
		if (i++ < cb->args[0])					\
			continue;					\
		hdr = begin_msg(skb, cb, cmd);				\
		if (!hdr || end_msg(skb, hdr, put(skb, o)))		\
			break;						\
		cb->args[0] = i;					\
	}								\
	mutex_unlock(&tn->lock);					\
	return skb->len;						\
}

DUMP_LIST(tnl_dump_tunnels, struct tnl_tunnel, tunnels,
	  TUNNEL_CMD_TUNNEL_GET, tnl_put_tunnel)
DUMP_LIST(tnl_dump_services, struct tnl_service, services,
	  TUNNEL_CMD_SERVICE_GET, put_whole_service)
DUMP_LIST(tnl_dump_listeners, struct tnl_listener, listeners,
	  TUNNEL_CMD_LISTENER_GET, put_whole_listener)

/* cb->args[0]: tunnels done; a lane shows the carrier it is attached to. */
int tnl_dump_carriers(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct tnl_net *tn = begin_dump(skb, cb);
	struct tnl_tunnel *t;
	long i = 0;

	list_for_each_entry(t, &tn->tunnels, node) {
		struct tnl_carrier *c;
		int err = 0;

		if (i++ < cb->args[0] || !wanted(cb, t->name))
			continue;
		mutex_lock(&t->lane.attach_lock);
		c = t->lane.carrier;
		if (c) {
			void *hdr = begin_msg(skb, cb, TUNNEL_CMD_CARRIER_GET);

			err = hdr ? end_msg(skb, hdr, tnl_put_carrier(skb, c)) :
				    -EMSGSIZE;
		}
		mutex_unlock(&t->lane.attach_lock);
		if (err)
			break;
		cb->args[0] = i;
	}
	mutex_unlock(&tn->lock);
	return skb->len;
}

/* cb->args[0]: tunnels done; [1]: table index to go on with in the next one. */
int tnl_dump_sessions(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct tnl_net *tn = begin_dump(skb, cb);
	struct tnl_tunnel *t;
	long i = 0;

	list_for_each_entry(t, &tn->tunnels, node) {
		unsigned long index = cb->args[1];
		struct tnl_session *s;
		int err = 0;

		if (i++ < cb->args[0] || !wanted(cb, t->name))
			continue;
		rcu_read_lock();
		xa_for_each_start(&t->lane.sessions, index, s, index) {
			void *hdr = begin_msg(skb, cb, TUNNEL_CMD_SESSION_GET);

			err = hdr ? end_msg(skb, hdr, tnl_put_session(skb, s)) :
				    -EMSGSIZE;
			if (err)
				break;
			cb->args[1] = index + 1;
		}
		rcu_read_unlock();
		if (err)
			break;
		cb->args[0] = i;
		cb->args[1] = 0;
	}
	mutex_unlock(&tn->lock);
	return skb->len;
}
