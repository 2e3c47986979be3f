/* SPDX-License-Identifier: GPL-2.0 */
/* Who may have signed the certificates of services that we reach by TLS. */
#ifndef TUNNELD_TRUST_H
#define TUNNELD_TRUST_H

#include <mbedtls/x509_crt.h>
#include <stddef.h>
#include "object.h"
#include "parcel.h"

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

/* What the handshake worker is given of @t: the certificates. */
struct shop_object *trust_object(struct trust *t);
/** trust_pack - for trust_unpack(). Return: 0. */
int trust_pack(const struct trust *t, struct parcel *p);
/** trust_unpack - Return: with one reference, or NULL. */
struct trust *trust_unpack(const struct parcel *p);

/** trust_flush - forget all loaded files */
void trust_flush(void);

#endif /* TUNNELD_TRUST_H */
