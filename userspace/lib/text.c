// SPDX-License-Identifier: GPL-2.0
/*
 * Text forms of addresses, pins and names; names of enums.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <linux/tls.h>
#include "tnl.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* --- addresses ----------------------------------------------------------- */

/* Longest text that can be right: 39 + '%' + 15 + brackets, colon, port. */
#define ADDR_TEXT_MAX 80

static __attribute__((format(printf, 3, 4))) int refuse(char *err, size_t errlen, const char *fmt,
							...)
{
	va_list ap;

	va_start(ap, fmt);
	if (errlen)
		vsnprintf(err, errlen, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* strtoul() would take signs, blanks and a missing number. */
static int parse_number(const char *text, unsigned long max, unsigned long *value)
{
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > 10 || text[len])
		return -EINVAL;
	*value = strtoul(text, NULL, 10);
	return *value > max ? -EINVAL : 0;
}

static int parse_scope(const char *scope, uint32_t *id)
{
	unsigned long value;

	*id = if_nametoindex(scope);
	if (*id)
		return 0;
	if (parse_number(scope, UINT32_MAX, &value) || value == 0)
		return -EINVAL;
	*id = value;
	return 0;
}

static int parse_inet6(char *host, struct sockaddr_in6 *sin6)
{
	char *scope = strchr(host, '%');

	if (scope) {
		*scope++ = '\0';
		if (parse_scope(scope, &sin6->sin6_scope_id))
			return -EINVAL;
	}
	sin6->sin6_family = AF_INET6;
	return inet_pton(AF_INET6, host, &sin6->sin6_addr) == 1 ? 0 : -EINVAL;
}

int tnl_parse_addr(const char *text, struct sockaddr_storage *ss, char *err, size_t errlen)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	char shown[4 * ADDR_TEXT_MAX + 1];
	char host[ADDR_TEXT_MAX + 1];
	char *colon, *end;
	unsigned long port;

	memset(ss, 0, sizeof(*ss));
	tnl_escape(text, shown, sizeof(shown));
	if (strlen(text) > ADDR_TEXT_MAX)
		return refuse(err, errlen, "'%.40s...' is too long for an address", shown);
	strcpy(host, text);

	colon = strrchr(host, ':');
	if (!colon || strchr(colon, ']'))
		return refuse(err, errlen, "'%s' has no port: write ADDRESS:PORT", shown);
	*colon = '\0';
	if (parse_number(colon + 1, 65535, &port))
		return refuse(err, errlen, "the port of '%s' is not a number from 0 to 65535",
			      shown);

	if (host[0] == '\0') {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(port);
		return sizeof(*sin6);
	}
	if (host[0] == '[') {
		end = strchr(host, ']');
		if (!end || end[1])
			return refuse(err, errlen, "'%s' has no ']' before the port", shown);
		*end = '\0';
		if (parse_inet6(host + 1, sin6))
			return refuse(err, errlen, "'%s' is not an IPv6 address", shown);
		sin6->sin6_port = htons(port);
		return sizeof(*sin6);
	}
	if (strchr(host, ':'))
		return refuse(err, errlen, "'%s': write IPv6 addresses in brackets, [ADDRESS]:PORT",
			      shown);
	if (inet_pton(AF_INET, host, &sin->sin_addr) != 1)
		return refuse(err, errlen, "'%s' is not a numeric address with a port", shown);
	sin->sin_family = AF_INET;
	sin->sin_port = htons(port);
	return sizeof(*sin);
}

socklen_t tnl_addr_len(const struct sockaddr_storage *ss)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)ss;

	if (ss->ss_family == AF_UNIX)
		return offsetof(struct sockaddr_un, sun_path) + strlen(un->sun_path) + 1;
	return ss->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* @len: at most; it may end before. */
static void format_path(const char *path, size_t len, char buf[TNL_ADDRSTRLEN])
{
	size_t n = snprintf(buf, TNL_ADDRSTRLEN, "unix:"), i;

	for (i = 0; i < len && path[i] && n + 1 < TNL_ADDRSTRLEN; i++)
		buf[n++] = path[i] > ' ' && path[i] <= '~' ? path[i] : '?';
	buf[n] = 0;
}

