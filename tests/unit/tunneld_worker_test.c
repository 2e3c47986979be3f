// SPDX-License-Identifier: GPL-2.0
/*
 * The daemon and its handshake worker in one event loop, or the test in place of one of
 * them: what happens when the other is not as it should be.
 */
#include "worker_ends.h"

/* --- both ends, in one event loop ---------------------------------------------- */

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
	for (i = 0; i < 7; i++) {
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
		case 6: /* of all of its handshakes */
			r = (struct report){ .what = REPORT_UNABLE, .why = "no more" };
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edge),	    cmocka_unit_test(test_last_look),
		cmocka_unit_test(test_worker_ends), cmocka_unit_test(test_orders_of_no_sense),
		cmocka_unit_test(test_lies),	    cmocka_unit_test(test_lies_of_names),
		cmocka_unit_test(test_stuck),	    cmocka_unit_test(test_queue),
		cmocka_unit_test(test_forget),	    cmocka_unit_test(test_unknown_objects),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
