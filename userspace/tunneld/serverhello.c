// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "cursor.h"
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

bool serverhello_has_ems(const struct serverhello *sh)
{
	struct cursor all = { .p = sh->bytes, .left = sh->len };
	struct cursor record, msg, ext;

	if (cursor_number(&all, 1) != RECORD_HANDSHAKE)
		return false;
	cursor_take(&all, 2); /* version */
	/* other messages may follow in the record, beyond what was kept */
	record.left = cursor_number(&all, 2);
	if (record.left > all.left)
		record.left = all.left;
	record = cursor_part(&all, record.left);
	if (cursor_number(&record, 1) != MSG_SERVER_HELLO)
		return false;
	msg = cursor_part(&record, cursor_number(&record, 3));
	cursor_take(&msg, 2 + 32);		   /* version, random */
	cursor_take(&msg, cursor_number(&msg, 1)); /* session id */
	cursor_take(&msg, 2 + 1);		   /* cipher suite, compression */
	ext = cursor_part(&msg, cursor_number(&msg, 2));
	while (!ext.bad && ext.left) {
		size_t type = cursor_number(&ext, 2);

		cursor_take(&ext, cursor_number(&ext, 2));
		if (!ext.bad && type == EXTENSION_EMS)
			return true;
	}
	return false;
}
