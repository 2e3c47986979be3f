// SPDX-License-Identifier: GPL-2.0
#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "af_tunnel.h"
#include "notify.h"
#include "service.h"

static struct tnl_service *find(struct tnl_net *tn, const char *name,
				const char *tunnel)
{
	struct tnl_service *svc;

	list_for_each_entry_rcu(svc, &tn->services, node,
				lockdep_is_held(&tn->lock))
		if (!strcmp(svc->name, name) && !strcmp(svc->tunnel, tunnel))
			return svc;
	return NULL;
}

/* What @t's peer gets under this name: its own service before everybody's. */
static struct tnl_service *resolve(struct tnl_tunnel *t, const char *name)
{
	struct tnl_service *svc = find(t->tn, name, t->name);

	return svc ? svc : find(t->tn, name, "");
}

/* Number only: what a peer says may not reach a log as text. */
static void say_denied(const struct tnl_tunnel *t, const struct tnl_open *o)
{
	if (o->has_source)
		net_info_ratelimited("%s: service %s: its access list denies %pI6c\n",
				     t->name, o->service, o->source);
	else
		net_info_ratelimited("%s: service %s: its access list denies a caller without address\n",
				     t->name, o->service);
}

/**
 * tnl_service_admit - may the peer of @t open this session?
 * @t: the tunnel
 * @o: what it asks for
 * @listener: result: the bound socket, referenced; NULL: it leads elsewhere
 * @limited: result: limits of the session, or NULL; goes to tnl_session_incoming()
 * Context: process.
 * Return: 0, -ENOENT, -ECONNREFUSED when no socket is bound, -EACCES by the access list,
 * -EDQUOT by a limit, -ENOMEM. With an error there is no result.
 */
int tnl_service_admit(struct tnl_tunnel *t, const struct tnl_open *o,
		      struct sock **listener, struct tnl_limited **limited)
{
	struct tnl_limiter *limiter = NULL;
	struct tnl_service *svc;
	struct sock *sk = NULL;
	int err = 0;

	rcu_read_lock();
	svc = resolve(t, o->service);
	if (!svc) {
		err = -ENOENT;
	} else if (!tnl_access_allows(svc->access, svc->n_access,
				      o->has_source ? o->source : NULL)) {
		err = -EACCES;
	} else if (!svc->target.ss_family && !svc->text) {
		sk = rcu_dereference(svc->listener);
		if (!sk || !refcount_inc_not_zero(&sk->sk_refcnt)) {
			sk = NULL;
			err = -ECONNREFUSED;
		}
	}
	if (!err && svc->limiter) {
		limiter = svc->limiter;
		tnl_limiter_hold(limiter);
	}
	rcu_read_unlock();
	if (err == -EACCES) {
		TNL_INC(t->tn, sessions_denied);
		say_denied(t, o);
	}
	if (!err) {
		/* Pairs with the release in tnl_tunnel_limit(). */
		err = tnl_limits_enter(limiter, smp_load_acquire(&t->limiter), limited);
		tnl_limiter_put(limiter);
		if (err == -EDQUOT)
			TNL_INC(t->tn, sessions_limited);
		if (err && sk)
			sock_put(sk);
	}
	*listener = err ? NULL : sk;
	return err;
}

/**
 * tnl_service_bind - a socket will listen for a service
 * @tn: the namespace; lock not held
 * @name: the service
 * @tunnel: the one it is for, or ""
 * @sk: not bound; unbinds itself before it goes
 *
 * Only the owner may, so that nobody takes a service over: also not root.
 *
 * Return: 0, -EADDRNOTAVAIL if there is no such service for sockets, -EACCES,
 * -EADDRINUSE.
 */
int tnl_service_bind(struct tnl_net *tn, const char *name, const char *tunnel,
		     struct sock *sk)
{
	struct tnl_service *svc;
	int err = 0;

	mutex_lock(&tn->lock);
	svc = find(tn, name, tunnel);
	if (!svc || svc->target.ss_family || svc->text)
		err = -EADDRNOTAVAIL;
	else if (!uid_eq(svc->owner, current_euid()) &&
		 !(gid_valid(svc->group) && in_egroup_p(svc->group)))
		err = -EACCES;
	else if (rcu_access_pointer(svc->listener))
		err = -EADDRINUSE;
	else
		rcu_assign_pointer(svc->listener, sk);
	mutex_unlock(&tn->lock);
	return err;
}

