// SPDX-License-Identifier: GPL-2.0
/* Keys for kTLS: RFC 8448 (TLS 1.3), slicing of the TLS 1.2 key block, record numbers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include <linux/tls.h>
#include "kdf.h"
#include "ktls.h"

/* RFC 8448, section 3: simple 1-RTT handshake, TLS_AES_128_GCM_SHA256 */
static const uint8_t rfc_client_secret[32] = {
	0x9e, 0x40, 0x64, 0x6c, 0xe7, 0x9a, 0x7f, 0x9d, 0xc0, 0x5a, 0xf8,
	0x88, 0x9b, 0xce, 0x65, 0x52, 0x87, 0x5a, 0xfa, 0x0b, 0x06, 0xdf,
	0x00, 0x87, 0xf7, 0x92, 0xeb, 0xb7, 0xc1, 0x75, 0x04, 0xa5,
};
static const uint8_t rfc_server_secret[32] = {
	0xa1, 0x1a, 0xf9, 0xf0, 0x55, 0x31, 0xf8, 0x56, 0xad, 0x47, 0x11,
	0x6b, 0x45, 0xa9, 0x50, 0x32, 0x82, 0x04, 0xb4, 0xf4, 0x4b, 0xfb,
	0x6b, 0x3a, 0x4b, 0x4f, 0x1f, 0x3f, 0xcb, 0x63, 0x16, 0x43,
};
static const uint8_t rfc_client_key[16] = {
	0x17, 0x42, 0x2d, 0xda, 0x59, 0x6e, 0xd5, 0xd9,
	0xac, 0xd8, 0x90, 0xe3, 0xc6, 0x3f, 0x50, 0x51,
};
static const uint8_t rfc_client_iv[12] = {
	0x5b, 0x78, 0x92, 0x3d, 0xee, 0x08, 0x57, 0x90, 0x33, 0xe5, 0x23, 0xd9,
};
static const uint8_t rfc_server_key[16] = {
	0x9f, 0x02, 0x28, 0x3b, 0x6c, 0x9c, 0x07, 0xef,
	0xc2, 0x6b, 0xb9, 0xf2, 0xac, 0x92, 0xe3, 0x56,
};
static const uint8_t rfc_server_iv[12] = {
	0xcf, 0x78, 0x2b, 0x88, 0xdd, 0x83, 0x54, 0x9a, 0xad, 0xf1, 0xe9, 0x84,
};

static struct kdf_input rfc_input(bool server)
{
	struct kdf_input in = { .version = KDF_TLS13,
				.cipher = TLS_CIPHER_AES_GCM_128,
				.server = server,
				.client_secret_len = 32,
				.server_secret_len = 32 };

	memcpy(in.client_secret, rfc_client_secret, 32);
	memcpy(in.server_secret, rfc_server_secret, 32);
	return in;
}

static void test_tls13_rfc8448(void **state)
{
	struct kdf_input in = rfc_input(false);
	struct kdf_keys k;

	(void)state;
	assert_int_equal(kdf_derive(&in, &k), 0);
	assert_memory_equal(k.tx.key, rfc_client_key, 16);
	assert_memory_equal(k.tx.iv, rfc_client_iv, 12);
	assert_memory_equal(k.rx.key, rfc_server_key, 16);
	assert_memory_equal(k.rx.iv, rfc_server_iv, 12);
	assert_int_equal(k.tx.seq, 0);
	assert_int_equal(k.rx.seq, 0);
	assert_int_equal(k.version, KDF_TLS13);
	assert_int_equal(k.cipher, TLS_CIPHER_AES_GCM_128);

	in = rfc_input(true);
	assert_int_equal(kdf_derive(&in, &k), 0);
	assert_memory_equal(k.rx.key, rfc_client_key, 16);
	assert_memory_equal(k.rx.iv, rfc_client_iv, 12);
	assert_memory_equal(k.tx.key, rfc_server_key, 16);
	assert_memory_equal(k.tx.iv, rfc_server_iv, 12);
}

/* AES-256-GCM goes with SHA-384 and 48-byte secrets, the others with SHA-256 */
static void test_tls13_secret_lengths(void **state)
{
	static const struct {
		uint16_t cipher;
		size_t len;
		int ret;
	} cases[] = {
		{ TLS_CIPHER_AES_GCM_128, 32, 0 },
		{ TLS_CIPHER_AES_GCM_128, 48, -EINVAL },
		{ TLS_CIPHER_AES_GCM_256, 48, 0 },
		{ TLS_CIPHER_AES_GCM_256, 32, -EINVAL },
		{ TLS_CIPHER_CHACHA20_POLY1305, 32, 0 },
		{ TLS_CIPHER_CHACHA20_POLY1305, 0, -EINVAL },
	};
	static const struct kdf_keys zero;
	struct kdf_keys k;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kdf_input in = rfc_input(false);

		in.cipher = cases[i].cipher;
		in.client_secret_len = cases[i].len;
		in.server_secret_len = cases[i].len;
		assert_int_equal(kdf_derive(&in, &k), cases[i].ret);
		if (cases[i].ret)
			assert_memory_equal(&k, &zero, sizeof(k));
	}
	/* one direction only */
	{
		struct kdf_input in = rfc_input(false);

		in.server_secret_len = 0;
		assert_int_equal(kdf_derive(&in, &k), -EINVAL);
		assert_memory_equal(&k, &zero, sizeof(k));
	}
}

