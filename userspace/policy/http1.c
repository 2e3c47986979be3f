// SPDX-License-Identifier: GPL-2.0
#include <linux/tunnel.h>
#include <string.h>

#include "http.h"
#include "request.h"

#define METHOD_MAX 32

/* struct line - the parts of "METHOD TARGET HTTP/1.x" */
struct line {
	struct text method, target;
	bool minor; /* 1.1, not 1.0 */
};

/* How many of the bytes at the front are of one kind? */
static size_t span(const uint8_t *p, size_t len, bool (*is)(uint8_t))
{
	size_t n = 0;

	while (n < len && is(p[n]))
		n++;
	return n;
}

static bool is_target(uint8_t c)
{
	return c > ' ' && c < 0x7f;
}

/* RFC 9110, 9.3 and RFC 5789: the words that only HTTP begins with */
static bool is_method(struct text t)
{
	static const char *const methods[] = {
		"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
	};
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (text_equals(t, methods[i]))
			return true;
	return false;
}

/*
 * It does not look like a request. Many protocols begin with a word and a blank; but what
 * begins with a method may be a request for somebody who is less strict.
 */
static enum verdict other(struct request *r, const struct line *line)
{
	return is_method(line->method) ? request_bad(r, "a request line that is none") :
					 VERDICT_OTHER;
}

/* The first line; *@used: its bytes. */
static enum verdict request_line(struct request *r, struct line *line, const uint8_t *p, size_t len,
				 size_t *used)
{
	static const char version[] = "HTTP/1.";
	size_t n = span(p, len, http_is_token), at, v;

	line->method = (struct text){ (const char *)p, n };
	if (n > METHOD_MAX)
		return VERDICT_OTHER;
	if (n == len)
		return VERDICT_MORE;
	if (n && p[n] == '\t')
		return other(r, line);
	if (!n || p[n] != ' ')
		return VERDICT_OTHER;
	at = n + 1;
	n = span(p + at, len - at, is_target);
	line->target = (struct text){ (const char *)p + at, n };
	at += n;
	if (at == len)
		return VERDICT_MORE;
	if (!n || p[at++] != ' ')
		return other(r, line);
	for (v = 0; v < sizeof(version) - 1 && at < len; v++)
		if (p[at++] != (uint8_t)version[v])
			return v < 5 ? other(r, line) :
				       request_bad(r, "an HTTP version that is not 1.0 or 1.1");
	if (len - at < 3)
		return VERDICT_MORE;
	if (p[at] != '0' && p[at] != '1')
		return request_bad(r, "an HTTP version that is not 1.0 or 1.1");
	line->minor = p[at] == '1';
	if (p[at + 1] != '\r' || p[at + 2] != '\n')
		return request_bad(r, "a request line that does not end with CR LF");
	*used = at + 3;
	return VERDICT_DONE;
}

/* One field; RFC 9112, 5: no blank before the colon, no line that goes on in the next. */
static bool field(struct request *r, const uint8_t *p, size_t len)
{
	size_t name = span(p, len, http_is_token), from, to, i;
	struct header *h = &r->headers[r->n_headers];

	if (!name || name == len || p[name] != ':')
		return false;
	for (i = name + 1; i < len; i++)
		if (!http_is_value(p[i]))
			return false;
	for (from = name + 1; from < len && (p[from] == ' ' || p[from] == '\t'); from++)
		;
	for (to = len; to > from && (p[to - 1] == ' ' || p[to - 1] == '\t'); to--)
		;
	h->name = (struct text){ (const char *)p, name };
	h->value = (struct text){ (const char *)p + from, to - from };
	r->n_headers++;
	return true;
}

static enum verdict fields(struct request *r, const uint8_t *p, size_t len)
{
	for (;;) {
		const uint8_t *end = memchr(p, '\n', len);
		size_t n;

		if (!end)
			return VERDICT_MORE;
		n = end - p;
		if (!n || end[-1] != '\r')
			return request_bad(r, "a header line that does not end with CR LF");
		if (n == 1)
			return VERDICT_DONE;
		if (r->n_headers == REQUEST_HEADERS_MAX)
			return request_bad(r, "a request with more than 100 header fields");
		if (!field(r, p, n - 1))
			return request_bad(r, "a header line that is none");
		len -= n + 1;
		p = end + 1;
	}
}

