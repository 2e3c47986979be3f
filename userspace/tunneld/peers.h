/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may come in: by a pin, by a key that both have, or by an authority and a name. The
 * daemon makes a list of its tunnels' peers; the handshake worker has a copy, and judges in
 * the handshake who it is. What it says is one of the list, by its number.
 */
#ifndef TUNNELD_PEERS_H
#define TUNNELD_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "object.h"
#include "parcel.h"
#include "tls.h"

enum peer_way {
	PEER_BY_PIN = 1,
	PEER_BY_PSK,
	PEER_BY_CA,
};

/** struct peer - one of them */
struct peer {
	struct peer *next;
	uint8_t way;		     /* enum peer_way */
	uint8_t pin[TUNNEL_PIN_LEN]; /* not of PEER_BY_CA */
	struct tnl_psk psk;	     /* PEER_BY_PSK: @pin is its fingerprint */
	char *name;		     /* what both call that key, or that is in the certificate */
	struct trust *trust;	     /* PEER_BY_CA: who may have signed it, */
	char *ca;		     /* for sentences: its file */

	/* not in the copy of the worker */
	char tunnel[TUNNEL_NAME_MAX + 1]; /* whose peer it is, */
	uint32_t revision;		  /* by which settings */
};

struct peers;

/** peers_new - nobody yet. Return: with one reference, or NULL without memory. */
struct peers *peers_new(void);

/** peers_ref - one more reference. Return: @p. */
struct peers *peers_ref(struct peers *p);

/** peers_put - give a reference back; the last one wipes keys. NULL is fine. */
void peers_put(struct peers *p);

/*
 * peers_add_* - one more. What they are given is copied, of @trust a reference is taken.
 * Return: it, for what is not in the worker's copy; or NULL without memory.
 */
struct peer *peers_add_pin(struct peers *p, const uint8_t pin[TUNNEL_PIN_LEN]);
struct peer *peers_add_psk(struct peers *p, const char *name, const struct tnl_psk *psk);
struct peer *peers_add_ca(struct peers *p, const char *ca, const char *name, struct trust *trust);

/** peers_same - are they the same, in one order, of the same tunnels? */
bool peers_same(const struct peers *a, const struct peers *b);

/** peers_get - by its number, from 0. Return: borrowed, or NULL. */
const struct peer *peers_get(const struct peers *p, uint32_t number);

/** peers_first_psk - Return: borrowed, or NULL: nobody has a key that we have, too. */
const struct peer *peers_first_psk(const struct peers *p);

/** peers_find_psk - as tls_find_psk */
const struct tnl_psk *peers_find_psk(const struct peers *p, const uint8_t *name, size_t len);

/**
 * peers_judge - which of them is it?
 * @server: for a sentence
 * @number: on true, of the one
 * @why: on false, what is wrong with a certificate that is for one of the names
 *
 * A certificate must be valid now, signed by an authority of the entry, and have the name as
 * a DNS name among its subjectAltNames (RFC 6125, 6.4.4: the common name is not looked at).
 * A pin says one of them; a certificate may have the names of several, then it is the first.
 */
bool peers_judge(const struct peers *p, const struct tls_peer *peer, bool server, uint32_t *number,
		 char *why, size_t whylen);

/** peers_could_be - could it be so, as far as it can be seen from here? */
bool peers_could_be(const struct peers *p, uint32_t number, const uint8_t pin[TUNNEL_PIN_LEN]);

struct shop_object *peers_object(struct peers *p);
/** peers_pack - for peers_unpack() in the handshake worker. Return: 0. */
int peers_pack(const struct peers *p, struct parcel *parcel);
/** peers_unpack - Return: with one reference, or NULL. */
struct peers *peers_unpack(const struct parcel *parcel);

#endif /* TUNNELD_PEERS_H */
