/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TLS at the edges, as text: what a listener shows to its clients, lines before its
 * routes,
 *
 *	tls certificate /etc/tunnel/www.pem key /etc/tunnel/www.key
 *	tls certificate /etc/tunnel/api.pem
 *	tls alpn h2,http/1.1
 *
 * and what a service is to show to us, behind its target (target.h). Pure.
 */
#ifndef POLICY_EDGE_H
#define POLICY_EDGE_H

#include <stdbool.h>
#include <stddef.h>

/** EDGE_CERTS_MAX - most certificates of a listener */
#define EDGE_CERTS_MAX 64
/** EDGE_ALPN_MAX - most protocols of one list */
#define EDGE_ALPN_MAX 8
/** EDGE_PATH_MAX - longest name of a file, bytes */
#define EDGE_PATH_MAX 255
/** EDGE_ALPN_LIST_MAX - longest list of protocols, bytes */
#define EDGE_ALPN_LIST_MAX 127

/** EDGE_WORD - what such a line begins with */
#define EDGE_WORD "tls"

/** struct edge_cert - a certificate with its chain, and its key; the same file if both are in it */
struct edge_cert {
	const char *certificate, *key;
};

/** struct edge - the TLS of a listener; n is 0 without */
struct edge {
	struct edge_cert cert[EDGE_CERTS_MAX]; /* the first is for who names none that fits */
	size_t n;
	const char *alpn; /* "h2,http/1.1", or NULL */
};

/**
 * edge_read - what is behind EDGE_WORD in a line
 * @e: more is added to it; points into @words
 * @words: is changed
 * Return: NULL, or what is wrong with the line: a sentence without its subject.
 */
const char *edge_read(struct edge *e, char *words);

/** edge_path - is it a file, from the root, without blanks? Return: NULL, or a sentence as above. */
const char *edge_path(const char *word);

/** edge_alpn - is it a list of protocols (RFC 7301)? Return: NULL, or a sentence as above. */
const char *edge_alpn(const char *list);

/** struct edge_names - a list in pieces, as TLS libraries like it */
struct edge_names {
	const char *name[EDGE_ALPN_MAX + 1]; /* ends with NULL */
	char text[EDGE_ALPN_LIST_MAX + 1];
};

/** edge_split - @list, which edge_alpn() approves of; or NULL: no name */
void edge_split(struct edge_names *names, const char *list);

#endif /* POLICY_EDGE_H */
