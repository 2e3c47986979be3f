// SPDX-License-Identifier: GPL-2.0
#include <linux/file.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "handover.h"
#include "tunnel.h"

static int check(struct tnl_net *tn, struct socket *sock, bool unix_too,
		 struct netlink_ext_ack *extack)
{
	struct sock *sk = sock->sk;
	int state = READ_ONCE(sk->sk_state);
	bool tcp = sk->sk_protocol == IPPROTO_TCP &&
		   (sk->sk_family == AF_INET || sk->sk_family == AF_INET6);

	if (sock->type != SOCK_STREAM || !(tcp || (unix_too && sk->sk_family == AF_UNIX))) {
		if (unix_too)
			NL_SET_ERR_MSG(extack, "attribute FD must be a TCP socket (IPv4 or IPv6) or a unix stream socket");
		else
			NL_SET_ERR_MSG(extack, "attribute FD must be a TCP socket (IPv4 or IPv6)");
		return -EPROTOTYPE;
	}
	if (!net_eq(sock_net(sk), tn->net)) {
		NL_SET_ERR_MSG(extack,
			       "the socket belongs to another network namespace than the tunnel: make it in the tunnel's");
		return -EXDEV;
	}
	if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT) {
		NL_SET_ERR_MSG(extack,
			       "the socket is not connected: hand it over when it is, and before it is closed");
		return -ENOTCONN;
	}
	/*
	 * Whoever else has it could block our works inside of the socket, by a send
	 * from memory that never comes. One reference is the caller's, one ours.
	 */
	if (file_count(sock->file) > 2) {
		NL_SET_ERR_MSG(extack,
			       "the socket has more than one descriptor: close the duplicates before handing it over");
		return -EBUSY;
	}
	return 0;
}

/**
 * tnl_handover - a connected socket of the caller's
 * @tn: the namespace it must be of
 * @fd: of the calling process; it may close it afterwards
 * @unix_too: may it be a unix stream socket? Otherwise only TCP
 * @extack: gets the sentence of a refusal
 * Context: process of the caller.
 * Return: the socket, whose file is referenced, or ERR_PTR().
 */
struct socket *tnl_handover(struct tnl_net *tn, int fd, bool unix_too,
			    struct netlink_ext_ack *extack)
{
	struct socket *sock;
	int err;

	sock = sockfd_lookup(fd, &err);
	if (!sock) {
		if (err == -EBADF)
			NL_SET_ERR_MSG(extack, "attribute FD is not an open file descriptor");
		else
			NL_SET_ERR_MSG(extack, "attribute FD is not a socket");
		return ERR_PTR(err);
	}
	err = check(tn, sock, unix_too, extack);
	if (err) {
		sockfd_put(sock);
		return ERR_PTR(err);
	}
	return sock;
}
