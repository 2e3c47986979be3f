// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include "edge.h"

#define BLANK " \t\r"

const char *edge_path(const char *word)
{
	const char *c;

	if (*word != '/' || !word[1])
		return "is no file: one is named from the root, \"/...\"";
	for (c = word; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '#')
			return "has a character in its name that may not be there";
	return c - word > EDGE_PATH_MAX ? "is longer than 255 bytes" : NULL;
}

const char *edge_alpn(const char *list)
{
	size_t n = 1, len = 0;
	const char *c;

	if (strlen(list) > EDGE_ALPN_LIST_MAX)
		return "is longer than 127 bytes";
	for (c = list;; c++) {
		if (*c && *c != ',') {
			if (*c <= ' ' || *c > '~' || *c == '#')
				return "has a character in it that may not be there";
			len++;
			continue;
		}
		if (!len || len > 32)
			return "is no list of protocols, as \"h2,http/1.1\"";
		if (!*c)
			return NULL;
		len = 0;
		if (++n > EDGE_ALPN_MAX)
			return "has more than 8 protocols";
	}
}

void edge_split(struct edge_names *names, const char *list)
{
	char *save, *at;
	size_t n = 0;

	snprintf(names->text, sizeof(names->text), "%s", list ? list : "");
	for (at = strtok_r(names->text, ",", &save); at && n < EDGE_ALPN_MAX;
	     at = strtok_r(NULL, ",", &save))
		names->name[n++] = at;
	names->name[n] = NULL;
}

static const char *read_certificate(struct edge *e, char *path, char **save)
{
	char *word = strtok_r(NULL, BLANK, save), *key = path;
	const char *why = edge_path(path);
	size_t i;

	if (!why && word) {
		if (strcmp(word, "key"))
			return "has a word behind the certificate that is not \"key\"";
		key = strtok_r(NULL, BLANK, save);
		if (!key)
			return "has no file behind \"key\"";
		why = edge_path(key);
	}
	if (why)
		return why;
	for (i = 0; i < e->n; i++)
		if (!strcmp(e->cert[i].certificate, path))
			return "names a certificate that is there already";
	if (e->n == EDGE_CERTS_MAX)
		return "is one certificate more than 64";
	e->cert[e->n].certificate = path;
	e->cert[e->n++].key = key;
	return NULL;
}

const char *edge_read(struct edge *e, char *words)
{
	char *save, *what = strtok_r(words, BLANK, &save);
	char *value = what ? strtok_r(NULL, BLANK, &save) : NULL;
	const char *why;

	if (!value)
		return "is neither \"tls certificate FILE [key FILE]\" nor \"tls alpn NAME,...\"";
	if (!strcmp(what, "certificate")) {
		why = read_certificate(e, value, &save);
	} else if (!strcmp(what, "alpn")) {
		why = e->alpn ? "is there twice" : edge_alpn(value);
		e->alpn = value;
	} else {
		why = "is neither \"tls certificate FILE [key FILE]\" nor \"tls alpn NAME,...\"";
	}
	if (!why && strtok_r(NULL, BLANK, &save))
		why = "has a word too many";
	return why;
}
