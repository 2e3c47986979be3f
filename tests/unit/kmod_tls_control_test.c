// SPDX-License-Identifier: GPL-2.0
/* Records that are not data: which are the end, which change nothing, which may not come. */
/* links: kmod/tls_control.c */
#include "pure_test.h"
#include "tls_control.h"

#define TLS12 0x0303
#define TLS13 0x0304
#define CCS   20

static struct tnl_tls_control c;

static int setup(void **state)
{
	(void)state;
	memset(&c, 0, sizeof(c));
	return 0;
}

static int alert(u8 level, u8 description, u16 version)
{
	const u8 record[2] = { level, description };

	return tnl_tls_control(&c, TNL_TLS_ALERT, record, sizeof(record), version);
}

/* A handshake message with nothing but zeros in it, in one piece. */
static int message(u8 type, u32 len, u16 version)
{
	static u8 record[4 + 1024];

	memset(record, 0, sizeof(record));
	tnl_put32(record, len);
	record[0] = type;
	return tnl_tls_control(&c, TNL_TLS_HANDSHAKE, record, 4 + len, version);
}

static void test_close_notify_ends(void **state)
{
	(void)state;
	assert_int_equal(alert(1, TNL_TLS_CLOSE_NOTIFY, TLS12), 1);
	assert_int_equal(alert(1, TNL_TLS_CLOSE_NOTIFY, TLS13), 1);
	assert_int_equal(alert(2, TNL_TLS_CLOSE_NOTIFY, TLS13), 1);
}

static void test_alert_byte_by_byte(void **state)
{
	const u8 level = 1, description = TNL_TLS_CLOSE_NOTIFY;

	(void)state;
	assert_int_equal(tnl_tls_control(&c, TNL_TLS_ALERT, &level, 1, TLS13), 0);
	assert_int_equal(tnl_tls_control(&c, TNL_TLS_ALERT, &description, 1, TLS13), 1);
}

static void test_other_alerts(void **state)
{
	(void)state;
	/* handshake_failure, internal_error */
	assert_int_equal(alert(2, 40, TLS12), -ECONNRESET);
	assert_int_equal(alert(2, 80, TLS13), -ECONNRESET);
	/* no_renegotiation: a warning, which 1.3 does not have */
	assert_int_equal(alert(1, 100, TLS12), 0);
	assert_int_equal(alert(1, 100, TLS13), -ECONNRESET);
	assert_int_equal(alert(1, TNL_TLS_USER_CANCELED, TLS13), 0);
	assert_int_equal(alert(1, TNL_TLS_CLOSE_NOTIFY, TLS13), 1);
}

static void test_tickets(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < TNL_TLS_CONTROL_MESSAGES; i++)
		assert_int_equal(message(4, 200, TLS13), 0);
	assert_int_equal(message(4, 200, TLS13), -EPROTO);
}

static void test_many_in_a_record_and_cut_anywhere(void **state)
{
	u8 row[4 + 5 + 4 + 0 + 4 + 1];
	u32 a, b;

	(void)state;
	memset(row, 0, sizeof(row));
	row[0] = 4;
	row[3] = 5;
	row[9] = 4;
	row[13] = 4;
	row[16] = 1;
	for (a = 0; a <= sizeof(row); a++) {
		for (b = a; b <= sizeof(row); b++) {
			memset(&c, 0, sizeof(c));
			assert_int_equal(tnl_tls_control(&c, TNL_TLS_HANDSHAKE, row, a, TLS13), 0);
			assert_int_equal(tnl_tls_control(&c, TNL_TLS_HANDSHAKE, row + a, b - a,
							 TLS13),
					 0);
			/* data between messages, not inside of one */
			assert_int_equal(tnl_tls_control(&c, TNL_TLS_DATA, row, 1, TLS13),
					 b == 0 || b == 9 || b == 13 || b == 18 ? 0 : -EPROTO);
			assert_int_equal(tnl_tls_control(&c, TNL_TLS_HANDSHAKE, row + b,
							 sizeof(row) - b, TLS13),
					 0);
			assert_int_equal(c.taken, 3);
		}
	}
}

static void test_key_update(void **state)
{
	(void)state;
	assert_int_equal(message(24, 1, TLS13), -EOPNOTSUPP);
	memset(&c, 0, sizeof(c));
	assert_int_equal(message(24, 1, TLS12), -EPROTO);
}

static void test_no_new_handshake(void **state)
{
	u8 type;

	(void)state;
	assert_int_equal(message(0, 0, TLS12), 0);
	assert_int_equal(message(0, 1, TLS12), -EPROTO);
	memset(&c, 0, sizeof(c));
	for (type = 1; type < 24; type++) {
		memset(&c, 0, sizeof(c));
		assert_int_equal(message(type, 8, TLS12), -EPROTO);
		memset(&c, 0, sizeof(c));
		assert_int_equal(message(type, 8, TLS13), type == 4 ? 0 : -EPROTO);
	}
}

static void test_lengths(void **state)
{
	u8 head[4];

	(void)state;
	tnl_put32(head, TNL_TLS_CONTROL_LEN + 1);
	head[0] = 4;
	assert_int_equal(tnl_tls_control(&c, TNL_TLS_HANDSHAKE, head, 4, TLS13), -EPROTO);
	memset(&c, 0, sizeof(c));
	tnl_put32(head, TNL_TLS_CONTROL_LEN);
	head[0] = 4;
	assert_int_equal(tnl_tls_control(&c, TNL_TLS_HANDSHAKE, head, 4, TLS13), 0);
	assert_int_equal(c.left, TNL_TLS_CONTROL_LEN);
}

static void test_content_types(void **state)
{
	const u8 byte = 1;
	unsigned int type;

	(void)state;
	for (type = 0; type < 256; type++) {
		memset(&c, 0, sizeof(c));
		assert_int_equal(tnl_tls_control(&c, type, &byte, 1, TLS13),
				 type == TNL_TLS_DATA || type == TNL_TLS_ALERT ||
						 type == TNL_TLS_HANDSHAKE ?
					 0 :
					 -EPROTO);
	}
	memset(&c, 0, sizeof(c));
	assert_int_equal(tnl_tls_control(&c, CCS, &byte, 1, TLS12), -EPROTO);
}

static void test_nothing_inside_an_alert(void **state)
{
	const u8 level = 1;

	(void)state;
	assert_int_equal(tnl_tls_control(&c, TNL_TLS_ALERT, &level, 1, TLS13), 0);
	assert_int_equal(tnl_tls_control(&c, TNL_TLS_DATA, &level, 1, TLS13), -EPROTO);
	assert_int_equal(message(4, 1, TLS13), -EPROTO);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(test_close_notify_ends, setup),
	cmocka_unit_test_setup(test_alert_byte_by_byte, setup),
	cmocka_unit_test_setup(test_other_alerts, setup),
	cmocka_unit_test_setup(test_tickets, setup),
	cmocka_unit_test_setup(test_many_in_a_record_and_cut_anywhere, setup),
	cmocka_unit_test_setup(test_key_update, setup),
	cmocka_unit_test_setup(test_no_new_handshake, setup),
	cmocka_unit_test_setup(test_lengths, setup),
	cmocka_unit_test_setup(test_content_types, setup),
	cmocka_unit_test_setup(test_nothing_inside_an_alert, setup),
};

PURE_SUITE(tls_control, tests);
