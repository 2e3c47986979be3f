/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Generic-netlink interface of tunnel.ko.
 *
 * The family is found by name (CTRL_CMD_GETFAMILY). Every request needs
 * CAP_NET_ADMIN in the initial user namespace (or in the namespace's own when
 * the module parameter userns=1), except TUNNEL_CMD_INFO_GET and
 * TUNNEL_CMD_STATS_GET. Every refusal carries an errno and an extended-ACK
 * sentence. All objects belong to the network namespace of the requester.
 *
 * docs/netlink/tunnel.yaml describes the same interface in the kernel's
 * netlink-spec format.
 */
#ifndef _UAPI_LINUX_TUNNEL_NETLINK_H
#define _UAPI_LINUX_TUNNEL_NETLINK_H

#include <linux/types.h>

#define TUNNEL_GENL_NAME	"tunnel"
#define TUNNEL_GENL_VERSION	1

/* Multicast groups; both need CAP_NET_ADMIN to join. */
#define TUNNEL_MCGRP_CONFIG	"config"	/* *_NEW and *_DEL of objects */
#define TUNNEL_MCGRP_EVENTS	"events"	/* life of carriers and sessions */

/* Names of tunnels and services: 1..63 characters of [a-z0-9._-]. */
#define TUNNEL_NAME_MAX		63
/* SHA-256 of the peer's DER SubjectPublicKeyInfo (RFC 5280, 4.1.2.7). */
#define TUNNEL_PIN_LEN		32
/* Keys that the peer of a tunnel may have. */
#define TUNNEL_PINS_MAX		8
/* Text that only the daemon interprets: "host:port", path of a key. */
#define TUNNEL_TEXT_MAX		255
/* Uids, and gids, that a tunnel may name. */
#define TUNNEL_ALLOW_MAX	32
/* Bytes of a connection that user space may read before it hands it over. */
#define TUNNEL_PREFIX_MAX	16384
#define TUNNEL_ROUTES_MAX	16384
#define TUNNEL_REFUSAL_MAX	512
/* Where a service leads that the daemon connects; and how long it may take, seconds. */
#define TUNNEL_TARGET_MAX	4096
#define TUNNEL_ANSWER_S		30

/**
 * enum tunnel_cmd - requests and notifications
 *
 * NEW creates or fails with EEXIST; DEL removes or fails with ENOENT; GET
 * without NLM_F_DUMP answers one object, with NLM_F_DUMP all of them.
 */
enum tunnel_cmd {
	TUNNEL_CMD_UNSPEC,
	/*
	 * NAME, ROLE, who the peer may be (PEER_PIN or PEER_PINS, or PEER_CA and
	 * PEER_AUTH_NAME, and KEY, [CERT]; or PSK, PSK_IDENTITY, and PEER_PIN), REMOTE
	 * (dial) or LOCAL (listen), [CIPHERS], [GRACE], [ALLOW_UIDS], [ALLOW_GIDS], [DIRECT]
	 */
	TUNNEL_CMD_TUNNEL_NEW,
	TUNNEL_CMD_TUNNEL_DEL,		/* NAME */
	TUNNEL_CMD_TUNNEL_GET,		/* NAME or dump */
	/*
	 * SERVICE, [NAME]: only this tunnel's peer may use it, and one of ADDRESS (the
	 * target), OWNER_UID with or without OWNER_GID (who may bind an AF_TUNNEL socket
	 * to it), TARGET (text by which the daemon makes each connection)
	 */
	TUNNEL_CMD_SERVICE_NEW,
	TUNNEL_CMD_SERVICE_DEL,		/* SERVICE, [NAME] */
	TUNNEL_CMD_SERVICE_GET,		/* dump */
	/*
	 * ADDRESS (port 0: the kernel chooses, the answer says), NAME, SERVICE,
	 * [DESTINATION]; or ADDRESS and ROUTES: the daemon accepts, and chooses where each
	 * connection goes
	 */
	TUNNEL_CMD_LISTENER_NEW,
	TUNNEL_CMD_LISTENER_DEL,	/* ADDRESS, [REVISION]: ESTALE if it has another */
	TUNNEL_CMD_LISTENER_GET,	/* dump */
	TUNNEL_CMD_SESSION_GET,		/* dump, [NAME] */
	TUNNEL_CMD_SESSION_DEL,		/* NAME, SESSION_ID: reset it */
	/*
	 * NAME, FD, PEER_PIN; with PEER_CA the REVISION of the tunnel by which the daemon has
	 * judged, too; answers with CARRIER_ID
	 */
	TUNNEL_CMD_CARRIER_ATTACH,
	TUNNEL_CMD_CARRIER_DEL,		/* CARRIER_ID: close it; the lane waits for another */
	TUNNEL_CMD_CARRIER_GET,		/* dump, [NAME] */
	TUNNEL_CMD_STATS_GET,		/* answers with STATS */
	TUNNEL_CMD_INFO_GET,		/* VERSION, GENERATION, DAEMON, FAMILY, COUNT_* */
	/*
	 * [ASK_PORT]. This socket is the daemon's until it is closed. EBUSY: there is one.
	 */
	TUNNEL_CMD_DAEMON_REGISTER,
	TUNNEL_CMD_FLUSH,		/* remove every object of the namespace */

