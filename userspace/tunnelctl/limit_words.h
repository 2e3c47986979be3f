/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How much a service or a peer may be used, and by whom: words of commands, attributes,
 * and lines "WORD VALUE" of the configuration.
 */
#ifndef TUNNELCTL_LIMIT_WORDS_H
#define TUNNELCTL_LIMIT_WORDS_H

#include "gate.h"
#include "tunnelctl.h"

enum limit_word {
	LIMIT_SESSIONS,
	LIMIT_RATE,
	LIMIT_BANDWIDTH,
	LIMIT_ALLOW, /* those of a service only */
	LIMIT_DENY,
	LIMIT_WORDS,
};

/** LIMIT_WORDS_TUNNEL - how many of them a tunnel has */
#define LIMIT_WORDS_TUNNEL LIMIT_ALLOW

/** LIMITS_USAGE, ACCESS_USAGE - for usage lines */
#define LIMITS_USAGE "[sessions N] [rate N] [bandwidth RATE]"
#define ACCESS_USAGE "[allow NETWORK,...] [deny NETWORK,...] " LIMITS_USAGE

/** limit_word - "sessions", "rate", "bandwidth", "allow", "deny" */
const char *limit_word(enum limit_word word);

/** struct limit_words - what the words say; what is not named is not to be changed */
struct limit_words {
	bool named[LIMIT_WORDS];
	uint32_t sessions, rate;
	uint64_t bandwidth; /* bytes a second */
	struct gate gate;   /* GATE_ALLOW, GATE_DENY */
};

/** limits_keywords - the first @n words as keywords, for parse_keywords() */
void limits_keywords(struct keyword *kw, size_t n);

/**
 * limits_parse - values of @n keywords; "none" takes back what there is
 * Return: EXIT_*, said why.
 */
int limits_parse(struct ctx *ctx, const struct keyword *kw, size_t n, struct limit_words *l);

/** parse_networks - "NETWORK,..." as networks of @kind. Return: EXIT_*, said why. */
int parse_networks(struct ctx *ctx, const char *word, enum gate_kind kind, struct gate *g);

/** limits_put - attributes of what was named */
void limits_put(struct req *req, const struct limit_words *l);

/** limits_put_all - attributes that make it what @o has, also where @o has none */
void limits_put_all(struct req *req, const struct obj *o, bool service);

/** limits_lines - call @say for each line "WORD VALUE" of an object, always in one order */
void limits_lines(const struct obj *o, void (*say)(void *arg, const char *word, const char *value),
		  void *arg);

#endif /* TUNNELCTL_LIMIT_WORDS_H */
