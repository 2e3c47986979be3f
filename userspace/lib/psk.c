// SPDX-License-Identifier: GPL-2.0
/*
 * Keys that both sides have. What is in the file goes through HKDF-SHA-256 (RFC 5869): one
 * value is TLS's key, whatever the length of the file's, another one, hashed, the fingerprint,
 * which may be seen by anybody.
 */
#include <errno.h>
#include <string.h>
#include <mbedtls/base64.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>
#include "tnl.h"

#define FILE_MAX 1024

static const char key_label[] = "tunnel psk: key of TLS";
static const char id_label[] = "tunnel psk: fingerprint";

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (hex_value(text[i]) < 0)
			return false;
	return true;
}

int tnl_psk_decode(const char *text, size_t len, uint8_t out[TNL_PSK_RAW_MAX])
{
	size_t n, i;

	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	if (is_hex(text, len)) {
		if (len % 2 || len < 2 * TNL_PSK_RAW_MIN || len > 2 * TNL_PSK_RAW_MAX)
			return -EINVAL;
		for (i = 0; i < len / 2; i++)
			out[i] = hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]);
		return len / 2;
	}
	/* the library would take what has been cut off */
	if (len % 4 ||
	    mbedtls_base64_decode(out, TNL_PSK_RAW_MAX, &n, (const unsigned char *)text, len) ||
	    n < TNL_PSK_RAW_MIN)
		return -EINVAL;
	return n;
}

int tnl_psk_derive(const uint8_t *raw, size_t len, struct tnl_psk *psk)
{
	const mbedtls_md_info_t *md = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
	uint8_t seen[TUNNEL_PIN_LEN];
	int ret;

	ret = mbedtls_hkdf(md, NULL, 0, raw, len, (const unsigned char *)key_label,
			   sizeof(key_label) - 1, psk->key, sizeof(psk->key));
	if (!ret)
		ret = mbedtls_hkdf(md, NULL, 0, raw, len, (const unsigned char *)id_label,
				   sizeof(id_label) - 1, seen, sizeof(seen));
	if (!ret)
		ret = mbedtls_md(md, seen, sizeof(seen), psk->id);
	mbedtls_platform_zeroize(seen, sizeof(seen));
	return ret ? -EINVAL : 0;
}

int tnl_psk_read(const char *path, struct tnl_psk *psk, char *err, size_t errlen)
{
	uint8_t raw[TNL_PSK_RAW_MAX];
	char text[FILE_MAX];
	int len, ret;

	len = tnl_secret_read(path, (unsigned char *)text, sizeof(text), err, errlen);
	if (len < 0)
		return len;
	ret = tnl_psk_decode(text, len, raw);
	if (ret > 0)
		ret = tnl_psk_derive(raw, ret, psk);
	if (ret)
		snprintf(err, errlen,
			 "%s holds no key of 32 to 64 bytes in hex or base64: make one with 'openssl rand -hex 32'",
			 path);
	mbedtls_platform_zeroize(text, sizeof(text));
	mbedtls_platform_zeroize(raw, sizeof(raw));
	return ret;
}
