// SPDX-License-Identifier: GPL-2.0
/* Listeners of a configuration file: their routes, and the head before them. */
#include <stdlib.h>
#include <string.h>
#include "config_yaml.h"
#include "rules.h"
#include "socket_file.h"

/* As yaml_scalar(), without a blank in it. */
static char *one_word(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	char *word = yaml_scalar(r, key, value), shown[4 * 64 + 1];

	if (word && (word[strcspn(word, " \t\r\n")] || *word == '#')) {
		yaml_wrong(r, key ? key : value, "there is a blank in '%s', or it begins with '#'",
			   tnl_escape(word, shown, sizeof(shown)));
		free(word);
		word = NULL;
	}
	return word;
}

/* { host: NAME, ..., to: TUNNEL/SERVICE } as a line. Return: from malloc(), NULL after saying why. */
static char *route_line(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	char *line = strdup(""), *to = NULL, *word, *more, err[256];
	struct fy_node *k, *first = NULL;
	struct fy_node_pair *pair;
	void *at = NULL;
	struct rules rules;

	if (!fy_node_is_mapping(value)) {
		yaml_wrong(r, fy_node_is_scalar(value) ? value : key,
			   "a route is CONDITION: VALUE for each condition, and to: TUNNEL/SERVICE");
		free(line);
		return NULL;
	}
	while (line && (pair = fy_node_mapping_iterate(value, &at))) {
		k = fy_node_pair_key(pair);
		if (!first)
			first = k;
		word = one_word(r, k, fy_node_pair_value(pair));
		more = one_word(r, NULL, k);
		if (!word || !more) {
			free(line);
			line = NULL;
		} else if (!strcmp(more, "to")) {
			free(to);
			to = word;
			word = NULL;
		} else {
			char *longer = NULL;

			if (asprintf(&longer, "%s%s %s ", line, more, word) < 0)
				longer = NULL;
			free(line);
			line = longer;
		}
		free(word);
		free(more);
	}
	if (line && to) {
		if (asprintf(&more, "%sto %s", line, to) < 0)
			more = NULL;
		free(line);
		line = more;
	}
	free(to);
	if (!line)
		return NULL;
	if (rules_parse(&rules, line, NULL, err, sizeof(err))) {
		yaml_wrong(r, first ? first : key, "%s", err);
		free(line);
		return NULL;
	}
	free(line);
	line = NULL;
	if (rules.n == 1)
		line = malloc(RULES_FORMAT_MAX);
	else
		yaml_wrong(r, first ? first : key, "\"to TUNNEL/SERVICE\" is missing");
	if (line && strlen(rules_format(rules.route, line)) > RULES_LINE_MAX) {
		yaml_wrong(r, first ? first : key, "longer than %d bytes", RULES_LINE_MAX);
		free(line);
		line = NULL;
	}
	rules_free(&rules);
	return line;
}

/* @text and one line more; both are freed. Return: NULL if one was, or without memory. */
static char *add_line(char *text, char *line)
{
	char *more = NULL;

	if (text && line && asprintf(&more, "%s%s%s", text, *text ? "\n" : "", line) < 0)
		more = NULL;
	free(text);
	free(line);
	return more;
}

/* The routes behind @text, which is freed. Return: from malloc(), NULL after saying why. */
static char *read_routes(struct reader *r, struct fy_node *key, struct fy_node *value, char *text)
{
	struct fy_node *one;
	size_t n = 0;
	void *at = NULL;

	while (text && (one = fy_node_sequence_iterate(value, &at))) {
		text = add_line(text, route_line(r, key, one));
		n++;
	}
	if (text && !n) {
		yaml_wrong(r, key, "a listener without any route");
	} else if (text && (n > RULES_MAX || strlen(text) > TUNNEL_ROUTES_MAX)) {
		yaml_wrong(r, key, "these routes are more than %d, or more than %d bytes",
			   RULES_MAX, TUNNEL_ROUTES_MAX);
	} else {
		return text;
	}
	free(text);
	return NULL;
}

/* A line of the head about networks, for each in the list. Return: from malloc(), NULL after saying why. */
static char *gate_lines(struct reader *r, struct fy_node *key, struct fy_node *value,
			enum gate_kind kind)
{
	struct gate g = { .n = { 0 } };
	char *text = strdup(""), *word, line[GATE_LINE_MAX], shown[4 * 64 + 1];
	bool list = fy_node_is_sequence(value);
	struct fy_node *one = value;
	const char *why = NULL;
	void *at = NULL;
	size_t i;

