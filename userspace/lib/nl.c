// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink client.
 *
 * libnl builds the messages; sending and receiving is done here, because
 * libnl's receive path maps errnos to a coarser set of its own, has no notion
 * of extended ACKs and treats the sequence number of a notification as an
 * error.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/msg.h>
#include "tnl.h"

/* The kernel never puts more than 32 KiB of a dump into one datagram. */
#define RECV_BUF_SIZE (64 * 1024)
#define REQUEST_ROOM  (4096 + TUNNEL_ROUTES_MAX)

_Static_assert(TUNNEL_PREFIX_MAX <= TUNNEL_ROUTES_MAX, "a request is too long");

/* So many notifications are taken before the caller's event loop runs again. */
#define RECEIVE_BUDGET 1024

/* What the kernel calls MAX_ERRNO; it may be negated, which INT_MIN may not. */
#define ERRNO_MAX 4095

/* A burst of session events must fit while the reader sleeps. */
#define NOTIFY_RCVBUF (4 * 1024 * 1024)

/*
 * Checked on everything that arrives, so that callbacks may use nla_get_*()
 * without looking at lengths, whatever version of the module answers.
 */
static struct nla_policy tunnel_policy[TUNNEL_A_MAX + 1] = {
	[TUNNEL_A_NAME] = { .type = NLA_STRING },
	[TUNNEL_A_ROLE] = { .type = NLA_U8 },
	[TUNNEL_A_PEER_PIN] = { .minlen = TUNNEL_PIN_LEN, .maxlen = TUNNEL_PIN_LEN },
	[TUNNEL_A_REMOTE] = { .type = NLA_STRING },
	[TUNNEL_A_LOCAL] = { .type = NLA_STRING },
	[TUNNEL_A_KEY] = { .type = NLA_STRING },
	[TUNNEL_A_CIPHERS] = { .type = NLA_U32 },
	[TUNNEL_A_GRACE] = { .type = NLA_U32 },
	[TUNNEL_A_STATE] = { .type = NLA_U8 },
	[TUNNEL_A_PEER_NAME] = { .type = NLA_STRING },
	[TUNNEL_A_SERVICE] = { .type = NLA_STRING },
	[TUNNEL_A_FD] = { .type = NLA_S32 },
	[TUNNEL_A_CARRIER_ID] = { .type = NLA_U32 },
	[TUNNEL_A_SESSION_ID] = { .type = NLA_U64 },
	[TUNNEL_A_REASON] = { .type = NLA_U8 },
	[TUNNEL_A_TLS_VERSION] = { .type = NLA_U16 },
	[TUNNEL_A_TLS_CIPHER] = { .type = NLA_U16 },
	[TUNNEL_A_KTLS_TX] = { .type = NLA_U8 },
	[TUNNEL_A_KTLS_RX] = { .type = NLA_U8 },
	[TUNNEL_A_RTT_US] = { .type = NLA_U32 },
	[TUNNEL_A_AGE_MS] = { .type = NLA_U64 },
	[TUNNEL_A_TX_BYTES] = { .type = NLA_U64 },
	[TUNNEL_A_RX_BYTES] = { .type = NLA_U64 },
	[TUNNEL_A_TX_RECORDS] = { .type = NLA_U64 },
	[TUNNEL_A_RX_RECORDS] = { .type = NLA_U64 },
	[TUNNEL_A_TX_FRAMES] = { .type = NLA_U64 },
	[TUNNEL_A_RX_FRAMES] = { .type = NLA_U64 },
	[TUNNEL_A_TX_QUEUED] = { .type = NLA_U64 },
	[TUNNEL_A_RX_QUEUED] = { .type = NLA_U64 },
	[TUNNEL_A_TX_CREDIT] = { .type = NLA_U64 },
	[TUNNEL_A_RX_WINDOW] = { .type = NLA_U64 },
	[TUNNEL_A_BLOCKED] = { .type = NLA_U8 },
	[TUNNEL_A_PROTOCOL] = { .type = NLA_U8 },
	[TUNNEL_A_ACCEPTED] = { .type = NLA_U8 },
	[TUNNEL_A_LANE_TX] = { .type = NLA_U64 },
	[TUNNEL_A_LANE_ACKED] = { .type = NLA_U64 },
	[TUNNEL_A_LANE_RX] = { .type = NLA_U64 },
	[TUNNEL_A_LANE_REPLAYED] = { .type = NLA_U64 },
	[TUNNEL_A_LANE_ATTACH] = { .type = NLA_U64 },
	[TUNNEL_A_SESSIONS] = { .type = NLA_U32 },
	[TUNNEL_A_STATS] = { .type = NLA_NESTED },
	[TUNNEL_A_STAT] = { .type = NLA_NESTED },
	[TUNNEL_A_STAT_NAME] = { .type = NLA_STRING },
	[TUNNEL_A_STAT_VALUE] = { .type = NLA_U64 },
	[TUNNEL_A_VERSION] = { .type = NLA_STRING },
	[TUNNEL_A_GENERATION] = { .type = NLA_U32 },
	[TUNNEL_A_DAEMON] = { .type = NLA_U32 },
	[TUNNEL_A_COUNT_TUNNELS] = { .type = NLA_U32 },
	[TUNNEL_A_COUNT_SERVICES] = { .type = NLA_U32 },
	[TUNNEL_A_COUNT_LISTENERS] = { .type = NLA_U32 },
	[TUNNEL_A_COUNT_CARRIERS] = { .type = NLA_U32 },
	[TUNNEL_A_FAMILY] = { .type = NLA_U32 },
	[TUNNEL_A_OWNER_UID] = { .type = NLA_U32 },
	[TUNNEL_A_OWNER_GID] = { .type = NLA_U32 },
	[TUNNEL_A_ENDPOINT] = { .type = NLA_U8 },
	[TUNNEL_A_BOUND] = { .type = NLA_U8 },
	[TUNNEL_A_UUID] = { .minlen = 16, .maxlen = 16 },
	[TUNNEL_A_PRIORITY] = { .type = NLA_U8 },
	[TUNNEL_A_DIRECT] = { .type = NLA_U8 },
	[TUNNEL_A_ROUTES] = { .type = NLA_STRING },
	[TUNNEL_A_REVISION] = { .type = NLA_U32 },
	[TUNNEL_A_REPORT] = { .type = NLA_STRING },
	[TUNNEL_A_TARGET] = { .type = NLA_STRING },
	[TUNNEL_A_DESTINATION] = { .type = NLA_STRING },
	[TUNNEL_A_ASK_ID] = { .type = NLA_U64 },
	[TUNNEL_A_LIMIT_SESSIONS] = { .type = NLA_U32 },
	[TUNNEL_A_LIMIT_RATE] = { .type = NLA_U32 },
	[TUNNEL_A_LIMIT_BANDWIDTH] = { .type = NLA_U64 },
	[TUNNEL_A_MODE] = { .type = NLA_U32 },
	[TUNNEL_A_PSK] = { .type = NLA_STRING },
	[TUNNEL_A_PEER_CA] = { .type = NLA_STRING },
	[TUNNEL_A_PEER_AUTH_NAME] = { .type = NLA_STRING },
	[TUNNEL_A_CERT] = { .type = NLA_STRING },
	[TUNNEL_A_PSK_IDENTITY] = { .type = NLA_STRING },
	[TUNNEL_A_PEER_PINS] = { .minlen = TUNNEL_PIN_LEN,
				 .maxlen = TUNNEL_PINS_MAX * TUNNEL_PIN_LEN },
};

