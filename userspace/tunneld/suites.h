/* SPDX-License-Identifier: GPL-2.0 */
/* The cipher suites we offer: forward secrecy, and an AEAD that kTLS has. */
#ifndef TUNNELD_SUITES_H
#define TUNNELD_SUITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUITES_MAX 12

/* How the other side shows who it is. In TLS 1.3 that is not in the suite. */
#define SUITES_CERT 1U
#define SUITES_PSK  2U

/**
 * suites_choose - mbedTLS' zero-terminated list of the suites allowed
 * @allowed: TUNNEL_CIPHER_*
 * @ways: SUITES_*
 * Return: their number.
 */
size_t suites_choose(uint32_t allowed, unsigned int ways, int ids[SUITES_MAX + 1]);

/** suites_is_psk - is it one of TLS 1.2 with a key that both sides have? */
bool suites_is_psk(int id);

/** suites_cipher - TLS_CIPHER_* of linux/tls.h for the suite @id; 0 if it is none of ours */
uint16_t suites_cipher(int id);

/** suites_allow_bit - TUNNEL_CIPHER_* for TLS_CIPHER_* @cipher; 0 if it is none of ours */
uint32_t suites_allow_bit(uint16_t cipher);

#endif /* TUNNELD_SUITES_H */
