// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <mbedtls/constant_time.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>
#include <mbedtls/x509.h>
#include <stdio.h>
#include <string.h>
#include "crypto.h"
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

#define CRT_MAX 4096

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;

int crypto_init(char *err, size_t errlen)
{
	char why[128];
	int ret;

	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&drbg);
	ret = mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	if (!ret && psa_crypto_init() != PSA_SUCCESS)
		ret = MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
#endif
	if (!ret)
		return 0;
	snprintf(err, errlen, "no randomness: %s", crypto_error(ret, why, sizeof(why)));
	crypto_free();
	return -EIO;
}

void crypto_free(void)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	mbedtls_psa_crypto_free();
#endif
	mbedtls_ctr_drbg_free(&drbg);
	mbedtls_entropy_free(&entropy);
}

int crypto_random(void *unused, unsigned char *out, size_t len)
{
	(void)unused;
	return mbedtls_ctr_drbg_random(&drbg, out, len);
}

int crypto_sha256(const uint8_t *in, size_t len, uint8_t out[CRYPTO_SHA256_LEN])
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_sha256(in, len, out, 0);
#else
	return mbedtls_sha256_ret(in, len, out, 0);
#endif
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return mbedtls_ct_memcmp(a, b, len) == 0;
}

const char *crypto_error(int ret, char *buf, size_t len)
{
	mbedtls_strerror(ret, buf, len);
	return buf;
}

int crypto_parse_key(mbedtls_pk_context *pk, const uint8_t *pem, size_t len)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pk_parse_key(pk, pem, len, NULL, 0, crypto_random, NULL);
#else
	return mbedtls_pk_parse_key(pk, pem, len, NULL, 0);
#endif
}

int crypto_write_key(mbedtls_pk_context *pk, uint8_t out[CRYPTO_KEY_MAX])
{
	return mbedtls_pk_write_key_der(pk, out, CRYPTO_KEY_MAX);
}

int crypto_check_pair(const mbedtls_pk_context *pub, const mbedtls_pk_context *key)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pk_check_pair(pub, key, crypto_random, NULL);
#else
	return mbedtls_pk_check_pair(pub, key);
#endif
}

static int set_serial(mbedtls_x509write_cert *w)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	uint8_t one[1] = { 1 };

	return mbedtls_x509write_crt_set_serial_raw(w, one, sizeof(one));
#else
	mbedtls_mpi one;
	int ret;

	mbedtls_mpi_init(&one);
	ret = mbedtls_mpi_lset(&one, 1);
	if (!ret)
		ret = mbedtls_x509write_crt_set_serial(w, &one);
	mbedtls_mpi_free(&one);
	return ret;
#endif
}

int crypto_self_sign(mbedtls_pk_context *pk, mbedtls_x509_crt *crt)
{
	mbedtls_x509write_cert w;
	uint8_t der[CRT_MAX];
	int ret;

	mbedtls_x509write_crt_init(&w);
	mbedtls_x509write_crt_set_subject_key(&w, pk);
	mbedtls_x509write_crt_set_issuer_key(&w, pk);
	mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
	ret = mbedtls_x509write_crt_set_subject_name(&w, "CN=tunnel");
	if (!ret)
		ret = mbedtls_x509write_crt_set_issuer_name(&w, "CN=tunnel");
	if (!ret)
		ret = mbedtls_x509write_crt_set_validity(&w, "20200101000000", "99991231235959");
	if (!ret)
		ret = set_serial(&w);
	if (!ret)
		/* written at the end of the buffer; the length is returned */
		ret = mbedtls_x509write_crt_der(&w, der, sizeof(der), crypto_random, NULL);
	if (ret > 0)
		ret = mbedtls_x509_crt_parse_der(crt, der + sizeof(der) - ret, (size_t)ret);
	mbedtls_x509write_crt_free(&w);
	return ret;
}
