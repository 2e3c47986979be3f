// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "serverhello.h"

#define RECORD_HANDSHAKE 22
#define RECORD_HEADER	 5
#define MSG_SERVER_HELLO 2
#define EXTENSION_EMS	 23

void serverhello_feed(struct serverhello *sh, const uint8_t *bytes, size_t len)
{
	if (len > sizeof(sh->bytes) - sh->len)
		len = sizeof(sh->bytes) - sh->len;
	memcpy(sh->bytes + sh->len, bytes, len);
	sh->len += len;
}

/* A window on the bytes; taking more than there is makes it invalid for good. */
struct cursor {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static const uint8_t *take(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->bad || n > c->left) {
		c->bad = true;
		return NULL;
	}
	c->p += n;
	c->left -= n;
	return p;
}

static size_t take_number(struct cursor *c, size_t bytes)
{
	const uint8_t *p = take(c, bytes);
	size_t v = 0;

	while (p && bytes--)
		v = v << 8 | *p++;
	return v;
}

static struct cursor take_part(struct cursor *c, size_t n)
{
	struct cursor part = { .left = n };

	part.p = take(c, n);
	part.bad = c->bad;
	return part;
}

bool serverhello_has_ems(const struct serverhello *sh)
{
	struct cursor all = { .p = sh->bytes, .left = sh->len };
	struct cursor record, msg, ext;

	if (take_number(&all, 1) != RECORD_HANDSHAKE)
		return false;
	take(&all, 2); /* version */
	/* other messages may follow in the record, beyond what was kept */
	record.left = take_number(&all, 2);
	if (record.left > all.left)
		record.left = all.left;
	record = take_part(&all, record.left);
	if (take_number(&record, 1) != MSG_SERVER_HELLO)
		return false;
	msg = take_part(&record, take_number(&record, 3));
	take(&msg, 2 + 32);		  /* version, random */
	take(&msg, take_number(&msg, 1)); /* session id */
	take(&msg, 2 + 1);		  /* cipher suite, compression */
	ext = take_part(&msg, take_number(&msg, 2));
	while (!ext.bad && ext.left) {
		size_t type = take_number(&ext, 2);

		take(&ext, take_number(&ext, 2));
		if (!ext.bad && type == EXTENSION_EMS)
			return true;
	}
	return false;
}
