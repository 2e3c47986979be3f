/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The PROXY protocol, versions 1 and 2 (haproxy.org, doc/proxy-protocol.txt): who a
 * connection is for, said before its first byte. Pure.
 */
#ifndef POLICY_PROXY_H
#define POLICY_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/**
 * PROXY_BYTES_MAX - longest header that is taken, bytes. The addresses need 52, or 107 as
 * text; behind them may be more (TLVs, 2.2), which is not looked at.
 */
#define PROXY_BYTES_MAX 2048

/** PROXY_WRITE_MAX - room for proxy_write() */
#define PROXY_WRITE_MAX 108

/** struct proxy_ends - who connected, and to where; family 0: not known */
struct proxy_ends {
	struct sockaddr_storage source, local;
};

enum proxy_verdict {
	PROXY_MORE, /* is not all there yet */
	PROXY_BAD,  /* it is none, or not one that we take */
	PROXY_DONE, /* the ends are known, or it is said that there are none */
};

/**
 * proxy_take - which bytes are of the header?
 * @bytes: @len of them are; @n follow, of which that is not known
 * Return: how many of these @n are as well. The rest is not ours.
 */
size_t proxy_take(const uint8_t *bytes, size_t len, size_t n);

/**
 * proxy_parse - what a header says
 * @bytes: @len of it, as proxy_take() found them
 * @ends: result; with LOCAL or UNKNOWN of family 0: it is the sender's own connection, or
 *	it does not know
 * @why: result, with PROXY_BAD: a sentence without its subject
 */
enum proxy_verdict proxy_parse(struct proxy_ends *ends, const uint8_t *bytes, size_t len,
			       const char **why);

/**
 * proxy_write - a header
 * @version: 1 or 2
 * @ends: of family 0, or of IPv4 or IPv6, in whichever mixture
 * Return: its bytes.
 */
size_t proxy_write(uint8_t out[PROXY_WRITE_MAX], int version, const struct proxy_ends *ends);

#endif /* POLICY_PROXY_H */
