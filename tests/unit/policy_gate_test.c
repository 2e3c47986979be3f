// SPDX-License-Identifier: GPL-2.0
/* Who may come in: lines, what they mean together, and the one order of them. */
/* links: userspace/policy/gate.c userspace/policy/route.c userspace/policy/http.c */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "gate.h"

static struct gate g;

static int setup(void **state)
{
	(void)state;
	memset(&g, 0, sizeof(g));
	return 0;
}

static const char *line(const char *text)
{
	enum gate_kind kind = gate_kind(text);
	char words[256];

	assert_true(kind < GATE_KINDS);
	snprintf(words, sizeof(words), "%s", text + strspn(text, " ") + strlen(gate_word(kind)));
	return gate_read(&g, kind, words);
}

static struct sockaddr_storage address(const char *host)
{
	struct sockaddr_storage a = { 0 };
	struct sockaddr_in6 *in6 = (void *)&a;
	struct sockaddr_in *in = (void *)&a;

	if (!host)
		return a;
	if (inet_pton(AF_INET, host, &in->sin_addr) == 1)
		a.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1)
		a.ss_family = AF_INET6;
	assert_true(a.ss_family);
	return a;
}

static bool allows(const char *host)
{
	struct sockaddr_storage a = address(host);

	return gate_allows(&g, &a);
}

static void test_kinds(void **state)
{
	(void)state;
	assert_int_equal(gate_kind("proxy from 10.0.0.0/8"), GATE_PROXY);
	assert_int_equal(gate_kind(" \tallow x"), GATE_ALLOW);
	assert_int_equal(gate_kind("deny"), GATE_DENY);
	assert_int_equal(gate_kind("denys"), GATE_KINDS);
	assert_int_equal(gate_kind("to gw/web"), GATE_KINDS);
	assert_int_equal(gate_kind(""), GATE_KINDS);
}

static void test_allow_deny(void **state)
{
	(void)state;
	assert_true(allows("192.0.2.1") && allows(NULL));
	assert_null(line("deny 192.0.2.0/25"));
	assert_false(allows("192.0.2.1"));
	assert_false(allows("::ffff:192.0.2.1"));
	assert_true(allows("192.0.2.200") && allows("2001:db8::1") && allows(NULL));
	assert_null(line("allow 192.0.2.0/24"));
	assert_null(line("allow 2001:db8::/32"));
	/* the one that may not may not, and nobody else may */
	assert_false(allows("192.0.2.1"));
	assert_true(allows("192.0.2.200") && allows("2001:db8::1"));
	assert_false(allows("198.51.100.1"));
	assert_false(allows("2001:db9::1"));
	assert_false(allows(NULL));
}

static void test_proxy(void **state)
{
	struct sockaddr_storage in = address("10.1.2.3"), out = address("11.1.2.3"),
				none = address(NULL);

	(void)state;
	assert_false(gate_has(&g, GATE_PROXY, &in));
	assert_null(line("proxy from 10.0.0.0/8"));
	assert_true(gate_has(&g, GATE_PROXY, &in));
	assert_false(gate_has(&g, GATE_PROXY, &out));
	assert_false(gate_has(&g, GATE_PROXY, &none));
	/* it says nothing about who may come in */
	assert_true(gate_allows(&g, &out));
}

static void test_bad(void **state)
{
	(void)state;
	assert_string_equal(line("allow"), "has no network");
	assert_string_equal(line("proxy 10.0.0.0/8"), "is not \"proxy from NETWORK\"");
	assert_string_equal(line("proxy from"), "has no network");
	assert_string_equal(line("deny 10.0.0.0/8 11.0.0.0/8"),
			    "has a word too many: a line for each network");
	assert_string_equal(line("deny 10.0.0.1/8"), "has bits behind its prefix");
	assert_string_equal(line("deny example.org"), "is no address");
	assert_int_equal(g.n[GATE_ALLOW] + g.n[GATE_DENY] + g.n[GATE_PROXY], 0);
}

static void test_many(void **state)
{
	char text[64];
	unsigned int i;

	(void)state;
	for (i = 0; i < GATE_MAX; i++) {
		snprintf(text, sizeof(text), "allow 10.0.0.%u", i);
		assert_null(line(text));
		/* again is none more */
		assert_null(line(text));
	}
	assert_int_equal(g.n[GATE_ALLOW], GATE_MAX);
	assert_string_equal(line("allow 10.0.1.1"), "is one network more than 64");
	assert_null(line("deny 10.0.1.1"));
}

static void test_format(void **state)
{
	static const char *const want[] = { "proxy from 10.0.0.0/8", "allow 10.0.0.0/8",
					    "allow 10.0.0.0/9",	     "allow 192.0.2.1",
					    "allow 2001:db8::/32",   "deny ::/0" };
	char text[GATE_LINE_MAX];
	enum gate_kind kind;
	size_t i, n = 0;

	(void)state;
	for (i = sizeof(want) / sizeof(want[0]); i-- > 0;)
		assert_null(line(want[i]));
	gate_sort(&g);
	for (kind = 0; kind < GATE_KINDS; kind++)
		for (i = 0; i < g.n[kind]; i++)
			assert_string_equal(gate_format(kind, &g.network[kind][i], text),
					    want[n++]);
	assert_int_equal(n, sizeof(want) / sizeof(want[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_kinds, setup),
		cmocka_unit_test_setup(test_allow_deny, setup),
		cmocka_unit_test_setup(test_proxy, setup),
		cmocka_unit_test_setup(test_bad, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_format, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
