// SPDX-License-Identifier: GPL-2.0
/*
 * A configuration file: YAML, or JSON, which is YAML.
 *
 *	tunnels:
 *	  home:
 *	    listen: 0.0.0.0:4433
 *	    peer: 57b6...		# or a list
 *	    key: /etc/tunnel/gw.key	# or psk and psk-identity in place of both
 *	    services: { db: 127.0.0.1:5432 }
 *	services:
 *	  web: 127.0.0.1:80
 *	  in: { owner: 1000, group: 100 }
 *	  docker: unix:/run/docker.sock
 *	  egress: [ allow name *.example.org port 443 ]
 *	  api: { to: https://api.example, ca: /etc/tunnel/ca.pem }
 *	listeners:
 *	  0.0.0.0:8080: home/web
 *	  0.0.0.0:80:
 *	    - { host: a.example, to: home/web }
 *	  0.0.0.0:443:
 *	    certificates: [ /etc/tunnel/a.pem, { certificate: /etc/b.pem, key: /etc/b.key } ]
 *	    alpn: [ h2, http/1.1 ]
 *	    routes:
 *	      - { host: a.example, to: home/web }
 *
 * Each object becomes the words of the command that makes it.
 */
#include <errno.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "egress.h"
#include "rules.h"
#include "target.h"

#define WORDS_MAX 32
#define WORD_MAX  2048

struct reader {
	struct ctx *ctx;
	const char *file;
	struct config *c;
	int ret; /* of the first that was wrong */
};

/* The words of a command. */
struct words {
	char *word[WORDS_MAX];
	int n;
};

/* --- what is wrong, and where ----------------------------------------------- */

static const char *place(const struct reader *r, struct fy_node *at)
{
	static char text[512];
	struct fy_token *token = at ? fy_node_get_scalar_token(at) : NULL;
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;

	if (mark)
		snprintf(text, sizeof(text), "%s:%d:%d", r->file, mark->line + 1, mark->column + 1);
	else
		snprintf(text, sizeof(text), "%s", r->file);
	return text;
}

