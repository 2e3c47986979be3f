// SPDX-License-Identifier: GPL-2.0
/*
 * Words of the command line: unique prefixes, keyword pairs, values.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "tunnelctl.h"

static const char *name_at(const char *const *first, size_t stride, size_t i)
{
	return *(const char *const *)((const char *)first + i * stride);
}

int match_word(const char *word, const char *const *first, size_t stride, size_t count, char *err,
	       size_t errlen)
{
	size_t len = strlen(word), used = 0, i;
	int found = -ENOENT;

	if (errlen)
		err[0] = '\0';
	if (len == 0)
		return -ENOENT;
	for (i = 0; i < count; i++) {
		const char *name = name_at(first, stride, i);

		if (!strcmp(name, word))
			return i;
		if (strncmp(name, word, len))
			continue;
		if (used < errlen)
			used += snprintf(err + used, errlen - used, "%s%s", used ? ", " : "", name);
		found = found == -ENOENT ? (int)i : -EBUSY;
	}
	return found;
}

int parse_keywords(struct ctx *ctx, int argc, char **argv, struct keyword *kw, size_t count)
{
	char several[128];
	int i;

	for (i = 0; i < argc; i += 2) {
		int k = match_word(argv[i], &kw[0].name, sizeof(kw[0]), count, several,
				   sizeof(several));

		if (k == -EBUSY)
			return usage_error(ctx, "'%s' can mean %s", argv[i], several);
		if (k < 0)
			return usage_error(ctx, "'%s' is not a word of this command", argv[i]);
		if (i + 1 == argc)
			return usage_error(ctx, "'%s' needs a value", argv[i]);
		if (kw[k].value)
			return usage_error(ctx, "'%s' is given twice", kw[k].name);
		kw[k].value = argv[i + 1];
	}
	return EXIT_OK;
}

int expect_args(struct ctx *ctx, int argc, char **argv, int least, int most, const char *missing)
{
	if (argc < least)
		return usage_error(ctx, "%s is missing", missing);
	if (argc > most)
		return usage_error(ctx, "'%s' is one word too many", argv[most]);
	return EXIT_OK;
}

int parse_name(struct ctx *ctx, const char *what, const char *word)
{
	const char *why = tnl_check_name(word);

	return why ? usage_error(ctx, "'%s' cannot be the name of a %s: %s", word, what, why) :
		     EXIT_OK;
}

int parse_address(struct ctx *ctx, const char *word, bool port_zero_ok, struct sockaddr_storage *ss,
		  int *len)
{
	char err[512];

	*len = tnl_parse_addr(word, ss, err, sizeof(err));
	if (*len < 0)
		return usage_error(ctx, "%s", err);
	/* sin_port and sin6_port share their place. */
	if (!port_zero_ok && ((struct sockaddr_in *)ss)->sin_port == 0)
		return usage_error(ctx, "'%s': the port must not be 0 here", word);
	return EXIT_OK;
}

/* @word: @len characters of it. Return: EXIT_*. */
static int parse_pin(struct ctx *ctx, const char *word, size_t len, struct pins *pins)
{
	size_t skip = strncmp(word, "sha256:", 7) ? 0 : 7, i;
	uint8_t *pin = pins->pin[pins->n];
	char hex[2 * TUNNEL_PIN_LEN + 2];

	/* what is too long does not become right by being cut */
	snprintf(hex, sizeof(hex), "%.*s", (int)(len - skip), word + skip);
	if (tnl_parse_pin(hex, pin))
		return usage_error(ctx,
				   "'%.*s' is not a pin: 64 hex digits as 'tunnelctl pubkey FILE' prints them on the peer",
				   (int)len, word);
	for (i = 0; i < pins->n; i++)
		if (!memcmp(pins->pin[i], pin, TUNNEL_PIN_LEN))
			return usage_error(ctx, "the pin '%.*s' is given twice", (int)len, word);
	pins->n++;
	return EXIT_OK;
}

int parse_pins(struct ctx *ctx, const char *word, struct pins *pins)
{
	const char *at = word;
	int ret;

	for (;;) {
		size_t len = strcspn(at, ",");

		if (pins->n == TUNNEL_PINS_MAX)
			return usage_error(ctx, "a tunnel has at most %d pins", TUNNEL_PINS_MAX);
		ret = parse_pin(ctx, at, len, pins);
		if (ret || !at[len])
			return ret;
		at += len + 1;
	}
}

int parse_u32(struct ctx *ctx, const char *what, const char *word, uint32_t *value)
{
	size_t len = strspn(word, "0123456789");
	unsigned long long n;

	n = len > 0 && len <= 10 && !word[len] ? strtoull(word, NULL, 10) : UINT64_MAX;
	if (n > UINT32_MAX)
		return usage_error(ctx, "'%s' is not the number of a %s", word, what);
	*value = n;
	return EXIT_OK;
}

