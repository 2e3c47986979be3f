// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl route: where a listener leads each connection. The kernel keeps the routes of
 * a listener as one text (userspace/policy/rules.h), which is changed as a whole: what we
 * have read is sent back with its revision, and refused if another was faster.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netlink/attr.h>
#include "route.h"

/* So often we try again when another changes the same routes. */
#define TRIES 10
/* So long we wait for the daemon to take it up, to say if it cannot. */
#define REPORT_MS	2000
#define REPORT_PAUSE_MS 20

int route_where(struct ctx *ctx, int argc, char **argv, struct where *w)
{
	if (argc < 1)
		return usage_error(ctx, "ADDR:PORT is missing");
	w->word = argv[0];
	return parse_address(ctx, argv[0], false, &w->ss, &w->len);
}

static bool is_here(const struct obj *o, const struct where *w)
{
	char a[TNL_ADDRSTRLEN], b[TNL_ADDRSTRLEN];

	if (!obj_has(o, TUNNEL_A_ADDRESS))
		return false;
	tnl_format_addr(nla_data(o->attr[TUNNEL_A_ADDRESS]), nla_len(o->attr[TUNNEL_A_ADDRESS]), a);
	tnl_format_addr(&w->ss, w->len, b);
	return !strcmp(a, b);
}

static const struct obj *find_listener(const struct list *list, const struct where *w)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (is_here(list->obj[i], w))
			return list->obj[i];
	return NULL;
}

static const char *routes_of(const struct obj *o)
{
	return o && obj_has(o, TUNNEL_A_ROUTES) ? nla_get_string(o->attr[TUNNEL_A_ROUTES]) : "";
}

/* --- the text, line by line ------------------------------------------------ */

/* Words with one blank between, as `tunnelctl certificate` writes and looks for them. */
static void tidy(char *line)
{
	char *from, *to = line, *save;

	for (from = strtok_r(line, " \t\r", &save); from; from = strtok_r(NULL, " \t\r", &save)) {
		if (to != line)
			*to++ = ' ';
		while (*from)
			*to++ = *from++;
	}
	*to = 0;
}

