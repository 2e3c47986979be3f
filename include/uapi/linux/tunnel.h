/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * AF_TUNNEL: sockets to named services of the host at the other end of a tunnel.
 *
 * The number of the address family is the running module's: attribute
 * TUNNEL_A_FAMILY of TUNNEL_CMD_INFO_GET (linux/tunnel_netlink.h) has it.
 * docs/architecture.md, "Sockets", says what each call does.
 */
#ifndef _UAPI_LINUX_TUNNEL_H
#define _UAPI_LINUX_TUNNEL_H

#include <linux/socket.h>
#include <linux/types.h>

/* Longest name in an address; names are those of linux/tunnel_netlink.h. */
#define TUNNEL_ADDR_NAME	63

/**
 * struct sockaddr_tunnel - a service at the other end of a tunnel
 * @st_family: number of the address family
 * @st_tunnel: name of the tunnel; to bind: empty for the peers of all tunnels
 * @st_service: name of the service
 *
 * Names are filled up with zeros; one of 63 characters has no final zero. An
 * address may end early, at any byte of @st_service but its first.
 */
struct sockaddr_tunnel {
	__kernel_sa_family_t st_family;
	char st_tunnel[TUNNEL_ADDR_NAME];
	char st_service[TUNNEL_ADDR_NAME];
};

/* Longest message of a SOCK_SEQPACKET socket, bytes. */
#define TUNNEL_MESSAGE_MAX	65536

/* Level of socket options */
#define SOL_TUNNEL		0x544e

/* enum tunnel_sockopt - options of SOL_TUNNEL */
enum tunnel_sockopt {
	TUNNEL_INFO = 1,	/* get: struct tunnel_info */
	TUNNEL_PEER_PIN,	/* get: 32 bytes, SHA-256 of the peer's public key */
	/* u32; get, and set before connect(): enum tunnel_protocol */
	TUNNEL_PROTOCOL,
	TUNNEL_PRIORITY,	/* u32 0..255; get, and set before connect() */
	TUNNEL_UUID,		/* 16 bytes; get, and set before connect() */
};

/*
 * enum tunnel_protocol - what a session carries, as its opener says. The kernel
 * looks at MESSAGES only: a SOCK_SEQPACKET socket has it and no other.
 */
enum tunnel_protocol {
	TUNNEL_PROTOCOL_HTTP1,
	TUNNEL_PROTOCOL_GRPC,
	TUNNEL_PROTOCOL_WEBSOCKET,
	TUNNEL_PROTOCOL_OPAQUE,
	TUNNEL_PROTOCOL_HTTP2,
	TUNNEL_PROTOCOL_TLS,
	TUNNEL_PROTOCOL_MESSAGES,

	__TUNNEL_PROTOCOL_MAX,
};

#define TUNNEL_PROTOCOL_MAX (__TUNNEL_PROTOCOL_MAX - 1)

/**
 * struct tunnel_info - how a connection is doing
 * @state: enum tunnel_session_state
 * @reason: enum tunnel_reason, once it has been reset
 * @blocked: enum tunnel_blocked, what sending waits for
 * @accepted: 1: the peer opened it
 * @carrier_id: what the tunnel is attached to, 0: nothing
 * @session_id: as `tunnelctl session show` has it
 * @rtt_us: round-trip time of the carrier, microseconds
 * @rx_window: receive window, bytes
 * @tx_bytes: sent by the program
 * @rx_bytes: received from the peer
 * @tx_queued: of @tx_bytes, not framed
 * @rx_queued: of @rx_bytes, not read by the program
 * @tx_credit: what the peer allows beyond @tx_bytes
 * @age_ms: since it was opened
 * @direct: 1: the program sends and receives on the carrier itself
 *
 * New members come at the end; getsockopt() gives as much as there is room for.
 * Bytes of a message socket include four for each message.
 */
struct tunnel_info {
	__u8 state;
	__u8 reason;
	__u8 blocked;
	__u8 accepted;
	__u32 carrier_id;
	__u64 session_id;
	__u32 rtt_us;
	__u32 rx_window;
	__u64 tx_bytes;
	__u64 rx_bytes;
	__u64 tx_queued;
	__u64 rx_queued;
	__u64 tx_credit;
	__u64 age_ms;
	__u8 direct;
	__u8 reserved[7];
};

#endif /* _UAPI_LINUX_TUNNEL_H */
