// SPDX-License-Identifier: GPL-2.0
/*
 * The map of `tunnelctl run`, and addresses by name and number.
 */
/* links: userspace/preload/map.c userspace/libtunnel/address.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../../userspace/libtunnel/tunnel.h"
#include "../../userspace/preload/map.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define N63	      "123456789.123456789.123456789.123456789.123456789.123456789.123"

/* The module's answer, without a module. */
static int family = 25;

int tunnel_family(void)
{
	if (family < 0)
		errno = EAFNOSUPPORT;
	return family;
}

/* From memory that ends with the text, so that a look behind it is noticed. */
static const char *parse(const char *text, size_t len, struct map_entry *entry)
{
	char *copy = malloc(len ? len : 1);
	const char *why;

	memcpy(copy, text, len);
	why = map_parse(copy, len, entry);
	free(copy);
	return why;
}

static void entries(void **state)
{
	static const struct {
		const char *text, *host, *addr;
		uint16_t port;
		const char *tunnel, *service;
	} cases[] = {
		{ "db:5432=home/pg", "db", NULL, 5432, "home", "pg" },
		{ "DB.Example.ORG.:1=a/b", "db.example.org", NULL, 1, "a", "b" },
		{ "10.0.0.1:65535=h.o/p-q_r", "", "::ffff:10.0.0.1", 65535, "h.o", "p-q_r" },
		{ "[2001:db8::1]:80=home/web", "", "2001:db8::1", 80, "home", "web" },
		{ "[::ffff:1.2.3.4]:80=home/web", "", "::ffff:1.2.3.4", 80, "home", "web" },
		{ "x_y:00080=" N63 "/" N63, "x_y", NULL, 80, N63, N63 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct map_entry entry;
		char addr[INET6_ADDRSTRLEN];

		assert_null(parse(cases[i].text, strlen(cases[i].text), &entry));
		assert_string_equal(entry.host, cases[i].host);
		assert_int_equal(entry.port, cases[i].port);
		assert_string_equal(entry.to.tunnel, cases[i].tunnel);
		assert_string_equal(entry.to.service, cases[i].service);
		inet_ntop(AF_INET6, &entry.addr, addr, sizeof(addr));
		assert_string_equal(addr, cases[i].addr ? cases[i].addr : "::");
	}
}

static void no_entries(void **state)
{
	static const char *const cases[] = {
		"",
		"=",
		":=/",
		"a",
		"a:80",
		"a=home/web",
		"a:=home/web",
		":80=home/web",
		"a:0=home/web",
		"a:65536=home/web",
		"a:4294967376=home/web",
		"a:-1=home/web",
		"a:+80=home/web",
		"a: 80=home/web",
		"a:8x=home/web",
		"a:80=",
		"a:80=/",
		"a:80=home",
		"a:80=home/",
		"a:80=/web",
		"a:80=home/web/x",
		"a:80=Home/web",
		"a:80=home/we b",
		"a:80=home/web\n",
		"a:80=home/web,b:80=home/web",
		"a:80=" N63 "x/web",
		"a:80=home/" N63 "x",
		"a b:80=home/web",
		"a%:80=home/web",
		".:80=home/web",
		"[]:80=home/web",
		"[:80=home/web",
		"[::1:80=home/web",
		"[1.2.3.4]:80=home/web",
		"[fe80::1%lo]:80=home/web",
		"[" N63 N63 N63 N63 N63 "]:80=home/web",
		"::1:80=home/web",
		"1.2.3:80=home/web",
		"1:80=home/web",
		"1.2.3.256:80=home/web",
		"a\xff:80=home/web",
		N63 N63 N63 N63 N63 ":80=home/web",
	};
	struct map_entry entry;
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_non_null(parse(cases[i], strlen(cases[i]), &entry));
	assert_non_null(parse("a:80=home/w\0b", 13, &entry));
	/* no beginning of an entry looks behind its end */
	for (len = 0; len < strlen("[::1]:80=home/web") - 2; len++)
		assert_non_null(parse("[::1]:80=home/web", len, &entry));
}

static void random_entries(void **state)
{
	static const char letters[] = "a1.:=/[]-_%,\x01\xff";
	unsigned int seed = 1, i, n;

	(void)state;
	for (i = 0; i < 200000; i++) {
		struct map_entry entry;
		char text[24];

		for (n = 0; n < sizeof(text); n++) {
			seed = seed * 1103515245 + 12345;
			text[n] = letters[(seed >> 16) % sizeof(letters)];
		}
		parse(text, i % sizeof(text), &entry);
	}
}

static void domain(void **state)
{
	struct map_target to;

	(void)state;
	assert_int_equal(map_domain("web.home.tunnel.internal", &to), 1);
	assert_string_equal(to.tunnel, "home");
	assert_string_equal(to.service, "web");
	assert_int_equal(map_domain("a.b.c.tunnel.internal", &to), 1);
	assert_string_equal(to.tunnel, "c");
	assert_string_equal(to.service, "a.b");
	assert_int_equal(map_domain("tunnel.internal.example.org", &to), 0);
	assert_int_equal(map_domain("xtunnel.internal", &to), 0);
	assert_int_equal(map_domain("web.home.xtunnel.internal", &to), 0);
	assert_int_equal(map_domain("", &to), 0);
	assert_int_equal(map_domain("tunnel.internal", &to), -1);
	assert_int_equal(map_domain(".tunnel.internal", &to), 0);
	assert_int_equal(map_domain("home.tunnel.internal", &to), -1);
	assert_int_equal(map_domain(".home.tunnel.internal", &to), -1);
	assert_int_equal(map_domain("web..tunnel.internal", &to), -1);
	assert_int_equal(map_domain(N63 "x.home.tunnel.internal", &to), -1);
}

static void hosts(void **state)
{
	char host[MAP_HOST_MAX + 1], longest[MAP_HOST_MAX + 2];

	(void)state;
	assert_int_equal(map_host("WWW.Example.", 12, host), 0);
	assert_string_equal(host, "www.example");
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(map_host(longest, MAP_HOST_MAX, host), 0);
	assert_int_equal(map_host(longest, MAP_HOST_MAX + 1, host), -1);
	assert_int_equal(map_host("", 0, host), -1);
	assert_int_equal(map_host(".", 1, host), -1);
	assert_int_equal(map_host("a\0b", 3, host), -1);
}

static int number_of(const char *text, int family_of)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(80) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };
	struct in6_addr addr;
	uint16_t port = 0;

	if (family_of == AF_INET6) {
		assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
		assert_int_equal(map_address((void *)&in6, sizeof(in6), &addr, &port), 0);
	} else {
		assert_int_equal(inet_pton(AF_INET, text, &in.sin_addr), 1);
		assert_int_equal(map_address((void *)&in, sizeof(in), &addr, &port), 0);
	}
	assert_int_equal(port, 80);
	return map_number(&addr);
}