/*
 * How long the body is must be told in one way only (RFC 9112, 6.3): who reads it in
 * another sees another request behind it.
 */
static bool framing(const struct request *r, const struct line *line)
{
	unsigned int lengths = http_count(r, "content-length");
	unsigned int codings = http_count(r, "transfer-encoding");
	struct text t;

	if (lengths > 1 || codings > 1 || (lengths && codings))
		return false;
	if (codings)
		return line->minor && text_is(http_header(r, "transfer-encoding"), "chunked");
	if (!lengths)
		return true;
	t = http_header(r, "content-length");
	if (!t.len || t.len > 18)
		return false;
	while (t.len)
		if (t.p[--t.len] < '0' || t.p[t.len] > '9')
			return false;
	return true;
}

static enum verdict target(struct request *r, struct text t)
{
	char other_host[REQUEST_HOST_MAX + 1];
	bool connect = text_equals(r->method, "CONNECT");
	size_t scheme = 0, host;

	if (memchr(t.p, '#', t.len))
		return request_bad(r, "a request target with a fragment");
	if (t.len > 7 && text_is((struct text){ t.p, 7 }, "http://"))
		scheme = 7;
	else if (t.len > 8 && text_is((struct text){ t.p, 8 }, "https://"))
		scheme = 8;
	if (scheme || connect) {
		/* RFC 9112, 3.2.2 and 3.2.3; the host stands there a second time */
		t.p += scheme;
		t.len -= scheme;
		for (host = 0; host < t.len && t.p[host] != '/' && t.p[host] != '?'; host++)
			;
		if (!request_host(other_host, (struct text){ t.p, host }, true) ||
		    (http_count(r, "host") && strcmp(r->host, other_host)))
			return request_bad(r, "a request for two hosts");
		strcpy(r->host, other_host);
		t.p += host;
		t.len -= host;
		if (connect && t.len)
			return request_bad(r, "a CONNECT with a path");
		if (!t.len || t.p[0] == '?')
			t = (struct text){ "/", 1 };
	}
	if (!http_path(r, t))
		return request_bad(r,
				   "a request target that is no path, or one with '.' or '..' in it");
	return VERDICT_DONE;
}

static bool websocket(const struct request *r, const struct line *line)
{
	return line->minor && text_equals(r->method, "GET") &&
	       http_has_word(r, "connection", "upgrade") &&
	       http_has_word(r, "upgrade", "websocket");
}

enum verdict http1_parse(struct request *r, const uint8_t *bytes, size_t len)
{
	struct line line = { 0 };
	unsigned int hosts;
	enum verdict v;
	size_t used = 0, blank = 0;

	r->n_headers = 0;
	/* RFC 9112, 2.2: who expects a request reads over empty lines. */
	while (blank < len && (bytes[blank] == '\r' || bytes[blank] == '\n'))
		blank++;
	v = request_line(r, &line, bytes + blank, len - blank, &used);
	if (blank && v == VERDICT_DONE)
		return request_bad(r, "an empty line before a request");
	if (v == VERDICT_DONE) {
		r->protocol = TUNNEL_PROTOCOL_HTTP1;
		r->method = line.method;
		v = fields(r, bytes + used, len - used);
	}
	if (v == VERDICT_MORE && len >= REQUEST_BYTES_MAX)
		return request_bad(r, "a request head of more than 16 KiB");
	if (v != VERDICT_DONE)
		return v;
	hosts = http_count(r, "host");
	if (hosts > 1 || (line.minor && !hosts))
		return request_bad(r, "a request without one Host");
	if (hosts && http_header(r, "host").len &&
	    !request_host(r->host, http_header(r, "host"), true))
		return request_bad(r, "a Host that is none");
	if (!framing(r, &line))
		return request_bad(r, "a request whose length can be read in two ways");
	v = target(r, line.target);
	if (v == VERDICT_DONE && websocket(r, &line))
		r->protocol = TUNNEL_PROTOCOL_WEBSOCKET;
	return v;
}
