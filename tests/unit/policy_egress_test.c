// SPDX-License-Identifier: GPL-2.0
/* Which rules let a peer go where. */
/* links: userspace/policy/destination.c userspace/policy/egress.c userspace/policy/http.c userspace/policy/route.c userspace/policy/rules.c userspace/lib/text.c userspace/policy/edge.c userspace/policy/gate.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../userspace/policy/destination.h"
#include "../../userspace/policy/egress.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* --- rules as text ------------------------------------------------------------ */

static char err[256];
static size_t line;

static void whole(void **state)
{
	char text[EGRESS_FORMAT_MAX];
	struct egress e;

	(void)state;
	assert_int_equal(egress_parse(&e,
				      "# who\n"
				      "allow name *.Example.ORG. port 443,8000-8999,7-7 # behind\n"
				      "\r\n"
				      "\tdeny\tport 25 network 10.0.0.0/8,2001:DB8::/32,::0/0\r\n"
				      "allow network 127.0.0.1/32,::1/128 name A\n"
				      "deny",
				      &line, err, sizeof(err)),
			 0);
	assert_int_equal(line, 6);
	assert_int_equal(e.n, 4);
	assert_string_equal(egress_format(&e.rule[0], text),
			    "allow name *.example.org port 443,8000-8999,7");
	assert_string_equal(egress_format(&e.rule[1], text),
			    "deny network 10.0.0.0/8,2001:db8::/32,::/0 port 25");
	assert_string_equal(egress_format(&e.rule[2], text), "allow name a network 127.0.0.1,::1");
	assert_string_equal(egress_format(&e.rule[3], text), "deny");
	egress_free(&e);
	assert_null(e.rule);

	assert_int_equal(egress_parse(&e, "\n # nothing\n", NULL, err, sizeof(err)), 0);
	assert_int_equal(e.n, 0);
	egress_free(&e);
}

static void refusals(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "permit", "\"permit\" is not how a rule begins" },
		{ "Allow", "\"Allow\" is not how" },
		{ "allow,deny", "is not how" },
		{ "name a allow", "\"name\" is not how" },
		{ "allow deny", "\"deny\" is none of name, network and port" },
		{ "allow host a", "\"host\" is none of" },
		{ "allow name", "\"name\" has nothing behind it" },
		{ "allow\n#\ndeny network # 10.0.0.0/8", "\"network\" has nothing" },
		{ "allow port", "\"port\" has nothing" },
		{ "allow name a name b", "\"name\" is there twice" },
		{ "allow network ::/0 network ::/0", "\"network\" is there twice" },
		{ "allow port 1 name a port 1", "\"port\" is there twice" },
		{ "allow name *", "name \"*\" is no host name" },
		{ "allow name *.", "is no host name" },
		{ "allow name *.*.a", "is no host name" },
		{ "allow name a.*", "is no host name" },
		{ "allow name a,b", "is no host name" },
		{ "allow name a:80", "is no host name" },
		{ "allow name ::1", "is no host name" },
		{ "allow name 127.0.0.1", "ends in a number" },
		{ "allow name *.0.1", "ends in a number" },
		{ "allow network ,", "an empty place in a list" },
		{ "allow network ::1,", "an empty place in a list" },
		{ "allow network ::1, ::2", "an empty place in a list" },
		{ "allow network ,::1", "an empty place in a list" },
		{ "allow port 1,,2", "an empty place in a list" },
		{ "allow network a.b", "network \"a.b\" is no address" },
		{ "allow network 127.1", "is no address" },
		{ "allow network 10.0.0.0/33", "has a prefix length" },
		{ "allow network 10.0.0.1/8", "has bits behind its prefix" },
		{ "allow network ::1,::ffff:1.2.3.4", "is IPv4 in IPv6" },
		{ "allow port 0", "port \"0\" is not of 1 to 65535" },
		{ "allow port 0-1", "is not of 1 to 65535" },
		{ "allow port 65536", "is not of 1 to 65535" },
		{ "allow port 1-65536", "is not of 1 to 65535" },
		{ "allow port 080", "is not of 1 to 65535" },
		{ "allow port +80", "is not of 1 to 65535" },
		{ "allow port -80", "is not of 1 to 65535" },
		{ "allow port 80-", "is not of 1 to 65535" },
		{ "allow port 1-2-3", "is not of 1 to 65535" },
		{ "allow port http", "is not of 1 to 65535" },
		{ "allow port 90-80", "write 80-90" },
		{ "allow\n\nallow name \x1b[31m", "not ASCII" },
		{ "allow # \xc3\xa9", "not ASCII" },
	};
	struct egress e;
	const char *c;
	size_t i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(err, 0, sizeof(err));
		assert_int_equal(egress_parse(&e, cases[i].text, &line, err, sizeof(err)), -EINVAL);
		if (!strstr(err, cases[i].says))
			fail_msg("'%s': '%s' is not in '%s'", cases[i].text, cases[i].says, err);
		assert_null(e.text);
		assert_null(e.rule);
		/* the last line is the wrong one in all of them */
		for (n = 1, c = cases[i].text; *c; c++)
			n += *c == '\n';
		assert_int_equal(line, n);
	}
	/* a small place for the sentence */
	assert_int_equal(egress_parse(&e, "allow name a name b", NULL, err, 5), -EINVAL);
	assert_string_equal(err, "\"nam");
}

