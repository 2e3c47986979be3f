/* SPDX-License-Identifier: GPL-2.0 */
/* What is in the handshake worker's keeping, too: it is told when we need it no more. */
#ifndef TUNNELD_OBJECT_H
#define TUNNELD_OBJECT_H

#include <stdint.h>

/* What is in its parcel, for who unpacks it. */
enum object_kind {
	OBJECT_IDENTITY = 1, /* identity_pack() */
	OBJECT_PINS,	     /* pins_pack() */
	OBJECT_CERTS,	     /* certs_pack() */
	OBJECT_TRUST,	     /* trust_pack() */
};

struct workshop;

/** struct shop_object - inside of what it is about; zero-initialised: no worker knows it */
struct shop_object {
	struct workshop *shop;
	uint64_t id;
	unsigned int life; /* the worker that has it: workshop.life */
	void (*gone)(struct shop_object *object);
};

/** object_gone - what it is about is about to be freed */
static inline void object_gone(struct shop_object *object)
{
	if (object->gone)
		object->gone(object);
}

#endif /* TUNNELD_OBJECT_H */
