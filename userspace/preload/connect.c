// SPDX-License-Identifier: GPL-2.0
/*
 * connect(): an AF_TUNNEL socket takes the place of the TCP socket, under its number.
 * It does so before it is connected, so that the program can wait for it, interrupt
 * it, or shut it down from another thread.
 *
 * Nothing here falls back to TCP: what cannot go over the tunnel fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>
#include <linux/tunnel_netlink.h>
#include "../libtunnel/internal.h"
#include "../libtunnel/tunnel.h"
#include "preload.h"

static int fail(int err)
{
	errno = err;
	return -1;
}

static int option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	return real(getsockopt)(fd, level, name, &value, &len) ? -1 : value;
}

/* What the program has set up before it connects, as far as it means something. */
static int inherit(int from, int to)
{
	static const int options[] = { SO_RCVTIMEO, SO_SNDTIMEO, SO_LINGER, SO_RCVLOWAT };
	int flags = fcntl(from, F_GETFL), owner;
	char value[32];
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		socklen_t len = sizeof(value);

		if (!real(getsockopt)(from, SOL_SOCKET, options[i], value, &len))
			real(setsockopt)(to, SOL_SOCKET, options[i], value, len);
	}
	if (flags < 0)
		return -1;
	owner = flags & O_ASYNC ? fcntl(from, F_GETOWN) : 0;
	if (owner)
		fcntl(to, F_SETOWN, owner);
	return fcntl(to, F_SETFL, flags & (O_NONBLOCK | O_ASYNC));
}

/* An address for the program's own end: what it bound, else one that harms nobody. */
static void name_local(int fd, struct peer *peer)
{
	socklen_t len = sizeof(peer->local);
	in_port_t *port = &peer->local.in.sin_port; /* sin6_port has the same place */

	if (real(getsockname)(fd, &peer->local.sa, &len) ||
	    peer->local.sa.sa_family != peer->remote.sa.sa_family) {
		memset(&peer->local, 0, sizeof(peer->local));
		peer->local.sa.sa_family = peer->remote.sa.sa_family;
	}
	if (peer->local.sa.sa_family == AF_INET6) {
		if (IN6_IS_ADDR_UNSPECIFIED(&peer->local.in6.sin6_addr))
			peer->local.in6.sin6_addr = in6addr_loopback;
	} else if (peer->local.in.sin_addr.s_addr == htonl(INADDR_ANY)) {
		peer->local.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	}
	if (!*port)
		*port = htons(32768 + fd % 28232); /* ip_local_port_range */
}

/* Put @new, which is closed, in the place of @fd. */
static int replace(int fd, int new)
{
	struct watches watches;
	int flags = fcntl(fd, F_GETFD), err;

	if (flags < 0 || inherit(fd, new) || watches_take(fd, &watches)) {
		err = errno;
		close(new);
		return fail(err);
	}
	err = dup3(new, fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0) < 0 ? errno : 0;
	close(new);
	watches_give(fd, &watches);
	return err ? fail(err) : 0;
}

/* Return: 0; -1 and errno, also for a TCP socket that is connected already. */
static int to_tunnel(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct peer peer = { 0 };
	struct tcp_info info = { 0 };
	socklen_t info_len = sizeof(info);
	int new;

	if (!real(getsockopt)(fd, IPPROTO_TCP, TCP_INFO, &info, &info_len) &&
	    info.tcpi_state != TCP_CLOSE)
		return fail(info.tcpi_state == TCP_SYN_SENT ? EALREADY : EISCONN);
	new = tunnel_socket(SOCK_STREAM | SOCK_CLOEXEC);
	if (new < 0)
		return -1;
	memcpy(&peer.remote, addr, len < sizeof(peer.remote) ? len : sizeof(peer.remote));
	name_local(fd, &peer);
	peer_set(new, &peer);
	return replace(fd, new);
}

/* One of ours that could not be connected shall go to something that is not mapped. */
static int to_tcp(int fd, int family)
{
	struct tunnel_info info;
	int new;

	if (!tunnel_info(fd, &info) && info.state != TUNNEL_SESSION_CLOSED)
		return fail(info.state == TUNNEL_SESSION_OPENING ? EALREADY : EISCONN);
	new = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	return new < 0 ? -1 : replace(fd, new);
}

static bool is_tcp(int fd)
{
	int domain = option(fd, SOL_SOCKET, SO_DOMAIN);
	int protocol = option(fd, SOL_SOCKET, SO_PROTOCOL);

	return (domain == AF_INET || domain == AF_INET6) &&
	       (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
}

EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_tunnel sa;
	struct map_target to;
	bool made, ours;
	int route = route_address(addr, len, &to, &made);

	ours = peer_get(fd, NULL);
	if (!ours && !is_tcp(fd)) {
		/* Only TCP is mapped, but an address of ours is nobody else's. */
		return made ? fail(ENETUNREACH) : real(connect)(fd, addr, len);
	}
	if (route < 0)
		return fail(-route);
	if (!route) {
		if (ours && (addr->sa_family == AF_INET || addr->sa_family == AF_INET6) &&
		    to_tcp(fd, addr->sa_family))
			return -1;
		return real(connect)(fd, addr, len);
	}
	if (!ours && to_tunnel(fd, addr, len))
		return -1;
	if (tunnel_address(&sa, to.tunnel, to.service))
		return -1;
	return real(connect)(fd, (struct sockaddr *)&sa, sizeof(sa));
}

/* Return: 0; or -1 and errno if the data would go to a mapped destination otherwise. */
static int may_send(int flags, const struct sockaddr *addr, socklen_t len)
{
	struct map_target to;
	bool made;
	int route;

	if (!addr)
		return 0;
	route = route_address(addr, len, &to, &made);
	/* Programs connect() then: TCP of old kernels said the same. */
	if (route && (flags & MSG_FASTOPEN))
		return fail(EOPNOTSUPP);
	return made ? fail(ENETUNREACH) : 0;
}

EXPORT ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *addr,
		      socklen_t len)
{
	return may_send(flags, addr, len) ? -1 : real(sendto)(fd, data, size, flags, addr, len);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	if (msg && may_send(flags, msg->msg_name, msg->msg_namelen))
		return -1;
	return real(sendmsg)(fd, msg, flags);
}

EXPORT int sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (may_send(flags, msgs[i].msg_hdr.msg_name, msgs[i].msg_hdr.msg_namelen))
			return -1;
	return real(sendmmsg)(fd, msgs, n, flags);
}
