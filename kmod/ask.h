/* SPDX-License-Identifier: GPL-2.0 */
/* Questions to the daemon: where a session of the peer's leads. */
#ifndef _TUNNEL_ASK_H
#define _TUNNEL_ASK_H

#include <linux/types.h>

struct tnl_session;

int tnl_ask(struct tnl_session *s, u64 id);

#endif /* _TUNNEL_ASK_H */
