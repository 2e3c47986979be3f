// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl keygen, tunnelctl pubkey: identities. They need no kernel module.
 */
#include "tunnelctl.h"

static int print_pin(struct ctx *ctx, const uint8_t pin[TUNNEL_PIN_LEN])
{
	char hex[2 * TUNNEL_PIN_LEN + 1];
	struct json j = { 0 };

	tnl_format_pin(pin, hex);
	if (ctx->json) {
		json_open(&j, NULL, '{');
		json_string(&j, "pin", hex);
		json_close(&j, '}');
		json_end(&j);
	} else {
		puts(hex);
	}
	return EXIT_OK;
}

static int with_file(struct ctx *ctx, int argc, char **argv,
		     int (*get)(const char *path, uint8_t *pin, char *err, size_t errlen))
{
	uint8_t pin[TUNNEL_PIN_LEN];
	char err[1024];
	int ret;

	ret = expect_args(ctx, argc, argv, 1, 1, "FILE");
	if (ret)
		return ret;
	if (get(argv[0], pin, err, sizeof(err)) < 0)
		return failure("%s", err);
	return print_pin(ctx, pin);
}

static int keygen(struct ctx *ctx, int argc, char **argv)
{
	return with_file(ctx, argc, argv, tnl_key_generate);
}

static int pubkey(struct ctx *ctx, int argc, char **argv)
{
	return with_file(ctx, argc, argv, tnl_key_pin);
}

const struct command keygen_commands[] = {
	{ "", "FILE", "write a new private key to FILE, print its pin", keygen },
	{ 0 },
};

const struct command pubkey_commands[] = {
	{ "", "FILE", "print the pin of the private key in FILE", pubkey },
	{ 0 },
};
