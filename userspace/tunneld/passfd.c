// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/socket.h>
#include "passfd.h"

union control {
	struct cmsghdr hdr;
	char room[CMSG_SPACE(sizeof(int))];
};

ssize_t passfd_send(int fd, const void *bytes, size_t len, int pass)
{
	struct iovec v = { .iov_base = (void *)bytes, .iov_len = len };
	union control control = { .hdr = { .cmsg_len = CMSG_LEN(sizeof(int)),
					   .cmsg_level = SOL_SOCKET,
					   .cmsg_type = SCM_RIGHTS } };
	struct msghdr msg = { .msg_iov = &v, .msg_iovlen = 1 };

	if (pass >= 0) {
		memcpy(CMSG_DATA(&control.hdr), &pass, sizeof(pass));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t passfd_receive(int fd, void *bytes, size_t len, int *passed)
{
	struct iovec v = { .iov_base = bytes, .iov_len = len };
	union control control;
	struct msghdr msg = { .msg_iov = &v,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);

	*passed = -1;
	if (n < 0)
		return n;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(passed, CMSG_DATA(c), sizeof(*passed));
	return n;
}
