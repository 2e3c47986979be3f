// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl egress: what the peers may have this host connect to. The rules are the
 * target of a service called "egress" (userspace/policy/target.h), changed as a whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/attr.h>
#include "egress.h"
#include "target.h"
#include "tunnelctl.h"

/* The rules that there are, as lines of a text. */
struct rules_of {
	bool there; /* the service is */
	char *line[EGRESS_RULES_MAX + 1];
	size_t n;
	char *text;
};

/* Takes "tunnel TUNNEL" off the end of the words. Return: EXIT_*. */
static int take_tunnel(struct ctx *ctx, int *argc, char **argv, const char **tunnel)
{
	*tunnel = NULL;
	if (*argc < 2 || strcmp(argv[*argc - 2], "tunnel"))
		return EXIT_OK;
	*tunnel = argv[*argc - 1];
	*argc -= 2;
	return parse_name(ctx, "tunnel", *tunnel);
}

static bool is_egress(const struct obj *o, const char *tunnel)
{
	if (!obj_has(o, TUNNEL_A_SERVICE) ||
	    strcmp(nla_get_string(o->attr[TUNNEL_A_SERVICE]), TARGET_EGRESS_WORD))
		return false;
	if (!obj_has(o, TUNNEL_A_NAME))
		return !tunnel;
	return tunnel && !strcmp(nla_get_string(o->attr[TUNNEL_A_NAME]), tunnel);
}

static int split(struct rules_of *r, const char *rules)
{
	char *line, *save;

	r->there = true;
	r->text = strdup(rules);
	if (!r->text)
		return failure("out of memory");
	for (line = strtok_r(r->text, "\n", &save); line && r->n < EGRESS_RULES_MAX;
	     line = strtok_r(NULL, "\n", &save))
		r->line[r->n++] = line;
	return EXIT_OK;
}

static int get_rules(struct ctx *ctx, const char *tunnel, struct rules_of *r)
{
	const char *rules;
	struct list list;
	size_t i;
	int ret = list_get(ctx, TUNNEL_CMD_SERVICE_GET, NULL, &list);

	memset(r, 0, sizeof(*r));
	if (ret)
		return ret;
	for (i = 0; i < list.count && !ret; i++) {
		const struct obj *o = list.obj[i];

		if (!is_egress(o, tunnel))
			continue;
		rules = obj_has(o, TUNNEL_A_TARGET) ?
				target_rules(nla_get_string(o->attr[TUNNEL_A_TARGET])) :
				NULL;
		ret = rules ? split(r, rules) :
			      failure("the service \"egress\" leads to something else: 'tunnelctl service del egress' comes first");
	}
	list_free(&list);
	return ret;
}

/*
 * Return: EXIT_*. With the last rule the service goes; but not that of one tunnel, whose
 * peer would get the rules for all then.
 */
static int set_rules(struct ctx *ctx, const char *tunnel, const struct rules_of *r)
{
	static char text[TUNNEL_TARGET_MAX + 1];
	size_t len, i;
	struct req req;
	int ret;

	len = snprintf(text, sizeof(text), "%s", TARGET_EGRESS_WORD);
	for (i = 0; i < r->n && len < sizeof(text); i++)
		len += snprintf(text + len, sizeof(text) - len, "\n%s", r->line[i]);
	if (len >= sizeof(text))
		return failure("the rules have more than %d bytes", TUNNEL_TARGET_MAX);
	if (!r->n && !tunnel)
		ret = req_begin(ctx, &req, TUNNEL_CMD_SERVICE_DEL, 0);
	else
		ret = req_begin(ctx, &req,
				r->there ? TUNNEL_CMD_SERVICE_SET : TUNNEL_CMD_SERVICE_NEW, 0);
	if (ret)
		return ret;
	req_string(&req, TUNNEL_A_SERVICE, TARGET_EGRESS_WORD);
	if (tunnel)
		req_string(&req, TUNNEL_A_NAME, tunnel);
	if (r->n || tunnel)
		req_string(&req, TUNNEL_A_TARGET, text);
	ret = req_send(ctx, &req, NULL, NULL);
	if (!ret && !r->n && tunnel && !ctx->json)
		printf("nothing is allowed to the peer of %s now; 'tunnelctl service del egress tunnel %s' leaves it the rules for all\n",
		       tunnel, tunnel);
	return ret;
}