/* Without comments and empty ones, so that each has the number that people see. */
static int split(const char *routes, struct lines *l)
{
	char *at, *save, *comment;

	memset(l, 0, sizeof(*l));
	l->text = strdup(routes);
	if (!l->text)
		return failure("out of memory");
	for (at = strtok_r(l->text, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		at += strspn(at, " \t\r");
		comment = rules_comment(at);
		if (comment)
			*comment = 0;
		if (!*at)
			continue;
		if (rules_is_head(at) && l->n_head < LINES_HEAD_MAX) {
			tidy(at);
			l->head[l->n_head++] = at;
		} else if (l->n < RULES_MAX) {
			l->line[l->n++] = at;
		}
	}
	return EXIT_OK;
}

void lines_remove_head(struct lines *l, size_t i)
{
	memmove(l->head + i, l->head + i + 1, (l->n_head - i - 1) * sizeof(l->head[0]));
	l->n_head--;
}

/* Return: the words as one text, from malloc(), NULL without memory. */
static char *join(char *const *word, size_t n, const char *between)
{
	size_t len = 1, i;
	char *text, *at;

	for (i = 0; i < n; i++)
		len += strlen(word[i]) + 1;
	text = malloc(len);
	if (!text)
		return NULL;
	for (at = text, i = 0; i < n; i++)
		at += sprintf(at, "%s%s", word[i], i + 1 < n ? between : "");
	*at = 0;
	return text;
}

/* Return: the whole, from malloc(), NULL without memory. */
static char *text_of(const struct lines *l)
{
	char *first = join(l->head, l->n_head, "\n"), *rest = join(l->line, l->n, "\n");
	char *all = NULL;

	if (first && rest && asprintf(&all, "%s%s%s", first, *first && *rest ? "\n" : "", rest) < 0)
		all = NULL;
	free(first);
	free(rest);
	return all;
}

/* How many routes are there? Return: -EINVAL, -ENOMEM with a sentence in @err. */
static int count_routes(const char *routes, size_t *line, char *err, size_t errlen)
{
	struct rules rules;
	int ret = rules_parse(&rules, routes, line, err, errlen);

	if (ret)
		return ret;
	ret = rules.n;
	rules_free(&rules);
	return ret;
}

/* --- sending it ------------------------------------------------------------ */

/* Return: EXIT_*; *stale: somebody was faster, which is not said. */
static int send_routes(struct ctx *ctx, const struct where *w, const struct obj *had,
		       const char *routes, bool *stale)
{
	struct req req;
	int ret;

	*stale = false;
	if (strlen(routes) > TUNNEL_ROUTES_MAX)
		return failure("the routes of %s have more than %d bytes", w->word,
			       TUNNEL_ROUTES_MAX);
	if (had && !*routes)
		ret = req_begin(ctx, &req, TUNNEL_CMD_LISTENER_DEL, 0);
	else
		ret = req_begin(ctx, &req, had ? TUNNEL_CMD_LISTENER_SET : TUNNEL_CMD_LISTENER_NEW,
				0);
	if (ret)
		return ret;
	req_data(&req, TUNNEL_A_ADDRESS, &w->ss, w->len);
	if (*routes)
		req_string(&req, TUNNEL_A_ROUTES, routes);
	if (had)
		req_u32(&req, TUNNEL_A_REVISION, obj_num(had, TUNNEL_A_REVISION));
	ret = req_try(ctx, &req);
	if (ret == -ESTALE || (ret == -EEXIST && !had) || (ret == -ENOENT && had)) {
		*stale = true;
		return EXIT_OK;
	}
	return ret ? failure("%s", ctx->conn.error) : EXIT_OK;
}

/* The kernel has it; can the daemon do it? */
static int await_daemon(struct ctx *ctx, const struct where *w)
{
	int waited, ret = EXIT_OK;

	for (waited = 0;; waited += REPORT_PAUSE_MS) {
		const struct obj *o;
		struct list list;
		bool done;

		ret = list_get(ctx, TUNNEL_CMD_LISTENER_GET, NULL, &list);
		if (ret)
			return ret;
		o = find_listener(&list, w);
		done = !o || !obj_has(o, TUNNEL_A_STATE) ||
		       obj_num(o, TUNNEL_A_STATE) != TUNNEL_LISTENER_WAITING;
		if (o && obj_num(o, TUNNEL_A_STATE) == TUNNEL_LISTENER_FAILED)
			ret = failure("%s is set, but tunneld cannot listen there: %s", w->word,
				      obj_text(o, TUNNEL_A_REPORT));
		list_free(&list);
		if (done)
			return ret;
		if (waited >= REPORT_MS)
			break;
		usleep(REPORT_PAUSE_MS * 1000);
	}
	fprintf(stderr, "tunnelctl: %s is set, and waits for tunneld: is it running?\n", w->word);
	return EXIT_OK;
}

int route_await(struct ctx *ctx, const struct sockaddr_storage *ss, int len)
{
	char word[TNL_ADDRSTRLEN];
	struct where w = { .word = tnl_format_addr(ss, len, word), .ss = *ss, .len = len };

	return await_daemon(ctx, &w);
}

int route_change(struct ctx *ctx, const struct where *w, int (*edit)(struct lines *l, void *arg),
		 void *arg)
{
	char err[256], *routes;
	struct lines lines;
	struct list list;
	bool stale = false, none;
	size_t line;
	int tries, ret;

	for (tries = 0; tries < TRIES; tries++) {
		const struct obj *had;

		ret = list_get(ctx, TUNNEL_CMD_LISTENER_GET, NULL, &list);
		if (ret)
			return ret;
		had = find_listener(&list, w);
		if (had && !obj_has(had, TUNNEL_A_ROUTES)) {
			ret = failure("%s leads to %s/%s: 'tunnelctl listener del %s' comes before routes",
				      w->word, obj_text(had, TUNNEL_A_NAME),
				      obj_text(had, TUNNEL_A_SERVICE), w->word);
			list_free(&list);
			return ret;
		}
		routes = NULL;
		ret = split(routes_of(had), &lines);
		if (!ret)
			ret = edit(&lines, arg);
		if (!ret) {
			routes = text_of(&lines);
			if (!routes)
				ret = failure("out of memory");
		}
		if (!ret && count_routes(routes, &line, err, sizeof(err)) < 0)
			ret = failure("route %zu: %s", line, err);
		none = !ret && !*routes;
		if (!ret && !(none && !had))
			ret = send_routes(ctx, w, had, routes, &stale);
		free(routes);
		free(lines.text);
		free(lines.kept);
		list_free(&list);
		if (ret || !stale)
			return ret || none ? ret : await_daemon(ctx, w);
	}
	return failure("the routes of %s are changed again and again by somebody else", w->word);
}

/* --- commands -------------------------------------------------------------- */

struct insertion {
	char *line;
	uint32_t at; /* from 1, 0: at the end */
};

static int insert(struct lines *l, void *arg)
{
	struct insertion *in = arg;
	size_t at = in->at ? in->at - 1 : l->n;

	if (at > l->n)
		return failure("there are %zu routes: 'at' is at most %zu", l->n, l->n + 1);
	if (l->n == RULES_MAX)
		return failure("there are %d routes already", RULES_MAX);
	memmove(l->line + at + 1, l->line + at, (l->n - at) * sizeof(*l->line));
	l->line[at] = in->line;
	l->n++;
	return EXIT_OK;
}

static int route_add(struct ctx *ctx, int argc, char **argv)
{
	struct insertion in = { 0 };
	struct where w;
	char err[256];
	int n, ret;

	ret = route_where(ctx, argc, argv, &w);
	if (ret)
		return ret;
	argc--;
	argv++;
	if (argc > 1 && !strcmp(argv[0], "at")) {
		ret = parse_u32(ctx, "at", argv[1], &in.at);
		if (ret)
			return ret;
		if (!in.at)
			return usage_error(ctx, "'at 0': the first route is 1");
		argc -= 2;
		argv += 2;
	}
	if (!argc)
		return usage_error(ctx, "'to TUNNEL/SERVICE' is missing");
	in.line = join(argv, argc, " ");
	if (!in.line)
		return failure("out of memory");
	/* A word with a line break in it would be two routes. */
	n = count_routes(in.line, NULL, err, sizeof(err));
	if (rules_is_head(in.line))
		ret = usage_error(ctx,
				  "'tunnelctl certificate' is about TLS, 'tunnelctl access' about who may come in");
	else if (strchr(in.line, '\n'))
		ret = usage_error(ctx, "a route is one line");
	else if (n < 0)
		ret = usage_error(ctx, "%s", err);
	else if (!n)
		ret = usage_error(ctx, "'to TUNNEL/SERVICE' is missing");
	else
		ret = route_change(ctx, &w, insert, &in);
	free(in.line);
	return ret;
}

static int remove_one(struct lines *l, void *arg)
{
	uint32_t n = *(uint32_t *)arg;

	if (!n || n > l->n)
		return failure("there is no route %u: there are %zu", n, l->n);
	memmove(l->line + n - 1, l->line + n, (l->n - n) * sizeof(*l->line));
	l->n--;
	/* with the last route the listener goes */
	if (!l->n)
		l->n_head = 0;
	return EXIT_OK;
}

static int route_del(struct ctx *ctx, int argc, char **argv)
{
	struct where w;
	uint32_t n;
	int ret;

	ret = route_where(ctx, argc, argv, &w);
	if (!ret)
		ret = expect_args(ctx, argc - 1, argv + 1, 1, 1, "the number of the route");
	if (!ret)
		ret = parse_u32(ctx, "number", argv[1], &n);
	return ret ? ret : route_change(ctx, &w, remove_one, &n);
}

/* A file without a head leaves that as it is: nobody means "without TLS, and whoever". */
static int replace_all(struct lines *l, void *arg)
{
	struct lines had = *l;
	int ret = split(arg, l);

	if (!ret && !l->n_head) {
		memcpy(l->head, had.head, sizeof(l->head));
		l->n_head = had.n_head;
	}
	l->kept = had.text;
	return ret;
}

/* All of @path; "-" is standard input. Return: from malloc(), NULL after saying why. */
static char *read_file(const char *path)
{
	char *text = malloc(TUNNEL_ROUTES_MAX + 2);
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	size_t n = 0;

	if (!f || !text) {
		failure("%s: %s", path, strerror(errno));
	} else {
		n = fread(text, 1, TUNNEL_ROUTES_MAX + 1, f);
		text[n] = 0;
		if (ferror(f))
			failure("%s: %s", path, strerror(errno));
		else if (n > TUNNEL_ROUTES_MAX)
			failure("%s has more than %d bytes", path, TUNNEL_ROUTES_MAX);
		else if (strlen(text) != n)
			failure("%s is no text", path);
		else
			goto out;
	}
	free(text);
	text = NULL;
out:
	if (f && f != stdin)
		fclose(f);
	return text;
}

static int route_set(struct ctx *ctx, int argc, char **argv)
{
	char *text, err[256];
	struct where w;
	size_t line;
	int n, ret;

	ret = route_where(ctx, argc, argv, &w);
	if (!ret)
		ret = expect_args(ctx, argc - 1, argv + 1, 1, 1, "the file with the routes, or -");
	if (ret)
		return ret;
	text = read_file(argv[1]);
	if (!text)
		return EXIT_FAILED;
	/* Here for the lines of the file, which are not those that are kept. */
	n = count_routes(text, &line, err, sizeof(err));
	if (n < 0)
		ret = failure("%s:%zu: %s", argv[1], line, err);
	else if (!n)
		ret = failure("%s has no route: 'tunnelctl listener del %s' ends a listener",
			      argv[1], w.word);
	else
		ret = route_change(ctx, &w, replace_all, text);
	free(text);
	return ret;
}

static void print_with_routes(const struct obj *o)
{
	if (obj_has(o, TUNNEL_A_ROUTES))
		listener_print(o);
}

static int route_show(struct ctx *ctx, int argc, char **argv)
{
	int ret = expect_args(ctx, argc, argv, 0, 0, NULL);

	return ret ? ret : show_list(ctx, TUNNEL_CMD_LISTENER_GET, NULL, print_with_routes);
}

const struct command route_commands[] = {
	{ "show", "", "list listeners that have routes", route_show },
	{ "add",
	  "ADDR:PORT [at N] [sni NAME] [host NAME] [path PREFIX] [alpn NAME] [header NAME[=VALUE]] [protocol NAME] [from NETWORK] to TUNNEL/SERVICE",
	  "lead what fits to a service of the peer; the first route that fits is taken",
	  route_add },
	{ "del", "ADDR:PORT N", "remove a route; with the last one the listener goes", route_del },
	{ "set", "ADDR:PORT FILE", "all routes at once, a line for each; - is standard input",
	  route_set },
	{ 0 },
};
