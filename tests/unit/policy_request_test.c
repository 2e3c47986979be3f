// SPDX-License-Identifier: GPL-2.0
/*
 * What the first bytes of a connection tell, whole and byte by byte, and what is not
 * passed on.
 */
/* links: userspace/policy/clienthello.c userspace/policy/http.c userspace/policy/http1.c userspace/policy/http2.c userspace/policy/request.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/tunnel.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../userspace/policy/http.h"
#include "../../userspace/policy/request.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct request req;
static uint8_t *kept;

/* From memory that ends with the bytes; it stays until the next call. */
static enum verdict parse(const void *bytes, size_t len)
{
	free(kept);
	kept = malloc(len ? len : 1);
	memcpy(kept, bytes, len);
	return request_parse(&req, kept, len);
}

/* Each beginning asks for more; the whole is @want. */
static void grows(const void *bytes, size_t len, enum verdict want)
{
	size_t n;

	for (n = 0; n < len; n++)
		if (parse(bytes, n) != VERDICT_MORE)
			fail_msg("decided (%s) after %zu of %zu bytes", req.why ? req.why : "", n,
				 len);
	assert_int_equal(parse(bytes, len), want);
}

static void is(struct text t, const char *want)
{
	assert_int_equal(t.len, strlen(want));
	assert_memory_equal(t.p, want, t.len);
}