char *tnl_format_addr(const void *sa, size_t len, char buf[TNL_ADDRSTRLEN])
{
	char host[INET6_ADDRSTRLEN] = "";
	struct sockaddr_in6 sin6;
	struct sockaddr_in sin;
	sa_family_t family = AF_UNSPEC;

	/* Netlink attributes are aligned to 4 bytes only: copy before use. */
	if (len >= sizeof(family))
		memcpy(&family, sa, sizeof(family));
	if (family == AF_INET && len >= sizeof(sin)) {
		memcpy(&sin, sa, sizeof(sin));
		inet_ntop(AF_INET, &sin.sin_addr, host, sizeof(host));
		snprintf(buf, TNL_ADDRSTRLEN, "%.15s:%u", host, ntohs(sin.sin_port));
	} else if (family == AF_INET6 && len >= sizeof(sin6)) {
		memcpy(&sin6, sa, sizeof(sin6));
		inet_ntop(AF_INET6, &sin6.sin6_addr, host, sizeof(host));
		if (sin6.sin6_scope_id)
			snprintf(buf, TNL_ADDRSTRLEN, "[%.39s%%%u]:%u", host, sin6.sin6_scope_id,
				 ntohs(sin6.sin6_port));
		else
			snprintf(buf, TNL_ADDRSTRLEN, "[%s]:%u", host, ntohs(sin6.sin6_port));
	} else if (family == AF_UNIX && len > offsetof(struct sockaddr_un, sun_path)) {
		format_path((const char *)sa + offsetof(struct sockaddr_un, sun_path),
			    len - offsetof(struct sockaddr_un, sun_path), buf);
	} else {
		strcpy(buf, "?");
	}
	return buf;
}

/* --- pins, names, untrusted text ----------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int tnl_parse_pin(const char *hex, uint8_t pin[TUNNEL_PIN_LEN])
{
	uint8_t out[TUNNEL_PIN_LEN];
	size_t i;

	for (i = 0; i < TUNNEL_PIN_LEN; i++) {
		int high = hex_digit(hex[2 * i]);
		int low = high < 0 ? -1 : hex_digit(hex[2 * i + 1]);

		if (low < 0)
			return -EINVAL;
		out[i] = high << 4 | low;
	}
	if (hex[2 * TUNNEL_PIN_LEN])
		return -EINVAL;
	memcpy(pin, out, sizeof(out));
	return 0;
}

void tnl_format_pin(const uint8_t pin[TUNNEL_PIN_LEN], char hex[2 * TUNNEL_PIN_LEN + 1])
{
	size_t i;

	for (i = 0; i < TUNNEL_PIN_LEN; i++)
		sprintf(hex + 2 * i, "%02x", pin[i]);
}

const char *tnl_check_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0)
		return "a name must not be empty";
	if (len > TUNNEL_NAME_MAX)
		return "a name has at most 63 characters";
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != len)
		return "a name has only the characters a-z, 0-9, '.', '_' and '-'";
	return NULL;
}

char *tnl_escape(const char *in, char *out, size_t outlen)
{
	size_t pos = 0;

	if (outlen == 0)
		return out;
	for (; *in; in++) {
		unsigned char c = *in;
		/*
		 * Everything but ASCII is escaped as well: C1 controls and
		 * right-to-left marks can mislead a reader as much as ESC. The
		 * backslash is, so that the result can be told apart.
		 */
		bool plain = c >= 0x20 && c < 0x7f && c != '\\';

		if (outlen - pos <= (plain ? 1 : 4))
			break;
		if (plain)
			out[pos++] = c;
		else
			pos += sprintf(out + pos, "\\x%02x", c);
	}
	out[pos] = '\0';
	return out;
}

/* --- enums --------------------------------------------------------------- */

static const char *lookup(const char *const *names, size_t count, size_t value)
{
	return value < count && names[value] ? names[value] : "unknown";
}

const char *tnl_role_name(uint8_t role)
{
	static const char *const names[] = {
		[TUNNEL_ROLE_DIAL] = "dial",
		[TUNNEL_ROLE_LISTEN] = "listen",
	};

	return lookup(names, ARRAY_SIZE(names), role);
}

const char *tnl_direct_name(uint8_t direct)
{
	static const char *const names[] = {
		[TUNNEL_DIRECT_OFF] = "off",
		[TUNNEL_DIRECT_ON] = "on",
		[TUNNEL_DIRECT_ADMIN] = "admin",
	};

	_Static_assert(ARRAY_SIZE(names) == TUNNEL_DIRECT_MAX + 1, "a name is missing");
	return lookup(names, ARRAY_SIZE(names), direct);
}

const char *tnl_state_name(uint8_t state)
{
	static const char *const names[] = {
		[TUNNEL_STATE_DOWN] = "down",
		[TUNNEL_STATE_HELLO] = "hello",
		[TUNNEL_STATE_UP] = "up",
	};

	return lookup(names, ARRAY_SIZE(names), state);
}

const char *tnl_listener_state_name(uint8_t state)
{
	static const char *const names[] = {
		[TUNNEL_LISTENER_UP] = "up",
		[TUNNEL_LISTENER_WAITING] = "waiting for tunneld",
		[TUNNEL_LISTENER_FAILED] = "failed",
	};

	return lookup(names, ARRAY_SIZE(names), state);
}

