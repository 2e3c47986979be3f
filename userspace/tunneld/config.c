// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/filter.h>
#include <linux/genetlink.h>
#include <mbedtls/platform_util.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>
#include "accept.h"
#include "ask.h"
#include "clock.h"
#include "config.h"
#include "crypto.h"
#include "dial.h"
#include "front.h"
#include "visitor.h"

/* Insurance only: notifications normally make it happen earlier. */
#define SYNC_IDLE_MS 30000
/* After a dump that failed or notifications that were lost: let the storm pass. */
#define SYNC_RETRY_MS 100

bool tunnel_accepts(const struct tunnel *t, const uint8_t pin[TUNNEL_PIN_LEN])
{
	bool found = false;
	size_t i;

	for (i = 0; i < t->n_pins; i++)
		found |= crypto_equal(t->pin[i], pin, TUNNEL_PIN_LEN);
	return found;
}

const struct tnl_psk *tunnel_psk(struct tunnel *t, char *err, size_t errlen)
{
	struct tnl_psk psk;

	if (t->psk_read)
		return t->psk_read;
	if (!*t->psk) {
		snprintf(err, errlen, "tunnel %s has no PSK", t->name);
		return NULL;
	}
	if (tnl_psk_read(t->psk, &psk, err, errlen))
		return NULL;
	if (!tunnel_accepts(t, psk.id))
		snprintf(err, errlen,
			 "%s holds another key than tunnel %s was given: 'tunnelctl tunnel set %s psk %s' takes it",
			 t->psk, t->name, t->name, t->psk);
	else if (!(t->psk_read = malloc(sizeof(psk))))
		snprintf(err, errlen, "out of memory");
	else
		*t->psk_read = psk;
	mbedtls_platform_zeroize(&psk, sizeof(psk));
	return t->psk_read;
}

static struct peer *known(struct peer *peer, const struct tunnel *t)
{
	if (!peer)
		return NULL;
	memcpy(peer->tunnel, t->name, sizeof(peer->tunnel));
	peer->revision = t->revision;
	return peer;
}

bool tunnel_add_peers(struct tunnel *t, struct peers *peers, char *err, size_t errlen)
{
	const struct tnl_psk *psk;
	struct trust *trust;
	bool good = true;
	size_t i;

	if (*t->psk) {
		psk = tunnel_psk(t, err, errlen);
		if (!psk)
			return false;
		good = known(peers_add_psk(peers, t->psk_name, psk), t);
	} else if (*t->ca) {
		trust = trust_get(t->ca, err, errlen);
		if (!trust)
			return false;
		good = known(peers_add_ca(peers, t->ca, t->peer_name, trust), t);
		trust_put(trust);
	} else {
		for (i = 0; good && i < t->n_pins; i++)
			good = known(peers_add_pin(peers, t->pin[i]), t);
	}
	if (!good)
		snprintf(err, errlen, "out of memory");
	return good;
}

bool tunnel_still_accepts(const struct tunnel *t, const struct peer *peer,
			  const uint8_t pin[TUNNEL_PIN_LEN])
{
	struct trust *trust;
	char why[512];

	switch (peer->way) {
	case PEER_BY_PSK:
		return *t->psk && !strcmp(t->psk_name, peer->name) && tunnel_accepts(t, pin);
	case PEER_BY_PIN:
		return !*t->psk && !*t->ca && tunnel_accepts(t, pin);
	case PEER_BY_CA:
		if (!*t->ca || strcmp(t->ca, peer->ca) || strcmp(t->peer_name, peer->name) ||
		    t->revision != peer->revision)
			return false;
		/* the same file, with the same authorities in it */
		trust = trust_get(t->ca, why, sizeof(why));
		trust_put(trust);
		return trust && trust == peer->trust;
	}
	return false;
}

/* --- reading the kernel's tunnels ---------------------------------------- */

struct dump {
	struct tunnel *first, **last;
	bool no_memory;
};