	/* notifications, group "events" */
	TUNNEL_CMD_CARRIER_UP,		/* NAME, CARRIER_ID, ... as in CARRIER_GET */
	TUNNEL_CMD_CARRIER_DOWN,	/* NAME, CARRIER_ID, REASON */
	TUNNEL_CMD_SESSION_OPENED,	/* NAME, SESSION_ID, SERVICE, ... */
	TUNNEL_CMD_SESSION_CLOSED,	/* NAME, SESSION_ID, REASON, TX_BYTES, RX_BYTES */

	/*
	 * A request: a connection that user space has accepted becomes a session. NAME,
	 * SERVICE, FD, [PREFIX], [PROTOCOL], [PEER_ADDR], [REFUSAL]; answers with SESSION_ID.
	 * When the request is refused FD is as it was.
	 */
	TUNNEL_CMD_SESSION_NEW,
	/*
	 * ADDRESS, ROUTES, [REVISION]: other routes for a listener that has some. ESTALE:
	 * they have changed since this revision. Also a notification.
	 */
	TUNNEL_CMD_LISTENER_SET,
	/*
	 * ADDRESS, REVISION, STATE, [REPORT]: the daemon says how far it is with a listener
	 * with routes. From the daemon only; also a notification.
	 */
	TUNNEL_CMD_LISTENER_REPORT,
	/*
	 * From the kernel to ASK_PORT only: where shall this session of the peer's lead?
	 * ASK_ID, NAME, SESSION_ID, SERVICE, TARGET, PROTOCOL, [PEER_ADDR], [DESTINATION].
	 * There are TUNNEL_ANSWER_S seconds for an answer.
	 */
	TUNNEL_CMD_SESSION_ASK,
	/*
	 * From the daemon only: ASK_ID, NAME, SESSION_ID, and FD (a connected TCP or unix stream
	 * socket) or REASON (it leads nowhere). ENOENT: nobody waits for it any more.
	 */
	TUNNEL_CMD_SESSION_ANSWER,
	/*
	 * SERVICE, [NAME], TARGET: another target for a service that has one. Also a
	 * notification.
	 */
	TUNNEL_CMD_SERVICE_SET,

	/* who the peer of a tunnel may be */
	/*
	 * NAME, and what is to be another one: PEER_PIN or PEER_PINS, PEER_CA,
	 * PEER_AUTH_NAME, KEY, CERT ("": none); or PSK and PEER_PIN, PSK_IDENTITY. The rest
	 * stays, but for what belongs to another way to know the peer. A carrier of a key that is
	 * accepted no more, or of a former PEER_CA or PEER_AUTH_NAME, ends, and so do the
	 * sessions of a lane whose last carrier was one, with TUNNEL_REASON_ADMIN; nothing else
	 * does. Also a notification.
	 */
	TUNNEL_CMD_TUNNEL_SET,

	__TUNNEL_CMD_MAX,
};

#define TUNNEL_CMD_MAX (__TUNNEL_CMD_MAX - 1)

enum tunnel_role {
	TUNNEL_ROLE_DIAL,		/* we make the carriers */
	TUNNEL_ROLE_LISTEN,		/* the peer makes them */
};

enum tunnel_state {
	TUNNEL_STATE_DOWN,		/* no carrier */
	TUNNEL_STATE_HELLO,		/* carrier attached, peer's HELLO awaited */
	TUNNEL_STATE_UP,
};

/** enum tunnel_listener_state - is somebody there who accepts connections? */
enum tunnel_listener_state {
	TUNNEL_LISTENER_UP,
	TUNNEL_LISTENER_WAITING,	/* for the daemon to take it up */
	TUNNEL_LISTENER_FAILED,		/* REPORT says why */

