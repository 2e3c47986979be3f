// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "destination.h"
#include "target.h"
#include "tnl.h"

#define UNIX "unix:"

static const char *read_unix(struct target *t, const char *path)
{
	size_t len = strlen(path);
	const char *c;

	for (c = path; *c > ' ' && *c <= '~'; c++)
		;
	if (*path != '/' || *c || len >= sizeof(t->un.sun_path))
		return "is no path from the root, of at most 107 bytes, without blanks";
	t->kind = TARGET_UNIX;
	t->un.sun_family = AF_UNIX;
	memcpy(t->un.sun_path, path, len + 1);
	return NULL;
}

const char *target_rules(const char *text)
{
	const size_t word = strlen(TARGET_EGRESS_WORD);

	if (strncmp(text, TARGET_EGRESS_WORD, word) || (text[word] && text[word] != '\n'))
		return NULL;
	return text + word + (text[word] == '\n');
}

/* --- TLS to a service ------------------------------------------------------ */

/* What a scheme means: its port, 0 if one must be named; what is offered by ALPN. */
static const struct scheme {
	const char *name, *alpn;
	unsigned int port;
} schemes[] = {
	{ "https", "http/1.1", 443 },
	{ "grpcs", "h2", 443 },
	{ "wss", "http/1.1", 443 },
	{ "tls", "", 0 },
};

/* Return: whose "SCHEME://" @text begins with, or NULL. */
static const struct scheme *scheme_of(const char *text)
{
	size_t i, len;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		len = strlen(schemes[i].name);
		if (!strncmp(text, schemes[i].name, len) && !strncmp(text + len, "://", 3))
			return &schemes[i];
	}
	return NULL;
}

/* "HOST[:PORT]" of a URL, and nothing behind it. */
static const char *read_authority(struct target *t, const struct scheme *scheme, const char *word)
{
	const char *bracket = strchr(word, ']');
	char whole[DESTINATION_MAX + 16];
	struct destination to;
	const char *why;

	if (word[strcspn(word, "/?@")])
		return "names more than a host and a port: SCHEME://HOST[:PORT] is all that counts";
	if (strchr(bracket ? bracket : word, ':'))
		snprintf(whole, sizeof(whole), "%s", word);
	else if (scheme->port)
		snprintf(whole, sizeof(whole), "%.*s:%u", DESTINATION_MAX, word, scheme->port);
	else
		return "has no port";
	why = destination_parse(&to, whole, strlen(whole));
	if (why)
		return why;
	destination_format(&to, t->to);
	snprintf(t->tls.name, sizeof(t->tls.name), "%s", to.host);
	return NULL;
}

/* Return: NULL, or a sentence without its subject, @word. */
static const char *read_tls_option(struct upstream *u, const char *word)
{
	const char *why;

	if (!strncmp(word, "name=", 5))
		return destination_name(u->name, word + 5, strlen(word + 5));
	if (!strncmp(word, "ca=", 3)) {
		why = edge_path(word + 3);
		snprintf(u->ca, sizeof(u->ca), "%s", why ? "" : word + 3);
		return why;
	}
	if (!strcmp(word, "alpn=")) {
		*u->alpn = 0;
		return NULL;
	}
	if (!strncmp(word, "alpn=", 5)) {
		why = edge_alpn(word + 5);
		snprintf(u->alpn, sizeof(u->alpn), "%s", why ? "" : word + 5);
		return why;
	}
	if (!strcmp(word, "verify=no") || !strcmp(word, "verify=yes")) {
		u->verify = word[7] == 'y';
		return NULL;
	}
	return "is none of name=NAME, ca=FILE, alpn=NAME,..., verify=no and proxy=v1 or v2";
}

/* Likewise, of a target of any kind. */
static const char *read_option(struct target *t, const char *word)
{
	if (!strcmp(word, "proxy=v1") || !strcmp(word, "proxy=v2")) {
		t->proxy = word[7] - '0';
		return NULL;
	}
	if (t->kind == TARGET_TLS)
		return read_tls_option(&t->tls, word);
	return "is not proxy=v1 or proxy=v2; name, ca, alpn and verify are about TLS";
}

