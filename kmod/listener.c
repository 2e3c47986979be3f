// SPDX-License-Identifier: GPL-2.0
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "compat/compat.h"
#include "listener.h"
#include "notify.h"
#include "relay.h"
#include "service.h"

#define BUDGET 64
#define BACKLOG 4096	/* the kernel caps it at net.core.somaxconn */

static void accept_work(struct work_struct *work)
{
	struct tnl_listener *l = container_of(work, struct tnl_listener,
					      accept_work);
	int budget = BUDGET;
	struct tnl_tunnel *t;
	struct socket *sock;
	int err = 0;

	t = tnl_tunnel_get(l->tn, l->tunnel);
	while (budget--) {
		err = kernel_accept(l->sock, &sock, O_NONBLOCK);
		if (err)
			break;
		TNL_INC(l->tn, local_accepts);
		if (t) {
			tnl_relay_accepted(t, l->service, l->destination, sock);
		} else {
			TNL_INC(l->tn, sessions_no_tunnel);
			sock_no_linger(sock->sk);
			sock_release(sock);
		}
	}
	if (t)
		tnl_tunnel_put(t);
	/*
	 * A failure may be of memory, and leave connections in the queue; EINVAL
	 * is a socket that somebody has destroyed.
	 */
	if (err && err != -EAGAIN && err != -EINVAL)
		tnl_watch_retry(&l->watch);
	else if (!err)
		tnl_watch_queue(&l->watch, &l->accept_work);
}

/* What a socket binds to; the padding and the flow label say nothing. */
static bool same_address(const struct sockaddr_storage *a,
			 const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_UNIX)
		return !strcmp(((const struct sockaddr_un *)a)->sun_path,
			       ((const struct sockaddr_un *)b)->sun_path);
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		       a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port &&
	       a6->sin6_scope_id == b6->sin6_scope_id &&
	       ipv6_addr_equal(&a6->sin6_addr, &b6->sin6_addr);
}

static struct tnl_listener *find(struct tnl_net *tn,
				 const struct sockaddr_storage *address)
{
	struct tnl_listener *l;

	list_for_each_entry(l, &tn->listeners, node)
		if (same_address(&l->address, address))
			return l;
	return NULL;
}

static struct tnl_listener *make(struct tnl_net *tn,
				 const struct sockaddr_storage *address,
				 struct netlink_ext_ack *extack)
{
	struct tnl_listener *l;

	if (find(tn, address)) {
		NL_SET_ERR_MSG(extack, "a listener on this address exists: 'tunnelctl listener show' lists it");
		return ERR_PTR(-EEXIST);
	}
	l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);
	if (!l)
		return ERR_PTR(-ENOMEM);
	l->tn = tn;
	l->address = *address;
	return l;
}

static void publish(struct tnl_listener *l)
{
	list_add_tail(&l->node, &l->tn->listeners);
	/* Never one that another listener on the address has had. */
	l->revision = ++l->tn->generation;
	tnl_notify_listener(l->tn, l, TUNNEL_CMD_LISTENER_NEW);
}

/*
 * Bind and listen; @l->address becomes what was bound. A path is the calling process's: its
 * root, its rights, its umask. The file stays when the listener goes, as with any program.
 */
static int open_socket(struct tnl_listener *l, struct netlink_ext_ack *extack)
{
	bool path = l->address.ss_family == AF_UNIX;
	int len = tnl_sockaddr_len(&l->address);
	int err;

	err = sock_create_kern(l->tn->net, l->address.ss_family, SOCK_STREAM,
			       path ? 0 : IPPROTO_TCP, &l->sock);
	if (err) {
		NL_SET_ERR_MSG(extack, "cannot make a socket of this address family");
		return err;
	}
	if (!path)
		sock_set_reuseaddr(l->sock->sk);
	err = kernel_bind(l->sock, tnl_sockaddr(&l->address), len);
	if (!err)
		err = kernel_listen(l->sock, BACKLOG);
	if (err == -EADDRINUSE && path)
		NL_SET_ERR_MSG(extack, "there is a file of this name already: remove it, or choose another name");
	else if (path && err)
		NL_SET_ERR_MSG(extack, "cannot make a socket there: does its directory exist, and may you write to it?");
	else if (err == -EADDRINUSE)
		NL_SET_ERR_MSG(extack, "the address is in use: 'ss -ltn' shows by whom");
	else if (err == -EADDRNOTAVAIL)
		NL_SET_ERR_MSG(extack, "the address is not one of this host: 'ip address' shows which are");
	else if (err)
		NL_SET_ERR_MSG(extack, "cannot listen on this address");
	if (!err && !path) {
		err = kernel_getsockname(l->sock, (struct sockaddr *)&l->address);
		if (err > 0)
			err = 0;
	}
	if (err)
		sock_release(l->sock);
	return err;
}

