// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl service
 */
#include <string.h>
#include "limit_words.h"
#include "target.h"
#include "tunnelctl.h"

/* "[tunnel TUNNEL]", NULL when it is absent */
static int read_tunnel(struct ctx *ctx, int argc, char **argv, const char **tunnel)
{
	struct keyword kw[] = { { .name = "tunnel" } };
	int ret;

	ret = parse_keywords(ctx, argc, argv, kw, ARRAY_SIZE(kw));
	if (!ret && kw[0].value)
		ret = parse_name(ctx, "tunnel", kw[0].value);
	*tunnel = kw[0].value;
	return ret;
}

/* "NAME socket owner UID[:GID] [tunnel TUNNEL]", and limits */
static int service_add_socket(struct ctx *ctx, int argc, char **argv)
{
	struct keyword kw[2 + LIMIT_WORDS] = { { .name = "owner" }, { .name = "tunnel" } };
	uint32_t uid, gid = 0;
	struct limit_words limits;
	struct req req;
	bool has_gid;
	int ret;

	limits_keywords(kw + 2, LIMIT_WORDS);
	ret = parse_keywords(ctx, argc - 2, argv + 2, kw, ARRAY_SIZE(kw));
	if (!ret && !kw[0].value)
		return usage_error(ctx, "'owner UID' is missing: who may bind the service?");
	if (!ret)
		ret = parse_owner(ctx, kw[0].value, &uid, &gid, &has_gid);
	if (!ret && kw[1].value)
		ret = parse_name(ctx, "tunnel", kw[1].value);
	if (!ret)
		ret = limits_parse(ctx, kw + 2, LIMIT_WORDS, &limits);
	if (!ret)
		ret = req_begin(ctx, &req, TUNNEL_CMD_SERVICE_NEW, 0);
	if (ret)
		return ret;
	req_string(&req, TUNNEL_A_SERVICE, argv[0]);
	req_u32(&req, TUNNEL_A_OWNER_UID, uid);
	if (has_gid)
		req_u32(&req, TUNNEL_A_OWNER_GID, gid);
	if (kw[1].value)
		req_string(&req, TUNNEL_A_NAME, kw[1].value);
	limits_put(&req, &limits);
	return req_send(ctx, &req, NULL, NULL);
}

/* What is said about how a target is connected, as words behind it. */
static const char *const how_words[] = { "name", "ca", "alpn", "verify", "proxy" };

/*
 * An address, which the kernel connects to itself; or, with @len 0, in @text what the
 * daemon does. @how: values of how_words.
 */
static int read_target(struct ctx *ctx, const char *word, const struct keyword *how,
		       struct sockaddr_storage *ss, int *len, char text[TARGET_FORMAT_MAX])
{
	const char *colon = strrchr(word, ':');
	bool asks = false;
	size_t n = 0, i;
	struct target target;
	char err[256];

	*len = 0;
	for (i = 0; i < ARRAY_SIZE(how_words); i++)
		asks = asks || how[i].value;
	/* in a file they may be behind it */
	asks = asks || strchr(word, ' ');
	/* What can only be meant as an address is told what is wrong with one. */
	if (!asks && (!colon || *word == '[' || word[strspn(word, "0123456789.:")] == '\0'))
		return parse_address(ctx, word, false, ss, len);
	n = snprintf(text, TARGET_FORMAT_MAX, "%s", word);
	for (i = 0; i < ARRAY_SIZE(how_words); i++) {
		if (!how[i].value || n >= TARGET_FORMAT_MAX)
			continue;
		if (strpbrk(how[i].value, " \n"))
			return usage_error(ctx, "there is a blank in '%s'", how[i].value);
		n += snprintf(text + n, TARGET_FORMAT_MAX - n, " %s=%s", how_words[i],
			      how[i].value);
	}
	if (n >= TARGET_FORMAT_MAX)
		return usage_error(ctx, "the target is longer than %d bytes",
				   TARGET_FORMAT_MAX - 1);
	if (target_parse(&target, text, err, sizeof(err)))
		return usage_error(ctx, "%s", err);
	if (target.kind == TARGET_EGRESS)
		return usage_error(ctx, "'tunnelctl egress' makes this one");
	target_format(&target, text);
	return EXIT_OK;
}

static int service_add(struct ctx *ctx, int argc, char **argv)
{
	struct keyword kw[ARRAY_SIZE(how_words) + 1 + LIMIT_WORDS];
	struct keyword *tunnel = kw + ARRAY_SIZE(how_words), *how_much = tunnel + 1;
	char text[TARGET_FORMAT_MAX];
	struct sockaddr_storage ss;
	struct limit_words limits;
	struct req req;
	int len = 0, ret;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(how_words); i++)
		kw[i] = (struct keyword){ .name = how_words[i] };
	*tunnel = (struct keyword){ .name = "tunnel" };
	limits_keywords(how_much, LIMIT_WORDS);
	if (argc < 2)
		return usage_error(ctx, "%s is missing", argc ? "where it leads" : "NAME");
	ret = parse_name(ctx, "service", argv[0]);
	if (!ret && !strcmp(argv[1], "socket"))
		return service_add_socket(ctx, argc, argv);
	if (!ret)
		ret = parse_keywords(ctx, argc - 2, argv + 2, kw, ARRAY_SIZE(kw));
	if (!ret && tunnel->value)
		ret = parse_name(ctx, "tunnel", tunnel->value);
	if (!ret)
		ret = read_target(ctx, argv[1], kw, &ss, &len, text);
	if (!ret)
		ret = limits_parse(ctx, how_much, LIMIT_WORDS, &limits);
	if (!ret)
		ret = req_begin(ctx, &req, TUNNEL_CMD_SERVICE_NEW, 0);
	if (ret)
		return ret;
	req_string(&req, TUNNEL_A_SERVICE, argv[0]);
	if (len)
		req_data(&req, TUNNEL_A_ADDRESS, &ss, len);
	else
		req_string(&req, TUNNEL_A_TARGET, text);
	if (tunnel->value)
		req_string(&req, TUNNEL_A_NAME, tunnel->value);
	limits_put(&req, &limits);
	return req_send(ctx, &req, NULL, NULL);
}

