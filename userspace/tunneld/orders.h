/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the daemon and its handshake worker say to each other, a message each: the daemon
 * gives orders, the worker reports. Pure: the worker has read what strangers sent, so what
 * it says is looked at as closely as theirs.
 */
#ifndef TUNNELD_ORDERS_H
#define TUNNELD_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/tunnel_netlink.h>
#include "destination.h"
#include "edge.h"
#include "request.h"

enum order_what {
	ORDER_OBJECT = 1, /* keep this object; its bytes come as a descriptor */
	ORDER_FORGET,	  /* the object is needed no more */
	ORDER_SHAKE,	  /* make a handshake; the socket comes as a descriptor */
	ORDER_ABORT,	  /* the handshake is wanted no more; it is not reported */
	ORDER_LAST = ORDER_ABORT,
};

struct order {
	uint8_t what; /* enum order_what */
	uint64_t id;  /* of the object, or of the handshake; not 0 */

	/* ORDER_OBJECT */
	uint8_t kind; /* enum object_kind */
	uint32_t len; /* bytes */

	/* ORDER_SHAKE: as in struct tls_params; objects by their ids, 0: none */
	bool server;
	uint32_t ciphers, timeout_ms;
	uint64_t identity, pins, certs, trust;
	bool upstream, verify;
	char name[DESTINATION_HOST_MAX + 1], alpn[EDGE_ALPN_LIST_MAX + 1];
};

enum report_what {
	REPORT_READY = 1, /* the worker is shut in, and takes orders */
	REPORT_UNABLE,	  /* it cannot be, and why; it ends */
	REPORT_DONE,	  /* a handshake: the kernel has the keys, the worker no descriptor */
	REPORT_FAILED,	  /* a handshake, and why; no descriptor either */
	REPORT_LAST = REPORT_FAILED,
};

#define REPORT_WHY_MAX 320

struct report {
	uint8_t what; /* enum report_what */
	uint64_t id;  /* of the handshake */
	bool has_pin;
	uint8_t pin[TUNNEL_PIN_LEN];
	char name[REQUEST_HOST_MAX + 1];   /* SNI, or "" */
	char alpn[EDGE_ALPN_LIST_MAX + 1]; /* or "" */
	char why[REPORT_WHY_MAX + 1];
};

/** ORDERS_MAX - no message is longer, bytes */
#define ORDERS_MAX 1024

/** order_write - Return: bytes in @out. */
size_t order_write(uint8_t out[ORDERS_MAX], const struct order *o);

/** order_read - Return: false if it is not exactly one order, as it must be. */
bool order_read(struct order *o, const void *bytes, size_t len);

/** report_write - what is not printable in its texts becomes "?". Return: bytes in @out. */
size_t report_write(uint8_t out[ORDERS_MAX], const struct report *r);

/** report_read - Return: false if it is not exactly one report, with texts fit for a log. */
bool report_read(struct report *r, const void *bytes, size_t len);

#endif /* TUNNELD_ORDERS_H */
