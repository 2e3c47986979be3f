// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl session, tunnelctl carrier: what runs inside a tunnel.
 */
#include "tunnelctl.h"

/* "[TUNNEL]", NULL when it is absent */
static int read_filter(struct ctx *ctx, int argc, char **argv, const char **tunnel)
{
	int ret = expect_args(ctx, argc, argv, 0, 1, NULL);

	*tunnel = argc ? argv[0] : NULL;
	if (!ret && *tunnel)
		ret = parse_name(ctx, "tunnel", *tunnel);
	return ret;
}

static int session_show(struct ctx *ctx, int argc, char **argv)
{
	const char *tunnel;
	int ret = read_filter(ctx, argc, argv, &tunnel);

	return ret ? ret : show_list(ctx, TUNNEL_CMD_SESSION_GET, tunnel, session_print);
}

static int session_del(struct ctx *ctx, int argc, char **argv)
{
	struct req req;
	uint64_t id;
	int ret;

	ret = expect_args(ctx, argc, argv, 2, 2, argc ? "ID" : "TUNNEL");
	if (!ret)
		ret = parse_name(ctx, "tunnel", argv[0]);
	if (!ret)
		ret = parse_session_id(ctx, argv[1], &id);
	if (!ret)
		ret = req_begin(ctx, &req, TUNNEL_CMD_SESSION_DEL, 0);
	if (ret)
		return ret;
	req_string(&req, TUNNEL_A_NAME, argv[0]);
	req_u64(&req, TUNNEL_A_SESSION_ID, id);
	return req_send(ctx, &req, NULL, NULL);
}

static void carrier_print_plain(const struct obj *o)
{
	carrier_print(o, "");
}

static int carrier_show(struct ctx *ctx, int argc, char **argv)
{
	const char *tunnel;
	int ret = read_filter(ctx, argc, argv, &tunnel);

	return ret ? ret : show_list(ctx, TUNNEL_CMD_CARRIER_GET, tunnel, carrier_print_plain);
}

static int carrier_del(struct ctx *ctx, int argc, char **argv)
{
	struct req req;
	uint32_t id;
	int ret;

	ret = expect_args(ctx, argc, argv, 1, 1, "ID");
	if (!ret)
		ret = parse_u32(ctx, "carrier", argv[0], &id);
	if (!ret)
		ret = req_begin(ctx, &req, TUNNEL_CMD_CARRIER_DEL, 0);
	if (ret)
		return ret;
	req_u32(&req, TUNNEL_A_CARRIER_ID, id);
	return req_send(ctx, &req, NULL, NULL);
}

const struct command session_commands[] = {
	{ "show", "[TUNNEL]", "list sessions", session_show },
	{ "del", "TUNNEL ID", "reset a session", session_del },
	{ 0 },
};

const struct command carrier_commands[] = {
	{ "show", "[TUNNEL]", "list carriers", carrier_show },
	{ "del", "ID", "close a carrier; its sessions wait for the next one", carrier_del },
	{ 0 },
};
