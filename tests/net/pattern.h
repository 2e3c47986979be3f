/* SPDX-License-Identifier: GPL-2.0 */
/* Bytes that tell where in a stream they belong: each side can make them by itself. */
#ifndef _TESTS_PATTERN_H
#define _TESTS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* Eight bytes of the pattern: the mixer of splitmix64 (public domain, S. Vigna). */
static uint64_t pattern_word(uint64_t seed, uint64_t index)
{
	uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* @n bytes of it from @offset on */
static void pattern_fill(uint8_t *p, uint64_t seed, uint64_t offset, size_t n)
{
	uint64_t w = 0;
	size_t i;

	for (i = 0; i < n; i++, offset++) {
		if (i == 0 || offset % 8 == 0)
			w = pattern_word(seed, offset / 8);
		p[i] = (uint8_t)(w >> offset % 8 * 8);
	}
}

#endif /* _TESTS_PATTERN_H */
