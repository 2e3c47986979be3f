/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_TUNNEL: the endpoint of a session that is a socket of a program.
 * docs/architecture.md, "Sockets", has lifetimes, locks and failures.
 *
 * The socket lock is taken by calls of programs only, never by a carrier's work:
 * what a session tells comes under the session's lock, charges and wakes.
 */
#ifndef _TUNNEL_AF_TUNNEL_H
#define _TUNNEL_AF_TUNNEL_H

#include <linux/tunnel.h>
#include <net/sock.h>

#include "chunk.h"
#include "compat/compat.h"
#include "message.h"
#include "session.h"
#include "tunnel.h"

struct tnl_sock {
	struct sock sk;			/* first */

	/* Socket lock; poll() reads it under RCU. */
	struct tnl_session __rcu *session;	/* referenced */
	struct tnl_chunkq in;		/* socket lock: taken, not yet read */
	struct sockaddr_tunnel bound;	/* socket lock: family 0: not bound */
	u64 turn;			/* socket lock: received at the last send, plus 1 */
	bool direct;			/* socket lock: its program does the work */
	bool waits;			/* its program waits in recv(), not in poll() */

	/* socket lock: for the next connect() */
	u8 protocol;
	u8 priority;
	bool has_uuid;
	u8 uuid[16];

	spinlock_t accept_lock;		/* the three below */
	struct list_head waiting;	/* sessions to accept */
	bool listening;			/* more may come */
	bool gone;			/* the service was removed */

	spinlock_t mem_lock;		/* BH; also sk_forward_alloc */
	u64 tx_mem, rx_mem;		/* mem_lock: bytes charged */

	struct tnl_message_scan scan;	/* the session's lock */
	atomic_t messages;		/* whole and not read */
};

static inline struct tnl_sock *tnl_sk(const struct sock *sk)
{
	return (struct tnl_sock *)sk;
}

static inline bool tnl_sock_messages(const struct sock *sk)
{
	return sk->sk_type == SOCK_SEQPACKET;
}

/* The session, or NULL; borrowed while the socket lock is held. */
static inline struct tnl_session *tnl_sock_session(struct tnl_sock *tsk)
{
	return rcu_dereference_protected(tsk->session,
					 lockdep_sock_is_held(&tsk->sk));
}

/* af_tunnel.c */
extern unsigned int tnl_family;

int tnl_sock_register(void);
void tnl_sock_unregister(void);
struct sock *tnl_sock_alloc(struct net *net, int type);
int tnl_sock_address(const struct sockaddr_tunnel *addr, int len, char *tunnel,
		     char *service);
int tnl_sock_wait(struct sock *sk, long *timeo,
		  bool (*ready)(struct sock *sk, struct tnl_session *s, u32 arg),
		  u32 arg);

/* af_tunnel_connect.c */
extern const struct tnl_endpoint_ops tnl_sock_stream_ops, tnl_sock_message_ops;

int tnl_reason_errno(u8 reason);
void tnl_sock_update(struct sock *sk);
int tnl_sock_connect(struct socket *sock, struct tnl_sockaddr_arg *addr, int len,
		     int flags);
int tnl_sock_wait_connect(struct sock *sk, long *timeo);

/* af_tunnel_listen.c */
u8 tnl_sock_incoming(struct sock *sk, struct tnl_session *s);
void tnl_sock_service_gone(struct sock *sk);
void tnl_sock_stop_listening(struct sock *sk);
int tnl_sock_bind(struct socket *sock, struct tnl_sockaddr_arg *addr, int len);
int tnl_sock_listen(struct socket *sock, int backlog);
TNL_ACCEPT(tnl_sock_accept);

/* af_tunnel_send.c */
u32 tnl_sock_tx_want(const struct sock *sk, const struct tnl_session *s);
int tnl_sock_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);

/* af_tunnel_recv.c */
int tnl_sock_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags);
ssize_t tnl_sock_splice_read(struct socket *sock, loff_t *pos,
			     struct pipe_inode_info *pipe, size_t len,
			     unsigned int flags);
__poll_t tnl_sock_poll(struct file *file, struct socket *sock,
		       struct poll_table_struct *wait);
int tnl_sock_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);

/* af_tunnel_opt.c */
int tnl_sock_setsockopt(struct socket *sock, int level, int name, sockptr_t value,
			unsigned int len);
int tnl_sock_getsockopt(struct socket *sock, int level, int name,
			char __user *value, int __user *len);
void tnl_sock_limits(struct sock *sk);

/* af_tunnel_mem.c */
int tnl_sock_mem_init(void);
bool tnl_sock_charge(struct sock *sk, int kind, u32 len);
void tnl_sock_uncharge(struct sock *sk, int kind, u64 len);
void tnl_sock_uncharge_all(struct sock *sk);
extern struct proto tnl_proto;

#endif /* _TUNNEL_AF_TUNNEL_H */