/* Called for each answer to one request; nonzero: call no more. */
typedef int (*answer_fn)(struct tnl_conn *c, struct nlmsghdr *hdr, void *arg);

/* One request and what has come back for it so far. */
struct exchange {
	uint32_t seq;
	answer_fn answer;
	void *arg;
	bool done;	  /* the ACK, the error or the end of the dump came */
	bool interrupted; /* the dump is inconsistent */
	int stopped;	  /* what @answer returned when it had enough */
	int err;	  /* errno of the kernel, negative */
};

static int fail(struct tnl_conn *c, int err, const char *what)
{
	if (what)
		snprintf(c->error, sizeof(c->error), "%s: %s", what, strerror(-err));
	else if (err == -EPERM)
		snprintf(c->error, sizeof(c->error),
			 "%s: this needs CAP_NET_ADMIN (run it as root)", strerror(EPERM));
	else
		snprintf(c->error, sizeof(c->error), "%s", strerror(-err));
	return err;
}

/*
 * Return: length of the datagram, 0 when it did not come from the kernel,
 * -errno.
 */
static int receive(struct tnl_conn *c, void *buf, int flags)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = buf, .iov_len = RECV_BUF_SIZE };
	struct msghdr mh = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n;

	do {
		n = recvmsg(nl_socket_get_fd(c->sk), &mh, flags);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (mh.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	return from.nl_pid == 0 ? n : 0;
}

/* As receive(), but waits whether or not the socket blocks. */
static int receive_wait(struct tnl_conn *c, void *buf)
{
	for (;;) {
		struct pollfd p = { .fd = nl_socket_get_fd(c->sk), .events = POLLIN };
		int n = receive(c, buf, 0);

		if (n != -EAGAIN)
			return n;
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return -errno;
	}
}

static int transmit(struct tnl_conn *c, struct nl_msg *msg)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	ssize_t n;

	nl_complete_msg(c->sk, msg);
	do {
		n = sendto(nl_socket_get_fd(c->sk), hdr, hdr->nlmsg_len, 0,
			   (struct sockaddr *)&kernel, sizeof(kernel));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/*
 * The extended ACK's attributes start @skip bytes into the payload of @hdr.
 * The kernel's sentence goes to c->error as it is.
 */
static int kernel_error(struct tnl_conn *c, struct nlmsghdr *hdr, size_t skip, int err)
{
	size_t len = nlmsg_datalen(hdr);
	struct nlattr *msg = NULL;

	skip = NLMSG_ALIGN(skip);
	if ((hdr->nlmsg_flags & NLM_F_ACK_TLVS) && skip < len)
		msg = nla_find((struct nlattr *)((char *)nlmsg_data(hdr) + skip), len - skip,
			       NLMSGERR_ATTR_MSG);
	if (!msg || nla_len(msg) < 2)
		return fail(c, err, NULL);
	nla_strlcpy(c->error, msg, sizeof(c->error));
	return err;
}

static void end_of_exchange(struct tnl_conn *c, struct exchange *x, struct nlmsghdr *hdr)
{
	size_t skip = sizeof(int);
	int err = 0;

	x->done = true;
	if (hdr->nlmsg_type == NLMSG_ERROR) {
		struct nlmsgerr *e = nlmsg_data(hdr);

		if (nlmsg_datalen(hdr) < (int)sizeof(*e)) {
			x->err = fail(c, -EBADMSG, NULL);
			return;
		}
		err = e->error;
		skip = sizeof(*e);
		if (!(hdr->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > sizeof(e->msg))
			skip += e->msg.nlmsg_len - sizeof(e->msg);
	} else if (nlmsg_datalen(hdr) >= (int)sizeof(int)) {
		memcpy(&err, nlmsg_data(hdr), sizeof(err));
	}
	if (err < -ERRNO_MAX)
		x->err = fail(c, -EBADMSG, NULL);
	else if (err < 0)
		x->err = kernel_error(c, hdr, skip, err);
}

static void take_datagram(struct tnl_conn *c, struct exchange *x, void *buf, int len)
{
	struct nlmsghdr *hdr = buf;

	for (; nlmsg_ok(hdr, len) && !x->done; hdr = nlmsg_next(hdr, &len)) {
		/* notifications, and leftovers of a request that was given up */
		if (hdr->nlmsg_seq != x->seq)
			continue;
		if (hdr->nlmsg_flags & NLM_F_DUMP_INTR)
			x->interrupted = true;
		switch (hdr->nlmsg_type) {
		case NLMSG_ERROR:
		case NLMSG_DONE:
			end_of_exchange(c, x, hdr);
			break;
		case NLMSG_NOOP:
			break;
		case NLMSG_OVERRUN:
			x->done = true;
			x->err = fail(c, -ENOBUFS, NULL);
			break;
		default:
			/*
			 * The rest is read all the same: a socket has one dump
			 * at a time.
			 */
			if (!x->stopped)
				x->stopped = x->answer(c, hdr, x->arg);
		}
	}
}

static int exchange(struct tnl_conn *c, struct nl_msg *msg, answer_fn answer, void *arg)
{
	struct exchange x = { .answer = answer, .arg = arg };
	char *buf;
	int ret;

	c->error[0] = '\0';
	if (!msg)
		return fail(c, -ENOMEM, NULL);
	buf = malloc(RECV_BUF_SIZE);
	if (!buf) {
		nlmsg_free(msg);
		return fail(c, -ENOMEM, NULL);
	}
	ret = transmit(c, msg);
	x.seq = nlmsg_hdr(msg)->nlmsg_seq;
	nlmsg_free(msg);
	if (ret < 0) {
		free(buf);
		return fail(c, ret, "sending to the kernel");
	}

	while (!x.done) {
		ret = receive_wait(c, buf);
		if (ret < 0) {
			free(buf);
			return fail(c, ret, "receiving from the kernel");
		}
		take_datagram(c, &x, buf, ret);
	}
	free(buf);

	if (x.err)
		return x.err;
	if (x.interrupted) {
		snprintf(c->error, sizeof(c->error),
			 "the objects changed while they were being listed: try again");
		return -EINTR;
	}
	if (x.stopped < 0)
		return c->error[0] ? x.stopped : fail(c, x.stopped, NULL);
	return 0;
}

/* --- the family ---------------------------------------------------------- */

/* What is wanted from the generic-netlink controller. */
struct lookup {
	const char *group;
	int family;
	int group_id;
};

static void find_group(struct nlattr *groups, struct lookup *want)
{
	struct nlattr *group;
	int rem;

	nla_for_each_nested(group, groups, rem) {
		struct nlattr *a[CTRL_ATTR_MCAST_GRP_MAX + 1];
		static struct nla_policy policy[CTRL_ATTR_MCAST_GRP_MAX + 1] = {
			[CTRL_ATTR_MCAST_GRP_NAME] = { .type = NLA_STRING },
			[CTRL_ATTR_MCAST_GRP_ID] = { .type = NLA_U32 },
		};

		if (nla_parse_nested(a, CTRL_ATTR_MCAST_GRP_MAX, group, policy) < 0 ||
		    !a[CTRL_ATTR_MCAST_GRP_NAME] || !a[CTRL_ATTR_MCAST_GRP_ID])
			continue;
		if (!strcmp(nla_get_string(a[CTRL_ATTR_MCAST_GRP_NAME]), want->group))
			want->group_id = nla_get_u32(a[CTRL_ATTR_MCAST_GRP_ID]);
	}
}

static int take_family(struct tnl_conn *c, struct nlmsghdr *hdr, void *arg)
{
	static struct nla_policy policy[CTRL_ATTR_MAX + 1] = {
		[CTRL_ATTR_FAMILY_ID] = { .type = NLA_U16 },
		[CTRL_ATTR_MCAST_GROUPS] = { .type = NLA_NESTED },
	};
	struct nlattr *a[CTRL_ATTR_MAX + 1];
	struct lookup *want = arg;

	(void)c;
	if (hdr->nlmsg_type != GENL_ID_CTRL || genlmsg_parse(hdr, 0, a, CTRL_ATTR_MAX, policy) < 0)
		return 0;
	if (a[CTRL_ATTR_FAMILY_ID])
		want->family = nla_get_u16(a[CTRL_ATTR_FAMILY_ID]);
	if (want->group && a[CTRL_ATTR_MCAST_GROUPS])
		find_group(a[CTRL_ATTR_MCAST_GROUPS], want);
	return 0;
}

static int ask_controller(struct tnl_conn *c, struct lookup *want)
{
	struct nl_msg *msg = nlmsg_alloc();
	int ret;

	if (!msg)
		return fail(c, -ENOMEM, NULL);
	if (!genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, GENL_ID_CTRL, 0, 0, CTRL_CMD_GETFAMILY,
			 1) ||
	    nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, TUNNEL_GENL_NAME) < 0) {
		nlmsg_free(msg);
		return fail(c, -ENOMEM, NULL);
	}
	ret = exchange(c, msg, take_family, want);
	if (ret == -ENOENT || (!ret && !want->family)) {
		snprintf(c->error, sizeof(c->error),
			 "the tunnel module is not loaded: run 'modprobe tunnel'");
		return -ENOENT;
	}
	return ret;
}

int tnl_open(struct tnl_conn *c)
{
	struct lookup want = { 0 };
	int ret, fd, one = 1;

	memset(c, 0, sizeof(*c));
	c->sk = nl_socket_alloc();
	if (!c->sk)
		return fail(c, -ENOMEM, NULL);
	ret = nl_connect(c->sk, NETLINK_GENERIC);
	if (ret < 0) {
		snprintf(c->error, sizeof(c->error), "opening a netlink socket: %s",
			 nl_geterror(ret));
		ret = -EPROTONOSUPPORT;
		goto out_close;
	}
	fd = nl_socket_get_fd(c->sk);
	if (setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) < 0) {
		ret = fail(c, -errno, "NETLINK_EXT_ACK");
		goto out_close;
	}
	/* Only saves the echo of the request. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));

	ret = ask_controller(c, &want);
	if (ret < 0)
		goto out_close;
	c->family = want.family;
	return 0;

out_close:
	tnl_close(c);
	return ret;
}

void tnl_close(struct tnl_conn *c)
{
	nl_socket_free(c->sk);
	c->sk = NULL;
}

struct nl_msg *tnl_msg(struct tnl_conn *c, uint8_t cmd, int nl_flags)
{
	/* Headers, names, addresses, and the longest of what is long. */
	struct nl_msg *msg = nlmsg_alloc_size(REQUEST_ROOM);

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, c->family, 0, nl_flags, cmd,
				TUNNEL_GENL_VERSION)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

