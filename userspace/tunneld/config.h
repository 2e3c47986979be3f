/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's mirror of the kernel's tunnels. The kernel is the truth: every
 * change is a reason to read it again, so a lost notification costs nothing
 * but time, and a restarted daemon needs no memory.
 */
#ifndef TUNNELD_CONFIG_H
#define TUNNELD_CONFIG_H

#include "daemon.h"
#include "peers.h"

struct dial;

struct tunnel {
	struct tunnel *next; /* in the order the kernel lists them */
	char name[TUNNEL_NAME_MAX + 1];
	uint8_t role, state;
	uint8_t pin[TUNNEL_PINS_MAX][TUNNEL_PIN_LEN]; /* any of these keys, */
	size_t n_pins;				      /* none if it has @ca */
	uint32_t revision;			      /* of how certificates are judged */
	char remote[TUNNEL_TEXT_MAX + 1];
	char local[TUNNEL_TEXT_MAX + 1];
	char key[TUNNEL_TEXT_MAX + 1];
	char cert[TUNNEL_TEXT_MAX + 1];	     /* for @key; "": one is made of it */
	char ca[TUNNEL_TEXT_MAX + 1];	     /* in place of @pin, */
	char peer_name[TUNNEL_TEXT_MAX + 1]; /* with this name */
	char psk[TUNNEL_TEXT_MAX + 1];	     /* in place of @key; then @pin is its fingerprint */
	char psk_name[TUNNEL_NAME_MAX + 1];
	struct tnl_psk *psk_read; /* what was in @psk: tunnel_psk() */
	uint32_t ciphers;

	struct dial *dial;	   /* role dial */
	struct listener *listener; /* role listen; NULL: refused, see complaint */
	const char *complaint;	   /* why refused, as logged; static text */
};

/**
 * tunnel_accepts - may the peer have the key with this pin?
 *
 * Looks at all of them, so that the time does not tell which one it was.
 */
bool tunnel_accepts(const struct tunnel *t, const uint8_t pin[TUNNEL_PIN_LEN]);

/**
 * tunnel_psk - the key that both sides of @t have
 *
 * It is read once: the kernel knows which key it is, and another one in the file is no
 * other key of the tunnel until somebody says so.
 *
 * Return: borrowed from @t, or NULL with a sentence in @err (no PSK, a file that cannot be
 * read or that others can, another key).
 */
const struct tnl_psk *tunnel_psk(struct tunnel *t, char *err, size_t errlen);

/**
 * tunnel_add_peers - who the peer of @t may be, as of now
 * Return: false with a sentence in @err: nobody of them could be added, or not all.
 */
bool tunnel_add_peers(struct tunnel *t, struct peers *peers, char *err, size_t errlen);

/**
 * tunnel_still_accepts - does @t accept who came in as @peer, which was added for it?
 * @pin: that the peer has shown
 */
bool tunnel_still_accepts(const struct tunnel *t, const struct peer *peer,
			  const uint8_t pin[TUNNEL_PIN_LEN]);

/**
 * config_start - register as the daemon, join the groups, read everything
 * Return: 0; or -errno after logging a sentence (-EBUSY: there is a daemon).
 */
int config_start(struct daemon *d);

/** config_sync_soon - read the kernel's tunnels again in @ms milliseconds or earlier */
void config_sync_soon(struct daemon *d, unsigned int ms);

/** config_stop - forget all tunnels and what is done for them */
void config_stop(struct daemon *d);

#endif /* TUNNELD_CONFIG_H */
