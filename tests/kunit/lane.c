// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions, lane and deframer, with a carrier that only captures: what the lane
 * wants to send is read as frames, what the peer says is fed in, in any portions.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "carrier.h"
#include "lane.h"
#include "session.h"
#include "tunnel.h"

#define STREAM 16384	/* most bytes of one capture */

struct fix {
	struct kunit *test;
	struct tnl_tunnel *t;
	struct tnl_lane *lane;
	struct tnl_carrier *c;
	struct page *in;	/* what is fed lies here */
	u8 out[STREAM];		/* captured */
	unsigned int out_len, at;
	unsigned int readable, writable, resets, changed;
	u64 charged;		/* of both directions */
	u8 refuse;		/* what charge() says */
};

/* --- the endpoint ------------------------------------------------------------ */

static void on_readable(void *ep)
{
	((struct fix *)ep)->readable++;
}

static void on_writable(void *ep)
{
	((struct fix *)ep)->writable++;
}

static void on_reset(void *ep, u8 reason)
{
	((struct fix *)ep)->resets++;
}

static void on_changed(void *ep)
{
	((struct fix *)ep)->changed++;
}

static u8 on_charge(void *ep, struct page *page, unsigned int offset, unsigned int len)
{
	struct fix *f = ep;

	if (!f->refuse)
		f->charged += len;
	return f->refuse;
}

static void on_uncharge(void *ep, u64 tx, u64 rx)
{
	((struct fix *)ep)->charged -= tx + rx;
}

/* An endpoint as sockets are: it is charged, and leaves when the session ends. */
static const struct tnl_endpoint_ops leaving_ops = {
	.kind = TUNNEL_ENDPOINT_STREAM, .leaves = true,
	.readable = on_readable, .writable = on_writable, .reset = on_reset,
	.changed = on_changed, .charge = on_charge, .uncharge = on_uncharge,
};

static const struct tnl_endpoint_ops ops = {
	.readable = on_readable, .writable = on_writable, .reset = on_reset,
};

/* --- the peer ---------------------------------------------------------------- */

static void peer_hello(struct fix *f, struct tnl_hello *h)
{
	memset(h, 0, sizeof(*h));
	h->epoch = 77;
	h->peer_epoch = f->lane->epoch;
	h->window = 1000;
	h->max_sessions = 3;
}

static void attach(struct fix *f)
{
	struct tnl_hello h;

	peer_hello(f, &h);
	mutex_lock(&f->lane->attach_lock);
	spin_lock(&f->lane->lock);
	f->lane->carrier = f->c;
	spin_unlock(&f->lane->lock);
	KUNIT_ASSERT_EQ(f->test, tnl_lane_resume(f->lane, &h), 0);
	KUNIT_ASSERT_TRUE(f->test, tnl_lane_set_up(f->lane, f->c, &h));
	mutex_unlock(&f->lane->attach_lock);
}

static void detach(struct fix *f)
{
	mutex_lock(&f->lane->attach_lock);
	tnl_lane_take_down(f->lane);
	mutex_unlock(&f->lane->attach_lock);
}

static void tunnel_of(struct fix *f, u8 role)
{
	struct tnl_tunnel_config config = {
		.name = "kunit", .remote = "x:1", .local = "x:1",
		.role = role, .ciphers = TUNNEL_CIPHER_ALL, .grace_ms = 3600000,
	};
	struct tnl_net *tn = tnl_net(&init_net);

	config.identity = tnl_identity_dup(NULL);
	KUNIT_ASSERT_NOT_NULL(f->test, config.identity);
	config.identity->pins.n = 1;
	mutex_lock(&tn->lock);
	f->t = tnl_tunnel_create(tn, &config);
	mutex_unlock(&tn->lock);
	KUNIT_ASSERT_FALSE(f->test, IS_ERR(f->t));
	f->lane = &f->t->lane;
	attach(f);
}

static void drop_tunnel(struct fix *f)
{
	struct tnl_net *tn = tnl_net(&init_net);

	if (IS_ERR_OR_NULL(f->t))
		return;
	detach(f);
	mutex_lock(&tn->lock);
	tnl_tunnel_unlink(f->t);
	mutex_unlock(&tn->lock);
	tnl_tunnel_destroy(f->t);
	f->t = NULL;
}

static int init(struct kunit *test)
{
	struct fix *f = kzalloc(sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->c = kzalloc(sizeof(*f->c), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->c);
	f->test = test;
	test->priv = f;
	f->in = alloc_pages(GFP_KERNEL | __GFP_COMP, 5);
	KUNIT_ASSERT_NOT_NULL(test, f->in);
	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP,
					       &f->c->sock), 0);
	tnl_watch_init(&f->c->watch, tnl_wq, &f->c->rx_work, &f->c->tx_work);
	f->c->watch.stopped = true;	/* it never runs a work */
	f->c->last_rx = jiffies + 3600 * HZ;
	tunnel_of(f, TUNNEL_ROLE_DIAL);
	return 0;
}

