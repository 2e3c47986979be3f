/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel of userspace/lib/nl.c, played by the input: recvmsg(), sendto() and
 * setsockopt() take the place of libc's.
 *
 * A datagram is a byte that says how it comes, two of length, and netlink
 * messages; a sequence number of 0 becomes that of the request. When the input
 * ends, requests are acknowledged. The family is known, unless the input has that
 * to say, too.
 */
#ifndef TUNNEL_FUZZ_KERNEL_H
#define TUNNEL_FUZZ_KERNEL_H

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <sanitizer/asan_interface.h>
#include "fuzz.h"
#include "tnl.h"

#define FAMILY 0x123
#define GROUP_CONFIG 5
#define GROUP_EVENTS 6

/* How a datagram comes, from 0xf0 on; anything below: as it should. */
enum {
	COMES_NOT = 0xf0,	/* nothing is there yet */
	COMES_LOST,		/* ENOBUFS */
	COMES_INTR,
	COMES_FROM_STRANGER,
	COMES_CUT,
	COMES_ERROR,
};

static struct {
	struct input in;
	struct nl_msg *family;	/* answer to CTRL_CMD_GETFAMILY */
	bool by_input;		/* that answer is the input's, too */
	unsigned int acks;	/* requests that are acknowledged at once */
	struct nlmsghdr request;
} kernel;

static inline void put_group(struct nl_msg *msg, int number, const char *name, uint32_t id)
{
	struct nlattr *nest = nla_nest_start(msg, number);

	must(nest && !nla_put_string(msg, CTRL_ATTR_MCAST_GRP_NAME, name) &&
	     !nla_put_u32(msg, CTRL_ATTR_MCAST_GRP_ID, id));
	nla_nest_end(msg, nest);
}

/* kernel_begin - play @in from here on */
static inline void kernel_begin(struct input in, bool by_input, unsigned int acks)
{
	struct nlattr *groups;

	kernel.in = in;
	kernel.by_input = by_input;
	kernel.acks = acks;
	if (kernel.family)
		return;
	kernel.family = nlmsg_alloc();
	must(kernel.family &&
	     genlmsg_put(kernel.family, 0, 0, GENL_ID_CTRL, 0, 0, CTRL_CMD_NEWFAMILY, 2) &&
	     !nla_put_u16(kernel.family, CTRL_ATTR_FAMILY_ID, FAMILY));
	groups = nla_nest_start(kernel.family, CTRL_ATTR_MCAST_GROUPS);
	must(groups);
	put_group(kernel.family, 1, TUNNEL_MCGRP_CONFIG, GROUP_CONFIG);
	put_group(kernel.family, 2, TUNNEL_MCGRP_EVENTS, GROUP_EVENTS);
	nla_nest_end(kernel.family, groups);
}

static inline size_t kernel_ack(char *buf)
{
	struct {
		struct nlmsghdr hdr;
		struct nlmsgerr err;
	} ack = {
		.hdr = { .nlmsg_len = sizeof(ack), .nlmsg_type = NLMSG_ERROR,
			 .nlmsg_flags = NLM_F_CAPPED, .nlmsg_seq = kernel.request.nlmsg_seq },
		.err.msg = kernel.request,
	};

	memcpy(buf, &ack, sizeof(ack));
	return sizeof(ack);
}

static inline size_t kernel_family(char *buf)
{
	struct nlmsghdr *hdr = nlmsg_hdr(kernel.family);

	hdr->nlmsg_seq = kernel.request.nlmsg_seq;
	memcpy(buf, hdr, hdr->nlmsg_len);
	return hdr->nlmsg_len;
}

static inline size_t kernel_input(char *buf, size_t room)
{
	struct input data = take_part(&kernel.in, (size_t)take(&kernel.in, 2) % room);
	struct nlmsghdr *hdr = (struct nlmsghdr *)buf;
	int left = (int)data.left;

	if (data.left)
		memcpy(buf, data.p, data.left);
	for (; nlmsg_ok(hdr, left); hdr = nlmsg_next(hdr, &left))
		if (!hdr->nlmsg_seq)
			hdr->nlmsg_seq = kernel.request.nlmsg_seq;
	return data.left;
}

ssize_t recvmsg(int fd, struct msghdr *mh, int flags)
{
	static const int errors[] = { [COMES_NOT - COMES_NOT] = EAGAIN,
				      [COMES_LOST - COMES_NOT] = ENOBUFS,
				      [COMES_INTR - COMES_NOT] = EINTR,
				      [COMES_ERROR - COMES_NOT] = ENOMEM };
	bool control = kernel.request.nlmsg_type == GENL_ID_CTRL && !kernel.by_input;
	size_t room = mh->msg_iov[0].iov_len, len;
	char *buf = mh->msg_iov[0].iov_base;
	uint8_t how = 0;

	(void)fd;
	ASAN_UNPOISON_MEMORY_REGION(buf, room);
	((struct sockaddr_nl *)mh->msg_name)->nl_pid = 0;
	mh->msg_flags = 0;
	if (!(flags & MSG_DONTWAIT) && control) {
		len = kernel_family(buf);
		len += kernel_ack(buf + NLMSG_ALIGN(len));
	} else if (!(flags & MSG_DONTWAIT) && (kernel.acks || !kernel.in.left)) {
		kernel.acks -= kernel.acks > 0;
		len = kernel_ack(buf);
	} else {
		how = kernel.in.left ? (uint8_t)take(&kernel.in, 1) : COMES_NOT;
		if (how >= COMES_NOT && how <= COMES_ERROR && errors[how - COMES_NOT]) {
			errno = errors[how - COMES_NOT];
			return -1;
		}
		len = kernel_input(buf, room);
	}
	if (how == COMES_FROM_STRANGER)
		((struct sockaddr_nl *)mh->msg_name)->nl_pid = 4711;
	if (how == COMES_CUT)
		mh->msg_flags = MSG_TRUNC;
	/* not a byte behind the datagram may be looked at */
	ASAN_POISON_MEMORY_REGION(buf + len, room - len);
	return (ssize_t)len;
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
	       socklen_t tolen)
{
	(void)fd;
	(void)flags;
	(void)to;
	(void)tolen;
	must(len >= sizeof(kernel.request));
	memcpy(&kernel.request, buf, sizeof(kernel.request));
	must(kernel.request.nlmsg_len == len && kernel.request.nlmsg_seq);
	return (ssize_t)len;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	(void)fd;
	(void)level;
	(void)name;
	(void)value;
	(void)len;
	return 0;
}

int poll(struct pollfd *p, nfds_t n, int timeout)
{
	(void)timeout;
	p->revents = p->events;
	return (int)n;
}

#endif /* TUNNEL_FUZZ_KERNEL_H */
