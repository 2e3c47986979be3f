// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl tunnel
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "tunnelctl.h"

/* What a TUNNEL_NEW or TUNNEL_SET says. */
struct settings {
	const char *name;
	const char *remote;	    /* dial */
	char local[TNL_ADDRSTRLEN]; /* listen */
	struct pins pins;
	char *key; /* absolute, allocated */
	const char *ciphers_word, *grace_word;
	uint32_t ciphers, grace_ms;
	struct allow allow;
	uint8_t direct;
};

/*
 * The daemon resolves the host, so only the form is checked: something, a
 * colon, a port; brackets around an IPv6 address.
 */
static int check_remote(struct ctx *ctx, const char *word)
{
	const char *colon = strrchr(word, ':');
	struct sockaddr_storage ss;
	uint32_t port;
	int len;

	if (word[0] == '[')
		return parse_address(ctx, word, false, &ss, &len);
	if (!colon || colon == word)
		return usage_error(ctx, "'%s' is not HOST:PORT", word);
	if (strchr(word, ':') != colon)
		return usage_error(ctx, "'%s': write IPv6 addresses in brackets, [ADDRESS]:PORT",
				   word);
	if (strlen(word) > TUNNEL_TEXT_MAX)
		return usage_error(ctx, "'%s' is longer than %d characters", word, TUNNEL_TEXT_MAX);
	if (strpbrk(word, " \t\r\n/@"))
		return usage_error(ctx, "'%s' is not HOST:PORT", word);
	if (strlen(colon + 1) > 5 || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		port = 0;
	else
		port = strtoul(colon + 1, NULL, 10);
	if (port == 0 || port > 65535)
		return usage_error(ctx, "the port of '%s' is not a number from 1 to 65535", word);
	return EXIT_OK;
}

static int set_listen(struct ctx *ctx, struct settings *s, const char *word)
{
	struct sockaddr_storage ss;
	int len, ret;

	ret = parse_address(ctx, word, false, &ss, &len);
	if (!ret)
		tnl_format_addr(&ss, len, s->local);
	return ret;
}

/* The daemon reads the file; a mistake is better seen here than in its log. */
static int set_key(struct ctx *ctx, struct settings *s, const char *path)
{
	uint8_t pin[TUNNEL_PIN_LEN];
	char err[1024], *c;

	if (tnl_key_pin(path, pin, err, sizeof(err)) < 0)
		return failure("%s", err);
	s->key = realpath(path, NULL);
	if (!s->key)
		return failure("%s: %s", path, strerror(errno));
	for (c = s->key; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return usage_error(ctx,
					   "the path of the key has a control character in it");
	if (strlen(s->key) > TUNNEL_TEXT_MAX)
		return usage_error(ctx, "the path %s is longer than %d characters", s->key,
				   TUNNEL_TEXT_MAX);
	return EXIT_OK;
}

enum { DIAL, LISTEN, PEER, KEY, CIPHER, GRACE, ALLOW, DIRECT, KEYWORDS };

static int read_settings(struct ctx *ctx, int argc, char **argv, struct settings *s)
{
	struct keyword kw[KEYWORDS] = {
		[DIAL] = { .name = "dial" },	 [LISTEN] = { .name = "listen" },
		[PEER] = { .name = "peer" },	 [KEY] = { .name = "key" },
		[CIPHER] = { .name = "cipher" }, [GRACE] = { .name = "grace" },
		[ALLOW] = { .name = "allow" },	 [DIRECT] = { .name = "direct" },
	};
	int ret;

	if (argc < 1)
		return usage_error(ctx, "NAME is missing");
	s->name = argv[0];
	ret = parse_name(ctx, "tunnel", s->name);
	if (!ret)
		ret = parse_keywords(ctx, argc - 1, argv + 1, kw, KEYWORDS);
	if (ret)
		return ret;
	if (!kw[DIAL].value == !kw[LISTEN].value)
		return usage_error(ctx, "give either 'dial HOST:PORT' or 'listen ADDR:PORT'");
	if (!kw[PEER].value)
		return usage_error(ctx, "'peer PIN' is missing");
	if (!kw[KEY].value)
		return usage_error(ctx, "'key FILE' is missing");

	s->remote = kw[DIAL].value;
	s->ciphers_word = kw[CIPHER].value;
	s->grace_word = kw[GRACE].value;
	ret = s->remote ? check_remote(ctx, s->remote) : set_listen(ctx, s, kw[LISTEN].value);
	if (!ret)
		ret = parse_pins(ctx, kw[PEER].value, &s->pins);
	if (!ret && s->ciphers_word)
		ret = parse_ciphers(ctx, s->ciphers_word, &s->ciphers);
	if (!ret && s->grace_word)
		ret = parse_seconds(ctx, s->grace_word, &s->grace_ms);
	s->direct = TUNNEL_DIRECT_ADMIN;
	if (!ret && kw[DIRECT].value)
		ret = parse_direct(ctx, kw[DIRECT].value, &s->direct);
	if (!ret && kw[ALLOW].value)
		ret = parse_allow(ctx, kw[ALLOW].value, &s->allow);
	if (!ret)
		ret = set_key(ctx, s, kw[KEY].value);
	return ret;
}

/* Who the peer may be, and who we are: what was said of it. */
static void put_identity(struct req *req, const struct settings *s)
{
	if (s->pins.n)
		req_data(req, s->pins.n == 1 ? TUNNEL_A_PEER_PIN : TUNNEL_A_PEER_PINS, s->pins.pin,
			 s->pins.n * TUNNEL_PIN_LEN);
	if (s->key)
		req_string(req, TUNNEL_A_KEY, s->key);
}

static int send_settings(struct ctx *ctx, const struct settings *s)
{
	struct req req;
	int ret;

	ret = req_begin(ctx, &req, TUNNEL_CMD_TUNNEL_NEW, 0);
	if (ret)
		return ret;
	req_string(&req, TUNNEL_A_NAME, s->name);
	req_u8(&req, TUNNEL_A_ROLE, s->remote ? TUNNEL_ROLE_DIAL : TUNNEL_ROLE_LISTEN);
	if (s->remote)
		req_string(&req, TUNNEL_A_REMOTE, s->remote);
	else
		req_string(&req, TUNNEL_A_LOCAL, s->local);
	put_identity(&req, s);
	if (s->ciphers_word)
		req_u32(&req, TUNNEL_A_CIPHERS, s->ciphers);
	if (s->grace_word)
		req_u32(&req, TUNNEL_A_GRACE, s->grace_ms);
	req_u8(&req, TUNNEL_A_DIRECT, s->direct);
	if (s->allow.n_uids)
		req_data(&req, TUNNEL_A_ALLOW_UIDS, s->allow.uids,
			 s->allow.n_uids * sizeof(uint32_t));
	if (s->allow.n_gids)
		req_data(&req, TUNNEL_A_ALLOW_GIDS, s->allow.gids,
			 s->allow.n_gids * sizeof(uint32_t));
	return req_send(ctx, &req, NULL, NULL);
}

static int tunnel_add(struct ctx *ctx, int argc, char **argv)
{
	struct settings s = { 0 };
	int ret;

	ret = read_settings(ctx, argc, argv, &s);
	if (!ret)
		ret = send_settings(ctx, &s);
	free(s.key);
	return ret;
}

enum { SET_PEER, SET_KEY, SET_KEYWORDS };

static int tunnel_set(struct ctx *ctx, int argc, char **argv)
{
	struct keyword kw[SET_KEYWORDS] = {
		[SET_PEER] = { .name = "peer" },
		[SET_KEY] = { .name = "key" },
	};
	struct settings s = { 0 };
	struct req req;
	int ret;

	if (argc < 1)
		return usage_error(ctx, "NAME is missing");
	if (argc < 2)
		return usage_error(ctx, "say what is to be another one: 'peer PIN', 'key FILE'");
	ret = parse_name(ctx, "tunnel", argv[0]);
	if (!ret)
		ret = parse_keywords(ctx, argc - 1, argv + 1, kw, SET_KEYWORDS);
	if (!ret && kw[SET_PEER].value)
		ret = parse_pins(ctx, kw[SET_PEER].value, &s.pins);
	if (!ret && kw[SET_KEY].value)
		ret = set_key(ctx, &s, kw[SET_KEY].value);
	if (!ret)
		ret = req_begin(ctx, &req, TUNNEL_CMD_TUNNEL_SET, 0);
	if (!ret) {
		req_string(&req, TUNNEL_A_NAME, argv[0]);
		put_identity(&req, &s);
		ret = req_send(ctx, &req, NULL, NULL);
	}
	free(s.key);
	return ret;
}

static int tunnel_del(struct ctx *ctx, int argc, char **argv)
{
	struct req req;
	int ret;

	ret = expect_args(ctx, argc, argv, 1, 1, "NAME");
	if (!ret)
		ret = parse_name(ctx, "tunnel", argv[0]);
	if (!ret)
		ret = req_begin(ctx, &req, TUNNEL_CMD_TUNNEL_DEL, 0);
	if (ret)
		return ret;
	req_string(&req, TUNNEL_A_NAME, argv[0]);
	return req_send(ctx, &req, NULL, NULL);
}

static int tunnel_show(struct ctx *ctx, int argc, char **argv)
{
	struct json j = { 0 };
	struct list list;
	size_t i;
	int ret;

	ret = expect_args(ctx, argc, argv, 0, 1, NULL);
	if (!ret && argc)
		ret = parse_name(ctx, "tunnel", argv[0]);
	if (ret)
		return ret;
	if (!argc)
		return show_list(ctx, TUNNEL_CMD_TUNNEL_GET, NULL, tunnel_print);

	ret = list_get_one(ctx, TUNNEL_CMD_TUNNEL_GET, argv[0], &list);
	if (ret)
		return ret;
	if (ctx->json) {
		list_json(&j, NULL, &list, NULL);
		json_end(&j);
	} else {
		for (i = 0; i < list.count; i++)
			tunnel_print(list.obj[i]);
	}
	list_free(&list);
	return EXIT_OK;
}

const struct command tunnel_commands[] = {
	{ "show", "[NAME]", "list tunnels", tunnel_show },
	{ "add",
	  "NAME { dial HOST:PORT | listen ADDR:PORT } peer PIN[,...] key FILE [cipher LIST] [grace SECONDS] [allow WHO] [direct on|off|admin]",
	  "make a tunnel; LIST: aes-128-gcm,aes-256-gcm,chacha20-poly1305; WHO: uid:ID,gid:ID,...",
	  tunnel_add },
	{ "set", "NAME [peer PIN[,...]] [key FILE]",
	  "whose keys are accepted, which is ours; what a key made that no longer is ends now",
	  tunnel_set },
	{ "del", "NAME", "remove a tunnel and end its sessions", tunnel_del },
	{ 0 },
};
