// SPDX-License-Identifier: GPL-2.0
/* Where a peer wants to go: bytes that it chooses. */
/* links: userspace/policy/destination.c userspace/policy/http.c userspace/lib/text.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "../../userspace/policy/destination.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* In memory of its size, so that the sanitizer sees a byte too much. */
static const char *parse(struct destination *d, const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);
	const char *why;

	assert_non_null(copy);
	memcpy(copy, text, len);
	why = destination_parse(d, copy, len);
	free(copy);
	return why;
}

static void taken(void **state)
{
	static const struct {
		const char *text, *format;
	} cases[] = {
		{ "a:1", "a:1" },
		{ "A-b_C.Example.:65535", "a-b_c.example:65535" },
		{ "xn--bcher-kva.example:443", "xn--bcher-kva.example:443" },
		{ "1.2.3.4.example:80", "1.2.3.4.example:80" },
		{ "127.1.x:80", "127.1.x:80" },
		{ "0xfg:80", "0xfg:80" },
		{ "a.1x:80", "a.1x:80" },
		{ "1.2.3.4:80", "1.2.3.4:80" },
		{ "0.0.0.0:80", "0.0.0.0:80" },
		{ "255.255.255.255:80", "255.255.255.255:80" },
		{ "[::1]:80", "[::1]:80" },
		{ "[2001:DB8:0::0:1]:8080", "[2001:db8::1]:8080" },
		{ "[::ffff:10.0.0.1]:80", "10.0.0.1:80" },
		{ "[::FFFF:a00:1]:80", "10.0.0.1:80" },
		{ "[::10.0.0.1]:80", "[::10.0.0.1]:80" },
		{ "[1111:2222:3333:4444:5555:6666:123.123.123.123]:65535",
		  "[1111:2222:3333:4444:5555:6666:7b7b:7b7b]:65535" },
	};
	char text[DESTINATION_MAX + 1];
	struct destination d, again;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		why = parse(&d, cases[i].text, strlen(cases[i].text));
		if (why)
			fail_msg("'%s' %s", cases[i].text, why);
		assert_string_equal(destination_format(&d, text), cases[i].format);
		assert_null(parse(&again, text, strlen(text)));
		assert_memory_equal(&d, &again, sizeof(d));
	}
	assert_null(parse(&d, "a.b:443", 7));
	assert_string_equal(d.host, "a.b");
	assert_int_equal(d.addr.ss_family, 0);
	assert_int_equal(d.port, 443);
	assert_null(parse(&d, "[::ffff:1.2.3.4]:443", 20));
	assert_string_equal(d.host, "");
	assert_int_equal(d.addr.ss_family, AF_INET);
	assert_int_equal(d.port, 443);
	assert_int_equal(((struct sockaddr_in *)&d.addr)->sin_port, htons(443));
	assert_int_equal(((struct sockaddr_in *)&d.addr)->sin_addr.s_addr, htonl(0x01020304));
	assert_null(parse(&d, "[::2]:443", 9));
	assert_int_equal(d.addr.ss_family, AF_INET6);
	assert_int_equal(((struct sockaddr_in6 *)&d.addr)->sin6_port, htons(443));
}

