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
	.peers = UINT64_MAX,
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
	.peer = 0x01020304,
	.name = "www.example.org",
	.alpn = "h2",
};

static void test_orders(void **state)
{
	const struct order orders[] = {
		shake_order,
		{ .what = ORDER_OBJECT, .id = 1, .kind = OBJECT_PEERS, .len = 1 << 20 },
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
	bytes[9 + 1 + TUNNEL_PIN_LEN + 4] = 0xff;
	assert_false(report_read(&r, bytes, len));
	len = report_write(bytes, &done_report);
	bytes[9] = 2;
	assert_false(report_read(&r, bytes, len));
	len = report_write(bytes, &done_report);
	bytes[9 + 1 + TUNNEL_PIN_LEN + 4 + 2] = '\n';
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
	/* who failed is none of those that may come in */
	r = done_report;
	r.what = REPORT_FAILED;
	snprintf(r.why, sizeof(r.why), "x");
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
	struct peers *n;

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
		n = peers_unpack(p);
		peers_put(n);
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
	struct certs *certs = load_certs("h2,http/1.1"), *again;
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

	memset(&p, 0, sizeof(p));
	parcel_put(&p, "", PARCEL_MAX + 1);
	assert_true(p.bad);
	parcel_free(&p);
}

/* Three by pin, two by a key, three by two files: what the worker has is what was packed. */
static struct peers *all_kinds(struct trust *trust, struct trust *other)
{
	const struct tnl_psk psk[2] = { { .key = { 1 }, .id = { 2 } },
					{ .key = { 3 }, .id = { 4 } } };
	const uint8_t pin[3][TUNNEL_PIN_LEN] = { { 1 }, { 2 }, { 3 } };
	struct peers *p = peers_new();

	assert_non_null(p);
	assert_non_null(peers_add_pin(p, pin[0]));
	assert_non_null(peers_add_ca(p, "/ca", "a.example", trust));
	assert_non_null(peers_add_psk(p, "one", &psk[0]));
	assert_non_null(peers_add_pin(p, pin[1]));
	assert_non_null(peers_add_ca(p, "/other", "b.example", other));
	assert_non_null(peers_add_psk(p, "two", &psk[1]));
	assert_non_null(peers_add_ca(p, "/ca", "c.example", trust));
	assert_non_null(peers_add_pin(p, pin[2]));
	return p;
}

static void test_peers(void **state)
{
	struct trust *trust = load_trust(), *other;
	const struct peer *a, *b;
	struct peers *p, *same;
	struct parcel parcel = { 0 };
	uint32_t i, number;
	char why[256] = "";
	struct tls_peer shown = { 0 };

	(void)state;
	assert_int_equal(trust_pack(trust, &parcel), 0);
	other = trust_unpack(&parcel);
	assert_non_null(other);
	parcel_free(&parcel);
	p = all_kinds(trust, other);
	same = all_kinds(trust, other);
	assert_true(peers_same(p, same));
	assert_non_null(peers_add_pin(same, our_pin));
	assert_false(peers_same(p, same));
	peers_put(same);
	same = all_kinds(trust, trust);
	assert_false(peers_same(p, same));
	peers_put(same);

	assert_int_equal(peers_pack(p, &parcel), 0);
	same = peers_unpack(&parcel);
	assert_non_null(same);
	for (i = 0; (a = peers_get(p, i)); i++) {
		b = peers_get(same, i);
		assert_non_null(b);
		assert_int_equal(a->way, b->way);
		assert_memory_equal(a->pin, b->pin, sizeof(a->pin));
		assert_memory_equal(&a->psk, &b->psk, sizeof(a->psk));
		assert_true(a->name ? !strcmp(a->name, b->name) : !b->name);
		assert_true(a->ca ? !strcmp(a->ca, b->ca) : !b->ca);
		assert_true(!a->trust == !b->trust);
	}
	assert_null(peers_get(same, i));
	assert_int_equal(i, 8);
	/* each file once */
	assert_ptr_equal(peers_get(same, 1)->trust, peers_get(same, 6)->trust);
	assert_ptr_not_equal(peers_get(same, 1)->trust, peers_get(same, 4)->trust);

	/* a name is all of it; a fingerprint is no pin, and a pin none */
	assert_memory_equal(peers_find_psk(same, (const uint8_t *)"two", 3), &peers_get(p, 5)->psk,
			    sizeof(struct tnl_psk));
	assert_null(peers_find_psk(same, (const uint8_t *)"two", 2));
	assert_null(peers_find_psk(same, (const uint8_t *)"three", 5));
	assert_ptr_equal(peers_first_psk(same), peers_get(same, 2));
	shown.pin = peers_get(p, 5)->pin;
	assert_true(peers_judge(same, &shown, true, &number, why, sizeof(why)));
	assert_int_equal(number, 5);
	shown.pin = peers_get(p, 7)->pin;
	assert_false(peers_judge(same, &shown, true, &number, why, sizeof(why)));
	shown.chain = identity_cert(id);
	assert_true(peers_judge(same, &shown, true, &number, why, sizeof(why)));
	assert_int_equal(number, 7);
	shown.pin = peers_get(p, 5)->pin;
	assert_false(peers_judge(same, &shown, true, &number, why, sizeof(why)));
	assert_string_equal(why, "its certificate is for no peer of a tunnel here");
	assert_true(peers_could_be(p, 7, peers_get(p, 7)->pin));
	assert_false(peers_could_be(p, 7, our_pin));
	assert_false(peers_could_be(p, 5, peers_get(p, 2)->pin));
	assert_true(peers_could_be(p, 4, our_pin));
	assert_false(peers_could_be(p, 8, our_pin));
	peers_put(same);
	peers_put(p);
	check_parcel(OBJECT_PEERS, &parcel);
	trust_put(other);
	trust_put(trust);
}

/* A certificate is judged by the copy as by the list itself. */
static void test_authority(void **state)
{
	struct trust *trust = load_trust();
	struct peers *p = peers_new(), *copy;
	struct parcel parcel = { 0 };
	uint8_t pin[TUNNEL_PIN_LEN] = { 0 };
	struct tls_peer shown = { .pin = pin, .chain = trust_chain(trust) };
	uint32_t number;
	char why[256] = "";

	(void)state;
	assert_non_null(p);
	assert_non_null(peers_add_ca(p, "/ca", "ftp.example", trust));
	assert_int_equal(peers_pack(p, &parcel), 0);
	copy = peers_unpack(&parcel);
	parcel_free(&parcel);
	assert_non_null(copy);
	assert_false(peers_judge(copy, &shown, false, &number, why, sizeof(why)));
	assert_string_equal(why, "its certificate is not for ftp.example");
	peers_put(copy);
	assert_non_null(peers_add_ca(p, "/ca", "www.example", trust));
	assert_int_equal(peers_pack(p, &parcel), 0);
	copy = peers_unpack(&parcel);
	parcel_free(&parcel);
	assert_non_null(copy);
	assert_true(peers_judge(copy, &shown, false, &number, why, sizeof(why)));
	assert_int_equal(number, 1);
	peers_put(copy);
	peers_put(p);
	trust_put(trust);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),	  cmocka_unit_test(test_reports),
		cmocka_unit_test(test_parcels),	  cmocka_unit_test(test_peers),
		cmocka_unit_test(test_authority),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
