/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0 WITH Linux-syscall-note */
/*
 * libtunnel: AF_TUNNEL sockets for programs. See libtunnel(3).
 *
 * All functions return -1 and set errno when they fail, as those of the C library
 * do. They keep no locks and allocate nothing: they may be called from any thread,
 * from signal handlers, and after fork().
 */
#ifndef TUNNEL_TUNNEL_H
#define TUNNEL_TUNNEL_H

#include <sys/socket.h>
#include <linux/tunnel.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TUNNEL_API __attribute__((visibility("default")))

/**
 * tunnel_family - number of the address family AF_TUNNEL
 *
 * Asks the running module, which needs no privilege, and remembers the answer. It is
 * asked again when socket() in tunnel_connect() or tunnel_listen() no longer knows it.
 *
 * Return: the number. -1: EAFNOSUPPORT, the module is not loaded or was loaded without
 * sockets (family=0); or an errno of netlink(7).
 */
TUNNEL_API int tunnel_family(void);

/**
 * tunnel_address - fill in the address of a service
 * @sa: filled in whole: sizeof(*sa) is its length
 * @tunnel: name, 1 to 63 of a-z, 0-9, dot, underscore, hyphen; NULL or "": the peers of
 *          all tunnels, for bind() only
 * @service: name, of the same kind
 *
 * Return: 0. -1: EINVAL, a name is none; or as tunnel_family().
 */
TUNNEL_API int tunnel_address(struct sockaddr_tunnel *sa, const char *tunnel, const char *service);

/**
 * tunnel_parse - fill in the address that a text stands for
 * @text: "TUNNEL/SERVICE"; for bind() also "SERVICE", the peers of all tunnels
 * @sa: as in tunnel_address()
 *
 * Return: as tunnel_address().
 */
TUNNEL_API int tunnel_parse(const char *text, struct sockaddr_tunnel *sa);

/**
 * tunnel_connect - connect a new socket to a service of the peer
 * @tunnel: name of the tunnel
 * @service: name of the service
 * @type: SOCK_STREAM or SOCK_SEQPACKET, with SOCK_CLOEXEC and SOCK_NONBLOCK as in
 *        socket(2)
 *
 * Without SOCK_NONBLOCK it waits until the peer has accepted, through signals too.
 * With it, the socket may still be connecting: it is writable when that has ended, and
 * SO_ERROR says how.
 *
 * Return: the socket. -1: EINVAL, a name is none; ENOENT, no such tunnel; EACCES, the
 * tunnel does not allow the caller; ECONNREFUSED, the peer has no such service or nobody
 * serves it; EPROTOTYPE, it is of the other type; ETIMEDOUT, no carrier for the grace
 * time; or as tunnel_family(), socket(2).
 */
TUNNEL_API int tunnel_connect(const char *tunnel, const char *service, int type);

/**
 * tunnel_listen - be a service for the peer
 * @service: "SERVICE", or "TUNNEL/SERVICE" for one that was made for this tunnel only
 *           (`tunnelctl service add SERVICE socket owner UID [tunnel TUNNEL]`)
 * @type: as in tunnel_connect()
 * @backlog: connections that may wait for accept(), as in listen(2)
 *
 * Return: the listening socket. -1: EINVAL, a name is none; EADDRNOTAVAIL, no such
 * service for sockets; EACCES, it is another user's; EADDRINUSE, another socket is bound
 * to it; or as tunnel_family(), socket(2).
 */
TUNNEL_API int tunnel_listen(const char *service, int type, int backlog);

/**
 * tunnel_info - how the connection of a socket is doing
 * @fd: an AF_TUNNEL socket that is or was connected
 * @info: filled in whole; what an older module does not know is zero
 *
 * Return: 0. -1: as getsockopt(2); ENOTCONN, it has not been connected.
 */
TUNNEL_API int tunnel_info(int fd, struct tunnel_info *info);

#ifdef __cplusplus
}
#endif

#endif /* TUNNEL_TUNNEL_H */