	while (text && !why && (!list || (one = fy_node_sequence_iterate(value, &at)))) {
		word = one_word(r, list ? NULL : key, one);
		why = word ? gate_add(&g, kind, word) : "";
		if (word && why)
			yaml_wrong(r, one, "'%s' %s", tnl_escape(word, shown, sizeof(shown)), why);
		free(word);
		if (!list)
			break;
	}
	if (!why && !g.n[kind])
		yaml_wrong(r, key, "an empty list");
	for (i = 0; !r->ret && i < g.n[kind]; i++)
		text = add_line(text, strdup(gate_format(kind, &g.network[kind][i], line)));
	return text;
}

/* A line about TLS, if it is right. Return: @line, or NULL after saying why; then it is freed. */
static char *edge_line(struct reader *r, struct fy_node *at, char *line)
{
	struct edge e = { .n = 0 };
	char *copy = line ? strdup(line + strlen(EDGE_WORD)) : NULL;
	const char *why = copy ? edge_read(&e, copy) : NULL;

	if (why)
		yaml_wrong(r, at, "it %s", why);
	if (why || !copy) {
		free(line);
		line = NULL;
	}
	free(copy);
	return line;
}

/* FILE, or { certificate: FILE, key: FILE }. Return: from malloc(), NULL after saying why. */
static char *certificate_line(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	char *file = NULL, *with = NULL, *line = NULL;
	struct fy_node_pair *pair;
	void *at = NULL;

	if (!fy_node_is_mapping(value)) {
		file = one_word(r, NULL, value);
	} else {
		while ((pair = fy_node_mapping_iterate(value, &at))) {
			struct fy_node *k = fy_node_pair_key(pair), *v = fy_node_pair_value(pair);

			if (yaml_is_key(k, "certificate"))
				file = one_word(r, k, v);
			else if (yaml_is_key(k, "key"))
				with = one_word(r, k, v);
			else
				yaml_unknown_key(r, k, "certificate and key");
		}
		if (!file && !r->ret)
			yaml_wrong(r, key, "a certificate without a file");
	}
	if (file && asprintf(&line, EDGE_WORD " certificate %s%s%s", file, with ? " key " : "",
			     with ? with : "") < 0)
		line = NULL;
	free(file);
	free(with);
	return edge_line(r, fy_node_is_scalar(value) ? value : key, line);
}

/* The lines about certificates. Return: from malloc(), NULL after saying why. */
static char *read_certificates(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	char *text = strdup("");
	struct fy_node *one;
	void *at = NULL;

	if (!fy_node_is_sequence(value))
		return add_line(text, certificate_line(r, key, value));
	while (text && (one = fy_node_sequence_iterate(value, &at)))
		text = add_line(text, certificate_line(r, key, one));
	if (text && !*text) {
		yaml_wrong(r, key, "an empty list");
		free(text);
		text = NULL;
	}
	return text;
}

/* What only shows when all lines are there. Return: @text, or NULL after saying why. */
static char *whole_text(struct reader *r, struct fy_node *key, char *text)
{
	struct rules rules;
	char err[256];

	if (!text || r->ret) {
		free(text);
		return NULL;
	}
	if (strlen(text) > TUNNEL_ROUTES_MAX)
		yaml_wrong(r, key, "these lines are more than %d bytes", TUNNEL_ROUTES_MAX);
	else if (rules_parse(&rules, text, NULL, err, sizeof(err)))
		yaml_wrong(r, key, "%s", err);
	else
		rules_free(&rules);
	if (!r->ret)
		return text;
	free(text);
	return NULL;
}

/* What a listener with routes may say of itself. */
struct listener_keys {
	char *certificates, *alpn, *gate[GATE_KINDS], *to; /* lines; from malloc() */
	struct fy_node *routes, *routes_key;
	bool head;
};

static void read_alpn(struct reader *r, struct fy_node *k, struct fy_node *v, char **to)
{
	char *list = yaml_list(r, k, v), *line = NULL;

	if (list && asprintf(&line, EDGE_WORD " alpn %s", list) < 0)
		line = NULL;
	free(list);
	*to = edge_line(r, k, line);
}

static void read_to(struct reader *r, struct fy_node *k, struct fy_node *v, char **to)
{
	char *word = one_word(r, k, v);

	if (!word || asprintf(to, "to %s", word) < 0)
		*to = NULL;
	free(word);
}

static void read_listener_key(struct reader *r, struct fy_node *k, struct fy_node *v,
			      struct listener_keys *l)
{
	enum gate_kind kind;

