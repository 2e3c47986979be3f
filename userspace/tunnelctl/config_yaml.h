/* SPDX-License-Identifier: GPL-2.0 */
/* The reader of a configuration file: config_yaml.c, and what it reads of listeners. */
#ifndef TUNNELCTL_CONFIG_YAML_H
#define TUNNELCTL_CONFIG_YAML_H

#include <libfyaml.h>
#include "config.h"

/** YAML_WORDS_MAX - most words of a command */
#define YAML_WORDS_MAX 40

struct reader {
	struct ctx *ctx;
	const char *file;
	struct config *c;
	int ret; /* of the first that was wrong */
};

/** struct words - of a command */
struct words {
	char *word[YAML_WORDS_MAX];
	int n;
};

/** yaml_place - "FILE:LINE:COLUMN" of a node; in a static buffer */
const char *yaml_place(const struct reader *r, struct fy_node *at);

/** yaml_wrong - say what is wrong, and where */
void yaml_wrong(struct reader *r, struct fy_node *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** yaml_scalar - as text, without a zero in it; from malloc(). NULL after saying why. */
char *yaml_scalar(struct reader *r, struct fy_node *key, struct fy_node *value);

/** yaml_list - a list of texts, or one, with commas between. NULL after saying why. */
char *yaml_list(struct reader *r, struct fy_node *key, struct fy_node *value);

bool yaml_is_key(struct fy_node *key, const char *name);
void yaml_unknown_key(struct reader *r, struct fy_node *key, const char *known);

/** words_add - @word is from malloc(), or NULL: there was an error */
void words_add(struct words *w, char *word);
/** words_add_pair - two of them; @value as above */
void words_add_pair(struct words *w, const char *word, char *value);

/** yaml_run - does the command "add" of @commands take the words? It makes an object of them */
void yaml_run(struct reader *r, struct fy_node *at, const struct command *commands,
	      struct words *w);

/** yaml_listener - ADDR:PORT or unix:PATH, and where it leads */
void yaml_listener(struct reader *r, struct fy_node *key, struct fy_node *value);

#endif /* TUNNELCTL_CONFIG_YAML_H */
