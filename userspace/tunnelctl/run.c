// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl run: a program whose TCP connections go over AF_TUNNEL.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../preload/map.h"
#include "program.h"
#include "tunnelctl.h"

/* As env(1) and the shell have them. */
enum {
	EXIT_CANNOT_RUN = 126,
	EXIT_NOT_FOUND = 127,
};

#define LIBRARY "lib/tunnel/libtunnel-preload.so"

/* So that ld.so takes it for one path. */
#define NOT_IN_PATHS " :\t\n"

static int cannot_run(const char *what, const char *why)
{
	failure("%s %s", what, why);
	return EXIT_CANNOT_RUN;
}

static int no_access(const char *what, int err)
{
	failure("%s: %s", what, strerror(err));
	return err == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

/* It is beside us: PREFIX/sbin/tunnelctl, PREFIX/lib/tunnel/...; also in build/. */
static int find_library(char *path, size_t len)
{
	ssize_t n = readlink("/proc/self/exe", path, len - sizeof(LIBRARY));
	int up;

	if (n < 0)
		return no_access("/proc/self/exe", errno);
	path[n] = '\0';
	for (up = 0; up < 2; up++) {
		char *slash = strrchr(path, '/');

		if (slash)
			*slash = '\0';
	}
	strcat(path, "/" LIBRARY);
	/* ld.so would go on without it, and connections over plain TCP. */
	if (access(path, R_OK))
		return no_access(path, errno);
	if (strpbrk(path, NOT_IN_PATHS))
		return cannot_run(path,
				  "has a blank or a colon in it, which LD_PRELOAD cannot have");
	return EXIT_OK;
}

/* What is in the variable already comes behind. Return: false, out of memory. */
static bool put_first(const char *variable, const char *text, char separator)
{
	const char *old = getenv(variable);
	char *both;
	bool done;

	if (!old || !*old)
		return !setenv(variable, text, 1);
	if (asprintf(&both, "%s%c%s", text, separator, old) < 0)
		return false;
	done = !setenv(variable, both, 1);
	free(both);
	return done;
}

/* Each entry behind those before it: the first that fits counts. */
static int add_entry(struct ctx *ctx, const char *text, char **map, int *count)
{
	struct map_entry entry;
	const char *why = map_parse(text, strlen(text), &entry);
	char *longer;

	if (why)
		return usage_error(ctx, "'%s' is not HOST:PORT=TUNNEL/SERVICE: %s", text, why);
	if (++*count > MAP_MAX)
		return usage_error(ctx, "more than %d times --map", MAP_MAX);
	if (asprintf(&longer, "%s%s%s", *map ? *map : "", *map ? "," : "", text) < 0)
		return failure("out of memory");
	free(*map);
	*map = longer;
	return EXIT_OK;
}

/* Entries of an outer `tunnelctl run` go on to count. */
static int inherited_entries(void)
{
	const char *old = getenv(MAP_VARIABLE);
	int n = 0;

	for (; old && *old; old++)
		n += n == 0 || *old == ',';
	return n;
}

/* Return: EXIT_*; @argv and @argc are then those of the command. */
static int parse(struct ctx *ctx, int *argc, char ***argv, char **map)
{
	int count = inherited_entries(), ret;

	for (; *argc > 0 && (*argv)[0][0] == '-'; (*argc)--, (*argv)++) {
		const char *word = (*argv)[0], *value;

		if (!strcmp(word, "--")) {
			(*argc)--;
			(*argv)++;
			break;
		}
		if (!strncmp(word, "--map=", 6)) {
			value = word + 6;
		} else if (!strcmp(word, "--map")) {
			if (*argc < 2)
				return usage_error(ctx, "--map needs HOST:PORT=TUNNEL/SERVICE");
			(*argc)--;
			value = *++*argv;
		} else {
			return usage_error(ctx,
					   "'%s' is not an option of run (the command comes behind --)",
					   word);
		}
		ret = add_entry(ctx, value, map, &count);
		if (ret)
			return ret;
	}
	return *argc ? EXIT_OK : usage_error(ctx, "COMMAND is missing");
}

/* Sockets there must be: a sentence here is better than an errno in the program. */
static int check_module(struct ctx *ctx)
{
	struct list list;
	bool sockets;
	int ret;

	ret = list_get_one(ctx, TUNNEL_CMD_INFO_GET, NULL, &list);
	if (ret)
		return EXIT_CANNOT_RUN;
	sockets = list.count && obj_num(list.obj[0], TUNNEL_A_FAMILY);
	list_free(&list);
	tnl_close(&ctx->conn);
	ctx->conn.sk = NULL;
	return sockets ?
		       EXIT_OK :
		       cannot_run("the module",
				  "was loaded without sockets (family=0): load it again with a family");
}

static int run(struct ctx *ctx, int argc, char **argv)
{
	char path[PATH_MAX], library[PATH_MAX];
	const char *why;
	char *map = NULL;
	int ret;

	ret = parse(ctx, &argc, &argv, &map);
	if (ret)
		return ret;
	ret = program_find(argv[0], path, sizeof(path));
	if (ret)
		return no_access(argv[0], -ret);
	if (access(path, X_OK))
		return no_access(path, errno);
	why = program_check(path);
	if (why)
		return cannot_run(path, why);
	ret = find_library(library, sizeof(library));
	if (!ret)
		ret = check_module(ctx);
	if (ret)
		return ret;
	if (!put_first("LD_PRELOAD", library, ':') || (map && !put_first(MAP_VARIABLE, map, ',')))
		return no_access("the environment", ENOMEM);
	fflush(stdout);
	execv(path, argv);
	return no_access(path, errno);
}

const struct command run_commands[] = {
	{ "", "[--map HOST:PORT=TUNNEL/SERVICE ...] [--] COMMAND [ARG ...]",
	  "run a program: its connections to HOST:PORT, and to SERVICE.TUNNEL.tunnel.internal, go over the tunnel",
	  run },
	{ 0 },
};