	for (kind = 0; kind < GATE_KINDS && !yaml_is_key(k, gate_word(kind)); kind++)
		;
	if (kind < GATE_KINDS) {
		l->gate[kind] = gate_lines(r, k, v, kind);
		l->head = true;
	} else if (yaml_is_key(k, "certificates")) {
		l->certificates = read_certificates(r, k, v);
		l->head = true;
	} else if (yaml_is_key(k, "alpn")) {
		read_alpn(r, k, v, &l->alpn);
	} else if (yaml_is_key(k, "to")) {
		read_to(r, k, v, &l->to);
	} else if (yaml_is_key(k, "routes") && fy_node_is_sequence(v)) {
		l->routes_key = k;
		l->routes = v;
	} else if (yaml_is_key(k, "routes")) {
		yaml_wrong(r, k, "'routes' needs a list of routes");
	} else {
		yaml_unknown_key(r, k, "certificates, alpn, proxy, allow, deny, and routes or to");
	}
}

/* { certificates: [...], ..., routes: [...] or to: ... }. Return: as above. */
static char *read_head_listener(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	struct listener_keys l = { .head = false };
	struct fy_node_pair *pair;
	char *text = NULL;
	enum gate_kind kind;
	void *at = NULL;

	/* a key twice is an error of the parser */
	while (!r->ret && (pair = fy_node_mapping_iterate(value, &at)))
		read_listener_key(r, fy_node_pair_key(pair), fy_node_pair_value(pair), &l);
	if (!r->ret && l.alpn && !l.certificates)
		yaml_wrong(r, key, "'certificates' is missing");
	if (!r->ret && !l.head)
		yaml_wrong(r, key, "'certificates', or one of proxy, allow and deny, is missing");
	if (!r->ret && l.routes && l.to)
		yaml_wrong(r, key, "it has both, 'routes' and 'to'");
	if (!r->ret) {
		text = strdup("");
		if (l.certificates)
			text = add_line(text, l.certificates);
		if (l.alpn)
			text = add_line(text, l.alpn);
		for (kind = 0; kind < GATE_KINDS; kind++)
			if (l.gate[kind])
				text = add_line(text, l.gate[kind]);
		if (l.to)
			text = add_line(text, l.to);
		if (l.routes)
			text = read_routes(r, l.routes_key, l.routes, text);
	} else {
		free(l.certificates);
		free(l.alpn);
		free(l.to);
		for (kind = 0; kind < GATE_KINDS; kind++)
			free(l.gate[kind]);
	}
	return whole_text(r, key, text);
}

/* { to: TUNNEL/SERVICE, mode: MODE, owner: UID:GID }: words of "listener add" */
static void read_path_listener(struct reader *r, struct fy_node *key, struct fy_node *value,
			       char *where)
{
	static const char *const keys[] = { "to", "mode", "owner" };
	struct words w = { .n = 0 };
	struct fy_node_pair *pair;
	void *at = NULL;
	size_t i;

	words_add(&w, where);
	while ((pair = fy_node_mapping_iterate(value, &at))) {
		struct fy_node *k = fy_node_pair_key(pair);

		for (i = 0; i < ARRAY_SIZE(keys) && !yaml_is_key(k, keys[i]); i++)
			;
		if (i < ARRAY_SIZE(keys))
			words_add_pair(&w, keys[i], yaml_scalar(r, k, fy_node_pair_value(pair)));
		else
			yaml_unknown_key(r, k, "to, mode and owner");
	}
	yaml_run(r, key, listener_commands, &w);
}

void yaml_listener(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	char *where = yaml_scalar(r, NULL, key), *routes;
	struct words w = { .n = 0 };
	struct sockaddr_storage ss;
	struct req req;
	int len, ret;

	if (!where)
		return;
	/* Not a port that the kernel chooses: it would be another one each time. */
	errors_of(yaml_place(r, key));
	ret = parse_listen_address(r->ctx, where, false, &ss, &len);
	errors_of(NULL);
	if (!ret && ss.ss_family == AF_UNIX && fy_node_is_mapping(value)) {
		read_path_listener(r, key, value, where);
		return;
	}
	if (!ret && fy_node_is_scalar(value)) {
		words_add(&w, where);
		words_add(&w, strdup("to"));
		words_add(&w, yaml_scalar(r, key, value));
		yaml_run(r, key, listener_commands, &w);
		return;
	}
	free(where);
	if (!ret && ss.ss_family == AF_UNIX) {
		yaml_wrong(r, key,
			   "a path leads to one service: 'to', and perhaps 'mode' and 'owner'");
		return;
	}
	if (ret) {
		r->ret = ret;
		return;
	}
	routes = fy_node_is_sequence(value) ? read_routes(r, key, value, strdup("")) :
					      read_head_listener(r, key, value);
	if (!r->ret && routes) {
		ret = req_begin(r->ctx, &req, TUNNEL_CMD_LISTENER_NEW, 0);
		if (!ret) {
			req_data(&req, TUNNEL_A_ADDRESS, &ss, len);
			req_string(&req, TUNNEL_A_ROUTES, routes);
			ret = req_send(r->ctx, &req, NULL, NULL);
		}
		r->ret = ret;
	}
	free(routes);
}
