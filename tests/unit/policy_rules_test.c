// SPDX-License-Identifier: GPL-2.0
/* Routes as text, and what a client hears that is led nowhere. */
/* links: userspace/policy/answer.c userspace/policy/http.c userspace/policy/route.c userspace/policy/rules.c userspace/lib/text.c userspace/policy/edge.c userspace/policy/gate.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/tunnel.h>
#include <linux/tunnel_netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../userspace/policy/answer.h"
#include "../../userspace/policy/rules.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static char err[256];
static size_t line;

static void whole(void **state)
{
	struct rules r;

	(void)state;
	assert_int_equal(rules_parse(&r,
				     "# which site\n"
				     "host *.Example.ORG. path /api header X-A=1=2 from 10.0.0.0/8 to gw/api\n"
				     "\n"
				     "\tsni a.b alpn h2 protocol tls\tto gw/tls # behind\n"
				     "header accept# to x.y/z\n"
				     "to gw/web",
				     &line, err, sizeof(err)),
			 0);
	assert_int_equal(r.n, 4);
	assert_true(r.reads);
	assert_string_equal(r.route[0].host, "*.example.org");
	assert_string_equal(r.route[0].path, "/api");
	assert_string_equal(r.route[0].header, "x-a");
	assert_string_equal(r.route[0].value, "1=2");
	assert_int_equal(r.route[0].source.family, AF_INET);
	assert_int_equal(r.route[0].source.bits, 8);
	assert_int_equal(r.route[0].protocol, ROUTE_ANY);
	assert_null(r.route[0].sni);
	assert_string_equal(r.route[0].target, "gw/api");
	assert_string_equal(r.route[1].sni, "a.b");
	assert_string_equal(r.route[1].alpn, "h2");
	assert_int_equal(r.route[1].protocol, TUNNEL_PROTOCOL_TLS);
	assert_string_equal(r.route[2].header, "accept#");
	assert_null(r.route[2].value);
	assert_string_equal(r.route[3].target, "gw/web");
	rules_free(&r);

	assert_int_equal(rules_parse(&r, "from ::1 to a/b", &line, err, sizeof(err)), 0);
	assert_false(r.reads);
	rules_free(&r);
	assert_int_equal(rules_parse(&r, "\n # nothing\n", &line, err, sizeof(err)), 0);
	assert_int_equal(r.n, 0);
	rules_free(&r);
}

static void names(void **state)
{
	char tunnel[TUNNEL_NAME_MAX + 1], service[TUNNEL_NAME_MAX + 1];
	struct route t = { .target = "home/web.1" };
	unsigned int i;

	(void)state;
	rules_target(&t, tunnel, service);
	assert_string_equal(tunnel, "home");
	assert_string_equal(service, "web.1");
	for (i = 0; i < TUNNEL_PROTOCOL_MESSAGES; i++)
		assert_non_null(rules_protocol_name(i));
	/* not of TCP connections */
	assert_null(rules_protocol_name(TUNNEL_PROTOCOL_MESSAGES));
}

static size_t how_many(const char *text, char c)
{
	size_t n = 0;

	while ((text = strchr(text, c))) {
		text++;
		n++;
	}
	return n;
}