	__TUNNEL_LISTENER_MAX,
};

#define TUNNEL_LISTENER_STATE_MAX (__TUNNEL_LISTENER_MAX - 1)

enum tunnel_session_state {
	TUNNEL_SESSION_OPENING,		/* OPEN sent or target being connected */
	TUNNEL_SESSION_OPEN,
	TUNNEL_SESSION_HALF_CLOSED,	/* one direction has ended */
	TUNNEL_SESSION_CLOSED,		/* ended or reset, last frame not yet sent */
};

/**
 * enum tunnel_direct - which programs with AF_TUNNEL sockets encrypt and decrypt
 * themselves what they send and wait for, in place of the kernel's workers
 */
enum tunnel_direct {
	TUNNEL_DIRECT_OFF,
	TUNNEL_DIRECT_ON,		/* all */
	TUNNEL_DIRECT_ADMIN,		/* those that had CAP_NET_ADMIN at connect or accept */

	__TUNNEL_DIRECT_MAX,
};

#define TUNNEL_DIRECT_MAX (__TUNNEL_DIRECT_MAX - 1)

/** enum tunnel_blocked - what the sending half of a session waits for */
enum tunnel_blocked {
	TUNNEL_BLOCKED_NONE,		/* nothing: idle or flowing */
	TUNNEL_BLOCKED_CARRIER,		/* no carrier attached */
	TUNNEL_BLOCKED_CREDIT,		/* peer's reader has not consumed */
	TUNNEL_BLOCKED_LANE,		/* queued behind other sessions or TCP */
	TUNNEL_BLOCKED_READER,		/* our local program does not read */
	TUNNEL_BLOCKED_CONNECT,		/* target being connected */
};

/** enum tunnel_endpoint - what a session leads to on this host */
enum tunnel_endpoint {
	TUNNEL_ENDPOINT_NONE,		/* nothing any more */
	TUNNEL_ENDPOINT_RELAY,		/* a local TCP connection */
	TUNNEL_ENDPOINT_STREAM,		/* an AF_TUNNEL socket, SOCK_STREAM */
	TUNNEL_ENDPOINT_SEQPACKET,	/* an AF_TUNNEL socket, SOCK_SEQPACKET */
	TUNNEL_ENDPOINT_WAITING,	/* a listening socket that has not accepted it */
};

/** enum tunnel_reason - why a session or carrier ended; also on the wire */
enum tunnel_reason {
	TUNNEL_REASON_NONE,		/* ended normally */
	TUNNEL_REASON_RESET,		/* application reset its connection; ECONNRESET */
	TUNNEL_REASON_NO_SERVICE,	/* peer has no such service; ECONNREFUSED */
	TUNNEL_REASON_REFUSED,		/* target refused the connection; ECONNREFUSED */
	TUNNEL_REASON_UNREACHABLE,	/* target unreachable; EHOSTUNREACH */
	TUNNEL_REASON_TIMED_OUT,	/* ETIMEDOUT */
	TUNNEL_REASON_LIMIT,		/* a limit of the receiver; ENOBUFS */
	TUNNEL_REASON_FLOW_CONTROL,	/* data beyond credit; EPROTO */
	TUNNEL_REASON_PROTOCOL,		/* malformed or unexpected frame; EPROTO */
	TUNNEL_REASON_VERSION,		/* no protocol version in common; EPROTONOSUPPORT */
	TUNNEL_REASON_PEER_RESTARTED,	/* peer lost the lane's state; ECONNRESET */
	TUNNEL_REASON_ADMIN,		/* removed by an administrator; ECONNABORTED */
	TUNNEL_REASON_STALE,		/* carrier older than the attached one */
	TUNNEL_REASON_REPLACED,		/* a newer carrier took over */
	TUNNEL_REASON_LOOP,		/* talking to oneself, or both ends have one role */
	TUNNEL_REASON_FLOOD,		/* peer floods us with requests */
	TUNNEL_REASON_TRANSPORT,	/* TCP or TLS connection lost; resumable */
	TUNNEL_REASON_AEAD_LIMIT,	/* record limit of the cipher; resumable */
	TUNNEL_REASON_NO_DAEMON,	/* there is no daemon, which it needs; EHOSTUNREACH */
	TUNNEL_REASON_NO_MEMORY,	/* ENOMEM */
	TUNNEL_REASON_TYPE,		/* messages to a stream, or the reverse; EPROTOTYPE */

	__TUNNEL_REASON_MAX,
};

#define TUNNEL_REASON_MAX (__TUNNEL_REASON_MAX - 1)

