// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include "json.h"

/*
 * Decode one UTF-8 character (RFC 3629). Return: its length; a byte that starts
 * no valid character counts as one U+FFFD.
 */
static int utf8_decode(const unsigned char *s, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	int len, i;

	*code = 0xfffd;
	len = s[0] < 0x80 ? 1 :
	      s[0] < 0xc0 ? 0 :
	      s[0] < 0xe0 ? 2 :
	      s[0] < 0xf0 ? 3 :
	      s[0] < 0xf8 ? 4 :
			    0;
	if (len == 0)
		return 1;
	if (len == 1) {
		*code = s[0];
		return 1;
	}

	uint32_t c = s[0] & (0x7f >> len);

	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 1;
	*code = c;
	return len;
}

static void quote(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c;

	putchar('"');
	while (*s) {
		s += utf8_decode(s, &c);
		if (c == '"' || c == '\\')
			printf("\\%c", (int)c);
		else if (c >= 0x20 && c < 0x7f)
			putchar((int)c);
		else if (c < 0x10000)
			printf("\\u%04x", c);
		else
			printf("\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
	}
	putchar('"');
}

static void begin(struct json *j, const char *key)
{
	if (j->comma)
		putchar(',');
	j->comma = true;
	if (key) {
		quote(key);
		putchar(':');
	}
}

void json_open(struct json *j, const char *key, char bracket)
{
	begin(j, key);
	putchar(bracket);
	j->comma = false;
}

void json_close(struct json *j, char bracket)
{
	putchar(bracket);
	j->comma = true;
}

void json_string(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	quote(value);
}

void json_u64(struct json *j, const char *key, uint64_t value)
{
	begin(j, key);
	printf("%" PRIu64, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	fputs(value ? "true" : "false", stdout);
}

void json_seconds(struct json *j, const char *key, uint64_t sec, uint32_t usec)
{
	begin(j, key);
	printf("%" PRIu64 ".%06u", sec, usec);
}

void json_end(struct json *j)
{
	putchar('\n');
	j->comma = false;
}