static void copy_text(char *to, size_t size, struct nlattr *attr)
{
	if (attr)
		nla_strlcpy(to, attr, size);
}

static int take_tunnel(uint8_t cmd, struct nlattr **attr, void *arg)
{
	struct dump *dump = arg;
	const uint8_t *pins;
	size_t n = tnl_pins(attr, &pins);
	struct tunnel *t;
	bool ca = attr[TUNNEL_A_PEER_CA] && attr[TUNNEL_A_PEER_AUTH_NAME] &&
		  *nla_get_string(attr[TUNNEL_A_PEER_CA]) &&
		  *nla_get_string(attr[TUNNEL_A_PEER_AUTH_NAME]);

	(void)cmd;
	/* Nobody is accepted who is not named. */
	if (!attr[TUNNEL_A_NAME] || !attr[TUNNEL_A_ROLE] || !n == !ca || n > TUNNEL_PINS_MAX)
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t) {
		dump->no_memory = true;
		return 0;
	}
	copy_text(t->name, sizeof(t->name), attr[TUNNEL_A_NAME]);
	copy_text(t->remote, sizeof(t->remote), attr[TUNNEL_A_REMOTE]);
	copy_text(t->local, sizeof(t->local), attr[TUNNEL_A_LOCAL]);
	copy_text(t->key, sizeof(t->key), attr[TUNNEL_A_KEY]);
	copy_text(t->cert, sizeof(t->cert), attr[TUNNEL_A_CERT]);
	copy_text(t->ca, sizeof(t->ca), attr[TUNNEL_A_PEER_CA]);
	copy_text(t->peer_name, sizeof(t->peer_name), attr[TUNNEL_A_PEER_AUTH_NAME]);
	copy_text(t->psk, sizeof(t->psk), attr[TUNNEL_A_PSK]);
	if (attr[TUNNEL_A_REVISION])
		t->revision = nla_get_u32(attr[TUNNEL_A_REVISION]);
	copy_text(t->psk_name, sizeof(t->psk_name), attr[TUNNEL_A_PSK_IDENTITY]);
	if (n)
		memcpy(t->pin, pins, n * TUNNEL_PIN_LEN);
	t->n_pins = n;
	t->role = nla_get_u8(attr[TUNNEL_A_ROLE]);
	if (attr[TUNNEL_A_STATE])
		t->state = nla_get_u8(attr[TUNNEL_A_STATE]);
	if (attr[TUNNEL_A_CIPHERS])
		t->ciphers = nla_get_u32(attr[TUNNEL_A_CIPHERS]);
	if (!t->ciphers)
		t->ciphers = TUNNEL_CIPHER_ALL;
	*dump->last = t;
	dump->last = &t->next;
	return 0;
}

static void free_tunnel(struct tunnel *t)
{
	if (t->psk_read)
		mbedtls_platform_zeroize(t->psk_read, sizeof(*t->psk_read));
	free(t->psk_read);
	free(t);
}

static void free_list(struct tunnel *t)
{
	while (t) {
		struct tunnel *next = t->next;

		free_tunnel(t);
		t = next;
	}
}

static int read_tunnels(struct daemon *d, struct tunnel **list)
{
	struct dump dump = { .last = &dump.first };
	struct nl_msg *msg = tnl_msg(&d->ctl, TUNNEL_CMD_TUNNEL_GET, NLM_F_DUMP);
	int ret = msg ? tnl_talk(&d->ctl, msg, take_tunnel, &dump) : -ENOMEM;

	if (!ret && dump.no_memory)
		ret = -ENOMEM;
	if (ret) {
		free_list(dump.first);
		return ret;
	}
	*list = dump.first;
	return 0;
}

/* --- making the mirror equal --------------------------------------------- */

