// SPDX-License-Identifier: GPL-2.0
/*
 * Text forms of userspace/lib/text.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <linux/tls.h>
#include "tnl.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void addresses_round_trip(void **state)
{
	static const struct {
		const char *in, *out;
		int family;
	} cases[] = {
		{ "1.2.3.4:80", "1.2.3.4:80", AF_INET },
		{ "0.0.0.0:0", "0.0.0.0:0", AF_INET },
		{ "255.255.255.255:65535", "255.255.255.255:65535", AF_INET },
		{ "1.2.3.4:00080", "1.2.3.4:80", AF_INET },
		{ "[2001:db8::1]:80", "[2001:db8::1]:80", AF_INET6 },
		{ "[::]:0", "[::]:0", AF_INET6 },
		{ "[::1]:65535", "[::1]:65535", AF_INET6 },
		{ "[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]:1", AF_INET6 },
		{ "[fe80::1%77777]:1", "[fe80::1%77777]:1", AF_INET6 },
		{ "[fe80::1%lo]:1", "[fe80::1%1]:1", AF_INET6 },
		{ "[2001:0db8:0000:0000:0000:0000:0000:0001%4294967295]:443",
		  "[2001:db8::1%4294967295]:443", AF_INET6 },
		{ "[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535",
		  "[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535", AF_INET6 },
		{ ":80", "[::]:80", AF_INET6 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sockaddr_storage ss;
		char buf[TNL_ADDRSTRLEN], err[256] = "";
		int len = tnl_parse_addr(cases[i].in, &ss, err, sizeof(err));

		assert_string_equal(err, "");
		assert_int_equal(ss.ss_family, cases[i].family);
		assert_int_equal(len, cases[i].family == AF_INET ? sizeof(struct sockaddr_in) :
								   sizeof(struct sockaddr_in6));
		assert_string_equal(tnl_format_addr(&ss, len, buf), cases[i].out);
	}
}

static void address_bytes(void **state)
{
	struct sockaddr_storage ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)&ss;
	char err[256];

	(void)state;
	assert_int_equal(tnl_parse_addr("10.20.30.40:258", &ss, err, sizeof(err)), 16);
	assert_int_equal(sin->sin_port, htons(258));
	assert_int_equal(sin->sin_addr.s_addr, htonl(0x0a141e28));
}

static void addresses_refused(void **state)
{
	static const char *const cases[] = {
		"",
		":",
		"1.2.3.4",
		"1.2.3.4:",
		"1.2.3.4:65536",
		"1.2.3.4:99999999999",
		"1.2.3.4:4294967376",
		"1.2.3.4:-1",
		"1.2.3.4:+1",
		"1.2.3.4: 1",
		"1.2.3.4:1 ",
		"1.2.3.4:0x10",
		"1.2.3.4:http",
		"1.2.3:80",
		"1.2.3.256:80",
		"1.2.3.4.5:80",
		"example.org:80",
		"::1",
		"::1:80",
		"2001:db8::1:80",
		"[::1]",
		"[::1]80",
		"[::1:80",
		"[::1]x:80",
		"[::1]]:80",
		"[]:80",
		"[1.2.3.4]:80",
		"[::1::]:80",
		"[12345::1]:80",
		"[fe80::1%]:80",
		"[fe80::1%0]:80",
		"[fe80::1%nosuchif0]:80",
		"[fe80::1%4294967296]:80",
		"\x1b[2J:80",
		"\xff\xfe:80",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sockaddr_storage ss;
		char err[256] = "";

		if (tnl_parse_addr(cases[i], &ss, err, sizeof(err)) != -EINVAL)
			fail_msg("'%s' was accepted", cases[i]);
		assert_true(strlen(err) > 0);
		/* nothing of the input may reach a terminal raw */
		assert_null(strpbrk(err, "\x1b\xff\xfe"));
	}
}

static void address_overlong(void **state)
{
	struct sockaddr_storage ss;
	char err[64], *text;
	size_t len;

	(void)state;
	for (len = 70; len < 3000; len += 1 + len / 7) {
		text = malloc(len + 1);
		assert_non_null(text);
		memset(text, '1', len);
		memcpy(text + len - 3, ":80", 4);
		assert_int_equal(tnl_parse_addr(text, &ss, err, sizeof(err)), -EINVAL);
		assert_true(strlen(err) < sizeof(err));
		free(text);
	}
	/* a caller that wants no sentence */
	assert_int_equal(tnl_parse_addr("x", &ss, NULL, 0), -EINVAL);
}

static void format_addr_odd(void **state)
{
	char buf[TNL_ADDRSTRLEN];
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	uint16_t other = AF_UNIX;

	(void)state;
	assert_string_equal(tnl_format_addr(&sin, 0, buf), "?");
	assert_string_equal(tnl_format_addr(&sin, 1, buf), "?");
	assert_string_equal(tnl_format_addr(&sin, sizeof(sin) - 1, buf), "?");
	assert_string_equal(tnl_format_addr(&sin6, sizeof(sin), buf), "?");
	assert_string_equal(tnl_format_addr(&other, sizeof(other), buf), "?");
}