static int lists(const char *key, const char *item, int n)
{
	char text[EGRESS_LINE_MAX], *at = text + sprintf(text, "allow %s ", key);
	struct egress e;
	int ret;

	while (n--)
		at += sprintf(at, "%s%s", item, n ? "," : "");
	ret = egress_parse(&e, text, NULL, err, sizeof(err));
	if (!ret)
		egress_free(&e);
	return ret;
}

static void limits(void **state)
{
	char *text = malloc(EGRESS_RULES_MAX * 8 + EGRESS_LINE_MAX + 64), *at = text;
	struct egress e;
	int i;

	(void)state;
	assert_non_null(text);
	for (i = 0; i < EGRESS_RULES_MAX; i++)
		at += sprintf(at, "allow\n");
	assert_int_equal(egress_parse(&e, text, &line, err, sizeof(err)), 0);
	assert_int_equal(e.n, EGRESS_RULES_MAX);
	egress_free(&e);
	strcpy(at, "deny");
	assert_int_equal(egress_parse(&e, text, &line, err, sizeof(err)), -EINVAL);
	assert_int_equal(line, EGRESS_RULES_MAX + 1);
	assert_non_null(strstr(err, "more than 256"));

	at = text + sprintf(text, "allow #");
	memset(at, 'x', EGRESS_LINE_MAX);
	at[EGRESS_LINE_MAX - strlen("allow #")] = 0;
	assert_int_equal(egress_parse(&e, text, &line, err, sizeof(err)), 0);
	egress_free(&e);
	strcat(text, "x");
	assert_int_equal(egress_parse(&e, text, &line, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "longer than 1024"));

	assert_int_equal(lists("network", "::1", 16), 0);
	assert_int_equal(lists("network", "::1", 17), -EINVAL);
	assert_non_null(strstr(err, "one more than 16"));
	assert_int_equal(lists("port", "1-65535", 16), 0);
	assert_int_equal(lists("port", "1-65535", 17), -EINVAL);
	assert_non_null(strstr(err, "one more than 16"));

	/* each address becomes longer by a byte: "1::", "1:0:" */
	at = text + sprintf(text, "allow name ");
	for (i = 0; i < 116; i++)
		at += sprintf(at, "a.");
	at += sprintf(at, " port ");
	for (i = 0; i < 16; i++)
		at += sprintf(at, "10000-60000%s", i < 15 ? "," : " network ");
	for (i = 0; i < 16; i++)
		at += sprintf(at, "111%x::2222:3333:4444:5555:6666:7777%s", i, i < 15 ? "," : "");
	assert_int_equal(strlen(text), EGRESS_LINE_MAX);
	assert_int_equal(egress_parse(&e, text, &line, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "in full"));
	free(text);
}

