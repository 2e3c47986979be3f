// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl stats, info, flush: the namespace as a whole.
 */
#include <inttypes.h>
#include <netlink/attr.h>
#include "tunnelctl.h"

/* Return: EXIT_*; @j is NULL for text. */
static int print_stats(const struct ctx *ctx, struct nlattr *stats, struct json *j)
{
	static struct nla_policy policy[TUNNEL_A_MAX + 1] = {
		[TUNNEL_A_STAT_NAME] = { .type = NLA_STRING },
		[TUNNEL_A_STAT_VALUE] = { .type = NLA_U64 },
	};
	struct nlattr *nest;
	int rem;

	nla_for_each_nested(nest, stats, rem) {
		struct nlattr *stat[TUNNEL_A_MAX + 1];
		char name[4 * TUNNEL_TEXT_MAX + 1];
		uint64_t value;

		if (nla_parse_nested(stat, TUNNEL_A_MAX, nest, policy) < 0 ||
		    !stat[TUNNEL_A_STAT_NAME] || !stat[TUNNEL_A_STAT_VALUE])
			return failure("a counter of the module is malformed");
		value = nla_get_u64(stat[TUNNEL_A_STAT_VALUE]);
		tnl_escape(nla_get_string(stat[TUNNEL_A_STAT_NAME]), name, sizeof(name));
		if (j)
			json_u64(j, name, value);
		else if (value || ctx->all)
			printf("%-32s %" PRIu64 "\n", name, value);
	}
	return EXIT_OK;
}

static int stats_show(struct ctx *ctx, int argc, char **argv)
{
	struct json j = { 0 };
	struct list list;
	size_t i;
	int ret;

	ret = expect_args(ctx, argc, argv, 0, 0, NULL);
	if (!ret)
		ret = list_get_one(ctx, TUNNEL_CMD_STATS_GET, NULL, &list);
	if (ret)
		return ret;
	if (ctx->json)
		json_open(&j, NULL, '{');
	for (i = 0; !ret && i < list.count; i++)
		if (obj_has(list.obj[i], TUNNEL_A_STATS))
			ret = print_stats(ctx, list.obj[i]->attr[TUNNEL_A_STATS],
					  ctx->json ? &j : NULL);
	if (ctx->json) {
		json_close(&j, '}');
		json_end(&j);
	}
	list_free(&list);
	return ret;
}

static void print_info(const struct obj *o)
{
	printf("module version: %s\n", obj_text(o, TUNNEL_A_VERSION));
	printf("generation: %" PRIu64 "\n", obj_num(o, TUNNEL_A_GENERATION));
	if (obj_num(o, TUNNEL_A_DAEMON))
		printf("daemon: running, netlink port %" PRIu64 "\n", obj_num(o, TUNNEL_A_DAEMON));
	else
		printf("daemon: not running\n");
	if (obj_num(o, TUNNEL_A_FAMILY))
		printf("address family of sockets: %" PRIu64 "\n", obj_num(o, TUNNEL_A_FAMILY));
	printf("tunnels: %" PRIu64 ", carriers: %" PRIu64 ", services: %" PRIu64
	       ", listeners: %" PRIu64 "\n",
	       obj_num(o, TUNNEL_A_COUNT_TUNNELS), obj_num(o, TUNNEL_A_COUNT_CARRIERS),
	       obj_num(o, TUNNEL_A_COUNT_SERVICES), obj_num(o, TUNNEL_A_COUNT_LISTENERS));
}

static int info_show(struct ctx *ctx, int argc, char **argv)
{
	struct json j = { 0 };
	struct list list;
	int ret;

	ret = expect_args(ctx, argc, argv, 0, 0, NULL);
	if (!ret)
		ret = list_get_one(ctx, TUNNEL_CMD_INFO_GET, NULL, &list);
	if (ret)
		return ret;
	if (list.count == 0) {
		ret = failure("the module sent no answer");
	} else if (ctx->json) {
		json_open(&j, NULL, '{');
		obj_json(&j, list.obj[0]);
		json_close(&j, '}');
		json_end(&j);
	} else {
		print_info(list.obj[0]);
	}
	list_free(&list);
	return ret;
}

static int flush(struct ctx *ctx, int argc, char **argv)
{
	struct req req;
	int ret;

	ret = expect_args(ctx, argc, argv, 0, 0, NULL);
	if (!ret)
		ret = req_begin(ctx, &req, TUNNEL_CMD_FLUSH, 0);
	return ret ? ret : req_send(ctx, &req, NULL, NULL);
}

const struct command stats_commands[] = {
	{ "", "", "counters of the module; -a shows those that are zero, too", stats_show },
	{ 0 },
};

const struct command info_commands[] = {
	{ "", "", "version of the module, daemon, number of objects", info_show },
	{ 0 },
};

const struct command flush_commands[] = {
	{ "", "", "remove every tunnel, service and listener", flush },
	{ 0 },
};
