// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <mbedtls/md.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/attr.h>
#include "config.h"
#include "egress.h"
#include "limit_words.h"
#include "rules.h"
#include "socket_file.h"
#include "target.h"

#define GRACE_MS 60000 /* the kernel's default */

/* What of an object is its configuration; the rest is how it is doing. */
static const int tunnel_attrs[] = { TUNNEL_A_NAME,
				    TUNNEL_A_ROLE,
				    TUNNEL_A_PEER_PIN,
				    TUNNEL_A_PEER_PINS,
				    TUNNEL_A_REMOTE,
				    TUNNEL_A_LOCAL,
				    TUNNEL_A_KEY,
				    TUNNEL_A_PSK,
				    TUNNEL_A_PSK_IDENTITY,
				    TUNNEL_A_PEER_CA,
				    TUNNEL_A_PEER_AUTH_NAME,
				    TUNNEL_A_CERT,
				    TUNNEL_A_CIPHERS,
				    TUNNEL_A_GRACE,
				    TUNNEL_A_ALLOW_UIDS,
				    TUNNEL_A_ALLOW_GIDS,
				    TUNNEL_A_DIRECT,
				    TUNNEL_A_LIMIT_SESSIONS,
				    TUNNEL_A_LIMIT_RATE,
				    TUNNEL_A_LIMIT_BANDWIDTH,
				    0 };
static const int service_attrs[] = { TUNNEL_A_SERVICE,
				     TUNNEL_A_NAME,
				     TUNNEL_A_ADDRESS,
				     TUNNEL_A_OWNER_UID,
				     TUNNEL_A_OWNER_GID,
				     TUNNEL_A_TARGET,
				     TUNNEL_A_ACCESS,
				     TUNNEL_A_LIMIT_SESSIONS,
				     TUNNEL_A_LIMIT_RATE,
				     TUNNEL_A_LIMIT_BANDWIDTH,
				     0 };
static const int listener_attrs[] = { TUNNEL_A_ADDRESS,	    TUNNEL_A_NAME,	TUNNEL_A_SERVICE,
				      TUNNEL_A_DESTINATION, TUNNEL_A_ROUTES,	TUNNEL_A_MODE,
				      TUNNEL_A_OWNER_UID,   TUNNEL_A_OWNER_GID, 0 };
static const int service_key[] = { TUNNEL_A_SERVICE, TUNNEL_A_NAME, 0 };
static const int tunnel_key[] = { TUNNEL_A_NAME, 0 };
static const int listener_key[] = { TUNNEL_A_ADDRESS, 0 };
static const int target_attrs[] = { TUNNEL_A_SERVICE, TUNNEL_A_NAME, TUNNEL_A_TARGET, 0 };
static const int identity_attrs[] = { TUNNEL_A_NAME,
				      TUNNEL_A_PEER_PIN,
				      TUNNEL_A_PEER_PINS,
				      TUNNEL_A_KEY,
				      TUNNEL_A_PSK,
				      TUNNEL_A_PSK_IDENTITY,
				      TUNNEL_A_PEER_CA,
				      TUNNEL_A_PEER_AUTH_NAME,
				      0 };
static const int routes_attrs[] = { TUNNEL_A_ADDRESS, TUNNEL_A_ROUTES, 0 };

static const struct {
	const char *name;
	uint8_t new, del;
	const int *attrs, *key;
} kinds[] = {
	[ITEM_TUNNEL] = { "tunnel", TUNNEL_CMD_TUNNEL_NEW, TUNNEL_CMD_TUNNEL_DEL, tunnel_attrs,
			  tunnel_key },
	[ITEM_SERVICE] = { "service", TUNNEL_CMD_SERVICE_NEW, TUNNEL_CMD_SERVICE_DEL, service_attrs,
			   service_key },
	[ITEM_LISTENER] = { "listener", TUNNEL_CMD_LISTENER_NEW, TUNNEL_CMD_LISTENER_DEL,
			    listener_attrs, listener_key },
};

const char *item_name(enum item_kind kind)
{
	return kinds[kind].name;
}

static int send_item(struct ctx *ctx, const struct item *item, uint8_t cmd, const int *attrs)
{
	struct req req;

	if (req_obj(ctx, &req, cmd, item->o, attrs))
		return -1;
	if (cmd == TUNNEL_CMD_LISTENER_NEW)
		return listener_make(ctx, &req);
	if (cmd == TUNNEL_CMD_LISTENER_DEL)
		return listener_unmake(ctx, &req);
	if (cmd == TUNNEL_CMD_SERVICE_SET)
		limits_put_all(&req, item->o, true);
	return req_try(ctx, &req);
}

