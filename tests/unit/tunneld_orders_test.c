// SPDX-License-Identifier: GPL-2.0
/*
 * What the daemon and its handshake worker say to each other, and what is handed over.
 */
#include "worker_ends.h"
#include <sys/mman.h>

/* --- messages --------------------------------------------------------------- */

static const struct order shake_order = {
	.what = ORDER_SHAKE,
	.id = 0x0102030405060708,
	.server = true,
	.ciphers = 7,
	.timeout_ms = 10000,
	.identity = 1,
	.pins = UINT64_MAX,
	.certs = 3,
	.trust = 4,
	.upstream = true,
	.verify = true,
	.name = "www.example.org",
	.alpn = "h2,http/1.1",
};
static const struct report done_report = {
	.what = REPORT_DONE,
	.id = 9,
	.has_pin = true,
	.pin = { 1, 2, 3 },
	.name = "www.example.org",
	.alpn = "h2",
};

static void test_orders(void **state)
{
	const struct order orders[] = {
		shake_order,
		{ .what = ORDER_OBJECT, .id = 1, .kind = OBJECT_PINS, .len = 1 << 20 },
		{ .what = ORDER_FORGET, .id = 2 },
		{ .what = ORDER_ABORT, .id = UINT64_MAX },
	};
	uint8_t bytes[ORDERS_MAX + 1];
	struct order o;
	size_t i, n, len;

	(void)state;
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		len = order_write(bytes, &orders[i]);
		assert_true(order_read(&o, bytes, len));
		assert_memory_equal(&o, &orders[i], sizeof(o));
		for (n = 0; n < len; n++)
			assert_false(order_read(&o, bytes, n));
		bytes[len] = 0;
		assert_false(order_read(&o, bytes, len + 1));
	}
	o = (struct order){ .what = ORDER_ABORT };
	assert_false(order_read(&o, bytes, order_write(bytes, &o)));
	o = (struct order){ .what = ORDER_LAST + 1, .id = 1 };
	assert_false(order_read(&o, bytes, order_write(bytes, &o)));
}

static void test_reports(void **state)
{
	struct report longest = { .what = REPORT_FAILED, .id = 1, .has_pin = true }, r;
	uint8_t bytes[ORDERS_MAX + 1];
	size_t n, len;

	(void)state;
	len = report_write(bytes, &done_report);
	assert_true(report_read(&r, bytes, len));
	assert_memory_equal(&r, &done_report, sizeof(r));
	for (n = 0; n < len; n++)
		assert_false(report_read(&r, bytes, n));
	assert_false(report_read(&r, bytes, len + 1));
	/* a length that leads behind the end, a truth that is neither, a letter that is none */
	bytes[9 + 1 + TUNNEL_PIN_LEN] = 0xff;
	assert_false(report_read(&r, bytes, len));
	len = report_write(bytes, &done_report);
	bytes[9] = 2;
	assert_false(report_read(&r, bytes, len));
	len = report_write(bytes, &done_report);
	bytes[9 + 1 + TUNNEL_PIN_LEN + 2] = '\n';
	assert_false(report_read(&r, bytes, len));

	memset(longest.name, 'a', REQUEST_HOST_MAX);
	memset(longest.alpn, 'b', EDGE_ALPN_LIST_MAX);
	memset(longest.why, 'c', REPORT_WHY_MAX);
	longest.why[0] = '\n';
	len = report_write(bytes, &longest);
	assert_true(report_read(&r, bytes, len));
	assert_int_equal(r.why[0], '?');
	assert_int_equal(strlen(r.why), REPORT_WHY_MAX);

	/* nobody fails without a sentence, or is done with one; only handshakes have numbers */
	r = (struct report){ .what = REPORT_FAILED, .id = 1 };
	assert_false(report_read(&r, bytes, report_write(bytes, &r)));
	r = (struct report){ .what = REPORT_DONE, .id = 1, .why = "x" };
	assert_false(report_read(&r, bytes, report_write(bytes, &r)));
	r = (struct report){ .what = REPORT_DONE };
	assert_false(report_read(&r, bytes, report_write(bytes, &r)));
	r = (struct report){ .what = REPORT_READY, .id = 1 };
	assert_false(report_read(&r, bytes, report_write(bytes, &r)));
	r = (struct report){ .what = REPORT_READY };
	assert_true(report_read(&r, bytes, report_write(bytes, &r)));
}

