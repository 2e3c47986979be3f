// SPDX-License-Identifier: GPL-2.0
/*
 * The daemon and its handshake worker: what they say, what is handed over, and what
 * happens when one of them is not as it should be. The worker is one of the same event loop,
 * the test itself, or, at the end, a process of its own that the kernel has shut in.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "crypto.h"
#include "handshake.h"
#include "jail.h"
#include "linger.h"
#include "passfd.h"
#include "starter.h"
#include "tnl.h"
#include "worker.h"

static char dir[] = "/tmp/tunneld-worker.XXXXXX";
static char err[512];
static struct event_base *base;
static struct identity *id;
static uint8_t our_pin[TUNNEL_PIN_LEN];

/* --- messages --------------------------------------------------------------- */

static const struct order shake_order = {
	.what = ORDER_SHAKE,
	.id = 0x0102030405060708,
	.server = true,
	.ciphers = 7,
	.timeout_ms = 10000,
	.identity = 1,
	.pins = UINT64_MAX,
	.certs = 3,
	.trust = 4,
	.upstream = true,
	.verify = true,
	.name = "www.example.org",
	.alpn = "h2,http/1.1",
};
static const struct report done_report = {
	.what = REPORT_DONE,
	.id = 9,
	.has_pin = true,
	.pin = { 1, 2, 3 },
	.name = "www.example.org",
	.alpn = "h2",
};

static void test_orders(void **state)
{
	const struct order orders[] = {
		shake_order,
		{ .what = ORDER_OBJECT, .id = 1, .kind = OBJECT_PINS, .len = 1 << 20 },
		{ .what = ORDER_FORGET, .id = 2 },
		{ .what = ORDER_ABORT, .id = UINT64_MAX },
	};
	uint8_t bytes[ORDERS_MAX + 1];
	struct order o;
	size_t i, n, len;

	(void)state;
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		len = order_write(bytes, &orders[i]);
		assert_true(order_read(&o, bytes, len));
		assert_memory_equal(&o, &orders[i], sizeof(o));
		for (n = 0; n < len; n++)
			assert_false(order_read(&o, bytes, n));
		bytes[len] = 0;
		assert_false(order_read(&o, bytes, len + 1));
	}
	o = (struct order){ .what = ORDER_ABORT };
	assert_false(order_read(&o, bytes, order_write(bytes, &o)));
	o = (struct order){ .what = ORDER_LAST + 1, .id = 1 };
	assert_false(order_read(&o, bytes, order_write(bytes, &o)));
}

static void test_reports(void **state)
{
	struct report longest = { .what = REPORT_FAILED, .id = 1, .has_pin = true }, r;
	uint8_t bytes[ORDERS_MAX + 1];
	size_t n, len;

	(void)state;
	len = report_write(bytes, &done_report);
	assert_true(report_read(&r, bytes, len));
	assert_memory_equal(&r, &done_report, sizeof(r));
	for (n = 0; n < len; n++)
		assert_false(report_read(&r, bytes, n));
	assert_false(report_read(&r, bytes, len + 1));
	/* a length that leads behind the end, a truth that is neither, a letter that is none */
	bytes[9 + 1 + TUNNEL_PIN_LEN] = 0xff;
	assert_false(report_read(&r, bytes, len));
	len = report_write(bytes, &done_report);
	bytes[9] = 2;
	assert_false(report_read(&r, bytes, len));
	len = report_write(bytes, &done_report);
	bytes[9 + 1 + TUNNEL_PIN_LEN + 2] = '\n';
	assert_false(report_read(&r, bytes, len));

	memset(longest.name, 'a', REQUEST_HOST_MAX);
	memset(longest.alpn, 'b', EDGE_ALPN_LIST_MAX);
	memset(longest.why, 'c', REPORT_WHY_MAX);
	longest.why[0] = '\n';
	len = report_write(bytes, &longest);
	assert_true(report_read(&r, bytes, len));
	assert_int_equal(r.why[0], '?');
	assert_int_equal(strlen(r.why), REPORT_WHY_MAX);

	/* nobody fails without a sentence, or is done with one; only handshakes have numbers */
	r = (struct report){ .what = REPORT_FAILED, .id = 1 };
	assert_false(report_read(&r, bytes, report_write(bytes, &r)));
	r = (struct report){ .what = REPORT_DONE, .id = 1, .why = "x" };
	assert_false(report_read(&r, bytes, report_write(bytes, &r)));
	r = (struct report){ .what = REPORT_DONE };
	assert_false(report_read(&r, bytes, report_write(bytes, &r)));
	r = (struct report){ .what = REPORT_READY, .id = 1 };
	assert_false(report_read(&r, bytes, report_write(bytes, &r)));
	r = (struct report){ .what = REPORT_READY };
	assert_true(report_read(&r, bytes, report_write(bytes, &r)));
}

