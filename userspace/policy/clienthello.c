// SPDX-License-Identifier: GPL-2.0
#include <linux/tunnel.h>
#include <string.h>

#include "cursor.h"
#include "request.h"

#define RECORD_HANDSHAKE 22
#define RECORD_HEADER	 5
/* RFC 8446, 5.1: of plaintext, and never empty for a handshake */
#define RECORD_MAX	 16384
#define MSG_CLIENT_HELLO 1
#define MSG_HEADER	 4
#define EXT_SERVER_NAME	 0
#define EXT_ALPN	 16

/* What the message says of its own length, header included; 0: not known yet. */
static size_t message_len(const struct request *r)
{
	const uint8_t *m = (const uint8_t *)r->store;

	return r->stored < MSG_HEADER ? 0 : MSG_HEADER + ((size_t)m[1] << 16 | m[2] << 8 | m[3]);
}

/*
 * The message, out of as many records as it takes, to r->store. What follows in other
 * records (early data: RFC 8446, 4.2.10) is not looked at.
 */
static enum verdict gather(struct request *r, const uint8_t *bytes, size_t len)
{
	struct cursor all = { .p = bytes, .left = len };

	while (all.left >= RECORD_HEADER) {
		size_t type = cursor_number(&all, 1), n, have, want;
		bool whole;

		if (type != RECORD_HANDSHAKE || cursor_number(&all, 1) != 3)
			return request_bad(r, "another TLS record in a ClientHello");
		cursor_number(&all, 1);
		n = cursor_number(&all, 2);
		if (!n || n > RECORD_MAX)
			return request_bad(r, "a TLS record of a length that none has");
		have = n < all.left ? n : all.left;
		whole = have == n;
		memcpy(r->store + r->stored, cursor_take(&all, have), have);
		r->stored += have;

		want = message_len(r);
		if (want > REQUEST_BYTES_MAX - RECORD_HEADER)
			return request_bad(r, "a ClientHello of more than 16 KiB");
		/* RFC 8446, 5.1: the record ends with it, for the keys may change. */
		if (want && r->stored > want)
			return request_bad(r, "a ClientHello with more behind it");
		if (want && r->stored == want)
			return whole ? VERDICT_DONE :
				       request_bad(r, "a ClientHello with more behind it");
	}
	return VERDICT_MORE;
}

/* RFC 6066, 3: a list with one name of type 0, without the dot at its end. */
static bool server_name(struct request *r, struct cursor ext)
{
	struct cursor list = cursor_part(&ext, cursor_number(&ext, 2)), name;
	bool host = cursor_number(&list, 1) == 0;

	name = cursor_part(&list, cursor_number(&list, 2));
	if (ext.bad || list.bad || name.bad || ext.left || list.left || !host)
		return false;
	return request_host(r->sni, (struct text){ (const char *)name.p, name.left }, false);
}

/* RFC 7301, 3.1 */
static bool protocols(struct request *r, struct cursor ext)
{
	struct cursor list = cursor_part(&ext, cursor_number(&ext, 2));

	if (ext.bad || ext.left || !list.left)
		return false;
	while (list.left) {
		struct cursor name = cursor_part(&list, cursor_number(&list, 1));

		if (name.bad || !name.left)
			return false;
		if (r->n_alpn < REQUEST_ALPN_MAX)
			r->alpn[r->n_alpn++] = (struct text){ (const char *)name.p, name.left };
	}
	return true;
}

static enum verdict extensions(struct request *r, struct cursor list)
{
	bool seen_name = false, seen_alpn = false;

	while (list.left) {
		size_t type = cursor_number(&list, 2);
		struct cursor ext = cursor_part(&list, cursor_number(&list, 2));

		if (ext.bad)
			return request_bad(r, "a ClientHello with an extension in half");
		if (type == EXT_SERVER_NAME) {
			if (seen_name || !server_name(r, ext))
				return request_bad(r,
						   "a ClientHello with a server name that is none");
			seen_name = true;
		} else if (type == EXT_ALPN) {
			if (seen_alpn || !protocols(r, ext))
				return request_bad(r,
						   "a ClientHello with a broken list of protocols");
			seen_alpn = true;
		}
	}
	return VERDICT_DONE;
}

enum verdict clienthello_parse(struct request *r, const uint8_t *bytes, size_t len)
{
	struct cursor hello;
	enum verdict v;
	size_t n;

	if (len && bytes[0] != RECORD_HANDSHAKE)
		return VERDICT_OTHER;
	if (len > 1 && bytes[1] != 3)
		return VERDICT_OTHER;
	if (len < RECORD_HEADER)
		return VERDICT_MORE;
	/* Some read over it: what follows would be a hello for them. */
	if (!bytes[3] && !bytes[4])
		return request_bad(r, "an empty TLS record");
	if (len == RECORD_HEADER)
		return VERDICT_MORE;
	if (bytes[RECORD_HEADER] != MSG_CLIENT_HELLO)
		return VERDICT_OTHER;
	r->stored = 0;
	if (len > REQUEST_BYTES_MAX)
		len = REQUEST_BYTES_MAX;
	v = gather(r, bytes, len);
	if (v == VERDICT_MORE && len == REQUEST_BYTES_MAX)
		return request_bad(r, "a ClientHello that needs more than 16 KiB");
	if (v != VERDICT_DONE)
		return v;
	hello = (struct cursor){ .p = (const uint8_t *)r->store + MSG_HEADER,
				 .left = r->stored - MSG_HEADER };
	r->tls = true;
	r->protocol = TUNNEL_PROTOCOL_TLS;
	cursor_take(&hello, 2 + 32);		       /* version, random */
	cursor_take(&hello, cursor_number(&hello, 1)); /* session id */
	cursor_take(&hello, cursor_number(&hello, 2)); /* cipher suites */
	cursor_take(&hello, cursor_number(&hello, 1)); /* compression methods */
	if (hello.bad)
		return request_bad(r, "a ClientHello in half");
	/* Without extensions it may end here (RFC 5246, 7.4.1.2). */
	if (!hello.left)
		return VERDICT_DONE;
	n = cursor_number(&hello, 2);
	if (hello.bad || n != hello.left)
		return request_bad(r, "a ClientHello whose extensions do not fill it");
	return extensions(r, hello);
}
