// SPDX-License-Identifier: GPL-2.0
/*
 * Options, the tables of objects and commands, usage.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tunnelctl.h"

#ifndef TUNNEL_VERSION
#define TUNNEL_VERSION "0.1.0"
#endif

/* clang-format off */
static const struct object objects[] = {
	{ "tunnel", tunnel_commands },
	{ "service", service_commands },
	{ "listener", listener_commands },
	{ "route", route_commands },
	{ "certificate", certificate_commands },
	{ "access", access_commands },
	{ "expose", expose_commands },
	{ "forward", forward_commands },
	{ "egress", egress_commands },
	{ "session", session_commands },
	{ "carrier", carrier_commands },
	{ "stats", stats_commands },
	{ "info", info_commands },
	{ "flush", flush_commands },
	{ "monitor", monitor_commands },
	{ "keygen", keygen_commands },
	{ "pubkey", pubkey_commands },
	{ "run", run_commands },
	{ "apply", apply_commands },
	{ "save", save_commands },
	{ "check", check_commands },
	{ "config", config_commands },
};
/* clang-format on */

static void print_command(FILE *out, const char *lead, const char *object,
			  const struct command *cmd)
{
	fprintf(out, "%stunnelctl %s%s%s%s%s\n", lead, object, cmd->name[0] ? " " : "", cmd->name,
		cmd->args[0] ? " " : "", cmd->args);
}

static void print_object(FILE *out, const struct object *object)
{
	const struct command *cmd;

	for (cmd = object->commands; cmd->run; cmd++) {
		print_command(out, "  ", object->name, cmd);
		fprintf(out, "        %s\n", cmd->help);
	}
}

static int print_help(const struct object *only)
{
	size_t i;

	printf("Usage: tunnelctl [-j] [-a] [OBJECT [COMMAND ...]]\n\n");
	if (only) {
		print_object(stdout, only);
		return EXIT_OK;
	}
	printf("Without OBJECT: an overview. Without COMMAND: show. Names of objects and\n"
	       "commands may be shortened as long as they are unique.\n\n");
	for (i = 0; i < ARRAY_SIZE(objects); i++)
		print_object(stdout, &objects[i]);
	printf("\nOptions:\n"
	       "  -j, --json     JSON output\n"
	       "  -a, --all      stats: counters that are zero, too\n"
	       "  -n, --dry-run  apply: show what would be done, and do nothing\n"
	       "  -h, --help     this text, or that of one OBJECT\n"
	       "  -V, --version  version of the tool\n"
	       "Exit code: 0 done, 1 wrong usage, 2 refused by the kernel or an I/O error;\n"
	       "run: that of COMMAND, 126 it cannot be run so, 127 there is none.\n");
	return EXIT_OK;
}

/* Where in a file the words come from that are not as they must be. */
static const char *origin;

void errors_of(const char *where)
{
	origin = where;
}

static void say_error(const char *fmt, va_list ap)
{
	fprintf(stderr, "tunnelctl: ");
	if (origin)
		fprintf(stderr, "%s: ", origin);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int usage_error(struct ctx *ctx, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_error(fmt, ap);
	va_end(ap);
	if (origin)
		return EXIT_FAILED;
	if (ctx->command)
		print_command(stderr, "Usage: ", ctx->object, ctx->command);
	else
		fprintf(stderr, "Try 'tunnelctl -h%s%s'\n", ctx->object ? " " : "",
			ctx->object ? ctx->object : "");
	return EXIT_WRONG_USAGE;
}

int failure(const char *fmt, ...)
{
	va_list ap;

	/* What was printed so far comes first where both go to one place. */
	fflush(stdout);
	va_start(ap, fmt);
	say_error(fmt, ap);
	va_end(ap);
	return EXIT_FAILED;
}

static const struct object *find_object(struct ctx *ctx, const char *word)
{
	char several[128];
	int i = match_word(word, &objects[0].name, sizeof(objects[0]), ARRAY_SIZE(objects), several,
			   sizeof(several));

	if (i >= 0)
		return &objects[i];
	if (i == -EBUSY)
		usage_error(ctx, "'%s' can mean %s", word, several);
	else
		usage_error(ctx, "'%s' is not an object of tunnelctl", word);
	return NULL;
}

static const struct command *find_command(struct ctx *ctx, const struct object *object,
					  const char *word)
{
	char several[128];
	size_t count = 0;
	int i;

	while (object->commands[count].run)
		count++;
	i = match_word(word, &object->commands[0].name, sizeof(object->commands[0]), count, several,
		       sizeof(several));
	if (i >= 0)
		return &object->commands[i];
	if (i == -EBUSY)
		usage_error(ctx, "'%s' can mean %s", word, several);
	else
		usage_error(ctx, "'%s' is not a command of %s", word, object->name);
	return NULL;
}

static int dispatch(struct ctx *ctx, int argc, char **argv, bool help)
{
	const struct object *object;

	if (argc == 0)
		return help ? print_help(NULL) : overview(ctx);
	if (!strcmp(argv[0], "help"))
		return print_help(NULL);
	object = find_object(ctx, argv[0]);
	if (!object)
		return EXIT_WRONG_USAGE;
	ctx->object = object->name;
	argc--;
	argv++;
	if (help || (argc > 0 && !strcmp(argv[0], "help")))
		return print_help(object);

	ctx->command = object->commands;
	if (object->commands->name[0] && argc > 0) {
		ctx->command = NULL;
		ctx->command = find_command(ctx, object, argv[0]);
		if (!ctx->command)
			return EXIT_WRONG_USAGE;
		argc--;
		argv++;
	}
	return ctx->command->run(ctx, argc, argv);
}

/* What follows `run` is for another program: our options end there. */
static bool runs(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++)
		if (!strcmp(argv[i], "--"))
			return false;
	return i < argc && argv[i][0] && !strncmp("run", argv[i], strlen(argv[i]));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },    { "all", no_argument, NULL, 'a' },
		{ "dry-run", no_argument, NULL, 'n' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { 0 },
	};
	struct ctx ctx = { 0 };
	const char *letters = runs(argc, argv) ? "+janhV" : "janhV";
	bool help = false;
	int opt, ret;

	/* getopt() puts it before its messages. */
	if (argc > 0)
		argv[0] = "tunnelctl";
	while ((opt = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			ctx.json = true;
			break;
		case 'a':
			ctx.all = true;
			break;
		case 'n':
			ctx.dry_run = true;
			break;
		case 'h':
			help = true;
			break;
		case 'V':
			printf("tunnelctl %s\n", TUNNEL_VERSION);
			return EXIT_OK;
		default:
			fprintf(stderr, "Try 'tunnelctl -h'\n");
			return EXIT_WRONG_USAGE;
		}
	}
	ret = dispatch(&ctx, argc - optind, argv + optind, help);
	if (ctx.conn.sk)
		tnl_close(&ctx.conn);
	/* A full disk or a closed pipe must not look like success. */
	if ((fflush(stdout) || ferror(stdout)) && ret == EXIT_OK)
		ret = failure("writing the output failed: %s", strerror(errno));
	return ret;
}
