// SPDX-License-Identifier: GPL-2.0
/* links: userspace/policy/target.c userspace/policy/destination.c userspace/policy/http.c userspace/lib/text.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include "../../userspace/policy/target.h"

static void test_kinds(void **state)
{
	static const struct {
		const char *text;
		enum target_kind kind;
	} right[] = {
		{ "unix:/run/app.sock", TARGET_UNIX },
		{ "unix:/", TARGET_UNIX },
		{ "db.example.org:5432", TARGET_HOST },
		{ "localhost:1", TARGET_HOST },
		{ "egress.example:80", TARGET_HOST },
		{ "egress:80", TARGET_HOST },
		{ "127.0.0.1:65535", TARGET_HOST },
		{ "egress", TARGET_EGRESS },
		{ "egress\n", TARGET_EGRESS },
		{ "egress\nallow port 1\ndeny", TARGET_EGRESS },
	};
	struct target t;
	char err[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_int_equal(target_parse(&t, right[i].text, err, sizeof(err)), 0);
		assert_int_equal(t.kind, right[i].kind);
		assert_true(!target_rules(right[i].text) == (t.kind != TARGET_EGRESS));
	}
	assert_int_equal(target_parse(&t, "unix:/run/app.sock", err, sizeof(err)), 0);
	assert_string_equal(t.un.sun_path, "/run/app.sock");
	assert_int_equal(t.un.sun_family, AF_UNIX);
	assert_string_equal(target_rules("egress\nallow port 1\ndeny"), "allow port 1\ndeny");
	assert_string_equal(target_rules("egress"), "");
}

static void test_wrong(void **state)
{
	static const char *const wrong[] = {
		"",	      "unix:",	    "unix:run/x",     "unix:@x",  "unix:/a b",
		"unix:/a\nb", "unix:/\x7f", "unix:/\xc3\xa4", "x",	  "x:",
		":80",	      "x:0",	    "x:65536",	      "x:80 ",	  "x:80\n",
		"egress ",    "egressx",    "EGRESS",	      "127.1:80",
	};
	char path[256] = "unix:/", err[256];
	struct target t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err[0] = 0;
		assert_int_not_equal(target_parse(&t, wrong[i], err, sizeof(err)), 0);
		assert_true(*err);
	}
	/* the longest path, and one byte more */
	memset(path + 6, 'x', sizeof(t.un.sun_path) - 2);
	assert_int_equal(target_parse(&t, path, err, sizeof(err)), 0);
	assert_int_equal(strlen(t.un.sun_path), sizeof(t.un.sun_path) - 1);
	strcat(path, "x");
	assert_int_not_equal(target_parse(&t, path, err, sizeof(err)), 0);
}

static void test_where(void **state)
{
	char out[16];

	(void)state;
	target_where("unix:/a", "b:1", out, sizeof(out));
	assert_string_equal(out, "unix:/a");
	target_where("egress\nallow", "b:1", out, sizeof(out));
	assert_string_equal(out, "b:1");
	target_where("egress", NULL, out, sizeof(out));
	assert_string_equal(out, "?");
	target_where("a\x1b[2Jb:1\nallow", NULL, out, sizeof(out));
	assert_string_equal(out, "a?[2Jb:1");
	target_where("a-name-that-is-too-long:80", NULL, out, sizeof(out));
	assert_string_equal(out, "a-name-that-is-");
	target_where("", NULL, out, sizeof(out));
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
