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
 *	  api: { to: https://api.example, ca: /etc/tunnel/ca.pem, proxy: v2, sessions: 100 }
 *	listeners:
 *	  0.0.0.0:8080: home/web
 *	  unix:/run/db.sock: { to: home/db, mode: 0660, owner: 0:100 }
 *	  0.0.0.0:80:
 *	    - { host: a.example, to: home/web }
 *	  0.0.0.0:443:
 *	    certificates: [ /etc/tunnel/a.pem, { certificate: /etc/b.pem, key: /etc/b.key } ]
 *	    alpn: [ h2, http/1.1 ]
 *	    proxy: [ 10.0.0.0/8 ]
 *	    deny: [ 192.0.2.1 ]
 *	    routes:
 *	      - { host: a.example, to: home/web }
 *
 * Each object becomes the words of the command that makes it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "config_yaml.h"
#include "egress.h"
#include "limit_words.h"
#include "rules.h"
#include "target.h"

#define WORD_MAX 2048

/* --- what is wrong, and where ----------------------------------------------- */

const char *yaml_place(const struct reader *r, struct fy_node *at)
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

void yaml_wrong(struct reader *r, struct fy_node *at, const char *fmt, ...)
{
	char sentence[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	errors_of(yaml_place(r, at));
	r->ret = failure("%s", sentence);
	errors_of(NULL);
}

/* A scalar as text, without a zero in it; from malloc(). NULL after saying why. */
char *yaml_scalar(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	const char *text, *name = NULL;
	char shown[4 * 64 + 1], *copy;
	size_t len;

	if (value && fy_node_is_scalar(value)) {
		text = fy_node_get_scalar(value, &len);
		if (text && len && len < WORD_MAX && !memchr(text, 0, len)) {
			copy = strndup(text, len);
			if (!copy)
				yaml_wrong(r, value, "out of memory");
			return copy;
		}
	}
	if (key && fy_node_is_scalar(key))
		name = fy_node_get_scalar0(key);
	yaml_wrong(r, key ? key : value, "'%s' needs a text, of at most %d bytes",
		   name ? tnl_escape(name, shown, sizeof(shown)) : "this", WORD_MAX - 1);
	return NULL;
}

/* --- words ------------------------------------------------------------------- */

/* @word: from malloc(), or NULL: there was an error. */
void words_add(struct words *w, char *word)
{
	if (word && w->n < YAML_WORDS_MAX)
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
char *yaml_list(struct reader *r, struct fy_node *key, struct fy_node *value)
{
	struct fy_node *one;
	void *at = NULL;
	char *all = NULL;

	if (!fy_node_is_sequence(value))
		return yaml_scalar(r, key, value);
	while ((one = fy_node_sequence_iterate(value, &at))) {
		char *word = yaml_scalar(r, NULL, one), *more = NULL;

		if (!word || asprintf(&more, "%s%s%s", all ? all : "", all ? "," : "", word) < 0)
			more = NULL;
		free(word);
		free(all);
		all = more;
		if (!all)
			return NULL;
	}
	if (!all)
		yaml_wrong(r, key, "an empty list");
	return all;
}

/* Does the command take it? It makes an object of it then. */
void yaml_run(struct reader *r, struct fy_node *at, const struct command *commands, struct words *w)
{
	const struct command *cmd;
	int ret = EXIT_FAILED;

	for (cmd = commands; cmd->run; cmd++)
		if (!strcmp(cmd->name, "add"))
			break;
	if (!r->ret) {
		errors_of(yaml_place(r, at));
		ret = cmd->run(r->ctx, w->n, w->word);
		errors_of(NULL);
		if (ret)
			r->ret = ret;
	}
	free_words(w);
}

/* --- the tree ----------------------------------------------------------------- */

bool yaml_is_key(struct fy_node *key, const char *name)
{
	size_t len;
	const char *text = fy_node_is_scalar(key) ? fy_node_get_scalar(key, &len) : NULL;

	return text && len == strlen(name) && !memcmp(text, name, len);
}

void yaml_unknown_key(struct reader *r, struct fy_node *key, const char *known)
{
	char *name = yaml_scalar(r, NULL, key), shown[4 * 64 + 1];

	if (name)
		yaml_wrong(r, key, "'%s' is no key here; there are %s",
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

		line = yaml_scalar(r, NULL, one);
		more = NULL;
		if (line &&
		    (strpbrk(line, "\n#") || egress_parse(&e, line, NULL, err, sizeof(err)))) {
			yaml_wrong(r, one, "%s",
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
		yaml_wrong(r, key, "these rules are more than %d, or more than %d bytes",
			   EGRESS_RULES_MAX, TUNNEL_TARGET_MAX);
		free(text);
		text = NULL;
	}
	return text;
}

/* [ RULE, ... ]; @how_much: LIMIT_WORDS of them, or NULL */
static void read_egress_service(struct reader *r, struct fy_node *key, struct fy_node *value,
				const struct keyword *how_much, const char *tunnel)
{
	char *name = yaml_scalar(r, NULL, key), *text = name ? read_egress(r, key, value) : NULL;
	struct limit_words limits = { .sessions = 0 };
	struct req req;
	int ret;

	if (text && !r->ret) {
		errors_of(yaml_place(r, key));
		ret = parse_name(r->ctx, "service", name);
		if (!ret && how_much)
			ret = limits_parse(r->ctx, how_much, LIMIT_WORDS, &limits);
		errors_of(NULL);
		if (!ret)
			ret = req_begin(r->ctx, &req, TUNNEL_CMD_SERVICE_NEW, 0);
		if (!ret) {
			req_string(&req, TUNNEL_A_SERVICE, name);
			req_string(&req, TUNNEL_A_TARGET, text);
			if (tunnel)
				req_string(&req, TUNNEL_A_NAME, tunnel);
			limits_put(&req, &limits);
			ret = req_send(r->ctx, &req, NULL, NULL);
		}
		r->ret = ret;
	}
	free(text);
	free(name);
}

/* What a service may say of itself; a value is a text, or a list with commas between. */
enum service_key {
	SERVICE_OWNER,
	SERVICE_GROUP,
	SERVICE_TO,
	SERVICE_HOW,			    /* words of "service add" from here on */
	SERVICE_HOW_MUCH = SERVICE_HOW + 5, /* enum limit_word */
	SERVICE_KEYS = SERVICE_HOW_MUCH + LIMIT_WORDS,
};

static const char *service_key(size_t i)
{
	static const char *const names[SERVICE_HOW_MUCH] = { "owner", "group", "to",	 "name",
							     "ca",    "alpn",  "verify", "proxy" };

	return i < SERVICE_HOW_MUCH ? names[i] : limit_word(i - SERVICE_HOW_MUCH);
}

/* Values from malloc(), NULL for what is not there. Return: the node of "egress", or NULL. */
static struct fy_node *read_service_keys(struct reader *r, struct fy_node *value,
					 char *words[SERVICE_KEYS])
{
	struct fy_node *egress = NULL;
	struct fy_node_pair *pair;
	void *at = NULL;
	size_t i;

	while ((pair = fy_node_mapping_iterate(value, &at))) {
		struct fy_node *k = fy_node_pair_key(pair), *v = fy_node_pair_value(pair);

		for (i = 0; i < SERVICE_KEYS && !yaml_is_key(k, service_key(i)); i++)
			;
		if (i < SERVICE_KEYS)
			words[i] = yaml_list(r, k, v);
		else if (!yaml_is_key(k, "egress"))
			yaml_unknown_key(r, k,
					 "to, owner or egress; group; name, ca, alpn, verify and proxy; sessions, rate, bandwidth, allow and deny");
		else if (fy_node_is_sequence(v))
			egress = v;
		else
			yaml_wrong(r, k, "'egress' needs a list of rules");
	}
	return egress;
}

void words_add_pair(struct words *w, const char *word, char *value)
{
	words_add(w, strdup(word));
	words_add(w, value);
}

/* Where it leads as words of "service add", which get @words. */
static void add_place(struct reader *r, struct fy_node *key, struct words *w,
		      char *words[SERVICE_KEYS])
{
	char *both = NULL;

	if (words[SERVICE_TO]) {
		words_add(w, words[SERVICE_TO]);
		words[SERVICE_TO] = NULL;
		if (words[SERVICE_GROUP] && !r->ret)
			yaml_wrong(r, key, "'group' belongs to 'owner'");
		return;
	}
	if (asprintf(&both, "%s%s%s", words[SERVICE_OWNER], words[SERVICE_GROUP] ? ":" : "",
		     words[SERVICE_GROUP] ? words[SERVICE_GROUP] : "") < 0)
		both = NULL;
	words_add(w, strdup("socket"));
	words_add_pair(w, "owner", both);
}

/* A mapping: of one of to, owner and egress, and more. */
static void read_service_mapping(struct reader *r, struct fy_node *key, struct fy_node *value,
				 const char *tunnel)
{
	char *words[SERVICE_KEYS] = { NULL };
	struct fy_node *egress = read_service_keys(r, value, words);
	struct keyword how_much[LIMIT_WORDS];
	struct words w = { .n = 0 };
	size_t i;

	if (!!words[SERVICE_OWNER] + !!words[SERVICE_TO] + !!egress != 1 && !r->ret)
		yaml_wrong(r, key,
			   "it needs one of 'to', where it leads, 'owner', who may bind the service, and 'egress', a list of rules");
	for (i = 0; egress && !r->ret && i < SERVICE_HOW_MUCH; i++)
		if (words[i])
			yaml_wrong(r, key, "'%s' says nothing of egress", service_key(i));
	if (r->ret) {
		/* said */
	} else if (egress) {
		limits_keywords(how_much, LIMIT_WORDS);
		for (i = 0; i < LIMIT_WORDS; i++)
			how_much[i].value = words[SERVICE_HOW_MUCH + i];
		read_egress_service(r, key, egress, how_much, tunnel);
	} else {
		words_add(&w, yaml_scalar(r, NULL, key));
		add_place(r, key, &w, words);
		for (i = SERVICE_HOW; i < SERVICE_KEYS; i++) {
			if (!words[i])
				continue;
			words_add_pair(&w, service_key(i), words[i]);
			words[i] = NULL;
		}
		if (tunnel)
			words_add_pair(&w, "tunnel", strdup(tunnel));
		yaml_run(r, key, service_commands, &w);
	}
	for (i = 0; i < SERVICE_KEYS; i++)
		free(words[i]);
}

/* A text for its target, what read_service_mapping() knows, or rules of egress */
static void read_service(struct reader *r, struct fy_node *key, struct fy_node *value,
			 const char *tunnel)
{
	struct words w = { .n = 0 };

	if (fy_node_is_sequence(value)) {
		read_egress_service(r, key, value, NULL, tunnel);
		return;
	}
	if (fy_node_is_mapping(value)) {
		read_service_mapping(r, key, value, tunnel);
		return;
	}
	words_add(&w, yaml_scalar(r, NULL, key));
	words_add(&w, yaml_scalar(r, key, value));
	if (tunnel)
		words_add_pair(&w, "tunnel", strdup(tunnel));
	yaml_run(r, key, service_commands, &w);
}

static void read_services(struct reader *r, struct fy_node *key, struct fy_node *value,
			  const char *tunnel)
{
	struct fy_node_pair *pair;
	void *at = NULL;

	if (!fy_node_is_mapping(value)) {
		yaml_wrong(r, key, "'services' needs NAME: TARGET for each");
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
		{ "sessions", "sessions", false },
		{ "rate", "rate", false },
		{ "bandwidth", "bandwidth", false },
	};
	struct fy_node *services = NULL, *services_key = NULL;
	struct words w = { .n = 0 };
	struct fy_node_pair *pair;
	char *name = yaml_scalar(r, NULL, key);
	void *at = NULL;
	size_t i;

	if (!name)
		return;
	if (!fy_node_is_mapping(value)) {
		yaml_wrong(r, key,
			   "tunnel '%s' needs at least 'dial' or 'listen', and 'peer' or 'ca' and 'name' with 'key', or 'psk' and 'psk-identity'",
			   name);
		free(name);
		return;
	}
	words_add(&w, strdup(name));
	while ((pair = fy_node_mapping_iterate(value, &at))) {
		struct fy_node *k = fy_node_pair_key(pair), *v = fy_node_pair_value(pair);

		for (i = 0; i < ARRAY_SIZE(keys); i++)
			if (yaml_is_key(k, keys[i].key))
				break;
		if (i < ARRAY_SIZE(keys)) {
			words_add(&w, strdup(keys[i].word));
			words_add(&w, keys[i].list ? yaml_list(r, k, v) : yaml_scalar(r, k, v));
		} else if (yaml_is_key(k, "services")) {
			services_key = k;
			services = v;
		} else {
			yaml_unknown_key(r, k,
					 "dial, listen, peer, ca, name, key, certificate, psk, psk-identity, ciphers, grace, allow, direct, sessions, rate, bandwidth and services");
		}
	}
	yaml_run(r, key, tunnel_commands, &w);
	if (services)
		read_services(r, services_key, services, name);
	free(name);
}

static void read_root(struct reader *r, struct fy_node *root)
{
	struct fy_node_pair *pair, *part;
	void *at = NULL, *in;

	if (!root || !fy_node_is_mapping(root)) {
		yaml_wrong(r, root,
			   "it needs the keys tunnels, services and listeners, or some of them");
		return;
	}
	while ((pair = fy_node_mapping_iterate(root, &at))) {
		struct fy_node *k = fy_node_pair_key(pair), *v = fy_node_pair_value(pair);
		bool tunnels = yaml_is_key(k, "tunnels");

		if (yaml_is_key(k, "services")) {
			read_services(r, k, v, NULL);
		} else if (!tunnels && !yaml_is_key(k, "listeners")) {
			yaml_unknown_key(r, k, "tunnels, services and listeners");
		} else if (!fy_node_is_mapping(v)) {
			yaml_wrong(r, k, "'%s' needs %s for each",
				   tunnels ? "tunnels" : "listeners",
				   tunnels ? "NAME: and its settings" :
					     "ADDR:PORT: and where it leads");
		} else {
			in = NULL;
			while ((part = fy_node_mapping_iterate(v, &in)))
				(tunnels ? read_tunnel : yaml_listener)(r, fy_node_pair_key(part),
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