static void refusals(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "host a.b", "\"to TUNNEL/SERVICE\" is missing" },
		{ "to a/b\n\n# x\nhost", "\"host\" has no value" },
		{ "hsot a to a/b", "\"hsot\" is none of sni, host," },
		{ "host a host b to a/b", "\"host\" is there twice" },
		{ "to a/b host c", "\"host\" is behind \"to\"" },
		{ "to a/b to a/b", "\"to\" is behind \"to\"" },
		{ "to ab", "to \"ab\" is not TUNNEL/SERVICE" },
		{ "to A/b", "to \"A/b\"" },
		{ "to a/b/c", "to \"a/b/c\"" },
		{ "to /b", "to \"/b\"" },
		{ "host a_b! to a/b", "host \"a_b!\" is no host name" },
		{ "host *. to a/b", "host \"*.\" is no host name" },
		{ "host *.*.a to a/b", "is no host name" },
		{ "host a:80 to a/b", "is no host name" },
		{ "sni .a to a/b", "sni \".a\" is no host name" },
		{ "path api to a/b", "path \"api\" is no path" },
		{ "path /a/../b to a/b", "is no path" },
		{ "path /a?b to a/b", "is no path" },
		{ "path * to a/b", "is no path" },
		{ "header =x to a/b", "has no name" },
		{ "header a:b to a/b", "is no name of a header field" },
		{ "protocol smtp to a/b", "protocol \"smtp\" is none of http1" },
		{ "protocol messages to a/b", "is none of http1" },
		{ "from 10.0.0.1/8 to a/b", "from \"10.0.0.1/8\" has bits behind its prefix" },
		{ "from here to a/b", "from \"here\" is no address" },
		{ "host \x1b[31m to a/b", "not ASCII" },
		{ "to a/b\x7f", "not ASCII" },
		{ "header a=\xc3\xa9 to a/b", "not ASCII" },
	};
	struct rules r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(err, 0, sizeof(err));
		assert_int_equal(rules_parse(&r, cases[i].text, &line, err, sizeof(err)), -EINVAL);
		if (!strstr(err, cases[i].says))
			fail_msg("'%s': '%s' is not in '%s'", cases[i].text, cases[i].says, err);
		assert_null(r.text);
		assert_null(r.route);
		/* the last line is the wrong one in all of them */
		assert_int_equal(line, 1 + how_many(cases[i].text, '\n'));
	}
}

static void edges(void **state)
{
	static const char text[] = "# of a site\n"
				   "tls certificate /a.pem key /a.key\n"
				   "  tls  certificate /b.pem # both in it\n"
				   "tls alpn h2,http/1.1\n"
				   "host tls to a/b\n"
				   "to a/c";
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "to a/b\ntls certificate /a.pem", "is behind a route" },
		{ "tls", "is neither" },
		{ "tls key /a", "is neither" },
		{ "tls certificate a.pem", "named from the root" },
		{ "tls certificate /", "named from the root" },
		{ "tls certificate /a key", "has no file behind" },
		{ "tls certificate /a /b", "that is not \"key\"" },
		{ "tls certificate /a key b", "named from the root" },
		{ "tls certificate /a key /b c", "a word too many" },
		{ "tls certificate /a\ntls certificate /a key /b", "is there already" },
		{ "tls alpn h2", "has no certificate" },
		{ "tls certificate /a\ntls alpn", "is neither" },
		{ "tls certificate /a\ntls alpn ,h2", "is no list of protocols" },
		{ "tls certificate /a\ntls alpn 123456789012345678901234567890123", "is no list" },
		{ "tls certificate /a\ntls alpn a,b,c,d,e,f,g,h,i", "more than 8" },
		{ "tls certificate /a\ntls alpn a\ntls alpn b", "is there twice" },
		{ "tlsx certificate /a", "is none of sni" },
	};
	char many[EDGE_CERTS_MAX * 32 + 64], *at = many, *whole;
	struct edge_names names;
	struct rules r;
	size_t i;

	(void)state;
	assert_int_equal(rules_parse(&r, text, &line, err, sizeof(err)), 0);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.edge->n, 2);
	assert_string_equal(r.edge->cert[0].key, "/a.key");
	assert_string_equal(r.edge->cert[1].certificate, "/b.pem");
	assert_string_equal(r.edge->cert[1].key, "/b.pem");
	edge_split(&names, r.edge->alpn);
	assert_string_equal(names.name[0], "h2");
	assert_string_equal(names.name[1], "http/1.1");
	assert_null(names.name[2]);
	whole = rules_format_edge(r.edge);
	assert_string_equal(whole, "tls certificate /a.pem key /a.key\n"
				   "tls certificate /b.pem\ntls alpn h2,http/1.1\n");
	free(whole);
	rules_free(&r);
	whole = rules_format_edge(NULL);
	assert_string_equal(whole, "");
	free(whole);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(rules_parse(&r, wrong[i].text, &line, err, sizeof(err)), -EINVAL);
		if (!strstr(err, wrong[i].says))
			fail_msg("'%s': '%s' is not in '%s'", wrong[i].text, wrong[i].says, err);
		assert_null(r.edge);
	}
	for (i = 0; i < EDGE_CERTS_MAX; i++)
		at += sprintf(at, "tls certificate /%zu\n", i);
	assert_int_equal(rules_parse(&r, many, &line, err, sizeof(err)), 0);
	/* nobody is led anywhere, and is told so */
	assert_true(r.reads);
	rules_free(&r);
	strcpy(at, "tls certificate /x");
	assert_int_equal(rules_parse(&r, many, &line, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "more than 64"));
}

