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

static enum verdict bad(struct request *r, const char *why)
{
	r->why = why;
	return VERDICT_BAD;
}

static bool keep(struct request *r, struct text *t, const uint8_t *p, size_t len)
{
	if (len > sizeof(r->store) - r->stored)
		return false;
	memcpy(r->store + r->stored, p, len);
	*t = (struct text){ r->store + r->stored, len };
	r->stored += len;
	return true;
}

/* A field; RFC 9113, 8.2: names in lower case, pseudo-header fields first and once. */
static const char *field(struct request *r, const nghttp2_nv *nv, struct text *authority)
{
	struct text name, value, *pseudo = NULL;
	size_t i;

	if (!keep(r, &name, nv->name, nv->namelen) || !keep(r, &value, nv->value, nv->valuelen))
		return "a request head of more than 16 KiB";
	for (i = 0; i < value.len; i++)
		if (!http_is_value(value.p[i]))
			return "a header field that is none";
	if (!name.len)
		return "a header field that is none";
	if (name.p[0] != ':') {
		for (i = 0; i < name.len; i++)
			if (!http_is_token(name.p[i]) || (name.p[i] >= 'A' && name.p[i] <= 'Z'))
				return "a header field that is none";
		if (r->n_headers == REQUEST_HEADERS_MAX)
			return "a request with more than 100 header fields";
		r->headers[r->n_headers++] = (struct header){ name, value };
		return NULL;
	}
	if (r->n_headers)
		return "a pseudo-header field behind others";
	if (text_is(name, ":method"))
		pseudo = &r->method;
	else if (text_is(name, ":path"))
		pseudo = &r->path;
	else if (text_is(name, ":authority"))
		pseudo = authority;
	else if (!text_is(name, ":scheme") && !text_is(name, ":protocol"))
		return "a pseudo-header field that nobody knows";
	if (pseudo) {
		if (pseudo->p)
			return "a pseudo-header field twice";
		*pseudo = value;
	}
	return NULL;
}

/* RFC 7541; the library keeps the table. */
static const char *inflate(struct request *r, const uint8_t *block, size_t len,
			   struct text *authority)
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
			why = field(r, &nv, authority);
		else if (!n && !(flags & NGHTTP2_HD_INFLATE_FINAL))
			why = "a compressed request head that does not inflate";
	}
	nghttp2_hd_inflate_end_headers(hd);
	nghttp2_hd_inflate_del(hd);
	return why;
}

static enum verdict head(struct request *r, const uint8_t *block, size_t len)
{
	struct text authority = { 0 }, host;
	const char *why = inflate(r, block, len, &authority);

	if (why)
		return bad(r, why);
	host = http_header(r, "host");
	if (!r->method.p || http_count(r, "host") > 1)
		return bad(r, "a request without method, or for two hosts");
	if (authority.p || host.p) {
		char other[REQUEST_HOST_MAX + 1];

		/* RFC 9113, 8.3.1: if both are there they are the same */
		if (!request_host(r->host, authority.p ? authority : host, true) ||
		    (authority.p && host.p &&
		     (!request_host(other, host, true) || strcmp(other, r->host))))
			return bad(r, "a request for two hosts, or for none");
	}
	if (!r->path.p)
		r->path = (struct text){ "", 0 };
	r->path = http_path(r->path);
	host = http_header(r, "content-type");
	if (host.len >= 16 && !strncasecmp(host.p, "application/grpc", 16) &&
	    text_is(r->method, "post"))
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
	if (all.left > sizeof(block))
		all.left = sizeof(block);
	cursor_take(&all, PREFACE_LEN);
	for (frames = 0; all.left >= FRAME_HEADER; frames++) {
		size_t n = cursor_number(&all, 3);
		uint8_t type = cursor_number(&all, 1), flags = cursor_number(&all, 1);
		uint32_t id = cursor_number(&all, 4) & INT32_MAX;
		struct cursor payload;

		if (n > FRAME_MAX)
			return bad(r, "an HTTP/2 frame that is too long");
		if (!frames && (type != NGHTTP2_SETTINGS || flags & NGHTTP2_FLAG_ACK))
			return bad(r, "an HTTP/2 preface without SETTINGS");
		if (stream && (type != NGHTTP2_CONTINUATION || id != stream))
			return bad(r, "an HTTP/2 request head that is interrupted");
		if (type == NGHTTP2_DATA || type == NGHTTP2_RST_STREAM ||
		    (type == NGHTTP2_CONTINUATION && !stream) ||
		    (type == NGHTTP2_HEADERS && !(id & 1)))
			return bad(r, "an HTTP/2 frame of a stream that is not open");
		if (n > all.left)
			break;
		payload = cursor_part(&all, n);
		if (type != NGHTTP2_HEADERS && type != NGHTTP2_CONTINUATION)
			continue;
		payload = fragment(payload, type, flags);
		if (payload.bad)
			return bad(r, "an HTTP/2 frame with more padding than it has");
		/* no more than there is of @bytes */
		memcpy(block + have, payload.p, payload.left);
		have += payload.left;
		stream = id;
		if (flags & NGHTTP2_FLAG_END_HEADERS)
			return head(r, block, have);
	}
	if (len >= REQUEST_BYTES_MAX)
		return bad(r, "a request head of more than 16 KiB");
	return VERDICT_MORE;
}