/* --- parcels ------------------------------------------------------------------ */

static struct certs *load_certs(const char *alpn)
{
	char path[64];
	struct edge e = { .n = 1, .alpn = alpn, .cert = { { path, path } } };
	struct certs *certs;

	snprintf(path, sizeof(path), "%s/www", dir);
	certs = certs_load(&e, err, sizeof(err));
	if (!certs)
		fail_msg("%s", err);
	return certs;
}

static struct trust *load_trust(void)
{
	char path[64];
	struct trust *trust;

	snprintf(path, sizeof(path), "%s/ca", dir);
	trust = trust_get(path, err, sizeof(err));
	if (!trust)
		fail_msg("%s", err);
	return trust;
}

static bool unpacks(enum object_kind kind, const struct parcel *p)
{
	struct identity *i;
	struct certs *c;
	struct trust *t;
	struct pins *n;

	switch (kind) {
	case OBJECT_IDENTITY:
		i = identity_unpack(p);
		identity_put(i);
		return i != NULL;
	case OBJECT_CERTS:
		c = certs_unpack(p);
		certs_put(c);
		return c != NULL;
	case OBJECT_TRUST:
		t = trust_unpack(p);
		trust_put(t);
		return t != NULL;
	default:
		n = pins_unpack(p);
		pins_put(n);
		return n != NULL;
	}
}

/* Whole it is what it was; cut off anywhere, or with more behind it, it is nothing. */
static void check_parcel(enum object_kind kind, struct parcel *p)
{
	struct parcel part = *p, copy = { 0 };
	uint8_t zeros[64] = { 0 }, got[64];
	int fd = parcel_to_fd(p);

	assert_false(p->bad);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	assert_int_equal(parcel_from_fd(&copy, fd, p->len), 0);
	assert_int_equal(copy.len, p->len);
	assert_memory_equal(copy.bytes, p->bytes, p->len);
	parcel_free(&copy);
	/* what was in it is nowhere but with who took it out */
	assert_int_equal(pread(fd, got, sizeof(got), 0),
			 p->len < sizeof(got) ? (ssize_t)p->len : (ssize_t)sizeof(got));
	assert_memory_equal(got, zeros, p->len < sizeof(got) ? p->len : sizeof(got));
	/* one that is said to be longer than it is */
	assert_int_equal(parcel_from_fd(&copy, fd, p->len + 1), -ENODATA);
	assert_int_equal(parcel_from_fd(&copy, fd, PARCEL_MAX + 1), -E2BIG);
	close(fd);

	assert_true(unpacks(kind, p));
	for (part.len = 0; part.len < p->len; part.len++)
		assert_false(unpacks(kind, &part));
	parcel_put(p, "more", 4);
	assert_false(unpacks(kind, p));
	parcel_free(p);
}

