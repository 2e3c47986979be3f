// SPDX-License-Identifier: GPL-2.0
/*
 * The number of the family, from the running module.
 *
 * Netlink is spoken without libnl. This code is loaded into programs that know nothing
 * of us (tunnelctl run): there it may run in a signal handler or between fork() and
 * exec(), where nothing may be allocated, and must not bring a second version of a
 * library that the program has already.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/tunnel_netlink.h>
#include "internal.h"
#include "tunnel.h"

static atomic_int known;

void tunnel_family_forget(void)
{
	atomic_store(&known, 0);
}

/* A request with at most one string. */
struct request {
	struct nlmsghdr nl;
	struct genlmsghdr genl;
	struct nlattr attr;
	char text[GENL_NAMSIZ];
};

/* Room for the attributes that are asked for: the kernel puts them in front. */
union answer {
	struct nlmsghdr nl;
	char bytes[4096];
};

/* Return: number of attribute @wanted (2 or 4 bytes), or -1 and errno. */
static int find_number(const union answer *answer, size_t len, int wanted)
{
	size_t at = NLMSG_LENGTH(GENL_HDRLEN);

	if (answer->nl.nlmsg_len < len)
		len = answer->nl.nlmsg_len;
	while (at + NLA_HDRLEN <= len) {
		struct nlattr attr;
		uint16_t u16;
		uint32_t u32;

		memcpy(&attr, answer->bytes + at, sizeof(attr));
		if (attr.nla_len < NLA_HDRLEN || attr.nla_len > len - at)
			break;
		if ((attr.nla_type & NLA_TYPE_MASK) == wanted) {
			memcpy(&u16, answer->bytes + at + NLA_HDRLEN, sizeof(u16));
			if (attr.nla_len == NLA_HDRLEN + sizeof(u16))
				return u16;
			memcpy(&u32, answer->bytes + at + NLA_HDRLEN, sizeof(u32));
			if (attr.nla_len == NLA_HDRLEN + sizeof(u32) && u32 <= INT32_MAX)
				return u32;
			break;
		}
		at += NLA_ALIGN(attr.nla_len);
	}
	errno = ENODATA;
	return -1;
}

static int receive(int fd, uint32_t seq, int wanted)
{
	for (;;) {
		union answer answer = { 0 };
		struct sockaddr_nl from = { 0 };
		socklen_t fromlen = sizeof(from);
		struct nlmsgerr err;
		ssize_t len;

		len = recvfrom(fd, &answer, sizeof(answer), 0, (struct sockaddr *)&from, &fromlen);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -1;
		/* Programs may send to this socket as well. */
		if (from.nl_pid || len < NLMSG_HDRLEN || answer.nl.nlmsg_seq != seq)
			continue;
		if (answer.nl.nlmsg_type != NLMSG_ERROR)
			return find_number(&answer, len, wanted);
		if (len < NLMSG_LENGTH((ssize_t)sizeof(err.error))) {
			errno = EBADMSG;
			return -1;
		}
		memcpy(&err.error, answer.bytes + NLMSG_HDRLEN, sizeof(err.error));
		errno = err.error ? -err.error : ENODATA;
		return -1;
	}
}

/* Ask family @type for attribute @wanted, with @text as attribute @attr if there is any. */
static int ask(int fd, uint16_t type, uint8_t cmd, int attr, const char *text, int wanted)
{
	struct request request = {
		.nl = { .nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
			.nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST,
			.nlmsg_seq = type },
		.genl = { .cmd = cmd, .version = 1 },
	};
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	if (text) {
		request.attr.nla_type = attr;
		request.attr.nla_len = NLA_HDRLEN + strlen(text) + 1;
		memcpy(request.text, text, strlen(text) + 1);
		request.nl.nlmsg_len += NLA_ALIGN(request.attr.nla_len);
	}
	do {
		n = sendto(fd, &request, request.nl.nlmsg_len, 0, (struct sockaddr *)&kernel,
			   sizeof(kernel));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : receive(fd, type, wanted);
}

int tunnel_family(void)
{
	int family = atomic_load(&known), fd, type, err;

	if (family)
		return family;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return -1;
	family = -1;
	type = ask(fd, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, TUNNEL_GENL_NAME,
		   CTRL_ATTR_FAMILY_ID);
	if (type > 0)
		family = ask(fd, type, TUNNEL_CMD_INFO_GET, 0, NULL, TUNNEL_A_FAMILY);
	err = errno;
	close(fd);
	if (family > 0) {
		atomic_store(&known, family);
		return family;
	}
	/* No module; a module that makes no sockets and says so; one that does not say. */
	errno = family == 0 || err == ENOENT || err == ENODATA ? EAFNOSUPPORT : err;
	return -1;
}