/**
 * tnl_listener_add - accept connections for a service of the peer
 * @tn: the namespace; lock held
 * @address: IPv4 or IPv6, whose port 0 becomes the one the kernel chose; or a path
 * @tunnel: exists
 * @service: checked; whether the peer has it shows when it is used
 * @destination: what the service is asked for, or NULL
 * @file: what is said of the file at a path
 * @extack: gets the reason of a refusal
 * Context: process of the caller, whose path it is.
 * Return: 0 or -errno.
 */
int tnl_listener_add(struct tnl_net *tn, struct sockaddr_storage *address,
		     const char *tunnel, const char *service, const char *destination,
		     const struct tnl_file *file, struct netlink_ext_ack *extack)
{
	struct tnl_listener *l = make(tn, address, extack);
	int err;

	if (IS_ERR(l))
		return PTR_ERR(l);
	strscpy(l->tunnel, tunnel, sizeof(l->tunnel));
	strscpy(l->service, service, sizeof(l->service));
	l->file = *file;
	INIT_WORK(&l->accept_work, accept_work);
	tnl_watch_init(&l->watch, tnl_local_wq, &l->accept_work, &l->accept_work);
	if (destination)
		l->destination = kstrdup(destination, GFP_KERNEL_ACCOUNT);
	err = destination && !l->destination ? -ENOMEM : open_socket(l, extack);
	if (err) {
		kfree(l->destination);
		kfree(l);
		return err;
	}
	*address = l->address;
	publish(l);
	tnl_watch_start(&l->watch, l->sock);
	return 0;
}

/**
 * tnl_listener_add_routes - the daemon shall accept connections, and choose by routes
 * @tn: the namespace; lock held
 * @address: IPv4 or IPv6, with a port
 * @routes: text for the daemon, of at most TUNNEL_ROUTES_MAX bytes
 * @extack: gets the reason of a refusal
 * Return: 0 or -errno.
 */
int tnl_listener_add_routes(struct tnl_net *tn, const struct sockaddr_storage *address,
			    const char *routes, struct netlink_ext_ack *extack)
{
	struct tnl_listener *l = make(tn, address, extack);

	if (IS_ERR(l))
		return PTR_ERR(l);
	l->state = TUNNEL_LISTENER_WAITING;
	l->routes = kstrdup(routes, GFP_KERNEL_ACCOUNT);
	if (!l->routes) {
		kfree(l);
		return -ENOMEM;
	}
	publish(l);
	return 0;
}

/* One that the daemon serves. tn->lock held. */
static struct tnl_listener *find_routes(struct tnl_net *tn,
					const struct sockaddr_storage *address,
					struct netlink_ext_ack *extack)
{
	struct tnl_listener *l = find(tn, address);

	if (!l) {
		NL_SET_ERR_MSG(extack, "there is no listener on this address: 'tunnelctl listener show' lists them");
		return ERR_PTR(-ENOENT);
	}
	if (!l->routes) {
		NL_SET_ERR_MSG(extack, "this listener has no routes, it leads to one service: delete it first");
		return ERR_PTR(-EINVAL);
	}
	return l;
}

/**
 * tnl_listener_set_routes - other routes in place of those there are, all at once
 * @tn: the namespace; lock held
 * @address: of a listener with routes
 * @routes: as for tnl_listener_add_routes()
 * @revision: that they are meant to follow on, or NULL
 * @extack: gets the reason of a refusal
 * Return: 0, -ENOENT, -EINVAL: it has none, -ESTALE: another revision, -ENOMEM.
 */
