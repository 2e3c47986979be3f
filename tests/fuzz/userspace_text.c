// SPDX-License-Identifier: GPL-2.0
/*
 * Text forms: words of the command line and of the configuration, and what is
 * made of text that is not trusted.
 *
 * Input: which (1 byte), the text.
 */
/* options: -max_len=256 */
/* links: userspace/lib/text.c userspace/tunnelctl/args.c userspace/tunnelctl/json.c kmod/hello.c */
#include <netinet/in.h>
#include <stdarg.h>
#include "fuzz.h"
#include "output.h"
#include "tunnelctl.h"
/* for its host:port, which is not offered to others */
#include "../../userspace/tunneld/resolve.c"

bool tnl_name_ok(const char *name, size_t len); /* the kernel's, kmod/hello.c */

int usage_error(struct ctx *ctx, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	(void)ctx;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return EXIT_WRONG_USAGE;
}

static bool plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

/* An address that is taken is written in a form that is taken, and means the same. */
static void address(const char *text)
{
	struct sockaddr_storage ss, again;
	char buf[TNL_ADDRSTRLEN], err[512] = "";
	uint8_t *sa;
	int len = tnl_parse_addr(text, &ss, err, sizeof(err));

	must(len == -EINVAL || len == sizeof(struct sockaddr_in) ||
	     len == sizeof(struct sockaddr_in6));
	if (len < 0) {
		must(err[0] && plain(err));
		return;
	}
	must(ss.ss_family == (len == sizeof(struct sockaddr_in) ? AF_INET : AF_INET6));
	sa = exact(&ss, (size_t)len);
	tnl_format_addr(sa, (size_t)len, buf);
	free(sa);
	must(tnl_parse_addr(buf, &again, err, sizeof(err)) == len);
	must(!memcmp(&ss, &again, sizeof(ss)));
}

/* Bytes that claim to be an address. */
static void any_address(struct input in)
{
	uint8_t *sa = exact(in.p, in.left);
	char buf[TNL_ADDRSTRLEN];

	must(tnl_format_addr(sa, in.left, buf) == buf);
	must(strlen(buf) < sizeof(buf) && plain(buf));
	free(sa);
}

static void pin(const char *text)
{
	uint8_t bytes[TUNNEL_PIN_LEN], again[TUNNEL_PIN_LEN];
	char hex[2 * TUNNEL_PIN_LEN + 1];

	if (tnl_parse_pin(text, bytes)) {
		must(strlen(text) != 64 || strspn(text, "0123456789abcdefABCDEF") != 64);
		return;
	}
	tnl_format_pin(bytes, hex);
	must(!strcasecmp(hex, text));
	must(!tnl_parse_pin(hex, again) && !memcmp(bytes, again, sizeof(bytes)));
}

/* Unescape, and it must be the beginning of what was escaped. */
static void escape(const char *text, size_t room)
{
	char *out = malloc(room), *p = out;
	const char *in = text;

	must(out);
	must(tnl_escape(text, out, room) == out);
	if (room) {
		must(strlen(out) < room && plain(out));
		while (*p) {
			unsigned int c = (unsigned char)*p++;

			if (c == '\\') {
				must(*p == 'x' && sscanf(p + 1, "%2x", &c) == 1);
				p += 3;
			}
			must((unsigned char)*in++ == c);
		}
		must(!*in || room - strlen(out) <= 4);
	}
	free(out);
}

static void words(const char *text)
{
	struct ctx ctx = { 0 };
	uint32_t n, mask;
	uint64_t id;
	char *end;

	if (!parse_u32(&ctx, "carrier", text, &n))
		must(strtoull(text, &end, 10) == n && !*end);
	if (!parse_session_id(&ctx, text, &id))
		must(strtoull(text, &end, 16) == id && !*end);
	if (!parse_seconds(&ctx, text, &n)) {
		double s = strtod(text, &end);

		must(!*end && s >= 0 && n >= s * 1000 - 1 && n <= s * 1000 + 1);
	}
	if (!parse_ciphers(&ctx, text, &mask))
		must(mask && !(mask & ~TUNNEL_CIPHER_ALL));
	must(!parse_name(&ctx, "tunnel", text) == tnl_name_ok(text, strlen(text)));
}

static void keywords(char *text)
{
	static const char *const names[] = { "dial", "listen", "peer", "key", "cipher", "kind" };
	struct keyword kw[6];
	char *argv[16], *save, several[10];
	struct ctx ctx = { 0 };
	int argc = 0, i, k;

	for (i = 0; i < 6; i++)
		kw[i] = (struct keyword){ .name = names[i] };
	for (; argc < 16; argc++, text = NULL) {
		argv[argc] = strtok_r(text, " ", &save);
		if (!argv[argc])
			break;
		k = match_word(argv[argc], names, sizeof(names[0]), 6, several, sizeof(several));
		must(k < 6 && strlen(several) < sizeof(several));
		must(k < 0 || !strncmp(names[k], argv[argc], strlen(argv[argc])));
	}
	if (parse_keywords(&ctx, argc, argv, kw, 6))
		return;
	must(argc % 2 == 0);
	for (i = 0, k = 0; i < 6; i++)
		k += kw[i].value != NULL;
	must(k == argc / 2);
}

static void host_port(const char *text)
{
	char host[HOST_MAX + 1];
	const char *port;

	if (!split(text, host, &port))
		return;
	must(host[0] && strlen(host) <= HOST_MAX && !strchr(host, ':'));
	must(strspn(port, "0123456789") == strlen(port) && atol(port) >= 1 && atol(port) <= 65535);
	must(strlen(text) == strlen(host) + 1 + strlen(port));
	must(!strncmp(text, host, strlen(host)));
}

static void json(const char *text)
{
	static struct output out;
	FILE *real = stdout;
	struct json j = { 0 };

	out.len = 0;
	stdout = output_open(&out);
	json_open(&j, NULL, '{');
	json_string(&j, "text", text);
	json_string(&j, text, "key");
	json_close(&j, '}');
	json_end(&j);
	fclose(stdout);
	stdout = real;
	must(output_json(&out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t which = (uint8_t)take(&in, 1);
	char *text = text_of(in);

	switch (which & 7) {
	case 0:
		address(text);
		break;
	case 1:
		any_address(in);
		break;
	case 2:
		pin(text);
		break;
	case 3:
		escape(text, which >> 3);
		escape(text, 4 * strlen(text) + 1);
		break;
	case 4:
		words(text);
		break;
	case 5:
		keywords(text);
		break;
	case 6:
		host_port(text);
		break;
	case 7:
		json(text);
		break;
	}
	free(text);
	return 0;
}
