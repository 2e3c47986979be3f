// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "http.h"

bool http_is_token(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

bool http_is_value(uint8_t c)
{
	return (c >= ' ' && c != 0x7f) || c == '\t';
}

bool text_equals(struct text t, const char *word)
{
	return t.len == strlen(word) && !memcmp(t.p, word, t.len);
}

bool text_is(struct text t, const char *word)
{
	return t.len == strlen(word) && !strncasecmp(t.p, word, t.len);
}

unsigned int http_count(const struct request *r, const char *name)
{
	unsigned int i, n = 0;

	for (i = 0; i < r->n_headers; i++)
		n += text_is(r->headers[i].name, name);
	return n;
}

struct text http_header(const struct request *r, const char *name)
{
	unsigned int i;

	for (i = 0; i < r->n_headers; i++)
		if (text_is(r->headers[i].name, name))
			return r->headers[i].value;
	return (struct text){ 0 };
}

static bool has_word(struct text list, const char *word)
{
	while (list.len) {
		const char *comma = memchr(list.p, ',', list.len);
		size_t n = comma ? (size_t)(comma - list.p) : list.len, used = n + !!comma;
		struct text item = { list.p, n };

		while (item.len && (*item.p == ' ' || *item.p == '\t')) {
			item.p++;
			item.len--;
		}
		while (item.len && (item.p[item.len - 1] == ' ' || item.p[item.len - 1] == '\t'))
			item.len--;
		if (text_is(item, word))
			return true;
		list.p += used;
		list.len -= used;
	}
	return false;
}

bool http_has_word(const struct request *r, const char *name, const char *word)
{
	unsigned int i;

	for (i = 0; i < r->n_headers; i++)
		if (text_is(r->headers[i].name, name) && has_word(r->headers[i].value, word))
			return true;
	return false;
}

/* "." or "..", also as "%2e" */
static bool is_dots(const char *p, size_t len)
{
	unsigned int dots = 0;

	while (len) {
		size_t n = 1;

		if (len >= 3 && !strncasecmp(p, "%2e", 3))
			n = 3;
		else if (*p != '.')
			return false;
		p += n;
		len -= n;
		dots++;
	}
	return dots == 1 || dots == 2;
}

bool http_path(struct request *r, struct text target)
{
	const char *end = memchr(target.p, '?', target.len), *p, *slash;

	if (end)
		target.len = end - target.p;
	r->path = target;
	if (text_equals(target, "*"))
		return text_equals(r->method, "OPTIONS");
	if (!target.len || target.p[0] != '/')
		return false;
	end = target.p + target.len;
	for (p = target.p + 1; p <= end; p = slash + 1) {
		slash = memchr(p, '/', end - p);
		if (!slash)
			slash = end;
		if (is_dots(p, slash - p))
			return false;
	}
	return true;
}

/* ":1" to ":65535", or nothing; ":" alone is legal (RFC 3986, 3.2.3) */
static bool is_port(const char *p, size_t len)
{
	unsigned int port = 0;
	size_t i;

	if (!len)
		return true;
	if (*p != ':' || len > 6)
		return false;
	for (i = 1; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		port = port * 10 + p[i] - '0';
	}
	return len == 1 || (port && port < 65536);
}

/* In lower case; labels are not empty and made of letters, digits, '-' and '_'. */
static bool is_name(char *out, const char *p, size_t len)
{
	size_t i;

	/* the dot of the root */
	if (len && p[len - 1] == '.')
		len--;
	if (!len || len > REQUEST_HOST_MAX || p[0] == '.' || p[len - 1] == '.')
		return false;
	for (i = 0; i < len; i++) {
		char c = p[i];

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		else if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			   c == '_' || (c == '.' && p[i - 1] != '.')))
			return false;
		out[i] = c;
	}
	out[len] = 0;
	return true;
}

static bool host(char *out, struct text raw, bool port)
{
	const char *end;
	struct in6_addr a;
	size_t n;

	if (!raw.len)
		return false;
	if (port && raw.p[0] == '[') {
		end = memchr(raw.p, ']', raw.len);
		n = end ? (size_t)(end - raw.p) - 1 : 0;
		if (!n || n > INET6_ADDRSTRLEN || !is_port(end + 1, raw.len - n - 2))
			return false;
		memcpy(out, raw.p + 1, n);
		out[n] = 0;
		/* one way to write each */
		return inet_pton(AF_INET6, out, &a) == 1 &&
		       inet_ntop(AF_INET6, &a, out, REQUEST_HOST_MAX + 1);
	}
	end = port ? memchr(raw.p, ':', raw.len) : NULL;
	n = end ? (size_t)(end - raw.p) : raw.len;
	return is_name(out, raw.p, n) && is_port(raw.p + n, raw.len - n);
}

bool request_host(char *out, struct text raw, bool port)
{
	bool good = host(out, raw, port);

	if (!good)
		out[0] = 0;
	return good;
}
