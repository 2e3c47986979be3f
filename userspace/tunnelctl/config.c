// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl apply, save, check, config: the module as a file says.
 *
 * Everything in the file is checked before anything is done. What is not different is not
 * touched. If a step fails, those before it are undone in the opposite order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netlink/attr.h>
#include "config.h"

#define FREE_MS	      5000
#define FREE_PAUSE_MS 20

enum action {
	ACT_DEL,
	ACT_ADD,
	ACT_SET, /* it stays, and gets other routes, another target, other identities or limits */
};

struct step {
	enum action action;
	const struct item *item; /* deleted: as it was; else as it shall be */
	const struct item *old;	 /* of ACT_SET */
	bool again;		 /* the same as before: its tunnel is another one */
};

struct plan {
	struct step *step;
	size_t n;
};

static bool has_routes(const struct item *item)
{
	return item->kind == ITEM_LISTENER && obj_has(item->o, TUNNEL_A_ROUTES);
}

static bool same(const struct item *a, const struct item *b)
{
	return a && b && !strcmp(a->text, b->text);
}

/* --- the plan ---------------------------------------------------------------- */

static void add_step(struct plan *p, enum action action, const struct item *item,
		     const struct item *old, bool again)
{
	p->step[p->n++] = (struct step){ action, item, old, again };
}

/*
 * Two tunnels that change, one of which is to have a peer that the other has had, cannot do so
 * one after the other.
 */
static bool entangled(const struct item *old, const struct item *now, const struct config *have,
		      const struct config *want)
{
	size_t i;

	for (i = 0; i < have->n; i++) {
		const struct item *o = &have->item[i];
		const struct item *n = config_find(want, o->kind, o->key);

		if (o != old && n && !same(o, n) && (item_meets(now, o) || item_meets(n, old)))
			return true;
	}
	return false;
}

/* Can the one become the other, and be there all the time? */
static bool in_place(const struct item *old, const struct item *now, const struct config *have,
		     const struct config *want)
{
	return old && now && item_can_become(old, now) && !entangled(old, now, have, want);
}

/* Does the kernel take it away together with its tunnel? */
static bool goes_with(const struct item *item, const struct config *have, const struct config *want)
{
	const struct item *t, *now;

	if (item->kind == ITEM_TUNNEL || !*item->tunnel)
		return false;
	t = config_find(have, ITEM_TUNNEL, item->tunnel);
	now = config_find(want, ITEM_TUNNEL, item->tunnel);
	return t && !same(t, now) && !in_place(t, now, have, want);
}

/*
 * First what goes or is to be made anew, what depends on others before them; then what
 * is new, the other way round. Return: EXIT_*.
 */
static int make_plan(struct plan *p, const struct config *have, const struct config *want)
{
	size_t i;

	p->n = 0;
	p->step = calloc(2 * (have->n + want->n) + 1, sizeof(*p->step));
	if (!p->step)
		return failure("out of memory");
	for (i = have->n; i-- > 0;) {
		const struct item *old = &have->item[i];
		const struct item *now = config_find(want, old->kind, old->key);
		bool with = goes_with(old, have, want);

		if (same(old, now) && !with)
			continue;
		if (!with && in_place(old, now, have, want))
			continue;
		add_step(p, ACT_DEL, old, NULL, with && same(old, now));
	}
	for (i = 0; i < want->n; i++) {
		const struct item *now = &want->item[i];
		const struct item *old = config_find(have, now->kind, now->key);
		bool with = old && goes_with(old, have, want);

		if (same(old, now) && !with)
			continue;
		if (!with && in_place(old, now, have, want))
			add_step(p, ACT_SET, now, old, false);
		else
			add_step(p, ACT_ADD, now, NULL, with && same(old, now));
	}
	return EXIT_OK;
}

/* --- showing it ---------------------------------------------------------------- */

static void print_lines(const char *text, char sign)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		printf("    %c %.*s\n", sign, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* The item of the step that does this with the same object, or NULL. */
static const struct item *find_step(const struct plan *p, enum action action,
				    const struct item *like)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->step[i].action == action && p->step[i].item->kind == like->kind &&
		    !strcmp(p->step[i].item->key, like->key))
			return p->step[i].item;
	return NULL;
}

static void print_plan(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		const struct step *s = &p->step[i];
		const struct item *old = s->old;

		/* What is made anew is shown once. */
		if (s->action == ACT_DEL && find_step(p, ACT_ADD, s->item))
			continue;
		if (!old)
			old = find_step(p, ACT_DEL, s->item);
		printf("%c %s %s%s\n",
		       s->action == ACT_DEL ? '-' :
		       old		    ? '~' :
					      '+',
		       item_name(s->item->kind), s->item->key,
		       s->again ? ": as it is, with its tunnel" : "");
		if (s->again)
			continue;
		if (old)
			print_lines(old->text, '-');
		if (s->action != ACT_DEL)
			print_lines(s->item->text, '+');
	}
	if (!p->n)
		puts("nothing to do");
}

/* --- doing it ------------------------------------------------------------------ */

static int take(struct ctx *ctx, const struct step *s)
{
	switch (s->action) {
	case ACT_DEL:
		return item_del(ctx, s->item);
	case ACT_ADD:
		return item_add(ctx, s->item);
	default:
		return item_set(ctx, s->item);
	}
}