static void quit(struct kunit *test)
{
	struct fix *f = test->priv;

	if (!f)
		return;
	drop_tunnel(f);
	if (f->c->sock)
		sock_release(f->c->sock);
	KUNIT_EXPECT_EQ(test, page_ref_count(f->in), 1);
	put_page(f->in);
	kfree(f->c);
	kfree(f);
}

/* Feed frames in portions of @step bytes. Return: that of the lane, 0 for all taken. */
static int feed(struct fix *f, const u8 *data, unsigned int len, unsigned int step)
{
	unsigned int n;
	int r;

	memcpy(page_address(f->in), data, len);
	for (; len; data += n, len -= n) {
		unsigned int at = page_size(f->in) - 1;

		n = min(len, step);
		/* every portion at an odd end of the page */
		at -= n;
		memmove(page_address(f->in) + at, data, n);
		r = tnl_lane_rx(f->lane, f->in, at, n);
		if (r < 0)
			return r;
		KUNIT_ASSERT_EQ(f->test, r, (int)n);
	}
	return 0;
}

static unsigned int make(u8 *buf, u8 type, u8 flags, u16 reason, u64 id, const void *payload,
			 u32 len)
{
	struct tnl_frame fr = { .type = type, .flags = flags, .reason = reason, .id = id,
				.length = len };

	tnl_frame_encode(buf, &fr);
	if (len)
		memcpy(buf + TNL_HDR_LEN, payload, len);
	return TNL_HDR_LEN + len;
}

static int say(struct fix *f, u8 type, u8 flags, u16 reason, u64 id, const void *payload, u32 len)
{
	u8 *buf = kmalloc(TNL_HDR_LEN + len, GFP_KERNEL);
	int r;

	KUNIT_ASSERT_NOT_NULL(f->test, buf);
	make(buf, type, flags, reason, id, payload, len);
	r = feed(f, buf, TNL_HDR_LEN + len, TNL_HDR_LEN + len);
	kfree(buf);
	return r;
}

static int say64(struct fix *f, u8 type, u64 id, u64 value)
{
	u8 b[8];

	tnl_put64(b, value);
	return say(f, type, 0, 0, id, b, sizeof(b));
}

/* --- what the lane sends ----------------------------------------------------- */

static void capture(struct fix *f)
{
	struct bio_vec bv[16];
	unsigned int n, i;
	bool more;
	u32 len;

	f->out_len = 0;
	f->at = 0;
	for (;;) {
		n = tnl_lane_peek(f->lane, bv, ARRAY_SIZE(bv), &len, &more);
		if (!n) {
			tnl_lane_release(f->lane);
			if (tnl_lane_gather(f->lane) <= 0)
				return;
			continue;
		}
		KUNIT_ASSERT_LE(f->test, f->out_len + len, (u32)STREAM);
		for (i = 0; i < n; i++) {
			memcpy(f->out + f->out_len, page_address(bv[i].bv_page) + bv[i].bv_offset,
			       bv[i].bv_len);
			f->out_len += bv[i].bv_len;
		}
		tnl_lane_sent(f->lane, len);
	}
}

/* The next frame that was captured. Return: false behind the last. */
static bool next(struct fix *f, struct tnl_frame *fr, const u8 **payload)
{
	if (f->at == f->out_len)
		return false;
	KUNIT_ASSERT_GE(f->test, f->out_len - f->at, (unsigned int)TNL_HDR_LEN);
	KUNIT_ASSERT_EQ(f->test, tnl_frame_decode(f->out + f->at, fr), 0);
	*payload = f->out + f->at + TNL_HDR_LEN;
	f->at += TNL_HDR_LEN + fr->length;
	KUNIT_ASSERT_LE(f->test, f->at, f->out_len);
	return true;
}

/* The next frame but ACK, which rides along when it likes. */
static void expect(struct fix *f, u8 type, u64 id, u8 flags, u16 reason)
{
	const u8 *payload;
	struct tnl_frame fr;

	do {
		KUNIT_ASSERT_TRUE(f->test, next(f, &fr, &payload));
	} while (fr.type == TNL_ACK && type != TNL_ACK);
	KUNIT_EXPECT_EQ(f->test, fr.type, type);
	KUNIT_EXPECT_EQ(f->test, fr.id, id);
	KUNIT_EXPECT_EQ(f->test, fr.flags, flags);
	KUNIT_EXPECT_EQ(f->test, fr.reason, reason);
}

static void expect_nothing(struct fix *f)
{
	const u8 *payload;
	struct tnl_frame fr;

	while (next(f, &fr, &payload))
		KUNIT_EXPECT_EQ(f->test, fr.type, (u8)TNL_ACK);
}

/* --- sessions ---------------------------------------------------------------- */