const char *tnl_session_state_name(uint8_t state)
{
	static const char *const names[] = {
		[TUNNEL_SESSION_OPENING] = "opening",
		[TUNNEL_SESSION_OPEN] = "open",
		[TUNNEL_SESSION_HALF_CLOSED] = "half-closed",
		[TUNNEL_SESSION_CLOSED] = "closed",
	};

	return lookup(names, ARRAY_SIZE(names), state);
}

const char *tnl_blocked_name(uint8_t blocked)
{
	/* clang-format off */
	static const char *const names[] = {
		[TUNNEL_BLOCKED_NONE] = "none",
		[TUNNEL_BLOCKED_CARRIER] = "carrier",
		[TUNNEL_BLOCKED_CREDIT] = "credit",
		[TUNNEL_BLOCKED_LANE] = "lane",
		[TUNNEL_BLOCKED_READER] = "reader",
		[TUNNEL_BLOCKED_CONNECT] = "connect",
		[TUNNEL_BLOCKED_LIMIT] = "limit",
	};
	/* clang-format on */

	return lookup(names, ARRAY_SIZE(names), blocked);
}

const char *tnl_endpoint_name(uint8_t endpoint)
{
	/* clang-format off */
	static const char *const names[] = {
		[TUNNEL_ENDPOINT_NONE] = "none",
		[TUNNEL_ENDPOINT_RELAY] = "relay",
		[TUNNEL_ENDPOINT_STREAM] = "stream",
		[TUNNEL_ENDPOINT_SEQPACKET] = "seqpacket",
		[TUNNEL_ENDPOINT_WAITING] = "waiting",
	};
	/* clang-format on */

	return lookup(names, ARRAY_SIZE(names), endpoint);
}

static const char *const reasons[][2] = {
	[TUNNEL_REASON_NONE] = { "none", "ended normally" },
	[TUNNEL_REASON_RESET] = { "reset", "the application reset its connection" },
	[TUNNEL_REASON_NO_SERVICE] = { "no-service", "the peer has no such service" },
	[TUNNEL_REASON_REFUSED] = { "refused", "the target refused the connection" },
	[TUNNEL_REASON_UNREACHABLE] = { "unreachable", "the target is unreachable" },
	[TUNNEL_REASON_TIMED_OUT] = { "timed-out", "it took too long" },
	[TUNNEL_REASON_LIMIT] = { "limit", "a limit of the receiver was reached" },
	[TUNNEL_REASON_FLOW_CONTROL] = { "flow-control", "data came beyond the credit" },
	[TUNNEL_REASON_PROTOCOL] = { "protocol", "a frame was malformed or unexpected" },
	[TUNNEL_REASON_VERSION] = { "version", "the ends have no protocol version in common" },
	[TUNNEL_REASON_PEER_RESTARTED] = { "peer-restarted", "the peer lost the tunnel's state" },
	[TUNNEL_REASON_ADMIN] = { "admin", "an administrator removed it" },
	[TUNNEL_REASON_STALE] = { "stale", "the carrier is older than the attached one" },
	[TUNNEL_REASON_REPLACED] = { "replaced", "a newer carrier took over" },
	[TUNNEL_REASON_LOOP] = { "loop",
				 "the tunnel talks to itself, or both ends have the same role" },
	[TUNNEL_REASON_FLOOD] = { "flood", "the peer floods us with requests" },
	[TUNNEL_REASON_TRANSPORT] = { "transport", "the TCP or TLS connection was lost" },
	[TUNNEL_REASON_AEAD_LIMIT] = { "aead-limit", "the cipher's record limit was reached" },
	[TUNNEL_REASON_NO_DAEMON] = { "no-daemon", "there is no daemon, or was none for too long" },
	[TUNNEL_REASON_NO_MEMORY] = { "no-memory", "there was not enough memory" },
	[TUNNEL_REASON_TYPE] = { "type", "one end sends messages, the other a stream" },
};

_Static_assert(ARRAY_SIZE(reasons) == __TUNNEL_REASON_MAX, "a reason has no name");

const char *tnl_reason_name(uint8_t reason)
{
	return reason < ARRAY_SIZE(reasons) ? reasons[reason][0] : "unknown";
}

const char *tnl_reason_text(uint8_t reason)
{
	return reason < ARRAY_SIZE(reasons) ? reasons[reason][1] :
					      "a reason this version does not know";
}

const char *tnl_cipher_name(uint16_t tls_cipher)
{
	switch (tls_cipher) {
	case TLS_CIPHER_AES_GCM_128:
		return "AES-128-GCM";
	case TLS_CIPHER_AES_GCM_256:
		return "AES-256-GCM";
	case TLS_CIPHER_CHACHA20_POLY1305:
		return "CHACHA20-POLY1305";
	default:
		return "unknown";
	}
}

const char *tnl_tls_version_name(uint16_t version)
{
	switch (version) {
	case 0x0303:
		return "TLS 1.2";
	case 0x0304:
		return "TLS 1.3";
	default:
		return "unknown";
	}
}