int item_add(struct ctx *ctx, const struct item *item)
{
	return send_item(ctx, item, kinds[item->kind].new, kinds[item->kind].attrs);
}

int item_del(struct ctx *ctx, const struct item *item)
{
	return send_item(ctx, item, kinds[item->kind].del, kinds[item->kind].key);
}

static int set_tunnel(struct ctx *ctx, const struct item *item)
{
	const struct nlattr *cert = item->o->attr[TUNNEL_A_CERT];
	struct req req;

	if (req_obj(ctx, &req, TUNNEL_CMD_TUNNEL_SET, item->o, identity_attrs))
		return -1;
	/* one that it has had would stay */
	if (item->o->attr[TUNNEL_A_KEY])
		req_string(&req, TUNNEL_A_CERT, cert ? nla_get_string(cert) : "");
	limits_put_all(&req, item->o, false);
	return req_try(ctx, &req);
}

int item_set(struct ctx *ctx, const struct item *item)
{
	if (item->kind == ITEM_TUNNEL)
		return set_tunnel(ctx, item);
	if (item->kind == ITEM_SERVICE)
		return send_item(ctx, item, TUNNEL_CMD_SERVICE_SET, target_attrs);
	return send_item(ctx, item, TUNNEL_CMD_LISTENER_SET, routes_attrs);
}

/* --- the one text ----------------------------------------------------------- */

/* A text that grows; @bad: there was no memory. */
struct text_buf {
	char *p;
	size_t len, room;
	bool bad;
};

static void __attribute__((format(printf, 2, 3))) put(struct text_buf *b, const char *fmt, ...)
{
	va_list ap;
	char *more;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (b->len + n + 1 > b->room) {
		more = realloc(b->p, 2 * b->room + n + 1);
		if (!more) {
			b->bad = true;
			return;
		}
		b->p = more;
		b->room = 2 * b->room + n + 1;
	}
	va_start(ap, fmt);
	b->len += vsnprintf(b->p + b->len, b->room - b->len, fmt, ap);
	va_end(ap);
}

static const char *raw(const struct obj *o, int attr)
{
	return o->attr[attr] ? nla_get_string(o->attr[attr]) : "";
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* In order, each once. */
static void put_ids(struct text_buf *b, const struct obj *o, int attr, const char *what)
{
	uint32_t ids[TUNNEL_ALLOW_MAX];
	size_t n, i;

	if (!o->attr[attr])
		return;
	n = nla_len(o->attr[attr]) / sizeof(ids[0]);
	if (n > TUNNEL_ALLOW_MAX)
		n = TUNNEL_ALLOW_MAX;
	memcpy(ids, nla_data(o->attr[attr]), n * sizeof(ids[0]));
	qsort(ids, n, sizeof(ids[0]), by_number);
	for (i = 0; i < n; i++)
		if (!i || ids[i] != ids[i - 1])
			put(b, "allow %s:%u\n", what, ids[i]);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, TUNNEL_PIN_LEN);
}

/* In order: any of them is as good. */
static void put_pins(struct text_buf *b, const struct obj *o)
{
	uint8_t pins[TUNNEL_PINS_MAX][TUNNEL_PIN_LEN] = { 0 };
	char hex[2 * TUNNEL_PIN_LEN + 1];
	const uint8_t *first;
	bool psk = o->attr[TUNNEL_A_PSK];
	size_t i, n = tnl_pins(o->attr, &first);

	if (n > TUNNEL_PINS_MAX)
		n = TUNNEL_PINS_MAX;
	if (n)
		memcpy(pins, first, n * TUNNEL_PIN_LEN);
	qsort(pins, n, TUNNEL_PIN_LEN, by_bytes);
	for (i = 0; i < n; i++) {
		tnl_format_pin(pins[i], hex);
		put(b, "%s %s\n", psk ? ITEM_FINGERPRINT : "peer", hex);
	}
}

/* Names of hosts have no case (RFC 4343), and a port is a number. */
static void dial_text(struct text_buf *b, const char *remote)
{
	char host[TUNNEL_TEXT_MAX + 1], *colon, *c;

	snprintf(host, sizeof(host), "%s", remote);
	for (c = host; *c; c++)
		*c = tolower((unsigned char)*c);
	colon = strrchr(host, ':');
	if (colon)
		*colon++ = 0;
	put(b, "dial %s:%lu\n", host, colon ? strtoul(colon, NULL, 10) : 0);
}