struct user_cb {
	tnl_cb cb;
	void *arg;
};

static int parse_answer(struct tnl_conn *c, struct nlmsghdr *hdr, void *arg)
{
	struct nlattr *attr[TUNNEL_A_MAX + 1];
	struct user_cb *user = arg;
	struct genlmsghdr *gh;

	if (hdr->nlmsg_type != c->family)
		return 0;
	if (!genlmsg_valid_hdr(hdr, 0) ||
	    genlmsg_parse(hdr, 0, attr, TUNNEL_A_MAX, tunnel_policy) < 0) {
		snprintf(c->error, sizeof(c->error),
			 "the module's answer is malformed: are module and tool of one version?");
		return -EBADMSG;
	}
	gh = nlmsg_data(hdr);
	return user->cb ? user->cb(gh->cmd, attr, user->arg) : 0;
}

int tnl_talk(struct tnl_conn *c, struct nl_msg *msg, tnl_cb cb, void *arg)
{
	struct user_cb user = { .cb = cb, .arg = arg };

	return exchange(c, msg, parse_answer, &user);
}

int tnl_join(struct tnl_conn *c, const char *name)
{
	struct lookup want = { .group = name };
	int fd = nl_socket_get_fd(c->sk);
	int size = NOTIFY_RCVBUF;
	int ret;

	ret = ask_controller(c, &want);
	if (ret < 0)
		return ret;
	if (!want.group_id) {
		snprintf(c->error, sizeof(c->error), "the module has no notification group '%s'",
			 name);
		return -ENOENT;
	}
	/* Best effort: a smaller buffer only loses events sooner, and says so. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &want.group_id,
		       sizeof(want.group_id)) < 0)
		return fail(c, -errno, errno == EPERM ? NULL : "joining a notification group");
	/* For callers that hand c->sk to libnl: notifications carry no sequence number. */
	nl_socket_disable_seq_check(c->sk);
	return 0;
}