static void pins(void **state)
{
	static const char good[] =
		"00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef";
	uint8_t pin[TUNNEL_PIN_LEN], upper_pin[TUNNEL_PIN_LEN], untouched[TUNNEL_PIN_LEN];
	char text[80], out[2 * TUNNEL_PIN_LEN + 1];
	size_t i;

	(void)state;
	assert_int_equal(tnl_parse_pin(good, pin), 0);
	assert_int_equal(pin[0], 0x00);
	assert_int_equal(pin[1], 0x11);
	assert_int_equal(pin[31], 0xef);
	tnl_format_pin(pin, out);
	assert_string_equal(out, good);

	strcpy(text, good);
	for (i = 0; text[i]; i++)
		if (text[i] >= 'a')
			text[i] -= 'a' - 'A';
	assert_int_equal(tnl_parse_pin(text, upper_pin), 0);
	assert_memory_equal(pin, upper_pin, sizeof(pin));

	memcpy(untouched, pin, sizeof(pin));
	strcpy(text, good);
	text[63] = '\0';
	assert_int_equal(tnl_parse_pin(text, pin), -EINVAL);
	sprintf(text, "%s0", good);
	assert_int_equal(tnl_parse_pin(text, pin), -EINVAL);
	assert_int_equal(tnl_parse_pin("", pin), -EINVAL);
	for (i = 0; i < 64; i++) {
		static const char bad[] = "g/:@G`\x7f\xff -";
		size_t k;

		for (k = 0; k < sizeof(bad) - 1; k++) {
			strcpy(text, good);
			text[i] = bad[k];
			assert_int_equal(tnl_parse_pin(text, pin), -EINVAL);
		}
	}
	assert_memory_equal(pin, untouched, sizeof(pin));
}

static void names(void **state)
{
	static const char *const good[] = { "a", "0", "web", "a.b_c-d", "-", ".", "9lives" };
	static const char *const bad[] = { "",	    "a/b",  "Web",  "a b",	  "a\n",
					   "a:b",   "a@b",  "\x01", "gr\xc3\xbc", "\xff",
					   "a\x1b", "a%20", "*",    "a\\b" };
	char text[70];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++)
		assert_null(tnl_check_name(good[i]));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_non_null(tnl_check_name(bad[i]));
	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	assert_null(tnl_check_name(text));
	text[63] = 'a';
	text[64] = '\0';
	assert_non_null(tnl_check_name(text));
}

static void escapes(void **state)
{
	char out[64];
	char tiny[4];

	(void)state;
	assert_string_equal(tnl_escape("plain text ~", out, sizeof(out)), "plain text ~");
	assert_string_equal(tnl_escape("", out, sizeof(out)), "");
	assert_string_equal(tnl_escape("\x1b[31m\n\t\x7f", out, sizeof(out)),
			    "\\x1b[31m\\x0a\\x09\\x7f");
	assert_string_equal(tnl_escape("\\x41", out, sizeof(out)), "\\x5cx41");
	assert_string_equal(tnl_escape("\xc3\xbc", out, sizeof(out)), "\\xc3\\xbc");

	/* an escape is whole or not there */
	assert_string_equal(tnl_escape("abcdef", tiny, sizeof(tiny)), "abc");
	assert_string_equal(tnl_escape("\n", tiny, sizeof(tiny)), "");
	assert_string_equal(tnl_escape("\n", out, 5), "\\x0a");
	assert_string_equal(tnl_escape("a\n", out, 5), "a");
	assert_string_equal(tnl_escape("abc", tiny, 1), "");
	tiny[0] = 'z';
	assert_ptr_equal(tnl_escape("abc", tiny, 0), tiny);
	assert_int_equal(tiny[0], 'z');
}

typedef const char *(*name_fn)(uint8_t value);

/* Every value of the enum has a name of its own, every other one is "unknown". */
static void check_names(name_fn name, unsigned int count)
{
	unsigned int i, k;

	for (i = 0; i < 256; i++) {
		assert_non_null(name(i));
		assert_true(strlen(name(i)) > 0);
		if (i >= count) {
			assert_string_equal(name(i), name(255));
			continue;
		}
		assert_string_not_equal(name(i), name(255));
		for (k = 0; k < i; k++)
			assert_string_not_equal(name(i), name(k));
	}
}

static void enum_names(void **state)
{
	(void)state;
	check_names(tnl_role_name, TUNNEL_ROLE_LISTEN + 1);
	check_names(tnl_state_name, TUNNEL_STATE_UP + 1);
	check_names(tnl_session_state_name, TUNNEL_SESSION_CLOSED + 1);
	check_names(tnl_blocked_name, TUNNEL_BLOCKED_LIMIT + 1);
	check_names(tnl_reason_name, TUNNEL_REASON_MAX + 1);
	check_names(tnl_reason_text, TUNNEL_REASON_MAX + 1);
	assert_string_equal(tnl_reason_name(TUNNEL_REASON_REFUSED), "refused");
	assert_string_equal(tnl_role_name(2), "unknown");
}

static void tls_names(void **state)
{
	unsigned int i;

	(void)state;
	assert_string_equal(tnl_cipher_name(TLS_CIPHER_AES_GCM_128), "AES-128-GCM");
	assert_string_equal(tnl_cipher_name(TLS_CIPHER_AES_GCM_256), "AES-256-GCM");
	assert_string_equal(tnl_cipher_name(TLS_CIPHER_CHACHA20_POLY1305), "CHACHA20-POLY1305");
	assert_string_equal(tnl_tls_version_name(0x0303), "TLS 1.2");
	assert_string_equal(tnl_tls_version_name(0x0304), "TLS 1.3");
	for (i = 0; i < 65536; i++) {
		assert_non_null(tnl_cipher_name(i));
		assert_non_null(tnl_tls_version_name(i));
	}
	assert_string_equal(tnl_cipher_name(0), "unknown");
	assert_string_equal(tnl_tls_version_name(0xffff), "unknown");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_round_trip),
		cmocka_unit_test(address_bytes),
		cmocka_unit_test(addresses_refused),
		cmocka_unit_test(address_overlong),
		cmocka_unit_test(format_addr_odd),
		cmocka_unit_test(pins),
		cmocka_unit_test(names),
		cmocka_unit_test(escapes),
		cmocka_unit_test(enum_names),
		cmocka_unit_test(tls_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