static const struct tnl_open web = { .service = "web" };

static struct tnl_session *open(struct fix *f)
{
	struct tnl_session *s = tnl_session_open(f->t, 3, &web, &ops, f);

	KUNIT_ASSERT_FALSE(f->test, IS_ERR(s));
	return s;
}

static void close(struct tnl_session *s)
{
	tnl_session_reset(s, TUNNEL_REASON_RESET);
	tnl_session_detach(s);
	tnl_session_put(s);
}

static void send(struct fix *f, struct tnl_session *s, unsigned int len, bool end)
{
	struct tnl_chunkq q;

	tnl_chunkq_init(&q);
	if (len) {
		KUNIT_ASSERT_EQ(f->test, tnl_chunkq_reserve(&q, 1, GFP_KERNEL), 0);
		KUNIT_ASSERT_TRUE(f->test, tnl_chunkq_append(&q, f->in, 0, len));
	}
	KUNIT_ASSERT_EQ(f->test, tnl_session_send(s, &q, end), 0);
}

static void ids(struct kunit *test)
{
	struct fix *f = test->priv;
	struct tnl_session *a = open(f), *b = open(f), *c = open(f);
	struct tnl_session *d = tnl_session_open(f->t, 3, &web, &ops, f);

	KUNIT_EXPECT_EQ(test, a->id, 1ULL);
	KUNIT_EXPECT_EQ(test, b->id, 2ULL);
	/* the peer takes three */
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(d), -EMFILE);
	capture(f);
	expect(f, TNL_OPEN, 1, 3, 0);
	expect(f, TNL_OPEN, 2, 3, 0);
	expect(f, TNL_OPEN, 3, 3, 0);
	expect_nothing(f);
	close(a);
	close(b);
	close(c);
	capture(f);
	expect(f, TNL_RESET, 1, 0, TUNNEL_REASON_RESET);
	expect(f, TNL_RESET, 2, 0, TUNNEL_REASON_RESET);
	expect(f, TNL_RESET, 3, 0, TUNNEL_REASON_RESET);
	KUNIT_EXPECT_TRUE(test, xa_empty(&f->lane->sessions));

	/* the listener's have the high bit */
	drop_tunnel(f);
	tunnel_of(f, TUNNEL_ROLE_LISTEN);
	a = open(f);
	KUNIT_EXPECT_EQ(test, a->id, TNL_ID_LISTENER | 1);
	close(a);
	capture(f);
	/* never heard of, never ended */
	expect_nothing(f);
}

static void life(struct kunit *test)
{
	struct fix *f = test->priv;
	struct tnl_session *s = open(f);
	struct tnl_chunkq q;
	const u8 *payload;
	struct tnl_frame fr;
	bool end;

	memset(page_address(f->in), 'x', 100);
	KUNIT_EXPECT_EQ(test, tnl_session_room(s, 1), 1000ULL);
	send(f, s, 100, false);
	capture(f);
	expect(f, TNL_OPEN, 1, 3, 0);
	KUNIT_ASSERT_TRUE(test, next(f, &fr, &payload));
	KUNIT_EXPECT_EQ(test, fr.length, 100u);
	KUNIT_EXPECT_EQ(test, payload[99], 'x');
	expect_nothing(f);

	/* credit: all of it, then what WINDOW adds; an older one is no news */
	send(f, s, 900, false);
	KUNIT_EXPECT_EQ(test, tnl_session_room(s, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, say64(f, TNL_WINDOW, 1, 1001), 0);
	KUNIT_EXPECT_EQ(test, f->writable, 1u);
	KUNIT_EXPECT_EQ(test, say64(f, TNL_WINDOW, 1, 500), 0);
	KUNIT_EXPECT_EQ(test, tnl_session_room(s, 1), 1ULL);
	capture(f);

	KUNIT_EXPECT_EQ(test, say(f, TNL_ACCEPT, 0, 0, 1, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, 0, 0, 1, "hello", 5), 0);
	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, TNL_FLAG_END, 0, 1, "!", 1), 0);
	KUNIT_EXPECT_GE(test, f->readable, 2u);
	tnl_chunkq_init(&q);
	KUNIT_EXPECT_TRUE(test, tnl_session_recv(s, &q, &end));
	KUNIT_EXPECT_TRUE(test, end);
	KUNIT_EXPECT_EQ(test, q.len, 6ULL);
	tnl_chunkq_purge(&q);

	send(f, s, 0, true);
	capture(f);
	expect(f, TNL_DATA, 1, TNL_FLAG_END, 0);
	expect_nothing(f);
	KUNIT_EXPECT_FALSE(test, xa_empty(&f->lane->sessions));
	tnl_session_detach(s);
	tnl_session_put(s);
	KUNIT_EXPECT_TRUE(test, xa_empty(&f->lane->sessions));
	KUNIT_EXPECT_EQ(test, f->resets, 0u);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->lane->rx_charged), 0LL);
}

