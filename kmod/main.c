// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/notifier.h>
#include <net/netns/generic.h>

#include "af_tunnel.h"
#include "carrier.h"
#include "chunk.h"
#include "compat/compat.h"
#include "direct.h"
#include "kunit.h"
#include "netlink.h"
#include "relay.h"
#include "watch.h"

/*
 * How long carriers, and connections that were handed over, outlive the daemon outside of
 * the initial namespace.
 */
static unsigned int linger = 300;
module_param(linger, uint, 0644);
MODULE_PARM_DESC(linger, "seconds that carriers go on without tunneld, in other than the initial network namespace (default 300, 0: for ever)");

/* How many works of local connections may be begun on a processor. */
#define LOCAL_ACTIVE 32

struct workqueue_struct *tnl_wq, *tnl_local_wq;
static unsigned int net_id;

struct tnl_net *tnl_net(struct net *net)
{
	return net_generic(net, net_id);
}

/*
 * Carriers pin their namespace (they are files of a user), and so do connections that
 * were handed over. One whose daemon is gone for good must not stay for ever because of
 * them.
 */
static void linger_over(struct work_struct *work)
{
	struct tnl_net *tn = container_of(to_delayed_work(work), struct tnl_net,
					  linger);

	mutex_lock(&tn->lock);
	if (!tn->daemon_portid) {
		net_info_ratelimited("no tunneld for %u s: closing its carriers\n",
				     linger);
		tnl_carrier_drop_all(tn, TUNNEL_REASON_NO_DAEMON);
		tnl_relay_drop_adopted(tn, TUNNEL_REASON_NO_DAEMON);
	}
	mutex_unlock(&tn->lock);
}

/*
 * tnl_net_linger - carriers without a daemon are for a limited time
 * Context: any.
 */
void tnl_net_linger(struct tnl_net *tn)
{
	if (linger && !READ_ONCE(tn->daemon_portid) && !net_eq(tn->net, &init_net))
		queue_delayed_work(tnl_wq, &tn->linger, linger * HZ);
}

/* Port ids are used again: forget the daemon's as soon as its socket closes. */
static int netlink_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct netlink_notify *n = data;
	struct tnl_net *tn;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	tn = tnl_net(n->net);
	if (READ_ONCE(tn->daemon_portid) != n->portid)
		return NOTIFY_DONE;
	/* Atomic context: the port id is a word, and only its owner clears it. */
	WRITE_ONCE(tn->daemon_portid, 0);
	tnl_net_linger(tn);
	return NOTIFY_OK;
}

static struct notifier_block netlink_notifier = {
	.notifier_call = netlink_event,
};

static int __net_init net_init(struct net *net)
{
	struct tnl_net *tn = tnl_net(net);

	tn->net = net;
	mutex_init(&tn->lock);
	INIT_LIST_HEAD(&tn->tunnels);
	INIT_LIST_HEAD(&tn->services);
	INIT_LIST_HEAD(&tn->listeners);
	atomic_set(&tn->next_carrier_id, 0);
	INIT_DELAYED_WORK(&tn->linger, linger_over);
	init_waitqueue_head(&tn->idle);
	tnl_relay_net_init(tn);
	tn->mib = alloc_percpu(struct tnl_mib);
	return tn->mib ? 0 : -ENOMEM;
}

/*
 * Before the namespace's devices go: sockets of the kernel's own hold no
 * reference on it and must not outlive it.
 */
static void __net_exit net_pre_exit(struct net *net)
{
	struct tnl_net *tn = tnl_net(net);

	mutex_lock(&tn->lock);
	tn->dying = true;
	mutex_unlock(&tn->lock);
	tnl_flush(tn);
	tnl_relay_net_exit(tn);
	/* Carriers whose end was under way come to the list by this. */
	flush_workqueue(tnl_wq);
	tnl_carrier_finish_draining(tn);
}

static void __net_exit net_exit(struct net *net)
{
	struct tnl_net *tn = tnl_net(net);

	cancel_delayed_work_sync(&tn->linger);
	/* Ends of carriers that were under way refer to the namespace. */
	flush_workqueue(tnl_wq);
	free_percpu(tn->mib);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.pre_exit = net_pre_exit,
	.exit = net_exit,
	.id = &net_id,
	.size = sizeof(struct tnl_net),
};

static int __init tunnel_init(void)
{
	int err;

	err = tnl_chunk_cache_create();
	if (err)
		return err;
	/* Bound: a carrier's records stay in the cache of the CPU they came to. */
	tnl_wq = alloc_workqueue("tunnel", WQ_PERCPU, 0);
	err = -ENOMEM;
	if (!tnl_wq)
		goto cache;
	tnl_local_wq = alloc_workqueue("tunnel-local", WQ_PERCPU, LOCAL_ACTIVE);
	if (!tnl_local_wq)
		goto wq;
	err = tnl_direct_init();
	if (err)
		goto local;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto direct;
	err = netlink_register_notifier(&netlink_notifier);
	if (err)
		goto pernet;
	err = genl_register_family(&tnl_genl_family);
	if (err)
		goto notifier;
	err = tnl_sock_register();
	if (err)
		goto genl;
	pr_info("version %s loaded\n", TUNNEL_VERSION);
	tnl_kunit_run();
	return 0;

genl:
	genl_unregister_family(&tnl_genl_family);
notifier:
	netlink_unregister_notifier(&netlink_notifier);
pernet:
	unregister_pernet_subsys(&net_ops);
direct:
	tnl_direct_exit();
local:
	destroy_workqueue(tnl_local_wq);
wq:
	destroy_workqueue(tnl_wq);
cache:
	tnl_chunk_cache_destroy();
	return err;
}

static void __exit tunnel_exit(void)
{
	tnl_kunit_exit();
	/* 1. No new requests; 2. no objects; 3. no work; 4. no callbacks. */
	tnl_sock_unregister();
	genl_unregister_family(&tnl_genl_family);
	netlink_unregister_notifier(&netlink_notifier);
	unregister_pernet_subsys(&net_ops);
	tnl_direct_exit();
	destroy_workqueue(tnl_local_wq);
	destroy_workqueue(tnl_wq);
	rcu_barrier();
	tnl_chunk_cache_destroy();
}

module_init(tunnel_init);
module_exit(tunnel_exit);

MODULE_DESCRIPTION("Encrypted, multiplexed tunnels between hosts");
MODULE_LICENSE("GPL");
MODULE_VERSION(TUNNEL_VERSION);
