// SPDX-License-Identifier: GPL-2.0
/*
 * Keys that both sides have, userspace/lib/psk.c. What becomes of one was computed by
 * another program (HKDF of RFC 5869 with Python's hmac).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tnl.h"

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ID32  "6cd04d733d370dad38e08a403d79fe2f35d35f3b8464dccb9591c8c24f8ec576"
#define KEY32 "82d944ad4e307339b407bebcb80d1b78be1a753d719c5408716232003d7d87c8"

static char path[] = "/tmp/tunnel-psk-test-XXXXXX";

static void put_file(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static void derived(void **state)
{
	struct tnl_psk psk;
	uint8_t raw[32];
	char hex[65];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(raw); i++)
		raw[i] = i;
	assert_int_equal(tnl_psk_derive(raw, sizeof(raw), &psk), 0);
	tnl_format_pin(psk.id, hex);
	assert_string_equal(hex, ID32);
	tnl_format_pin(psk.key, hex);
	assert_string_equal(hex, KEY32);
}

static void forms(void **state)
{
	static const struct {
		const char *text;
		int len;
	} cases[] = {
		{ HEX32, 32 },
		{ HEX32 "\n", 32 },
		{ HEX32 " \r\n\n", 32 },
		{ HEX32 HEX32, 64 },
		{ HEX32 "0a", 33 },
		{ HEX32 HEX32 "0a", -EINVAL },
		{ HEX32 "0", -EINVAL },
		{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e", -EINVAL },
		/* what is hex digits only is hex */
		{ "abcdefabcdefabcdefabcdefabcdefabcdefabcdefab", -EINVAL },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 32 },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", -EINVAL },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", -EINVAL },
		{ "", -EINVAL },
		{ "\n", -EINVAL },
		{ "x" HEX32, -EINVAL },
		{ "not a key at all, whoever wrote this file", -EINVAL },
	};
	uint8_t raw[TNL_PSK_RAW_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int len = tnl_psk_decode(cases[i].text, strlen(cases[i].text), raw);

		if (len != cases[i].len)
			fail_msg("\"%s\": %d", cases[i].text, len);
		if (len == 32)
			assert_int_equal(raw[31], 31);
	}
}

static void files(void **state)
{
	struct tnl_psk psk, other;
	char err[512], hex[65];

	(void)state;
	put_file(HEX32 "\n", 0600);
	assert_int_equal(tnl_psk_read(path, &psk, err, sizeof(err)), 0);
	tnl_format_pin(psk.id, hex);
	assert_string_equal(hex, ID32);
	put_file("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", 0600);
	assert_int_equal(tnl_psk_read(path, &other, err, sizeof(err)), 0);
	assert_memory_equal(&psk, &other, sizeof(psk));
	put_file(HEX32 "0a", 0600);
	assert_int_equal(tnl_psk_read(path, &other, err, sizeof(err)), 0);
	assert_memory_not_equal(psk.id, other.id, sizeof(psk.id));
	assert_memory_not_equal(psk.key, other.key, sizeof(psk.key));

	put_file(HEX32, 0640);
	assert_int_equal(tnl_psk_read(path, &psk, err, sizeof(err)), -EPERM);
	assert_non_null(strstr(err, "chmod 600"));
	put_file("short", 0600);
	assert_int_equal(tnl_psk_read(path, &psk, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "32 to 64 bytes"));
	assert_null(strstr(err, "short"));
	unlink(path);
	assert_int_equal(tnl_psk_read(path, &psk, err, sizeof(err)), -ENOENT);
	assert_int_equal(tnl_psk_read("/tmp", &psk, err, sizeof(err)), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(derived),
		cmocka_unit_test(forms),
		cmocka_unit_test(files),
	};
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
