// SPDX-License-Identifier: GPL-2.0
#include <linux/rculist.h>
#include <linux/slab.h>

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

/* tnl_service_exists - may the peer of @t open sessions to @name? */
bool tnl_service_exists(struct tnl_tunnel *t, const char *name)
{
	bool found;

	rcu_read_lock();
	found = resolve(t, name);
	rcu_read_unlock();
	return found;
}

/**
 * tnl_service_target - where a service leads
 * @t: the tunnel the session came on
 * @name: the service
 * @target: result
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
 * tnl_service_add - offer a service
 * @tn: the namespace; lock held
 * @name: checked
 * @tunnel: checked, or ""
 * @target: IPv4 or IPv6
 * @extack: gets the reason of a refusal
 * Return: 0, -EEXIST or -ENOMEM.
 */
int tnl_service_add(struct tnl_net *tn, const char *name, const char *tunnel,
		    const struct sockaddr_storage *target,
		    struct netlink_ext_ack *extack)
{
	struct tnl_service *svc;

	if (find(tn, name, tunnel)) {
		NL_SET_ERR_MSG(extack, "a service of this name exists: delete it first, or choose another name");
		return -EEXIST;
	}
	svc = kzalloc(sizeof(*svc), GFP_KERNEL_ACCOUNT);
	if (!svc)
		return -ENOMEM;
	strscpy(svc->name, name, sizeof(svc->name));
	strscpy(svc->tunnel, tunnel, sizeof(svc->tunnel));
	svc->target = *target;
	svc->cred = get_current_cred();
	list_add_tail_rcu(&svc->node, &tn->services);
	tn->generation++;
	tnl_notify_service(tn, svc, TUNNEL_CMD_SERVICE_NEW);
	return 0;
}

static void free_rcu(struct rcu_head *rcu)
{
	struct tnl_service *svc = container_of(rcu, struct tnl_service, rcu);

	put_cred(svc->cred);
	kfree(svc);
}

static void del(struct tnl_net *tn, struct tnl_service *svc)
{
	list_del_rcu(&svc->node);
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
