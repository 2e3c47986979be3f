// SPDX-License-Identifier: GPL-2.0
/*
 * What programs ask of a TCP socket that is none: addresses and options.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include "../libtunnel/tunnel.h"
#include "preload.h"

/* As the kernel gives an address: cut off where the room ends, with its whole length. */
static int give_address(const struct sockaddr *from, struct sockaddr *sa, socklen_t *len)
{
	socklen_t whole = peer_len(from);

	memcpy(sa, from, *len < whole ? *len : whole);
	*len = whole;
	return 0;
}

EXPORT int getpeername(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct sockaddr_storage ss;
	socklen_t ss_len = sizeof(ss);
	struct peer peer;

	if (!peer_get(fd, &peer))
		return real(getpeername)(fd, sa, len);
	/* Is it connected? */
	if (real(getpeername)(fd, (struct sockaddr *)&ss, &ss_len))
		return -1;
	return give_address(&peer.remote.sa, sa, len);
}

EXPORT int getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct peer peer;

	if (!peer_get(fd, &peer))
		return real(getsockname)(fd, sa, len);
	return give_address(&peer.local.sa, sa, len);
}

static bool of_internet(int level)
{
	return level == IPPROTO_TCP || level == IPPROTO_IP || level == IPPROTO_IPV6;
}

/* Options that must not seem to work: the program would count on what they do. */
static bool must_fail(int level, int name)
{
	if (level != IPPROTO_TCP)
		return false;
	switch (name) {
	case TCP_ULP: /* kTLS: keys would follow */
	case TCP_MD5SIG:
	case TCP_MD5SIG_EXT:
	case TCP_REPAIR:
	case TCP_REPAIR_QUEUE:
	case TCP_REPAIR_OPTIONS:
	case TCP_REPAIR_WINDOW:
	case TCP_ZEROCOPY_RECEIVE:
		return true;
	}
	return false;
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (!of_internet(level) || !peer_get(fd, NULL))
		return real(setsockopt)(fd, level, name, value, len);
	if (must_fail(level, name)) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return 0;
}

static int give(const void *from, socklen_t size, void *value, socklen_t *len)
{
	if (*len > size)
		*len = size;
	memcpy(value, from, *len);
	return 0;
}

static int give_int(int number, void *value, socklen_t *len)
{
	return give(&number, sizeof(number), value, len);
}

/* State and round-trip time are known; zero is what a kernel without a field says. */
static int give_tcp_info(int fd, void *value, socklen_t *len)
{
	struct tcp_info tcp = { .tcpi_state = TCP_ESTABLISHED };
	struct tunnel_info info;

	if (!tunnel_info(fd, &info))
		tcp.tcpi_rtt = info.rtt_us;
	return give(&tcp, sizeof(tcp), value, len);
}

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct peer peer;

	if (!(of_internet(level) ||
	      (level == SOL_SOCKET && (name == SO_DOMAIN || name == SO_PROTOCOL))) ||
	    !peer_get(fd, &peer))
		return real(getsockopt)(fd, level, name, value, len);
	if (level == SOL_SOCKET)
		return give_int(name == SO_DOMAIN ? peer.remote.sa.sa_family : IPPROTO_TCP, value,
				len);
	if (level != IPPROTO_TCP)
		return give_int(0, value, len);
	switch (name) {
	case TCP_NODELAY: /* nothing waits for more to come */
		return give_int(1, value, len);
	case TCP_MAXSEG: /* programs divide by it */
		return give_int(1448, value, len);
	case TCP_INFO:
		return give_tcp_info(fd, value, len);
	case TCP_CONGESTION:
		break;
	default:
		if (!must_fail(level, name))
			return give_int(0, value, len);
	}
	errno = ENOPROTOOPT;
	return -1;
}
