// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/net.h>

#include "af_tunnel.h"
#include "carrier.h"
#include "service.h"

/*
 * AF_MAX is what it is, so the number is one that no kernel uses any more
 * (AF_WANPIPE). Programs ask for it: TUNNEL_A_FAMILY.
 */
unsigned int tnl_family = 25;
module_param_named(family, tnl_family, uint, 0444);
MODULE_PARM_DESC(family, "number of the address family of sockets, one that nobody uses (default 25, 0: no sockets)");

/* Wait with END queued until it is framed; SO_LINGER. */
static bool end_framed(struct sock *sk, struct tnl_session *s, u32 arg)
{
	return tnl_session_end_framed(s);
}

static void linger(struct sock *sk, struct tnl_session *s)
{
	long timeo = sk->sk_lingertime;
	struct tnl_chunkq none;

	if (current->flags & PF_EXITING)
		return;
	tnl_chunkq_init(&none);
	if (!tnl_session_tx_closed(s))
		tnl_session_send(s, &none, true);
	while (!tnl_session_end_framed(s))
		if (tnl_sock_wait(sk, &timeo, end_framed, 0))
			break;
}

static bool unread(struct tnl_sock *tsk, struct tnl_session *s)
{
	bool any;

	spin_lock(&s->lock);
	any = s->rxq.len || tsk->in.len;
	spin_unlock(&s->lock);
	return any;
}

/* The socket leaves its session. Socket lock held. */
static void leave_session(struct sock *sk)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	struct tnl_session *s = tnl_sock_session(tsk);
	bool lingers = sock_flag(sk, SOCK_LINGER);

	if (!s)
		return;
	if (!(READ_ONCE(s->flags) & (TNL_S_ACCEPTED | TNL_S_BY_PEER)) ||
	    unread(tsk, s) || (lingers && !sk->sk_lingertime)) {
		tnl_session_reset(s, TUNNEL_REASON_RESET);
		tnl_session_detach(s);
	} else {
		if (lingers)
			linger(sk, s);
		tnl_session_close(s);
	}
	RCU_INIT_POINTER(tsk->session, NULL);
	tnl_session_put(s);
	tnl_chunkq_purge(&tsk->in);
	/* No callback runs any more, nor will. */
	tnl_sock_uncharge_all(sk);
}

static int release(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (!sk)
		return 0;
	lock_sock(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	tnl_sock_stop_listening(sk);
	leave_session(sk);
	sock_orphan(sk);
	sock->sk = NULL;
	release_sock(sk);
	sock_put(sk);
	return 0;
}

static int shutdown_sock(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	struct tnl_session *s;
	struct tnl_chunkq none;
	int err = 0;

	how++;	/* SHUT_RD..SHUT_RDWR become RCV_SHUTDOWN | SEND_SHUTDOWN */
	if (how & ~SHUTDOWN_MASK || !how)
		return -EINVAL;
	lock_sock(sk);
	tnl_sock_update(sk);
	s = tnl_sock_session(tnl_sk(sk));
	if (sk->sk_state == TCP_LISTEN) {
		if (how & RCV_SHUTDOWN)
			tnl_sock_stop_listening(sk);
	} else if (sk->sk_state != TCP_ESTABLISHED) {
		err = -ENOTCONN;
	} else {
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | how);
		tnl_chunkq_init(&none);
		if (how & SEND_SHUTDOWN && !tnl_session_tx_closed(s))
			tnl_session_send(s, &none, true);
	}
	sk->sk_state_change(sk);
	release_sock(sk);
	return err;
}

static void put_names(struct sockaddr_tunnel *addr, const char *tunnel,
		      const char *service)
{
	memcpy(addr->st_tunnel, tunnel, strnlen(tunnel, TUNNEL_ADDR_NAME));
	memcpy(addr->st_service, service, strnlen(service, TUNNEL_ADDR_NAME));
}

static int sock_name(struct socket *sock, struct sockaddr *sa, int peer)
{
	struct sockaddr_tunnel *addr = (struct sockaddr_tunnel *)sa;
	struct sock *sk = sock->sk;
	struct tnl_sock *tsk = tnl_sk(sk);
	struct tnl_session *s;
	int len = sizeof(*addr);

	BUILD_BUG_ON(sizeof(*addr) > sizeof(struct sockaddr_storage));
	memset(addr, 0, sizeof(*addr));
	lock_sock(sk);
	tnl_sock_update(sk);
	s = tnl_sock_session(tsk);
	/* 2 is accept(), whose connection may have ended meanwhile. */
	if (s && (sk->sk_state == TCP_ESTABLISHED || peer != 1)) {
		/* The service is at the end that did not open the session. */
		bool here = s->flags & TNL_S_BY_PEER;

		put_names(addr, s->tunnel->name, here != !!peer ? s->service : "");
	} else if (peer) {
		len = -ENOTCONN;
	} else if (tsk->bound.st_family) {
		*addr = tsk->bound;
	}
	addr->st_family = tnl_family;
	release_sock(sk);
	return len;
}

