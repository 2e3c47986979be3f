// SPDX-License-Identifier: GPL-2.0
/* PROXY headers of both versions: what they say, where they end, what is none. */
/* links: userspace/policy/proxy.c */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static struct proxy_ends ends;
static const char *why;

static enum proxy_verdict parse(const void *bytes, size_t len)
{
	why = NULL;
	return proxy_parse(&ends, bytes, len, &why);
}

static const char *end_text(const struct sockaddr_storage *a)
{
	static char text[2][80];
	static int next;
	char host[INET6_ADDRSTRLEN] = "";
	char *out = text[next++ % 2];
	const struct sockaddr_in6 *in6 = (const void *)a;
	const struct sockaddr_in *in = (const void *)a;

	if (a->ss_family == AF_INET)
		snprintf(out, 80, "%s %u", inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host)),
			 ntohs(in->sin_port));
	else if (a->ss_family == AF_INET6)
		snprintf(out, 80, "%s %u", inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host)),
			 ntohs(in6->sin6_port));
	else
		snprintf(out, 80, "none");
	return out;
}

#define says(bytes, len, source_, local_)                                                          \
	do {                                                                                       \
		assert_int_equal(parse(bytes, len), PROXY_DONE);                                   \
		assert_string_equal(end_text(&ends.source), source_);                              \
		assert_string_equal(end_text(&ends.local), local_);                                \
	} while (0)

/* Each beginning is not all of it, and only the whole is. */
static void in_pieces(const void *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		assert_int_equal(parse(bytes, i), PROXY_MORE);
		assert_int_equal(ends.source.ss_family, 0);
	}
	assert_int_equal(parse(bytes, len), PROXY_DONE);
}

static void test_v1(void **state)
{
	static const char four[] = "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n";
	static const char six[] = "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n";
	static const char unknown[] = "PROXY UNKNOWN\r\n";
	static const char more[] = "PROXY UNKNOWN ffff:f...f:ffff ffff 65535 65535\r\n";

	(void)state;
	says(four, sizeof(four) - 1, "192.0.2.1 56324", "198.51.100.7 443");
	says(six, sizeof(six) - 1, "2001:db8::1 1", "2001:db8::2 65535");
	says(unknown, sizeof(unknown) - 1, "none", "none");
	says(more, sizeof(more) - 1, "none", "none");
	in_pieces(four, sizeof(four) - 1);
	in_pieces(six, sizeof(six) - 1);
	in_pieces(unknown, sizeof(unknown) - 1);
}

static void test_v1_bad(void **state)
{
	static const char *const bad[] = {
		"GET / HTTP/1.1\r\n",
		"PROXY\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 56324\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 1\r\n",
		"PROXY TCP4 192.0.2.1  198.51.100.7 56324 443\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 56324 65536\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 056324 443\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 -1 443\r\n",
		"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
		"PROXY TCP6 192.0.2.1 198.51.100.7 1 2\r\n",
		"PROXY TCP4 192.0.2.256 198.51.100.7 1 2\r\n",
		"PROXY UDP4 192.0.2.1 198.51.100.7 1 2\r\n",
		"PROXY UNKNOWNS\r\n",
		"proxy TCP4 192.0.2.1 198.51.100.7 1 2\r\n",
	};
	char longest[200];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i], strlen(bad[i])), PROXY_BAD);
		assert_non_null(why);
	}
	/* 107 bytes are the most, with or without an end */
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "PROXY UNKNOWN ", 14);
	memcpy(longest + 105, "\r\n", 2);
	assert_int_equal(parse(longest, 107), PROXY_DONE);
	longest[105] = 'x';
	assert_int_equal(parse(longest, 106), PROXY_MORE);
	longest[106] = 'x';
	assert_int_equal(parse(longest, 107), PROXY_BAD);
	memcpy(longest + 106, "\r\n", 2);
	assert_int_equal(parse(longest, 108), PROXY_BAD);
	memcpy(longest, "PROXY TCP4 1.2.3.4\0", 19);
	memcpy(longest + 40, "\r\n", 2);
	assert_int_equal(parse(longest, 42), PROXY_BAD);
}

static size_t v2(uint8_t *out, uint8_t command, uint8_t family, size_t len)
{
	size_t i;

	memcpy(out, SIGNATURE, 12);
	out[12] = command;
	out[13] = family;
	out[14] = len >> 8;
	out[15] = len;
	for (i = 0; i < len; i++)
		out[16 + i] = i + 1;
	return 16 + len;
}

static void test_v2(void **state)
{
	uint8_t b[4096];
	size_t n;

	(void)state;
	n = v2(b, 0x21, 0x11, 12);
	says(b, n, "1.2.3.4 2314", "5.6.7.8 2828");
	in_pieces(b, n);
	n = v2(b, 0x21, 0x21, 36);
	says(b, n, "102:304:506:708:90a:b0c:d0e:f10 8482",
	     "1112:1314:1516:1718:191a:1b1c:1d1e:1f20 8996");
	in_pieces(b, n);
	/* TLVs behind the addresses belong to it */
	n = v2(b, 0x21, 0x11, 500);
	says(b, n, "1.2.3.4 2314", "5.6.7.8 2828");
	assert_int_equal(parse(b, n - 1), PROXY_MORE);
	/* its own connection, or what has no such addresses */
	n = v2(b, 0x20, 0x11, 12);
	says(b, n, "none", "none");
	n = v2(b, 0x21, 0x00, 0);
	says(b, n, "none", "none");
	n = v2(b, 0x21, 0x31, 216);
	says(b, n, "none", "none");
	/* the longest */
	n = v2(b, 0x21, 0x11, PROXY_BYTES_MAX - 16);
	assert_int_equal(parse(b, n), PROXY_DONE);
}