/* --- decisions ----------------------------------------------------------------- */

static bool allows(const struct egress *e, const char *host, const char *to)
{
	struct destination d;
	bool allowed;

	assert_null(destination_parse(&d, to, strlen(to)));
	allowed = egress_allows(e, host, &d.addr);
	if (allowed)
		assert_true(egress_may(e, host, d.port));
	return allowed;
}

static void decisions(void **state)
{
	static const struct {
		const char *rules, *host, *to;
		bool may, allowed;
	} cases[] = {
		{ "", NULL, "1.2.3.4:80", false, false },
		{ "allow", NULL, "1.2.3.4:80", true, true },
		{ "allow", "a", "[2001:db8::1]:80", true, true },
		{ "deny\nallow", NULL, "1.2.3.4:80", false, false },
		{ "allow port 80\ndeny", NULL, "1.2.3.4:80", true, true },
		{ "allow port 79,81-65535,1-78", NULL, "1.2.3.4:80", false, false },
		{ "allow port 1,80-90", NULL, "1.2.3.4:90", true, true },
		{ "allow port 1,80-90", NULL, "1.2.3.4:91", false, false },
		{ "allow port 65535", NULL, "1.2.3.4:65535", true, true },
		{ "allow port 443", NULL, "[2001:db8::1]:443", true, true },
		{ "allow port 443", NULL, "[2001:db8::1]:444", false, false },
		/* names */
		{ "allow name a.b", "a.b", "1.2.3.4:80", true, true },
		{ "allow name a.b", "A.B", "1.2.3.4:80", true, true },
		{ "allow name a.b", "x.a.b", "1.2.3.4:80", false, false },
		{ "allow name a.b", "a.bc", "1.2.3.4:80", false, false },
		{ "allow name a.b", NULL, "1.2.3.4:80", false, false },
		{ "allow name a.b", "", "1.2.3.4:80", false, false },
		{ "allow name *.a.b", "a.b", "1.2.3.4:80", false, false },
		{ "allow name *.a.b", "xa.b", "1.2.3.4:80", false, false },
		{ "allow name *.a.b", ".a.b", "1.2.3.4:80", false, false },
		{ "allow name *.a.b", "X.Y.A.b", "1.2.3.4:80", true, true },
		{ "allow name *.a.b", NULL, "1.2.3.4:80", false, false },
		{ "deny name *.a.b\nallow name *.b", "x.a.b", "1.2.3.4:80", false, false },
		{ "deny name *.a.b\nallow name *.b", "a.b", "1.2.3.4:80", true, true },
		{ "deny name a.b\nallow", NULL, "1.2.3.4:80", true, true },
		/* networks; all that is asked for must be so */
		{ "allow network ::/0,1.2.0.0/16", NULL, "1.2.255.255:80", true, true },
		{ "allow network ::/0,1.2.0.0/16", NULL, "1.3.0.0:80", true, false },
		{ "allow network ::/0", NULL, "1.2.3.4:80", true, false },
		{ "allow network 1.2.3.4", NULL, "[::ffff:1.2.3.4]:80", true, true },
		{ "deny network 1.0.0.0/8\nallow", "a.b", "1.2.3.4:80", true, false },
		{ "deny network 1.0.0.0/8\nallow", "a.b", "2.2.3.4:80", true, true },
		{ "allow name a.b network 1.0.0.0/8 port 1", "a.b", "1.2.3.4:1", true, true },
		{ "allow name a.b network 1.0.0.0/8 port 1", "a.b", "2.2.3.4:1", true, false },
		{ "allow name a.b network 1.0.0.0/8 port 1", "a.b", "1.2.3.4:2", false, false },
		{ "allow name a.b network 1.0.0.0/8 port 1", "a.c", "1.2.3.4:1", false, false },
		{ "allow network 1.0.0.0/8 port 1\nallow port 2", "a", "2.0.0.0:2", true, true },
		/* a network does not help one beside it */
		{ "allow network 0.0.0.0/0,127.0.0.2", NULL, "127.0.0.1:80", true, false },
		{ "allow network 0.0.0.0/0,127.0.0.2", NULL, "127.0.0.2:80", true, true },
		{ "allow\nallow network 127.0.0.1", "a", "127.0.0.1:80", true, true },
		{ "deny network 0.0.0.0/0\nallow network 127.0.0.1", "a", "127.0.0.1:1", true,
		  false },
		/* deny needs no network inside */
		{ "deny name a\nallow network 127.0.0.1", "a", "127.0.0.1:80", false, false },
		{ "deny port 1\nallow network 127.0.0.1", "a", "127.0.0.1:1", false, false },
		/* where no address is left, none is looked up */
		{ "allow network 224.0.0.0/4,0.0.0.0/8,ff02::/16,::", "a", "1.2.3.4:1", false,
		  false },
		{ "allow network 192.0.0.0/2", "a", "193.0.0.1:1", true, true },
		{ "allow network 192.0.0.0/2", "a", "224.0.0.1:1", true, false },
	};
	struct egress e;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct destination d;

		assert_int_equal(egress_parse(&e, cases[i].rules, NULL, err, sizeof(err)), 0);
		assert_null(destination_parse(&d, cases[i].to, strlen(cases[i].to)));
		if (allows(&e, cases[i].host, cases[i].to) != cases[i].allowed ||
		    egress_may(&e, cases[i].host, d.port) != cases[i].may)
			fail_msg("'%s': %s, %s", cases[i].rules,
				 cases[i].host ? cases[i].host : "no host", cases[i].to);
		egress_free(&e);
	}
	assert_false(egress_may(&(struct egress){ 0 }, "a", 80));
}