static void test_parcels(void **state)
{
	const uint8_t three[3][TUNNEL_PIN_LEN] = { { 1 }, { 2 }, { 3 } },
		      four[TUNNEL_PIN_LEN] = { 4 };
	struct certs *certs = load_certs("h2,http/1.1"), *again;
	struct pins *pins = pins_new(three, 3), *same;
	struct trust *trust = load_trust();
	struct parcel p = { 0 };
	struct identity *other;

	(void)state;
	assert_int_equal(identity_pack(id, &p), 0);
	other = identity_unpack(&p);
	assert_non_null(other);
	assert_memory_equal(identity_pin(other), our_pin, TUNNEL_PIN_LEN);
	assert_int_equal(crypto_check_pair(&identity_cert(other)->pk, identity_key(other)), 0);
	identity_put(other);
	check_parcel(OBJECT_IDENTITY, &p);

	assert_int_equal(certs_pack(certs, &p), 0);
	again = certs_unpack(&p);
	assert_non_null(again);
	assert_string_equal(certs_alpn(again)[1], "http/1.1");
	certs_put(again);
	check_parcel(OBJECT_CERTS, &p);
	certs_put(certs);

	assert_int_equal(trust_pack(trust, &p), 0);
	check_parcel(OBJECT_TRUST, &p);
	trust_put(trust);

	assert_int_equal(pins_pack(pins, &p), 0);
	same = pins_unpack(&p);
	assert_true(pins_same(same, three, 3));
	assert_true(pins_have(same, three[2]));
	assert_false(pins_have(same, four));
	assert_false(pins_same(same, three, 2));
	pins_put(same);
	pins_put(pins);
	check_parcel(OBJECT_PINS, &p);

	memset(&p, 0, sizeof(p));
	parcel_put(&p, "", PARCEL_MAX + 1);
	assert_true(p.bad);
	parcel_free(&p);
}

/* --- both ends, in one event loop ------------------------------------------------ */

static struct workshop shop;
static struct worker *worker;
static bool gone;
static int installed_ret;

static int no_prepare(int fd, char *why, size_t len)
{
	(void)why;
	(void)len;
	return fd >= 0 ? 0 : -EBADF;
}

static int no_install(int fd, const struct kdf_keys *keys, char *why, size_t len)
{
	(void)why;
	(void)len;
	return fd >= 0 && keys->cipher ? 0 : -EINVAL;
}

static int look_installed(int fd, uint16_t *version, uint16_t *cipher, char *why, size_t len)
{
	(void)fd;
	*version = KDF_TLS12;
	*cipher = TLS_CIPHER_AES_GCM_128;
	snprintf(why, len, "no keys");
	return installed_ret;
}

static const struct handshake_ops no_ktls = { no_prepare, look_installed };

static void on_gone(void *arg)
{
	(void)arg;
	gone = true;
}

/* Return: the worker's end. */
static int open_shop(void)
{
	int sv[2];

	gone = false;
	installed_ret = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	workshop_adopt(&shop, sv[0]);
	shop.sockets = &no_ktls;
	assert_int_equal(workshop_run(&shop, base, &handshake_reports, NULL, NULL), 0);
	return sv[1];
}

static void open_worker(void)
{
	worker = worker_open(base, open_shop(), no_install, on_gone, NULL);
	assert_non_null(worker);
}

struct end {
	struct handshake *h;
	int done, fd;
	bool refuse;
	char why[512], name[256], alpn[64];
};

static bool accept_pin(void *arg, const uint8_t pin[TUNNEL_PIN_LEN])
{
	const struct end *e = arg;

	return !e->refuse && crypto_equal(pin, our_pin, TUNNEL_PIN_LEN);
}

static void on_done(void *arg, const struct handshake_result *r)
{
	struct end *e = arg;

	e->done++;
	e->h = NULL;
	e->fd = r->fd;
	snprintf(e->why, sizeof(e->why), "%s", r->why ? r->why : "");
	snprintf(e->name, sizeof(e->name), "%s", r->server_name ? r->server_name : "");
	snprintf(e->alpn, sizeof(e->alpn), "%s", r->alpn ? r->alpn : "");
}

/* @tls->fd is consumed. Return: false with err. */
static bool begin(struct end *e, struct tls_params *tls, unsigned int timeout_ms)
{
	struct handshake_params p = {
		.base = base,
		.shop = &shop,
		.tls = *tls,
		.timeout_ms = timeout_ms,
		.done = on_done,
		.arg = e,
	};

	memset(e, 0, sizeof(*e));
	e->fd = -1;
	fcntl(tls->fd, F_SETFL, O_NONBLOCK);
	p.tls.ciphers = TLS_CIPHERS_ALL;
	if (tls->id) {
		p.tls.accept_pin = accept_pin;
		p.tls.arg = e;
		p.pins = pins_new((const uint8_t(*)[TUNNEL_PIN_LEN])our_pin, 1);
	}
	e->h = handshake_start(&p, err, sizeof(err));
	pins_put(p.pins);
	return e->h != NULL;
}