static bool same_settings(const struct tunnel *a, const struct tunnel *b)
{
	return a->role == b->role && a->ciphers == b->ciphers && a->n_pins == b->n_pins &&
	       !memcmp(a->pin, b->pin, sizeof(a->pin)) && !strcmp(a->remote, b->remote) &&
	       !strcmp(a->local, b->local) && !strcmp(a->key, b->key) && !strcmp(a->psk, b->psk) &&
	       !strcmp(a->cert, b->cert) && !strcmp(a->ca, b->ca) &&
	       !strcmp(a->peer_name, b->peer_name) && a->revision == b->revision &&
	       !strcmp(a->psk_name, b->psk_name);
}

static void forget(struct tunnel *t)
{
	dial_stop(t);
	free_tunnel(t);
}

/*
 * The kernel's list becomes ours; a tunnel that is on both with the same
 * settings keeps what is being done for it.
 */
static void merge(struct daemon *d, struct tunnel *list)
{
	struct tunnel *old = d->tunnels, *t, **p;

	for (t = list; t; t = t->next) {
		for (p = &old; *p; p = &(*p)->next)
			if (!strcmp((*p)->name, t->name))
				break;
		if (!*p) {
			log_info("tunnel %s: found", t->name);
			continue;
		}
		if (same_settings(*p, t)) {
			struct tunnel *o = *p;

			*p = o->next;
			t->dial = o->dial;
			t->listener = o->listener;
			t->complaint = o->complaint;
			t->psk_read = o->psk_read;
			o->psk_read = NULL;
			if (t->dial)
				dial_moved(t);
			free_tunnel(o);
		}
	}
	while (old) {
		t = old->next;
		log_info("tunnel %s: gone or changed", old->name);
		forget(old);
		old = t;
	}
	d->tunnels = list;
}

static int sync_now(struct daemon *d)
{
	struct tunnel *list, *t;
	int ret = read_tunnels(d, &list);

	if (ret)
		return ret;
	merge(d, list);
	accept_sync(d);
	for (t = d->tunnels; t; t = t->next)
		if (t->role == TUNNEL_ROLE_DIAL)
			dial_sync(d, t);
	return front_sync(d);
}

static void on_sync(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	int ret = sync_now(d);

	(void)fd;
	(void)what;
	if (ret == -ENOENT) {
		/* the family has gone: with the module went all we work for */
		log_info("the tunnel module has been removed");
		daemon_stop(d, 2);
		return;
	}
	if (ret && ret != -EINTR)
		log_info("listing tunnels and listeners: %s",
			 d->ctl.error[0] ? d->ctl.error : strerror(-ret));
	config_sync_soon(d, ret ? SYNC_RETRY_MS : SYNC_IDLE_MS);
}

void config_sync_soon(struct daemon *d, unsigned int ms)
{
	struct timeval tv = clock_timeval(ms);
	uint64_t due = clock_ms() + ms;

	if (evtimer_pending(d->sync_timer, NULL) && d->sync_due_ms <= due)
		return;
	d->sync_due_ms = due;
	evtimer_add(d->sync_timer, &tv);
}

/* --- notifications ------------------------------------------------------- */

static struct tunnel *find(struct daemon *d, struct nlattr *name)
{
	struct tunnel *t;

	for (t = d->tunnels; name && t; t = t->next)
		if (!strcmp(t->name, nla_get_string(name)))
			return t;
	return NULL;
}

