// SPDX-License-Identifier: GPL-2.0
#include <linux/tunnel.h>
#include <nghttp2/nghttp2.h>
#include <string.h>
#include <strings.h>

#include "cursor.h"
#include "http.h"
#include "request.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define PREFACE_LEN (sizeof(preface) - 1)

/* RFC 9113, 4.1 and 4.2: what we have not allowed to grow */
#define FRAME_HEADER 9
#define FRAME_MAX    16384

static bool keep(struct request *r, struct text *t, const uint8_t *p, size_t len)
{
	if (len > sizeof(r->store) - r->stored)
		return false;
	memcpy(r->store + r->stored, p, len);
	*t = (struct text){ r->store + r->stored, len };
	r->stored += len;
	return true;
}

/* struct pseudo - what HTTP/1 has in its first line (RFC 9113, 8.3.1) */
struct pseudo {
	struct text method, scheme, authority, path, protocol;
};

static const char *pseudo_field(struct pseudo *all, struct text name, struct text value)
{
	struct text *one = text_equals(name, ":method")	   ? &all->method :
			   text_equals(name, ":scheme")	   ? &all->scheme :
			   text_equals(name, ":authority") ? &all->authority :
			   text_equals(name, ":path")	   ? &all->path :
			   text_equals(name, ":protocol")  ? &all->protocol :
							     NULL;

	if (!one)
		return "a pseudo-header field that nobody knows";
	if (one->p)
		return "a pseudo-header field twice";
	*one = value;
	return NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A field; RFC 9113, 8.2: names in lower case, pseudo-header fields first and once. */
static const char *field(struct request *r, const nghttp2_nv *nv, struct pseudo *all)
{
	/* RFC 9113, 8.2.2: of HTTP/1's connections */
	static const char *const alien[] = {
		"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade",
	};
	struct text name, value;
	size_t i;

	if (!keep(r, &name, nv->name, nv->namelen) || !keep(r, &value, nv->value, nv->valuelen))
		return "a request head of more than 16 KiB";
	for (i = 0; i < value.len; i++)
		if (!http_is_value(value.p[i]))
			return "a header field that is none";
	if (!name.len || (value.len && (is_blank(value.p[0]) || is_blank(value.p[value.len - 1]))))
		return "a header field that is none";
	if (name.p[0] == ':')
		return r->n_headers ? "a pseudo-header field behind others" :
				      pseudo_field(all, name, value);
	for (i = 0; i < name.len; i++)
		if (!http_is_token(name.p[i]) || (name.p[i] >= 'A' && name.p[i] <= 'Z'))
			return "a header field that is none";
	for (i = 0; i < sizeof(alien) / sizeof(*alien); i++)
		if (text_equals(name, alien[i]))
			return "a header field that HTTP/2 has not";
	if (r->n_headers == REQUEST_HEADERS_MAX)
		return "a request with more than 100 header fields";
	r->headers[r->n_headers++] = (struct header){ name, value };
	return NULL;
}

/* RFC 7541; the library keeps the table. */
static const char *inflate(struct request *r, const uint8_t *block, size_t len, struct pseudo *all)
{
	nghttp2_hd_inflater *hd;
	const char *why = NULL;
	int flags = 0;

	if (nghttp2_hd_inflate_new(&hd))
		return "no memory for a request head";
	while (!why && !(flags & NGHTTP2_HD_INFLATE_FINAL)) {
		nghttp2_nv nv;
		ssize_t n;

		flags = 0;
		n = nghttp2_hd_inflate_hd2(hd, &nv, &flags, block, len, 1);
		if (n < 0) {
			why = "a compressed request head that does not inflate";
			break;
		}
		block += n;
		len -= n;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			why = field(r, &nv, all);
		else if (!n && !(flags & NGHTTP2_HD_INFLATE_FINAL))
			why = "a compressed request head that does not inflate";
	}
	nghttp2_hd_inflate_end_headers(hd);
	nghttp2_hd_inflate_del(hd);
	return why;
}

static bool is_grpc(const struct request *r)
{
	static const char type[] = "application/grpc";
	struct text t = http_header(r, "content-type");
	size_t n = sizeof(type) - 1;

	return text_equals(r->method, "POST") && t.len >= n && !strncasecmp(t.p, type, n) &&
	       (t.len == n || t.p[n] == '+' || t.p[n] == ';');
}

/* RFC 9113, 8.3.1 and 8.5, RFC 8441, 4 */
static const char *request_line(struct request *r, const struct pseudo *all)
{
	bool connect = text_equals(all->method, "CONNECT") && !all->protocol.p;
	size_t i;

	r->method = all->method;
	for (i = 0; i < r->method.len; i++)
		if (!http_is_token(r->method.p[i]))
			return "a method that is none";
	if (!r->method.len || (all->protocol.p && !text_equals(r->method, "CONNECT")))
		return "a request without a method of its own";
	if (connect) {
		r->path = (struct text){ "/", 1 };
		return all->scheme.p || all->path.p || !all->authority.p ? "a CONNECT with a path" :
									   NULL;
	}
	for (i = 0; i < all->path.len; i++)
		if (all->path.p[i] <= ' ' || all->path.p[i] >= 0x7f || all->path.p[i] == '#')
			return "a path that is none";
	if (!all->scheme.len || !all->path.p || !http_path(r, all->path))
		return "a request without a path, or one with '.' or '..' in it";
	return NULL;
}

static enum verdict head(struct request *r, const uint8_t *block, size_t len)
{
	struct pseudo all = { 0 };
	const char *why = inflate(r, block, len, &all);
	char other[REQUEST_HOST_MAX + 1];
	struct text host;

	if (!why)
		why = request_line(r, &all);
	if (why)
		return request_bad(r, why);
	host = http_header(r, "host");
	if (http_count(r, "host") > 1)
		return request_bad(r, "a request for two hosts");
	/* RFC 9113, 8.3.1: if both are there they are the same */
	if ((all.authority.p || host.p) &&
	    (!request_host(r->host, all.authority.p ? all.authority : host, true) ||
	     (all.authority.p && host.p &&
	      (!request_host(other, host, true) || strcmp(other, r->host)))))
		return request_bad(r, "a request for two hosts, or for none");
	if (is_grpc(r))
		r->protocol = TUNNEL_PROTOCOL_GRPC;
	return VERDICT_DONE;
}

/* A part of a header block, without what surrounds it: RFC 9113, 6.2. */
static struct cursor fragment(struct cursor payload, uint8_t type, uint8_t flags)
{
	size_t pad = 0;

	if (type == NGHTTP2_HEADERS) {
		if (flags & NGHTTP2_FLAG_PADDED)
			pad = cursor_number(&payload, 1);
		if (flags & NGHTTP2_FLAG_PRIORITY)
			cursor_take(&payload, 5);
		if (pad > payload.left)
			payload.bad = true;
		else
			payload.left -= pad;
	}
	return payload;
}

enum verdict http2_parse(struct request *r, const uint8_t *bytes, size_t len)
{
	struct cursor all = { .p = bytes, .left = len };
	uint8_t block[REQUEST_BYTES_MAX];
	size_t have = 0;
	uint32_t stream = 0, frames;

	if (memcmp(bytes, preface, len < PREFACE_LEN ? len : PREFACE_LEN))
		return VERDICT_OTHER;
	if (len < PREFACE_LEN)
		return VERDICT_MORE;
	r->protocol = TUNNEL_PROTOCOL_HTTP2;
	r->n_headers = 0;
	r->stored = 0;
	r->method = r->path = (struct text){ 0 };
	if (all.left > sizeof(block))
		all.left = sizeof(block);
	cursor_take(&all, PREFACE_LEN);
	for (frames = 0; all.left >= FRAME_HEADER; frames++) {
		size_t n = cursor_number(&all, 3);
		uint8_t type = cursor_number(&all, 1), flags = cursor_number(&all, 1);
		uint32_t id = cursor_number(&all, 4) & INT32_MAX;
		struct cursor payload;

		if (n > FRAME_MAX)
			return request_bad(r, "an HTTP/2 frame that is too long");
		if (!frames && (type != NGHTTP2_SETTINGS || flags & NGHTTP2_FLAG_ACK))
			return request_bad(r, "an HTTP/2 preface without SETTINGS");
		if (stream && (type != NGHTTP2_CONTINUATION || id != stream))
			return request_bad(r, "an HTTP/2 request head that is interrupted");
		if (type == NGHTTP2_SETTINGS && (id || n % 6))
			return request_bad(r, "HTTP/2 SETTINGS that are none");
		if (type == NGHTTP2_DATA || type == NGHTTP2_RST_STREAM ||
		    type == NGHTTP2_PUSH_PROMISE || (type == NGHTTP2_CONTINUATION && !stream) ||
		    (type == NGHTTP2_HEADERS && !(id & 1)))
			return request_bad(r, "an HTTP/2 frame of a stream that is not open");
		if (n > all.left)
			break;
		payload = cursor_part(&all, n);
		if (type != NGHTTP2_HEADERS && type != NGHTTP2_CONTINUATION)
			continue;
		payload = fragment(payload, type, flags);
		if (payload.bad)
			return request_bad(r, "an HTTP/2 frame with more padding than it has");
		/* no more than there is of @bytes */
		memcpy(block + have, payload.p, payload.left);
		have += payload.left;
		stream = id;
		if (flags & NGHTTP2_FLAG_END_HEADERS) {
			r->stream = stream;
			return head(r, block, have);
		}
	}
	if (len >= REQUEST_BYTES_MAX)
		return request_bad(r, "a request head of more than 16 KiB");
	return VERDICT_MORE;
}

/* Where the first frame for which @is is true begins; 0: there is none yet. */
static size_t find_frame(const uint8_t *bytes, size_t len, bool (*is)(const uint8_t *header))
{
	size_t at = PREFACE_LEN;

	while (len >= at + FRAME_HEADER) {
		const uint8_t *h = bytes + at;

		if (is(h))
			return at;
		at += FRAME_HEADER + ((size_t)h[0] << 16 | h[1] << 8 | h[2]);
	}
	return 0;
}

static bool is_ack(const uint8_t *h)
{
	return h[3] == NGHTTP2_SETTINGS && h[4] & NGHTTP2_FLAG_ACK && !h[0] && !h[1] && !h[2];
}

static bool is_headers(const uint8_t *h)
{
	return h[3] == NGHTTP2_HEADERS;
}

size_t http2_ack(const uint8_t *bytes, size_t len)
{
	return find_frame(bytes, len, is_ack);
}

bool http2_asks(const uint8_t *bytes, size_t len)
{
	return find_frame(bytes, len, is_headers);
}
