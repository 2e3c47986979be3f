// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl tunnel
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <mbedtls/platform_util.h>
#include "limit_words.h"
#include "tunnelctl.h"

/* What a TUNNEL_NEW or TUNNEL_SET says. */
struct settings {
	const char *name;
	const char *remote;	    /* dial */
	char local[TNL_ADDRSTRLEN]; /* listen */
	struct pins pins;
	char *key, *psk, *ca, *cert; /* absolute, allocated; @cert: "" is none any more */
	const char *psk_name;
	char peer_name[TUNNEL_TEXT_MAX + 1];
	const char *ciphers_word, *grace_word;
	uint32_t ciphers, grace_ms;
	struct allow allow;
	uint8_t direct;
	struct limit_words limits;
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

/* The daemon reads the file. Return: EXIT_*; @result is absolute, from malloc(). */
static int set_path(struct ctx *ctx, const char *path, char **result)
{
	char *c;

	*result = realpath(path, NULL);
	if (!*result)
		return failure("%s: %s", path, strerror(errno));
	for (c = *result; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return usage_error(ctx,
					   "the path of the file has a control character in it");
	if (strlen(*result) > TUNNEL_TEXT_MAX)
		return usage_error(ctx, "the path %s is longer than %d characters", *result,
				   TUNNEL_TEXT_MAX);
	return EXIT_OK;
}

/* A mistake is better seen here than in the daemon's log. */
static int set_key(struct ctx *ctx, struct settings *s, const char *path)
{
	uint8_t pin[TUNNEL_PIN_LEN];
	char err[1024];

	if (tnl_key_pin(path, pin, err, sizeof(err)) < 0)
		return failure("%s", err);
	return set_path(ctx, path, &s->key);
}

static int set_psk(struct ctx *ctx, struct settings *s, const char *path)
{
	struct tnl_psk psk;
	char err[1024];

	if (tnl_psk_read(path, &psk, err, sizeof(err)))
		return failure("%s", err);
	/* the fingerprint is no secret, and all that leaves this program */
	memcpy(s->pins.pin[0], psk.id, sizeof(psk.id));
	s->pins.n = 1;
	mbedtls_platform_zeroize(&psk, sizeof(psk));
	return set_path(ctx, path, &s->psk);
}

static int set_ca(struct ctx *ctx, struct settings *s, const char *path)
{
	char err[1024];

	if (tnl_cert_check(path, err, sizeof(err)))
		return failure("%s", err);
	return set_path(ctx, path, &s->ca);
}

/* Behind set_key(): if both are given they belong together. */
static int set_cert(struct ctx *ctx, struct settings *s, const char *path)
{
	uint8_t pin[TUNNEL_PIN_LEN], own[TUNNEL_PIN_LEN];
	char err[1024];

	if (!strcmp(path, "none")) {
		s->cert = strdup("");
		return s->cert ? EXIT_OK : failure("out of memory");
	}
	if (tnl_cert_pin(path, pin, err, sizeof(err)) ||
	    (s->key && tnl_key_pin(s->key, own, err, sizeof(err))))
		return failure("%s", err);
	if (s->key && memcmp(pin, own, sizeof(pin)))
		return failure("key %s is not that of certificate %s", s->key, path);
	return set_path(ctx, path, &s->cert);
}

/* A DNS name, as it stands in a certificate; without case (RFC 4343). */
static int set_peer_name(struct ctx *ctx, struct settings *s, const char *word)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-._";
	char *c;

	snprintf(s->peer_name, sizeof(s->peer_name), "%s", word);
	for (c = s->peer_name; *c; c++)
		*c = tolower((unsigned char)*c);
	if (!*word || strlen(word) > 253 || strspn(s->peer_name, allowed) != strlen(word))
		return usage_error(ctx, "'%s' is not a DNS name", word);
	return EXIT_OK;
}

/* Words of 'tunnel add' and 'tunnel set' about who the peer may be, and who we are. */
enum { PEER, KEY, PSK, PSK_NAME, CA, NAME, CERT, IDENTITY_WORDS };

#define IDENTITY_KEYWORDS                                                                          \
	[PEER] = { .name = "peer" }, [KEY] = { .name = "key" }, [PSK] = { .name = "psk" },         \
	[PSK_NAME] = { .name = "psk-identity" }, [CA] = { .name = "ca" },                          \
	[NAME] = { .name = "name" }, [CERT] = { .name = "certificate" }

/* Is it one way to know the peer, not several? */
static int check_way(struct ctx *ctx, const struct keyword *kw)
{
	bool psk = kw[PSK].value || kw[PSK_NAME].value, ca = kw[CA].value || kw[NAME].value;

	if ((kw[PEER].value && ca) ||
	    (psk && (kw[PEER].value || kw[KEY].value || kw[CERT].value || ca)))
		return usage_error(ctx,
				   "the peer is known in one way: by 'peer PIN' or 'ca FILE' with 'name NAME', and 'key FILE'; or by 'psk FILE' with 'psk-identity NAME'");
	return EXIT_OK;
}

static int read_identity(struct ctx *ctx, const struct keyword *kw, struct settings *s)
{
	int ret = check_way(ctx, kw);

	s->psk_name = kw[PSK_NAME].value;
	if (!ret && s->psk_name)
		ret = parse_name(ctx, "key", s->psk_name);
	if (!ret && kw[PEER].value)
		ret = parse_pins(ctx, kw[PEER].value, &s->pins);
	if (!ret && kw[NAME].value)
		ret = set_peer_name(ctx, s, kw[NAME].value);
	if (!ret && kw[CA].value)
		ret = set_ca(ctx, s, kw[CA].value);
	if (!ret && kw[KEY].value)
		ret = set_key(ctx, s, kw[KEY].value);
	if (!ret && kw[CERT].value)
		ret = set_cert(ctx, s, kw[CERT].value);
	if (!ret && kw[PSK].value)
		ret = set_psk(ctx, s, kw[PSK].value);
	return ret;
}

static int missing(struct ctx *ctx, const struct keyword *kw, int word, const char *sentence)
{
	return kw[word].value ? EXIT_OK : usage_error(ctx, "%s is missing", sentence);
}

/* Is it all that a new tunnel needs? */
static int check_identity(struct ctx *ctx, const struct keyword *kw)
{
	int ret = check_way(ctx, kw);

	if (ret)
		return ret;
	if (kw[PSK].value || kw[PSK_NAME].value) {
		ret = missing(ctx, kw, PSK, "'psk FILE'");
		return ret ? ret :
			     missing(ctx, kw, PSK_NAME,
				     "'psk-identity NAME', what both sides call the key,");
	}
	if (kw[CA].value || kw[NAME].value) {
		ret = missing(ctx, kw, CA, "'ca FILE'");
		if (!ret)
			ret = missing(ctx, kw, NAME,
				      "'name NAME', which of those it has signed for,");
	} else {
		ret = missing(ctx, kw, PEER, "'peer PIN'");
	}
	return ret ? ret : missing(ctx, kw, KEY, "'key FILE'");
}

enum {
	DIAL = IDENTITY_WORDS,
	LISTEN,
	CIPHER,
	GRACE,
	ALLOW,
	DIRECT,
	LIMITS,
	KEYWORDS = LIMITS + LIMIT_WORDS_TUNNEL
};

static int read_settings(struct ctx *ctx, int argc, char **argv, struct settings *s)
{
	struct keyword kw[KEYWORDS] = {
		IDENTITY_KEYWORDS,
		[DIAL] = { .name = "dial" },
		[LISTEN] = { .name = "listen" },
		[CIPHER] = { .name = "cipher" },
		[GRACE] = { .name = "grace" },
		[ALLOW] = { .name = "allow" },
		[DIRECT] = { .name = "direct" },
	};
	int ret;

	limits_keywords(kw + LIMITS, LIMIT_WORDS_TUNNEL);
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
	ret = check_identity(ctx, kw);
	if (ret)
		return ret;

	s->remote = kw[DIAL].value;
	s->ciphers_word = kw[CIPHER].value;
	s->grace_word = kw[GRACE].value;
	ret = s->remote ? check_remote(ctx, s->remote) : set_listen(ctx, s, kw[LISTEN].value);
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
		ret = limits_parse(ctx, kw + LIMITS, LIMIT_WORDS_TUNNEL, &s->limits);
	if (!ret)
		ret = read_identity(ctx, kw, s);
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
	if (s->psk)
		req_string(req, TUNNEL_A_PSK, s->psk);
	if (s->psk_name)
		req_string(req, TUNNEL_A_PSK_IDENTITY, s->psk_name);
	if (s->ca)
		req_string(req, TUNNEL_A_PEER_CA, s->ca);
	if (*s->peer_name)
		req_string(req, TUNNEL_A_PEER_AUTH_NAME, s->peer_name);
	if (s->cert)
		req_string(req, TUNNEL_A_CERT, s->cert);
}

static void free_settings(struct settings *s)
{
	free(s->key);
	free(s->psk);
	free(s->ca);
	free(s->cert);
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
	limits_put(&req, &s->limits);
	return req_send(ctx, &req, NULL, NULL);
}

static int tunnel_add(struct ctx *ctx, int argc, char **argv)
{
	struct settings s = { 0 };
	int ret;

	ret = read_settings(ctx, argc, argv, &s);
	if (!ret)
		ret = send_settings(ctx, &s);
	free_settings(&s);
	return ret;
}

static int tunnel_set(struct ctx *ctx, int argc, char **argv)
{
	struct keyword kw[IDENTITY_WORDS + LIMIT_WORDS_TUNNEL] = { IDENTITY_KEYWORDS };
	struct settings s = { 0 };
	struct req req;
	int ret;

	limits_keywords(kw + IDENTITY_WORDS, LIMIT_WORDS_TUNNEL);
	if (argc < 1)
		return usage_error(ctx, "NAME is missing");
	if (argc < 2)
		return usage_error(ctx,
				   "say what is to be another one: 'peer PIN', 'key FILE', 'ca FILE', 'psk FILE', or a limit");
	ret = parse_name(ctx, "tunnel", argv[0]);
	if (!ret)
		ret = parse_keywords(ctx, argc - 1, argv + 1, kw, ARRAY_SIZE(kw));
	if (!ret)
		ret = limits_parse(ctx, kw + IDENTITY_WORDS, LIMIT_WORDS_TUNNEL, &s.limits);
	if (!ret)
		ret = read_identity(ctx, kw, &s);
	if (!ret)
		ret = req_begin(ctx, &req, TUNNEL_CMD_TUNNEL_SET, 0);
	if (!ret) {
		req_string(&req, TUNNEL_A_NAME, argv[0]);
		put_identity(&req, &s);
		limits_put(&req, &s.limits);
		ret = req_send(ctx, &req, NULL, NULL);
	}
	free_settings(&s);
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
	  "NAME { dial HOST:PORT | listen ADDR:PORT } { { peer PIN[,...] | ca FILE name NAME } key FILE [certificate FILE] | psk FILE psk-identity NAME } [cipher LIST] [grace SECONDS] [allow WHO] [direct on|off|admin] " LIMITS_USAGE,
	  "make a tunnel; LIST: aes-128-gcm,aes-256-gcm,chacha20-poly1305; WHO: uid:ID,gid:ID,...",
	  tunnel_add },
	{ "set",
	  "NAME { [peer PIN[,...] | [ca FILE] [name NAME]] [key FILE] [certificate FILE|none] | [psk FILE] [psk-identity NAME] } [sessions N|none] [rate N|none] [bandwidth RATE|none]",
	  "whose keys are accepted, which is ours; what a key made that no longer is ends now; other limits",
	  tunnel_set },
	{ "del", "NAME", "remove a tunnel and end its sessions", tunnel_del },
	{ 0 },
};
