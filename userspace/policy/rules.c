// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <linux/tunnel.h>
#include <linux/tunnel_netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "rules.h"
#include "tnl.h"

#define BLANK " \t\r"

/* Where the parser is, for its sentences. */
struct place {
	size_t line;
	char *err;
	size_t errlen;
};

static int bad(const struct place *p, const char *what, const char *word, const char *why)
{
	char shown[4 * 64 + 1];

	tnl_escape(word, shown, sizeof(shown));
	snprintf(p->err, p->errlen, "%s%s\"%s\" %s", what, *what ? " " : "", shown, why);
	return -EINVAL;
}

const char *rules_protocol_name(unsigned int protocol)
{
	static const char *const names[] = {
		[TUNNEL_PROTOCOL_HTTP1] = "http1",	   [TUNNEL_PROTOCOL_GRPC] = "grpc",
		[TUNNEL_PROTOCOL_WEBSOCKET] = "websocket", [TUNNEL_PROTOCOL_OPAQUE] = "opaque",
		[TUNNEL_PROTOCOL_HTTP2] = "http2",	   [TUNNEL_PROTOCOL_TLS] = "tls",
	};

	return protocol < sizeof(names) / sizeof(names[0]) ? names[protocol] : NULL;
}

static int read_protocol(const struct place *p, char *word, int *protocol)
{
	const char *name;

	for (*protocol = 0; (name = rules_protocol_name(*protocol)); ++*protocol)
		if (!strcmp(name, word))
			return 0;
	return bad(p, "protocol", word, "is none of http1, http2, grpc, websocket, tls and opaque");
}

/* A host name, or "*." and one. In place. */
static int read_name(const struct place *p, const char *what, char *word, const char **name)
{
	char *bare = strncmp(word, "*.", 2) ? word : word + 2;
	char host[REQUEST_HOST_MAX + 1];
	size_t len = strlen(bare);

	if (!len || !request_host(host, (struct text){ bare, len }, false))
		return bad(p, what, word, "is no host name, nor \"*.\" and one");
	/* What is kept is never longer: letters are lowered, a dot at the end goes. */
	memcpy(bare, host, strlen(host) + 1);
	*name = word;
	return 0;
}

static int read_path(const struct place *p, char *word, const char **path)
{
	struct request r = { .n_headers = 0 };

	if (strpbrk(word, "?#") || !http_path(&r, (struct text){ word, strlen(word) }) ||
	    *word != '/')
		return bad(p, "path", word,
			   "is no path: one begins with '/', and has no query, \".\" or \"..\"");
	*path = word;
	return 0;
}

static int read_header(const struct place *p, char *word, struct route *t)
{
	char *c, *equals = strchr(word, '=');

	if (equals)
		*equals = 0;
	if (!*word)
		return bad(p, "header", word, "has no name");
	for (c = word; *c; c++) {
		if (!http_is_token((uint8_t)*c))
			return bad(p, "header", word, "is no name of a header field");
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
	}
	t->header = word;
	t->value = equals ? equals + 1 : NULL;
	return 0;
}

static int read_target(const struct place *p, char *word, const char **target)
{
	char *slash = strchr(word, '/');
	const char *why;

	if (!slash)
		return bad(p, "to", word, "is not TUNNEL/SERVICE");
	*slash = 0;
	why = tnl_check_name(word);
	if (!why)
		why = tnl_check_name(slash + 1);
	*slash = '/';
	if (why) {
		snprintf(p->err, p->errlen, "to \"%.200s\": %s", word, why);
		return -EINVAL;
	}
	*target = word;
	return 0;
}

static int read_pair(const struct place *p, const char *key, char *value, struct route *t)
{
	const char *why;

	if (!strcmp(key, "sni"))
		return read_name(p, key, value, &t->sni);
	if (!strcmp(key, "host"))
		return read_name(p, key, value, &t->host);
	if (!strcmp(key, "path"))
		return read_path(p, value, &t->path);
	if (!strcmp(key, "header"))
		return read_header(p, value, t);
	if (!strcmp(key, "protocol"))
		return read_protocol(p, value, &t->protocol);
	if (!strcmp(key, "to"))
		return read_target(p, value, &t->target);
	if (!strcmp(key, "alpn")) {
		t->alpn = value;
		return 0;
	}
	if (!strcmp(key, "from")) {
		why = network_parse(&t->source, value);
		return why ? bad(p, "from", value, why) : 0;
	}
	return bad(p, "", key, "is none of sni, host, alpn, path, header, protocol, from and to");
}

