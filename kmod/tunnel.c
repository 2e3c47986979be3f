// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "carrier.h"
#include "listener.h"
#include "notify.h"
#include "service.h"
#include "tunnel.h"

/* lock held, or RCU */
struct tnl_tunnel *tnl_tunnel_find(struct tnl_net *tn, const char *name)
{
	struct tnl_tunnel *t;

	list_for_each_entry_rcu(t, &tn->tunnels, node, lockdep_is_held(&tn->lock))
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

/* tnl_tunnel_get - find a tunnel. Return: it with a reference, or NULL. */
struct tnl_tunnel *tnl_tunnel_get(struct tnl_net *tn, const char *name)
{
	struct tnl_tunnel *t;

	rcu_read_lock();
	t = tnl_tunnel_find(tn, name);
	if (t && !refcount_inc_not_zero(&t->ref))
		t = NULL;
	rcu_read_unlock();
	return t;
}

/* tnl_tunnel_allows - may the calling program open sessions? Context: process. */
bool tnl_tunnel_allows(const struct tnl_tunnel *t)
{
	const struct tnl_allow *a = &t->allow;
	unsigned int i;

	for (i = 0; i < a->n_uids; i++)
		if (uid_eq(a->uids[i], current_euid()))
			return true;
	for (i = 0; i < a->n_gids; i++)
		if (in_egroup_p(a->gids[i]))
			return true;
	return ns_capable(t->tn->net->user_ns, CAP_NET_ADMIN);
}

/*
 * tnl_tunnel_direct - shall the calling program send and receive itself (direct.h)?
 * Who could remove the tunnel may as well hold it up. Context: process.
 */
bool tnl_tunnel_direct(const struct tnl_tunnel *t)
{
	if (t->direct == TUNNEL_DIRECT_ADMIN)
		return ns_capable_noaudit(t->tn->net->user_ns, CAP_NET_ADMIN);
	return t->direct == TUNNEL_DIRECT_ON;
}

void tnl_tunnel_hold(struct tnl_tunnel *t)
{
	refcount_inc(&t->ref);
}

/* Text and lane go with the last reference; the struct itself with RCU. */
void tnl_tunnel_put(struct tnl_tunnel *t)
{
	if (!refcount_dec_and_test(&t->ref))
		return;
	tnl_lane_free(&t->lane);
	tnl_limiter_put(t->limiter);
	kfree(t->remote);
	kfree(t->local);
	tnl_identity_free(t->identity);
	kfree_rcu(t, rcu);
}

static char *dup(const char *text)
{
	return text ? kstrdup(text, GFP_KERNEL_ACCOUNT) : NULL;
}

/**
 * tnl_tunnel_create - a new tunnel, visible when this returns
 * @tn: the namespace; lock held
 * @config: checked; its identity goes over to the tunnel
 *
 * A tunnel holds a reference on the module: what it carries must not vanish
 * under running programs. `tunnelctl flush` is the way to an unload.
 *
 * Return: the tunnel (borrowed), or ERR_PTR(-ENOMEM): the identity is the caller's still.
 */
struct tnl_tunnel *tnl_tunnel_create(struct tnl_net *tn,
				     const struct tnl_tunnel_config *config)
{
	struct tnl_tunnel *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);

	if (!t)
		return ERR_PTR(-ENOMEM);
	t->tn = tn;
	refcount_set(&t->ref, 1);
	strscpy(t->name, config->name, sizeof(t->name));
	t->role = config->role;
	t->ciphers = config->ciphers;
	t->grace_ms = config->grace_ms;
	t->direct = config->direct;
	t->allow = config->allow;
	t->remote = dup(config->remote);
	t->local = dup(config->local);
	if (tnl_limits_any(&config->limits))
		t->limiter = tnl_limiter_new(&config->limits);
	if ((config->remote && !t->remote) || (config->local && !t->local) ||
	    (tnl_limits_any(&config->limits) && !t->limiter) || tnl_lane_init(&t->lane, t)) {
		tnl_limiter_put(t->limiter);
		kfree(t->remote);
		kfree(t->local);
		kfree(t);
		return ERR_PTR(-ENOMEM);
	}
	t->identity = config->identity;
	__module_get(THIS_MODULE);
	t->id = ++tn->next_tunnel_id;
	t->identity->revision = ++tn->generation;
	list_add_tail_rcu(&t->node, &tn->tunnels);
	tnl_notify_tunnel(t, TUNNEL_CMD_TUNNEL_NEW);
	return t;
}

