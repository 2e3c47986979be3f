/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel takes over: a socket with kTLS in both directions becomes a carrier, a
 * connection of a program a session.
 */
#ifndef TUNNELD_ATTACH_H
#define TUNNELD_ATTACH_H

#include "proxy.h"
#include "tnl.h"

/**
 * attach_carrier - TUNNEL_CMD_CARRIER_ATTACH, then close @fd
 *
 * @fd is closed in any case and at once: the kernel holds the file, and whoever
 * holds the descriptor can read the keys with getsockopt().
 *
 * @pin: that the peer has shown
 * @revision: of the tunnel, by which it was judged
 *
 * Return: 0 with @carrier_id set, or -errno with the kernel's sentence in c->error.
 */
int attach_carrier(struct tnl_conn *c, const char *tunnel, int fd,
		   const uint8_t pin[TUNNEL_PIN_LEN], uint32_t revision, uint32_t *carrier_id);

/** struct handover - a connection, and where it goes */
struct handover {
	const char *tunnel, *service;
	int fd;		     /* no other descriptor of it, no epoll */
	const void *prefix;  /* what has been read from it */
	size_t prefix_len;   /* at most TUNNEL_PREFIX_MAX */
	uint8_t protocol;    /* TUNNEL_PROTOCOL_* */
	const void *refusal; /* what it gets if the peer does not accept it */
	size_t refusal_len;  /* at most TUNNEL_REFUSAL_MAX */
	/* whose it is, and where that one came in, if not as the socket has it; or NULL */
	const struct proxy_ends *ends;
};

/**
 * hand_over - TUNNEL_CMD_SESSION_NEW; the caller closes the descriptor
 * Return: 0; or -errno with a sentence in c->error, and the connection is as it was.
 */
int hand_over(struct tnl_conn *c, const struct handover *h);

/** struct question - TUNNEL_CMD_SESSION_ASK: which session of the peer's it is about */
struct question {
	char tunnel[TUNNEL_NAME_MAX + 1];
	uint64_t session, id;
};

/**
 * answer_session - TUNNEL_CMD_SESSION_ANSWER: where a session of the peer's leads
 * @fd: connected; the caller closes it. -1: nowhere, for @reason (enum tunnel_reason)
 * Return: 0, or -errno with a sentence in c->error; -ENOENT: nobody waits for it any more.
 */
int answer_session(struct tnl_conn *c, const struct question *q, int fd, uint8_t reason);

#endif /* TUNNELD_ATTACH_H */