static void http(void **state)
{
	static const struct {
		const char *head, *host, *path;
		int protocol;
	} cases[] = {
		{ "GET / HTTP/1.1\r\nHost: A.Example.ORG\r\n\r\n", "a.example.org", "/",
		  TUNNEL_PROTOCOL_HTTP1 },
		{ "GET /a/b?c=/d HTTP/1.1\r\nhost:a.b.:8080 \r\n\r\n", "a.b", "/a/b",
		  TUNNEL_PROTOCOL_HTTP1 },
		{ "GET / HTTP/1.0\r\n\r\n", "", "/", TUNNEL_PROTOCOL_HTTP1 },
		{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", "", "/", TUNNEL_PROTOCOL_HTTP1 },
		{ "OPTIONS * HTTP/1.1\r\nHost: [2001:DB8::0001]:80\r\n\r\n", "2001:db8::1", "*",
		  TUNNEL_PROTOCOL_HTTP1 },
		{ "GET http://a.b/c HTTP/1.1\r\nHost: A.b\r\n\r\n", "a.b", "/c",
		  TUNNEL_PROTOCOL_HTTP1 },
		{ "GET https://a.b?c HTTP/1.1\r\nHost: a.b\r\n\r\n", "a.b", "/",
		  TUNNEL_PROTOCOL_HTTP1 },
		{ "CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n", "a.b", "/",
		  TUNNEL_PROTOCOL_HTTP1 },
		{ "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "a", "/x",
		  TUNNEL_PROTOCOL_HTTP1 },
		{ "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", "a", "/x",
		  TUNNEL_PROTOCOL_HTTP1 },
		{ "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n",
		  "a", "/ws", TUNNEL_PROTOCOL_WEBSOCKET },
		{ "GET /.../.a/b..?/../ HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/.../.a/b..",
		  TUNNEL_PROTOCOL_HTTP1 },
		{ "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", "a", "/ws",
		  TUNNEL_PROTOCOL_HTTP1 },
		{ "POST /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
		  "a", "/ws", TUNNEL_PROTOCOL_HTTP1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		grows(cases[i].head, strlen(cases[i].head), VERDICT_DONE);
		assert_int_equal(req.protocol, cases[i].protocol);
		assert_string_equal(req.host, cases[i].host);
		is(req.path, cases[i].path);
		assert_false(req.tls);
	}
}

/* Two readers may take these for two different things: nobody gets them. */
static void http_is_strict(void **state)
{
#define H "POST / HTTP/1.1\r\nHost: a\r\n"
	static const char *const cases[] = {
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a..b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: .\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n",
		"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT b:1 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET a HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\n\n",
		"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / http/1.1\r\nHost: a\r\n\r\n",
		"GET /\r\n",
		"GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /a/.%2E HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /./a HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /%2e?b HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a:0\r\n\r\n",
		"GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n",
		"CONNECT a:1/b HTTP/1.1\r\nHost: a:1\r\n\r\n",
		"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
		"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nXX",
		H "\n",
		H "A: b\n\r\n",
		H " folded: x\r\n\r\n",
		H "A : b\r\n\r\n",
		H ": b\r\n\r\n",
		H "no colon\r\n\r\n",
		H "A: b\rc\r\n\r\n",
		H "A: \x01\r\n\r\n",
		H "A\xe9: b\r\n\r\n",
		H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
		H "Content-Length: 1, 1\r\n\r\n",
		H "Content-Length: +1\r\n\r\n",
		H "Content-Length: \r\n\r\n",
		H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		H "Transfer-Encoding: gzip, chunked\r\n\r\n",
		H "Transfer-Encoding: xchunked\r\n\r\n",
		"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
	};
	char many[4000] = H, *p = many + strlen(many);
	char big[REQUEST_BYTES_MAX + 100];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (parse(cases[i], strlen(cases[i])) != VERDICT_BAD)
			fail_msg("taken: %s", cases[i]);
		assert_non_null(req.why);
	}
	/* a zero byte ends no text here */
	assert_int_equal(parse(H "A: b\0c\r\n\r\n", sizeof(H "A: b\0c\r\n\r\n") - 1), VERDICT_BAD);
	for (i = 0; i < REQUEST_HEADERS_MAX - 1; i++)
		p += sprintf(p, "x-%zu: y\r\n", i);
	strcpy(p, "\r\n");
	assert_int_equal(parse(many, strlen(many)), VERDICT_DONE);
	assert_int_equal(req.n_headers, REQUEST_HEADERS_MAX);
	is(http_header(&req, "x-98"), "y");
	strcpy(p, "one: more\r\n\r\n");
	assert_int_equal(parse(many, strlen(many)), VERDICT_BAD);
	/* a head that does not end */
	memset(big, 'a', sizeof(big));
	memcpy(big, H "A: ", sizeof(H "A: ") - 1);
	assert_int_equal(parse(big, REQUEST_BYTES_MAX - 1), VERDICT_MORE);
	assert_int_equal(parse(big, REQUEST_BYTES_MAX), VERDICT_BAD);
	assert_int_equal(parse(big, sizeof(big)), VERDICT_BAD);
#undef H
}

static void others(void **state)
{
	static const char *const cases[] = {
		"SSH-2.0-OpenSSH_9.2\r\n",
		"*1\r\n$4\r\nPING\r\n",
		"EHLO a.b\r\n",
		"PING\r\n",
		" GET / HTTP/1.1\r\n",
		"\r\nEHLO a\r\n",
		"\r\n\r\n\x01",
		"GETTING / HTTQ/1.1\r\n",
		"SELECT 1;\r\n",
		"\x16\x02\x01",
		"\x16\x03\x01\x01\x05\x02",
		"AVERYVERYLONGWORDTHATISNOMETHODOFHTTP",
		"\x80",
	};
	/* PostgreSQL: length, then SSLRequest */
	static const uint8_t postgres[] = { 0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (parse(cases[i], strlen(cases[i])) != VERDICT_DONE)
			fail_msg("not opaque: %s", cases[i]);
		assert_int_equal(req.protocol, TUNNEL_PROTOCOL_OPAQUE);
	}
	assert_int_equal(parse(postgres, 1), VERDICT_DONE);
	assert_int_equal(req.protocol, TUNNEL_PROTOCOL_OPAQUE);
	assert_int_equal(parse("", 0), VERDICT_MORE);
}

/* struct bytes - a message being written */
struct bytes {
	uint8_t b[80000];
	size_t n;
};

static void put(struct bytes *o, uint64_t value, size_t bytes)
{
	while (bytes--)
		o->b[o->n++] = value >> 8 * bytes;
}

static void put_all(struct bytes *o, const void *p, size_t len)
{
	memcpy(o->b + o->n, p, len);
	o->n += len;
}

static void put_sni(struct bytes *o, const char *name, size_t len)
{
	put(o, 0, 2);
	put(o, len + 5, 2);
	put(o, len + 3, 2);
	put(o, 0, 1);
	put(o, len, 2);
	put_all(o, name, len);
}

/* A ClientHello with these extensions, behind a key share of @share bytes. */
static void put_hello(struct bytes *o, const struct bytes *extensions, size_t share)
{
	size_t ext = extensions->n + 4 + share;

	put(o, 1, 1);
	put(o, 2 + 32 + 1 + 32 + 2 + 4 + 1 + 1 + 2 + ext, 3);
	put(o, 0x0303, 2);
	memset(o->b + o->n, 7, 32);
	o->n += 32;
	put(o, 32, 1);
	memset(o->b + o->n, 8, 32);
	o->n += 32;
	put(o, 4, 2);
	put(o, 0x13011302, 4);
	put(o, 1, 1);
	put(o, 0, 1);
	put(o, ext, 2);
	put(o, 51, 2);
	put(o, share, 2);
	memset(o->b + o->n, 9, share);
	o->n += share;
	put_all(o, extensions->b, extensions->n);
}

/* In records of at most @part bytes. */
static void put_records(struct bytes *o, const struct bytes *message, size_t part)
{
	size_t at, n;

	for (at = 0; at < message->n; at += n) {
		n = message->n - at < part ? message->n - at : part;
		put(o, 0x160301, 3);
		put(o, n, 2);
		put_all(o, message->b + at, n);
	}
}

static const char alpn[] = "\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1";

static void hello(void **state)
{
	static const size_t shares[] = { 36, 1216, 9000 }, parts[] = { 16384, 1000, 1 };
	static struct bytes ext, message, all;
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(shares); i++)
		for (j = 0; j < ARRAY_SIZE(parts); j++) {
			ext.n = message.n = all.n = 0;
			put_sni(&ext, "WWW.example.org", 15);
			put_all(&ext, alpn, sizeof(alpn) - 1);
			put_hello(&message, &ext, shares[i]);
			put_records(&all, &message, parts[j]);
			if (all.n > REQUEST_BYTES_MAX) {
				assert_int_equal(parse(all.b, all.n), VERDICT_BAD);
				continue;
			}
			grows(all.b, all.n, VERDICT_DONE);
			assert_true(req.tls);
			assert_int_equal(req.protocol, TUNNEL_PROTOCOL_TLS);
			assert_string_equal(req.sni, "www.example.org");
			assert_int_equal(req.n_alpn, 2);
			is(req.alpn[0], "h2");
			is(req.alpn[1], "http/1.1");
			/* early data */
			put(&all, 0x1703030001, 5);
			put(&all, 1, 1);
			assert_int_equal(parse(all.b, all.n), VERDICT_DONE);
		}
}