static void special(void **state)
{
	/* first and last of each range, what is around it, and the widest network that allows it */
	static const struct {
		const char *in[2], *out[2], *network; /* NULL: never */
	} cases[] = {
		{ { "0.0.0.0", "0.255.255.255" }, { "1.0.0.0", NULL }, NULL },
		{ { "127.0.0.0", "127.255.255.255" },
		  { "126.255.255.255", "128.0.0.0" },
		  "127.0.0.0/8" },
		{ { "169.254.0.0", "169.254.255.255" },
		  { "169.253.255.255", "169.255.0.0" },
		  "169.254.0.0/16" },
		{ { "224.0.0.0", "255.255.255.255" }, { "223.255.255.255", NULL }, NULL },
		{ { "239.255.255.255", "240.0.0.0" }, { NULL, NULL }, NULL },
		{ { "[::1]", "[::1]" }, { NULL, NULL }, "::1" },
		{ { "[::]", "[::2]" }, { NULL, NULL }, NULL },
		{ { "[fe80::]", "[febf:ffff::1]" }, { "[fe7f:ffff::1]", "[fec0::]" }, "fe80::/10" },
		{ { "[ff00::]", "[ffff:ffff::1]" }, { "[feff:ffff::1]", NULL }, NULL },
		{ { "[::ffff:127.0.0.1]", "[::ffff:127.255.0.1]" },
		  { "[::ffff:128.0.0.1]", NULL },
		  "127.0.0.0/8" },
		{ { "[::ffff:0.0.0.0]", "[::ffff:255.255.255.255]" }, { NULL, NULL }, NULL },
		{ { "[::127.0.0.0]", "[::127.255.255.255]" },
		  { "[::126.255.255.255]", "[::128.0.0.0]" },
		  "::127.0.0.0/104" },
		{ { "[::169.254.0.0]", "[::169.254.255.255]" },
		  { "[::169.253.255.255]", "[::169.255.0.0]" },
		  "::169.254.0.0/112" },
		{ { "[::0.255.255.255]", "[::224.0.0.0]" },
		  { "[::1.0.0.0]", "[::223.255.255.255]" },
		  NULL },
		{ { "[64:ff9b::127.0.0.0]", "[64:ff9b::127.255.255.255]" },
		  { "[64:ff9b::126.255.255.255]", "[64:ff9b::128.0.0.0]" },
		  "64:ff9b::7f00:0/104" },
		{ { "[64:ff9b::169.254.169.254]", "[64:ff9b::169.254.255.255]" },
		  { "[64:ff9b::169.255.0.0]", "[64:ff9b::1:169.254.169.254]" },
		  "64:ff9b::a9fe:0/112" },
		{ { "[64:ff9b::]", "[64:ff9b::255.255.255.255]" },
		  { "[64:ff9b::1.0.0.0]", "[64:ff9a::]" },
		  NULL },
		{ { "[2002:7f00::]", "[2002:7fff:ffff:ffff:ffff:ffff:ffff:ffff]" },
		  { "[2002:7eff:ffff::1]", "[2002:8000::]" },
		  "2002:7f00::/24" },
		{ { "[2002:a9fe::]", "[2002:a9fe:ffff::1]" },
		  { "[2002:a9fd:ffff::1]", "[2002:a9ff::]" },
		  "2002:a9fe::/32" },
		{ { "[2002::1]", "[2002:ffff::]" }, { "[2002:100::]", "[2002:dfff::]" }, NULL },
		{ { "[2002:ff:ffff::]", "[2002:e000::]" }, { "[2003::]", "[2001:ffff::]" }, NULL },
	};
	static const char wide[] =
		"allow network 0.0.0.0/0,::/0\nallow name a\nallow port 1-80\n"
		"allow network 96.0.0.0/3,126.0.0.0/7,169.0.0.0/8,168.0.0.0/5\n"
		"allow network ::/1,::/96,::/127,64:ff9b::/96,2002::/16,fe00::/8,8000::/1\n"
		"allow network 224.0.0.0/4,255.255.255.255,0.0.0.0,ff00::/8,::\n"
		"allow";
	char to[128], rule[128];
	struct egress e, own;
	size_t i, k;

	(void)state;
	assert_int_equal(egress_parse(&e, wide, NULL, err, sizeof(err)), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(rule, sizeof(rule), "allow network %s",
			 cases[i].network ? cases[i].network : "0.0.0.0/0");
		assert_int_equal(egress_parse(&own, rule, NULL, err, sizeof(err)), 0);
		for (k = 0; k < 2; k++) {
			snprintf(to, sizeof(to), "%s:80", cases[i].in[k]);
			if (allows(&e, "a", to) || allows(&e, NULL, to))
				fail_msg("%s is allowed", to);
			if (allows(&own, NULL, to) != !!cases[i].network)
				fail_msg("%s, '%s'", to, rule);
			if (!cases[i].out[k])
				continue;
			snprintf(to, sizeof(to), "%s:80", cases[i].out[k]);
			if (!allows(&e, "a", to) || !allows(&e, NULL, to))
				fail_msg("%s is not allowed", to);
			if (cases[i].network && allows(&own, NULL, to))
				fail_msg("%s, '%s'", to, rule);
		}
		egress_free(&own);
	}
	egress_free(&e);
}

static void other_families(void **state)
{
	struct sockaddr_storage a = { .ss_family = AF_UNIX };
	struct egress e;

	(void)state;
	assert_int_equal(egress_parse(&e, "allow\nallow network 0.0.0.0/0,::/0", NULL, err,
				      sizeof(err)),
			 0);
	assert_false(egress_allows(&e, NULL, &a));
	a.ss_family = 0;
	assert_false(egress_allows(&e, "a", &a));
	egress_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),   cmocka_unit_test(refusals),
		cmocka_unit_test(limits),  cmocka_unit_test(decisions),
		cmocka_unit_test(special), cmocka_unit_test(other_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