/* What is small is acknowledged in front of other control frames, not of data. */
static void ack_rides(struct kunit *test)
{
	struct fix *f = test->priv;
	struct tnl_session *s = open(f);
	u8 *data = kzalloc(TNL_ACK_RIDES, GFP_KERNEL);
	const u32 most = TNL_ACK_RIDES - 2 * TNL_HDR_LEN;
	struct tnl_frame fr;
	const u8 *payload;

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_EXPECT_EQ(test, say(f, TNL_ACCEPT, 0, 0, 1, NULL, 0), 0);
	capture(f);

	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, 0, 0, 1, data, most), 0);
	KUNIT_ASSERT_LT(test, f->lane->rx_ackable - f->lane->ack_sent, (u64)TNL_ACK_RIDES);
	send(f, s, 10, false);
	capture(f);
	KUNIT_ASSERT_TRUE(test, next(f, &fr, &payload));
	KUNIT_EXPECT_EQ(test, fr.type, (u8)TNL_DATA);
	KUNIT_EXPECT_FALSE(test, next(f, &fr, &payload));

	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, 0, 0, 1, data, TNL_HDR_LEN), 0);
	KUNIT_ASSERT_GE(test, f->lane->rx_ackable - f->lane->ack_sent, (u64)TNL_ACK_RIDES);
	send(f, s, 10, false);
	capture(f);
	expect(f, TNL_ACK, 0, 0, 0);
	expect(f, TNL_DATA, 1, 0, 0);
	expect_nothing(f);
	KUNIT_EXPECT_EQ(test, f->lane->ack_sent, f->lane->rx_offset);

	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, 0, 0, 1, data, 1), 0);
	close(s);
	capture(f);
	expect(f, TNL_ACK, 0, 0, 0);
	expect(f, TNL_RESET, 1, 0, TUNNEL_REASON_RESET);
	expect_nothing(f);
	kfree(data);
}

static void beyond_credit(struct kunit *test)
{
	struct fix *f = test->priv;
	struct tnl_session *s = open(f);
	u8 *data = kzalloc(TNL_WINDOW_INITIAL + 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, data);
	capture(f);
	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, 0, 0, 1, data, TNL_WINDOW_INITIAL), 0);
	KUNIT_EXPECT_EQ(test, f->resets, 0u);
	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, 0, 0, 1, data, 1), 0);
	KUNIT_EXPECT_EQ(test, f->resets, 1u);
	kfree(data);
	capture(f);
	expect(f, TNL_RESET, 1, 0, TUNNEL_REASON_FLOW_CONTROL);
	tnl_session_detach(s);
	tnl_session_put(s);
	KUNIT_EXPECT_TRUE(test, xa_empty(&f->lane->sessions));
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->lane->rx_charged), 0LL);
	/* what still comes for it is dropped */
	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, 0, 0, 1, "late", 4), 0);
}