/* The first word: where it leads. Return: as above. */
static const char *read_place(struct target *t, const char *word)
{
	const struct scheme *scheme = scheme_of(word);
	struct destination to;
	const char *why;

	if (scheme) {
		t->kind = TARGET_TLS;
		t->tls.verify = true;
		snprintf(t->tls.scheme, sizeof(t->tls.scheme), "%s", scheme->name);
		snprintf(t->tls.alpn, sizeof(t->tls.alpn), "%s", scheme->alpn);
		return read_authority(t, scheme, word + strlen(scheme->name) + 3);
	}
	if (!strncmp(word, UNIX, strlen(UNIX)))
		return read_unix(t, word + strlen(UNIX));
	why = destination_parse(&to, word, strlen(word));
	if (why)
		return why;
	t->kind = TARGET_HOST;
	destination_format(&to, t->to);
	return NULL;
}

char *target_format(const struct target *t, char text[TARGET_FORMAT_MAX])
{
	const struct upstream *u = &t->tls;
	const struct scheme *scheme = schemes;
	struct destination to;
	int n;

	if (t->kind == TARGET_UNIX) {
		n = snprintf(text, TARGET_FORMAT_MAX, UNIX "%s", t->un.sun_path);
	} else if (t->kind != TARGET_TLS) {
		n = snprintf(text, TARGET_FORMAT_MAX, "%s", t->to);
	} else {
		while (strcmp(scheme->name, u->scheme))
			scheme++;
		destination_parse(&to, t->to, strlen(t->to));
		n = snprintf(text, TARGET_FORMAT_MAX, "%s://%s", u->scheme, t->to);
		if (strcmp(u->name, to.host))
			n += snprintf(text + n, TARGET_FORMAT_MAX - n, " name=%s", u->name);
		if (*u->ca)
			n += snprintf(text + n, TARGET_FORMAT_MAX - n, " ca=%s", u->ca);
		if (strcmp(u->alpn, scheme->alpn))
			n += snprintf(text + n, TARGET_FORMAT_MAX - n, " alpn=%s", u->alpn);
		if (!u->verify)
			n += snprintf(text + n, TARGET_FORMAT_MAX - n, " verify=no");
	}
	if (t->proxy)
		snprintf(text + n, TARGET_FORMAT_MAX - n, " proxy=v%d", t->proxy);
	return text;
}

int target_parse(struct target *t, const char *text, char *err, size_t errlen)
{
	char copy[TARGET_FORMAT_MAX], shown[128], *save, *word;
	const char *why, *about;

	memset(t, 0, sizeof(*t));
	t->rules = target_rules(text);
	if (t->rules) {
		t->kind = TARGET_EGRESS;
		return 0;
	}
	if (strlen(text) >= sizeof(copy) || strpbrk(text, "\t\r\n") || *text == ' ' ||
	    (*text && text[strlen(text) - 1] == ' ')) {
		snprintf(err, errlen,
			 "a target is one line of less than %zu bytes, without a blank at its ends",
			 sizeof(copy));
		return -EINVAL;
	}
	snprintf(copy, sizeof(copy), "%s", text);
	word = strtok_r(copy, " ", &save);
	about = word ? word : "";
	why = read_place(t, about);
	while (!why && (word = strtok_r(NULL, " ", &save))) {
		about = word;
		why = read_option(t, word);
	}
	if (!why && t->kind == TARGET_TLS && t->tls.verify && !*t->tls.name) {
		why = "has an address, and certificates have names: add name=NAME";
		about = copy;
	}
	if (!why)
		return 0;
	memset(t, 0, sizeof(*t));
	tnl_escape(about, shown, sizeof(shown));
	snprintf(err, errlen, "\"%s\" %s", shown, why);
	return -EINVAL;
}

void target_where(const char *text, const char *asked, char *out, size_t len)
{
	/* how TLS is to be is not where */
	size_t n = strcspn(text, " \n"), i;

	if (target_rules(text)) {
		text = asked ? asked : "?";
		n = strlen(text);
	}
	for (i = 0; i < n && i + 1 < len; i++)
		out[i] = text[i] > ' ' && text[i] <= '~' ? text[i] : '?';
	out[i] = 0;
}