static bool begin_carrier(struct end *e, int fd, bool server)
{
	struct tls_params tls = { .fd = fd, .server = server, .id = id };

	return begin(e, &tls, 5000);
}

static void run_until(const int *what)
{
	while (!*what)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
}

static void pair(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
}

static void shut(struct end *e)
{
	handshake_abort(e->h);
	if (e->fd >= 0)
		close(e->fd);
}

static void close_worker(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
	worker_close(worker);
	worker = NULL;
	workshop_stop(&shop);
	linger_flush();
}

/* A listener's certificates, a service's authorities: everything that is given to keep. */
static void test_edge(void **state)
{
	struct upstream u = { .verify = true, .name = "www.example", .alpn = "h2" };
	struct trust *trust = load_trust();
	struct certs *certs = load_certs("h2,http/1.1");
	struct tls_params server = { .server = true, .certs = certs },
			  client = { .upstream = &u, .trust = trust };
	struct end s, c;
	int fd[2], i;

	(void)state;
	open_worker();
	for (i = 0; i < 2; i++) {
		pair(fd);
		server.fd = fd[0];
		client.fd = fd[1];
		assert_true(begin(&s, &server, 5000));
		assert_true(begin(&c, &client, 5000));
		run_until(&s.done);
		run_until(&c.done);
		assert_string_equal(s.why, "");
		assert_string_equal(c.why, "");
		assert_string_equal(s.name, "www.example");
		assert_string_equal(s.alpn, "h2");
		assert_string_equal(c.alpn, "h2");
		shut(&s);
		shut(&c);
		/* two objects, given once; two handshakes each time */
		assert_int_equal(shop.next_id, 4 + 2 * i);
	}
	certs_put(certs);
	trust_put(trust);
	trust_flush();
	close_worker();
}

/* Until its very end it is asked whether the peer may come in. */
static void test_last_look(void **state)
{
	struct end s, c;
	int fd[2];

	(void)state;
	open_worker();
	pair(fd);
	assert_true(begin_carrier(&s, fd[0], true));
	assert_true(begin_carrier(&c, fd[1], false));
	s.refuse = true;
	run_until(&s.done);
	assert_non_null(strstr(s.why, "unknown peer "));
	assert_int_equal(s.fd, -1);
	run_until(&c.done);
	shut(&c);

	pair(fd);
	installed_ret = -EBUSY;
	assert_true(begin_carrier(&s, fd[0], true));
	assert_true(begin_carrier(&c, fd[1], false));
	run_until(&s.done);
	run_until(&c.done);
	assert_string_equal(s.why, "no keys");
	assert_string_equal(c.why, "no keys");
	assert_true(workshop_is_open(&shop));
	close_worker();
}

static void test_worker_ends(void **state)
{
	struct end s, c;
	int fd[2];

	(void)state;
	open_worker();
	pair(fd);
	assert_true(begin_carrier(&s, fd[0], true));
	event_base_loop(base, EVLOOP_NONBLOCK);
	worker_close(worker);
	run_until(&s.done);
	assert_string_equal(s.why, "the handshake worker has ended in the middle of it");
	assert_false(workshop_is_open(&shop));
	/* and nobody takes its place */
	assert_false(begin_carrier(&c, fd[1], false));
	assert_string_equal(err, "there is no handshake worker at this moment");
	assert_int_equal(fcntl(fd[1], F_GETFD), -1);
	workshop_stop(&shop);
	linger_flush();
}

static void test_orders_of_no_sense(void **state)
{
	uint8_t bytes[ORDERS_MAX + 1] = { 0 };
	struct order o = { .what = ORDER_OBJECT, .id = 1, .kind = OBJECT_PINS, .len = 4 };
	size_t len;
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		open_worker();
		len = order_write(bytes, &o);
		switch (i) {
		case 0: /* an object without its bytes */
			break;
		case 1:
			len--;
			break;
		case 2:
			bytes[0] = 77;
			break;
		case 3:
			len = sizeof(bytes);
		}
		assert_int_equal(passfd_send(shop.fd, bytes, len, -1), len);
		while (!gone)
			event_base_loop(base, EVLOOP_ONCE);
		worker_close(worker);
		workshop_stop(&shop);
	}
}