/* Every byte of the block is its own offset, so a wrong slice shows. */
static void check_block(uint16_t cipher, bool server, size_t key, size_t iv)
{
	struct kdf_input in = { .version = KDF_TLS12, .cipher = cipher, .server = server };
	const struct kdf_direction *client, *srv;
	struct kdf_keys k;
	size_t i;

	in.block_len = 2 * (key + iv);
	assert_int_equal(kdf_block_len(cipher), in.block_len);
	for (i = 0; i < in.block_len; i++)
		in.block[i] = (uint8_t)i;
	assert_int_equal(kdf_derive(&in, &k), 0);
	client = server ? &k.rx : &k.tx;
	srv = server ? &k.tx : &k.rx;
	for (i = 0; i < key; i++) {
		assert_int_equal(client->key[i], i);
		assert_int_equal(srv->key[i], key + i);
	}
	for (i = 0; i < iv; i++) {
		assert_int_equal(client->iv[i], 2 * key + i);
		assert_int_equal(srv->iv[i], 2 * key + iv + i);
	}
	/* GCM: the explicit nonce is the record number */
	for (; i < KDF_IV_LEN; i++) {
		assert_int_equal(client->iv[i], i == KDF_IV_LEN - 1);
		assert_int_equal(srv->iv[i], i == KDF_IV_LEN - 1);
	}
	assert_int_equal(client->seq, 1);
	assert_int_equal(srv->seq, 1);
}

static void test_tls12_slices(void **state)
{
	int server;

	(void)state;
	for (server = 0; server < 2; server++) {
		check_block(TLS_CIPHER_AES_GCM_128, server, 16, 4);
		check_block(TLS_CIPHER_AES_GCM_256, server, 32, 4);
		check_block(TLS_CIPHER_CHACHA20_POLY1305, server, 32, 12);
	}
}

static void test_refuses(void **state)
{
	struct kdf_input in = { .version = KDF_TLS12, .cipher = TLS_CIPHER_AES_GCM_128 };
	struct kdf_keys k;

	(void)state;
	assert_int_equal(kdf_derive(&in, &k), -EINVAL); /* nothing exported */
	in.block_len = kdf_block_len(in.cipher) - 1;
	assert_int_equal(kdf_derive(&in, &k), -EINVAL);
	in.block_len = kdf_block_len(in.cipher);
	assert_int_equal(kdf_derive(&in, &k), 0);
	in.cipher = TLS_CIPHER_AES_GCM_256;
	assert_int_equal(kdf_derive(&in, &k), -EINVAL); /* block of another cipher */
	in.cipher = 0;
	assert_int_equal(kdf_derive(&in, &k), -EINVAL);
	in.cipher = TLS_CIPHER_AES_GCM_128;
	in.version = 0x0302;
	assert_int_equal(kdf_derive(&in, &k), -EINVAL);
	in.version = 0;
	assert_int_equal(kdf_derive(&in, &k), -EINVAL);
	assert_int_equal(kdf_expand_label(rfc_client_secret, 31, "key", k.tx.key, 16), -EINVAL);
}

/* The installer refuses a nonce that was used before it asks the kernel (fd -1: EBADF). */
static void test_install_record_numbers(void **state)
{
	struct kdf_keys k = { .cipher = TLS_CIPHER_AES_GCM_128 };
	char err[128];
	uint64_t tx, rx;

	(void)state;
	for (tx = 0; tx < 3; tx++) {
		for (rx = 0; rx < 3; rx++) {
			k.tx.seq = tx;
			k.rx.seq = rx;
			k.version = KDF_TLS12;
			assert_int_equal(ktls_install(-1, &k, err, sizeof(err)),
					 tx == 1 && rx == 1 ? -EBADF : -EINVAL);
			k.version = KDF_TLS13;
			assert_int_equal(ktls_install(-1, &k, err, sizeof(err)),
					 tx == 0 && rx == 0 ? -EBADF : -EINVAL);
			k.version = 0x0302;
			assert_int_equal(ktls_install(-1, &k, err, sizeof(err)), -EINVAL);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls13_rfc8448),
		cmocka_unit_test(test_tls13_secret_lengths),
		cmocka_unit_test(test_tls12_slices),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_install_record_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