static void numbers(void **state)
{
	char text[MAP_TEXT_MAX];
	int n;

	(void)state;
	for (n = 0; n <= MAP_NUMBER_MAX; n += 257) {
		assert_int_equal(number_of(map_number_text(n, AF_INET, text), AF_INET), n);
		assert_int_equal(number_of(map_number_text(n, AF_INET6, text), AF_INET6), n);
	}
	assert_int_equal(number_of("::ffff:240.84.1.2", AF_INET6), 258);
	assert_int_equal(number_of("240.85.0.1", AF_INET), -1);
	assert_int_equal(number_of("127.0.0.1", AF_INET), -1);
	assert_int_equal(number_of("100::1", AF_INET6), -1);
	assert_int_equal(number_of("::", AF_INET6), -1);
}

static void short_addresses(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr other = { .sa_family = AF_UNIX };
	struct in6_addr addr;
	uint16_t port;
	socklen_t len;

	(void)state;
	assert_int_equal(map_address(NULL, 16, &addr, &port), -1);
	assert_int_equal(map_address(&other, sizeof(other), &addr, &port), -1);
	for (len = 0; len < sizeof(in); len++)
		assert_int_equal(map_address((void *)&in, len, &addr, &port), -1);
	for (len = 0; len < 24; len++)
		assert_int_equal(map_address((void *)&in6, len, &addr, &port), -1);
	assert_int_equal(map_address((void *)&in6, 24, &addr, &port), 0);
}

static void services(void **state)
{
	static const char *const bad[] = { "",	  "/",	  "a/",	     "/b",	   "a/b/c",
					   "A/b", "a/b ", N63 "x/b", "a/" N63 "x", "a\n/b" };
	struct sockaddr_tunnel sa, same;
	size_t i;

	(void)state;
	assert_int_equal(sizeof(sa), 128);
	assert_int_equal(tunnel_parse("home/web", &sa), 0);
	assert_int_equal(sa.st_family, 25);
	assert_string_equal(sa.st_tunnel, "home");
	assert_string_equal(sa.st_service, "web");
	assert_int_equal(tunnel_address(&same, "home", "web"), 0);
	assert_memory_equal(&sa, &same, sizeof(sa));
	assert_int_equal(tunnel_parse(N63 "/" N63, &sa), 0);
	assert_memory_equal(sa.st_tunnel, N63, 63);
	assert_memory_equal(sa.st_service, N63, 63);
	assert_int_equal(tunnel_parse("web", &sa), 0);
	assert_string_equal(sa.st_tunnel, "");
	assert_int_equal(tunnel_address(&same, NULL, "web"), 0);
	assert_memory_equal(&sa, &same, sizeof(sa));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		assert_int_equal(tunnel_parse(bad[i], &sa), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(tunnel_address(&sa, "home", NULL), -1);
	assert_int_equal(tunnel_address(&sa, "ho/me", "web"), -1);
	family = -1;
	assert_int_equal(tunnel_parse("home/web", &sa), -1);
	assert_int_equal(errno, EAFNOSUPPORT);
	family = 25;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries),	   cmocka_unit_test(no_entries),
		cmocka_unit_test(random_entries),  cmocka_unit_test(domain),
		cmocka_unit_test(hosts),	   cmocka_unit_test(numbers),
		cmocka_unit_test(short_addresses), cmocka_unit_test(services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
