/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tunnelctl: a stateless client of the kernel module.
 *
 * main.c finds the command, a file per object runs it. Every run function
 * returns the exit code of the program.
 */
#ifndef TUNNELCTL_H
#define TUNNELCTL_H

#include "json.h"
#include "tnl.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum exit_code {
	EXIT_OK,
	EXIT_WRONG_USAGE,
	EXIT_FAILED, /* the kernel or a file said no */
};

/* --- main.c --------------------------------------------------------------- */

struct list;

struct ctx {
	bool json;
	bool all;	    /* zero counters too */
	bool dry_run;	    /* apply: do nothing */
	const char *object; /* words of the running command, for usage lines */
	const struct command *command;
	struct tnl_conn conn; /* open while conn.sk is not NULL */
	/* Not NULL: requests are not sent, but kept here as the objects they would make. */
	struct list *capture;
};

/** struct command - one COMMAND of an OBJECT; @name is "" for objects without commands */
struct command {
	const char *name;
	const char *args; /* usage line after the name */
	const char *help;
	int (*run)(struct ctx *ctx, int argc, char **argv);
};

/** struct object - @commands ends with an entry whose run is NULL; the first is the default */
struct object {
	const char *name;
	const struct command *commands;
};

extern const struct command tunnel_commands[], service_commands[], listener_commands[],
	session_commands[], carrier_commands[], stats_commands[], info_commands[], flush_commands[],
	monitor_commands[], route_commands[], certificate_commands[], access_commands[],
	keygen_commands[], pubkey_commands[], run_commands[], expose_commands[], forward_commands[],
	egress_commands[], apply_commands[], save_commands[], check_commands[], config_commands[];

int overview(struct ctx *ctx);