/* --- the test is the worker -------------------------------------------------------- */

/* The next order; *@fd: what came with it. Return: false if there is none. */
static bool hear(int from, struct order *o, int *fd)
{
	uint8_t bytes[ORDERS_MAX + 1];
	ssize_t n = passfd_receive(from, bytes, sizeof(bytes), fd);

	if (n < 0)
		return false;
	assert_true(order_read(o, bytes, (size_t)n));
	return true;
}

/* Up to the handshake; what comes before it is thrown away. */
static uint64_t hear_shake(int from, int *socket)
{
	struct order o = { 0 };

	while (o.what != ORDER_SHAKE) {
		assert_true(hear(from, &o, socket));
		if (o.what != ORDER_SHAKE)
			close(*socket);
	}
	assert_true(*socket >= 0);
	return o.id;
}

static void say(int to, const struct report *r)
{
	uint8_t bytes[ORDERS_MAX];
	size_t len = report_write(bytes, r);

	assert_int_equal(send(to, bytes, len, MSG_NOSIGNAL), len);
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* What a worker that somebody has taken over may say. */
static void test_lies(void **state)
{
	struct report good = { .what = REPORT_DONE, .has_pin = true, .alpn = TLS_ALPN }, r;
	struct end e;
	int i, to, fd[2], socket;

	(void)state;
	memcpy(good.pin, our_pin, sizeof(our_pin));
	for (i = 0; i < 6; i++) {
		to = open_shop();
		pair(fd);
		assert_true(begin_carrier(&e, fd[0], true));
		good.id = hear_shake(to, &socket);
		close(socket);
		/* of a handshake that nobody wants: it may have been given up */
		r = good;
		r.id += 1000;
		say(to, &r);
		assert_false(e.done);
		r = good;
		switch (i) {
		case 0:
			break;
		case 1: /* a peer that is none */
			r.pin[0] ^= 1;
			break;
		case 2:
			r.has_pin = false;
			break;
		case 3:
			snprintf(r.alpn, sizeof(r.alpn), "tunnel/2");
			break;
		case 4: /* a carrier has no such thing */
			snprintf(r.name, sizeof(r.name), "www.example");
			break;
		case 5:
			r.what = 99;
			break;
		}
		say(to, &r);
		assert_int_equal(e.done, 1);
		assert_int_equal(e.fd >= 0, i == 0);
		/* a peer may have lost its tunnel; the rest no worker says that is still ours */
		assert_int_equal(workshop_is_open(&shop), i < 2);
		if (i == 0)
			assert_string_equal(e.why, "");
		shut(&e);
		workshop_stop(&shop);
		linger_flush();
		close(to);
		close(fd[1]);
	}
}

/* What a listener is told of its client is what routes look at. */
static void test_lies_of_names(void **state)
{
	static const struct {
		const char *name, *alpn;
		bool good;
	} cases[] = {
		{ "", "", true },
		{ "www.example", "h2", true },
		{ "WWW.example", "h2", false },
		{ "www.example.", "", false },
		{ "a b", "", false },
		{ "www.example", "h3", false },
		{ "www.example", "h2,http/1.1", false },
	};
	struct certs *certs = load_certs("h2,http/1.1");
	struct tls_params tls = { .server = true, .certs = certs };
	struct report r = { .what = REPORT_DONE };
	int to, fd[2], socket;
	struct end e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		to = open_shop();
		pair(fd);
		tls.fd = fd[0];
		assert_true(begin(&e, &tls, 5000));
		r.id = hear_shake(to, &socket);
		close(socket);
		snprintf(r.name, sizeof(r.name), "%s", cases[i].name);
		snprintf(r.alpn, sizeof(r.alpn), "%s", cases[i].alpn);
		say(to, &r);
		assert_int_equal(e.done, 1);
		assert_int_equal(e.fd >= 0, cases[i].good);
		assert_int_equal(workshop_is_open(&shop), cases[i].good);
		shut(&e);
		workshop_stop(&shop);
		linger_flush();
		close(to);
		close(fd[1]);
	}
	certs_put(certs);
}

