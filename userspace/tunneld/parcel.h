/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the handshake worker is given to keep: keys, certificates, pins. Pieces of bytes, one
 * behind the other, packed by the daemon and unpacked by the worker, which cannot read files.
 */
#ifndef TUNNELD_PARCEL_H
#define TUNNELD_PARCEL_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** PARCEL_MAX - bytes; certificates of a listener with all there may be of them are 17 MiB */
#define PARCEL_MAX (32 << 20)

/** struct parcel - zero-initialised; for parcel_free() */
struct parcel {
	uint8_t *bytes;
	size_t len, room;
	bool bad; /* too long, or out of memory */
};

/** parcel_put - one piece more; what goes wrong is in @p->bad */
void parcel_put(struct parcel *p, const void *bytes, size_t len);

/** parcel_put_key - a private key. Return: 0 or an mbedTLS error. */
int parcel_put_key(struct parcel *p, mbedtls_pk_context *key);

/** parcel_put_chain - certificates, a piece each, and an empty one behind them */
void parcel_put_chain(struct parcel *p, const mbedtls_x509_crt *chain);

/** parcel_free - wipe it */
void parcel_free(struct parcel *p);

/** struct parcel_reader - { bytes, len } */
struct parcel_reader {
	const uint8_t *p;
	size_t left;
};

/** parcel_take - the next piece. Return: false if there is none, or not all of one. */
bool parcel_take(struct parcel_reader *r, const uint8_t **bytes, size_t *len);

/** parcel_take_key - into @key. Return: false if it is none. */
bool parcel_take_key(struct parcel_reader *r, mbedtls_pk_context *key);

/** parcel_take_chain - into @chain, at least one. Return: false if they are none. */
bool parcel_take_chain(struct parcel_reader *r, mbedtls_x509_crt *chain);

/**
 * parcel_to_fd - into memory that a descriptor stands for
 *
 * Its size is sealed. Its bytes are not: who reads it wipes it.
 *
 * Return: the descriptor, or -errno.
 */
int parcel_to_fd(const struct parcel *p);

/**
 * parcel_from_fd - take it out, and wipe what @fd stands for
 * @p: all zero
 * Return: 0, or -errno with nothing to free.
 */
int parcel_from_fd(struct parcel *p, int fd, size_t len);

#endif /* TUNNELD_PARCEL_H */
