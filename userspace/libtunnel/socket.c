// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that are connected or listen.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "internal.h"
#include "tunnel.h"

int tunnel_socket(int type)
{
	int family = tunnel_family(), fd;

	if (family < 0)
		return -1;
	fd = socket(family, type, 0);
	if (fd >= 0 || errno != EAFNOSUPPORT)
		return fd;
	/* The module may have been loaded again, with another number. */
	tunnel_family_forget();
	family = tunnel_family();
	return family < 0 ? -1 : socket(family, type, 0);
}

static int close_failed(int fd)
{
	int err = errno;

	close(fd);
	errno = err;
	return -1;
}

/* A signal ends the wait in connect(), not the attempt. Return: 0, or -1 and errno. */
static int wait_connected(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(errno);
	int err = 0;

	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -1;
	errno = err;
	return err ? -1 : 0;
}

int tunnel_connect(const char *tunnel, const char *service, int type)
{
	struct sockaddr_tunnel sa;
	int fd;

	/* No name here would mean all of them, and the kernel's answer is a riddle. */
	if (!tunnel || !tunnel[0]) {
		errno = EINVAL;
		return -1;
	}
	fd = tunnel_socket(type);
	if (fd < 0)
		return -1;
	if (tunnel_address(&sa, tunnel, service))
		return close_failed(fd);
	if (!connect(fd, (struct sockaddr *)&sa, sizeof(sa)) || errno == EINPROGRESS)
		return fd;
	if (errno == EINTR && !wait_connected(fd))
		return fd;
	return close_failed(fd);
}

int tunnel_listen(const char *service, int type, int backlog)
{
	struct sockaddr_tunnel sa;
	int fd = tunnel_socket(type);

	if (fd < 0)
		return -1;
	if (tunnel_parse(service, &sa) || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) ||
	    listen(fd, backlog))
		return close_failed(fd);
	return fd;
}

int tunnel_info(int fd, struct tunnel_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return getsockopt(fd, SOL_TUNNEL, TUNNEL_INFO, info, &len);
}
