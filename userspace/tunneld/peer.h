/* SPDX-License-Identifier: GPL-2.0 */
/* Is it the peer of this tunnel? By pin, by a key that both have, or by authority and name. */
#ifndef TUNNELD_PEER_H
#define TUNNELD_PEER_H

#include "config.h"

/**
 * peer_is - may the peer of @t be this one?
 * @why: on false, what is wrong with a certificate that is for the name of @t; else as it was
 *
 * A certificate must be valid now, signed by an authority in @t's file, and have the name as
 * a DNS name among its subjectAltNames (RFC 6125, 6.4.4: the common name is not looked at).
 */
bool peer_is(const struct tunnel *t, const struct tls_peer *peer, char *why, size_t whylen);

#endif /* TUNNELD_PEER_H */
