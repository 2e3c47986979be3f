/* SPDX-License-Identifier: GPL-2.0 */
/* Certificates that a listener shows to its clients, each by the names that are in it. */
#ifndef TUNNELD_CERTS_H
#define TUNNELD_CERTS_H

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <stddef.h>
#include "edge.h"
#include "object.h"
#include "parcel.h"

struct certs;

/**
 * certs_load - read all certificates and keys
 * @e: which; is not needed afterwards
 * Return: with one reference, or NULL with a sentence in @err (a file that cannot be read,
 * a key that others can read, a key of another certificate).
 */
struct certs *certs_load(const struct edge *e, char *err, size_t errlen);

/**
 * certs_fresh - what is in the files now
 * @certs: loaded before; its reference goes over to the result
 * @why: gets a sentence if a file has changed and is not as it must be: what was
 *	loaded before stays then, so that a file may be written while people come; else ""
 *
 * Handshakes that run keep what they began with.
 *
 * Return: @certs or others, with one reference.
 */
struct certs *certs_fresh(struct certs *certs, char *why, size_t whylen);

struct certs *certs_ref(struct certs *certs);
/** certs_put - give a reference back; the last one wipes the keys. NULL is fine. */
void certs_put(struct certs *certs);

/* What the handshake worker is given of @certs: chains, keys and protocols, no path. */
struct shop_object *certs_object(struct certs *certs);
/** certs_pack - for certs_unpack(). Return: 0 or an mbedTLS error. */
int certs_pack(struct certs *certs, struct parcel *p);
/** certs_unpack - Return: with one reference, or NULL. */
struct certs *certs_unpack(const struct parcel *p);

/** certs_alpn - what the listener offers, ends with NULL; NULL if it offers nothing */
const char **certs_alpn(struct certs *certs);

/** certs_default - for who names none that fits. Return: 0 or an mbedTLS error. */
int certs_default(struct certs *certs, mbedtls_ssl_config *conf);

/**
 * certs_choose - those for a name, in a handshake
 * @name: as the client sent it, ends with a zero
 * Return: 0, also if there is none: then the default stays; or an mbedTLS error.
 */
int certs_choose(struct certs *certs, mbedtls_ssl_context *ssl, const char *name);

#endif /* TUNNELD_CERTS_H */
