// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl access: who may come in at a listener with routes, and who says for whom it
 * comes (userspace/policy/gate.h).
 */
#include <string.h>
#include <netlink/attr.h>
#include "route.h"

/* What is to be there, or not to be. */
struct wish {
	enum gate_kind kind;
	struct network network;
	char line[GATE_LINE_MAX];
	bool removes;
};

/* Is it the line for this network, however that is written? */
static bool is_it(const char *line, const struct wish *w)
{
	char words[RULES_LINE_MAX + 1];
	struct gate g = { .n = { 0 } };

	if (gate_kind(line) != w->kind)
		return false;
	snprintf(words, sizeof(words), "%s", line + strlen(gate_word(w->kind)));
	return !gate_read(&g, w->kind, words) &&
	       !memcmp(&g.network[w->kind][0], &w->network, sizeof(w->network));
}

static int edit(struct lines *l, void *arg)
{
	struct wish *w = arg;
	size_t i = 0;

	if (!l->n)
		return failure(
			"there is no listener with routes: 'tunnelctl route add' comes first");
	while (i < l->n_head && !is_it(l->head[i], w))
		i++;
	if (!w->removes) {
		if (i < l->n_head)
			return failure("\"%s\" is there already", w->line);
		l->head[l->n_head++] = w->line;
		return EXIT_OK;
	}
	if (i == l->n_head)
		return failure("there is no \"%s\"", w->line);
	lines_remove_head(l, i);
	return EXIT_OK;
}

/* "ADDR:PORT { allow | deny | proxy } NETWORK" */
static int change(struct ctx *ctx, int argc, char **argv, bool removes)
{
	struct wish wish = { .removes = removes };
	const char *why;
	struct where w;
	int ret = route_where(ctx, argc, argv, &w);

	if (!ret)
		ret = expect_args(ctx, argc - 1, argv + 1, 2, 2,
				  "{ allow | deny | proxy } NETWORK");
	if (ret)
		return ret;
	wish.kind = gate_kind(argv[1]);
	if (wish.kind == GATE_KINDS)
		return usage_error(ctx, "'%s' is none of allow, deny and proxy", argv[1]);
	why = network_parse(&wish.network, argv[2]);
	if (why)
		return usage_error(ctx, "'%s' %s", argv[2], why);
	gate_format(wish.kind, &wish.network, wish.line);
	return route_change(ctx, &w, edit, &wish);
}

static int access_add(struct ctx *ctx, int argc, char **argv)
{
	return change(ctx, argc, argv, false);
}

static int access_del(struct ctx *ctx, int argc, char **argv)
{
	return change(ctx, argc, argv, true);
}

static void print_with_access(const struct obj *o)
{
	char err[256];
	struct rules r;

	if (!obj_has(o, TUNNEL_A_ROUTES) ||
	    rules_parse(&r, nla_get_string(o->attr[TUNNEL_A_ROUTES]), NULL, err, sizeof(err)))
		return;
	if (r.gate)
		listener_print(o);
	rules_free(&r);
}

static int access_show(struct ctx *ctx, int argc, char **argv)
{
	int ret = expect_args(ctx, argc, argv, 0, 0, NULL);

	return ret ? ret : show_list(ctx, TUNNEL_CMD_LISTENER_GET, NULL, print_with_access);
}

const struct command access_commands[] = {
	{ "show", "", "list listeners where not everybody may come in", access_show },
	{ "add", "ADDR:PORT { allow | deny | proxy } NETWORK",
	  "allow: only such networks may come in; deny: this one may not; proxy: connections of this one begin with a PROXY header, which says for whom they are",
	  access_add },
	{ "del", "ADDR:PORT { allow | deny | proxy } NETWORK", "take it back", access_del },
	{ 0 },
};