static void __attribute__((format(printf, 3, 4)))
wrong(struct reader *r, struct fy_node *at, const char *fmt, ...)
{
	char sentence[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	errors_of(place(r, at));
	r->ret = failure("%s", sentence);
	errors_of(NULL);
}

/* A scalar as text, without a zero in it; from malloc(). NULL after saying why. */
static char *scalar(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	const char *text, *name = NULL;
	char shown[4 * 64 + 1], *copy;
	size_t len;

	if (value && fy_node_is_scalar(value)) {
		text = fy_node_get_scalar(value, &len);
		if (text && len && len < WORD_MAX && !memchr(text, 0, len)) {
			copy = strndup(text, len);
			if (!copy)
				wrong(r, value, "out of memory");
			return copy;
		}
	}
	if (key && fy_node_is_scalar(key))
		name = fy_node_get_scalar0(key);
	wrong(r, key ? key : value, "'%s' needs a text, of at most %d bytes",
	      name ? tnl_escape(name, shown, sizeof(shown)) : "this", WORD_MAX - 1);
	return NULL;
}

/* --- words ------------------------------------------------------------------- */

/* @word: from malloc(), or NULL: there was an error. */
static void add_word(struct words *w, char *word)
{
	if (word && w->n < WORDS_MAX)
		w->word[w->n++] = word;
	else
		free(word);
}

static void free_words(struct words *w)
{
	while (w->n)
		free(w->word[--w->n]);
}

/* A list of texts, or one, with commas between. NULL after saying why. */
static char *list_word(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	struct fy_node *one;
	void *at = NULL;
	char *all = NULL;

	if (!fy_node_is_sequence(value))
		return scalar(r, key, value);
	while ((one = fy_node_sequence_iterate(value, &at))) {
		char *word = scalar(r, NULL, one), *more = NULL;

		if (!word || asprintf(&more, "%s%s%s", all ? all : "", all ? "," : "", word) < 0)
			more = NULL;
		free(word);
		free(all);
		all = more;
		if (!all)
			return NULL;
	}
	if (!all)
		wrong(r, key, "an empty list");
	return all;
}

/* Does the command take it? It makes an object of it then. */
static void run(struct reader *r, struct fy_node *at, const struct command *commands,
		struct words *w)
{
	const struct command *cmd;
	int ret = EXIT_FAILED;

	for (cmd = commands; cmd->run; cmd++)
		if (!strcmp(cmd->name, "add"))
			break;
	if (!r->ret) {
		errors_of(place(r, at));
		ret = cmd->run(r->ctx, w->n, w->word);
		errors_of(NULL);
		if (ret)
			r->ret = ret;
	}
	free_words(w);
}

/* --- the tree ----------------------------------------------------------------- */

static bool is_key(struct fy_node *key, const char *name)
{
	size_t len;
	const char *text = fy_node_is_scalar(key) ? fy_node_get_scalar(key, &len) : NULL;

	return text && len == strlen(name) && !memcmp(text, name, len);
}

static void unknown_key(struct reader *r, struct fy_node *key, const char *known)
{
	char *name = scalar(r, NULL, key), shown[4 * 64 + 1];

	if (name)
		wrong(r, key, "'%s' is no key here; there are %s",
		      tnl_escape(name, shown, sizeof(shown)), known);
	free(name);
}

/* Rules of egress, as the target of a service. Return: from malloc(), NULL after saying why. */
static char *read_egress(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	char *text = strdup(TARGET_EGRESS_WORD), *line, *more, err[256];
	struct fy_node *one;
	void *at = NULL;
	size_t n = 0;

	while (text && (one = fy_node_sequence_iterate(value, &at))) {
		struct egress e;

		line = scalar(r, NULL, one);
		more = NULL;
		if (line &&
		    (strpbrk(line, "\n#") || egress_parse(&e, line, NULL, err, sizeof(err)))) {
			wrong(r, one, "%s",
			      strpbrk(line, "\n#") ? "a rule is one line, without '#'" : err);
		} else if (line) {
			n += e.n;
			egress_free(&e);
			if (asprintf(&more, "%s\n%s", text, line) < 0)
				more = NULL;
		}
		free(line);
		free(text);
		text = more;
	}
	if (text && (n > EGRESS_RULES_MAX || strlen(text) > TUNNEL_TARGET_MAX)) {
		wrong(r, key, "these rules are more than %d, or more than %d bytes",
		      EGRESS_RULES_MAX, TUNNEL_TARGET_MAX);
		free(text);
		text = NULL;
	}
	return text;
}

/* [ RULE, ... ] */
static void read_egress_service(struct reader *r, struct fy_node *key, struct fy_node *value,
				const char *tunnel)
{
	char *name = scalar(r, NULL, key), *text = name ? read_egress(r, key, value) : NULL;
	struct req req;
	int ret;

	if (text && !r->ret) {
		errors_of(place(r, key));
		ret = parse_name(r->ctx, "service", name);
		errors_of(NULL);
		if (!ret)
			ret = req_begin(r->ctx, &req, TUNNEL_CMD_SERVICE_NEW, 0);
		if (!ret) {
			req_string(&req, TUNNEL_A_SERVICE, name);
			req_string(&req, TUNNEL_A_TARGET, text);
			if (tunnel)
				req_string(&req, TUNNEL_A_NAME, tunnel);
			ret = req_send(r->ctx, &req, NULL, NULL);
		}
		r->ret = ret;
	}
	free(text);
	free(name);
}

/* { owner: UID, group: GID }, or { to: TARGET, and how its TLS is to be }: as words. */
static void read_service_mapping(struct reader *r, struct fy_node *key, struct fy_node *value,
				 struct words *w)
{
	static const char *const tls[] = { "name", "ca", "alpn", "verify" };
	char *owner = NULL, *group = NULL, *to = NULL, *both, *option[ARRAY_SIZE(tls)] = { NULL };
	struct fy_node_pair *pair;
	void *at = NULL;
	size_t i;

	while ((pair = fy_node_mapping_iterate(value, &at))) {
		struct fy_node *k = fy_node_pair_key(pair), *v = fy_node_pair_value(pair);
		char **where = is_key(k, "owner") ? &owner :
			       is_key(k, "group") ? &group :
			       is_key(k, "to")	  ? &to :
						    NULL;

		for (i = 0; !where && i < ARRAY_SIZE(tls); i++)
			if (is_key(k, tls[i]))
				where = &option[i];
		if (where)
			*where = list_word(r, k, v);
		else
			unknown_key(r, k, "owner and group; or to, name, ca, alpn and verify");
	}
	if (!owner == !to && !r->ret)
		wrong(r, key,
		      "it needs 'owner', who may bind the service, or 'to', where it leads");
	if (to) {
		add_word(w, to);
		if (group && !r->ret)
			wrong(r, key, "'group' belongs to 'owner'");
	} else {
		if (asprintf(&both, "%s%s%s", owner ? owner : "", group ? ":" : "",
			     group ? group : "") < 0)
			both = NULL;
		add_word(w, strdup("socket"));
		add_word(w, strdup("owner"));
		add_word(w, both);
	}
	for (i = 0; i < ARRAY_SIZE(tls); i++) {
		if (!option[i])
			continue;
		add_word(w, strdup(tls[i]));
		add_word(w, option[i]);
	}
	free(owner);
	free(group);
}

/* A text for its target, what read_service_mapping() knows, or rules of egress */
static void read_service(struct reader *r, struct fy_node *key, struct fy_node *value,
			 const char *tunnel)
{
	struct words w = { .n = 0 };

	if (fy_node_is_sequence(value)) {
		read_egress_service(r, key, value, tunnel);
		return;
	}
	add_word(&w, scalar(r, NULL, key));
	if (fy_node_is_mapping(value))
		read_service_mapping(r, key, value, &w);
	else
		add_word(&w, scalar(r, key, value));
	if (tunnel) {
		add_word(&w, strdup("tunnel"));
		add_word(&w, strdup(tunnel));
	}
	run(r, key, service_commands, &w);
}

static void read_services(struct reader *r, struct fy_node *key, struct fy_node *value,
			  const char *tunnel)
{
	struct fy_node_pair *pair;
	void *at = NULL;

	if (!fy_node_is_mapping(value)) {
		wrong(r, key, "'services' needs NAME: TARGET for each");
		return;
	}
	while ((pair = fy_node_mapping_iterate(value, &at)))
		read_service(r, fy_node_pair_key(pair), fy_node_pair_value(pair), tunnel);
}

static void read_tunnel(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	/* what a command calls it, and whether there may be several */
	static const struct {
		const char *key, *word;
		bool list;
	} keys[] = {
		{ "dial", "dial", false },
		{ "listen", "listen", false },
		{ "peer", "peer", true },
		{ "key", "key", false },
		{ "psk", "psk", false },
		{ "psk-identity", "psk-identity", false },
		{ "ca", "ca", false },
		{ "name", "name", false },
		{ "certificate", "certificate", false },
		{ "ciphers", "cipher", true },
		{ "grace", "grace", false },
		{ "allow", "allow", true },
		{ "direct", "direct", false },
	};
	struct fy_node *services = NULL, *services_key = NULL;
	struct words w = { .n = 0 };
	struct fy_node_pair *pair;
	char *name = scalar(r, NULL, key);
	void *at = NULL;
	size_t i;

	if (!name)
		return;
	if (!fy_node_is_mapping(value)) {
		wrong(r, key,
		      "tunnel '%s' needs at least 'dial' or 'listen', and 'peer' or 'ca' and 'name' with 'key', or 'psk' and 'psk-identity'",
		      name);
		free(name);
		return;
	}
	add_word(&w, strdup(name));
	while ((pair = fy_node_mapping_iterate(value, &at))) {
		struct fy_node *k = fy_node_pair_key(pair), *v = fy_node_pair_value(pair);

		for (i = 0; i < ARRAY_SIZE(keys); i++)
			if (is_key(k, keys[i].key))
				break;
		if (i < ARRAY_SIZE(keys)) {
			add_word(&w, strdup(keys[i].word));
			add_word(&w, keys[i].list ? list_word(r, k, v) : scalar(r, k, v));
		} else if (is_key(k, "services")) {
			services_key = k;
			services = v;
		} else {
			unknown_key(r, k,
				    "dial, listen, peer, ca, name, key, certificate, psk, psk-identity, ciphers, grace, allow, direct and services");
		}
	}
	run(r, key, tunnel_commands, &w);
	if (services)
		read_services(r, services_key, services, name);
	free(name);
}

/* As scalar(), without a blank in it. */
static char *one_word(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	char *word = scalar(r, key, value), shown[4 * 64 + 1];

	if (word && (word[strcspn(word, " \t\r\n")] || *word == '#')) {
		wrong(r, key ? key : value, "there is a blank in '%s', or it begins with '#'",
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
		wrong(r, fy_node_is_scalar(value) ? value : key,
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
		wrong(r, first ? first : key, "%s", err);
		free(line);
		return NULL;
	}
	free(line);
	line = NULL;
	if (rules.n == 1)
		line = malloc(RULES_FORMAT_MAX);
	else
		wrong(r, first ? first : key, "\"to TUNNEL/SERVICE\" is missing");
	if (line && strlen(rules_format(rules.route, line)) > RULES_LINE_MAX) {
		wrong(r, first ? first : key, "longer than %d bytes", RULES_LINE_MAX);
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
		wrong(r, key, "a listener without any route");
	} else if (text && (n > RULES_MAX || strlen(text) > TUNNEL_ROUTES_MAX)) {
		wrong(r, key, "these routes are more than %d, or more than %d bytes", RULES_MAX,
		      TUNNEL_ROUTES_MAX);
	} else {
		return text;
	}
	free(text);
	return NULL;
}

/* A line about TLS, if it is right. Return: @line, or NULL after saying why; then it is freed. */
static char *edge_line(struct reader *r, struct fy_node *at, char *line)
{
	struct edge e = { .n = 0 };
	char *copy = line ? strdup(line + strlen(EDGE_WORD)) : NULL;
	const char *why = copy ? edge_read(&e, copy) : NULL;

	if (why)
		wrong(r, at, "it %s", why);
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

			if (is_key(k, "certificate"))
				file = one_word(r, k, v);
			else if (is_key(k, "key"))
				with = one_word(r, k, v);
			else
				unknown_key(r, k, "certificate and key");
		}
		if (!file && !r->ret)
			wrong(r, key, "a certificate without a file");
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
		wrong(r, key, "an empty list");
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
		wrong(r, key, "these lines are more than %d bytes", TUNNEL_ROUTES_MAX);
	else if (rules_parse(&rules, text, NULL, err, sizeof(err)))
		wrong(r, key, "%s", err);
	else
		rules_free(&rules);
	if (!r->ret)
		return text;
	free(text);
	return NULL;
}

/* { certificates: [...], alpn: [...], routes: [...] or to: ... }. Return: as above. */
static char *read_edge_listener(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	struct fy_node *k, *v, *certificates = NULL, *routes = NULL, *routes_key = NULL;
	char *text = NULL, *alpn = NULL, *to = NULL, *line = NULL;
	struct fy_node_pair *pair;
	void *at = NULL;

	while ((pair = fy_node_mapping_iterate(value, &at))) {
		k = fy_node_pair_key(pair);
		v = fy_node_pair_value(pair);
		if (is_key(k, "certificates")) {
			certificates = k;
			free(text);
			text = read_certificates(r, k, v);
		} else if (is_key(k, "alpn")) {
			free(alpn);
			alpn = list_word(r, k, v);
			if (alpn && asprintf(&line, EDGE_WORD " alpn %s", alpn) < 0)
				line = NULL;
			free(alpn);
			alpn = edge_line(r, k, line);
		} else if (is_key(k, "to")) {
			free(to);
			to = one_word(r, k, v);
		} else if (is_key(k, "routes") && fy_node_is_sequence(v)) {
			routes_key = k;
			routes = v;
		} else if (is_key(k, "routes")) {
			wrong(r, k, "'routes' needs a list of routes");
		} else {
			unknown_key(r, k, "certificates, alpn, and routes or to");
		}
	}
	if (!r->ret && !certificates)
		wrong(r, key, "'certificates' is missing");
	if (!r->ret && routes && to)
		wrong(r, key, "it has both, 'routes' and 'to'");
	if (text && alpn) {
		text = add_line(text, alpn);
		alpn = NULL;
	}
	if (text && to && !r->ret) {
		if (asprintf(&line, "to %s", to) < 0)
			line = NULL;
		text = add_line(text, line);
	} else if (text && routes && !r->ret) {
		text = read_routes(r, routes_key, routes, text);
	}
	free(alpn);
	free(to);
	return whole_text(r, key, text);
}

static void read_listener(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	char *where = scalar(r, NULL, key), *routes;
	struct words w = { .n = 0 };
	struct sockaddr_storage ss;
	struct req req;
	int len, ret;

	if (!where)
		return;
	/* Not a port that the kernel chooses: it would be another one each time. */
	errors_of(place(r, key));
	ret = parse_address(r->ctx, where, false, &ss, &len);
	errors_of(NULL);
	if (!ret && fy_node_is_scalar(value)) {
		add_word(&w, where);
		add_word(&w, strdup("to"));
		add_word(&w, scalar(r, key, value));
		run(r, key, listener_commands, &w);
		return;
	}
	free(where);
	if (ret) {
		r->ret = ret;
		return;
	}
	routes = fy_node_is_sequence(value) ? read_routes(r, key, value, strdup("")) :
					      read_edge_listener(r, key, value);
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

static void read_root(struct reader *r, struct fy_node *root)
{
	struct fy_node_pair *pair, *part;
	void *at = NULL, *in;

	if (!root || !fy_node_is_mapping(root)) {
		wrong(r, root,
		      "it needs the keys tunnels, services and listeners, or some of them");
		return;
	}
	while ((pair = fy_node_mapping_iterate(root, &at))) {
		struct fy_node *k = fy_node_pair_key(pair), *v = fy_node_pair_value(pair);
		bool tunnels = is_key(k, "tunnels");

		if (is_key(k, "services")) {
			read_services(r, k, v, NULL);
		} else if (!tunnels && !is_key(k, "listeners")) {
			unknown_key(r, k, "tunnels, services and listeners");
		} else if (!fy_node_is_mapping(v)) {
			wrong(r, k, "'%s' needs %s for each", tunnels ? "tunnels" : "listeners",
			      tunnels ? "NAME: and its settings" : "ADDR:PORT: and where it leads");
		} else {
			in = NULL;
			while ((part = fy_node_mapping_iterate(v, &in)))
				(tunnels ? read_tunnel : read_listener)(r, fy_node_pair_key(part),
									fy_node_pair_value(part));
		}
	}
}

/* Such a route is none to stop for: its tunnel may come later. */
static void check_targets(const char *file, const struct config *c, const struct item *item)
{
	char tunnel[TUNNEL_NAME_MAX + 1], service[TUNNEL_NAME_MAX + 1], err[256];
	struct rules rules;
	size_t i;

	if (rules_parse(&rules, item->text, NULL, err, sizeof(err)))
		return;
	for (i = 0; i < rules.n; i++) {
		rules_target(&rules.route[i], tunnel, service);
		if (!config_find(c, ITEM_TUNNEL, tunnel))
			fprintf(stderr,
				"tunnelctl: %s: note: listener %s, route %zu leads to tunnel %s, which is not there\n",
				file, item->key, i + 1, tunnel);
	}
	rules_free(&rules);
}

/* What a file cannot say by itself: names that must be there, and be there once. */
static int check_whole(const char *file, const struct config *c)
{
	size_t i;
	int ret = EXIT_OK;

	errors_of(file);
	for (i = 0; i < c->n; i++)
		if (obj_has(c->item[i].o, TUNNEL_A_ROUTES))
			check_targets(file, c, &c->item[i]);
	for (i = 0; i < c->n; i++) {
		const struct item *item = &c->item[i];

		if (i && item->kind == item[-1].kind && !strcmp(item->key, item[-1].key))
			ret = failure("%s %s is there twice", item_name(item->kind), item->key);
		if (item->kind != ITEM_TUNNEL && *item->tunnel &&
		    !config_find(c, ITEM_TUNNEL, item->tunnel))
			ret = failure("%s %s leads to tunnel %s, which is not there",
				      item_name(item->kind), item->key, item->tunnel);
	}
	errors_of(NULL);
	return ret;
}

/* The one document of a file. NULL after saying why. */
static struct fy_document *parse(const char *path, FILE *f, struct fy_diag *diag)
{
	struct fy_parse_cfg cfg = { .search_path = "",
				    .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
					     FYPCF_RESOLVE_DOCUMENT,
				    .diag = diag };
	struct fy_parser *parser = fy_parser_create(&cfg);
	struct fy_document *doc = NULL, *second;
	struct fy_diag_error *e;
	void *at = NULL;

	if (parser && !fy_parser_set_input_fp(parser, path, f))
		doc = fy_parse_load_document(parser);
	second = doc ? fy_parse_load_document(parser) : NULL;
	e = fy_diag_errors_iterate(diag, &at);
	if (e)
		failure("%s:%d:%d: %s", path, e->line, e->column, e->msg);
	else if (!doc)
		failure("%s: there is nothing in it", path);
	else if (second)
		failure("%s: there is a second document in it, behind \"---\"", path);
	if (e || second) {
		fy_document_destroy(doc);
		doc = NULL;
	}
	fy_document_destroy(second);
	fy_parser_destroy(parser);
	return doc;
}

static struct fy_document *load(const char *path)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	struct fy_document *doc = NULL;
	struct fy_diag_cfg cfg;
	struct fy_diag *diag;

	if (!f) {
		failure("%s: %s", path, strerror(errno));
		return NULL;
	}
	fy_diag_cfg_default(&cfg);
	cfg.fp = NULL;
	diag = fy_diag_create(&cfg);
	if (diag) {
		fy_diag_set_collect_errors(diag, true);
		doc = parse(path, f, diag);
		fy_diag_destroy(diag);
	} else {
		failure("out of memory");
	}
	if (f != stdin)
		fclose(f);
	return doc;
}

int config_read(struct ctx *ctx, const char *path, struct config *c)
{
	struct reader r = { .ctx = ctx, .file = path, .c = c };
	struct fy_document *doc;

	memset(c, 0, sizeof(*c));
	doc = load(path);
	if (!doc)
		return EXIT_FAILED;
	ctx->capture = &c->list;
	read_root(&r, fy_document_root(doc));
	ctx->capture = NULL;
	fy_document_destroy(doc);
	if (!r.ret)
		r.ret = config_build(c);
	if (!r.ret)
		r.ret = check_whole(path, c);
	return r.ret ? EXIT_FAILED : EXIT_OK;
}