static void limits(void **state)
{
	char *text = malloc(RULES_MAX * 16 + RULES_LINE_MAX + 64), *at = text;
	struct rules r;
	int i;

	(void)state;
	assert_non_null(text);
	for (i = 0; i < RULES_MAX; i++)
		at += sprintf(at, "to a/b\n");
	assert_int_equal(rules_parse(&r, text, &line, err, sizeof(err)), 0);
	assert_int_equal(r.n, RULES_MAX);
	rules_free(&r);
	strcpy(at, "to a/b");
	assert_int_equal(rules_parse(&r, text, &line, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "more than 1000"));

	at = text + sprintf(text, "header a=");
	memset(at, 'x', RULES_LINE_MAX);
	strcpy(at + RULES_LINE_MAX - strlen("header a= to a/b"), " to a/b");
	assert_int_equal(strlen(text), RULES_LINE_MAX);
	assert_int_equal(rules_parse(&r, text, &line, err, sizeof(err)), 0);
	rules_free(&r);
	strcat(text, "c");
	assert_int_equal(rules_parse(&r, text, &line, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "longer than 1024"));
	free(text);
}

/* --- answers ---------------------------------------------------------------- */

static struct request request;

static size_t answer(uint8_t *out, enum answer a, uint8_t protocol, const char *bytes)
{
	request.protocol = protocol;
	return answer_write(out, a, &request, (const uint8_t *)bytes, strlen(bytes));
}

static void of_http1(void **state)
{
	char out[ANSWER_MAX + 1];
	enum answer a;
	size_t n;

	(void)state;
	memset(&request, 0, sizeof(request));
	request.method = (struct text){ "GET", 3 };
	n = answer((uint8_t *)out, ANSWER_NO_ROUTE, TUNNEL_PROTOCOL_WEBSOCKET, "GET");
	out[n] = 0;
	assert_string_equal(out, "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n"
				 "Content-Length: 14\r\nCache-Control: no-store\r\n"
				 "Connection: close\r\n\r\n404 Not Found\n");
	/* no body for HEAD, which has the length all the same */
	request.method = (struct text){ "HEAD", 4 };
	n = answer((uint8_t *)out, ANSWER_UNAVAILABLE, TUNNEL_PROTOCOL_HTTP1, "HEAD");
	out[n] = 0;
	assert_non_null(strstr(out, "Content-Length: 24\r\n"));
	assert_string_equal(out + n - 4, "\r\n\r\n");
	/* of one that never became whole */
	memset(&request, 0, sizeof(request));
	for (a = ANSWER_NO_ROUTE; a <= ANSWER_UNAVAILABLE; a++) {
		n = answer((uint8_t *)out, a, TUNNEL_PROTOCOL_OPAQUE, "GET /");
		assert_in_range(n, 1, ANSWER_MAX - 1);
		assert_memory_equal(out, "HTTP/1.1 ", 9);
	}
}

