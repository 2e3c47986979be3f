// SPDX-License-Identifier: GPL-2.0
/* Networks, and which route a connection takes. */
/* links: userspace/policy/http.c userspace/policy/route.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <linux/tunnel.h>
#include <string.h>
#include "../../userspace/policy/route.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct sockaddr_storage from(const char *text)
{
	struct sockaddr_storage a = { .ss_family = AF_INET };

	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&a)->sin_addr) == 1)
		return a;
	a.ss_family = AF_INET6;
	assert_int_equal(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&a)->sin6_addr), 1);
	return a;
}

static void networks(void **state)
{
	static const struct {
		const char *network, *address;
		bool has;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.0.1", true },
		{ "10.0.0.0/8", "11.0.0.1", false },
		{ "10.1.2.128/25", "10.1.2.200", true },
		{ "10.1.2.128/25", "10.1.2.127", false },
		{ "0.0.0.0/0", "1.2.3.4", true },
		{ "0.0.0.0/0", "::1", false },
		{ "1.2.3.4", "1.2.3.4", true },
		{ "1.2.3.4", "1.2.3.5", false },
		{ "1.2.3.4", "::ffff:1.2.3.4", true },
		{ "::/0", "::ffff:1.2.3.4", false },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "::1", "::1", true },
		{ "::1/128", "::2", false },
	};
	static const char *const bad[] = {
		"",
		"/",
		"1.2.3",
		"1.2.3.4/",
		"1.2.3.4/33",
		"1.2.3.4/-1",
		"1.2.3.4/ 8",
		"1.2.3.4/8x",
		"1.2.3.4/8",
		"::/129",
		"::ffff:10.0.0.0/104",
		"::ffff:0:0/96",
		"::1/64",
		"a.b",
		"1.2.3.4/99999999999999999999",
		"::1%lo",
		"1234:1234:1234:1234:1234:1234:123.123.123.123.123/1",
	};
	struct sockaddr_storage a;
	struct network n;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_null(network_parse(&n, cases[i].network));
		a = from(cases[i].address);
		if (network_has(&n, &a) != cases[i].has)
			fail_msg("%s in %s", cases[i].address, cases[i].network);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (!network_parse(&n, bad[i]))
			fail_msg("taken: %s", bad[i]);
}

/* Does a route of one condition take a request to host, path, with x-a: 1? */
static bool takes(struct route t, const char *host, const char *path)
{
	static struct request r;
	struct sockaddr_storage a = from("192.0.2.1");

	memset(&r, 0, sizeof(r));
	strcpy(r.host, host);
	strcpy(r.sni, host);
	r.path = (struct text){ path, strlen(path) };
	r.protocol = TUNNEL_PROTOCOL_GRPC;
	r.headers[0] = (struct header){ { "X-Other", 7 }, { "2", 1 } };
	r.headers[1] = (struct header){ { "X-A", 3 }, { "1", 1 } };
	r.n_headers = 2;
	r.alpn[0] = (struct text){ "h2", 2 };
	r.n_alpn = 1;
	return route_find(&t, 1, &r, &a) == 0;
}

static void conditions(void **state)
{
#define ANY .protocol = ROUTE_ANY, .target = "a/b"
	(void)state;
	assert_true(takes((struct route){ ANY }, "", ""));
	assert_true(takes((struct route){ .host = "a.b", ANY }, "a.b", "/"));
	assert_false(takes((struct route){ .host = "a.b", ANY }, "x.a.b", "/"));
	assert_false(takes((struct route){ .host = "a.b", ANY }, "", "/"));
	assert_true(takes((struct route){ .host = "*.a.b", ANY }, "x.a.b", "/"));
	assert_true(takes((struct route){ .sni = "*.a.b", ANY }, "y.x.a.b", "/"));
	assert_false(takes((struct route){ .host = "*.a.b", ANY }, "a.b", "/"));
	assert_false(takes((struct route){ .host = "*.a.b", ANY }, ".a.b", "/"));
	assert_false(takes((struct route){ .sni = "*.a.b", ANY }, "xa.b", "/"));
	assert_true(takes((struct route){ .path = "/", ANY }, "", "/x"));
	assert_true(takes((struct route){ .path = "/api", ANY }, "", "/api"));
	assert_true(takes((struct route){ .path = "/api", ANY }, "", "/api/x"));
	assert_false(takes((struct route){ .path = "/api", ANY }, "", "/apix"));
	assert_false(takes((struct route){ .path = "/api", ANY }, "", "/ap"));
	assert_false(takes((struct route){ .path = "/api/", ANY }, "", "/api"));
	assert_true(takes((struct route){ .path = "/api/", ANY }, "", "/api/x"));
	assert_true(takes((struct route){ .header = "x-a", ANY }, "", ""));
	assert_true(takes((struct route){ .header = "x-a", .value = "1", ANY }, "", ""));
	assert_false(takes((struct route){ .header = "x-a", .value = "2", ANY }, "", ""));
	assert_false(takes((struct route){ .header = "x-b", ANY }, "", ""));
	assert_true(takes((struct route){ .alpn = "h2", ANY }, "", ""));
	assert_false(takes((struct route){ .alpn = "h", ANY }, "", ""));
	assert_true(
		takes((struct route){ .protocol = TUNNEL_PROTOCOL_GRPC, .target = "a/b" }, "", ""));
	assert_false(takes((struct route){ .protocol = TUNNEL_PROTOCOL_HTTP1, .target = "a/b" }, "",
			   ""));
	assert_true(takes((struct route){ .source = { AF_INET, { 192, 0, 2 }, 24 }, ANY }, "", ""));
	assert_false(
		takes((struct route){ .source = { AF_INET, { 192, 0, 3 }, 24 }, ANY }, "", ""));
	/* all of them, or it is not taken */
	assert_false(takes((struct route){ .host = "a.b", .path = "/y", ANY }, "a.b", "/x"));
}

