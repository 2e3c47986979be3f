/* SPDX-License-Identifier: GPL-2.0 */
/* Who may have signed the certificates of services that we reach by TLS. */
#ifndef TUNNELD_TRUST_H
#define TUNNELD_TRUST_H

#include <mbedtls/x509_crt.h>
#include <stddef.h>

/** TRUST_SYSTEM - Debian's package ca-certificates keeps it */
#define TRUST_SYSTEM "/etc/ssl/certs/ca-certificates.crt"

struct trust;

/**
 * trust_get - the authorities in a file
 * @path: in PEM; "": TRUST_SYSTEM
 *
 * Files stay loaded; one that has changed is read again.
 *
 * Return: a reference for trust_put(), or NULL with a sentence in @err.
 */
struct trust *trust_get(const char *path, char *err, size_t errlen);

/** trust_ref - one more reference. Return: @t. */
struct trust *trust_ref(struct trust *t);

/** trust_put - give a reference back. NULL is fine. */
void trust_put(struct trust *t);

/** trust_chain - borrowed from @t. mbedTLS takes it as non-const but does not change it. */
mbedtls_x509_crt *trust_chain(struct trust *t);

/** trust_flush - forget all loaded files */
void trust_flush(void);

#endif /* TUNNELD_TRUST_H */
