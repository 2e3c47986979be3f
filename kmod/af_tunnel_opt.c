// SPDX-License-Identifier: GPL-2.0
#include <linux/tcp.h>

#include "af_tunnel.h"
#include "carrier.h"

static void get_info(struct sock *sk, struct tnl_session *s, struct tunnel_info *i)
{
	struct tnl_lane *lane = s->lane;
	bool up;

	memset(i, 0, sizeof(*i));
	i->rtt_us = tnl_lane_srtt_us(lane);
	i->direct = tnl_sk(sk)->direct;
	spin_lock(&lane->lock);
	up = lane->up;
	if (up)
		i->carrier_id = lane->carrier->id;
	spin_unlock(&lane->lock);

	spin_lock(&s->lock);
	i->state = tnl_session_state(s);
	i->reason = s->reason;
	i->blocked = tnl_session_blocked(s, up);
	i->accepted = !!(s->flags & TNL_S_BY_PEER);
	i->session_id = s->id;
	i->rx_window = s->rx.window;
	i->tx_bytes = s->tx.queued;
	i->rx_bytes = s->rx.received;
	i->tx_queued = s->txq.len;
	i->rx_queued = s->rx.received - s->rx.consumed;
	i->tx_credit = tnl_credit_avail(&s->tx);
	i->age_ms = jiffies_to_msecs(jiffies - s->opened_at);
	spin_unlock(&s->lock);
}

/* Of the key that the peer has shown; nobody has before there was a carrier. */
static int get_pin(struct tnl_lane *lane, void *buf)
{
	int len = -ENODATA;

	spin_lock(&lane->lock);
	if (lane->has_peer) {
		memcpy(buf, lane->peer_is.pin, sizeof(lane->peer_is.pin));
		len = sizeof(lane->peer_is.pin);
	}
	spin_unlock(&lane->lock);
	return len;
}

/* What a get gives. Return: bytes in @buf, or -errno. Socket lock held. */
static int get(struct sock *sk, int name, void *buf)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	struct tnl_session *s = tnl_sock_session(tsk);
	u32 number;

	switch (name) {
	case TUNNEL_INFO:
		if (!s)
			return -ENOTCONN;
		get_info(sk, s, buf);
		return sizeof(struct tunnel_info);
	case TUNNEL_PEER_PIN:
		if (!s)
			return -ENOTCONN;
		return get_pin(s->lane, buf);
	case TUNNEL_UUID:
		if (!tsk->has_uuid)
			return -ENODATA;
		memcpy(buf, tsk->uuid, sizeof(tsk->uuid));
		return sizeof(tsk->uuid);
	case TUNNEL_PROTOCOL:
		number = tsk->protocol;
		break;
	case TUNNEL_PRIORITY:
		number = tsk->priority;
		break;
	default:
		return -ENOPROTOOPT;
	}
	memcpy(buf, &number, sizeof(number));
	return sizeof(number);
}

int tnl_sock_getsockopt(struct socket *sock, int level, int name,
			char __user *value, int __user *optlen)
{
	union {
		struct tunnel_info info;
		u8 bytes[TUNNEL_PIN_LEN];
	} buf;
	int len, n;

	if (level != SOL_TUNNEL)
		return -ENOPROTOOPT;
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	lock_sock(sock->sk);
	n = get(sock->sk, name, &buf);
	release_sock(sock->sk);
	if (n < 0)
		return n;
	/* Room for a part is enough for a struct that may grow, and for that only. */
	if (len < n && name != TUNNEL_INFO)
		return -EINVAL;
	len = min(len, n);
	if (put_user(len, optlen) || copy_to_user(value, &buf, len))
		return -EFAULT;
	return 0;
}

/* Socket lock held. */
static int set(struct tnl_sock *tsk, int name, const u8 *uuid, u32 number)
{
	bool messages = number == TUNNEL_PROTOCOL_MESSAGES;

	/* What OPEN says has been said. */
	if (tsk->sk.sk_socket->state != SS_UNCONNECTED || tsk->bound.st_family)
		return -EISCONN;
	switch (name) {
	case TUNNEL_PROTOCOL:
		if (number > TUNNEL_PROTOCOL_MAX ||
		    messages != tnl_sock_messages(&tsk->sk))
			return -EINVAL;
		tsk->protocol = number;
		return 0;
	case TUNNEL_PRIORITY:
		if (number > 255)
			return -EINVAL;
		tsk->priority = number;
		return 0;
	}
	memcpy(tsk->uuid, uuid, sizeof(tsk->uuid));
	tsk->has_uuid = true;
	return 0;
}

int tnl_sock_setsockopt(struct socket *sock, int level, int name, sockptr_t value,
			unsigned int len)
{
	u32 number = 0;
	u8 uuid[16] = {};
	int err;

	if (level != SOL_TUNNEL)
		return -ENOPROTOOPT;
	switch (name) {
	case TUNNEL_PROTOCOL:
	case TUNNEL_PRIORITY:
		if (len != sizeof(number))
			return -EINVAL;
		if (copy_from_sockptr(&number, value, sizeof(number)))
			return -EFAULT;
		break;
	case TUNNEL_UUID:
		if (len != sizeof(uuid))
			return -EINVAL;
		if (copy_from_sockptr(uuid, value, sizeof(uuid)))
			return -EFAULT;
		break;
	default:
		return -ENOPROTOOPT;
	}
	lock_sock(sock->sk);
	err = set(tnl_sk(sock->sk), name, uuid, number);
	release_sock(sock->sk);
	return err;
}
