// SPDX-License-Identifier: GPL-2.0
/* A configuration as YAML (config_yaml.c), the same bytes for the same meaning. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/attr.h>
#include "config.h"
#include "egress.h"
#include "rules.h"
#include "target.h"

/* RFC 3629; there is no other way to write a byte in YAML. */
static bool is_utf8(const char *text)
{
	const uint8_t *c = (const uint8_t *)text;

	while (*c) {
		int more = *c < 0x80		   ? 0 :
			   *c >= 0xc2 && *c < 0xe0 ? 1 :
			   (*c & 0xf0) == 0xe0	   ? 2 :
			   *c >= 0xf0 && *c < 0xf5 ? 3 :
						     -1;
		int second = more > 0 ? c[1] : 0x80;

		if (more < 0 || (*c == 0xe0 && second < 0xa0) || (*c == 0xed && second > 0x9f) ||
		    (*c == 0xf0 && second < 0x90) || (*c == 0xf4 && second > 0x8f))
			return false;
		for (c++; more > 0; more--, c++)
			if ((*c & 0xc0) != 0x80)
				return false;
	}
	return true;
}

/* Plain where YAML takes it for nothing but text, else in quotes, with JSON's escapes. */
static void put_text(const char *text)
{
	const char *c;
	bool plain = isalnum((unsigned char)text[0]) || text[0] == '/';

	if (!is_utf8(text))
		exit(failure("\"%s\" is not UTF-8: no file can say it", text));
	for (c = text; *c && plain; c++)
		plain = isalnum((unsigned char)*c) || strchr("/._-", *c) ||
			(*c == ':' && c[1] && c[1] != ' ');
	if (plain) {
		fputs(text, stdout);
		return;
	}
	putchar('"');
	for (c = text; *c; c++) {
		if (*c == '"' || *c == '\\')
			putchar('\\');
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			printf("\\x%02x", *c);
		else
			putchar(*c);
	}
	putchar('"');
}

/* What is behind the word of a line; a line without it, which none of ours is, has "". */
static char *value_of(char *line)
{
	char *blank = strchr(line, ' ');

	if (!blank)
		return line + strlen(line);
	*blank = 0;
	return blank + 1;
}

/* The lines of an item's text, one by one. Return: the next, or NULL. */
static char *next_line(char **at)
{
	char *line = *at, *end;

	if (!*line)
		return NULL;
	end = strchr(line, '\n');
	*at = end ? end + 1 : line + strlen(line);
	if (end)
		*end = 0;
	return line;
}

static void put_pair(const char *word, const char *value)
{
	printf("%s: ", word);
	put_text(value);
}

/*
 * Lines as pairs, @first before them, @between between, @last behind; lines of one of the
 * @lists that follow each other become one.
 */
static void write_pairs(char *text, const char *const *lists, const char *first,
			const char *between, const char *last)
{
	const char *lead = first, *list = NULL;
	char *line, *value;
	size_t i;

	while ((line = next_line(&text))) {
		value = value_of(line);
		if (list && !strcmp(list, line)) {
			fputs(", ", stdout);
			put_text(value);
			continue;
		}
		if (list)
			putchar(']');
		fputs(lead, stdout);
		lead = between;
		list = NULL;
		for (i = 0; lists[i]; i++)
			if (!strcmp(lists[i], line))
				list = lists[i];
		if (list) {
			printf("%s: [", line);
			put_text(value);
		} else {
			put_pair(line, value);
		}
	}
	fputs(list ? "]" : "", stdout);
	fputs(last, stdout);
}

static const char *const service_lists[] = { "allow", "deny", NULL };

/* How many of its lines are rules of egress? -1: it is another service. */
static int count_rules(const struct obj *o)
{
	const char *rules = NULL;
	struct egress e;
	char err[256];
	int n;

	if (o->attr[TUNNEL_A_TARGET])
		rules = target_rules(nla_get_string(o->attr[TUNNEL_A_TARGET]));
	if (!rules || egress_parse(&e, rules, NULL, err, sizeof(err)))
		return -1;
	n = (int)e.n;
	egress_free(&e);
	return n;
}

/* Rules as a list; with limits that is one of several pairs. */
static void write_egress(char *text, int rules, const char *indent)
{
	char *line, *at = text, inner[32];
	bool more;
	int i;

	for (i = 0; i < rules && *at; i++)
		at += strcspn(at, "\n") + 1;
	more = *at;
	if (!rules)
		printf(more ? "\n%s  egress: []\n" : " []\n", indent);
	else
		printf(more ? "\n%s  egress:\n" : "\n", indent);
	for (i = 0; i < rules && (line = next_line(&text)); i++) {
		printf("%s%s- ", indent, more ? "    " : "  ");
		put_text(line);
		putchar('\n');
	}
	if (!more)
		return;
	snprintf(inner, sizeof(inner), "\n%s  ", indent);
	write_pairs(text, service_lists, inner + 1, inner, "\n");
}

static void write_service(const struct item *item, char *text, const char *indent)
{
	const char *name = strchr(item->key, '/'), *newline = strchr(text, '\n');
	int rules = count_rules(item->o);

	printf("%s", indent);
	put_text(name ? name + 1 : item->key);
	putchar(':');
	if (rules >= 0) {
		write_egress(text, rules, indent);
	} else if (!strncmp(text, "to ", 3) && newline && !newline[1]) {
		putchar(' ');
		put_text(value_of(next_line(&text)));
		putchar('\n');
	} else {
		write_pairs(text, service_lists, " { ", ", ", " }\n");
	}
}