/* tnl_service_unbind - @sk listens for nothing any more. tn->lock not held. */
void tnl_service_unbind(struct tnl_net *tn, struct sock *sk)
{
	struct tnl_service *svc;

	mutex_lock(&tn->lock);
	list_for_each_entry(svc, &tn->services, node)
		if (rcu_access_pointer(svc->listener) == sk)
			RCU_INIT_POINTER(svc->listener, NULL);
	mutex_unlock(&tn->lock);
}

/**
 * tnl_service_target - where a service leads
 * @t: the tunnel the session came on
 * @name: the service
 * @target: result; family 0: the daemon is to be asked
 * @cred: result, referenced: whose connection it will be
 * Return: 0 or -ENOENT.
 */
int tnl_service_target(struct tnl_tunnel *t, const char *name,
		       struct sockaddr_storage *target, const struct cred **cred)
{
	struct tnl_service *svc;

	rcu_read_lock();
	svc = resolve(t, name);
	if (svc) {
		*target = svc->target;
		*cred = get_cred(svc->cred);
	}
	rcu_read_unlock();
	return svc ? 0 : -ENOENT;
}

/**
 * tnl_service_put_text - where a service leads that the daemon connects
 * @t: the tunnel the session came on
 * @name: the service
 * @skb: gets TUNNEL_A_TARGET
 * Return: 0, -ENOENT, -EMSGSIZE.
 */
int tnl_service_put_text(struct tnl_tunnel *t, const char *name, struct sk_buff *skb)
{
	struct tnl_service *svc;
	int err = -ENOENT;

	rcu_read_lock();
	svc = resolve(t, name);
	if (svc && svc->text)
		err = nla_put_string(skb, TUNNEL_A_TARGET, svc->text);
	rcu_read_unlock();
	return err;
}

static void destroy(struct tnl_service *svc)
{
	if (svc->cred)
		put_cred(svc->cred);
	tnl_limiter_put(svc->limiter);
	kfree(svc->access);
	kfree(svc->text);
	kfree(svc);
}

static void free_rcu(struct rcu_head *rcu)
{
	destroy(container_of(rcu, struct tnl_service, rcu));
}

/*
 * What it is, in memory of its own, as @config says or else as @old has it. The limiter of
 * @old becomes its own, too: sessions that it counts are counted on.
 */
static int fill(struct tnl_service *svc, const struct tnl_service_config *config,
		const struct tnl_service *old)
{
	const char *text = config->text ?: (old ? old->text : NULL);
	const struct tunnel_network *access = config->access;
	unsigned int n = config->n_access;

	if (!access && old) {
		access = old->access;
		n = old->n_access;
	}
	if (text) {
		svc->text = kstrdup(text, GFP_KERNEL_ACCOUNT);
		if (!svc->text)
			return -ENOMEM;
	}
	if (n) {
		svc->access = kmemdup(access, n * sizeof(*access), GFP_KERNEL_ACCOUNT);
		if (!svc->access)
			return -ENOMEM;
		svc->n_access = n;
	}
	if (old && old->limiter) {
		svc->limiter = old->limiter;
		tnl_limiter_hold(svc->limiter);
	} else if (config->limits && tnl_limits_any(config->limits)) {
		svc->limiter = tnl_limiter_new(config->limits);
		if (!svc->limiter)
			return -ENOMEM;
	}
	return 0;
}

/**
 * tnl_service_add - offer a service
 * @tn: the namespace; lock held
 * @config: checked; no tunnel is ""
 * @extack: gets the reason of a refusal
 * Return: 0, -EEXIST or -ENOMEM.
 */
int tnl_service_add(struct tnl_net *tn, const struct tnl_service_config *config,
		    struct netlink_ext_ack *extack)
{
	struct tnl_service *svc;

