// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl certificate: what a listener with routes shows to its clients. It ends TLS
 * then, and what comes out of it is led by the routes (userspace/policy/edge.h).
 */
#include <string.h>
#include <netlink/attr.h>
#include "route.h"

#define CERTIFICATE EDGE_WORD " certificate "
#define ALPN	    EDGE_WORD " alpn "

/* What is to be there, as lines; an empty @alpn: no such line. */
struct wish {
	const char *file; /* of @certificate; NULL: certificates stay as they are */
	char certificate[RULES_LINE_MAX + 1], alpn[RULES_LINE_MAX + 1];
	bool sets_alpn, removes;
};

/* Is it the line of the certificate in this file? Its words have one blank between. */
static bool is_of(const char *line, const char *file)
{
	size_t len = strlen(file);

	if (strncmp(line, CERTIFICATE, strlen(CERTIFICATE)))
		return false;
	line += strlen(CERTIFICATE);
	return !strncmp(line, file, len) && (!line[len] || line[len] == ' ');
}

static size_t certificates(const struct lines *l)
{
	size_t i, n = 0;

	for (i = 0; i < l->n_head; i++)
		n += !strncmp(l->head[i], CERTIFICATE, strlen(CERTIFICATE));
	return n;
}

static int edit_certificate(struct lines *l, struct wish *w)
{
	size_t i = 0;

	while (i < l->n_head && !is_of(l->head[i], w->file))
		i++;
	if (w->removes) {
		if (i == l->n_head)
			return failure("there is no certificate %s", w->file);
		if (certificates(l) == 1)
			return failure("%s is the last one, and without it clients would come without TLS: 'tunnelctl listener del' ends the listener",
				       w->file);
		lines_remove_head(l, i);
		return EXIT_OK;
	}
	if (i == l->n_head && certificates(l) == EDGE_CERTS_MAX)
		return failure("there are %d certificates already", EDGE_CERTS_MAX);
	if (i == l->n_head)
		l->n_head++;
	l->head[i] = w->certificate;
	return EXIT_OK;
}

static int edit_alpn(struct lines *l, struct wish *w)
{
	size_t i;

	for (i = l->n_head; i--;)
		if (!strncmp(l->head[i], ALPN, strlen(ALPN)))
			lines_remove_head(l, i);
	if (!certificates(l))
		return failure("it shows no certificate: 'tunnelctl certificate add' comes first");
	if (*w->alpn)
		l->head[l->n_head++] = w->alpn;
	return EXIT_OK;
}

static int edit(struct lines *l, void *arg)
{
	struct wish *w = arg;
	int ret = w->file ? edit_certificate(l, w) : EXIT_OK;

	return !ret && w->sets_alpn ? edit_alpn(l, w) : ret;
}

/* "LIST", or "none". Return: EXIT_*, said why. */
static int read_alpn(struct ctx *ctx, const char *word, struct wish *w)
{
	const char *why;

	w->sets_alpn = true;
	if (!strcmp(word, "none"))
		return EXIT_OK;
	why = edge_alpn(word);
	if (why)
		return usage_error(ctx, "alpn '%s' %s", word, why);
	snprintf(w->alpn, sizeof(w->alpn), ALPN "%s", word);
	return EXIT_OK;
}

static int read_file(struct ctx *ctx, const char *word)
{
	const char *why = edge_path(word);

	return why ? usage_error(ctx, "'%s' %s", word, why) : EXIT_OK;
}

static int certificate_add(struct ctx *ctx, int argc, char **argv)
{
	struct keyword kw[] = { { .name = "key" }, { .name = "alpn" } };
	struct wish wish = { 0 };
	struct where w;
	int ret = route_where(ctx, argc, argv, &w);

	if (!ret && argc < 2)
		ret = usage_error(ctx, "FILE, with the certificate, is missing");
	if (!ret)
		ret = read_file(ctx, argv[1]);
	if (!ret)
		ret = parse_keywords(ctx, argc - 2, argv + 2, kw, ARRAY_SIZE(kw));
	if (!ret && kw[0].value)
		ret = read_file(ctx, kw[0].value);
	if (!ret && kw[1].value)
		ret = read_alpn(ctx, kw[1].value, &wish);
	if (ret)
		return ret;
	wish.file = argv[1];
	snprintf(wish.certificate, sizeof(wish.certificate), CERTIFICATE "%s%s%s", argv[1],
		 kw[0].value ? " key " : "", kw[0].value ? kw[0].value : "");
	return route_change(ctx, &w, edit, &wish);
}

static int certificate_del(struct ctx *ctx, int argc, char **argv)
{
	struct wish wish = { .removes = true };
	struct where w;
	int ret = route_where(ctx, argc, argv, &w);

	if (!ret)
		ret = expect_args(ctx, argc - 1, argv + 1, 1, 1, "FILE, with the certificate,");
	if (ret)
		return ret;
	wish.file = argv[1];
	return route_change(ctx, &w, edit, &wish);
}

static int certificate_alpn(struct ctx *ctx, int argc, char **argv)
{
	struct wish wish = { 0 };
	struct where w;
	int ret = route_where(ctx, argc, argv, &w);

	if (!ret)
		ret = expect_args(ctx, argc - 1, argv + 1, 1, 1, "NAME,... or none");
	if (!ret)
		ret = read_alpn(ctx, argv[1], &wish);
	return ret ? ret : route_change(ctx, &w, edit, &wish);
}

static void print_with_certificates(const struct obj *o)
{
	if (obj_has(o, TUNNEL_A_ROUTES) &&
	    strstr(nla_get_string(o->attr[TUNNEL_A_ROUTES]), CERTIFICATE))
		listener_print(o);
}

static int certificate_show(struct ctx *ctx, int argc, char **argv)
{
	int ret = expect_args(ctx, argc, argv, 0, 0, NULL);

	return ret ? ret : show_list(ctx, TUNNEL_CMD_LISTENER_GET, NULL, print_with_certificates);
}

const struct command certificate_commands[] = {
	{ "show", "", "list listeners that end TLS", certificate_show },
	{ "add", "ADDR:PORT FILE [key FILE] [alpn NAME,...]",
	  "end TLS at this listener with routes, with a certificate for the names that are in it; the first one is also for clients that name no other",
	  certificate_add },
	{ "del", "ADDR:PORT FILE", "no longer show this certificate", certificate_del },
	{ "alpn", "ADDR:PORT { NAME,... | none }",
	  "offer these protocols by ALPN: those that the targets speak", certificate_alpn },
	{ 0 },
};