/* Has this keyword been seen in the line? Each is one condition. */
static bool again(const char **seen, size_t *n, const char *key)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (!strcmp(seen[i], key))
			return true;
	seen[(*n)++] = key;
	return false;
}

static int read_line(const struct place *p, char *line, struct route *t)
{
	const char *seen[8];
	char *save, *key, *value;
	size_t n = 0;
	int ret;

	t->protocol = ROUTE_ANY;
	for (key = strtok_r(line, BLANK, &save); key; key = strtok_r(NULL, BLANK, &save)) {
		if (t->target)
			return bad(p, "", key, "is behind \"to\", which must be the last");
		value = strtok_r(NULL, BLANK, &save);
		if (!value)
			return bad(p, "", key, "has no value");
		/* An unknown keyword is said below, so there are never more than eight. */
		if (n < sizeof(seen) / sizeof(seen[0]) && again(seen, &n, key))
			return bad(p, "", key, "is there twice: make two routes of it");
		ret = read_pair(p, key, value, t);
		if (ret)
			return ret;
	}
	if (t->target)
		return 0;
	snprintf(p->err, p->errlen, "\"to TUNNEL/SERVICE\" is missing");
	return -EINVAL;
}

char *rules_comment(char *line)
{
	char *c;

	for (c = line; *c; c++)
		if (*c == '#' && (c == line || strchr(BLANK, c[-1])))
			return c;
	return NULL;
}

/* Only bytes that can be shown; what is behind '#' goes. */
static int check_line(const struct place *p, char *line)
{
	char *c, *comment = rules_comment(line);

	for (c = line; *c; c++) {
		if (((uint8_t)*c < ' ' && !strchr(BLANK, *c)) || (uint8_t)*c >= 0x7f) {
			snprintf(p->err, p->errlen,
				 "a character in it that is not ASCII, or none to print");
			return -EINVAL;
		}
	}
	if (c - line > RULES_LINE_MAX) {
		snprintf(p->err, p->errlen, "longer than %d bytes", RULES_LINE_MAX);
		return -EINVAL;
	}
	if (comment)
		*comment = 0;
	return 0;
}

static bool is_edge(const char *line)
{
	const size_t word = strlen(EDGE_WORD);

	line += strspn(line, BLANK);
	return !strncmp(line, EDGE_WORD, word) && (!line[word] || strchr(BLANK, line[word]));
}

bool rules_is_head(const char *line)
{
	return is_edge(line) || gate_kind(line) < GATE_KINDS;
}

static int no_memory(const struct place *p)
{
	snprintf(p->err, p->errlen, "out of memory");
	return -ENOMEM;
}

static int add_head(struct rules *r, const struct place *p, char *line)
{
	enum gate_kind kind = gate_kind(line);
	const char *word = kind < GATE_KINDS ? gate_word(kind) : EDGE_WORD, *why;

	line += strspn(line, BLANK) + strlen(word);
	if (r->n)
		return bad(p, "", word,
			   "is behind a route: lines about TLS and about who may come in are first");
	if (kind < GATE_KINDS) {
		if (!r->gate)
			r->gate = calloc(1, sizeof(*r->gate));
		if (!r->gate)
			return no_memory(p);
		why = gate_read(r->gate, kind, line);
	} else {
		if (!r->edge)
			r->edge = calloc(1, sizeof(*r->edge));
		if (!r->edge)
			return no_memory(p);
		why = edge_read(r->edge, line);
	}
	return why ? bad(p, "", word, why) : 0;
}

static int add(struct rules *r, const struct place *p, char *line)
{
	struct route *more;
	int ret = check_line(p, line);

	if (ret || !line[strspn(line, BLANK)])
		return ret;
	if (rules_is_head(line))
		return add_head(r, p, line);
	if (r->n == RULES_MAX) {
		snprintf(p->err, p->errlen, "there are more than %d routes", RULES_MAX);
		return -EINVAL;
	}
	more = realloc(r->route, (r->n + 1) * sizeof(*more));
	if (!more)
		return no_memory(p);
	r->route = more;
	memset(&more[r->n], 0, sizeof(*more));
	ret = read_line(p, line, &more[r->n]);
	if (!ret)
		r->n++;
	return ret;
}