static void limit_text(void *arg, const char *word, const char *value)
{
	put(arg, "%s %s\n", word, value);
}

static void put_word(struct text_buf *b, const char *word, const struct obj *o, int attr)
{
	if (o->attr[attr])
		put(b, "%s %s\n", word, raw(o, attr));
}

static void tunnel_text(struct text_buf *b, const struct obj *o)
{
	uint32_t ciphers = o->attr[TUNNEL_A_CIPHERS] ? obj_num(o, TUNNEL_A_CIPHERS) : 0;
	uint32_t grace = o->attr[TUNNEL_A_GRACE] ? obj_num(o, TUNNEL_A_GRACE) : GRACE_MS;
	uint8_t direct = o->attr[TUNNEL_A_DIRECT] ? obj_num(o, TUNNEL_A_DIRECT) :
						    TUNNEL_DIRECT_ADMIN;
	unsigned int bit;

	if (obj_num(o, TUNNEL_A_ROLE) == TUNNEL_ROLE_DIAL)
		dial_text(b, raw(o, TUNNEL_A_REMOTE));
	else
		put(b, "listen %s\n", raw(o, TUNNEL_A_LOCAL));
	put_pins(b, o);
	put_word(b, "ca", o, TUNNEL_A_PEER_CA);
	put_word(b, "name", o, TUNNEL_A_PEER_AUTH_NAME);
	put_word(b, "key", o, TUNNEL_A_KEY);
	put_word(b, "certificate", o, TUNNEL_A_CERT);
	put_word(b, "psk", o, TUNNEL_A_PSK);
	put_word(b, "psk-identity", o, TUNNEL_A_PSK_IDENTITY);
	/* None named are all. */
	if (ciphers && ciphers != TUNNEL_CIPHER_ALL)
		for (bit = 0; cipher_word(bit); bit++)
			if (ciphers & 1U << bit)
				put(b, "ciphers %s\n", cipher_word(bit));
	if (grace % 1000)
		put(b, "grace %u.%03u\n", grace / 1000, grace % 1000);
	else if (grace != GRACE_MS)
		put(b, "grace %u\n", grace / 1000);
	put_ids(b, o, TUNNEL_A_ALLOW_UIDS, "uid");
	put_ids(b, o, TUNNEL_A_ALLOW_GIDS, "gid");
	if (direct != TUNNEL_DIRECT_ADMIN)
		put(b, "direct %s\n", tnl_direct_name(direct));
	limits_lines(o, limit_text, b);
}

static void address_text(struct text_buf *b, const struct obj *o)
{
	char address[TNL_ADDRSTRLEN];
	const struct nlattr *a = o->attr[TUNNEL_A_ADDRESS];

	put(b, "%s", a ? tnl_format_addr(nla_data(a), nla_len(a), address) : "?");
}

/* A name has no case; what does not parse, as of another version, is kept as it is. */
static void target_text(struct text_buf *b, const char *text)
{
	const char *rules = target_rules(text);
	char err[256], line[EGRESS_FORMAT_MAX], whole[TARGET_FORMAT_MAX];
	struct target to;
	struct egress e;
	size_t i;

	if (rules && !egress_parse(&e, rules, NULL, err, sizeof(err))) {
		for (i = 0; i < e.n; i++)
			put(b, "%s\n", egress_format(&e.rule[i], line));
		egress_free(&e);
	} else if (!rules && !target_parse(&to, text, err, sizeof(err))) {
		put(b, "to %s\n", target_format(&to, whole));
	} else {
		put(b, "to %s\n", text);
	}
}

static void place_text(struct text_buf *b, const struct obj *o)
{
	if (o->attr[TUNNEL_A_OWNER_UID]) {
		put(b, "owner %u\n", (uint32_t)obj_num(o, TUNNEL_A_OWNER_UID));
		if (o->attr[TUNNEL_A_OWNER_GID])
			put(b, "group %u\n", (uint32_t)obj_num(o, TUNNEL_A_OWNER_GID));
		return;
	}
	if (o->attr[TUNNEL_A_TARGET]) {
		target_text(b, raw(o, TUNNEL_A_TARGET));
		return;
	}
	put(b, "to ");
	address_text(b, o);
	put(b, "\n");
}

static void service_text(struct text_buf *b, const struct obj *o)
{
	place_text(b, o);
	limits_lines(o, limit_text, b);
}

