/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From what a TLS handshake exports to what kTLS wants: key, nonce and record
 * number per direction. Pure functions, so that TLS 1.2 (RFC 5246, 6.3) and
 * TLS 1.3 (RFC 8446, 7.3) are testable against published vectors.
 */
#ifndef TUNNELD_KDF_H
#define TUNNELD_KDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KDF_TLS12 0x0303
#define KDF_TLS13 0x0304

#define KDF_KEY_MAX    32
#define KDF_IV_LEN     12
#define KDF_SECRET_MAX 48
#define KDF_BLOCK_MAX  (2 * (KDF_KEY_MAX + KDF_IV_LEN))

/** struct kdf_input - what a handshake exports. Secret: wipe with mbedtls_platform_zeroize(). */
struct kdf_input {
	uint16_t version; /* KDF_TLS12 or KDF_TLS13; 0: nothing exported yet */
	uint16_t cipher;  /* TLS_CIPHER_* of linux/tls.h */
	bool server;	  /* our side */
	/* TLS 1.2: client key, server key, client IV, server IV */
	size_t block_len;
	uint8_t block[KDF_BLOCK_MAX];
	/* TLS 1.3: application traffic secrets */
	size_t client_secret_len, server_secret_len;
	uint8_t client_secret[KDF_SECRET_MAX], server_secret[KDF_SECRET_MAX];
};

/**
 * struct kdf_direction - one direction
 * @iv: the 12-byte nonce: for GCM 4 bytes salt and 8 bytes IV (in TLS 1.2 the
 *	explicit nonce, which is the record number as in mbedTLS)
 * @seq: number of the first record the kernel sees
 */
struct kdf_direction {
	uint8_t key[KDF_KEY_MAX];
	uint8_t iv[KDF_IV_LEN];
	uint64_t seq;
};

/** struct kdf_keys - both directions. Secret: wipe with mbedtls_platform_zeroize(). */
struct kdf_keys {
	uint16_t version, cipher;
	struct kdf_direction tx, rx;
};

/** kdf_key_len - bytes of key of TLS_CIPHER_* @cipher; 0 if it is none of ours */
size_t kdf_key_len(uint16_t cipher);

/** kdf_block_len - bytes of the TLS 1.2 key block @cipher needs; 0 if it is none of ours */
size_t kdf_block_len(uint16_t cipher);

/**
 * kdf_first_seq - number of the first application record
 *
 * In TLS 1.2 Finished was record 0 under the same key: numbering from 0 again
 * would repeat its GCM nonce and give the key away. In TLS 1.3 application
 * keys are new, and start at 0 (no tickets are sent before the hand-over).
 */
uint64_t kdf_first_seq(uint16_t version);

/**
 * kdf_expand_label - HKDF-Expand-Label(secret, label, "", out_len) of RFC 8446
 * @secret_len: 32 (SHA-256) or 48 (SHA-384)
 * Return: 0 or -EINVAL.
 */
int kdf_expand_label(const uint8_t *secret, size_t secret_len, const char *label, uint8_t *out,
		     size_t out_len);

/**
 * kdf_derive - keys of both directions
 * Return: 0, or -EINVAL (unknown version or cipher, wrong amount of material)
 * with @keys all zero.
 */
int kdf_derive(const struct kdf_input *in, struct kdf_keys *keys);

#endif /* TUNNELD_KDF_H */