int rules_parse(struct rules *r, const char *text, size_t *line_no, char *err, size_t errlen)
{
	struct place p = { .line = 0, .err = err, .errlen = errlen };
	char *line, *end;
	int ret = 0;

	memset(r, 0, sizeof(*r));
	r->text = strdup(text);
	if (!r->text) {
		snprintf(err, errlen, "out of memory");
		return -ENOMEM;
	}
	for (line = r->text; line && !ret; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = 0;
		p.line++;
		ret = add(r, &p, line);
	}
	if (!ret && r->edge && !r->edge->n)
		ret = bad(&p, "", EDGE_WORD,
			  "has no certificate: \"tls certificate FILE\" is missing");
	if (line_no)
		*line_no = p.line;
	if (ret)
		rules_free(r);
	else
		/* who is led nowhere is to be answered in the protocol that it speaks */
		r->reads = !r->n || route_reads(r->route, r->n, r->edge);
	return ret;
}

void rules_free(struct rules *r)
{
	free(r->route);
	free(r->edge);
	free(r->gate);
	free(r->text);
	memset(r, 0, sizeof(*r));
}

void rules_target(const struct route *t, char *tunnel, char *service)
{
	size_t len = strcspn(t->target, "/");

	snprintf(tunnel, TUNNEL_NAME_MAX + 1, "%.*s", (int)len, t->target);
	snprintf(service, TUNNEL_NAME_MAX + 1, "%s", t->target + len + 1);
}

static char *say(char *at, const char *end, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at, end - at, fmt, ap);
	va_end(ap);
	return n < end - at ? at + n : at;
}

char *rules_format_edge(const struct edge *e)
{
	/* each as long as the words that were read, and those that say what they are */
	size_t i, room = 1 + (e && e->alpn ? strlen(e->alpn) + 16 : 0);
	char *text, *at, *end;

	for (i = 0; e && i < e->n; i++)
		room += strlen(e->cert[i].certificate) + strlen(e->cert[i].key) + 32;
	text = malloc(room);
	if (!text)
		return NULL;
	at = text;
	end = text + room;
	*at = 0;
	for (i = 0; e && i < e->n; i++) {
		const struct edge_cert *c = &e->cert[i];
		bool one = !strcmp(c->certificate, c->key);

		at = say(at, end, EDGE_WORD " certificate %s%s%s\n", c->certificate,
			 one ? "" : " key ", one ? "" : c->key);
	}
	if (e && e->alpn)
		say(at, end, EDGE_WORD " alpn %s\n", e->alpn);
	return text;
}

char *rules_format_head(struct rules *r)
{
	char *edge = rules_format_edge(r->edge), *text, line[GATE_LINE_MAX];
	struct gate *g = r->gate;
	enum gate_kind kind;
	size_t i, len;

	if (!edge || !g)
		return edge;
	len = strlen(edge);
	text = realloc(edge, len + 1 + (size_t)GATE_KINDS * GATE_MAX * GATE_LINE_MAX);
	if (!text) {
		free(edge);
		return NULL;
	}
	gate_sort(g);
	for (kind = 0; kind < GATE_KINDS; kind++)
		for (i = 0; i < g->n[kind]; i++)
			len += sprintf(text + len, "%s\n",
				       gate_format(kind, &g->network[kind][i], line));
	return text;
}

char *rules_format(const struct route *t, char line[RULES_FORMAT_MAX])
{
	const char *end = line + RULES_FORMAT_MAX;
	char network[NETWORK_TEXT_MAX], *at = line;

	*at = 0;
	if (t->sni)
		at = say(at, end, "sni %s ", t->sni);
	if (t->alpn)
		at = say(at, end, "alpn %s ", t->alpn);
	if (t->host)
		at = say(at, end, "host %s ", t->host);
	if (t->path)
		at = say(at, end, "path %s ", t->path);
	if (t->header)
		at = say(at, end, "header %s%s%s ", t->header, t->value ? "=" : "",
			 t->value ? t->value : "");
	if (t->protocol != ROUTE_ANY)
		at = say(at, end, "protocol %s ", rules_protocol_name(t->protocol));
	if (t->source.family)
		at = say(at, end, "from %s ", network_format(&t->source, network));
	say(at, end, "to %s", t->target);
	return line;
}
