/* SPDX-License-Identifier: GPL-2.0 */
/* The cipher suites we offer: forward secrecy, and an AEAD that kTLS has. */
#ifndef TUNNELD_SUITES_H
#define TUNNELD_SUITES_H

#include <stddef.h>
#include <stdint.h>

#define SUITES_MAX 9

/**
 * suites_choose - mbedTLS' zero-terminated list of the suites allowed
 * @allowed: TUNNEL_CIPHER_*
 * Return: their number.
 */
size_t suites_choose(uint32_t allowed, int ids[SUITES_MAX + 1]);

/** suites_cipher - TLS_CIPHER_* of linux/tls.h for the suite @id; 0 if it is none of ours */
uint16_t suites_cipher(int id);

/** suites_allow_bit - TUNNEL_CIPHER_* for TLS_CIPHER_* @cipher; 0 if it is none of ours */
uint32_t suites_allow_bit(uint16_t cipher);

#endif /* TUNNELD_SUITES_H */
