// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink client of userspace/lib/nl.c against a kernel played by this
 * program: its recvmsg() and sendto() take the place of libc's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include "tnl.h"

#define FAMILY 0x123

/* What recvmsg() will say, in order. */
static struct {
	char data[2048] __attribute__((aligned(4)));
	size_t len;
	int err;       /* fail with it instead */
	uint32_t from; /* netlink port of the sender */
} script[16];
static unsigned int steps, step;
static uint32_t seq;

ssize_t recvmsg(int fd, struct msghdr *mh, int flags)
{
	struct sockaddr_nl *from = mh->msg_name;

	(void)fd;
	(void)flags;
	if (step == steps || script[step].err) {
		errno = step == steps ? EAGAIN : script[step].err;
		step += step < steps;
		return -1;
	}
	assert_true(mh->msg_iov[0].iov_len >= script[step].len);
	memcpy(mh->msg_iov[0].iov_base, script[step].data, script[step].len);
	from->nl_pid = script[step].from;
	mh->msg_flags = 0;
	return script[step++].len;
}

/* Answers carry the sequence number of the request. */
ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
	       socklen_t tolen)
{
	unsigned int i;

	(void)fd;
	(void)flags;
	(void)to;
	(void)tolen;
	seq = ((const struct nlmsghdr *)buf)->nlmsg_seq;
	for (i = 0; i < steps; i++) {
		struct nlmsghdr *hdr = (struct nlmsghdr *)script[i].data;
		int left = script[i].len;

		for (; nlmsg_ok(hdr, left); hdr = nlmsg_next(hdr, &left))
			if (hdr->nlmsg_seq == 1)
				hdr->nlmsg_seq = seq;
	}
	return len;
}

/* --- the script ------------------------------------------------------------- */

static struct nlmsghdr *add_msg(uint16_t type, uint16_t flags, size_t payload)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)(script[steps - 1].data + script[steps - 1].len);

	script[steps - 1].len += NLMSG_SPACE(payload);
	assert_true(script[steps - 1].len <= sizeof(script[0].data));
	memset(hdr, 0, NLMSG_SPACE(payload));
	hdr->nlmsg_len = NLMSG_LENGTH(payload);
	hdr->nlmsg_type = type;
	hdr->nlmsg_flags = flags;
	hdr->nlmsg_seq = 1;
	return hdr;
}

static void rewind_script(void)
{
	steps = 0;
	step = 0;
}

static void datagram(void)
{
	memset(&script[steps++], 0, sizeof(script[0]));
}

static void add_attr(char *at, uint16_t type, const void *data, uint16_t len)
{
	struct nlattr a = { .nla_len = sizeof(a) + len, .nla_type = type };

	memcpy(at, &a, sizeof(a));
	memcpy(at + sizeof(a), data, len);
}

/* A message of the family with NAME in it. */
static struct nlmsghdr *add_named(uint8_t cmd, uint16_t flags, const char *name)
{
	uint16_t len = strlen(name) + 1;
	struct nlmsghdr *hdr = add_msg(FAMILY, flags, GENL_HDRLEN + NLA_HDRLEN + NLA_ALIGN(len));
	struct genlmsghdr *gh = NLMSG_DATA(hdr);

	gh->cmd = cmd;
	add_attr((char *)gh + GENL_HDRLEN, TUNNEL_A_NAME, name, len);
	return hdr;
}

/* @echo: bytes of the request's payload that are repeated before the attributes */
static void add_error(int err, const char *sentence, int echo)
{
	uint16_t len = sentence ? strlen(sentence) + 1 : 0;
	size_t skip = sizeof(struct nlmsgerr) + (echo > 0 ? echo : 0);
	uint16_t flags = (sentence ? NLM_F_ACK_TLVS : 0) | (echo < 0 ? NLM_F_CAPPED : 0);
	struct nlmsghdr *hdr = add_msg(NLMSG_ERROR, flags,
				       skip + (sentence ? NLA_HDRLEN + NLA_ALIGN(len) : 0));
	struct nlmsgerr *e = NLMSG_DATA(hdr);

	e->error = err;
	e->msg.nlmsg_len = NLMSG_HDRLEN + (echo < 0 ? 40 : echo);
	if (sentence)
		add_attr((char *)e + skip, NLMSGERR_ATTR_MSG, sentence, len);
}

static void add_done(uint16_t flags, int err)
{
	struct nlmsghdr *hdr = add_msg(NLMSG_DONE, NLM_F_MULTI | flags, sizeof(int));

	memcpy(NLMSG_DATA(hdr), &err, sizeof(err));
}

/* --- what the callback saw -------------------------------------------------- */

static char seen[256];
static int stop_with;