/** usage_error - say what is wrong and the command's usage line. Return: EXIT_WRONG_USAGE. */
int usage_error(struct ctx *ctx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** errors_of - what is said from here on is about @where, "FILE:LINE:COLUMN"; NULL: no file */
void errors_of(const char *where);

/** failure - say "tunnelctl: ..." on stderr. Return: EXIT_FAILED. */
int failure(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- args.c: words of the command line ------------------------------------- */

/**
 * match_word - find @word among @count names, @stride bytes apart, by its whole
 * or a unique prefix
 * Return: index, -ENOENT, -EBUSY when several begin so (they are in @err).
 */
int match_word(const char *word, const char *const *first, size_t stride, size_t count, char *err,
	       size_t errlen);

/** struct keyword - a "NAME VALUE" pair of a command; @value is NULL when not given */
struct keyword {
	const char *name;
	const char *value;
};

/** parse_keywords - fill the @count values from the words. Return: EXIT_*. */
int parse_keywords(struct ctx *ctx, int argc, char **argv, struct keyword *kw, size_t count);

/** expect_args - check the number of words. Return: EXIT_*, said why. */
int expect_args(struct ctx *ctx, int argc, char **argv, int least, int most, const char *missing);

/* Each says what is wrong with the word and returns EXIT_*. */
int parse_name(struct ctx *ctx, const char *what, const char *word);
int parse_address(struct ctx *ctx, const char *word, bool port_zero_ok, struct sockaddr_storage *ss,
		  int *len);

/** struct pins - whose keys are accepted, each once */
struct pins {
	uint8_t pin[TUNNEL_PINS_MAX][TUNNEL_PIN_LEN];
	size_t n;
};

/** parse_pins - "PIN,PIN,..." */
int parse_pins(struct ctx *ctx, const char *word, struct pins *pins);
int parse_u32(struct ctx *ctx, const char *what, const char *word, uint32_t *value);
int parse_session_id(struct ctx *ctx, const char *word, uint64_t *id);
int parse_seconds(struct ctx *ctx, const char *word, uint32_t *ms);
int parse_direct(struct ctx *ctx, const char *word, uint8_t *direct);
int parse_ciphers(struct ctx *ctx, const char *word, uint32_t *mask);

/** struct allow - who may connect sockets */
struct allow {
	uint32_t uids[TUNNEL_ALLOW_MAX], gids[TUNNEL_ALLOW_MAX];
	size_t n_uids, n_gids;
};

/** parse_allow - "uid:ID,gid:ID,..." */
int parse_allow(struct ctx *ctx, const char *word, struct allow *allow);
/** parse_owner - "UID[:GID]"; @has_gid says whether there was a GID */
int parse_owner(struct ctx *ctx, const char *word, uint32_t *uid, uint32_t *gid, bool *has_gid);
/** cipher_word - name of one TUNNEL_CIPHER_* bit by number, NULL past the last */
const char *cipher_word(unsigned int bit);

/* --- route.c --------------------------------------------------------------- */

/** route_await - wait a moment for the daemon to take up routes on @address. Return: EXIT_*. */
int route_await(struct ctx *ctx, const struct sockaddr_storage *ss, int len);

/* --- request.c: requests and what they bring ------------------------------- */

struct obj;

/** struct req - a request under construction; errors show when it is sent */
struct req {
	struct nl_msg *msg;
	int err;
};

/** req_begin - connect if need be, start a request. Return: EXIT_*. */
int req_begin(struct ctx *ctx, struct req *req, uint8_t cmd, int nl_flags);
void req_string(struct req *req, int attr, const char *value);
void req_u8(struct req *req, int attr, uint8_t value);
void req_u32(struct req *req, int attr, uint32_t value);
void req_u64(struct req *req, int attr, uint64_t value);
void req_data(struct req *req, int attr, const void *data, int len);
/** req_drop - do not send it */
void req_drop(struct req *req);
/** req_send - send it and wait. Return: EXIT_*, said why. */
int req_send(struct ctx *ctx, struct req *req, tnl_cb cb, void *arg);
/** req_obj - a request with those of @o's attributes that are in @attrs, which ends with 0 */
int req_obj(struct ctx *ctx, struct req *req, uint8_t cmd, const struct obj *o, const int *attrs);
/** req_try - send it and wait. Return: 0; or -errno, ctx->conn.error is not said. */
int req_try(struct ctx *ctx, struct req *req);
int connect_kernel(struct ctx *ctx);

/** struct obj - one answer or notification, with the attributes it had */
struct obj {
	uint8_t cmd;
	struct nlattr *attr[TUNNEL_A_MAX + 1];
};

/** struct list - objects of a dump, in the kernel's order */
struct list {
	struct obj **obj;
	size_t count;
};

/** list_get - dump objects, of tunnel @name only unless NULL. Return: EXIT_*. */
int list_get(struct ctx *ctx, uint8_t cmd, const char *name, struct list *list);
/** list_get_one - the one object tunnel @name */
int list_get_one(struct ctx *ctx, uint8_t cmd, const char *name, struct list *list);
void list_free(struct list *list);

bool obj_has(const struct obj *o, int attr);
/** obj_num - value of a number attribute of any width, 0 when it is absent */
uint64_t obj_num(const struct obj *o, int attr);
/** obj_text - escaped text of a string attribute, "" when absent; one of 8 static buffers */
const char *obj_text(const struct obj *o, int attr);
/** obj_addr - text of an address attribute, "?" when absent; one of 8 static buffers */
const char *obj_addr(const struct obj *o, int attr);

/* --- print.c: forms for people and for programs ---------------------------- */

/** obj_json - every attribute of @o as members of an object that is open */
void obj_json(struct json *j, const struct obj *o);
/** list_json - an array member @key of objects whose NAME is @tunnel (NULL: all) */
void list_json(struct json *j, const char *key, const struct list *list, const char *tunnel);

/** same_tunnel - does the object belong to this tunnel */
bool same_tunnel(const struct obj *o, const char *tunnel);

#define HUMANLEN 24
char *human_bytes(uint64_t bytes, char buf[HUMANLEN]);
char *human_ms(uint64_t ms, char buf[HUMANLEN]);
char *human_us(uint32_t us, char buf[HUMANLEN]);

/* Blocks and lines of the human output; @indent is put before each line. */
void tunnel_print(const struct obj *o);
void service_print(const struct obj *o);
void listener_print(const struct obj *o);
void carrier_print(const struct obj *o, const char *indent);
void session_print(const struct obj *o);

/** show_list - the whole "show" of an object: dump, then JSON or @print for each */
int show_list(struct ctx *ctx, uint8_t cmd, const char *name, void (*print)(const struct obj *o));

#endif