static void not_taken(void **state)
{
#define T(text) text, sizeof(text) - 1
	static const struct {
		const char *text;
		size_t len;
		const char *says;
	} cases[] = {
		{ T(""), "is empty" },
		{ T("a"), "has no port" },
		{ T("[::1]"), "has no port" },
		{ T("::1]"), "has no port" },
		{ T("a:"), "has a port that" },
		{ T("a:0"), "has a port that" },
		{ T("a:080"), "has a port that" },
		{ T("a:+80"), "has a port that" },
		{ T("a:-1"), "has a port that" },
		{ T("a: 80"), "has a port that" },
		{ T("a:80 "), "has a port that" },
		{ T("a:80\n"), "has a port that" },
		{ T("a:80\0"), "has a port that" },
		{ T("a:65536"), "has a port that" },
		{ T("a:99999"), "has a port that" },
		{ T("a:4294967376"), "has a port that" },
		{ T("a:http"), "has a port that" },
		{ T(":80"), "is no host name" },
		{ T(".:80"), "is no host name" },
		{ T("a..:80"), "is no host name" },
		{ T("a..b:80"), "is no host name" },
		{ T(".a:80"), "is no host name" },
		{ T("a b:80"), "is no host name" },
		{ T("a\0b:80"), "is no host name" },
		{ T("a\0:80"), "is no host name" },
		{ T("b\xc3\xbc.example:80"), "is no host name" },
		{ T("a@b:80"), "is no host name" },
		{ T("a/b:80"), "is no host name" },
		{ T("*.a:80"), "is no host name" },
		{ T("fe80::1%eth0:80"), "without brackets" },
		{ T("::1:80"), "without brackets" },
		{ T("a:1:80"), "without brackets" },
		{ T("[:80"), "has no ']'" },
		{ T("[::1:80"), "has no ']'" },
		{ T("[::1]x:80"), "has no ']'" },
		{ T("[]:80"), "is no IPv6" },
		{ T("[1.2.3.4]:80"), "is no IPv6" },
		{ T("[a.b]:80"), "is no IPv6" },
		{ T("[fe80::1%eth0]:80"), "is no IPv6" },
		{ T("[fe80::1%1]:80"), "is no IPv6" },
		{ T("[::1\0]:80"), "is no IPv6" },
		{ T("[[::1]]:80"), "is no IPv6" },
		{ T("[::ffff:1.2.3]:80"), "is no IPv6" },
		{ T("[1111:2222:3333:4444:5555:6666:123.123.123.1234]:80"), "is no IPv6" },
		/* what inet_aton() takes, or may one day */
		{ T("127.1:80"), "ends in a number" },
		{ T("2130706433:80"), "ends in a number" },
		{ T("0x7f000001:80"), "ends in a number" },
		{ T("0X7F.1:80"), "ends in a number" },
		{ T("127.0.0.0x1:80"), "ends in a number" },
		{ T("0x:80"), "ends in a number" },
		{ T("017700000001:80"), "ends in a number" },
		{ T("127.0.0.01:80"), "ends in a number" },
		{ T("127.0.0.1.:80"), "ends in a number" },
		{ T("127.0.0.1.5:80"), "ends in a number" },
		{ T("256.0.0.1:80"), "ends in a number" },
		{ T("a.example.1:80"), "ends in a number" },
		{ T("1.2.3.4\0:80"), "is no host name" },
	};
	static const struct destination zero;
	struct destination d;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(&d, 0xff, sizeof(d));
		why = parse(&d, cases[i].text, cases[i].len);
		if (!why || !strstr(why, cases[i].says))
			fail_msg("'%s': '%s'", cases[i].text, why ? why : "taken");
		assert_memory_equal(&d, &zero, sizeof(d));
	}
	assert_non_null(destination_parse(&d, NULL, 0));
}

/* @n bytes of labels of 63, a port behind them */
static const char *of_length(size_t n, const char *behind)
{
	static char text[300];
	size_t i;

	for (i = 0; i < n; i++)
		text[i] = i % 64 == 63 ? '.' : 'a';
	strcpy(text + n, behind);
	return text;
}

static void lengths(void **state)
{
	static const struct {
		size_t n;
		const char *behind, *says;
	} cases[] = {
		{ 63, ":80", NULL },
		{ 63, ".:80", NULL },
		{ 63, "a:80", "label of more than 63" },
		{ 63, "a.b:80", "label of more than 63" },
		{ 253, ":65535", NULL },
		{ 253, ".:65535", NULL },
		{ 254, ":65535", "longer than a host name" },
		{ 255, ":65535", "longer than a host name" },
		{ 255, ".:6553", "longer than a host name" },
		{ 257, ":80", "is no host name" },
		{ 256, ":65535", "longer than 261" },
		{ 261, "", "has no port" },
		{ 262, "", "longer than 261" },
	};
	struct destination d;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *text = of_length(cases[i].n, cases[i].behind);
		const char *why = parse(&d, text, strlen(text));

		if (cases[i].says ? !why || !strstr(why, cases[i].says) : !!why)
			fail_msg("%zu%s: '%s'", cases[i].n, cases[i].behind, why ? why : "taken");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(not_taken),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