static void reset_behind_end(struct kunit *test)
{
	struct fix *f = test->priv;
	struct tnl_session *s = open(f);
	struct tnl_chunkq q;
	bool end;

	capture(f);
	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, TNL_FLAG_END, 0, 1, "whole", 5), 0);
	KUNIT_EXPECT_EQ(test, say(f, TNL_RESET, 0, 1, 1, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, f->resets, 0u);
	KUNIT_EXPECT_TRUE(test, tnl_session_tx_closed(s));
	/* A peer that goes on all the same is not listened to. */
	KUNIT_EXPECT_EQ(test, say(f, TNL_ACCEPT, 0, 0, 1, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, 0, 0, 1, "more", 4), 0);
	KUNIT_EXPECT_EQ(test, say(f, TNL_RESET, 0, 1, 1, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, f->resets, 0u);
	tnl_chunkq_init(&q);
	KUNIT_EXPECT_TRUE(test, tnl_session_recv(s, &q, &end));
	KUNIT_EXPECT_EQ(test, q.len, 5ULL);
	tnl_chunkq_purge(&q);
	tnl_session_detach(s);
	KUNIT_EXPECT_TRUE(test, xa_empty(&f->lane->sessions));
	/* The tx side, which had it in hand, finds that it is gone. */
	spin_lock(&f->lane->lock);
	tnl_session_owe_locked(s);
	KUNIT_EXPECT_TRUE(test, list_empty(&f->lane->control));
	spin_unlock(&f->lane->lock);
	tnl_session_put(s);
}

/* Frames that no correct peer sends, each to a lane with one session, id 1. */
static void malformed(struct kunit *test)
{
	static const struct {
		u8 type, flags;
		u16 reason;
		u64 id;
		u32 len;
		u64 value;
	} bad[] = {
		{ TNL_HELLO, 0, 0, 0, 8 },
		{ TNL_DATA, 0, 0, 2, 1 },			/* never opened */
		{ TNL_DATA, 0, 0, TNL_ID_LISTENER | 1, 1 },
		{ TNL_DATA, 0, 0, 1, 0 },
		{ TNL_DATA, 0x20, 0, 1, 1 },
		{ TNL_DATA, 0, 1, 1, 1 },
		{ TNL_DATA, 0, 0, 0, 1 },
		{ TNL_OPEN, 3, 0, 1, 8 },			/* our own id */
		{ TNL_OPEN, 3, 0, TNL_ID_LISTENER | BIT_ULL(62), 8 },
		{ TNL_ACK, 0, 0, 0, 8, 1 << 20 },		/* never sent */
		{ TNL_ACK, 0, 0, 0, 8, U64_MAX },
		{ TNL_ACK, 0, 0, 0, 7 },
		{ TNL_WINDOW, 0, 0, 1, 8, BIT_ULL(62) },
		{ TNL_WINDOW, 0, 0, 1, 8, U64_MAX },
		{ TNL_WINDOW, 0, 0, 1, 8, TNL_WINDOW_SANE + 1 },
		{ TNL_WINDOW, 0, 0, 2, 8 },
		{ TNL_RESET, 0, 0, 2, 0 },
		{ TNL_PING, 0, 0, 1, 8 },
		{ TNL_TYPES, 0, 0, 0, 0 },
		{ TNL_SKIPPABLE - 1, 0, 0, 0, 0 },
		{ TNL_TYPE_END, 0, 0, 0, 0 },
		{ 255, 0, 0, 0, 0 },
	};
	struct fix *f = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct tnl_session *s = open(f);
		u8 payload[8];

		f->resets = 0;
		capture(f);
		tnl_put64(payload, bad[i].value);
		KUNIT_EXPECT_EQ_MSG(test, say(f, bad[i].type, bad[i].flags, bad[i].reason,
					      bad[i].id, payload, bad[i].len), -EPROTO,
				    "row %u", i);
		KUNIT_EXPECT_EQ(test, f->resets, 0u);
		close(s);
		drop_tunnel(f);
		tunnel_of(f, TUNNEL_ROLE_DIAL);
	}
}

static void refusals(struct kunit *test)
{
	u8 open_tlv[] = { 0x80, 1, 0, 4, 'n', 'o', 'n', 'e' };
	struct fix *f = test->priv;
	unsigned int i;

	for (i = 1; i <= 300; i++)
		KUNIT_ASSERT_EQ(test, say(f, TNL_OPEN, 3, 0, TNL_ID_LISTENER | i, open_tlv,
					  sizeof(open_tlv)), 0);
	capture(f);
	for (i = 1; i <= 300; i++)
		expect(f, TNL_RESET, TNL_ID_LISTENER | i, 0, TUNNEL_REASON_NO_SERVICE);
	expect_nothing(f);
	/* more than a peer may have open, and it takes no answers */
	for (i = 301; i <= 300 + TNL_REFUSED_MAX; i++)
		KUNIT_ASSERT_EQ(test, say(f, TNL_OPEN, 3, 0, TNL_ID_LISTENER | i, open_tlv,
					  sizeof(open_tlv)), 0);
	KUNIT_EXPECT_EQ(test, say(f, TNL_OPEN, 3, 0, TNL_ID_LISTENER | i, open_tlv,
				  sizeof(open_tlv)), -EPROTO);
}

/* The same frames in portions of every size: what comes out is the same. */
static void every_portion(struct kunit *test)
{
	struct fix *f = test->priv;
	u8 stream[300], payload[8] = "pingpong";
	unsigned int n, step;

	for (step = 1; step <= sizeof(stream); step++) {
		struct tnl_session *s = open(f);
		struct tnl_chunk_pos pos = {};
		struct tnl_chunkq q;
		struct bio_vec bv;
		u8 got[64];
		u32 len, at = 0;
		bool end;

		capture(f);
		n = make(stream, TNL_ACCEPT, 0, 0, s->id, NULL, 0);
		n += make(stream + n, TNL_DATA, 0, 0, s->id, "the quick ", 10);
		n += make(stream + n, 100, 0xff, 0xffff, 99, "from a later version", 20);
		n += make(stream + n, TNL_PING, 0, 0, 0, payload, 8);
		n += make(stream + n, TNL_DATA, TNL_FLAG_END, 0, s->id, "brown fox", 9);
		KUNIT_ASSERT_LE(test, n, (unsigned int)sizeof(stream));
		KUNIT_ASSERT_EQ(test, feed(f, stream, n, step), 0);

		tnl_chunkq_init(&q);
		KUNIT_ASSERT_TRUE(test, tnl_session_recv(s, &q, &end));
		KUNIT_ASSERT_TRUE(test, end);
		KUNIT_ASSERT_EQ(test, q.len, 19ULL);
		while (tnl_chunk_peek(&q, &pos, &bv, 1, U32_MAX, &len)) {
			memcpy(got + at, page_address(bv.bv_page) + bv.bv_offset, len);
			at += len;
			tnl_chunk_advance(&q, &pos, len);
		}
		KUNIT_ASSERT_EQ(test, memcmp(got, "the quick brown fox", 19), 0);
		tnl_chunkq_purge(&q);
		capture(f);
		expect(f, TNL_PONG, 0, 0, 0);
		close(s);
		capture(f);
	}
}