static int on_event(uint8_t cmd, struct nlattr **attr, void *arg)
{
	struct daemon *d = arg;
	struct tunnel *t = find(d, attr[TUNNEL_A_NAME]);
	uint8_t reason;

	switch (cmd) {
	case TUNNEL_CMD_CARRIER_UP:
		if (t) {
			log_info("tunnel %s: up", t->name);
			dial_carrier_up(t);
		}
		break;
	case TUNNEL_CMD_CARRIER_DOWN:
		reason = attr[TUNNEL_A_REASON] ? nla_get_u8(attr[TUNNEL_A_REASON]) : 0;
		if (t) {
			log_info("tunnel %s: carrier ended: %s", t->name, tnl_reason_text(reason));
			dial_carrier_down(t, reason);
		}
		break;
	case TUNNEL_CMD_SESSION_ASK:
		ask_start(d, attr);
		return 0;
	case TUNNEL_CMD_TUNNEL_NEW:
	case TUNNEL_CMD_TUNNEL_SET:
	case TUNNEL_CMD_TUNNEL_DEL:
	case TUNNEL_CMD_FLUSH:
	case TUNNEL_CMD_LISTENER_NEW:
	case TUNNEL_CMD_LISTENER_SET:
	case TUNNEL_CMD_LISTENER_DEL:
		break;
	default:
		return 0;
	}
	config_sync_soon(d, 0);
	return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	int ret = tnl_receive(&d->events, on_event, d);

	(void)fd;
	(void)what;
	if (ret && ret != -EAGAIN && ret != -EINTR) {
		log_debug("notifications were lost: %s", strerror(-ret));
		config_sync_soon(d, SYNC_RETRY_MS);
	}
}

/*
 * Sessions come and go by the thousand per second on a busy host, in the group
 * that also tells of carriers. A filter in the kernel keeps them from waking us.
 */
static void ignore_sessions(struct daemon *d)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NLMSG_HDRLEN), /* genlmsghdr.cmd */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TUNNEL_CMD_SESSION_OPENED, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TUNNEL_CMD_SESSION_CLOSED, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog prog = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (setsockopt(nl_socket_get_fd(d->events.sk), SOL_SOCKET, SO_ATTACH_FILTER, &prog,
		       sizeof(prog)))
		log_debug("SO_ATTACH_FILTER: %s", strerror(errno));
}

/* A question that does not fit is a session refused: room for some ten thousand. */
static void make_room(struct daemon *d)
{
	int bytes = 32 << 20;

	if (setsockopt(nl_socket_get_fd(d->events.sk), SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
		       sizeof(bytes)))
		log_debug("SO_RCVBUFFORCE: %s", strerror(errno));
}

/* --- life ---------------------------------------------------------------- */

static int join(struct daemon *d)
{
	int ret = tnl_join(&d->events, TUNNEL_MCGRP_CONFIG);

	if (!ret)
		ret = tnl_join(&d->events, TUNNEL_MCGRP_EVENTS);
	if (ret)
		log_info("%s", d->events.error);
	return ret;
}

int config_start(struct daemon *d)
{
	struct nl_msg *msg = tnl_msg(&d->ctl, TUNNEL_CMD_DAEMON_REGISTER, 0);
	int ret = -ENOMEM;

	/* Questions come where notifications do: nobody waits for an answer there. */
	if (msg && !nla_put_u32(msg, TUNNEL_A_ASK_PORT, nl_socket_get_local_port(d->events.sk)))
		ret = tnl_talk(&d->ctl, msg, NULL, NULL);
	else
		nlmsg_free(msg);
	if (ret) {
		log_info("%s", d->ctl.error[0] ? d->ctl.error : strerror(-ret));
		return ret;
	}
	/* first listen, then read: what changes in between is announced */
	ret = join(d);
	if (ret)
		return ret;
	ignore_sessions(d);
	make_room(d);
	nl_socket_set_nonblocking(d->events.sk);
	d->events_io = event_new(d->base, nl_socket_get_fd(d->events.sk), EV_READ | EV_PERSIST,
				 on_readable, d);
	d->sync_timer = evtimer_new(d->base, on_sync, d);
	if (!d->events_io || !d->sync_timer || event_add(d->events_io, NULL)) {
		log_info("out of memory");
		return -ENOMEM;
	}
	config_sync_soon(d, 0);
	return 0;
}

void config_stop(struct daemon *d)
{
	while (d->tunnels) {
		struct tunnel *t = d->tunnels;

		d->tunnels = t->next;
		forget(t);
	}
	accept_sync(d);
	front_stop(d);
	visitors_drop(d);
	asks_drop(d);
	if (d->events_io)
		event_free(d->events_io);
	if (d->sync_timer)
		event_free(d->sync_timer);
}
