/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pure files (frame, deframe, hello, tls_control, ...) need from their
 * surroundings, so that the same source builds into the module and into
 * user-space tests and fuzzers. No socket header may be included here.
 */
#ifndef _TUNNEL_PURE_H
#define _TUNNEL_PURE_H

#ifdef __KERNEL__

#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>

#else /* user space */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define min_t(t, a, b)	((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define max_t(t, a, b)	((t)(a) > (t)(b) ? (t)(a) : (t)(b))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT_ULL(n)	(1ULL << (n))
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_empty(const struct list_head *l)
{
	return l->next == l;
}

static inline void list_add_tail(struct list_head *n, struct list_head *l)
{
	n->prev = l->prev;
	n->next = l;
	l->prev->next = n;
	l->prev = n;
}

static inline void list_del_init(struct list_head *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	INIT_LIST_HEAD(n);
}

static inline bool list_is_singular(const struct list_head *l)
{
	return !list_empty(l) && l->next == l->prev;
}

#define list_first_entry(l, type, member) \
	container_of((l)->next, type, member)

#endif

/* Big-endian integers at any address; RFC 1700 byte order, as on the wire. */
static inline u16 tnl_get16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static inline u32 tnl_get32(const u8 *p)
{
	return (u32)tnl_get16(p) << 16 | tnl_get16(p + 2);
}

static inline u64 tnl_get64(const u8 *p)
{
	return (u64)tnl_get32(p) << 32 | tnl_get32(p + 4);
}

static inline void tnl_put16(u8 *p, u16 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)(v & 0xff);
}

static inline void tnl_put32(u8 *p, u32 v)
{
	tnl_put16(p, (u16)(v >> 16));
	tnl_put16(p + 2, (u16)(v & 0xffff));
}

static inline void tnl_put64(u8 *p, u64 v)
{
	tnl_put32(p, (u32)(v >> 32));
	tnl_put32(p + 4, (u32)(v & 0xffffffff));
}

#endif /* _TUNNEL_PURE_H */