static void order(void **state)
{
	const struct route routes[] = {
		{ .host = "a.b", .path = "/api", ANY },
		{ .host = "a.b", ANY },
		{ .host = "*.b", ANY },
	};
	static struct request r;
	struct sockaddr_storage a = from("::1");

	(void)state;
	assert_int_equal(route_find(routes, 3, &r, &a), -1);
	strcpy(r.host, "a.b");
	assert_int_equal(route_find(routes, 3, &r, &a), 1);
	r.path = (struct text){ "/api", 4 };
	assert_int_equal(route_find(routes, 3, &r, &a), 0);
	strcpy(r.host, "c.b");
	assert_int_equal(route_find(routes, 3, &r, &a), 2);
	assert_int_equal(route_find(routes, 0, &r, &a), -1);
}

/* Whose routes need no look at the bytes never pays for one. */
static void reads(void **state)
{
	const struct route all = { ANY }, here = { .source = { AF_INET, { 10 }, 8 }, ANY };
	const struct route web = { .host = "a.b", ANY },
			   other = { .protocol = ROUTE_ANY, .target = "a/c" },
			   by_name = { .sni = "a.b", .alpn = "h2", ANY };
	bool edge = false;
#define READS(...)                                                                                 \
	route_reads((const struct route[]){ __VA_ARGS__ },                                         \
		    ARRAY_SIZE(((const struct route[]){ __VA_ARGS__ })), edge)
	(void)state;
	assert_false(route_reads(NULL, 0, false));
	assert_false(READS(all));
	assert_false(READS(here));
	assert_false(READS(here, other));
	assert_false(READS(all, web));
	assert_false(READS(web, all)); /* the same place in any case */
	assert_true(READS(web));       /* or a refusal */
	assert_true(READS(web, here));
	assert_true(READS(web, other));
	edge = true;
	assert_true(READS(web));
	assert_true(READS(here, web, other));
	assert_false(READS(by_name));
	assert_false(READS(by_name, other));
	assert_true(READS(by_name, web, other));
	edge = false;
	assert_true(READS(by_name));
	assert_true(READS(by_name, other));
}

static void waiting(void **state)
{
	static const struct route routes[] = {
		{ .sni = "a", .protocol = ROUTE_ANY, .target = "t/sni" },
		{ .protocol = TUNNEL_PROTOCOL_HTTP1, .host = "a", .target = "t/http1" },
		{ .protocol = ROUTE_ANY,
		  .source = { .family = AF_INET, .address = { 10 }, .bits = 8 },
		  .target = "t/ten" },
		{ .protocol = TUNNEL_PROTOCOL_HTTP2, .target = "t/http2" },
		{ .protocol = ROUTE_ANY, .target = "t/all" },
	};
	static struct request r;
	struct sockaddr_storage ten = from("10.1.1.1"), other = from("11.1.1.1");

	(void)state;
	assert_int_equal(route_waiting(routes, 5, &r, &ten), 2);
	/* it may be gRPC yet, which goes further */
	assert_int_equal(route_waiting(routes, 5, &r, &other), -1);
	assert_int_equal(route_waiting(routes + 4, 1, &r, &other), 0);
	assert_int_equal(route_waiting(routes, 2, &r, &other), -1);
	assert_int_equal(route_waiting(routes, 0, &r, &other), -1);
	/* a handshake has told the name */
	strcpy(r.sni, "a");
	assert_int_equal(route_waiting(routes, 5, &r, &other), 0);
	strcpy(r.sni, "b");
	assert_int_equal(route_waiting(routes, 5, &r, &ten), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waiting), cmocka_unit_test(networks), cmocka_unit_test(conditions),
		cmocka_unit_test(order),   cmocka_unit_test(reads),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