/* --- replay ------------------------------------------------------------------ */

/* From every offset the peer may name: exactly the bytes from there on. */
static void replay_from_everywhere(struct kunit *test)
{
	struct fix *f = test->priv;
	struct tnl_session *s = open(f);
	struct tnl_hello h;
	unsigned int len, from;
	u8 *first;

	memcpy(page_address(f->in), "abcdefghijklmnopqrstuvwxyz0123456789", 36);
	send(f, s, 36, false);
	send(f, s, 20, true);
	capture(f);
	len = f->out_len;
	first = kmemdup(f->out, len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, first);
	KUNIT_ASSERT_EQ(test, f->lane->sent_max, (u64)len);

	for (from = 0; from <= len; from++) {
		detach(f);
		mutex_lock(&f->lane->attach_lock);
		peer_hello(f, &h);
		h.rx_offset = from;
		f->lane->carrier = f->c;
		KUNIT_ASSERT_EQ(test, tnl_lane_resume(f->lane, &h), 0);
		KUNIT_ASSERT_EQ(test, h.rx_offset, (u64)from);
		KUNIT_ASSERT_TRUE(test, tnl_lane_set_up(f->lane, f->c, &h));
		mutex_unlock(&f->lane->attach_lock);
		tnl_lane_rewind(f->lane, h.rx_offset);
		capture(f);
		KUNIT_ASSERT_EQ(test, f->out_len, len - from);
		KUNIT_ASSERT_EQ(test, memcmp(f->out, first + from, len - from), 0);
	}
	/* acknowledged: let go; what the peer has acknowledged it may not want again */
	KUNIT_EXPECT_EQ(test, say64(f, TNL_ACK, 0, len), 0);
	capture(f);
	KUNIT_EXPECT_EQ(test, f->out_len, 0u);
	mutex_lock(&f->lane->attach_lock);
	peer_hello(f, &h);
	h.rx_offset = len - 1;
	KUNIT_EXPECT_EQ(test, tnl_lane_resume(f->lane, &h), -EPROTO);
	h.rx_offset = len + 1;
	KUNIT_EXPECT_EQ(test, tnl_lane_resume(f->lane, &h), -EPROTO);
	mutex_unlock(&f->lane->attach_lock);
	KUNIT_EXPECT_EQ(test, f->resets, 0u);
	kfree(first);
	close(s);
}

/* Half a frame on one carrier, the rest on the next: one frame. */
static void receive_across_carriers(struct kunit *test)
{
	struct fix *f = test->priv;
	struct tnl_session *s = open(f);
	struct tnl_chunkq q;
	struct tnl_hello h, ours;
	u8 stream[64];
	unsigned int n, cut;
	u64 total = 0;
	bool end;

	capture(f);
	n = make(stream, TNL_DATA, 0, 0, 1, "0123456789", 10);
	for (cut = 0; cut <= n; cut++) {
		KUNIT_ASSERT_EQ(test, feed(f, stream, cut, 64), 0);
		detach(f);
		mutex_lock(&f->lane->attach_lock);
		tnl_lane_hello(f->lane, &ours);
		KUNIT_ASSERT_EQ(test, ours.rx_offset, total + cut);
		peer_hello(f, &h);
		h.rx_offset = f->lane->sent_max;
		f->lane->carrier = f->c;
		KUNIT_ASSERT_EQ(test, tnl_lane_resume(f->lane, &h), 0);
		KUNIT_ASSERT_TRUE(test, tnl_lane_set_up(f->lane, f->c, &h));
		mutex_unlock(&f->lane->attach_lock);
		KUNIT_ASSERT_EQ(test, feed(f, stream + cut, n - cut, 64), 0);
		total += n;
		tnl_chunkq_init(&q);
		KUNIT_ASSERT_TRUE(test, tnl_session_recv(s, &q, &end));
		KUNIT_ASSERT_EQ(test, q.len, 10ULL);
		tnl_chunkq_purge(&q);
	}
	close(s);
}