int parse_session_id(struct ctx *ctx, const char *word, uint64_t *id)
{
	const char *hex = strncmp(word, "0x", 2) ? word : word + 2;
	size_t len = strspn(hex, "0123456789abcdefABCDEF");

	if (len == 0 || len > 16 || hex[len])
		return usage_error(ctx,
				   "'%s' is not a session id: hex digits as 'session show' prints them",
				   word);
	*id = strtoull(hex, NULL, 16);
	return EXIT_OK;
}

int parse_seconds(struct ctx *ctx, const char *word, uint32_t *ms)
{
	double value = -1;
	char *end = NULL;

	/* strtod() alone would take "inf", "0x1p3", signs and blanks. */
	if (word[0] && word[0] != '.' && strspn(word, "0123456789.") == strlen(word))
		value = strtod(word, &end);
	if (value < 0 || *end || value * 1000 > UINT32_MAX)
		return usage_error(ctx, "'%s' is not a time in seconds", word);
	*ms = value * 1000 + 0.5;
	return EXIT_OK;
}

int parse_direct(struct ctx *ctx, const char *word, uint8_t *direct)
{
	for (*direct = 0; *direct <= TUNNEL_DIRECT_MAX; ++*direct)
		if (!strcmp(word, tnl_direct_name(*direct)))
			return EXIT_OK;
	return usage_error(ctx, "'direct %s': it is on, off or admin", word);
}

/* By number of the TUNNEL_CIPHER_* bit; the names of RFC 5116 and 8439, which 'carrier show' has too. */
static const char *const ciphers[] = { "aes-128-gcm", "aes-256-gcm", "chacha20-poly1305" };

_Static_assert(TUNNEL_CIPHER_ALL == (1U << ARRAY_SIZE(ciphers)) - 1, "a cipher has no name");

const char *cipher_word(unsigned int bit)
{
	return bit < ARRAY_SIZE(ciphers) ? ciphers[bit] : NULL;
}

int parse_ciphers(struct ctx *ctx, const char *word, uint32_t *mask)
{
	const char *at = word;

	*mask = 0;
	for (;;) {
		size_t len = strcspn(at, ",");
		unsigned int bit;

		for (bit = 0; bit < ARRAY_SIZE(ciphers); bit++)
			if (strlen(ciphers[bit]) == len && !strncasecmp(ciphers[bit], at, len))
				break;
		if (bit == ARRAY_SIZE(ciphers))
			return usage_error(ctx,
					   "'%.*s' is not a cipher: aes-128-gcm, aes-256-gcm, chacha20-poly1305, or several with commas",
					   (int)len, at);
		*mask |= 1U << bit;
		if (!at[len])
			return EXIT_OK;
		at += len + 1;
	}
}

/* The number of @len characters. Return: false if it is none. */
static bool read_id(const char *at, size_t len, uint32_t *id)
{
	unsigned long long n;

	if (len == 0 || len > 10 || strspn(at, "0123456789") < len)
		return false;
	n = strtoull(at, NULL, 10);
	*id = n;
	/* The last one means "none". */
	return n < UINT32_MAX;
}

int parse_allow(struct ctx *ctx, const char *word, struct allow *allow)
{
	const char *at = word;

	for (;;) {
		size_t len = strcspn(at, ",");
		bool user = !strncmp(at, "uid:", 4);
		uint32_t *ids = user ? allow->uids : allow->gids;
		size_t *n = user ? &allow->n_uids : &allow->n_gids;

		if (*n == TUNNEL_ALLOW_MAX)
			return usage_error(ctx, "'%s' names more than %d users or groups", word,
					   TUNNEL_ALLOW_MAX);
		if ((!user && strncmp(at, "gid:", 4)) || !read_id(at + 4, len - 4, &ids[*n]))
			return usage_error(ctx, "'%.*s' is not uid:NUMBER or gid:NUMBER", (int)len,
					   at);
		(*n)++;
		if (!at[len])
			return EXIT_OK;
		at += len + 1;
	}
}

int parse_owner(struct ctx *ctx, const char *word, uint32_t *uid, uint32_t *gid, bool *has_gid)
{
	size_t len = strcspn(word, ":");

	*has_gid = word[len];
	if (!read_id(word, len, uid) ||
	    (*has_gid && !read_id(word + len + 1, strlen(word + len + 1), gid)))
		return usage_error(ctx, "'%s' is not UID or UID:GID, both numbers", word);
	return EXIT_OK;
}
