// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to the module, and the objects it answers with.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include "tunnelctl.h"

/* So often a dump is repeated that was overtaken by a change. */
#define DUMP_TRIES    20
#define DUMP_PAUSE_US 10000

int connect_kernel(struct ctx *ctx)
{
	if (ctx->conn.sk)
		return EXIT_OK;
	if (tnl_open(&ctx->conn) < 0)
		return failure("%s", ctx->conn.error);
	return EXIT_OK;
}

int req_begin(struct ctx *ctx, struct req *req, uint8_t cmd, int nl_flags)
{
	int ret = ctx->capture ? EXIT_OK : connect_kernel(ctx);

	if (ret)
		return ret;
	req->err = 0;
	req->msg = tnl_msg(&ctx->conn, cmd, nl_flags);
	return req->msg ? EXIT_OK : failure("out of memory");
}

void req_string(struct req *req, int attr, const char *value)
{
	req_data(req, attr, value, strlen(value) + 1);
}

void req_u8(struct req *req, int attr, uint8_t value)
{
	req_data(req, attr, &value, sizeof(value));
}

void req_u32(struct req *req, int attr, uint32_t value)
{
	req_data(req, attr, &value, sizeof(value));
}

void req_u64(struct req *req, int attr, uint64_t value)
{
	req_data(req, attr, &value, sizeof(value));
}

void req_data(struct req *req, int attr, const void *data, int len)
{
	if (!req->err)
		req->err = nla_put(req->msg, attr, len, data);
}

int req_obj(struct ctx *ctx, struct req *req, uint8_t cmd, const struct obj *o, const int *attrs)
{
	int ret = req_begin(ctx, req, cmd, 0);

	for (; !ret && *attrs; attrs++)
		if (o->attr[*attrs])
			req_data(req, *attrs, nla_data(o->attr[*attrs]), nla_len(o->attr[*attrs]));
	return ret;
}

static int collect(uint8_t cmd, struct nlattr **attr, void *arg);

/* Return: 0 or -ENOMEM, conn.error set; the message is consumed. */
static int capture(struct ctx *ctx, struct req *req)
{
	struct nlmsghdr *hdr = nlmsg_hdr(req->msg);
	struct nlattr *attr[TUNNEL_A_MAX + 1];
	struct genlmsghdr *gh = nlmsg_data(hdr);
	int ret = -EINVAL;

	if (!genlmsg_parse(hdr, 0, attr, TUNNEL_A_MAX, NULL))
		ret = collect(gh->cmd, attr, ctx->capture);
	nlmsg_free(req->msg);
	if (ret)
		snprintf(ctx->conn.error, sizeof(ctx->conn.error), "%s", strerror(-ret));
	return ret;
}

/* Return: 0 or -errno, conn.error set; the message is consumed. */
static int talk(struct ctx *ctx, struct req *req, tnl_cb cb, void *arg)
{
	if (req->err) {
		nlmsg_free(req->msg);
		snprintf(ctx->conn.error, sizeof(ctx->conn.error), "the request is too long");
		return -EMSGSIZE;
	}
	if (ctx->capture)
		return capture(ctx, req);
	return tnl_talk(&ctx->conn, req->msg, cb, arg);
}

void req_drop(struct req *req)
{
	nlmsg_free(req->msg);
}

int req_send(struct ctx *ctx, struct req *req, tnl_cb cb, void *arg)
{
	return talk(ctx, req, cb, arg) < 0 ? failure("%s", ctx->conn.error) : EXIT_OK;
}

int req_try(struct ctx *ctx, struct req *req)
{
	return talk(ctx, req, NULL, NULL);
}

/* --- lists ----------------------------------------------------------------- */

/* One allocation holds the object and, behind it, its attributes. */
static struct obj *obj_copy(uint8_t cmd, struct nlattr **attr)
{
	size_t size = sizeof(struct obj);
	struct obj *o;
	char *at;
	int i;

	for (i = 0; i <= TUNNEL_A_MAX; i++)
		if (attr[i])
			size += NLA_ALIGN(attr[i]->nla_len);
	o = calloc(1, size);
	if (!o)
		return NULL;
	o->cmd = cmd;
	at = (char *)(o + 1);
	for (i = 0; i <= TUNNEL_A_MAX; i++) {
		if (!attr[i])
			continue;
		memcpy(at, attr[i], attr[i]->nla_len);
		o->attr[i] = (struct nlattr *)at;
		at += NLA_ALIGN(attr[i]->nla_len);
	}
	return o;
}

static int collect(uint8_t cmd, struct nlattr **attr, void *arg)
{
	struct list *list = arg;
	struct obj **bigger;

	bigger = realloc(list->obj, (list->count + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	list->obj = bigger;
	list->obj[list->count] = obj_copy(cmd, attr);
	if (!list->obj[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

void list_free(struct list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		free(list->obj[i]);
	free(list->obj);
	list->obj = NULL;
	list->count = 0;
}

static int get(struct ctx *ctx, uint8_t cmd, int nl_flags, const char *name, struct list *list)
{
	struct req req;
	int tries, ret;

	list->obj = NULL;
	list->count = 0;
	for (tries = 0;; tries++) {
		ret = req_begin(ctx, &req, cmd, nl_flags);
		if (ret)
			return ret;
		if (name)
			req_string(&req, TUNNEL_A_NAME, name);
		ret = talk(ctx, &req, collect, list);
		if (!ret)
			return EXIT_OK;
		list_free(list);
		if (ret != -EINTR || tries == DUMP_TRIES)
			return failure("%s", ctx->conn.error);
		usleep(DUMP_PAUSE_US);
	}
}

int list_get(struct ctx *ctx, uint8_t cmd, const char *name, struct list *list)
{
	return get(ctx, cmd, NLM_F_DUMP, name, list);
}

int list_get_one(struct ctx *ctx, uint8_t cmd, const char *name, struct list *list)
{
	return get(ctx, cmd, 0, name, list);
}

/* --- attributes ------------------------------------------------------------ */

bool obj_has(const struct obj *o, int attr)
{
	return o->attr[attr];
}

uint64_t obj_num(const struct obj *o, int attr)
{
	const struct nlattr *a = o->attr[attr];

	if (!a)
		return 0;
	switch (nla_len(a)) {
	case sizeof(uint8_t):
		return nla_get_u8(a);
	case sizeof(uint16_t):
		return nla_get_u16(a);
	case sizeof(uint32_t):
		return nla_get_u32(a);
	default:
		return nla_get_u64(a);
	}
}

const char *obj_text(const struct obj *o, int attr)
{
	static char bufs[8][4 * TUNNEL_TEXT_MAX + 1];
	static unsigned int next;
	char *buf = bufs[next++ % ARRAY_SIZE(bufs)];

	if (!o->attr[attr])
		return "";
	return tnl_escape(nla_get_string(o->attr[attr]), buf, sizeof(bufs[0]));
}

const char *obj_addr(const struct obj *o, int attr)
{
	static char bufs[8][TNL_ADDRSTRLEN];
	static unsigned int next;

	if (!o->attr[attr])
		return "?";
	return tnl_format_addr(nla_data(o->attr[attr]), nla_len(o->attr[attr]),
			       bufs[next++ % ARRAY_SIZE(bufs)]);
}