/* The decision table of docs/protocol.md, "Attach and replay". */
static void epochs(struct kunit *test)
{
	static const struct {
		u8 role;
		bool known, mine;	/* the peer's epoch; ours in its HELLO */
		s8 offset;		/* 0 in range, 1 beyond what was sent */
		int err;
		bool restart;
	} rows[] = {
		{ TUNNEL_ROLE_LISTEN, true, true, 0, 0, false },
		{ TUNNEL_ROLE_LISTEN, true, true, 1, 0, true },
		{ TUNNEL_ROLE_LISTEN, true, false, 0, 0, true },
		{ TUNNEL_ROLE_LISTEN, false, true, 0, 0, true },
		{ TUNNEL_ROLE_LISTEN, false, false, 0, 0, true },
		{ TUNNEL_ROLE_DIAL, true, true, 0, 0, false },
		{ TUNNEL_ROLE_DIAL, true, true, 1, -EPROTO, false },
		{ TUNNEL_ROLE_DIAL, true, false, 0, -EPROTO, false },
		{ TUNNEL_ROLE_DIAL, false, true, 0, 0, true },
		{ TUNNEL_ROLE_DIAL, false, false, 0, -EPROTO, false },
	};
	struct fix *f = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tnl_session *known, *fresh;
		struct tnl_hello h;
		u64 epoch;

		drop_tunnel(f);
		tunnel_of(f, rows[i].role);
		f->resets = 0;
		known = open(f);
		capture(f);
		fresh = open(f);	/* its OPEN is still to be sent */
		epoch = f->lane->epoch;
		detach(f);
		mutex_lock(&f->lane->attach_lock);
		peer_hello(f, &h);
		h.epoch += !rows[i].known;
		h.peer_epoch += !rows[i].mine;
		h.rx_offset = f->lane->sent_max + rows[i].offset;
		KUNIT_EXPECT_EQ_MSG(test, tnl_lane_resume(f->lane, &h), rows[i].err, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, f->resets, (unsigned int)rows[i].restart, "row %u", i);
		if (rows[i].restart) {
			KUNIT_EXPECT_EQ(test, f->lane->sent_max, 0ULL);
			KUNIT_EXPECT_EQ(test, h.rx_offset, 0ULL);
			KUNIT_EXPECT_EQ(test, known->reason, TUNNEL_REASON_PEER_RESTARTED);
		}
		/* only the listener may draw a new one here: the dialler's is out */
		KUNIT_EXPECT_EQ(test, f->lane->epoch != epoch,
				rows[i].restart && rows[i].role == TUNNEL_ROLE_LISTEN);
		mutex_unlock(&f->lane->attach_lock);
		close(known);
		close(fresh);
	}
}

static struct tnl_session *open_leaving(struct fix *f, u8 protocol)
{
	struct tnl_session *s = tnl_session_open(f->t, protocol, &web, &leaving_ops, f);

	KUNIT_ASSERT_FALSE(f->test, IS_ERR(s));
	return s;
}

/* close(): what was sent, END, and RESET behind it; then nothing is left. */
static void close_frames(struct kunit *test)
{
	struct fix *f = test->priv;
	struct tnl_session *s = open_leaving(f, 3);

	capture(f);
	KUNIT_EXPECT_EQ(test, say(f, TNL_ACCEPT, 0, 0, 1, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, f->changed, 1u);
	send(f, s, 100, false);
	tnl_session_close(s);
	tnl_session_put(s);
	/* nobody is there for it: it is dropped */
	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, 0, 0, 1, "late", 4), 0);
	capture(f);
	expect(f, TNL_DATA, 1, TNL_FLAG_END, 0);
	expect(f, TNL_RESET, 1, 0, TUNNEL_REASON_RESET);
	KUNIT_EXPECT_TRUE(test, xa_empty(&f->lane->sessions));
	KUNIT_EXPECT_EQ(test, f->resets, 0u);

	/* with END sent before: RESET alone; with both ends: silence */
	s = open_leaving(f, 3);
	send(f, s, 1, true);
	capture(f);
	tnl_session_close(s);
	tnl_session_put(s);
	capture(f);
	expect(f, TNL_RESET, 2, 0, TUNNEL_REASON_RESET);
	s = open_leaving(f, 3);
	send(f, s, 1, true);
	capture(f);
	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, TNL_FLAG_END, 0, 3, "x", 1), 0);
	tnl_session_close(s);
	tnl_session_put(s);
	capture(f);
	expect_nothing(f);
	KUNIT_EXPECT_TRUE(test, xa_empty(&f->lane->sessions));
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->lane->rx_charged), 0LL);
}