static int see(uint8_t cmd, struct nlattr **attr, void *arg)
{
	size_t used = strlen(seen);

	assert_ptr_equal(arg, seen);
	snprintf(seen + used, sizeof(seen) - used, "%u:%s ", cmd,
		 attr[TUNNEL_A_NAME] ? nla_get_string(attr[TUNNEL_A_NAME]) : "-");
	return stop_with;
}

static struct tnl_conn conn;

static int set_up(void **state)
{
	(void)state;
	memset(&conn, 0, sizeof(conn));
	conn.sk = nl_socket_alloc();
	conn.family = FAMILY;
	rewind_script();
	seen[0] = '\0';
	stop_with = 0;
	return conn.sk ? nl_connect(conn.sk, NETLINK_GENERIC) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tnl_close(&conn);
	return 0;
}

static int talk(int flags)
{
	return tnl_talk(&conn, tnl_msg(&conn, TUNNEL_CMD_TUNNEL_GET, flags), see, seen);
}

/* --------------------------------------------------------------------------- */

static void answer_and_ack(void **state)
{
	(void)state;
	datagram();
	add_named(TUNNEL_CMD_TUNNEL_GET, 0, "gw");
	datagram();
	add_error(0, NULL, -1);
	assert_int_equal(talk(0), 0);
	assert_string_equal(seen, "3:gw ");
	assert_string_equal(conn.error, "");
}

static void sentence_of_the_kernel(void **state)
{
	static const int echoes[] = { -1, 0, 8, 64 };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(echoes) / sizeof(echoes[0]); i++) {
		rewind_script();
		datagram();
		add_error(-ENOTUNIQ, "NAME: there is one", echoes[i]);
		/* libnl has no code of its own for ENOTUNIQ */
		assert_int_equal(talk(0), -ENOTUNIQ);
		assert_string_equal(conn.error, "NAME: there is one");
	}
}

static void no_sentence(void **state)
{
	(void)state;
	datagram();
	add_error(-EBUSY, NULL, 8);
	assert_int_equal(talk(0), -EBUSY);
	assert_string_equal(conn.error, strerror(EBUSY));
	rewind_script();
	datagram();
	add_error(-EPERM, NULL, -1);
	assert_int_equal(talk(0), -EPERM);
	assert_non_null(strstr(conn.error, "CAP_NET_ADMIN"));
	/* attributes announced but absent, and an empty sentence */
	rewind_script();
	datagram();
	add_error(-EINVAL, NULL, -1);
	((struct nlmsghdr *)script[0].data)->nlmsg_flags |= NLM_F_ACK_TLVS;
	assert_int_equal(talk(0), -EINVAL);
	assert_string_equal(conn.error, strerror(EINVAL));
	rewind_script();
	datagram();
	add_error(-EINVAL, "", -1);
	assert_int_equal(talk(0), -EINVAL);
	assert_string_equal(conn.error, strerror(EINVAL));
}

static void long_sentence(void **state)
{
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	datagram();
	add_error(-EINVAL, text, -1);
	assert_int_equal(talk(0), -EINVAL);
	assert_int_equal(strlen(conn.error), sizeof(conn.error) - 1);
}

static void dump(void **state)
{
	(void)state;
	datagram();
	add_named(TUNNEL_CMD_TUNNEL_GET, NLM_F_MULTI, "a");
	add_named(TUNNEL_CMD_TUNNEL_GET, NLM_F_MULTI, "b");
	datagram();
	add_named(TUNNEL_CMD_TUNNEL_GET, NLM_F_MULTI, "c");
	add_done(0, 0);
	assert_int_equal(talk(NLM_F_DUMP), 0);
	assert_string_equal(seen, "3:a 3:b 3:c ");
}

static void dump_interrupted(void **state)
{
	(void)state;
	datagram();
	add_named(TUNNEL_CMD_TUNNEL_GET, NLM_F_MULTI | NLM_F_DUMP_INTR, "a");
	datagram();
	add_done(0, 0);
	assert_int_equal(talk(NLM_F_DUMP), -EINTR);
	assert_int_equal(step, steps);
	/* the flag may come only with the end */
	rewind_script();
	datagram();
	add_named(TUNNEL_CMD_TUNNEL_GET, NLM_F_MULTI, "a");
	add_done(NLM_F_DUMP_INTR, 0);
	assert_int_equal(talk(NLM_F_DUMP), -EINTR);
}

static void dump_that_fails(void **state)
{
	(void)state;
	datagram();
	add_named(TUNNEL_CMD_TUNNEL_GET, NLM_F_MULTI, "a");
	add_done(0, -ENOMEM);
	assert_int_equal(talk(NLM_F_DUMP), -ENOMEM);
	assert_string_equal(conn.error, strerror(ENOMEM));
}

