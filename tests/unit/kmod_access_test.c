// SPDX-License-Identifier: GPL-2.0
/* Access lists: who is in, whatever the order; and what is no list. */
/* links: kmod/access.c */
#include "pure_test.h"
#include "access.h"

#define V4(a, b, c, d) { [10] = 0xff, [11] = 0xff, [12] = a, [13] = b, [14] = c, [15] = d }

static const u8 inside[16] = V4(10, 1, 2, 3), outside[16] = V4(192, 0, 2, 1);
static const u8 six[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

static void test_empty(void **state)
{
	(void)state;
	assert_true(tnl_access_allows(NULL, 0, inside));
	assert_true(tnl_access_allows(NULL, 0, NULL));
	assert_true(tnl_access_ok(NULL, 0));
}

static void test_allow(void **state)
{
	static const struct tunnel_network net = { 0, 96 + 8, { 0 }, V4(10, 0, 0, 0) };

	(void)state;
	assert_true(tnl_access_allows(&net, 1, inside));
	assert_false(tnl_access_allows(&net, 1, outside));
	assert_false(tnl_access_allows(&net, 1, six));
	/* who is not known is not in it */
	assert_false(tnl_access_allows(&net, 1, NULL));
}

static void test_deny(void **state)
{
	static const struct tunnel_network net = { 1, 96 + 8, { 0 }, V4(10, 0, 0, 0) };

	(void)state;
	assert_false(tnl_access_allows(&net, 1, inside));
	assert_true(tnl_access_allows(&net, 1, outside));
	assert_true(tnl_access_allows(&net, 1, six));
	assert_true(tnl_access_allows(&net, 1, NULL));
}

static void test_both(void **state)
{
	struct tunnel_network net[] = {
		{ 0, 96 + 8, { 0 }, V4(10, 0, 0, 0) },
		{ 1, 96 + 32, { 0 }, V4(10, 1, 2, 3) },
	}, other = net[0];
	static const u8 next[16] = V4(10, 1, 2, 4);

	(void)state;
	assert_false(tnl_access_allows(net, 2, inside));
	assert_true(tnl_access_allows(net, 2, next));
	assert_false(tnl_access_allows(net, 2, outside));
	net[0] = net[1];
	net[1] = other;
	assert_false(tnl_access_allows(net, 2, inside));
	assert_true(tnl_access_allows(net, 2, next));
	assert_false(tnl_access_allows(net, 2, outside));
}

static void test_bits(void **state)
{
	struct tunnel_network net = { .deny = 0 };
	u8 address[16];
	unsigned int bits, i;

	(void)state;
	/* all of IPv6, whose address is known */
	assert_true(tnl_access_allows(&net, 1, six));
	assert_false(tnl_access_allows(&net, 1, inside) || tnl_access_allows(&net, 1, NULL));
	/* all of IPv4 */
	net.bits = 96;
	memcpy(net.address, inside, 12);
	assert_true(tnl_access_allows(&net, 1, inside) && tnl_access_allows(&net, 1, outside));
	assert_false(tnl_access_allows(&net, 1, six));
	memcpy(net.address, six, 16);
	for (bits = 0; bits <= 128; bits++) {
		net.bits = bits;
		for (i = 0; i < 128; i++) {
			memcpy(address, six, 16);
			address[i / 8] ^= 0x80 >> i % 8;
			assert_true(tnl_access_allows(&net, 1, address) == (i >= bits));
		}
	}
}

static void test_ok(void **state)
{
	struct tunnel_network net[TUNNEL_ACCESS_MAX + 1] = { { .deny = 1, .bits = 128 } };

	(void)state;
	assert_true(tnl_access_ok(net, sizeof(net[0])));
	assert_true(tnl_access_ok(net, sizeof(net) - sizeof(net[0])));
	assert_false(tnl_access_ok(net, sizeof(net)));
	assert_false(tnl_access_ok(net, sizeof(net[0]) - 1));
	net[3].bits = 129;
	assert_false(tnl_access_ok(net, 4 * sizeof(net[0])));
	assert_true(tnl_access_ok(net, 3 * sizeof(net[0])));
	net[3].bits = 0;
	net[3].deny = 2;
	assert_false(tnl_access_ok(net, 4 * sizeof(net[0])));
	net[3].deny = 0;
	net[3].address[0] = 1;
	assert_false(tnl_access_ok(net, 4 * sizeof(net[0])));
	net[3].bits = 8;
	assert_true(tnl_access_ok(net, 4 * sizeof(net[0])));
	net[3].bits = 7;
	assert_false(tnl_access_ok(net, 4 * sizeof(net[0])));
	net[3].bits = 8;
	net[3].reserved[1] = 1;
	assert_false(tnl_access_ok(net, 4 * sizeof(net[0])));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_empty), cmocka_unit_test(test_allow), cmocka_unit_test(test_deny),
	cmocka_unit_test(test_both),  cmocka_unit_test(test_bits),  cmocka_unit_test(test_ok),
};

PURE_SUITE(access, tests);
