// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl listener
 */
#include <netinet/in.h>
#include <string.h>
#include <netlink/attr.h>
#include "destination.h"
#include "limit_words.h"
#include "socket_file.h"
#include "target.h"
#include "tunnelctl.h"

/* Splits "TUNNEL/SERVICE", or "TUNNEL/HOST:PORT", which is for the peer's egress. */
static int read_target(struct ctx *ctx, const char *word, char tunnel[TUNNEL_NAME_MAX + 1],
		       const char **service, char asked[DESTINATION_MAX + 1])
{
	const char *slash = strchr(word, '/'), *why;
	struct destination to;
	int ret;

	if (!slash || slash - word > TUNNEL_NAME_MAX)
		return usage_error(ctx, "'%s' is not TUNNEL/SERVICE", word);
	memcpy(tunnel, word, slash - word);
	tunnel[slash - word] = '\0';
	*service = slash + 1;
	*asked = 0;
	ret = parse_name(ctx, "tunnel", tunnel);
	if (ret || !strchr(*service, ':'))
		return ret ? ret : parse_name(ctx, "service", *service);
	why = destination_parse(&to, *service, strlen(*service));
	if (why)
		return usage_error(ctx, "'%s' %s", *service, why);
	destination_format(&to, asked);
	*service = TARGET_EGRESS_WORD;
	return EXIT_OK;
}

/* The answer's address, for a script that asked for port 0. */
static int print_address(uint8_t cmd, struct nlattr **attr, void *arg)
{
	struct ctx *ctx = arg;
	char buf[TNL_ADDRSTRLEN];
	struct json j = { 0 };

	(void)cmd;
	if (!attr[TUNNEL_A_ADDRESS])
		return 0;
	tnl_format_addr(nla_data(attr[TUNNEL_A_ADDRESS]), nla_len(attr[TUNNEL_A_ADDRESS]), buf);
	if (ctx->json) {
		json_open(&j, NULL, '{');
		json_string(&j, "address", buf);
		json_close(&j, '}');
		json_end(&j);
	} else {
		puts(buf);
	}
	return 0;
}

/* Who may connect to a path: "mode MODE", "owner UID[:GID]" */
static int read_file_words(struct ctx *ctx, const struct keyword *mode, const struct keyword *owner,
			   int family, struct req *req)
{
	uint32_t bits, uid, gid;
	bool has_gid;
	int ret;

	if ((mode->value || owner->value) && family != AF_UNIX)
		return usage_error(ctx, "'mode' and 'owner' are about the file of unix:PATH");
	if (mode->value) {
		ret = parse_mode(ctx, mode->value, &bits);
		if (ret)
			return ret;
		req_u32(req, TUNNEL_A_MODE, bits);
	}
	if (owner->value) {
		ret = parse_owner(ctx, owner->value, &uid, &gid, &has_gid);
		if (ret)
			return ret;
		req_u32(req, TUNNEL_A_OWNER_UID, uid);
		if (has_gid)
			req_u32(req, TUNNEL_A_OWNER_GID, gid);
	}
	return EXIT_OK;
}

/* Who may come in, as a listener with one route: "allow", "deny", "proxy", in the order of kinds. */
static int add_with_gate(struct ctx *ctx, const struct sockaddr_storage *ss, int len,
			 const struct keyword *kw, const char *tunnel, const char *service)
{
	char text[GATE_KINDS * GATE_MAX * GATE_LINE_MAX + 2 * TUNNEL_NAME_MAX + 8];
	struct gate g = { .n = { 0 } };
	char line[GATE_LINE_MAX];
	enum gate_kind kind;
	struct req req;
	size_t at = 0, i;
	int ret = EXIT_OK;

	for (kind = 0; !ret && kind < GATE_KINDS; kind++)
		if (kw[kind].value)
			ret = parse_networks(ctx, kw[kind].value, kind, &g);
	for (kind = 0; kind < GATE_KINDS; kind++)
		for (i = 0; i < g.n[kind]; i++)
			at += sprintf(text + at, "%s\n",
				      gate_format(kind, &g.network[kind][i], line));
	sprintf(text + at, "to %s/%s", tunnel, service);
	if (!ret)
		ret = req_begin(ctx, &req, TUNNEL_CMD_LISTENER_NEW, 0);
	if (ret)
		return ret;
	req_data(&req, TUNNEL_A_ADDRESS, ss, len);
	req_string(&req, TUNNEL_A_ROUTES, text);
	ret = req_send(ctx, &req, NULL, NULL);
	return ret || ctx->capture ? ret : route_await(ctx, ss, len);
}