static void of_others(void **state)
{
	static const uint8_t alert[] = { 0x15, 3, 3, 0, 2, 2, 112 };
	static const uint8_t h2[] = {
		0, 0, 0, 4, 0, 0, 0, 0, 0,				  /* SETTINGS */
		0, 0, 5, 1, 5, 0, 0, 0, 13, 8, 3, '4', '0', '4',	  /* HEADERS */
		0, 0, 8, 7, 0, 0, 0, 0, 0,  0, 0, 0,   13,  0,	 0, 0, 0, /* GOAWAY */
	};
	uint8_t out[ANSWER_MAX];

	(void)state;
	memset(&request, 0, sizeof(request));
	assert_int_equal(answer(out, ANSWER_NO_ROUTE, TUNNEL_PROTOCOL_TLS, "\x16"), sizeof(alert));
	assert_memory_equal(out, alert, sizeof(alert));
	assert_int_equal(answer(out, ANSWER_BAD, TUNNEL_PROTOCOL_OPAQUE, "\x16"), sizeof(alert));
	assert_int_equal(out[6], 50);
	assert_int_equal(answer(out, ANSWER_LATE, TUNNEL_PROTOCOL_TLS, "\x16"), 0);
	request.stream = 13;
	assert_int_equal(answer(out, ANSWER_NO_ROUTE, TUNNEL_PROTOCOL_GRPC, "P"), sizeof(h2));
	assert_memory_equal(out, h2, sizeof(h2));
	/* what is bad has no stream that could be answered */
	assert_int_equal(answer(out, ANSWER_BAD, TUNNEL_PROTOCOL_HTTP2, "P"), 9 + 17);
	assert_int_equal(out[9 + 16], 1);
	/* nothing is said to what we do not know */
	assert_int_equal(answer(out, ANSWER_NO_ROUTE, TUNNEL_PROTOCOL_OPAQUE, "\x00\x01"), 0);
	assert_int_equal(answer(out, ANSWER_NO_ROUTE, TUNNEL_PROTOCOL_OPAQUE, ""), 0);
}

/* Who may come in is said before the routes, in whatever order. */
static void gates(void **state)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "to gw/web\nallow 10.0.0.0/8", "is behind a route" },
		{ "to gw/web\nproxy from 10.0.0.0/8", "is behind a route" },
		{ "allow", "\"allow\" has no network" },
		{ "deny x", "\"deny\" is no address" },
		{ "proxy 10.0.0.0/8", "\"proxy\" is not \"proxy from NETWORK\"" },
		{ "allow 10.0.0.0/8 to gw/web", "\"allow\" has a word too many" },
	};
	char err[256], *head;
	struct rules r;
	size_t line, i;

	(void)state;
	assert_int_equal(rules_parse(&r,
				     " deny 192.0.2.1 # that one\ntls certificate /a.pem\n"
				     "allow 2001:db8::/32\n\nallow 192.0.2.0/24\n"
				     "\tproxy from 10.0.0.0/8\nto gw/web",
				     &line, err, sizeof(err)),
			 0);
	assert_int_equal(r.n, 1);
	assert_false(r.reads);
	assert_int_equal(r.gate->n[GATE_ALLOW], 2);
	assert_int_equal(r.edge->n, 1);
	head = rules_format_head(&r);
	assert_string_equal(head, "tls certificate /a.pem\nproxy from 10.0.0.0/8\n"
				  "allow 192.0.2.0/24\nallow 2001:db8::/32\ndeny 192.0.2.1\n");
	free(head);
	rules_free(&r);
	assert_int_equal(rules_parse(&r, "allow 10.0.0.0/8", &line, err, sizeof(err)), 0);
	assert_null(r.edge);
	head = rules_format_head(&r);
	assert_string_equal(head, "allow 10.0.0.0/8\n");
	free(head);
	rules_free(&r);
	assert_int_equal(rules_parse(&r, "to gw/web", &line, err, sizeof(err)), 0);
	assert_null(r.gate);
	head = rules_format_head(&r);
	assert_string_equal(head, "");
	free(head);
	rules_free(&r);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(rules_parse(&r, wrong[i].text, &line, err, sizeof(err)), -EINVAL);
		if (!strstr(err, wrong[i].says))
			fail_msg("'%s': '%s' is not in '%s'", wrong[i].text, wrong[i].says, err);
		assert_null(r.gate);
	}
	assert_true(rules_is_head(" allow x") && rules_is_head("tls\tx") && rules_is_head("proxy"));
	assert_false(rules_is_head("allowed x") || rules_is_head("to gw/web") || rules_is_head(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),     cmocka_unit_test(names),  cmocka_unit_test(refusals),
		cmocka_unit_test(edges),     cmocka_unit_test(limits), cmocka_unit_test(of_http1),
		cmocka_unit_test(of_others), cmocka_unit_test(gates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
