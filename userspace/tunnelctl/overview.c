// SPDX-License-Identifier: GPL-2.0
/*
 * What bare "tunnelctl" shows: everything but the sessions.
 */
#include <netlink/attr.h>
#include "tunnelctl.h"

struct everything {
	struct list tunnels, carriers, services, listeners;
};

static void print_text(const struct everything *all)
{
	size_t i, k;

	for (i = 0; i < all->tunnels.count; i++) {
		const struct obj *o = all->tunnels.obj[i];

		if (i)
			putchar('\n');
		tunnel_print(o);
		for (k = 0; obj_has(o, TUNNEL_A_NAME) && k < all->carriers.count; k++)
			if (same_tunnel(all->carriers.obj[k],
					nla_get_string(o->attr[TUNNEL_A_NAME])))
				carrier_print(all->carriers.obj[k], "  ");
	}
	if (all->tunnels.count && (all->services.count || all->listeners.count))
		putchar('\n');
	for (i = 0; i < all->services.count; i++)
		service_print(all->services.obj[i]);
	for (i = 0; i < all->listeners.count; i++)
		listener_print(all->listeners.obj[i]);
}

static void print_json(const struct everything *all)
{
	struct json j = { 0 };
	size_t i;

	json_open(&j, NULL, '{');
	json_open(&j, "tunnels", '[');
	for (i = 0; i < all->tunnels.count; i++) {
		const struct obj *o = all->tunnels.obj[i];

		json_open(&j, NULL, '{');
		obj_json(&j, o);
		if (obj_has(o, TUNNEL_A_NAME))
			list_json(&j, "carriers", &all->carriers,
				  nla_get_string(o->attr[TUNNEL_A_NAME]));
		json_close(&j, '}');
	}
	json_close(&j, ']');
	list_json(&j, "services", &all->services, NULL);
	list_json(&j, "listeners", &all->listeners, NULL);
	json_close(&j, '}');
	json_end(&j);
}

int overview(struct ctx *ctx)
{
	struct everything all = { 0 };
	int ret;

	ret = list_get(ctx, TUNNEL_CMD_TUNNEL_GET, NULL, &all.tunnels);
	if (!ret)
		ret = list_get(ctx, TUNNEL_CMD_CARRIER_GET, NULL, &all.carriers);
	if (!ret)
		ret = list_get(ctx, TUNNEL_CMD_SERVICE_GET, NULL, &all.services);
	if (!ret)
		ret = list_get(ctx, TUNNEL_CMD_LISTENER_GET, NULL, &all.listeners);
	if (!ret && ctx->json)
		print_json(&all);
	else if (!ret)
		print_text(&all);
	list_free(&all.tunnels);
	list_free(&all.carriers);
	list_free(&all.services);
	list_free(&all.listeners);
	return ret;
}
