// SPDX-License-Identifier: GPL-2.0
/* How relays begin: by the peer, by a listener, by a connection that is handed over. */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/tunnel.h>
#include <net/inet_connection_sock.h>

#include "ask.h"
#include "compat/compat.h"
#include "handover.h"
#include "local.h"
#include "relay.h"
#include "service.h"
#include "session.h"
#include "take.h"
#include "tunnel.h"

/**
 * tnl_relay_connect - give an incoming session its local connection
 * @s: just opened by the peer; its service exists
 *
 * The connection is made in the relay's own work, with the credentials of who
 * set the service up, or by the daemon: the carrier's reader goes on.
 *
 * Return: 0, or enum tunnel_reason to reset the session with.
 */
u8 tnl_relay_connect(struct tnl_session *s)
{
	struct tnl_relay *r = tnl_relay_alloc(s->tunnel);
	bool ask;
	u64 id;

	if (!r)
		return TUNNEL_REASON_NO_MEMORY;
	if (tnl_service_target(s->tunnel, s->service, &r->target, &r->cred)) {
		tnl_relay_die(r);
		return TUNNEL_REASON_NO_SERVICE;
	}
	ask = !r->target.ss_family;
	r->session = s;
	id = atomic64_inc_return(&r->tn->next_ask_id);
	r->ask_id = id;
	if (ask)
		queue_delayed_work(tnl_wq, &r->deadline, TUNNEL_ANSWER_S * HZ);
	tnl_relay_set_state(r, ask ? TNL_RELAY_ASKING : TNL_RELAY_TO_CONNECT);
	tnl_session_attach(s, &tnl_relay_ops, r);
	/* It may have ended, and be freed: from here on the session only. */
	if (!ask)
		return 0;
	TNL_INC(s->tunnel->tn, sessions_asked);
	switch (tnl_ask(s, id)) {
	case 0:
		return 0;
	case -ESRCH:
	case -ECONNREFUSED:
		net_info_ratelimited("%s: service %s: no tunneld is there to connect it\n",
				     s->tunnel->name, s->service);
		return TUNNEL_REASON_NO_DAEMON;
	case -ENOENT:
		return TUNNEL_REASON_NO_SERVICE;
	case -EAGAIN:
		return TUNNEL_REASON_LIMIT;
	}
	return TUNNEL_REASON_NO_MEMORY;
}

/* The relay that waits for this answer about @s. s->lock is held. */
static struct tnl_relay *asking(struct tnl_session *s, u64 id)
{
	struct tnl_relay *r = s->ops == &tnl_relay_ops ? s->ep : NULL;

	/* Pairs with the release in tnl_relay_set_state(). */
	return r && smp_load_acquire(&r->state) == TNL_RELAY_ASKING && r->ask_id == id ? r : NULL;
}

/**
 * tnl_relay_answer - the daemon says where a session of the peer's leads
 * @s: the session
 * @ask_id: of the question that is answered
 * @fd: connected, of the calling process; or -1: nowhere
 * @reason: enum tunnel_reason, without @fd
 * @extack: gets the sentence of a refusal
 * Context: process of the caller.
 * Return: 0, -ENOENT: nobody waits for it, or -errno with the fd as it was.
 */
int tnl_relay_answer(struct tnl_session *s, u64 ask_id, int fd, u8 reason,
		     struct netlink_ext_ack *extack)
{
	enum tnl_local_kind kind = TNL_LOCAL_TCP;
	struct socket *sock = NULL;
	struct tnl_relay *r;
	int err = 0;

	if (fd >= 0) {
		sock = tnl_handover(s->tunnel->tn, fd, true, extack);
		if (IS_ERR(sock))
			return PTR_ERR(sock);
		err = tnl_local_check(sock, &kind, extack);
		if (!err && READ_ONCE(sock->sk->sk_user_data)) {
			NL_SET_ERR_MSG(extack, "the socket is in use by something else in the kernel");
			err = -EBUSY;
		}
	}
	/* While the session has it as its endpoint it is not freed. */
	spin_lock(&s->lock);
	r = err ? NULL : asking(s, ask_id);
	if (r && test_and_set_bit(TNL_RELAY_ANSWERED, &r->bits))
		r = NULL;
	if (r && sock) {
		r->answer = sock;
		r->answer_kind = kind;
	} else if (r) {
		tnl_relay_fail(r, reason);
	}
	if (r)
		tnl_watch_queue(&r->watch, &r->up_work);
	spin_unlock(&s->lock);
	if (r)
		return 0;
	if (sock)
		sockfd_put(sock);
	if (!err)
		NL_SET_ERR_MSG(extack, "nobody waits for this answer any more");
	return err ?: -ENOENT;
}

/**
 * tnl_relay_address - an address for OPEN
 * @to: gets it; IPv4 as IPv6 (::ffff:0:0/96)
 * @sa: a whole struct sockaddr_in or sockaddr_in6
 * Return: true.
 */
bool tnl_relay_address(u8 to[18], const void *sa)
{
	const struct sockaddr_in6 *in6 = sa;
	const struct sockaddr_in *in = sa;
	struct in6_addr addr;

	if (in->sin_family == AF_INET6)
		addr = in6->sin6_addr;
	else
		ipv6_addr_set_v4mapped(in->sin_addr.s_addr, &addr);
	memcpy(to, &addr, sizeof(addr));
	/* sin_port and sin6_port share their place. */
	tnl_put16(to + sizeof(addr), ntohs(in->sin_port));
	return true;
}