static void stopped_walk_is_drained(void **state)
{
	(void)state;
	datagram();
	add_named(TUNNEL_CMD_TUNNEL_GET, NLM_F_MULTI, "a");
	add_named(TUNNEL_CMD_TUNNEL_GET, NLM_F_MULTI, "b");
	datagram();
	add_done(0, 0);
	stop_with = 1;
	assert_int_equal(talk(NLM_F_DUMP), 0);
	assert_string_equal(seen, "3:a ");
	assert_int_equal(step, steps);
	stop_with = -ENOSPC;
	rewind_script();
	datagram();
	add_named(TUNNEL_CMD_TUNNEL_GET, 0, "c");
	add_error(0, NULL, -1);
	assert_int_equal(talk(0), -ENOSPC);
	assert_string_equal(conn.error, strerror(ENOSPC));
}

static void strangers_are_ignored(void **state)
{
	(void)state;
	datagram(); /* another process */
	add_error(-EINVAL, "not from the kernel", -1);
	script[0].from = 4711;
	datagram(); /* a notification, and the end of an older request */
	add_named(TUNNEL_CMD_TUNNEL_NEW, 0, "news")->nlmsg_seq = 0;
	add_done(0, -EIO);
	((struct nlmsghdr *)(script[1].data +
			     NLMSG_ALIGN(((struct nlmsghdr *)script[1].data)->nlmsg_len)))
		->nlmsg_seq = 99;
	datagram();
	add_named(TUNNEL_CMD_TUNNEL_GET, 0, "gw");
	add_error(0, NULL, -1);
	assert_int_equal(talk(0), 0);
	assert_string_equal(seen, "3:gw ");
}

static void malformed_answers(void **state)
{
	struct nlmsghdr *hdr;

	(void)state;
	/* a name without its NUL */
	datagram();
	hdr = add_named(TUNNEL_CMD_TUNNEL_GET, 0, "gwx");
	((char *)hdr)[NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN + 3] = 'y';
	add_error(0, NULL, -1);
	assert_int_equal(talk(0), -EBADMSG);
	assert_string_equal(seen, "");
	/* an error message that is cut */
	rewind_script();
	datagram();
	add_msg(NLMSG_ERROR, 0, 4);
	assert_int_equal(talk(0), -EBADMSG);
	/* an error that is none */
	rewind_script();
	datagram();
	add_error(INT32_MIN, NULL, -1);
	assert_int_equal(talk(0), -EBADMSG);
	rewind_script();
	datagram();
	add_done(0, INT32_MIN);
	assert_int_equal(talk(NLM_F_DUMP), -EBADMSG);
}

static void receive_fails(void **state)
{
	(void)state;
	datagram();
	script[0].err = EINTR;
	datagram();
	script[1].err = ENOBUFS;
	assert_int_equal(talk(0), -ENOBUFS);
	assert_non_null(strstr(conn.error, strerror(ENOBUFS)));
}

static void notifications(void **state)
{
	(void)state;
	datagram();
	add_named(TUNNEL_CMD_TUNNEL_NEW, 0, "a");
	datagram();
	add_named(TUNNEL_CMD_TUNNEL_DEL, 0, "forged");
	script[1].from = 4711;
	datagram();
	add_error(-EINVAL, "left over", -1);
	datagram();
	add_named(TUNNEL_CMD_CARRIER_UP, 0, "a");
	assert_int_equal(tnl_receive(&conn, see, seen), 0);
	assert_string_equal(seen, "1:a 19:a ");
}

static void lost_notifications(void **state)
{
	(void)state;
	datagram();
	script[0].err = ENOBUFS;
	datagram();
	add_named(TUNNEL_CMD_TUNNEL_NEW, 0, "a");
	datagram();
	add_named(TUNNEL_CMD_TUNNEL_NEW, 0, "b");
	/* the rest is read all the same, and the loss told at the end */
	assert_int_equal(tnl_receive(&conn, see, seen), -ENOBUFS);
	assert_string_equal(seen, "1:a 1:b ");
	assert_non_null(strstr(conn.error, "lost"));
	assert_int_equal(tnl_receive(&conn, see, seen), 0);
}

static void module_not_loaded(void **state)
{
	struct tnl_conn c;

	(void)state;
	datagram();
	add_error(-ENOENT, NULL, -1);
	assert_int_equal(tnl_open(&c), -ENOENT);
	assert_null(c.sk);
	assert_string_equal(c.error, "the tunnel module is not loaded: run 'modprobe tunnel'");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(answer_and_ack),
		TEST(sentence_of_the_kernel),
		TEST(no_sentence),
		TEST(long_sentence),
		TEST(dump),
		TEST(dump_interrupted),
		TEST(dump_that_fails),
		TEST(stopped_walk_is_drained),
		TEST(strangers_are_ignored),
		TEST(malformed_answers),
		TEST(receive_fails),
		TEST(notifications),
		TEST(lost_notifications),
		TEST(module_not_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