/* One that says nothing: the handshake ends, and so does the worker. */
static void test_stuck(void **state)
{
	struct tls_params tls = { .server = true, .id = id };
	int to, fd[2], socket;
	struct order o;
	struct end e;

	(void)state;
	to = open_shop();
	shop.late_ms = 10;
	/* it was heard before the handshake began, and not since */
	shop.heard_ms = 0;
	pair(fd);
	tls.fd = fd[0];
	assert_true(begin(&e, &tls, 10));
	run_until(&e.done);
	assert_string_equal(e.why, "the handshake worker did not answer in time");
	assert_false(workshop_is_open(&shop));
	hear_shake(to, &socket);
	close(socket);
	do {
		assert_true(hear(to, &o, &socket));
	} while (o.what != ORDER_ABORT);
	workshop_stop(&shop);
	linger_flush();
	close(to);
	close(fd[1]);
}

#define MANY 2000

/* More orders than the socket has room for: they wait, in their order, or are taken back. */
static void test_queue(void **state)
{
	static struct end e[MANY];
	int to = open_shop(), fd[2], socket, n = 0, heard = 0;
	uint64_t last = 0;
	struct order o;

	(void)state;
	pair(fd);
	while (!shop.queue && n < MANY - 2)
		assert_true(begin_carrier(&e[n++], dup(fd[0]), true));
	assert_non_null(shop.queue);
	assert_true(begin_carrier(&e[n++], dup(fd[0]), true));
	assert_true(begin_carrier(&e[n++], dup(fd[0]), true));
	handshake_abort(e[n - 2].h);
	e[n - 2].h = NULL;
	handshake_abort(e[0].h); /* it has gone: that is told behind the others */
	e[0].h = NULL;
	for (o.what = 0; o.what != ORDER_ABORT;) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		while (o.what != ORDER_ABORT && hear(to, &o, &socket)) {
			assert_int_equal(socket >= 0,
					 o.what == ORDER_SHAKE || o.what == ORDER_OBJECT);
			if (socket >= 0)
				close(socket);
			if (o.what != ORDER_SHAKE)
				continue;
			assert_true(o.id > last);
			last = o.id;
			heard++;
		}
	}
	assert_int_equal(heard, n - 1);
	assert_null(shop.queue);
	while (n--)
		handshake_abort(e[n].h);
	workshop_stop(&shop);
	close(to);
	close(fd[0]);
	close(fd[1]);
}

/* What is gone here is forgotten there. */
static void test_forget(void **state)
{
	struct certs *certs = load_certs(NULL);
	struct tls_params tls = { .server = true, .certs = certs };
	struct order o = { 0 };
	int to, fd[2], socket;
	uint64_t object = 0;
	struct end e;

	(void)state;
	to = open_shop();
	pair(fd);
	tls.fd = fd[0];
	assert_true(begin(&e, &tls, 5000));
	assert_true(hear(to, &o, &socket));
	assert_int_equal(o.what, ORDER_OBJECT);
	object = o.id;
	close(socket);
	hear_shake(to, &socket);
	close(socket);
	certs_put(certs);
	assert_false(hear(to, &o, &socket)); /* the handshake still has it */
	handshake_abort(e.h);
	assert_true(hear(to, &o, &socket));
	assert_int_equal(o.what, ORDER_ABORT);
	assert_true(hear(to, &o, &socket));
	assert_int_equal(o.what, ORDER_FORGET);
	assert_int_equal(o.id, object);
	workshop_stop(&shop);
	close(to);
	close(fd[1]);
}