/* What does not parse, as of another version, is kept as it is. */
static void routes_text(struct text_buf *b, const char *routes)
{
	char err[256], line[RULES_FORMAT_MAX], *head;
	struct rules r;
	size_t i;

	if (rules_parse(&r, routes, NULL, err, sizeof(err))) {
		put(b, "%s\n", routes);
		return;
	}
	head = rules_format_head(&r);
	if (head)
		put(b, "%s", head);
	else
		b->bad = true;
	free(head);
	for (i = 0; i < r.n; i++)
		put(b, "%s\n", rules_format(&r.route[i], line));
	rules_free(&r);
}

static void listener_text(struct text_buf *b, const struct obj *o)
{
	if (o->attr[TUNNEL_A_ROUTES]) {
		routes_text(b, raw(o, TUNNEL_A_ROUTES));
		return;
	}
	put(b, "to %s/%s\n", raw(o, TUNNEL_A_NAME),
	    raw(o, o->attr[TUNNEL_A_DESTINATION] ? TUNNEL_A_DESTINATION : TUNNEL_A_SERVICE));
	if (o->attr[TUNNEL_A_MODE])
		put(b, "mode 0%o\n", (unsigned int)obj_num(o, TUNNEL_A_MODE));
	if (o->attr[TUNNEL_A_OWNER_UID])
		put(b, "owner %u%s", (uint32_t)obj_num(o, TUNNEL_A_OWNER_UID),
		    o->attr[TUNNEL_A_OWNER_GID] ? ":" : "\n");
	if (o->attr[TUNNEL_A_OWNER_GID])
		put(b, "%u\n", (uint32_t)obj_num(o, TUNNEL_A_OWNER_GID));
}

/* --- what may change -------------------------------------------------------- */

/* The next line that is not about an identity or a limit, or the end. */
static const char *other_line(const char *text)
{
	static const char *const words[] = {
		"peer ", "key ",	 "psk ",      "psk-identity ", ITEM_FINGERPRINT " ", "ca ",
		"name ", "certificate ", "sessions ", "rate ",	       "bandwidth "
	};
	size_t i;

	while (*text) {
		for (i = 0; i < ARRAY_SIZE(words); i++)
			if (!strncmp(text, words[i], strlen(words[i])))
				break;
		if (i == ARRAY_SIZE(words))
			break;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return text;
}

static bool has(const struct item *item, int attr)
{
	return item->o->attr[attr];
}

static bool same_attr(const struct item *a, const struct item *b, int attr)
{
	const struct nlattr *x = a->o->attr[attr], *y = b->o->attr[attr];

	return x && y ? nla_len(x) == nla_len(y) && !memcmp(nla_data(x), nla_data(y), nla_len(x)) :
			!x && !y;
}

/* Services that lead to the same place, or both as the daemon says. */
static bool same_place(const struct item *a, const struct item *b)
{
	if (has(a, TUNNEL_A_TARGET) || has(b, TUNNEL_A_TARGET))
		return has(a, TUNNEL_A_TARGET) && has(b, TUNNEL_A_TARGET);
	return same_attr(a, b, TUNNEL_A_ADDRESS) && same_attr(a, b, TUNNEL_A_OWNER_UID) &&
	       same_attr(a, b, TUNNEL_A_OWNER_GID);
}

bool item_can_become(const struct item *a, const struct item *b)
{
	const char *x, *y;
	size_t len;

	if (a->kind == ITEM_LISTENER)
		return has(a, TUNNEL_A_ROUTES) && has(b, TUNNEL_A_ROUTES);
	if (a->kind == ITEM_SERVICE)
		return same_place(a, b);
	for (x = other_line(a->text), y = other_line(b->text); *x && *y;
	     x = other_line(x + len + 1), y = other_line(y + len + 1)) {
		len = strcspn(x, "\n");
		if (len != strcspn(y, "\n") || memcmp(x, y, len))
			return false;
	}
	return !*x && !*y;
}

static bool same_word(const struct item *a, const struct item *b, int attr)
{
	return has(a, attr) && has(b, attr) && !strcmp(raw(a->o, attr), raw(b->o, attr));
}

bool item_meets(const struct item *a, const struct item *b)
{
	const uint8_t *x, *y;
	size_t n, m, i, k;

	if (a->kind != ITEM_TUNNEL || b->kind != ITEM_TUNNEL || !same_word(a, b, TUNNEL_A_LOCAL))
		return false;
	n = tnl_pins(a->o->attr, &x);
	m = tnl_pins(b->o->attr, &y);
	for (i = 0; i < n; i++)
		for (k = 0; k < m; k++)
			if (!memcmp(x + i * TUNNEL_PIN_LEN, y + k * TUNNEL_PIN_LEN, TUNNEL_PIN_LEN))
				return true;
	return same_word(a, b, TUNNEL_A_PEER_AUTH_NAME) || same_word(a, b, TUNNEL_A_PSK_IDENTITY);
}

/* --- items ------------------------------------------------------------------ */

static void key_text(struct text_buf *b, const struct item *item)
{
	const struct obj *o = item->o;

	switch (item->kind) {
	case ITEM_TUNNEL:
		put(b, "%s", raw(o, TUNNEL_A_NAME));
		break;
	case ITEM_SERVICE:
		put(b, "%s%s%s", raw(o, TUNNEL_A_NAME), o->attr[TUNNEL_A_NAME] ? "/" : "",
		    raw(o, TUNNEL_A_SERVICE));
		break;
	case ITEM_LISTENER:
		address_text(b, o);
		break;
	}
}

static bool build(struct item *item, struct obj *o)
{
	struct text_buf key = { 0 }, text = { 0 };

	item->o = o;
	item->kind = o->cmd == TUNNEL_CMD_TUNNEL_NEW || o->cmd == TUNNEL_CMD_TUNNEL_GET ?
			     ITEM_TUNNEL :
		     o->cmd == TUNNEL_CMD_SERVICE_NEW || o->cmd == TUNNEL_CMD_SERVICE_GET ?
			     ITEM_SERVICE :
			     ITEM_LISTENER;
	key_text(&key, item);
	put(&text, "%s", "");
	switch (item->kind) {
	case ITEM_TUNNEL:
		tunnel_text(&text, o);
		break;
	case ITEM_SERVICE:
		service_text(&text, o);
		break;
	case ITEM_LISTENER:
		listener_text(&text, o);
		break;
	}
	item->key = key.p;
	item->text = text.p;
	/* Of a tunnel itself it is its own name. */
	item->tunnel = strdup(raw(o, TUNNEL_A_NAME));
	return !key.bad && !text.bad && key.p && text.p && item->tunnel;
}

static int by_key(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->key, y->key);
}