/* Return: as the callback, 0 to go on. */
static int deliver(struct tnl_conn *c, void *buf, int len, struct user_cb *user)
{
	struct nlmsghdr *hdr = buf;

	for (; nlmsg_ok(hdr, len); hdr = nlmsg_next(hdr, &len)) {
		int ret = parse_answer(c, hdr, user);

		if (ret)
			return ret;
	}
	return 0;
}

int tnl_receive(struct tnl_conn *c, tnl_cb cb, void *arg)
{
	struct user_cb user = { .cb = cb, .arg = arg };
	int budget = RECEIVE_BUDGET;
	bool lost = false;
	char *buf;
	int ret = 0;

	c->error[0] = '\0';
	buf = malloc(RECV_BUF_SIZE);
	if (!buf)
		return fail(c, -ENOMEM, NULL);
	while (budget-- > 0) {
		ret = receive(c, buf, MSG_DONTWAIT);
		if (ret == -ENOBUFS) {
			/*
			 * Said once, ahead of what is still queued. The kernel
			 * drops more until the queue was empty, so go on.
			 */
			lost = true;
			continue;
		}
		if (ret == -EAGAIN) {
			ret = 0;
			break;
		}
		if (ret < 0) {
			fail(c, ret, "receiving from the kernel");
			break;
		}
		ret = deliver(c, buf, ret, &user);
		if (ret)
			break;
	}
	free(buf);

	if (ret < 0) {
		if (!c->error[0])
			fail(c, ret, NULL);
		return ret;
	}
	if (lost) {
		snprintf(c->error, sizeof(c->error),
			 "events were lost: they came faster than they were read");
		return -ENOBUFS;
	}
	return 0;
}

size_t tnl_pins(struct nlattr *const *attr, const uint8_t **pins)
{
	const struct nlattr *a = attr[TUNNEL_A_PEER_PIN] ? attr[TUNNEL_A_PEER_PIN] :
							   attr[TUNNEL_A_PEER_PINS];

	*pins = a ? nla_data(a) : NULL;
	return a ? (size_t)nla_len(a) / TUNNEL_PIN_LEN : 0;
}