/* The test gives the orders: an object that was never given, or is forgotten, is no object. */
static void test_unknown_objects(void **state)
{
	struct order orders[] = {
		{ .what = ORDER_SHAKE, .server = true, .certs = 5 },
		{ .what = ORDER_SHAKE, .server = true, .identity = 6, .pins = 7 },
		{ .what = ORDER_SHAKE, .upstream = true, .verify = true, .trust = 8 },
		{ .what = ORDER_SHAKE },
	};
	uint8_t bytes[ORDERS_MAX + 1];
	struct report r;
	size_t i, len;
	int sv[2], fd[2];
	ssize_t n;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	worker = worker_open(base, sv[1], no_install, on_gone, NULL);
	assert_non_null(worker);
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		pair(fd);
		orders[i].id = i + 1;
		orders[i].timeout_ms = 5000;
		len = order_write(bytes, &orders[i]);
		/* with a socket, and without one */
		assert_int_equal(passfd_send(sv[0], bytes, len, fd[0]), len);
		assert_int_equal(passfd_send(sv[0], bytes, len, -1), len);
		close(fd[0]);
		event_base_loop(base, EVLOOP_NONBLOCK);
		n = recv(sv[0], bytes, sizeof(bytes), MSG_DONTWAIT);
		assert_true(n > 0 && report_read(&r, bytes, (size_t)n));
		assert_int_equal(r.what, REPORT_FAILED);
		assert_int_equal(r.id, i + 1);
		assert_non_null(strstr(r.why, "not known"));
		n = recv(sv[0], bytes, sizeof(bytes), MSG_DONTWAIT);
		assert_true(n > 0 && report_read(&r, bytes, (size_t)n));
		assert_non_null(strstr(r.why, "no room"));
		/* it has no descriptor of it any more */
		assert_int_equal(read(fd[1], bytes, 1), 0);
		close(fd[1]);
	}
	worker_close(worker);
	close(sv[0]);
}

/* --- a process of its own ------------------------------------------------------------ */

/* _exit() that no sanitizer makes more of. */
static void leave(int status)
{
	syscall(SYS_exit_group, status);
}

static void call_nothing(void)
{
}

static void call_open(void)
{
	open("/dev/null", O_RDONLY);
}

