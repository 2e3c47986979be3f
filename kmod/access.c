// SPDX-License-Identifier: GPL-2.0
#include "access.h"

/* Are there no bits behind its prefix? */
static bool is_prefix(const struct tunnel_network *net)
{
	unsigned int i;

	for (i = net->bits; i < 128; i++)
		if (net->address[i / 8] & 0x80 >> i % 8)
			return false;
	return true;
}

/**
 * tnl_access_ok - is it a list?
 * @list: what somebody says is an array of struct tunnel_network
 * @len: its bytes
 */
bool tnl_access_ok(const void *list, size_t len)
{
	const struct tunnel_network *net = list;
	size_t i, n = len / sizeof(*net);

	if (len % sizeof(*net) || n > TUNNEL_ACCESS_MAX)
		return false;
	for (i = 0; i < n; i++)
		if (net[i].deny > 1 || net[i].bits > 128 || net[i].reserved[0] ||
		    net[i].reserved[1] || !is_prefix(&net[i]))
			return false;
	return true;
}

static bool is_mapped(const u8 address[16])
{
	static const u8 prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(address, prefix, sizeof(prefix));
}

/* IPv4 is in networks of IPv4 only: ::/0 is all of IPv6. */
static bool is_in(const struct tunnel_network *net, const u8 *address)
{
	unsigned int whole = net->bits / 8, rest = net->bits % 8;

	if (is_mapped(address) && (net->bits < 96 || !is_mapped(net->address)))
		return false;
	if (memcmp(net->address, address, whole))
		return false;
	return !rest || !((net->address[whole] ^ address[whole]) >> (8 - rest));
}

/**
 * tnl_access_allows - may this one come in?
 * @net: the list
 * @n: its entries; none: whoever
 * @source: 16 bytes, IPv4 as ::ffff:0:0/96; NULL: nobody knows, it is in no network
 *
 * Who is in a network that may not, may not; where networks may, others may not. So the
 * order of the list says nothing.
 */
bool tnl_access_allows(const struct tunnel_network *net, size_t n, const u8 *source)
{
	bool some = false, allowed = false;
	size_t i;

	for (i = 0; i < n; i++) {
		bool in = source && is_in(&net[i], source);

		if (net[i].deny && in)
			return false;
		if (!net[i].deny) {
			some = true;
			allowed = allowed || in;
		}
	}
	return allowed || !some;
}