static char *copy_text(const struct item *item)
{
	char *text = strdup(item->text);

	if (!text)
		exit(failure("out of memory"));
	return text;
}

static void write_services(const struct config *c, const char *tunnel, const char *indent)
{
	bool begun = false;
	char deeper[16];
	size_t i;

	snprintf(deeper, sizeof(deeper), "%s  ", indent);
	for (i = 0; i < c->n; i++) {
		char *text;

		if (c->item[i].kind != ITEM_SERVICE || strcmp(c->item[i].tunnel, tunnel))
			continue;
		if (!begun)
			printf("%sservices:\n", indent);
		begun = true;
		text = copy_text(&c->item[i]);
		write_service(&c->item[i], text, deeper);
		free(text);
	}
}

/* Does the next line say more of the same? */
static bool goes_on(const char *rest, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(rest, word, len) && rest[len] == ' ';
}

/* ciphers and allow, and several peers: as many lines as there are values become a list */
static void write_tunnel(const struct config *c, const struct item *item, char *text)
{
	char *line, *value, *list = NULL;

	printf("  ");
	put_text(item->key);
	puts(":");
	while ((line = next_line(&text))) {
		value = value_of(line);
		if (!strcmp(line, ITEM_FINGERPRINT))
			continue;
		if (list && strcmp(list, line)) {
			puts("]");
			list = NULL;
		}
		if (!list && strcmp(line, "ciphers") && strcmp(line, "allow") &&
		    !(strcmp(line, "peer") == 0 && goes_on(text, line))) {
			printf("    ");
			put_pair(line, value);
			putchar('\n');
			continue;
		}
		if (list)
			printf(", ");
		else
			printf("    %s: [", line);
		put_text(value);
		list = line;
	}
	if (list)
		puts("]");
	write_services(c, item->key, "    ");
}

/* Words in pairs, one below the other. */
static void write_route(char *line, const char *indent)
{
	const char *lead = "- ";
	char *word, *value, *save;

	for (word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		value = strtok_r(NULL, " ", &save);
		printf("%s%s", indent, lead);
		put_pair(word, value ? value : "");
		putchar('\n');
		lead = "  ";
	}
}

/* "tls certificate FILE [key FILE]", "tls alpn NAME,..."; @first: the first such line */
static void write_edge(char *line, bool first)
{
	char *save, *what, *value, *key;

	strtok_r(line, " ", &save);
	what = strtok_r(NULL, " ", &save);
	value = strtok_r(NULL, " ", &save);
	if (first)
		puts("    certificates:");
	if (!strcmp(what, "alpn")) {
		printf("    ");
		put_pair(what, value);
		putchar('\n');
		return;
	}
	printf("      - { ");
	put_pair(what, value);
	strtok_r(NULL, " ", &save);
	key = strtok_r(NULL, " ", &save);
	if (key) {
		printf(", ");
		put_pair("key", key);
	}
	puts(" }");
}

/* "proxy from NETWORK", "allow NETWORK", "deny NETWORK": @had is the kind of the line before */
static enum gate_kind write_gate(char *line, enum gate_kind had)
{
	enum gate_kind kind = gate_kind(line);

	if (kind != had)
		printf("    %s:\n", gate_word(kind));
	printf("      - ");
	put_text(strrchr(line, ' ') + 1);
	putchar('\n');
	return kind;
}

static void write_listener(const struct item *item, char *text)
{
	static const char *const no_lists[] = { NULL };
	bool edge = false, head = false, routes = false;
	enum gate_kind kind = GATE_KINDS;
	const char *newline = strchr(text, '\n');
	char *line;

	printf("  ");
	put_text(item->key);
	putchar(':');
	if (!obj_has(item->o, TUNNEL_A_ROUTES)) {
		if (newline && newline[1]) {
			write_pairs(text, no_lists, " { ", ", ", " }\n");
			return;
		}
		putchar(' ');
		put_text(value_of(next_line(&text)));
		putchar('\n');
		return;
	}
	putchar('\n');
	while ((line = next_line(&text))) {
		if (rules_is_head(line)) {
			head = true;
			if (gate_kind(line) < GATE_KINDS) {
				kind = write_gate(line, kind);
				continue;
			}
			write_edge(line, !edge);
			edge = true;
			continue;
		}
		if (head && !routes)
			puts("    routes:");
		routes = true;
		write_route(line, head ? "      " : "    ");
	}
}

void config_write(const struct config *c)
{
	static const char *const heads[] = { "tunnels:", "services:", "listeners:" };
	int said = -1;
	size_t i;

	if (!c->n)
		puts("{}");
	for (i = 0; i < c->n; i++) {
		const struct item *item = &c->item[i];
		char *text;

		/* Those of one tunnel stand there. */
		if (item->kind == ITEM_SERVICE && *item->tunnel)
			continue;
		if (said != (int)item->kind)
			puts(heads[item->kind]);
		said = item->kind;
		text = copy_text(item);
		if (item->kind == ITEM_TUNNEL)
			write_tunnel(c, item, text);
		else if (item->kind == ITEM_SERVICE)
			write_service(item, text, "  ");
		else
			write_listener(item, text);
		free(text);
	}
}
