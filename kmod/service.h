/* SPDX-License-Identifier: GPL-2.0 */
/* Services: names the peer may open sessions to, and where they lead. */
#ifndef _TUNNEL_SERVICE_H
#define _TUNNEL_SERVICE_H

#include <linux/cred.h>
#include <linux/netlink.h>
#include <linux/socket.h>
#include <linux/un.h>
#include <net/sock.h>

#include "access.h"
#include "tunnel.h"

struct tnl_service {
	struct list_head node;		/* tnl_net.services */
	struct rcu_head rcu;
	struct tnl_net *tn;
	char name[TUNNEL_NAME_MAX + 1];
	char tunnel[TUNNEL_NAME_MAX + 1];	/* empty: for every tunnel */
	struct sockaddr_storage target;	/* family 0: @text, or the socket of the owner */
	char *text;			/* target by which the daemon connects, or NULL */
	const struct cred *cred;	/* who set it up: connects as that user */
	kuid_t owner;			/* who may bind it */
	kgid_t group;			/* or is in this group, if it is valid */
	struct sock __rcu *listener;	/* bound to it; writers: tnl_net.lock */
	struct tunnel_network *access;	/* of its own, or NULL */
	unsigned int n_access;
	struct tnl_limiter *limiter;	/* NULL: never had limits */
};

/* struct tnl_service_config - what a new service shall be */
struct tnl_service_config {
	const char *name, *tunnel;
	const struct sockaddr_storage *target;	/* NULL: text, or a socket */
	const char *text;
	kuid_t owner;
	kgid_t group;
	const struct tunnel_network *access;	/* checked; NULL: none, or as it is */
	unsigned int n_access;
	const struct tnl_limits *limits;	/* NULL: none, or as they are */
};

int tnl_service_add(struct tnl_net *tn, const struct tnl_service_config *config,
		    struct netlink_ext_ack *extack);
int tnl_service_set(struct tnl_net *tn, const struct tnl_service_config *config,
		    struct netlink_ext_ack *extack);
int tnl_service_del(struct tnl_net *tn, const char *name, const char *tunnel);
void tnl_service_limits(struct tnl_net *tn, const char *name, const char *tunnel,
			struct tnl_limits *max);
void tnl_service_del_all(struct tnl_net *tn, const char *tunnel);
int tnl_service_admit(struct tnl_tunnel *t, const struct tnl_open *o,
		      struct sock **listener, struct tnl_limited **limited);
int tnl_service_bind(struct tnl_net *tn, const char *name, const char *tunnel,
		     struct sock *sk);
void tnl_service_unbind(struct tnl_net *tn, struct sock *sk);
int tnl_service_target(struct tnl_tunnel *t, const char *name,
		       struct sockaddr_storage *target, const struct cred **cred);
int tnl_service_put_text(struct tnl_tunnel *t, const char *name, struct sk_buff *skb);

static inline int tnl_sockaddr_len(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_UNIX)
		return offsetof(struct sockaddr_un, sun_path) + 1 +
		       strlen(((const struct sockaddr_un *)ss)->sun_path);
	return ss->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
					   sizeof(struct sockaddr_in);
}

#endif /* _TUNNEL_SERVICE_H */