static void test_v2_bad(void **state)
{
	uint8_t b[4096];
	size_t n, i;

	(void)state;
	n = v2(b, 0x21, 0x11, PROXY_BYTES_MAX - 15);
	/* known from its head on */
	assert_int_equal(parse(b, 16), PROXY_BAD);
	n = v2(b, 0x21, 0x11, 11);
	assert_int_equal(parse(b, n), PROXY_BAD);
	n = v2(b, 0x21, 0x21, 35);
	assert_int_equal(parse(b, n), PROXY_BAD);
	n = v2(b, 0x22, 0x11, 12);
	assert_int_equal(parse(b, n), PROXY_BAD);
	n = v2(b, 0x11, 0x11, 12);
	assert_int_equal(parse(b, n), PROXY_BAD);
	n = v2(b, 0x21, 0x41, 12);
	assert_int_equal(parse(b, n), PROXY_BAD);
	n = v2(b, 0x21, 0x13, 12);
	assert_int_equal(parse(b, n), PROXY_BAD);
	for (i = 0; i < 12; i++) {
		n = v2(b, 0x21, 0x11, 12);
		b[i] ^= 1;
		assert_int_equal(parse(b, n), PROXY_BAD);
	}
}

/* Whatever portions it comes in: the header is taken, and not a byte of what follows. */
static void take_all(const uint8_t *bytes, size_t header, size_t len)
{
	size_t portion, at, n, took;

	for (portion = 1; portion <= len; portion++) {
		for (at = 0;; at += took) {
			assert_true(at <= header);
			if (parse(bytes, at) == PROXY_DONE)
				break;
			n = len - at < portion ? len - at : portion;
			took = proxy_take(bytes, at, n);
			assert_in_range(took, 1, n);
		}
		assert_int_equal(at, header);
		/* who has it all is given no more */
		assert_int_equal(proxy_take(bytes, header, len - header), 0);
	}
}

static void test_take(void **state)
{
	static const char text[] =
		"PROXY TCP4 192.0.2.1 198.51.100.7 1 2\r\n\n\r\nGET / HTTP/1.1\r\n";
	uint8_t b[200];
	size_t n;

	(void)state;
	take_all((const uint8_t *)text, 39, sizeof(text) - 1);
	n = v2(b, 0x21, 0x11, 40);
	memcpy(b + n, SIGNATURE, 12);
	take_all(b, n, n + 12);
}

static void set(struct sockaddr_storage *a, const char *host, uint16_t port)
{
	struct sockaddr_in6 *in6 = (void *)a;
	struct sockaddr_in *in = (void *)a;

	memset(a, 0, sizeof(*a));
	if (!host)
		return;
	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		a->ss_family = AF_INET;
		in->sin_port = htons(port);
	} else {
		assert_int_equal(inet_pton(AF_INET6, host, &in6->sin6_addr), 1);
		a->ss_family = AF_INET6;
		in6->sin6_port = htons(port);
	}
}

static void test_write(void **state)
{
	static const struct {
		const char *source, *local, *line, *said_source, *said_local;
	} cases[] = {
		{ "192.0.2.1", "198.51.100.7", "PROXY TCP4 192.0.2.1 198.51.100.7 1234 80\r\n",
		  "192.0.2.1 1234", "198.51.100.7 80" },
		{ "2001:db8::1", "2001:db8::2", "PROXY TCP6 2001:db8::1 2001:db8::2 1234 80\r\n",
		  "2001:db8::1 1234", "2001:db8::2 80" },
		{ "::ffff:192.0.2.1", "198.51.100.7",
		  "PROXY TCP4 192.0.2.1 198.51.100.7 1234 80\r\n", "192.0.2.1 1234",
		  "198.51.100.7 80" },
		{ "192.0.2.1", "2001:db8::2", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1234 80\r\n",
		  "::ffff:192.0.2.1 1234", "2001:db8::2 80" },
		{ "192.0.2.1", NULL, "PROXY TCP4 192.0.2.1 0.0.0.0 1234 0\r\n", "192.0.2.1 1234",
		  "0.0.0.0 0" },
		{ "2001:db8::1", NULL, "PROXY TCP6 2001:db8::1 :: 1234 0\r\n", "2001:db8::1 1234",
		  ":: 0" },
		{ NULL, NULL, "PROXY UNKNOWN\r\n", "none", "none" },
		{ "fe80:1111:2222:3333:4444:5555:6666:7777",
		  "fe80:1111:2222:3333:4444:5555:6666:8888",
		  "PROXY TCP6 fe80:1111:2222:3333:4444:5555:6666:7777 fe80:1111:2222:3333:4444:5555:6666:8888 1234 80\r\n",
		  "fe80:1111:2222:3333:4444:5555:6666:7777 1234",
		  "fe80:1111:2222:3333:4444:5555:6666:8888 80" },
	};
	uint8_t out[PROXY_WRITE_MAX];
	struct proxy_ends e;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set(&e.source, cases[i].source, 1234);
		set(&e.local, cases[i].local, 80);
		n = proxy_write(out, 1, &e);
		assert_int_equal(n, strlen(cases[i].line));
		assert_memory_equal(out, cases[i].line, n);
		says(out, n, cases[i].said_source, cases[i].said_local);
		n = proxy_write(out, 2, &e);
		assert_true(n <= PROXY_WRITE_MAX);
		says(out, n, cases[i].said_source, cases[i].said_local);
		in_pieces(out, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1),   cmocka_unit_test(test_v1_bad),
		cmocka_unit_test(test_v2),   cmocka_unit_test(test_v2_bad),
		cmocka_unit_test(test_take), cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
