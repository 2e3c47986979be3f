/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading numbers and parts out of bytes that somebody else wrote. Taking more than
 * there is makes a cursor bad for good, so that only the end needs a look.
 */
#ifndef TNL_CURSOR_H
#define TNL_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** struct cursor - a window on bytes */
struct cursor {
	const uint8_t *p;
	size_t left;
	bool bad;
};

/** cursor_take - the next @n bytes, or NULL */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->bad || n > c->left) {
		c->bad = true;
		return NULL;
	}
	c->p += n;
	c->left -= n;
	return p;
}

/** cursor_number - the next @bytes (1..8) as a number, most significant first; or 0 */
static inline uint64_t cursor_number(struct cursor *c, size_t bytes)
{
	const uint8_t *p = cursor_take(c, bytes);
	uint64_t v = 0;

	while (p && bytes--)
		v = v << 8 | *p++;
	return v;
}

/** cursor_part - a window on the next @n bytes, which are taken */
static inline struct cursor cursor_part(struct cursor *c, size_t n)
{
	struct cursor part = { .left = n };

	part.p = cursor_take(c, n);
	part.bad = c->bad;
	return part;
}

#endif /* TNL_CURSOR_H */