static int add_rule(struct ctx *ctx, const char *action, int argc, char **argv)
{
	char line[EGRESS_FORMAT_MAX], err[256];
	struct rules_of r = { 0 };
	struct egress e;
	const char *tunnel;
	size_t len;
	int ret, i;

	ret = take_tunnel(ctx, &argc, argv, &tunnel);
	if (ret)
		return ret;
	len = snprintf(line, sizeof(line), "%s", action);
	for (i = 0; i < argc && len < sizeof(line); i++)
		len += snprintf(line + len, sizeof(line) - len, " %s", argv[i]);
	if (len > EGRESS_LINE_MAX)
		return usage_error(ctx, "a rule has at most %d bytes", EGRESS_LINE_MAX);
	if (strpbrk(line, "\n#"))
		return usage_error(ctx, "a rule is one line, without '#'");
	if (egress_parse(&e, line, NULL, err, sizeof(err)))
		return usage_error(ctx, "%s", err);
	egress_format(&e.rule[0], line);
	egress_free(&e);
	ret = get_rules(ctx, tunnel, &r);
	if (!ret && r.n == EGRESS_RULES_MAX)
		ret = failure("there are %d rules already", EGRESS_RULES_MAX);
	if (!ret) {
		r.line[r.n++] = line;
		ret = set_rules(ctx, tunnel, &r);
	}
	free(r.text);
	return ret;
}

static int egress_allow(struct ctx *ctx, int argc, char **argv)
{
	return add_rule(ctx, "allow", argc, argv);
}

static int egress_deny(struct ctx *ctx, int argc, char **argv)
{
	return add_rule(ctx, "deny", argc, argv);
}

static int egress_del(struct ctx *ctx, int argc, char **argv)
{
	struct rules_of r = { 0 };
	const char *tunnel;
	uint32_t n = 0;
	int ret;

	ret = take_tunnel(ctx, &argc, argv, &tunnel);
	if (!ret)
		ret = expect_args(ctx, argc, argv, 1, 1, "the number of the rule");
	if (!ret)
		ret = parse_u32(ctx, "rule", argv[0], &n);
	if (!ret)
		ret = get_rules(ctx, tunnel, &r);
	if (!ret && (!n || n > r.n))
		ret = failure("there is no rule %u: there are %zu", n, r.n);
	if (!ret) {
		memmove(r.line + n - 1, r.line + n, (r.n - n) * sizeof(*r.line));
		r.n--;
		ret = set_rules(ctx, tunnel, &r);
	}
	free(r.text);
	return ret;
}

static void print_egress(const struct obj *o)
{
	if (obj_has(o, TUNNEL_A_TARGET) && target_rules(nla_get_string(o->attr[TUNNEL_A_TARGET])))
		service_print(o);
}

static int egress_show(struct ctx *ctx, int argc, char **argv)
{
	int ret = expect_args(ctx, argc, argv, 0, 0, NULL);

	return ret ? ret : show_list(ctx, TUNNEL_CMD_SERVICE_GET, NULL, print_egress);
}

const struct command egress_commands[] = {
	{ "show", "", "list the rules for what peers may have this host connect to", egress_show },
	{ "allow",
	  "[name NAME|*.NAME] [network NETWORK[,...]] [port PORT[-PORT][,...]] [tunnel TUNNEL]",
	  "a rule more, behind the others: the first that fits decides; without one nothing is allowed",
	  egress_allow },
	{ "deny",
	  "[name NAME|*.NAME] [network NETWORK[,...]] [port PORT[-PORT][,...]] [tunnel TUNNEL]",
	  "likewise, a rule that refuses", egress_deny },
	{ "del", "N [tunnel TUNNEL]", "remove a rule", egress_del },
	{ 0 },
};
