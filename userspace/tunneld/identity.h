/* SPDX-License-Identifier: GPL-2.0 */
/* Who we are: a private key in a file, the certificate made of it, and its pin. */
#ifndef TUNNELD_IDENTITY_H
#define TUNNELD_IDENTITY_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/tunnel_netlink.h>
#include "object.h"
#include "parcel.h"

struct identity;

/**
 * identity_get - the identity in the file @path
 *
 * Files stay loaded; one that has been replaced or written to since is read
 * again. Handshakes that run keep the one they began with.
 *
 * Return: a reference for identity_put(), or NULL with a sentence in @err
 * (unreadable, readable by others, not a private key).
 */
struct identity *identity_get(const char *path, char *err, size_t errlen);

/** identity_ref - one more reference. Return: @id. */
struct identity *identity_ref(struct identity *id);

/** identity_put - give a reference back; the last one wipes the key. NULL is fine. */
void identity_put(struct identity *id);

/* Borrowed from @id. mbedTLS takes them as non-const but does not change them. */
mbedtls_pk_context *identity_key(struct identity *id);
mbedtls_x509_crt *identity_cert(struct identity *id);
const uint8_t *identity_pin(const struct identity *id);

/* What the handshake worker is given of @id: key and certificate, no path. */
struct shop_object *identity_object(struct identity *id);
/** identity_pack - for identity_unpack(). Return: 0 or an mbedTLS error. */
int identity_pack(struct identity *id, struct parcel *p);
/** identity_unpack - Return: with one reference, or NULL. */
struct identity *identity_unpack(const struct parcel *p);

/** identity_flush - forget all loaded files */
void identity_flush(void);

#endif /* TUNNELD_IDENTITY_H */
