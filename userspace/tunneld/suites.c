// SPDX-License-Identifier: GPL-2.0
#include <linux/tls.h>
#include <linux/tunnel_netlink.h>
#include <mbedtls/ssl_ciphersuites.h>
#include "suites.h"

#define AES128 TLS_CIPHER_AES_GCM_128, TUNNEL_CIPHER_AES_128_GCM
#define AES256 TLS_CIPHER_AES_GCM_256, TUNNEL_CIPHER_AES_256_GCM
#define CHACHA TLS_CIPHER_CHACHA20_POLY1305, TUNNEL_CIPHER_CHACHA20_POLY1305

/*
 * The server's order decides. AES-GCM comes first, it is the fast one in the
 * kernel; mbedTLS' own default prefers ChaCha20.
 */
static const struct suite {
	int id;
	uint16_t cipher;
	uint32_t allow;
	unsigned int ways;
} suites[] = {
#ifdef MBEDTLS_TLS1_3_AES_128_GCM_SHA256
	{ MBEDTLS_TLS1_3_AES_128_GCM_SHA256, AES128, SUITES_CERT | SUITES_PSK },
	{ MBEDTLS_TLS1_3_AES_256_GCM_SHA384, AES256, SUITES_CERT | SUITES_PSK },
	{ MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256, CHACHA, SUITES_CERT | SUITES_PSK },
#endif
	{ MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, AES128, SUITES_CERT },
	{ MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, AES128, SUITES_CERT },
	{ MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, AES256, SUITES_CERT },
	{ MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, AES256, SUITES_CERT },
	{ MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, CHACHA, SUITES_CERT },
	{ MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, CHACHA, SUITES_CERT },
	/*
	 * Never without (EC)DHE: who gets the key later must not read what was sent. mbedTLS has
	 * no ECDHE with AES-GCM here, and DHE costs several times as much: ChaCha20 comes first.
	 */
	{ MBEDTLS_TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, CHACHA, SUITES_PSK },
	{ MBEDTLS_TLS_DHE_PSK_WITH_AES_128_GCM_SHA256, AES128, SUITES_PSK },
	{ MBEDTLS_TLS_DHE_PSK_WITH_AES_256_GCM_SHA384, AES256, SUITES_PSK },
};

#define N_SUITES (sizeof(suites) / sizeof(suites[0]))

_Static_assert(N_SUITES <= SUITES_MAX, "SUITES_MAX");

size_t suites_choose(uint32_t allowed, unsigned int ways, int ids[SUITES_MAX + 1])
{
	size_t i, n = 0;

	for (i = 0; i < N_SUITES; i++)
		if ((suites[i].allow & allowed) && (suites[i].ways & ways))
			ids[n++] = suites[i].id;
	ids[n] = 0;
	return n;
}

bool suites_is_psk(int id)
{
	size_t i;

	for (i = 0; i < N_SUITES; i++)
		if (suites[i].id == id)
			return suites[i].ways == SUITES_PSK;
	return false;
}

uint16_t suites_cipher(int id)
{
	size_t i;

	for (i = 0; i < N_SUITES; i++)
		if (suites[i].id == id)
			return suites[i].cipher;
	return 0;
}

uint32_t suites_allow_bit(uint16_t cipher)
{
	size_t i;

	for (i = 0; i < N_SUITES; i++)
		if (suites[i].cipher == cipher)
			return suites[i].allow;
	return 0;
}
