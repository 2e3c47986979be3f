// SPDX-License-Identifier: GPL-2.0
#include <linux/tunnel.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "http.h"

static const struct {
	const char *status; /* RFC 9110, 15 */
	uint8_t alert;	    /* RFC 8446, 6 */
	uint8_t h2_error;   /* RFC 9113, 7 */
} says[] = {
	[ANSWER_NO_ROUTE] = { "404 Not Found", 112, 0 },
	[ANSWER_BAD] = { "400 Bad Request", 50, 1 },
	[ANSWER_LATE] = { "408 Request Timeout", 0, 0 },
	[ANSWER_UNAVAILABLE] = { "503 Service Unavailable", 80, 0 },
	[ANSWER_REFUSED] = { "502 Bad Gateway", 80, 0 },
};

/* By its first bytes, of one that is not whole or not as it must be. */
static uint8_t looks_like(const struct request *r, const uint8_t *bytes, size_t len)
{
	while (len && (*bytes == '\r' || *bytes == '\n')) {
		bytes++;
		len--;
	}
	if (r->protocol != TUNNEL_PROTOCOL_OPAQUE || !len)
		return r->protocol;
	if (bytes[0] == 0x16)
		return TUNNEL_PROTOCOL_TLS;
	if (bytes[0] >= 'A' && bytes[0] <= 'Z')
		return TUNNEL_PROTOCOL_HTTP1;
	return TUNNEL_PROTOCOL_OPAQUE;
}

static size_t http1(uint8_t *out, enum answer a, const struct request *r)
{
	bool head = text_equals(r->method, "HEAD");
	const char *status = says[a].status;

	/* RFC 9110, 9.3.2: the length that there would be */
	return snprintf((char *)out, ANSWER_MAX,
			"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
			"Cache-Control: no-store\r\nConnection: close\r\n\r\n%s%s",
			status, strlen(status) + 1, head ? "" : status, head ? "" : "\n");
}

static size_t frame(uint8_t *out, size_t len, uint8_t type, uint8_t flags, uint32_t stream)
{
	const uint8_t header[9] = {
		0, 0, len, type, flags, stream >> 24, stream >> 16, stream >> 8, stream
	};

	memcpy(out, header, sizeof(header));
	return sizeof(header) + len;
}

/*
 * SETTINGS, the response, GOAWAY (RFC 9113, 3.4, 8.1, 6.8). The status alone: clients of
 * gRPC make its own of it.
 */
static size_t http2(uint8_t *out, enum answer a, const struct request *r)
{
	uint32_t stream = a == ANSWER_BAD ? 0 : r->stream;
	size_t n = frame(out, 0, 4, 0, 0);

	if (stream) {
		/* HPACK, RFC 7541, 6.2.2: not to be indexed; the name is :status */
		uint8_t *p = out + n + 9;

		p[0] = 8;
		p[1] = 3;
		memcpy(p + 2, says[a].status, 3);
		/* END_STREAM, END_HEADERS */
		n += frame(out + n, 5, 1, 5, stream);
	}
	memset(out + n + 9, 0, 8);
	out[n + 9] = stream >> 24;
	out[n + 10] = stream >> 16;
	out[n + 11] = stream >> 8;
	out[n + 12] = stream;
	out[n + 16] = says[a].h2_error;
	return n + frame(out + n, 8, 7, 0, 0);
}

static size_t alert(uint8_t *out, enum answer a)
{
	/* fatal; what it is in answer to has no keys yet */
	const uint8_t record[] = { 0x15, 3, 3, 0, 2, 2, says[a].alert };

	if (!says[a].alert)
		return 0;
	memcpy(out, record, sizeof(record));
	return sizeof(record);
}

size_t answer_write(uint8_t out[ANSWER_MAX], enum answer a, const struct request *r,
		    const uint8_t *bytes, size_t len)
{
	switch (looks_like(r, bytes, len)) {
	case TUNNEL_PROTOCOL_HTTP1:
	case TUNNEL_PROTOCOL_WEBSOCKET:
		return http1(out, a, r);
	case TUNNEL_PROTOCOL_HTTP2:
	case TUNNEL_PROTOCOL_GRPC:
		return http2(out, a, r);
	case TUNNEL_PROTOCOL_TLS:
		return alert(out, a);
	}
	return 0;
}
