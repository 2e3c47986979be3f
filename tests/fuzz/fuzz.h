/* SPDX-License-Identifier: GPL-2.0 */
/* What the fuzz targets share: an input that is read in parts, and a loud end. */
#ifndef TUNNEL_FUZZ_H
#define TUNNEL_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* must - a property that holds for every input */
#define must(c)								\
do {									\
	if (!(c)) {							\
		dprintf(2, "%s:%d: broken: %s\n", __FILE__, __LINE__, #c); \
		abort();						\
	}								\
} while (0)

/* struct input - what is left of the input; numbers behind its end are 0 */
struct input {
	const uint8_t *p;
	size_t left;
};

static inline uint64_t take(struct input *in, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--) {
		v <<= 8;
		if (in->left) {
			v |= *in->p++;
			in->left--;
		}
	}
	return v;
}

/* take_part - the next @len bytes, or what there is of them */
static inline struct input take_part(struct input *in, size_t len)
{
	struct input part = { in->p, len < in->left ? len : in->left };

	in->p += part.left;
	in->left -= part.left;
	return part;
}

/* exact - a copy in memory of just its size, so that ASan sees a byte too much */
static inline uint8_t *exact(const void *data, size_t len)
{
	uint8_t *copy = malloc(len);

	must(copy || !len);
	if (len)
		memcpy(copy, data, len);
	return copy;
}

/* text_of - the same with a NUL behind it */
static inline char *text_of(struct input in)
{
	char *text = malloc(in.left + 1);

	must(text);
	if (in.left)
		memcpy(text, in.p, in.left);
	text[in.left] = '\0';
	return text;
}

#endif /* TUNNEL_FUZZ_H */