static enum verdict hello_with(const void *extensions, size_t len)
{
	static struct bytes ext, message, all;

	ext.n = message.n = all.n = 0;
	put_all(&ext, extensions, len);
	put_hello(&message, &ext, 8);
	put_records(&all, &message, 16384);
	return parse(all.b, all.n);
}

static void hello_is_strict(void **state)
{
	static struct bytes ext, message, all;

	(void)state;
	assert_int_equal(hello_with("", 0), VERDICT_DONE);
	assert_string_equal(req.sni, "");
#define BAD(s) assert_int_equal(hello_with(s, sizeof(s) - 1), VERDICT_BAD)
	BAD("\0\0\0\x08\0\x06\0\0\x03"
	    "a b"); /* no name */
	BAD("\0\0\0\x08\0\x06\0\0\x03"
	    "a\0b");
	BAD("\0\0\0\x08\0\x06\x01\0\x03"
	    "abc");		       /* no host name */
	BAD("\0\0\0\x05\0\x03\0\0\0"); /* empty */
	BAD("\0\0\0\x08\0\x05\0\0\x03"
	    "abc"); /* lengths that do not fit */
	BAD("\0\0\0\x08\0\x06\0\0\x04"
	    "abc");
	BAD("\0\0\0\x08\0\x06\0\0\x02"
	    "abc");
	BAD("\0\0\0\x06\0\x04\0\0\x01"
	    "a"
	    "\0\0\0\x06\0\x04\0\0\x01"
	    "b");		     /* twice */
	BAD("\0\x10\0\x02\0\0");     /* no protocol */
	BAD("\0\x10\0\x03\0\x01\0"); /* an empty one */
	BAD("\0\x10\0\x05\0\x03\x03h2");
	BAD("\0\x10\0"); /* in half */
	BAD("\0\x10\0\x09\0");
#undef BAD
	/* more in the record than the message */
	put_hello(&message, &ext, 8);
	put(&message, 0, 1);
	put_records(&all, &message, 16384);
	assert_int_equal(parse(all.b, all.n), VERDICT_BAD);
	/* other records in it, and empty ones */
	message.n--;
	all.n = 0;
	put_records(&all, &message, 20);
	all.b[25] = 0x17;
	assert_int_equal(parse(all.b, all.n), VERDICT_BAD);
	all.b[25] = 0x16;
	assert_int_equal(parse(all.b, all.n), VERDICT_DONE);
	all.b[28] = all.b[29] = 0;
	assert_int_equal(parse(all.b, all.n), VERDICT_BAD);
	/* larger than what is read */
	assert_int_equal(parse("\x16\x03\x01\x40\x00\x01\x00\x40\x00", 9), VERDICT_BAD);
	assert_int_equal(parse("\x16\x03\x01\x40\x01\x01", 6), VERDICT_BAD);
	/* an empty record in front of it */
	assert_int_equal(parse("\x16\x03\x01\x00\x00\x16\x03\x01", 8), VERDICT_BAD);
}

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define NV(n, v)                                                                                   \
	{                                                                                          \
		(uint8_t *)(n), (uint8_t *)(v), sizeof(n) - 1, sizeof(v) - 1, 0                    \
	}

