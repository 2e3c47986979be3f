/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The few primitives the daemon takes from mbedTLS outside of TLS itself. Where
 * the 2.28 and 3.6 interfaces differ, the difference stays here and in tls.c.
 */
#ifndef TUNNELD_CRYPTO_H
#define TUNNELD_CRYPTO_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRYPTO_SHA256_LEN 32

/** crypto_init - seed the random generator. Return: 0, or -EIO with a sentence in @err. */
int crypto_init(char *err, size_t errlen);
void crypto_free(void);

/** crypto_random - mbedTLS' f_rng; @unused keeps its signature. Return: 0 or an mbedTLS error. */
int crypto_random(void *unused, unsigned char *out, size_t len);

/** crypto_sha256 - Return: 0 or an mbedTLS error. */
int crypto_sha256(const uint8_t *in, size_t len, uint8_t out[CRYPTO_SHA256_LEN]);

/** crypto_equal - compare in time that depends on @len only */
bool crypto_equal(const void *a, const void *b, size_t len);

/** crypto_error - mbedTLS error as text. Return: @buf. */
const char *crypto_error(int ret, char *buf, size_t len);

/**
 * crypto_parse_key - private key from PEM text, or from DER
 * @len: of a text includes the terminating NUL
 * Return: 0 or an mbedTLS error.
 */
int crypto_parse_key(mbedtls_pk_context *pk, const uint8_t *pem, size_t len);

/** CRYPTO_KEY_MAX - room for any private key in DER: RSA of 16384 bits */
#define CRYPTO_KEY_MAX 16384

/**
 * crypto_write_key - private key as DER, for crypto_parse_key()
 * Return: bytes at the end of @out, or an mbedTLS error.
 */
int crypto_write_key(mbedtls_pk_context *pk, uint8_t out[CRYPTO_KEY_MAX]);

/** crypto_check_pair - is @key the private key of @pub? Return: 0 or an mbedTLS error. */
int crypto_check_pair(const mbedtls_pk_context *pub, const mbedtls_pk_context *key);

/**
 * crypto_self_sign - X.509 certificate of @pk, signed by itself
 *
 * Peers look at its public key only (the pin), so name and validity carry no
 * meaning; they are constant.
 *
 * Return: 0 or an mbedTLS error.
 */
int crypto_self_sign(mbedtls_pk_context *pk, mbedtls_x509_crt *crt);

#endif /* TUNNELD_CRYPTO_H */