/* What is not known yet of whose connection it is, and where it came in. */
static void ends_of(struct socket *sock, struct tnl_open *o)
{
	struct sockaddr_storage ss;

	if (tnl_sock_is_unix(sock))
		return;
	/* Who names another source, as of PROXY, names its local address, too, or there is none. */
	if (!o->has_local && !o->has_source &&
	    kernel_getsockname(sock, (struct sockaddr *)&ss) >= 0)
		o->has_local = tnl_relay_address(o->local, &ss);
	if (!o->has_source && kernel_getpeername(sock, (struct sockaddr *)&ss) >= 0)
		o->has_source = tnl_relay_address(o->source, &ss);
}

/* Everything is in its place, the session too: let the works do something. */
static void begin(struct tnl_relay *r)
{
	struct tnl_net *tn = r->tn;

	tnl_watch_start(&r->watch, r->local.sock);
	/* The peer may have ended the session already: die() needs this lock. */
	spin_lock(&tn->reap_lock);
	tnl_relay_set_state(r, TNL_RELAY_OPEN);
	tnl_watch_queue(&r->watch, &r->up_work);
	tnl_watch_queue(&r->watch, &r->down_work);
	spin_unlock(&tn->reap_lock);
}

/**
 * tnl_relay_accepted - a local connection becomes a session
 * @t: the tunnel
 * @service: of the peer
 * @destination: what it is asked for, or NULL
 * @sock: connected; taken over, closed by RST if no session can be had
 * Context: process.
 */
void tnl_relay_accepted(struct tnl_tunnel *t, const char *service,
			const char *destination, struct socket *sock)
{
	struct tnl_relay *r = tnl_relay_alloc(t);
	struct tnl_open o = {};
	struct tnl_session *s;

	if (!r) {
		sock_no_linger(sock->sk);
		sock_release(sock);
		return;
	}
	tnl_local_adopt(&r->local, sock,
			tnl_sock_is_unix(sock) ? TNL_LOCAL_UNIX : TNL_LOCAL_TCP);
	strscpy(o.service, service, sizeof(o.service));
	if (destination)
		strscpy(o.destination, destination, sizeof(o.destination));
	ends_of(sock, &o);
	s = tnl_session_open(t, TUNNEL_PROTOCOL_OPAQUE, &o, &tnl_relay_ops, r);
	if (IS_ERR(s)) {
		TNL_INC(t->tn, sessions_no_tunnel);
		sock_no_linger(sock->sk);
		tnl_relay_die(r);
		return;
	}
	r->session = s;
	begin(r);
}

/**
 * tnl_relay_adopt - a connection that user space has accepted becomes a session
 * @t: the tunnel
 * @o: what OPEN shall say; without a source it gets the connection's
 * @a: which connection, and what is known of it
 * @id: result: of the session
 * @extack: gets the sentence of a refusal
 *
 * The file pins its namespace: like a carrier it ends when no daemon comes back.
 *
 * Context: process of the caller.
 * Return: 0, or -errno with the fd as it was.
 */
int tnl_relay_adopt(struct tnl_tunnel *t, struct tnl_open *o,
		    const struct tnl_adoption *a, u64 *id,
		    struct netlink_ext_ack *extack)
{
	struct socket *sock = tnl_handover(t->tn, a->fd, true, extack);
	enum tnl_local_kind kind;
	struct tnl_session *s;
	struct tnl_chunkq q;
	struct tnl_relay *r;
	int err;

	if (IS_ERR(sock))
		return PTR_ERR(sock);
	err = tnl_local_check(sock, &kind, extack);
	if (err) {
		sockfd_put(sock);
		return err;
	}
	err = tnl_take_bytes(t->tn, a->prefix, a->prefix_len, &q);
	if (err) {
		sockfd_put(sock);
		return err;
	}
	r = tnl_relay_alloc(t);
	if (!r) {
		tnl_chunkq_purge(&q);
		sockfd_put(sock);
		return -ENOMEM;
	}
	r->local.sock = sock;
	WRITE_ONCE(r->file, sock->file);
	if (a->refusal_len) {
		r->refusal = kmemdup(a->refusal, a->refusal_len, GFP_KERNEL_ACCOUNT);
		r->refusal_len = a->refusal_len;
		if (!r->refusal) {
			err = -ENOMEM;
			goto fail;
		}
	}
	err = tnl_watch_claim(&r->watch, sock);
	if (err) {
		NL_SET_ERR_MSG(extack, "the socket is in use by something else in the kernel");
		goto fail;
	}
	ends_of(sock, o);
	s = tnl_session_open(t, a->protocol, o, &tnl_relay_ops, r);
	err = PTR_ERR_OR_ZERO(s);
	if (err == -EMFILE)
		NL_SET_ERR_MSG(extack, "the peer grants no more sessions now: try again when some have ended");
	else if (err == -ESHUTDOWN)
		NL_SET_ERR_MSG(extack, "the tunnel is being removed");
	if (err)
		goto fail;
	r->session = s;
	*id = s->id;
	tnl_local_adopt(&r->local, sock, kind);
	tnl_chunkq_splice(&r->ahead, &q);
	TNL_INC(t->tn, local_accepts);
	begin(r);
	tnl_net_linger(t->tn);
	return 0;

fail:
	tnl_chunkq_purge(&q);
	/* Now, not when it is reaped: the caller may do something else with it. */
	tnl_watch_release(&r->watch);
	WRITE_ONCE(r->file, NULL);
	r->local.sock = NULL;
	sockfd_put(sock);
	tnl_relay_die(r);
	return err;
}
