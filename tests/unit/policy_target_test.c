// SPDX-License-Identifier: GPL-2.0
/* links: userspace/policy/target.c userspace/policy/destination.c userspace/policy/http.c userspace/lib/text.c userspace/policy/edge.c */
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

/* What is read, and the one way in which all of its meaning are written. */
static void test_tls(void **state)
{
	static const struct {
		const char *text, *to, *name, *alpn, *whole;
	} right[] = {
		{ "https://A.Example.", "a.example:443", "a.example", "http/1.1",
		  "https://a.example:443" },
		{ "https://a.example:8443 name=B.example", "a.example:8443", "b.example",
		  "http/1.1", "https://a.example:8443 name=b.example" },
		{ "grpcs://a.example alpn=h2", "a.example:443", "a.example", "h2",
		  "grpcs://a.example:443" },
		{ "wss://a.example name=a.example verify=yes", "a.example:443", "a.example",
		  "http/1.1", "wss://a.example:443" },
		{ "tls://a.example:5 alpn=x,y ca=/ca.pem", "a.example:5", "a.example", "x,y",
		  "tls://a.example:5 ca=/ca.pem alpn=x,y" },
		{ "https://[2001:DB8::1] name=a.b", "[2001:db8::1]:443", "a.b", "http/1.1",
		  "https://[2001:db8::1]:443 name=a.b" },
		{ "https://[::1]:1 verify=no alpn=", "[::1]:1", "", "",
		  "https://[::1]:1 alpn= verify=no" },
		{ "https://127.0.0.1:8443 verify=no", "127.0.0.1:8443", "", "http/1.1",
		  "https://127.0.0.1:8443 verify=no" },
	};
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "https://", "" },
		{ "https:// a", "" },
		{ "https://a.example/", "names more than a host and a port" },
		{ "https://me@a.example", "names more than a host and a port" },
		{ "https://a.example:0", "" },
		{ "https://127.0.0.1", "certificates have names: add name=NAME" },
		{ "https://127.1 verify=no", "" },
		{ "tls://a.example", "has no port" },
		{ "https://a.example name=", "" },
		{ "https://a.example name=a!b", "" },
		{ "https://a.example ca=ca.pem", "named from the root" },
		{ "https://a.example alpn=,", "is no list of protocols" },
		{ "https://a.example alpn=h2,", "is no list of protocols" },
		{ "https://a.example verify=maybe", "is none of name=NAME" },
		{ "https://a.example\nverify=no", "is one line" },
		{ "http://a.example", "" },
		{ "HTTPS://a.example", "" },
	};
	char err[256], whole[TARGET_FORMAT_MAX], long_text[TARGET_FORMAT_MAX + 64], out[64];
	struct target t, again;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		if (target_parse(&t, right[i].text, err, sizeof(err)))
			fail_msg("%s: %s", right[i].text, err);
		assert_int_equal(t.kind, TARGET_TLS);
		assert_string_equal(t.to, right[i].to);
		assert_string_equal(t.tls.name, right[i].name);
		assert_string_equal(t.tls.alpn, right[i].alpn);
		assert_int_equal(t.tls.verify, !strstr(right[i].text, "verify=no"));
		assert_string_equal(target_format(&t, whole), right[i].whole);
		assert_int_equal(target_parse(&again, whole, err, sizeof(err)), 0);
		assert_string_equal(target_format(&again, long_text), whole);
		assert_memory_equal(&again.tls, &t.tls, sizeof(t.tls));
	}
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err[0] = 0;
		assert_int_not_equal(target_parse(&t, wrong[i].text, err, sizeof(err)), 0);
		if (!*err || !strstr(err, wrong[i].says))
			fail_msg("%s: '%s' is not in '%s'", wrong[i].text, wrong[i].says, err);
	}
	memset(long_text, 'x', sizeof(long_text));
	memcpy(long_text, "https://", 8);
	long_text[sizeof(long_text) - 1] = 0;
	assert_int_not_equal(target_parse(&t, long_text, err, sizeof(err)), 0);
	target_where("https://a.example name=b", NULL, out, sizeof(out));
	assert_string_equal(out, "https://a.example");
}

/* Who is calling is said to targets of every kind but egress. */
static void test_proxy(void **state)
{
	static const struct {
		const char *text, *whole;
		int proxy;
	} right[] = {
		{ "127.0.0.1:80 proxy=v1", "127.0.0.1:80 proxy=v1", 1 },
		{ "A.example:80 proxy=v2", "a.example:80 proxy=v2", 2 },
		{ "unix:/run/a proxy=v2", "unix:/run/a proxy=v2", 2 },
		{ "https://a.example proxy=v2 ca=/c", "https://a.example:443 ca=/c proxy=v2", 2 },
		{ "a.example:80", "a.example:80", 0 },
	};
	static const char *const wrong[] = { "a.example:80 proxy=v3", "a.example:80 proxy=",
					     "a.example:80 proxy",    "a.example:80 ca=/c",
					     "unix:/run/a verify=no", "unix:/run/a  x" };
	char err[256], whole[TARGET_FORMAT_MAX];
	struct target t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_int_equal(target_parse(&t, right[i].text, err, sizeof(err)), 0);
		assert_int_equal(t.proxy, right[i].proxy);
		assert_string_equal(target_format(&t, whole), right[i].whole);
	}
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_not_equal(target_parse(&t, wrong[i], err, sizeof(err)), 0);
		assert_non_null(strstr(err, "is not proxy=v1 or proxy=v2"));
	}
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
		cmocka_unit_test(test_kinds), cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_tls),   cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
