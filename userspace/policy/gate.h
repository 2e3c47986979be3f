/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may come in at a listener, and who says for whom: lines before its routes,
 *
 *	proxy from 10.0.0.0/8		these begin with a PROXY header, which is believed
 *	allow 192.0.2.0/24		with such a line nobody else may come in
 *	deny 192.0.2.7			this one may not, whatever else is said
 *
 * The order of the lines says nothing. Pure.
 */
#ifndef POLICY_GATE_H
#define POLICY_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include "route.h"

/** GATE_MAX - most networks of one kind */
#define GATE_MAX 64

enum gate_kind {
	GATE_PROXY,
	GATE_ALLOW,
	GATE_DENY,
	GATE_KINDS,
};

/** struct gate - the networks of each kind; all zero: whoever may come in */
struct gate {
	struct network network[GATE_KINDS][GATE_MAX];
	size_t n[GATE_KINDS];
};

/** gate_word - "proxy", "allow", "deny" */
const char *gate_word(enum gate_kind kind);

/** gate_kind - the kind of a line, by its first word; GATE_KINDS: it is no such line */
enum gate_kind gate_kind(const char *line);

/**
 * gate_add - one more network
 * Return: NULL, or what is wrong with it: a sentence without its subject. What is there
 * already is not added again.
 */
const char *gate_add(struct gate *g, enum gate_kind kind, const char *network);

/**
 * gate_read - what is behind the first word of a line
 * @words: is changed
 * Return: NULL, or what is wrong with the line: a sentence without its subject.
 */
const char *gate_read(struct gate *g, enum gate_kind kind, char *words);

/** gate_has - is an address in a network of this kind? */
bool gate_has(const struct gate *g, enum gate_kind kind, const struct sockaddr_storage *a);

/** gate_allows - may it come in? An address of no family is in no network. */
bool gate_allows(const struct gate *g, const struct sockaddr_storage *a);

/** GATE_LINE_MAX - room for gate_format() */
#define GATE_LINE_MAX (NETWORK_TEXT_MAX + 16)

/** gate_sort - the networks of each kind in the one order that all of their meaning have */
void gate_sort(struct gate *g);

/** gate_format - a line, without its end. Return: @line. */
char *gate_format(enum gate_kind kind, const struct network *network, char line[GATE_LINE_MAX]);

#endif /* POLICY_GATE_H */
