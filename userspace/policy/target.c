// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "destination.h"
#include "target.h"
#include "tnl.h"

#define UNIX "unix:"

static int read_unix(struct target *t, const char *path, char *err, size_t errlen)
{
	size_t len = strlen(path);
	const char *c;

	for (c = path; *c > ' ' && *c <= '~'; c++)
		;
	if (*path != '/' || *c || len >= sizeof(t->un.sun_path)) {
		snprintf(err, errlen,
			 "unix: needs a path from the root, of at most %zu bytes, without blanks",
			 sizeof(t->un.sun_path) - 1);
		return -EINVAL;
	}
	t->kind = TARGET_UNIX;
	t->un.sun_family = AF_UNIX;
	memcpy(t->un.sun_path, path, len + 1);
	return 0;
}

const char *target_rules(const char *text)
{
	const size_t word = strlen(TARGET_EGRESS_WORD);

	if (strncmp(text, TARGET_EGRESS_WORD, word) || (text[word] && text[word] != '\n'))
		return NULL;
	return text + word + (text[word] == '\n');
}

int target_parse(struct target *t, const char *text, char *err, size_t errlen)
{
	struct destination to;
	const char *why;
	char shown[128];

	memset(t, 0, sizeof(*t));
	if (!strncmp(text, UNIX, strlen(UNIX)))
		return read_unix(t, text + strlen(UNIX), err, errlen);
	t->rules = target_rules(text);
	if (t->rules) {
		t->kind = TARGET_EGRESS;
		return 0;
	}
	why = destination_parse(&to, text, strlen(text));
	if (why) {
		tnl_escape(text, shown, sizeof(shown));
		snprintf(err, errlen, "\"%s\" %s", shown, why);
		return -EINVAL;
	}
	t->kind = TARGET_HOST;
	return 0;
}

void target_where(const char *text, const char *asked, char *out, size_t len)
{
	size_t n = strcspn(text, "\n"), i;

	if (target_rules(text)) {
		text = asked ? asked : "?";
		n = strlen(text);
	}
	for (i = 0; i < n && i + 1 < len; i++)
		out[i] = text[i] > ' ' && text[i] <= '~' ? text[i] : '?';
	out[i] = 0;
}