/**
 * tnl_sock_address - read an address of a program
 * @addr: the address, already in the kernel
 * @len: its length
 * @tunnel: result, TNL_NAME_MAX + 1 bytes; may be empty
 * @service: result, likewise, never empty
 * Return: 0, -EINVAL, -EAFNOSUPPORT.
 */
int tnl_sock_address(const struct sockaddr_tunnel *addr, int len, char *tunnel,
		     char *service)
{
	int least = offsetof(struct sockaddr_tunnel, st_service) + 1;

	BUILD_BUG_ON(TUNNEL_ADDR_NAME != TNL_NAME_MAX);
	if (len < (int)sizeof(addr->st_family))
		return -EINVAL;
	if (addr->st_family != tnl_family)
		return -EAFNOSUPPORT;
	if (len < least || len > (int)sizeof(*addr))
		return -EINVAL;
	memset(tunnel, 0, TNL_NAME_MAX + 1);
	memset(service, 0, TNL_NAME_MAX + 1);
	memcpy(tunnel, addr->st_tunnel, TUNNEL_ADDR_NAME);
	memcpy(service, addr->st_service, len - least + 1);
	if (*tunnel && !tnl_name_ok(tunnel, strlen(tunnel)))
		return -EINVAL;
	return tnl_name_ok(service, strlen(service)) ? 0 : -EINVAL;
}

/*
 * Sleep until something comes for this socket. With a carrier: or for anybody else, and
 * then receive it.
 */
static void sleep_on(struct sock *sk, struct tnl_carrier *c, wait_queue_entry_t *wait,
		     long *timeo)
{
	struct tnl_reader reader = { .wait = wait };
	bool on_duty = c && tnl_duty_enter(&c->duty, &reader);
	unsigned long began = jiffies;
	long all = *timeo;
	int n;

	if (!reader.called)
		*timeo = wait_woken(wait, TASK_INTERRUPTIBLE, *timeo);
	/* Awake: what it receives for itself need not wake it. */
	remove_wait_queue(sk_sleep(sk), wait);
	if (!on_duty)
		return;
	/* Twice: a record behind the first calls while that is read. */
	for (n = 0; n < 2 && tnl_duty_heard(&c->duty, &reader); n++)
		tnl_carrier_receive_now(c);
	tnl_duty_leave(&c->duty, &reader);
	/* Time passes also while it serves others. */
	if (all != MAX_SCHEDULE_TIMEOUT)
		*timeo = clamp(all - (long)(jiffies - began), 0L, *timeo);
}

/**
 * tnl_sock_wait - wait for something, with the socket lock released
 * @sk: the socket
 * @timeo: jiffies that are left, 0: do not wait
 * @ready: is it there? Called without the socket lock too; may arm a wake-up
 * @arg: for @ready
 *
 * Who is woken looks again: it may be something else that came.
 *
 * Context: process, socket lock held.
 * Return: 0, -EAGAIN when time is up, or the errno of a signal.
 */
int tnl_sock_wait(struct sock *sk, long *timeo,
		  bool (*ready)(struct sock *sk, struct tnl_session *s, u32 arg),
		  u32 arg)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct tnl_session *s = tnl_sock_session(tnl_sk(sk));
	struct tnl_carrier *c = NULL;

	if (!*timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	/* Without the lock another thread may connect the socket anew. */
	if (s)
		tnl_session_hold(s);
	if (s && tnl_sk(sk)->direct)
		c = tnl_lane_carrier(s->lane);
	add_wait_queue(sk_sleep(sk), &wait);
	release_sock(sk);
	if (!ready(sk, s, arg))
		sleep_on(sk, c, &wait, timeo);
	else
		remove_wait_queue(sk_sleep(sk), &wait);
	lock_sock(sk);
	if (c)
		tnl_carrier_put(c);
	if (s)
		tnl_session_put(s);
	return 0;
}