static int listener_add(struct ctx *ctx, int argc, char **argv)
{
	struct keyword kw[] = { { .name = "to" },
				{ .name = "mode" },
				{ .name = "owner" },
				{ .name = gate_word(GATE_PROXY) },
				{ .name = gate_word(GATE_ALLOW) },
				{ .name = gate_word(GATE_DENY) } };
	const struct keyword *gate = kw + 3;
	char tunnel[TUNNEL_NAME_MAX + 1], asked[DESTINATION_MAX + 1];
	struct sockaddr_storage ss;
	const char *service = NULL;
	bool chosen;
	struct req req;
	int len, ret;

	if (argc < 1)
		return usage_error(ctx, "ADDR:PORT is missing");
	ret = parse_listen_address(ctx, argv[0], true, &ss, &len);
	if (!ret)
		ret = parse_keywords(ctx, argc - 1, argv + 1, kw, ARRAY_SIZE(kw));
	if (!ret && !kw[0].value)
		ret = usage_error(ctx, "'to TUNNEL/SERVICE' is missing");
	if (!ret)
		ret = read_target(ctx, kw[0].value, tunnel, &service, asked);
	if (!ret && (gate[GATE_PROXY].value || gate[GATE_ALLOW].value || gate[GATE_DENY].value)) {
		if (ss.ss_family == AF_UNIX)
			return usage_error(ctx,
					   "a path has 'mode' and 'owner' for who may come in, not networks");
		if (*asked)
			return usage_error(ctx,
					   "networks are for services: what leads to %s has none",
					   asked);
		return add_with_gate(ctx, &ss, len, gate, tunnel, service);
	}
	if (!ret)
		ret = req_begin(ctx, &req, TUNNEL_CMD_LISTENER_NEW, 0);
	if (ret)
		return ret;
	req_data(&req, TUNNEL_A_ADDRESS, &ss, len);
	req_string(&req, TUNNEL_A_NAME, tunnel);
	req_string(&req, TUNNEL_A_SERVICE, service);
	if (*asked)
		req_string(&req, TUNNEL_A_DESTINATION, asked);
	ret = read_file_words(ctx, &kw[1], &kw[2], ss.ss_family, &req);
	if (ret) {
		req_drop(&req);
		return ret;
	}
	if (ss.ss_family == AF_UNIX)
		return listener_make(ctx, &req) ? failure("%s", ctx->conn.error) : EXIT_OK;
	/* sin_port and sin6_port share their place. */
	chosen = ((struct sockaddr_in *)&ss)->sin_port == 0;
	return req_send(ctx, &req, chosen || ctx->json ? print_address : NULL, ctx);
}

static int listener_del(struct ctx *ctx, int argc, char **argv)
{
	struct sockaddr_storage ss;
	struct req req;
	int len, ret;

	ret = expect_args(ctx, argc, argv, 1, 1, "ADDR:PORT");
	if (!ret)
		ret = parse_listen_address(ctx, argv[0], false, &ss, &len);
	if (!ret)
		ret = req_begin(ctx, &req, TUNNEL_CMD_LISTENER_DEL, 0);
	if (ret)
		return ret;
	req_data(&req, TUNNEL_A_ADDRESS, &ss, len);
	return listener_unmake(ctx, &req) ? failure("%s", ctx->conn.error) : EXIT_OK;
}

static int listener_show(struct ctx *ctx, int argc, char **argv)
{
	int ret = expect_args(ctx, argc, argv, 0, 0, NULL);

	return ret ? ret : show_list(ctx, TUNNEL_CMD_LISTENER_GET, NULL, listener_print);
}

static int forward(struct ctx *ctx, int argc, char **argv)
{
	return argc ? listener_add(ctx, argc, argv) : listener_show(ctx, argc, argv);
}

#define FILE_USAGE "[mode MODE] [owner UID[:GID]]"
#define GATE_USAGE "[allow NETWORK,...] [deny NETWORK,...] [proxy NETWORK,...]"

const struct command forward_commands[] = {
	{ "",
	  "{ ADDR:PORT " GATE_USAGE " | unix:PATH " FILE_USAGE
	  " } to { TUNNEL/SERVICE | TUNNEL/HOST:PORT }",
	  "lead local connections to the peer: 'listener add' in other words", forward },
	{ 0 },
};

const struct command listener_commands[] = {
	{ "show", "", "list listeners", listener_show },
	{ "add",
	  "{ ADDR:PORT " GATE_USAGE " | unix:PATH " FILE_USAGE
	  " } to { TUNNEL/SERVICE | TUNNEL/HOST:PORT }",
	  "lead local connections to a service of the peer, or out of its host as far as its egress rules allow; port 0: the address chosen is printed; a file can be used by root only unless mode or owner say otherwise",
	  listener_add },
	{ "del", "{ ADDR:PORT | unix:PATH }", "stop listening", listener_del },
	{ 0 },
};
