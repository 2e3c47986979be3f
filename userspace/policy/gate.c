// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gate.h"

#define BLANK " \t\r"

const char *gate_word(enum gate_kind kind)
{
	static const char *const words[GATE_KINDS] = { "proxy", "allow", "deny" };

	return words[kind];
}

enum gate_kind gate_kind(const char *line)
{
	enum gate_kind kind;
	size_t len;

	line += strspn(line, BLANK);
	len = strcspn(line, BLANK);
	for (kind = 0; kind < GATE_KINDS; kind++)
		if (strlen(gate_word(kind)) == len && !strncmp(line, gate_word(kind), len))
			break;
	return kind;
}

const char *gate_add(struct gate *g, enum gate_kind kind, const char *word)
{
	struct network network;
	const char *why = network_parse(&network, word);
	size_t i;

	if (why)
		return why;
	for (i = 0; i < g->n[kind]; i++)
		if (!memcmp(&g->network[kind][i], &network, sizeof(network)))
			return NULL;
	if (g->n[kind] == GATE_MAX)
		return "is one network more than 64";
	g->network[kind][g->n[kind]++] = network;
	return NULL;
}

const char *gate_read(struct gate *g, enum gate_kind kind, char *words)
{
	char *save, *word = strtok_r(words, BLANK, &save);

	if (kind == GATE_PROXY) {
		if (!word || strcmp(word, "from"))
			return "is not \"proxy from NETWORK\"";
		word = strtok_r(NULL, BLANK, &save);
	}
	if (!word)
		return "has no network";
	if (strtok_r(NULL, BLANK, &save))
		return "has a word too many: a line for each network";
	return gate_add(g, kind, word);
}

bool gate_has(const struct gate *g, enum gate_kind kind, const struct sockaddr_storage *a)
{
	size_t i;

	if (!a->ss_family)
		return false;
	for (i = 0; i < g->n[kind]; i++)
		if (network_has(&g->network[kind][i], a))
			return true;
	return false;
}

bool gate_allows(const struct gate *g, const struct sockaddr_storage *a)
{
	return !gate_has(g, GATE_DENY, a) && (!g->n[GATE_ALLOW] || gate_has(g, GATE_ALLOW, a));
}

static int by_network(const void *a, const void *b)
{
	const struct network *x = a, *y = b;
	int order = memcmp(x->address, y->address, sizeof(x->address));

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return order ? order : (int)x->bits - (int)y->bits;
}

void gate_sort(struct gate *g)
{
	enum gate_kind kind;

	for (kind = 0; kind < GATE_KINDS; kind++)
		qsort(g->network[kind], g->n[kind], sizeof(g->network[kind][0]), by_network);
}

char *gate_format(enum gate_kind kind, const struct network *network, char line[GATE_LINE_MAX])
{
	char text[NETWORK_TEXT_MAX];

	snprintf(line, GATE_LINE_MAX, "%s %s%s", gate_word(kind), kind == GATE_PROXY ? "from " : "",
		 network_format(network, text));
	return line;
}
