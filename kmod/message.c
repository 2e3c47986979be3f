// SPDX-License-Identifier: GPL-2.0
/* Pure: no kernel calls, no allocation, hostile input expected. */
#include "message.h"

/**
 * tnl_message_scan - find ends of messages in bytes as they come
 * @m: where the row stands, is moved on
 * @data: the next bytes
 * @len: how many; cut anywhere
 *
 * Looks at the lengths only; time is that of messages, not of bytes.
 *
 * Return: messages that became whole, or -EPROTO for one that is too long; then
 * @m is of no use any more.
 */
int tnl_message_scan(struct tnl_message_scan *m, const u8 *data, u32 len)
{
	int whole = 0;

	while (len) {
		u32 n;

		if (m->got < TNL_MESSAGE_HDR) {
			m->header[m->got++] = *data++;
			len--;
			if (m->got < TNL_MESSAGE_HDR)
				continue;
			m->left = tnl_get32(m->header);
			if (m->left > TNL_MESSAGE_MAX)
				return -EPROTO;
		}
		n = min_t(u32, len, m->left);
		data += n;
		len -= n;
		m->left -= n;
		if (!m->left) {
			m->got = 0;
			whole++;
		}
	}
	return whole;
}
