/* SPDX-License-Identifier: GPL-2.0 */
/* Handing TLS to the kernel (Documentation/networking/tls.rst). */
#ifndef TUNNELD_KTLS_H
#define TUNNELD_KTLS_H

#include <stddef.h>
#include "kdf.h"

/**
 * ktls_prepare - give the connected TCP socket @fd the "tls" ULP
 *
 * Done before the handshake, where it passes bytes through: afterwards it fails
 * with ENOTCONN if the peer has already sent its FIN behind data we still want.
 *
 * Return: 0, or -errno with a sentence in @err.
 */
int ktls_prepare(int fd, char *err, size_t errlen);

/**
 * ktls_install - give the kernel the keys of both directions
 *
 * Nothing may have been sent or received under these keys but what
 * kdf_first_seq() stands for. A record number that would repeat a nonce is
 * refused here, whoever computed it.
 *
 * Return: 0, or -errno with a sentence in @err; the socket is then unusable.
 */
int ktls_install(int fd, const struct kdf_keys *keys, char *err, size_t errlen);

/**
 * ktls_installed - what the kernel does on @fd, asked without its keys
 * @version: KDF_TLS12 or KDF_TLS13
 * @cipher: TLS_CIPHER_*
 * Return: 0; or -errno with a sentence in @err if it is not the same in both directions.
 */
int ktls_installed(int fd, uint16_t *version, uint16_t *cipher, char *err, size_t errlen);

/** ktls_close_notify - say that nothing more follows (RFC 8446, 6.1), as far as there is room */
void ktls_close_notify(int fd);

#endif /* TUNNELD_KTLS_H */