int config_build(struct config *c)
{
	size_t i;

	c->n = 0;
	c->item = calloc(c->list.count + 1, sizeof(*c->item));
	if (!c->item)
		return failure("out of memory");
	for (i = 0; i < c->list.count; i++) {
		c->n++;
		if (!build(&c->item[i], c->list.obj[i]))
			return failure("out of memory");
	}
	qsort(c->item, c->n, sizeof(*c->item), by_key);
	return EXIT_OK;
}

void config_free(struct config *c)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		free(c->item[i].key);
		free(c->item[i].text);
		free(c->item[i].tunnel);
	}
	free(c->item);
	list_free(&c->list);
	memset(c, 0, sizeof(*c));
}

const struct item *config_find(const struct config *c, enum item_kind kind, const char *key)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->item[i].kind == kind && !strcmp(c->item[i].key, key))
			return &c->item[i];
	return NULL;
}

void config_hash(const struct config *c, char hex[65])
{
	mbedtls_md_context_t md;
	uint8_t digest[32];
	size_t i;

	mbedtls_md_init(&md);
	mbedtls_md_setup(&md, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 0);
	mbedtls_md_starts(&md);
	for (i = 0; i < c->n; i++) {
		const struct item *item = &c->item[i];
		const char *part[] = {
			item_name(item->kind), " ", item->key, "\n", item->text, "\n"
		};
		size_t k;

		for (k = 0; k < ARRAY_SIZE(part); k++)
			mbedtls_md_update(&md, (const uint8_t *)part[k], strlen(part[k]));
	}
	mbedtls_md_finish(&md, digest);
	mbedtls_md_free(&md);
	tnl_format_pin(digest, hex);
}

int config_kernel(struct ctx *ctx, struct config *c)
{
	static const uint8_t dumps[] = { TUNNEL_CMD_TUNNEL_GET, TUNNEL_CMD_SERVICE_GET,
					 TUNNEL_CMD_LISTENER_GET };
	struct obj **all;
	struct list part;
	size_t i;
	int ret;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < ARRAY_SIZE(dumps); i++) {
		ret = list_get(ctx, dumps[i], NULL, &part);
		if (ret)
			return ret;
		all = realloc(c->list.obj, (c->list.count + part.count + 1) * sizeof(*all));
		if (!all) {
			list_free(&part);
			return failure("out of memory");
		}
		memcpy(all + c->list.count, part.obj, part.count * sizeof(*all));
		c->list.obj = all;
		c->list.count += part.count;
		free(part.obj);
	}
	return config_build(c);
}