/* TUNNEL_A_CIPHERS: the AEADs the daemon may offer and the kernel accepts */
#define TUNNEL_CIPHER_AES_128_GCM	(1U << 0)
#define TUNNEL_CIPHER_AES_256_GCM	(1U << 1)
#define TUNNEL_CIPHER_CHACHA20_POLY1305	(1U << 2)
#define TUNNEL_CIPHER_ALL		0x7U

/**
 * enum tunnel_attr - attributes of every command
 *
 * u64 attributes are 64-bit aligned with TUNNEL_A_PAD. Addresses are a whole
 * struct sockaddr_in (16 bytes) or struct sockaddr_in6 (28 bytes).
 */
enum tunnel_attr {
	TUNNEL_A_UNSPEC,
	TUNNEL_A_PAD,
	TUNNEL_A_NAME,			/* string, tunnel */
	TUNNEL_A_ROLE,			/* u8, enum tunnel_role */
	TUNNEL_A_PEER_PIN,		/* binary, TUNNEL_PIN_LEN */
	TUNNEL_A_REMOTE,		/* string "host:port" to dial */
	TUNNEL_A_LOCAL,			/* string "address:port" to accept carriers on */
	TUNNEL_A_KEY,			/* string, absolute path of our private key (PEM) */
	TUNNEL_A_CIPHERS,		/* u32, TUNNEL_CIPHER_* */
	TUNNEL_A_GRACE,			/* u32, ms a session waits without carrier */
	TUNNEL_A_STATE,			/* u8, tunnel_state, _session_state or _listener_state */
	TUNNEL_A_PEER_NAME,		/* string, what the peer calls this tunnel */
	TUNNEL_A_SERVICE,		/* string */
	TUNNEL_A_ADDRESS,		/* sockaddr: target of a service, listener's address */
	TUNNEL_A_FD,			/* s32 */
	TUNNEL_A_CARRIER_ID,		/* u32 */
	TUNNEL_A_SESSION_ID,		/* u64 */
	TUNNEL_A_REASON,		/* u8, enum tunnel_reason */
	TUNNEL_A_LOCAL_ADDR,		/* sockaddr */
	TUNNEL_A_PEER_ADDR,		/* sockaddr; of a session: who opened it */
	TUNNEL_A_TLS_VERSION,		/* u16, 0x0303 or 0x0304 */
	TUNNEL_A_TLS_CIPHER,		/* u16, TLS_CIPHER_* of linux/tls.h */
	TUNNEL_A_KTLS_TX,		/* u8, 1: the kernel encrypts */
	TUNNEL_A_KTLS_RX,		/* u8, 1: the kernel decrypts */
	TUNNEL_A_RTT_US,		/* u32, smoothed, from TCP */
	TUNNEL_A_AGE_MS,		/* u64 */
	TUNNEL_A_TX_BYTES,		/* u64 */
	TUNNEL_A_RX_BYTES,		/* u64 */
	TUNNEL_A_TX_RECORDS,		/* u64, upper estimate */
	TUNNEL_A_RX_RECORDS,		/* u64 */
	TUNNEL_A_TX_FRAMES,		/* u64 */
	TUNNEL_A_RX_FRAMES,		/* u64 */
	TUNNEL_A_TX_QUEUED,		/* u64, bytes not framed (session), retained (lane) */
	TUNNEL_A_RX_QUEUED,		/* u64, bytes the local program has not taken */
	TUNNEL_A_TX_CREDIT,		/* u64, bytes we may still send */
	TUNNEL_A_RX_WINDOW,		/* u64, receive window, bytes */
	TUNNEL_A_BLOCKED,		/* u8, enum tunnel_blocked */
	TUNNEL_A_PROTOCOL,		/* u8, protocol type of OPEN */
	TUNNEL_A_ACCEPTED,		/* u8, 1: the peer opened this session */
	TUNNEL_A_LANE_TX,		/* u64, lane bytes sent */
	TUNNEL_A_LANE_ACKED,		/* u64, of these acknowledged by the peer */
	TUNNEL_A_LANE_RX,		/* u64, lane bytes received */
	TUNNEL_A_LANE_REPLAYED,		/* u64, bytes sent again after a carrier loss */
	TUNNEL_A_LANE_ATTACH,		/* u64, carriers so far (dialler's counter) */
	TUNNEL_A_SESSIONS,		/* u32, live sessions */
	TUNNEL_A_STATS,			/* nest of TUNNEL_A_STAT */
	TUNNEL_A_STAT,			/* nest of STAT_NAME, STAT_VALUE */
	TUNNEL_A_STAT_NAME,		/* string */
	TUNNEL_A_STAT_VALUE,		/* u64 */
	TUNNEL_A_VERSION,		/* string, module version */
	TUNNEL_A_GENERATION,		/* u32, raised by every change of configuration */
	TUNNEL_A_DAEMON,		/* u32, netlink port of the daemon, 0: none */
	TUNNEL_A_COUNT_TUNNELS,		/* u32 */
	TUNNEL_A_COUNT_SERVICES,	/* u32 */
	TUNNEL_A_COUNT_LISTENERS,	/* u32 */
	TUNNEL_A_COUNT_CARRIERS,	/* u32 */
	TUNNEL_A_FAMILY,		/* u32, address family of sockets, 0: none */
	/*
	 * Who may connect AF_TUNNEL sockets through a tunnel besides CAP_NET_ADMIN
	 * of its namespace: arrays of u32, at most TUNNEL_ALLOW_MAX. These ids, and
	 * owners, are those of the user namespace that the network namespace is of.
	 */
	TUNNEL_A_ALLOW_UIDS,
	TUNNEL_A_ALLOW_GIDS,
	TUNNEL_A_OWNER_UID,		/* u32, who may bind it; of a session: whose socket */
	TUNNEL_A_OWNER_GID,		/* u32, or who is in this group; absent: no group */
	TUNNEL_A_ENDPOINT,		/* u8, enum tunnel_endpoint */
	TUNNEL_A_BOUND,			/* u8, 1: a socket is bound to this service */
	TUNNEL_A_UUID,			/* binary, 16 bytes: request UUID of a session */
	TUNNEL_A_PRIORITY,		/* u8, of a session */
	/*
	 * u8, enum tunnel_direct; TUNNEL_DIRECT_ADMIN if it is not given
	 */
	TUNNEL_A_DIRECT,
	/* binary, at most TUNNEL_PREFIX_MAX: what has been read from FD, in its order */
	TUNNEL_A_PREFIX,
	/*
	 * string, at most TUNNEL_ROUTES_MAX bytes: where a listener leads, a line for each
	 * route, the first that fits. The daemon's business; the kernel keeps it only.
	 */
	TUNNEL_A_ROUTES,
	/* u32, another one with each change of routes; of PEER_CA or PEER_AUTH_NAME of a tunnel */
	TUNNEL_A_REVISION,
	TUNNEL_A_REPORT,		/* string, why a listener has failed */
	/*
	 * binary, at most TUNNEL_REFUSAL_MAX: what the program at FD gets, and the end of
	 * the stream, in place of a reset, if the peer does not accept the session
	 */
	TUNNEL_A_REFUSAL,
	/*
	 * string, at most TUNNEL_TARGET_MAX bytes: where a service leads that the daemon
	 * connects. The daemon's business; the kernel keeps it only.
	 */
	TUNNEL_A_TARGET,
	TUNNEL_A_DESTINATION,		/* string, what a session asks its service for */
	TUNNEL_A_ASK_PORT,		/* u32, netlink port for TUNNEL_CMD_SESSION_ASK */
	TUNNEL_A_ASK_ID,		/* u64, of a question; the answer repeats it */

	/* who the peer of a tunnel may be */
	/*
	 * binary, 1 to TUNNEL_PINS_MAX pins of TUNNEL_PIN_LEN: any of them. A tunnel with one
	 * has PEER_PIN in its place.
	 */
	TUNNEL_A_PEER_PINS,
	/*
	 * string, absolute path of a key that both sides have, in place of KEY. PEER_PIN is
	 * its fingerprint then: SHA-256 of a value that is derived from the key.
	 */
	TUNNEL_A_PSK,
	TUNNEL_A_PSK_IDENTITY,		/* string as NAME: what both sides call that key */
	/*
	 * string, absolute path of certificates (PEM), in place of PEER_PIN: who has one that
	 * one of these has signed, for the DNS name PEER_AUTH_NAME. Judged by the daemon.
	 */
	TUNNEL_A_PEER_CA,
	TUNNEL_A_PEER_AUTH_NAME,	/* string */
	TUNNEL_A_CERT,			/* string, absolute path of a certificate for KEY (PEM) */

	__TUNNEL_A_MAX,
};

#define TUNNEL_A_MAX (__TUNNEL_A_MAX - 1)

#endif /* _UAPI_LINUX_TUNNEL_NETLINK_H */
