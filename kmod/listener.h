/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Listeners: local addresses, or paths, whose connections become sessions. Most lead to one
 * service, and the kernel accepts. Those with routes are the daemon's: it accepts, reads,
 * chooses, and hands the connection over (handover.h). The kernel keeps the routes, as
 * text that means nothing to it, so that a daemon that comes anew finds them.
 */
#ifndef _TUNNEL_LISTENER_H
#define _TUNNEL_LISTENER_H

#include <linux/netlink.h>
#include <linux/socket.h>

#include "tunnel.h"
#include "watch.h"

/* struct tnl_file - what its owner says of the file at its path; absent: what it is */
struct tnl_file {
	bool has_mode, has_uid, has_gid;
	u32 mode, uid, gid;
};

struct tnl_listener {
	struct list_head node;		/* tnl_net.listeners */
	struct tnl_net *tn;
	struct sockaddr_storage address;

	char *routes;			/* tnl_net.lock; NULL: one service */
	u32 revision;			/* tnl_net.lock: another one with each change of them */
	u8 state;			/* tnl_net.lock: enum tunnel_listener_state */
	char report[TUNNEL_TEXT_MAX + 1];	/* tnl_net.lock: why it failed */

	/* without routes */
	char tunnel[TUNNEL_NAME_MAX + 1];
	char service[TUNNEL_NAME_MAX + 1];
	char *destination;		/* what it is asked for, or NULL */
	struct tnl_file file;		/* at a path */
	struct socket *sock;
	struct tnl_watch watch;
	struct work_struct accept_work;
};

int tnl_listener_add(struct tnl_net *tn, struct sockaddr_storage *address,
		     const char *tunnel, const char *service, const char *destination,
		     const struct tnl_file *file, struct netlink_ext_ack *extack);
int tnl_listener_add_routes(struct tnl_net *tn, const struct sockaddr_storage *address,
			    const char *routes, struct netlink_ext_ack *extack);
int tnl_listener_set_routes(struct tnl_net *tn, const struct sockaddr_storage *address,
			    const char *routes, const u32 *revision,
			    struct netlink_ext_ack *extack);
int tnl_listener_report(struct tnl_net *tn, const struct sockaddr_storage *address,
			u32 revision, u8 state, const char *report,
			struct netlink_ext_ack *extack);
void tnl_listener_await_daemon(struct tnl_net *tn);
int tnl_listener_del(struct tnl_net *tn, const struct sockaddr_storage *address,
		     const u32 *revision);
void tnl_listener_del_all(struct tnl_net *tn, const char *tunnel);

#endif /* _TUNNEL_LISTENER_H */