/* "NAME [tunnel TUNNEL]" and limits; who is connected stays so */
static int service_set(struct ctx *ctx, int argc, char **argv)
{
	struct keyword kw[1 + LIMIT_WORDS] = { { .name = "tunnel" } };
	struct limit_words limits;
	struct req req;
	bool any = false;
	int ret;
	size_t i;

	limits_keywords(kw + 1, LIMIT_WORDS);
	if (argc < 1)
		return usage_error(ctx, "NAME is missing");
	ret = parse_name(ctx, "service", argv[0]);
	if (!ret)
		ret = parse_keywords(ctx, argc - 1, argv + 1, kw, ARRAY_SIZE(kw));
	if (!ret && kw[0].value)
		ret = parse_name(ctx, "tunnel", kw[0].value);
	if (!ret)
		ret = limits_parse(ctx, kw + 1, LIMIT_WORDS, &limits);
	for (i = 1; i < ARRAY_SIZE(kw); i++)
		any = any || kw[i].value;
	if (!ret && !any)
		ret = usage_error(ctx, "what shall be other is missing");
	if (!ret)
		ret = req_begin(ctx, &req, TUNNEL_CMD_SERVICE_SET, 0);
	if (ret)
		return ret;
	req_string(&req, TUNNEL_A_SERVICE, argv[0]);
	if (kw[0].value)
		req_string(&req, TUNNEL_A_NAME, kw[0].value);
	limits_put(&req, &limits);
	return req_send(ctx, &req, NULL, NULL);
}

static int service_del(struct ctx *ctx, int argc, char **argv)
{
	const char *tunnel;
	struct req req;
	int ret;

	if (argc < 1)
		return usage_error(ctx, "NAME is missing");
	ret = parse_name(ctx, "service", argv[0]);
	if (!ret)
		ret = read_tunnel(ctx, argc - 1, argv + 1, &tunnel);
	if (!ret)
		ret = req_begin(ctx, &req, TUNNEL_CMD_SERVICE_DEL, 0);
	if (ret)
		return ret;
	req_string(&req, TUNNEL_A_SERVICE, argv[0]);
	if (tunnel)
		req_string(&req, TUNNEL_A_NAME, tunnel);
	return req_send(ctx, &req, NULL, NULL);
}

static int service_show(struct ctx *ctx, int argc, char **argv)
{
	int ret = expect_args(ctx, argc, argv, 0, 0, NULL);

	return ret ? ret : show_list(ctx, TUNNEL_CMD_SERVICE_GET, NULL, service_print);
}

/* As `service add`, in the words of who has something to offer. */
static int expose(struct ctx *ctx, int argc, char **argv)
{
	static char tunnel[] = "tunnel";
	if (!argc)
		return service_show(ctx, 0, argv);
	if (argc < 2)
		return usage_error(ctx, "where it leads is missing");
	if (argc < 4 || strcmp(argv[argc - 2], "on"))
		return usage_error(ctx, "'on TUNNEL' is missing, which must be the last");
	argv[argc - 2] = tunnel;
	return service_add(ctx, argc, argv);
}

#define TLS_TARGET                                                                                 \
	"{ https | grpcs | wss | tls }://HOST[:PORT] [name NAME] [ca FILE] [alpn NAME,...] [verify no]"

const struct command expose_commands[] = {
	{ "",
	  "NAME { ADDR:PORT | HOST:PORT | unix:PATH | " TLS_TARGET " } [proxy v1|v2] " ACCESS_USAGE
	  " on TUNNEL",
	  "let the peer of TUNNEL reach a service of ours as NAME: 'service add' in other words",
	  expose },
	{ 0 },
};

const struct command service_commands[] = {
	{ "show", "", "list services", service_show },
	{ "add",
	  "NAME { ADDR:PORT | HOST:PORT | unix:PATH | " TLS_TARGET
	  " | socket owner UID[:GID] } [proxy v1|v2] [tunnel TUNNEL] " ACCESS_USAGE,
	  "let peers (or only the peer of TUNNEL) reach this, or the socket that the owner binds, as NAME",
	  service_add },
	{ "set", "NAME [tunnel TUNNEL] " ACCESS_USAGE,
	  "who may use it, and how much; 'none' takes a limit back. Of allow and deny what is not named is none",
	  service_set },
	{ "del", "NAME [tunnel TUNNEL]", "remove a service", service_del },
	{ 0 },
};
