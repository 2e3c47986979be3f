// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/tls.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>
#include <string.h>
#include "kdf.h"

#define GCM_SALT_LEN 4

size_t kdf_key_len(uint16_t cipher)
{
	switch (cipher) {
	case TLS_CIPHER_AES_GCM_128:
		return 16;
	case TLS_CIPHER_AES_GCM_256:
	case TLS_CIPHER_CHACHA20_POLY1305:
		return 32;
	default:
		return 0;
	}
}

/* TLS 1.2: GCM has an implicit salt only (RFC 5288), ChaCha a whole nonce mask (RFC 7905). */
static size_t block_iv_len(uint16_t cipher)
{
	return cipher == TLS_CIPHER_CHACHA20_POLY1305 ? KDF_IV_LEN : GCM_SALT_LEN;
}

size_t kdf_block_len(uint16_t cipher)
{
	size_t key = kdf_key_len(cipher);

	return key ? 2 * (key + block_iv_len(cipher)) : 0;
}

uint64_t kdf_first_seq(uint16_t version)
{
	return version == KDF_TLS12 ? 1 : 0;
}

static void put_be64(uint8_t *p, uint64_t v)
{
	int i;

	for (i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}

static void slice(const struct kdf_input *in, bool server, struct kdf_direction *d)
{
	size_t key = kdf_key_len(in->cipher), iv = block_iv_len(in->cipher);

	memcpy(d->key, in->block + (server ? key : 0), key);
	memcpy(d->iv, in->block + 2 * key + (server ? iv : 0), iv);
	d->seq = kdf_first_seq(KDF_TLS12);
	if (iv == GCM_SALT_LEN)
		put_be64(d->iv + GCM_SALT_LEN, d->seq);
}

int kdf_expand_label(const uint8_t *secret, size_t secret_len, const char *label, uint8_t *out,
		     size_t out_len)
{
	static const char prefix[] = "tls13 ";
	size_t plen = sizeof(prefix) - 1, llen = strlen(label);
	uint8_t info[64], *p = info;
	mbedtls_md_type_t md;

	if (secret_len == 32)
		md = MBEDTLS_MD_SHA256;
	else if (secret_len == 48)
		md = MBEDTLS_MD_SHA384;
	else
		return -EINVAL;
	if (4 + plen + llen > sizeof(info) || out_len > 255)
		return -EINVAL;
	*p++ = 0;
	*p++ = (uint8_t)out_len;
	*p++ = (uint8_t)(plen + llen);
	memcpy(p, prefix, plen);
	p += plen;
	memcpy(p, label, llen);
	p += llen;
	*p++ = 0; /* no context */
	if (mbedtls_hkdf_expand(mbedtls_md_info_from_type(md), secret, secret_len, info,
				(size_t)(p - info), out, out_len))
		return -EINVAL;
	return 0;
}

static int expand(const uint8_t *secret, size_t len, uint16_t cipher, struct kdf_direction *d)
{
	/* the hash of the suite: SHA-384 goes with AES-256-GCM only */
	if (len != (cipher == TLS_CIPHER_AES_GCM_256 ? 48 : 32))
		return -EINVAL;
	if (kdf_expand_label(secret, len, "key", d->key, kdf_key_len(cipher)) ||
	    kdf_expand_label(secret, len, "iv", d->iv, KDF_IV_LEN))
		return -EINVAL;
	d->seq = kdf_first_seq(KDF_TLS13);
	return 0;
}

int kdf_derive(const struct kdf_input *in, struct kdf_keys *keys)
{
	struct kdf_direction *client = in->server ? &keys->rx : &keys->tx;
	struct kdf_direction *server = in->server ? &keys->tx : &keys->rx;

	memset(keys, 0, sizeof(*keys));
	if (!kdf_key_len(in->cipher))
		return -EINVAL;
	if (in->version == KDF_TLS12) {
		if (in->block_len != kdf_block_len(in->cipher))
			return -EINVAL;
		slice(in, false, client);
		slice(in, true, server);
	} else if (in->version == KDF_TLS13) {
		if (expand(in->client_secret, in->client_secret_len, in->cipher, client) ||
		    expand(in->server_secret, in->server_secret_len, in->cipher, server)) {
			mbedtls_platform_zeroize(keys, sizeof(*keys));
			return -EINVAL;
		}
	} else {
		return -EINVAL;
	}
	keys->version = in->version;
	keys->cipher = in->cipher;
	return 0;
}
