/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A whole configuration: what the module has, or what a file says it shall have. Both are
 * objects with the attributes of netlink; a file's come from the same commands that people
 * type, which do not send them then (ctx.capture). So there is one way to check a value.
 */
#ifndef TUNNELCTL_CONFIG_H
#define TUNNELCTL_CONFIG_H

#include "tunnelctl.h"

/* In the order in which they are made; they go in the other one. */
enum item_kind {
	ITEM_TUNNEL,
	ITEM_SERVICE,
	ITEM_LISTENER,
};

/** struct item - an object, what it is called, and what it is */
struct item {
	enum item_kind kind;
	char *key;    /* name; of a service "NAME" or "TUNNEL/NAME"; address of a listener */
	char *tunnel; /* goes with it: name of that tunnel, or "" */
	char *text;   /* the same for all that mean the same: lines "WORD VALUE" */
	struct obj *o;
};

/** ITEM_FINGERPRINT - which key is in the file of a PSK; a file says it by itself */
#define ITEM_FINGERPRINT "psk-fingerprint"

struct config {
	struct item *item; /* sorted by kind and key */
	size_t n;
	struct list list; /* owns the objects */
};

/* --- config_item.c --------------------------------------------------------- */

/** config_build - items of c->list. Return: EXIT_*, said why. */
int config_build(struct config *c);
void config_free(struct config *c);
/** config_find - the item of that kind and key, or NULL */
const struct item *config_find(const struct config *c, enum item_kind kind, const char *key);
/** config_hash - SHA-256 over keys and texts, as hex digits */
void config_hash(const struct config *c, char hex[65]);
/** item_name - "tunnel", "service", "listener" */
const char *item_name(enum item_kind kind);
/** item_add, item_del - requests to make and to remove it. Return: 0 or -errno, conn.error set. */
int item_add(struct ctx *ctx, const struct item *item);
int item_del(struct ctx *ctx, const struct item *item);
/**
 * item_can_become - may item_set() make @a, which is there, what @b is?
 *
 * Routes of a listener, target and limits of a service, limits of a tunnel, identities of
 * it and its peer.
 */
bool item_can_become(const struct item *a, const struct item *b);
/**
 * item_meets - are both tunnels that listen on one address, for what could be one peer?
 *
 * The module takes no two of them at a time.
 */
bool item_meets(const struct item *a, const struct item *b);
/** item_set - its object gets what may change of @item. Return: 0 or -errno. */
int item_set(struct ctx *ctx, const struct item *item);

/* --- config_yaml.c, config_save.c ------------------------------------------ */

/** config_read - what @path says, "-" is standard input. Return: EXIT_*, said why and where. */
int config_read(struct ctx *ctx, const char *path, struct config *c);
/** config_kernel - what the module has */
int config_kernel(struct ctx *ctx, struct config *c);
/** config_write - as YAML that config_read() reads */
void config_write(const struct config *c);

#endif /* TUNNELCTL_CONFIG_H */