static struct proto_ops stream_ops __ro_after_init = {
	.owner = THIS_MODULE,
	.release = release,
	.bind = tnl_sock_bind,
	.connect = tnl_sock_connect,
	.socketpair = sock_no_socketpair,
	.accept = tnl_sock_accept,
	.getname = sock_name,
	.poll = tnl_sock_poll,
	.ioctl = tnl_sock_ioctl,
	.listen = tnl_sock_listen,
	.shutdown = shutdown_sock,
	.setsockopt = tnl_sock_setsockopt,
	.getsockopt = tnl_sock_getsockopt,
	.sendmsg = tnl_sock_sendmsg,
	.recvmsg = tnl_sock_recvmsg,
	.mmap = sock_no_mmap,
	.splice_read = tnl_sock_splice_read,
};

/* Pipes have no boundaries: what is spliced out of messages is copied. */
static struct proto_ops message_ops __ro_after_init;

static void destruct(struct sock *sk)
{
	struct tnl_sock *tsk = tnl_sk(sk);

	WARN_ON(rcu_access_pointer(tsk->session));
	WARN_ON(!list_empty(&tsk->waiting));
	WARN_ON(tsk->tx_mem || tsk->rx_mem);
	sk_mem_reclaim_final(sk);
}

/**
 * tnl_sock_alloc - a socket that nothing is known of yet
 * @net: its namespace, which it holds
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 * Context: process; charged to the memory cgroup of the caller.
 * Return: the socket or NULL.
 */
struct sock *tnl_sock_alloc(struct net *net, int type)
{
	struct sock *sk = sk_alloc(net, tnl_family, GFP_KERNEL, &tnl_proto, 0);
	struct tnl_sock *tsk = tnl_sk(sk);

	if (!sk)
		return NULL;
	sock_init_data(NULL, sk);
	sk->sk_type = type;
	sk->sk_destruct = destruct;
	/* A carrier's work looks for listening sockets under RCU. */
	sock_set_flag(sk, SOCK_RCU_FREE);
	tnl_chunkq_init(&tsk->in);
	spin_lock_init(&tsk->accept_lock);
	spin_lock_init(&tsk->mem_lock);
	INIT_LIST_HEAD(&tsk->waiting);
	tsk->protocol = type == SOCK_SEQPACKET ? TUNNEL_PROTOCOL_MESSAGES :
						 TUNNEL_PROTOCOL_OPAQUE;
	return sk;
}

static int create(struct net *net, struct socket *sock, int protocol, int kern)
{
	struct tnl_net *tn = tnl_net(net);
	struct sock *sk;

	/* Without a reference on the namespace it could outlive it. */
	if (kern)
		return -EOPNOTSUPP;
	/* Nothing here to reach: as if the module were not loaded. */
	if (list_empty(&tn->tunnels) && list_empty(&tn->services))
		return -EAFNOSUPPORT;
	if (protocol)
		return -EPROTONOSUPPORT;
	if (sock->type == SOCK_STREAM)
		sock->ops = &stream_ops;
	else if (sock->type == SOCK_SEQPACKET)
		sock->ops = &message_ops;
	else
		return -ESOCKTNOSUPPORT;
	sk = tnl_sock_alloc(net, sock->type);
	if (!sk)
		return -ENOMEM;
	sock->state = SS_UNCONNECTED;
	sock_graft(sk, sock);
	return 0;
}

static struct net_proto_family family __ro_after_init = {
	.create = create,
	.owner = THIS_MODULE,
};

/* tnl_sock_register - sockets can be made from now on. Return: 0 or -errno. */
int __init tnl_sock_register(void)
{
	int err;

	BUILD_BUG_ON(TUNNEL_PROTOCOL_MESSAGES != TNL_PROTOCOL_MESSAGES);
	BUILD_BUG_ON(TUNNEL_MESSAGE_MAX != TNL_MESSAGE_MAX);
	if (!tnl_family)
		return 0;
	err = tnl_sock_mem_init();
	if (err)
		return err;
	stream_ops.family = tnl_family;
	message_ops = stream_ops;
	message_ops.splice_read = NULL;
	family.family = tnl_family;
	err = sock_register(&family);
	if (err) {
		pr_err("address family %u cannot be had: choose another by family=, or 0 for no sockets\n",
		       tnl_family);
		proto_unregister(&tnl_proto);
	}
	return err;
}

/* tnl_sock_unregister - no socket is left: each held the module */
void tnl_sock_unregister(void)
{
	if (!tnl_family)
		return;
	sock_unregister(tnl_family);
	/* Callbacks that free sockets may still be in their last lines. */
	rcu_barrier();
	proto_unregister(&tnl_proto);
}
