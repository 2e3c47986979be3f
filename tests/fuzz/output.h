/* SPDX-License-Identifier: GPL-2.0 */
/* What a program prints, caught, and what it may look like. */
#ifndef TUNNEL_FUZZ_OUTPUT_H
#define TUNNEL_FUZZ_OUTPUT_H

#include <stdio.h>
#include "fuzz.h"

struct output {
	char text[1 << 20];
	size_t len;
};

/* No input of a few KiB prints that much. */
static inline ssize_t output_write(void *cookie, const char *data, size_t len)
{
	struct output *o = cookie;

	if (o) {
		must(len < sizeof(o->text) - o->len);
		memcpy(o->text + o->len, data, len);
		o->len += len;
	}
	return (ssize_t)len;
}

/* output_open - a stream into @o; NULL: into nowhere */
static inline FILE *output_open(struct output *o)
{
	FILE *f = fopencookie(o, "w", (cookie_io_functions_t){ .write = output_write });

	must(f);
	return f;
}

/* --- JSON, as RFC 8259 has it and we write it: in ASCII ----------------------- */

static inline bool json_value(const char **at, unsigned int depth);

static inline bool json_text(const char **at)
{
	const char *p = *at;

	if (*p++ != '"')
		return false;
	for (; *p != '"'; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return false;
		if (*p != '\\')
			continue;
		p++;
		if (*p == '"' || *p == '\\')
			continue;
		if (*p != 'u' || strspn(p + 1, "0123456789abcdef") < 4)
			return false;
		p += 4;
	}
	*at = p + 1;
	return true;
}

static inline bool json_members(const char **at, char end, unsigned int depth)
{
	if (*++*at == end) {
		++*at;
		return true;
	}
	for (;;) {
		if (end == '}' && (!json_text(at) || *(*at)++ != ':'))
			return false;
		if (!json_value(at, depth + 1))
			return false;
		if (**at == end) {
			++*at;
			return true;
		}
		if (*(*at)++ != ',')
			return false;
	}
}

static inline bool json_value(const char **at, unsigned int depth)
{
	size_t n;

	if (depth > 8)
		return false;
	switch (**at) {
	case '{':
		return json_members(at, '}', depth);
	case '[':
		return json_members(at, ']', depth);
	case '"':
		return json_text(at);
	case 't':
	case 'f':
		n = **at == 't' ? 4 : 5;
		if (strncmp(*at, n == 4 ? "true" : "false", n))
			return false;
		*at += n;
		return true;
	default:
		n = strspn(*at, "0123456789");
		if (!n)
			return false;
		*at += n;
		if (**at == '.') {
			++*at;
			n = strspn(*at, "0123456789");
			*at += n;
		}
		return n;
	}
}

/* output_json - is all of it lines of one JSON value each? */
static inline bool output_json(struct output *o)
{
	const char *at = o->text;

	o->text[o->len] = '\0';
	while (*at)
		if (!json_value(&at, 0) || *at++ != '\n')
			return false;
	return at == o->text + o->len;
}

/* output_plain - nothing in it that a terminal would obey? */
static inline bool output_plain(const struct output *o)
{
	size_t i;

	for (i = 0; i < o->len; i++)
		if (o->text[i] != '\n' && (o->text[i] < 0x20 || o->text[i] > 0x7e))
			return false;
	return true;
}

#endif /* TUNNEL_FUZZ_OUTPUT_H */