/* Is it the daemon that gives an address back, for this or an overlapping one? */
static bool frees_address(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->step[i].action != ACT_SET && has_routes(p->step[i].item))
			return true;
	return false;
}

static int take_back(struct ctx *ctx, const struct step *s)
{
	switch (s->action) {
	case ACT_DEL:
		return item_add(ctx, s->item);
	case ACT_ADD:
		return item_del(ctx, s->item);
	default:
		return item_set(ctx, s->old);
	}
}

/* What the daemon has listened on may still be in use for a moment. */
static int patiently(struct ctx *ctx, const struct plan *p, const struct step *s,
		     int (*do_it)(struct ctx *ctx, const struct step *s))
{
	int waited, ret = do_it(ctx, s);

	for (waited = 0; ret == -EADDRINUSE && waited < FREE_MS && frees_address(p);
	     waited += FREE_PAUSE_MS) {
		usleep(FREE_PAUSE_MS * 1000);
		ret = do_it(ctx, s);
	}
	return ret;
}

static int run_plan(struct ctx *ctx, const struct plan *p)
{
	char why[sizeof(ctx->conn.error)];
	size_t i, k;
	int bad = 0;

	for (i = 0; i < p->n; i++)
		if (patiently(ctx, p, &p->step[i], take))
			break;
	if (i == p->n)
		return EXIT_OK;
	snprintf(why, sizeof(why), "%s", ctx->conn.error);
	for (k = i; k-- > 0;)
		if (patiently(ctx, p, &p->step[k], take_back)) {
			failure("%s %s could not be put back: %s", item_name(p->step[k].item->kind),
				p->step[k].item->key, ctx->conn.error);
			bad = 1;
		}
	return failure("%s %s: %s; %s", item_name(p->step[i].item->kind), p->step[i].item->key, why,
		       bad ? "what could be was put back" : "all is as it was");
}

/* The kernel keeps routes whatever they are; can the daemon serve them? */
static int await_routes(struct ctx *ctx, const struct plan *p)
{
	int ret = EXIT_OK, one;
	size_t i;

	for (i = 0; i < p->n; i++) {
		const struct step *s = &p->step[i];
		struct nlattr *a = s->item->o->attr[TUNNEL_A_ADDRESS];
		struct sockaddr_storage ss = { 0 };

		if (s->action == ACT_DEL || !has_routes(s->item))
			continue;
		memcpy(&ss, nla_data(a), nla_len(a));
		one = route_await(ctx, &ss, nla_len(a));
		if (one)
			ret = one;
	}
	return ret;
}

static int apply_file(struct ctx *ctx, const char *path)
{
	struct config have = { 0 }, want = { 0 };
	struct plan p = { 0 };
	int ret;

	ret = config_read(ctx, path, &want);
	if (!ret)
		ret = config_kernel(ctx, &have);
	if (!ret)
		ret = make_plan(&p, &have, &want);
	if (!ret && !ctx->dry_run)
		ret = run_plan(ctx, &p);
	if (!ret)
		print_plan(&p);
	if (!ret && !ctx->dry_run)
		ret = await_routes(ctx, &p);
	free(p.step);
	config_free(&have);
	config_free(&want);
	return ret;
}

/* --- commands -------------------------------------------------------------------- */

static int apply(struct ctx *ctx, int argc, char **argv)
{
	int ret = expect_args(ctx, argc, argv, 1, 1, "FILE");

	return ret ? ret : apply_file(ctx, argv[0]);
}

static int save(struct ctx *ctx, int argc, char **argv)
{
	struct config c = { 0 };
	int ret = expect_args(ctx, argc, argv, 0, 0, NULL);

	if (!ret)
		ret = config_kernel(ctx, &c);
	if (!ret)
		config_write(&c);
	config_free(&c);
	return ret;
}

static int check(struct ctx *ctx, int argc, char **argv)
{
	struct config c = { 0 };
	int ret = expect_args(ctx, argc, argv, 1, 1, "FILE");

	if (!ret)
		ret = config_read(ctx, argv[0], &c);
	config_free(&c);
	return ret;
}

static int hash(struct ctx *ctx, int argc, char **argv)
{
	struct config c = { 0 };
	char hex[65];
	int ret = expect_args(ctx, argc, argv, 0, 1, NULL);

	if (!ret)
		ret = argc ? config_read(ctx, argv[0], &c) : config_kernel(ctx, &c);
	if (!ret) {
		config_hash(&c, hex);
		puts(hex);
	}
	config_free(&c);
	return ret;
}

const struct command apply_commands[] = {
	{ "", "[--dry-run] FILE",
	  "make the configuration that of a file (YAML or JSON; - is standard input), and show what is different",
	  apply },
	{ 0 },
};

const struct command save_commands[] = {
	{ "", "", "write the configuration as YAML", save },
	{ 0 },
};

const struct command check_commands[] = {
	{ "", "FILE", "say what is wrong with a file, and where; nothing is changed", check },
	{ 0 },
};

const struct command config_commands[] = {
	{ "show", "", "the configuration as YAML, as save", save },
	{ "hash", "[FILE]", "a number that is the same for configurations that mean the same",
	  hash },
	{ 0 },
};