/* --- parcels ------------------------------------------------------------------ */

static bool unpacks(enum object_kind kind, const struct parcel *p)
{
	struct identity *i;
	struct certs *c;
	struct trust *t;
	struct pins *n;

	switch (kind) {
	case OBJECT_IDENTITY:
		i = identity_unpack(p);
		identity_put(i);
		return i != NULL;
	case OBJECT_CERTS:
		c = certs_unpack(p);
		certs_put(c);
		return c != NULL;
	case OBJECT_TRUST:
		t = trust_unpack(p);
		trust_put(t);
		return t != NULL;
	default:
		n = pins_unpack(p);
		pins_put(n);
		return n != NULL;
	}
}

/* Whole it is what it was; cut off anywhere, or with more behind it, it is nothing. */
static void check_parcel(enum object_kind kind, struct parcel *p)
{
	struct parcel part = *p, copy = { 0 };
	uint8_t zeros[64] = { 0 }, got[64];
	int fd = parcel_to_fd(p);

	assert_false(p->bad);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	assert_int_equal(parcel_from_fd(&copy, fd, p->len), 0);
	assert_int_equal(copy.len, p->len);
	assert_memory_equal(copy.bytes, p->bytes, p->len);
	parcel_free(&copy);
	/* what was in it is nowhere but with who took it out */
	assert_int_equal(pread(fd, got, sizeof(got), 0),
			 p->len < sizeof(got) ? (ssize_t)p->len : (ssize_t)sizeof(got));
	assert_memory_equal(got, zeros, p->len < sizeof(got) ? p->len : sizeof(got));
	/* one that is said to be longer than it is */
	assert_int_equal(parcel_from_fd(&copy, fd, p->len + 1), -ENODATA);
	assert_int_equal(parcel_from_fd(&copy, fd, PARCEL_MAX + 1), -E2BIG);
	close(fd);

	assert_true(unpacks(kind, p));
	for (part.len = 0; part.len < p->len; part.len++)
		assert_false(unpacks(kind, &part));
	parcel_put(p, "more", 4);
	assert_false(unpacks(kind, p));
	parcel_free(p);
}

static void test_parcels(void **state)
{
	const uint8_t three[3][TUNNEL_PIN_LEN] = { { 1 }, { 2 }, { 3 } },
		      four[TUNNEL_PIN_LEN] = { 4 };
	struct certs *certs = load_certs("h2,http/1.1"), *again;
	struct pins *pins = pins_new(three, 3), *same;
	struct trust *trust = load_trust();
	struct parcel p = { 0 };
	struct identity *other;

	(void)state;
	assert_int_equal(identity_pack(id, &p), 0);
	other = identity_unpack(&p);
	assert_non_null(other);
	assert_memory_equal(identity_pin(other), our_pin, TUNNEL_PIN_LEN);
	assert_int_equal(crypto_check_pair(&identity_cert(other)->pk, identity_key(other)), 0);
	identity_put(other);
	check_parcel(OBJECT_IDENTITY, &p);

	assert_int_equal(certs_pack(certs, &p), 0);
	again = certs_unpack(&p);
	assert_non_null(again);
	assert_string_equal(certs_alpn(again)[1], "http/1.1");
	certs_put(again);
	check_parcel(OBJECT_CERTS, &p);
	certs_put(certs);

	assert_int_equal(trust_pack(trust, &p), 0);
	check_parcel(OBJECT_TRUST, &p);
	trust_put(trust);

	assert_int_equal(pins_pack(pins, &p), 0);
	same = pins_unpack(&p);
	assert_true(pins_same(same, three, 3));
	assert_true(pins_have(same, three[2]));
	assert_false(pins_have(same, four));
	assert_false(pins_same(same, three, 2));
	pins_put(same);
	pins_put(pins);
	check_parcel(OBJECT_PINS, &p);

	memset(&p, 0, sizeof(p));
	parcel_put(&p, "", PARCEL_MAX + 1);
	assert_true(p.bad);
	parcel_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_parcels),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