static void call_socket(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

static void call_exec(void)
{
	char *argv[] = { "true", NULL };

	execve("/bin/true", argv, argv + 1);
}

static void call_fork(void)
{
	fork();
}

static void call_mmap_exec(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void call_setsockopt(void)
{
	setsockopt(0, SOL_SOCKET, SO_MARK, "\1\0\0", 4);
}

static void call_ulp(void)
{
	setsockopt(0, IPPROTO_TCP, TCP_ULP, "tls", 4);
}

static void call_kill(void)
{
	kill(getppid(), 0);
}

static void call_shutdown(void)
{
	shutdown(0, SHUT_RDWR);
}

static void call_what_is_needed(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t byte;

	if (p == MAP_FAILED || munmap(p, 4096))
		leave(1);
	if (setsockopt(0, 282 /* SOL_TLS */, TLS_TX, &byte, 1) != -1 ||
	    setsockopt(0, 282, TLS_RX, &byte, 1) != -1 || crypto_random(NULL, &byte, 1))
		leave(1);
	close(1);
}

/* Return: the signal that ended it, or minus its status. */
static int sealed(void (*call)(void), bool drop)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		char why[256];

		if ((drop && jail_drop(why, sizeof(why))) || jail_seal(why, sizeof(why)))
			leave(2);
		call();
		leave(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void test_jail(void **state)
{
	static void (*const forbidden[])(void) = {
		call_open,	 call_socket, call_exec, call_fork,	call_mmap_exec,
		call_setsockopt, call_ulp,    call_kill, call_shutdown,
	};
	size_t i;

	(void)state;
	assert_int_equal(sealed(call_nothing, true), 0);
	assert_int_equal(sealed(call_what_is_needed, true), 0);
	/* abort() is seen as what it is */
	assert_int_equal(sealed(abort, true), SIGABRT);
	for (i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (sealed(forbidden[i], true) != SIGSYS)
			fail_msg("call %zu is not forbidden", i);
	/* with rights still there it is no jail */
	assert_int_equal(sealed(call_nothing, false), -2);
}

/* The first process whose parent is @parent, or 0. */
static pid_t child_of(pid_t parent)
{
	char path[64], line[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	f = fopen(path, "r");
	if (f) {
		if (!fgets(line, sizeof(line), f))
			*line = 0;
		fclose(f);
	}
	return (pid_t)atoi(line);
}

static void check_status(pid_t pid, const char *wanted)
{
	char path[64], text[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	if (!strstr(text, wanted))
		fail_msg("no '%s' in: %s", wanted, text);
}

static void shake_hands(void)
{
	struct end s, c;
	int fd[2];

	pair(fd);
	assert_true(begin_carrier(&s, fd[0], true));
	assert_true(begin_carrier(&c, fd[1], false));
	run_until(&s.done);
	run_until(&c.done);
	assert_string_equal(s.why, "");
	assert_string_equal(c.why, "");
	shut(&s);
	shut(&c);
}

/* As the daemon has it: started, shut in, killed, started again, and gone with us. */
static void test_process(void **state)
{
	pid_t pid, before;
	struct end e;
	int fd[2];

	(void)state;
	installed_ret = 0;
	if (workshop_begin(&shop, err, sizeof(err)))
		fail_msg("%s", err);
	shop.sockets = &no_ktls;
	assert_int_equal(workshop_run(&shop, base, &handshake_reports, NULL, NULL), 0);
	pid = child_of(shop.starter_pid);
	check_status(pid, "Name:\ttunneld-tls\n");
	check_status(pid, "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n");
	check_status(pid, "NoNewPrivs:\t1\nSeccomp:\t2\n");
	if (!geteuid()) {
		check_status(pid, "CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\n");
		check_status(pid, "Uid:\t65534\t65534\t65534\t65534\n");
		check_status(shop.starter_pid, "Uid:\t65534\t65534\t65534\t65534\n");
	}
	shake_hands();
	shake_hands();
	assert_int_equal(child_of(shop.starter_pid), pid);

	pair(fd);
	assert_true(begin_carrier(&e, fd[0], true));
	/* whatever it was given, it has seen it */
	assert_int_equal(kill(pid, SIGKILL), 0);
	run_until(&e.done);
	assert_string_equal(e.why, "the handshake worker has ended in the middle of it");
	before = pid;
	while (!workshop_is_open(&shop))
		event_base_loop(base, EVLOOP_ONCE);
	/* it is given again what the former one had */
	shake_hands();
	pid = child_of(shop.starter_pid);
	assert_true(pid && pid != before);

	/* one that is stuck ends, too: the next one takes its place */
	workshop_renew(&shop, "is to go");
	while (!workshop_is_open(&shop))
		event_base_loop(base, EVLOOP_ONCE);
	shake_hands();
	assert_int_equal(kill(pid, 0), -1);
	pid = child_of(shop.starter_pid);
	workshop_stop(&shop);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(kill(shop.starter_pid, 0), -1);
	linger_flush();
	close(fd[1]);
}

/* --- all of it --------------------------------------------------------------------- */

static const char script[] =
	"cd %s && exec 2>/dev/null; umask 077\n"
	"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=www.example"
	" -addext subjectAltName=DNS:www.example -keyout key -out ca && cat ca key >www";

static int make_files(void **state)
{
	char command[sizeof(script) + sizeof(dir)], path[64];

	(void)state;
	umask(077);
	base = event_base_new();
	if (!base || crypto_init(err, sizeof(err)) || !mkdtemp(dir))
		return -1;
	snprintf(command, sizeof(command), script, dir);
	if (system(command))
		return -1;
	snprintf(path, sizeof(path), "%s/id", dir);
	if (tnl_key_generate(path, our_pin, err, sizeof(err)))
		return -1;
	id = identity_get(path, err, sizeof(err));
	return id ? 0 : -1;
}

static int remove_files(void **state)
{
	char command[64];

	(void)state;
	identity_put(id);
	identity_flush();
	trust_flush();
	crypto_free();
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) ? -1 : 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_parcels),
		cmocka_unit_test(test_edge),
		cmocka_unit_test(test_last_look),
		cmocka_unit_test(test_worker_ends),
		cmocka_unit_test(test_orders_of_no_sense),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_lies_of_names),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_unknown_objects),
		cmocka_unit_test(test_jail),
		cmocka_unit_test(test_process),
	};

	if (argc == 2 && !strcmp(argv[1], STARTER_WORKER))
		worker_main(STARTER_FD, no_install);
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