int tnl_listener_set_routes(struct tnl_net *tn, const struct sockaddr_storage *address,
			    const char *routes, const u32 *revision,
			    struct netlink_ext_ack *extack)
{
	struct tnl_listener *l = find_routes(tn, address, extack);
	char *copy;

	if (IS_ERR(l))
		return PTR_ERR(l);
	if (revision && *revision != l->revision) {
		NL_SET_ERR_MSG(extack, "the routes have been changed meanwhile: look, and try again");
		return -ESTALE;
	}
	copy = kstrdup(routes, GFP_KERNEL_ACCOUNT);
	if (!copy)
		return -ENOMEM;
	kfree(l->routes);
	l->routes = copy;
	l->revision = ++tn->generation;
	l->state = TUNNEL_LISTENER_WAITING;
	tnl_notify_listener(tn, l, TUNNEL_CMD_LISTENER_SET);
	return 0;
}

/**
 * tnl_listener_report - how far the daemon is with a listener
 * @tn: the namespace; lock held
 * @address: of a listener with routes
 * @revision: of them, that this is about
 * @state: enum tunnel_listener_state
 * @report: why it has failed, or NULL
 * @extack: gets the reason of a refusal
 * Return: 0, -ENOENT, -EINVAL, -ESTALE.
 */
int tnl_listener_report(struct tnl_net *tn, const struct sockaddr_storage *address,
			u32 revision, u8 state, const char *report,
			struct netlink_ext_ack *extack)
{
	struct tnl_listener *l = find_routes(tn, address, extack);

	if (IS_ERR(l))
		return PTR_ERR(l);
	if (revision != l->revision)
		return -ESTALE;
	l->state = state;
	strscpy(l->report, report ?: "", sizeof(l->report));
	tnl_notify_listener(tn, l, TUNNEL_CMD_LISTENER_REPORT);
	return 0;
}

/* tnl_listener_await_daemon - another one comes: it has taken up none. tn->lock held. */
void tnl_listener_await_daemon(struct tnl_net *tn)
{
	struct tnl_listener *l;

	list_for_each_entry(l, &tn->listeners, node)
		if (l->routes)
			l->state = TUNNEL_LISTENER_WAITING;
}

static void unlink(struct tnl_listener *l)
{
	list_del(&l->node);
	l->tn->generation++;
	tnl_notify_listener(l->tn, l, TUNNEL_CMD_LISTENER_DEL);
}

static void destroy(struct tnl_listener *l)
{
	if (!l->routes) {
		tnl_watch_stop(&l->watch);
		sock_release(l->sock);
	}
	kfree(l->destination);
	kfree(l->routes);
	kfree(l);
}

/**
 * tnl_listener_del - accept no more; sessions that are there go on
 * @tn: the namespace; lock not held
 * @address: of the listener
 * @revision: that its routes must have, or NULL
 * Return: 0, -ENOENT, -ESTALE.
 */
int tnl_listener_del(struct tnl_net *tn, const struct sockaddr_storage *address,
		     const u32 *revision)
{
	struct tnl_listener *l;
	int err = 0;

	mutex_lock(&tn->lock);
	l = find(tn, address);
	if (!l)
		err = -ENOENT;
	else if (revision && (!l->routes || *revision != l->revision))
		err = -ESTALE;
	else
		unlink(l);
	mutex_unlock(&tn->lock);
	if (!err)
		destroy(l);
	return err;
}

/* tnl_listener_del_all - those that lead to one tunnel, or with NULL every one */
void tnl_listener_del_all(struct tnl_net *tn, const char *tunnel)
{
	struct tnl_listener *l, *tmp;
	LIST_HEAD(gone);

	mutex_lock(&tn->lock);
	list_for_each_entry_safe(l, tmp, &tn->listeners, node) {
		if (tunnel && strcmp(l->tunnel, tunnel))
			continue;
		unlink(l);
		list_add_tail(&l->node, &gone);
	}
	mutex_unlock(&tn->lock);
	list_for_each_entry_safe(l, tmp, &gone, node)
		destroy(l);
}