static void put_frame(struct bytes *o, uint8_t type, uint8_t flags, uint32_t id,
		      const void *payload, size_t len)
{
	put(o, len, 3);
	put(o, type, 1);
	put(o, flags, 1);
	put(o, id, 4);
	put_all(o, payload, len);
}

static void begin_h2(struct bytes *o)
{
	o->n = 0;
	put_all(o, PREFACE, sizeof(PREFACE) - 1);
	put_frame(o, NGHTTP2_SETTINGS, 0, 0, "\0\x04\0\0\xff\xff", 6);
	put_frame(o, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\xff\xff", 4);
}

static size_t deflate(uint8_t *out, size_t max, const nghttp2_nv *nv, size_t n)
{
	nghttp2_hd_deflater *hd;
	ssize_t len;

	assert_int_equal(nghttp2_hd_deflate_new(&hd, 4096), 0);
	len = nghttp2_hd_deflate_hd(hd, out, max, nv, n);
	nghttp2_hd_deflate_del(hd);
	assert_true(len > 0);
	return len;
}

static void http2(void **state)
{
	static const nghttp2_nv get[] = {
		NV(":method", "GET"), NV(":scheme", "https"), NV(":authority", "A.example.org:443"),
		NV(":path", "/a?b"),  NV("user-agent", "x"),  NV("host", "a.example.org"),
	};
	static const nghttp2_nv grpc[] = {
		NV(":method", "POST"),
		NV(":scheme", "http"),
		NV(":path", "/pkg.Service/Call"),
		NV(":authority", "a"),
		NV("content-type", "application/grpc+proto"),
		NV("te", "trailers"),
	};
	static struct bytes all;
	uint8_t block[512], padded[600];
	size_t n;

	(void)state;
	begin_h2(&all);
	n = deflate(block, sizeof(block), get, ARRAY_SIZE(get));
	/* the client that waits: the protocol is known, the rest is not */
	assert_int_equal(parse(all.b, all.n), VERDICT_MORE);
	assert_int_equal(req.protocol, TUNNEL_PROTOCOL_HTTP2);
	put_frame(&all, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block, n);
	grows(all.b, all.n, VERDICT_DONE);
	assert_int_equal(req.protocol, TUNNEL_PROTOCOL_HTTP2);
	assert_string_equal(req.host, "a.example.org");
	is(req.path, "/a");
	is(req.method, "GET");

	/* padded, with a priority, in three frames, behind others */
	begin_h2(&all);
	put_frame(&all, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "", 0);
	put_frame(&all, NGHTTP2_PING, 0, 0, "12345678", 8);
	put_frame(&all, 0x42, 0xff, 9, "what", 4);
	n = deflate(block, sizeof(block), grpc, ARRAY_SIZE(grpc));
	padded[0] = 3;
	memset(padded + 1, 0, 5);
	memcpy(padded + 6, block, 10);
	memset(padded + 16, 0, 3);
	put_frame(&all, NGHTTP2_HEADERS, NGHTTP2_FLAG_PADDED | NGHTTP2_FLAG_PRIORITY, 1, padded,
		  19);
	put_frame(&all, NGHTTP2_CONTINUATION, 0, 1, block + 10, 1);
	put_frame(&all, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, block + 11, n - 11);
	grows(all.b, all.n, VERDICT_DONE);
	assert_int_equal(req.protocol, TUNNEL_PROTOCOL_GRPC);
	assert_string_equal(req.host, "a");
	is(req.path, "/pkg.Service/Call");
}

/* A request that is right but for what @extra adds to it and @without takes away. */
static enum verdict h2_with(const char *without, const nghttp2_nv *extra, size_t n)
{
	static const nghttp2_nv base[] = {
		NV(":method", "GET"),
		NV(":scheme", "http"),
		NV(":authority", "a"),
		NV(":path", "/"),
	};
	static struct bytes all;
	nghttp2_nv nv[8];
	uint8_t block[40000];
	size_t i, have = 0;

	for (i = 0; i < ARRAY_SIZE(base); i++)
		if (!without || strcmp((char *)base[i].name, without))
			nv[have++] = base[i];
	for (i = 0; i < n && extra[i].name; i++)
		nv[have++] = extra[i];
	begin_h2(&all);
	n = deflate(block, sizeof(block), nv, have);
	put_frame(&all, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block, n);
	return parse(all.b, all.n);
}

static void http2_is_strict(void **state)
{
	static char huge[9000];
	const struct {
		const char *without;
		nghttp2_nv extra[2];
	} cases[] = {
		{ ":method", {} },
		{ ":scheme", {} },
		{ ":path", {} },
		{ NULL, { NV(":method", "GET") } },
		{ NULL, { NV(":path", "/") } },
		{ NULL, { NV(":scheme", "http") } },
		{ NULL, { NV("a", "b"), NV(":protocol", "x") } },
		{ NULL, { NV(":protocol", "websocket") } },
		{ NULL, { NV(":what", "b") } },
		{ ":method", { NV(":METHOD", "GET") } },
		{ ":method", { NV(":method", "G T") } },
		{ ":method", { NV(":method", "") } },
		{ ":method", { NV(":method", "CONNECT") } },
		{ ":path", { NV(":path", "a") } },
		{ ":path", { NV(":path", "") } },
		{ ":path", { NV(":path", "*") } },
		{ ":path", { NV(":path", "/a b") } },
		{ ":path", { NV(":path", "/a#b") } },
		{ ":path", { NV(":path", "/a/../b") } },
		{ ":path", { NV(":path", "http://a/") } },
		{ NULL, { NV("host", "b") } },
		{ NULL, { NV("host", "a"), NV("host", "a") } },
		{ ":authority", { NV(":authority", "a b") } },
		{ ":authority", { NV("host", "") } },
		{ NULL, { NV("A", "b") } },
		{ NULL, { NV("a", "b\r\nc: d") } },
		{ NULL, { NV("a", " b") } },
		{ NULL, { NV("a", "b\t") } },
		{ NULL, { NV("a b", "c") } },
		{ NULL, { NV("", "c") } },
		{ NULL, { NV("connection", "close") } },
		{ NULL, { NV("transfer-encoding", "chunked") } },
		{ NULL, { NV("upgrade", "h2c") } },
		/* small on the wire, large when inflated */
		{ NULL,
		  { { (uint8_t *)"x", (uint8_t *)huge, 1, sizeof(huge), 0 },
		    { (uint8_t *)"x", (uint8_t *)huge, 1, sizeof(huge), 0 } } },
	};
	const nghttp2_nv websocket[] = { NV(":method", "CONNECT"), NV(":protocol", "websocket") };
	static const struct {
		uint8_t type, flags;
		uint32_t id;
		const char *payload;
		size_t len;
	} frames[] = {
		{ NGHTTP2_DATA, 0, 1, "x", 1 },
		{ NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\0", 4 },
		{ NGHTTP2_CONTINUATION, 0, 1, "x", 1 },
		{ NGHTTP2_PUSH_PROMISE, 4, 1, "\0\0\0\2", 4 },
		{ NGHTTP2_SETTINGS, 0, 1, "", 0 },
		{ NGHTTP2_SETTINGS, 0, 0, "x", 1 },
		{ NGHTTP2_HEADERS, 4, 0, "x", 1 },
		{ NGHTTP2_HEADERS, 4, 2, "x", 1 },
		{ NGHTTP2_HEADERS, 4 | NGHTTP2_FLAG_PADDED, 1, "\x05x", 2 },
		{ NGHTTP2_HEADERS, 4 | NGHTTP2_FLAG_PRIORITY, 1, "x", 1 },
		{ NGHTTP2_HEADERS, 4, 1, "\xff\xff\xff\xff\xff\xff\xff", 7 },
		{ NGHTTP2_HEADERS, 4, 1, "\x80", 1 },
		{ NGHTTP2_HEADERS, 4, 1, "", 0 },
	};
	static struct bytes all;
	size_t i;

	(void)state;
	assert_int_equal(h2_with(NULL, NULL, 0), VERDICT_DONE);
	assert_int_equal(h2_with(":method", websocket, 2), VERDICT_DONE);
	memset(huge, 'a', sizeof(huge));
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (h2_with(cases[i].without, cases[i].extra, 2) != VERDICT_BAD)
			fail_msg("case %zu is taken", i);
	for (i = 0; i < ARRAY_SIZE(frames); i++) {
		begin_h2(&all);
		put_frame(&all, frames[i].type, frames[i].flags, frames[i].id, frames[i].payload,
			  frames[i].len);
		if (parse(all.b, all.n) != VERDICT_BAD)
			fail_msg("frame %zu is taken", i);
	}
	/* not SETTINGS first, or their ACK */
	all.n = sizeof(PREFACE) - 1;
	put_frame(&all, NGHTTP2_PING, 0, 0, "12345678", 8);
	assert_int_equal(parse(all.b, all.n), VERDICT_BAD);
	all.n = sizeof(PREFACE) - 1;
	put_frame(&all, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "", 0);
	assert_int_equal(parse(all.b, all.n), VERDICT_BAD);
	/* interrupted */
	begin_h2(&all);
	put_frame(&all, NGHTTP2_HEADERS, 0, 1, "\x82", 1);
	put_frame(&all, NGHTTP2_PING, 0, 0, "12345678", 8);
	assert_int_equal(parse(all.b, all.n), VERDICT_BAD);
	/* larger than anybody has allowed */
	begin_h2(&all);
	put(&all, 0x004001, 3);
	put(&all, 0x0100, 2);
	put(&all, 1, 4);
	assert_int_equal(parse(all.b, all.n), VERDICT_BAD);
	/* frames without end, and no request among them */
	begin_h2(&all);
	while (all.n < REQUEST_BYTES_MAX)
		put_frame(&all, NGHTTP2_PING, 0, 0, "12345678", 8);
	assert_int_equal(parse(all.b, REQUEST_BYTES_MAX - 1), VERDICT_MORE);
	assert_int_equal(parse(all.b, all.n), VERDICT_BAD);
}

static int done(void **state)
{
	(void)state;
	free(kept);
	kept = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http),
		cmocka_unit_test(http_is_strict),
		cmocka_unit_test(others),
		cmocka_unit_test(hello),
		cmocka_unit_test(hello_is_strict),
		cmocka_unit_test(http2),
		cmocka_unit_test(http2_is_strict),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, done);
}
