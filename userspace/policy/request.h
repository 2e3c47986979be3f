/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the first bytes of a connection tell about it. They come from whoever can reach
 * a listener: everything here is a bounded, pure function of these bytes.
 */
#ifndef POLICY_REQUEST_H
#define POLICY_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** REQUEST_BYTES_MAX - most bytes that are read before a decision */
#define REQUEST_BYTES_MAX 16384
/** REQUEST_HEADERS_MAX - most header fields of a request */
#define REQUEST_HEADERS_MAX 100
/** REQUEST_ALPN_MAX - most protocol names of a ClientHello that are looked at */
#define REQUEST_ALPN_MAX 16
/** REQUEST_HOST_MAX - longest host name (RFC 1035, 2.3.4), or IPv6 literal */
#define REQUEST_HOST_MAX 255

/** struct text - bytes that end nowhere in particular; .p is NULL when there are none */
struct text {
	const char *p;
	size_t len;
};

/** enum verdict - how far the bytes lead */
enum verdict {
	VERDICT_MORE,  /* too few to say */
	VERDICT_DONE,  /* known */
	VERDICT_OTHER, /* not this protocol */
	VERDICT_BAD,   /* this protocol, and not as it must be: never passed on */
};

/** struct header - a field of an HTTP request */
struct header {
	struct text name, value;
};

/** struct request - what is known of a connection */
struct request {
	uint8_t protocol; /* TUNNEL_PROTOCOL_* (linux/tunnel.h) */
	bool tls;	  /* it began with a ClientHello */

	/* TLS: in lower case, "" without the extension */
	char sni[REQUEST_HOST_MAX + 1];
	struct text alpn[REQUEST_ALPN_MAX];
	unsigned int n_alpn;

	/* HTTP; host in lower case, without port and the dot of the root */
	char host[REQUEST_HOST_MAX + 1];
	uint32_t stream;	  /* of HTTP/2, 0: none yet */
	struct text method, path; /* path: without query; "*" of OPTIONS is kept */
	struct header headers[REQUEST_HEADERS_MAX];
	unsigned int n_headers;
	/* a sentence for the log when the verdict is VERDICT_BAD */
	const char *why;

	/* where what does not stand in the connection's bytes themselves is kept */
	char store[REQUEST_BYTES_MAX];
	size_t stored;
};

/** request_bad - it is not passed on, and @why */
static inline enum verdict request_bad(struct request *r, const char *why)
{
	r->why = why;
	return VERDICT_BAD;
}

/** request_host - keep @raw as a host: lower case, no port, no dot at the end
 * @out: REQUEST_HOST_MAX + 1 bytes
 * @port: may a port follow?
 * Return: is it a name of letters, digits, '-', '_' and '.', or an address? If not,
 * @out is "".
 */
bool request_host(char *out, struct text raw, bool port);

/** text_is - is it @word, whatever the case of its letters? */
bool text_is(struct text t, const char *word);

/** clienthello_parse - a TLS ClientHello (RFC 8446, 4.1.2; RFC 6066, 3; RFC 7301)
 *
 * Over as many records as it likes (RFC 8446, 5.1), up to REQUEST_BYTES_MAX bytes.
 */
enum verdict clienthello_parse(struct request *r, const uint8_t *bytes, size_t len);

/** http1_parse - the head of an HTTP/1.0 or 1.1 request (RFC 9112), WebSocket included
 *
 * Strict where implementations differ: what two parsers may read in two ways is bad.
 */
enum verdict http1_parse(struct request *r, const uint8_t *bytes, size_t len);

/** http2_parse - an HTTP/2 connection's preface and first request (RFC 9113), or gRPC
 *
 * A client may wait for the server's SETTINGS before its request: after the preface
 * the protocol is known (.protocol is set), though the verdict is VERDICT_MORE.
 */
enum verdict http2_parse(struct request *r, const uint8_t *bytes, size_t len);

/** HTTP2_SETTINGS - a server's first frame, with nothing in it; its length */
#define HTTP2_SETTINGS	   "\0\0\0\4\0\0\0\0\0"
#define HTTP2_SETTINGS_LEN 9

/** http2_asks - has a request begun, whole or not? @bytes begin with the preface */
bool http2_asks(const uint8_t *bytes, size_t len);

/** http2_ack - where the client says that it has our SETTINGS
 * @bytes: that begin with the preface
 * Return: offset of a frame of HTTP2_SETTINGS_LEN bytes; 0: not there yet.
 */
size_t http2_ack(const uint8_t *bytes, size_t len);

/** request_parse - any of these, else opaque
 *
 * Only the first request of a connection is looked at: what follows on it (a kept-alive
 * one, other streams, an upgrade) goes where that went. Each call begins anew: call it
 * for a good part more, not for each byte.
 * @r: zeroed here; points into @bytes afterwards
 */
enum verdict request_parse(struct request *r, const uint8_t *bytes, size_t len);

#endif /* POLICY_REQUEST_H */