/**
 * tnl_tunnel_limit - other limits for what the peer opens, and for the bytes of all
 * @t: the tunnel; tnl_net.lock held
 * @max: from now on
 *
 * Sessions that were there before the tunnel had any limits have none.
 *
 * Return: 0 or -ENOMEM.
 */
int tnl_tunnel_limit(struct tnl_tunnel *t, const struct tnl_limits *max)
{
	struct tnl_limiter *l;

	lockdep_assert_held(&t->tn->lock);
	if (t->limiter) {
		tnl_limiter_set(t->limiter, max);
		return 0;
	}
	if (!tnl_limits_any(max))
		return 0;
	l = tnl_limiter_new(max);
	if (!l)
		return -ENOMEM;
	/* Pairs with the acquire of who opens a session. */
	smp_store_release(&t->limiter, l);
	return 0;
}

/**
 * tnl_tunnel_identify - another identity for a tunnel
 * @t: tnl_net.lock and attach_lock of its lane held
 * @id: goes over to the tunnel
 *
 * What the former one has let in is still there: tnl_carrier_revoke() follows, before
 * attach_lock is let go.
 *
 * Return: the former one, to be freed.
 */
struct tnl_identity *tnl_tunnel_identify(struct tnl_tunnel *t, struct tnl_identity *id)
{
	struct tnl_identity *old = t->identity;

	lockdep_assert_held(&t->tn->lock);
	lockdep_assert_held(&t->lane.attach_lock);
	id->revision = ++t->tn->generation;
	if (tnl_identity_judges_alike(id, old))
		id->revision = old->revision;
	t->identity = id;
	tnl_notify_tunnel(t, TUNNEL_CMD_TUNNEL_SET);
	return old;
}

/* tnl_tunnel_unlink - first half of removal: nobody finds it. tnl_net.lock held. */
void tnl_tunnel_unlink(struct tnl_tunnel *t)
{
	struct tnl_net *tn = t->tn;

	lockdep_assert_held(&tn->lock);
	tnl_service_del_all(tn, t->name);
	list_del_rcu(&t->node);
	tn->generation++;
	tnl_notify_tunnel(t, TUNNEL_CMD_TUNNEL_DEL);
}

/**
 * tnl_tunnel_destroy - second half: end what it carries, and wait for that
 * @t: unlinked; the reference of the list is dropped
 * Context: process, tnl_net.lock not held.
 */
void tnl_tunnel_destroy(struct tnl_tunnel *t)
{
	struct tnl_net *tn = t->tn;

	tnl_lane_close(&t->lane, TUNNEL_REASON_ADMIN);
	wait_event(tn->idle, !atomic_read(&t->relays));
	tnl_tunnel_put(t);
	module_put(THIS_MODULE);
}

/**
 * tnl_flush - remove every object of a namespace
 * @tn: the namespace; lock not held
 */
void tnl_flush(struct tnl_net *tn)
{
	struct tnl_tunnel *t;

	tnl_listener_del_all(tn, NULL);
	mutex_lock(&tn->lock);
	tnl_service_del_all(tn, NULL);
	mutex_unlock(&tn->lock);
	for (;;) {
		mutex_lock(&tn->lock);
		t = list_first_entry_or_null(&tn->tunnels, struct tnl_tunnel, node);
		if (t)
			tnl_tunnel_unlink(t);
		mutex_unlock(&tn->lock);
		if (!t)
			break;
		/* One may have been added before the tunnel was unlinked. */
		tnl_listener_del_all(tn, t->name);
		tnl_tunnel_destroy(t);
	}
}