/* Every byte that was charged is uncharged: read, framed or dropped. */
static void charges(struct kunit *test)
{
	struct fix *f = test->priv;
	struct tnl_session *s = open_leaving(f, 3);

	f->charged = 300;	/* as a socket charges before it sends */
	send(f, s, 300, false);
	capture(f);
	KUNIT_EXPECT_EQ(test, f->charged, 0ULL);
	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, 0, 0, 1, "hello", 5), 0);
	f->charged += 200;
	send(f, s, 200, false);
	KUNIT_EXPECT_EQ(test, f->charged, 205ULL);
	KUNIT_EXPECT_EQ(test, say(f, TNL_RESET, 0, 1, 1, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, f->charged, 0ULL);
	KUNIT_EXPECT_EQ(test, f->resets, 1u);
	KUNIT_EXPECT_PTR_EQ(test, s->ops, NULL);
	KUNIT_EXPECT_TRUE(test, xa_empty(&f->lane->sessions));
	tnl_session_put(s);

	/* what cannot be charged ends the session, with the reason that was given */
	s = open_leaving(f, 3);
	capture(f);
	f->refuse = TUNNEL_REASON_LIMIT;
	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, 0, 0, 2, "hello", 5), 0);
	KUNIT_EXPECT_EQ(test, f->resets, 2u);
	capture(f);
	expect(f, TNL_RESET, 2, 0, TUNNEL_REASON_LIMIT);
	tnl_session_put(s);
	KUNIT_EXPECT_EQ(test, f->charged, 0ULL);
}

/* A session of messages grants more, and says so; a waiting one is adopted. */
static void messages(struct kunit *test)
{
	struct fix *f = test->priv;
	struct tnl_session *s = open_leaving(f, 6);
	const u8 *payload;
	struct tnl_open o;
	struct tnl_frame fr;

	capture(f);
	KUNIT_ASSERT_TRUE(test, next(f, &fr, &payload));
	KUNIT_EXPECT_EQ(test, fr.flags, 6);
	KUNIT_ASSERT_EQ(test, tnl_open_decode(payload, fr.length, &o), 0);
	KUNIT_EXPECT_EQ(test, o.window, 262144ULL);
	KUNIT_EXPECT_EQ(test, s->rx.max, 262144ULL);
	KUNIT_EXPECT_EQ(test, tnl_session_room(s, 65540), 1000ULL);
	KUNIT_EXPECT_TRUE(test, s->flags & TNL_S_TX_WAITS);

	KUNIT_EXPECT_EQ(test, say(f, TNL_DATA, 0, 0, 1, "hello", 5), 0);
	KUNIT_EXPECT_EQ(test, f->charged, 5ULL);
	f->refuse = TUNNEL_REASON_FLOW_CONTROL;
	KUNIT_EXPECT_EQ(test, tnl_session_adopt(s, &leaving_ops, f), TUNNEL_REASON_FLOW_CONTROL);
	KUNIT_EXPECT_PTR_EQ(test, s->ops, NULL);
	f->refuse = 0;
	KUNIT_EXPECT_EQ(test, tnl_session_adopt(s, &leaving_ops, f), 0);
	KUNIT_EXPECT_EQ(test, f->charged, 10ULL);
	tnl_session_reset(s, TUNNEL_REASON_RESET);
	KUNIT_EXPECT_EQ(test, f->charged, 5ULL);
	tnl_session_put(s);
	capture(f);
	expect(f, TNL_RESET, 1, 0, TUNNEL_REASON_RESET);
}

/* What was retained leaves with the ACK, to the last page. */
static void retention(struct kunit *test)
{
	struct fix *f = test->priv;
	struct tnl_session *s = open(f);
	unsigned int i;

	capture(f);
	KUNIT_ASSERT_EQ(test, say64(f, TNL_WINDOW, 1, 1 << 20), 0);
	for (i = 0; i < 50; i++) {
		send(f, s, 1000, false);
		capture(f);
	}
	KUNIT_EXPECT_GE(test, f->lane->fifo.len, 50000ULL);
	KUNIT_EXPECT_GT(test, page_ref_count(f->in), 1);
	KUNIT_EXPECT_EQ(test, say64(f, TNL_ACK, 0, 100), 0);
	KUNIT_EXPECT_EQ(test, say64(f, TNL_ACK, 0, 99), 0);
	KUNIT_EXPECT_EQ(test, f->lane->peer_acked, 100ULL);
	KUNIT_EXPECT_EQ(test, say64(f, TNL_ACK, 0, f->lane->sent_max), 0);
	tnl_lane_release(f->lane);
	KUNIT_EXPECT_LE(test, f->lane->fifo.len, 2000ULL);
	close(s);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(ids),
	KUNIT_CASE(life),
	KUNIT_CASE(ack_rides),
	KUNIT_CASE(beyond_credit),
	KUNIT_CASE(reset_behind_end),
	KUNIT_CASE(malformed),
	KUNIT_CASE(refusals),
	KUNIT_CASE(every_portion),
	KUNIT_CASE(replay_from_everywhere),
	KUNIT_CASE(receive_across_carriers),
	KUNIT_CASE(epochs),
	KUNIT_CASE(close_frames),
	KUNIT_CASE(charges),
	KUNIT_CASE(messages),
	KUNIT_CASE(retention),
	{}
};

struct kunit_suite tnl_kunit_lane = {
	.name = "tunnel_lane",
	.init = init,
	.exit = quit,
	.test_cases = cases,
};