	if (find(tn, config->name, config->tunnel)) {
		NL_SET_ERR_MSG(extack, "a service of this name exists: delete it first, or choose another name");
		return -EEXIST;
	}
	svc = kzalloc(sizeof(*svc), GFP_KERNEL_ACCOUNT);
	if (!svc)
		return -ENOMEM;
	if (fill(svc, config, NULL)) {
		destroy(svc);
		return -ENOMEM;
	}
	svc->tn = tn;
	strscpy(svc->name, config->name, sizeof(svc->name));
	strscpy(svc->tunnel, config->tunnel, sizeof(svc->tunnel));
	if (config->target)
		svc->target = *config->target;
	svc->owner = config->owner;
	svc->group = config->group;
	svc->cred = get_current_cred();
	list_add_tail_rcu(&svc->node, &tn->services);
	tn->generation++;
	tnl_notify_service(tn, svc, TUNNEL_CMD_SERVICE_NEW);
	return 0;
}

/**
 * tnl_service_set - another target, access list or other limits for a service
 * @tn: the namespace; lock held
 * @config: checked; what is NULL stays as it is
 * @extack: gets the reason of a refusal
 *
 * Who is being asked for has been told the old target. Sessions that were there before the
 * service had any limits have none.
 *
 * Return: 0, -ENOENT, -EINVAL: a target for one that leads elsewhere, -ENOMEM.
 */
int tnl_service_set(struct tnl_net *tn, const struct tnl_service_config *config,
		    struct netlink_ext_ack *extack)
{
	struct tnl_service *old = find(tn, config->name, config->tunnel), *svc;

	if (!old) {
		NL_SET_ERR_MSG(extack, "there is no such service: 'tunnelctl service show' lists them");
		return -ENOENT;
	}
	if (config->text && !old->text) {
		NL_SET_ERR_MSG(extack, "this service leads to an address or a socket: delete it first");
		return -EINVAL;
	}
	svc = kmemdup(old, sizeof(*old), GFP_KERNEL_ACCOUNT);
	if (!svc)
		return -ENOMEM;
	svc->text = NULL;
	svc->access = NULL;
	svc->n_access = 0;
	svc->limiter = NULL;
	get_cred(svc->cred);
	if (fill(svc, config, old)) {
		destroy(svc);
		return -ENOMEM;
	}
	if (config->limits && svc->limiter)
		tnl_limiter_set(svc->limiter, config->limits);
	list_replace_rcu(&old->node, &svc->node);
	call_rcu(&old->rcu, free_rcu);
	tn->generation++;
	tnl_notify_service(tn, svc, TUNNEL_CMD_SERVICE_SET);
	return 0;
}

/* tnl_service_limits - those that it has now; tn->lock held */
void tnl_service_limits(struct tnl_net *tn, const char *name, const char *tunnel,
			struct tnl_limits *max)
{
	struct tnl_service *svc = find(tn, name, tunnel);

	if (svc && svc->limiter)
		*max = svc->limiter->max;
}

static void del(struct tnl_net *tn, struct tnl_service *svc)
{
	struct sock *sk = rcu_dereference_protected(svc->listener,
						    lockdep_is_held(&tn->lock));

	list_del_rcu(&svc->node);
	/* It unbinds itself under the lock, before it goes: it is there. */
	if (sk)
		tnl_sock_service_gone(sk);
	RCU_INIT_POINTER(svc->listener, NULL);
	tn->generation++;
	tnl_notify_service(tn, svc, TUNNEL_CMD_SERVICE_DEL);
	call_rcu(&svc->rcu, free_rcu);
}

/**
 * tnl_service_del - no new sessions to a service; those there are go on
 * @tn: the namespace; lock held
 * @name: the service
 * @tunnel: the one it is for, or ""
 * Return: 0 or -ENOENT.
 */
int tnl_service_del(struct tnl_net *tn, const char *name, const char *tunnel)
{
	struct tnl_service *svc = find(tn, name, tunnel);

	if (!svc)
		return -ENOENT;
	del(tn, svc);
	return 0;
}

/* tnl_service_del_all - those of one tunnel, or with NULL every one */
void tnl_service_del_all(struct tnl_net *tn, const char *tunnel)
{
	struct tnl_service *svc, *tmp;

	list_for_each_entry_safe(svc, tmp, &tn->services, node)
		if (!tunnel || !strcmp(svc->tunnel, tunnel))
			del(tn, svc);
}
