// SPDX-License-Identifier: GPL-2.0
/*
 * How objects look: JSON by one table for all of them, text by one function for
 * each. An attribute the module did not send is not shown.
 */
#include <inttypes.h>
#include <string.h>
#include <netlink/attr.h>
#include "limit_words.h"
#include "rules.h"
#include "target.h"
#include "tunnelctl.h"

/* --- numbers for people ----------------------------------------------------- */

char *human_bytes(uint64_t bytes, char buf[HUMANLEN])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = bytes;
	size_t unit = 0;

	/* 1023.995 would be shown as 1024.00 */
	while (value >= 1023.995 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(buf, HUMANLEN, "%" PRIu64 " B", bytes);
	else
		snprintf(buf, HUMANLEN, "%.2f %s", value, units[unit]);
	return buf;
}

char *human_ms(uint64_t ms, char buf[HUMANLEN])
{
	uint64_t s = ms / 1000;

	if (s < 60)
		snprintf(buf, HUMANLEN, "%u.%us", (unsigned int)s, (unsigned int)(ms % 1000 / 100));
	else if (s < 3600)
		snprintf(buf, HUMANLEN, "%um%us", (unsigned int)(s / 60), (unsigned int)(s % 60));
	else if (s < 86400)
		snprintf(buf, HUMANLEN, "%uh%um", (unsigned int)(s / 3600),
			 (unsigned int)(s / 60 % 60));
	else
		snprintf(buf, HUMANLEN, "%" PRIu64 "d%uh", s / 86400,
			 (unsigned int)(s / 3600 % 24));
	return buf;
}

char *human_us(uint32_t us, char buf[HUMANLEN])
{
	snprintf(buf, HUMANLEN, "%u.%03u ms", us / 1000, us % 1000);
	return buf;
}

/* --- JSON ------------------------------------------------------------------- */

static bool is_session(const struct obj *o)
{
	return o->cmd == TUNNEL_CMD_SESSION_GET || o->cmd == TUNNEL_CMD_SESSION_OPENED ||
	       o->cmd == TUNNEL_CMD_SESSION_CLOSED;
}

static bool is_tunnel(const struct obj *o)
{
	return o->cmd == TUNNEL_CMD_TUNNEL_NEW || o->cmd == TUNNEL_CMD_TUNNEL_SET ||
	       o->cmd == TUNNEL_CMD_TUNNEL_DEL || o->cmd == TUNNEL_CMD_TUNNEL_GET;
}

static bool is_service(const struct obj *o)
{
	return o->cmd == TUNNEL_CMD_SERVICE_NEW || o->cmd == TUNNEL_CMD_SERVICE_DEL ||
	       o->cmd == TUNNEL_CMD_SERVICE_GET;
}

static const char *state_of(const struct obj *o)
{
	uint8_t state = obj_num(o, TUNNEL_A_STATE);

	if (obj_has(o, TUNNEL_A_REVISION) && !is_tunnel(o))
		return tnl_listener_state_name(state);
	return is_session(o) ? tnl_session_state_name(state) : tnl_state_name(state);
}

typedef void (*json_fn)(struct json *j, const char *key, const struct obj *o, int attr);

static void put_text(struct json *j, const char *key, const struct obj *o, int attr)
{
	json_string(j, key, nla_get_string(o->attr[attr]));
}

/* The line that *at begins with. Return: false behind the last one. */
static bool next_route(const char **at, char line[RULES_LINE_MAX + 1])
{
	size_t len = strcspn(*at, "\n");

	if (!**at)
		return false;
	snprintf(line, RULES_LINE_MAX + 1, "%.*s", (int)len, *at);
	*at += len + ((*at)[len] == '\n');
	return true;
}

static void put_lines(struct json *j, const char *key, const struct obj *o, int attr)
{
	const char *at = nla_get_string(o->attr[attr]);
	char line[RULES_LINE_MAX + 1];

	json_open(j, key, '[');
	while (next_route(&at, line))
		json_string(j, NULL, line);
	json_close(j, ']');
}

static void put_num(struct json *j, const char *key, const struct obj *o, int attr)
{
	json_u64(j, key, obj_num(o, attr));
}

static void put_bool(struct json *j, const char *key, const struct obj *o, int attr)
{
	json_bool(j, key, obj_num(o, attr) != 0);
}

static void put_addr(struct json *j, const char *key, const struct obj *o, int attr)
{
	json_string(j, key, obj_addr(o, attr));
}

static void put_pin(struct json *j, const char *key, const struct obj *o, int attr)
{
	char hex[2 * TUNNEL_PIN_LEN + 1];

	tnl_format_pin(nla_data(o->attr[attr]), hex);
	json_string(j, key, hex);
}

static void put_pins(struct json *j, const char *key, const struct obj *o, int attr)
{
	char hex[2 * TUNNEL_PIN_LEN + 1];
	const uint8_t *pin;
	size_t i, n = tnl_pins(o->attr, &pin);

	(void)attr;
	json_open(j, key, '[');
	for (i = 0; i < n; i++) {
		tnl_format_pin(pin + i * TUNNEL_PIN_LEN, hex);
		json_string(j, NULL, hex);
	}
	json_close(j, ']');
}

static void put_name(struct json *j, const char *key, const struct obj *o, int attr)
{
	put_text(j, is_tunnel(o) ? "name" : key, o, attr);
}

static void put_service(struct json *j, const char *key, const struct obj *o, int attr)
{
	put_text(j, is_service(o) ? "name" : key, o, attr);
}

static void put_hex(struct json *j, const char *key, const struct obj *o, int attr)
{
	char hex[19];

	snprintf(hex, sizeof(hex), "0x%" PRIx64, obj_num(o, attr));
	json_string(j, key, hex);
}

static void put_ciphers(struct json *j, const char *key, const struct obj *o, int attr)
{
	uint32_t mask = obj_num(o, attr);
	unsigned int bit;

	json_open(j, key, '[');
	for (bit = 0; cipher_word(bit); bit++)
		if (mask & 1U << bit)
			json_string(j, NULL, cipher_word(bit));
	json_close(j, ']');
}

static void put_role(struct json *j, const char *key, const struct obj *o, int attr)
{
	json_string(j, key, tnl_role_name(obj_num(o, attr)));
}

static void put_direct(struct json *j, const char *key, const struct obj *o, int attr)
{
	json_string(j, key, tnl_direct_name(obj_num(o, attr)));
}

static void put_state(struct json *j, const char *key, const struct obj *o, int attr)
{
	(void)attr;
	json_string(j, key, state_of(o));
}

static void put_reason(struct json *j, const char *key, const struct obj *o, int attr)
{
	json_string(j, key, tnl_reason_name(obj_num(o, attr)));
}

static void put_blocked(struct json *j, const char *key, const struct obj *o, int attr)
{
	json_string(j, key, tnl_blocked_name(obj_num(o, attr)));
}

static void put_opener(struct json *j, const char *key, const struct obj *o, int attr)
{
	json_string(j, key, obj_num(o, attr) ? "peer" : "us");
}

static void put_endpoint(struct json *j, const char *key, const struct obj *o, int attr)
{
	json_string(j, key, tnl_endpoint_name(obj_num(o, attr)));
}

static void put_ids(struct json *j, const char *key, const struct obj *o, int attr)
{
	const uint32_t *ids = nla_data(o->attr[attr]);
	size_t i, n = nla_len(o->attr[attr]) / sizeof(*ids);

	json_open(j, key, '[');
	for (i = 0; i < n; i++)
		json_u64(j, NULL, ids[i]);
	json_close(j, ']');
}

/* RFC 9562, section 4 */
static char *format_uuid(const struct obj *o, char text[37])
{
	const uint8_t *u = nla_data(o->attr[TUNNEL_A_UUID]);
	int at = 0, i;

	for (i = 0; i < 16; i++)
		at += sprintf(text + at, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			      u[i]);
	return text;
}

struct access_json {
	struct json *j;
	const char *word;
};

static void put_network(void *arg, const char *word, const char *value)
{
	struct access_json *a = arg;

	if (!strcmp(word, a->word))
		json_string(a->j, NULL, value);
}

static void put_access(struct json *j, const char *key, const struct obj *o, int attr)
{
	static const char *const words[] = { "allow", "deny" };
	struct access_json a = { .j = j };
	size_t i;

	(void)attr;
	json_open(j, key, '{');
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		a.word = words[i];
		json_open(j, a.word, '[');
		limits_lines(o, put_network, &a);
		json_close(j, ']');
	}
	json_close(j, '}');
}

static void put_uuid(struct json *j, const char *key, const struct obj *o, int attr)
{
	char text[37];

	(void)attr;
	json_string(j, key, format_uuid(o, text));
}

static void put_cipher(struct json *j, const char *key, const struct obj *o, int attr)
{
	json_string(j, key, tnl_cipher_name(obj_num(o, attr)));
}

static void put_version(struct json *j, const char *key, const struct obj *o, int attr)
{
	json_string(j, key, tnl_tls_version_name(obj_num(o, attr)));
}

/* In the order of the output. */
static const struct {
	int attr;
	const char *key;
	json_fn put;
} members[] = {
	{ TUNNEL_A_CARRIER_ID, "carrier", put_num },
	{ TUNNEL_A_SESSION_ID, "session", put_hex },
	{ TUNNEL_A_NAME, "tunnel", put_name },
	{ TUNNEL_A_SERVICE, "service", put_service },
	{ TUNNEL_A_ADDRESS, "address", put_addr },
	{ TUNNEL_A_ROLE, "role", put_role },
	{ TUNNEL_A_REMOTE, "remote", put_text },
	{ TUNNEL_A_LOCAL, "local", put_text },
	{ TUNNEL_A_PEER_PIN, "peer_pin", put_pin },
	{ TUNNEL_A_PEER_PINS, "peer_pins", put_pins },
	{ TUNNEL_A_PEER_NAME, "peer_name", put_text },
	{ TUNNEL_A_KEY, "key", put_text },
	{ TUNNEL_A_CERT, "certificate", put_text },
	{ TUNNEL_A_PEER_CA, "ca", put_text },
	{ TUNNEL_A_PEER_AUTH_NAME, "auth_name", put_text },
	{ TUNNEL_A_PSK, "psk", put_text },
	{ TUNNEL_A_PSK_IDENTITY, "psk_identity", put_text },
	{ TUNNEL_A_CIPHERS, "ciphers", put_ciphers },
	{ TUNNEL_A_GRACE, "grace_ms", put_num },
	{ TUNNEL_A_DIRECT, "direct", put_direct },
	{ TUNNEL_A_ALLOW_UIDS, "allow_uids", put_ids },
	{ TUNNEL_A_LIMIT_SESSIONS, "limit_sessions", put_num },
	{ TUNNEL_A_LIMIT_RATE, "limit_rate", put_num },
	{ TUNNEL_A_LIMIT_BANDWIDTH, "limit_bandwidth", put_num },
	{ TUNNEL_A_ACCESS, "access", put_access },
	{ TUNNEL_A_ALLOW_GIDS, "allow_gids", put_ids },
	{ TUNNEL_A_ENDPOINT, "endpoint", put_endpoint },
	{ TUNNEL_A_TARGET, "target", put_lines },
	{ TUNNEL_A_DESTINATION, "destination", put_text },
	{ TUNNEL_A_ROUTES, "routes", put_lines },
	{ TUNNEL_A_REVISION, "revision", put_num },
	{ TUNNEL_A_REPORT, "report", put_text },
	{ TUNNEL_A_OWNER_UID, "uid", put_num },
	{ TUNNEL_A_OWNER_GID, "gid", put_num },
	{ TUNNEL_A_BOUND, "bound", put_bool },
	{ TUNNEL_A_STATE, "state", put_state },
	{ TUNNEL_A_REASON, "reason", put_reason },
	{ TUNNEL_A_ACCEPTED, "opened_by", put_opener },
	{ TUNNEL_A_PROTOCOL, "protocol", put_num },
	{ TUNNEL_A_PRIORITY, "priority", put_num },
	{ TUNNEL_A_UUID, "uuid", put_uuid },
	{ TUNNEL_A_LOCAL_ADDR, "local_address", put_addr },
	{ TUNNEL_A_PEER_ADDR, "peer_address", put_addr },
	{ TUNNEL_A_TLS_VERSION, "tls_version", put_version },
	{ TUNNEL_A_TLS_CIPHER, "tls_cipher", put_cipher },
	{ TUNNEL_A_KTLS_TX, "ktls_tx", put_bool },
	{ TUNNEL_A_KTLS_RX, "ktls_rx", put_bool },
	{ TUNNEL_A_RTT_US, "rtt_us", put_num },
	{ TUNNEL_A_AGE_MS, "age_ms", put_num },
	{ TUNNEL_A_TX_BYTES, "tx_bytes", put_num },
	{ TUNNEL_A_RX_BYTES, "rx_bytes", put_num },
	{ TUNNEL_A_TX_RECORDS, "tx_records", put_num },
	{ TUNNEL_A_RX_RECORDS, "rx_records", put_num },
	{ TUNNEL_A_TX_FRAMES, "tx_frames", put_num },
	{ TUNNEL_A_RX_FRAMES, "rx_frames", put_num },
	{ TUNNEL_A_TX_QUEUED, "tx_queued", put_num },
	{ TUNNEL_A_RX_QUEUED, "rx_queued", put_num },
	{ TUNNEL_A_TX_CREDIT, "tx_credit", put_num },
	{ TUNNEL_A_RX_WINDOW, "rx_window", put_num },
	{ TUNNEL_A_BLOCKED, "blocked", put_blocked },
	{ TUNNEL_A_SESSIONS, "sessions", put_num },
	{ TUNNEL_A_LANE_TX, "lane_tx", put_num },
	{ TUNNEL_A_LANE_ACKED, "lane_acked", put_num },
	{ TUNNEL_A_LANE_RX, "lane_rx", put_num },
	{ TUNNEL_A_LANE_REPLAYED, "lane_replayed", put_num },
	{ TUNNEL_A_LANE_ATTACH, "lane_attach", put_num },
	{ TUNNEL_A_VERSION, "version", put_text },
	{ TUNNEL_A_GENERATION, "generation", put_num },
	{ TUNNEL_A_DAEMON, "daemon_port", put_num },
	{ TUNNEL_A_FAMILY, "family", put_num },
	{ TUNNEL_A_COUNT_TUNNELS, "tunnels", put_num },
	{ TUNNEL_A_COUNT_SERVICES, "services", put_num },
	{ TUNNEL_A_COUNT_LISTENERS, "listeners", put_num },
	{ TUNNEL_A_COUNT_CARRIERS, "carriers", put_num },
};

void obj_json(struct json *j, const struct obj *o)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(members); i++)
		if (obj_has(o, members[i].attr))
			members[i].put(j, members[i].key, o, members[i].attr);
}

bool same_tunnel(const struct obj *o, const char *tunnel)
{
	return obj_has(o, TUNNEL_A_NAME) && !strcmp(nla_get_string(o->attr[TUNNEL_A_NAME]), tunnel);
}

void list_json(struct json *j, const char *key, const struct list *list, const char *tunnel)
{
	size_t i;

	json_open(j, key, '[');
	for (i = 0; i < list->count; i++) {
		if (tunnel && !same_tunnel(list->obj[i], tunnel))
			continue;
		json_open(j, NULL, '{');
		obj_json(j, list->obj[i]);
		json_close(j, '}');
	}
	json_close(j, ']');
}

int show_list(struct ctx *ctx, uint8_t cmd, const char *name, void (*print)(const struct obj *o))
{
	struct json j = { 0 };
	struct list list;
	size_t i;
	int ret;

	ret = list_get(ctx, cmd, name, &list);
	if (ret)
		return ret;
	if (ctx->json) {
		list_json(&j, NULL, &list, NULL);
		json_end(&j);
	} else {
		for (i = 0; i < list.count; i++)
			print(list.obj[i]);
	}
	list_free(&list);
	return EXIT_OK;
}

/* --- text ------------------------------------------------------------------- */

static void print_ciphers(uint32_t mask)
{
	const char *comma = "";
	unsigned int bit;

	printf("  ciphers: ");
	for (bit = 0; cipher_word(bit); bit++) {
		if (mask & 1U << bit) {
			printf("%s%s", comma, cipher_word(bit));
			comma = ",";
		}
	}
	putchar('\n');
}

static void print_ids(const struct obj *o, int attr, const char *what)
{
	const uint32_t *ids;
	size_t i, n;

	if (!obj_has(o, attr))
		return;
	ids = nla_data(o->attr[attr]);
	n = nla_len(o->attr[attr]) / sizeof(*ids);
	for (i = 0; i < n; i++)
		printf(" %s %" PRIu32, what, ids[i]);
}

static void print_limit(void *arg, const char *word, const char *value)
{
	const char *unit = !strcmp(word, limit_word(LIMIT_RATE)) ? " new a second" : "";

	(void)arg;
	printf("  %s: %s%s\n", word, value, unit);
}

void tunnel_print(const struct obj *o)
{
	char hex[2 * TUNNEL_PIN_LEN + 1], human[HUMANLEN];
	int where = obj_has(o, TUNNEL_A_REMOTE) ? TUNNEL_A_REMOTE : TUNNEL_A_LOCAL;
	const uint8_t *pin;
	size_t i, n = tnl_pins(o->attr, &pin);

	printf("tunnel: %s\n", obj_text(o, TUNNEL_A_NAME));
	printf("  %s: %s\n", tnl_role_name(obj_num(o, TUNNEL_A_ROLE)), obj_text(o, where));
	for (i = 0; i < n; i++) {
		tnl_format_pin(pin + i * TUNNEL_PIN_LEN, hex);
		printf("  %s: %s\n", obj_has(o, TUNNEL_A_PSK) ? "psk fingerprint" : "peer", hex);
	}
	if (obj_has(o, TUNNEL_A_PEER_NAME))
		printf("  peer's name for it: %s\n", obj_text(o, TUNNEL_A_PEER_NAME));
	if (obj_has(o, TUNNEL_A_KEY))
		printf("  key: %s\n", obj_text(o, TUNNEL_A_KEY));
	if (obj_has(o, TUNNEL_A_CERT))
		printf("  certificate: %s\n", obj_text(o, TUNNEL_A_CERT));
	if (obj_has(o, TUNNEL_A_PEER_CA))
		printf("  peer: %s, by %s\n", obj_text(o, TUNNEL_A_PEER_AUTH_NAME),
		       obj_text(o, TUNNEL_A_PEER_CA));
	if (obj_has(o, TUNNEL_A_PSK))
		printf("  psk: %s, identity %s\n", obj_text(o, TUNNEL_A_PSK),
		       obj_text(o, TUNNEL_A_PSK_IDENTITY));
	if (obj_has(o, TUNNEL_A_CIPHERS))
		print_ciphers(obj_num(o, TUNNEL_A_CIPHERS));
	if (obj_has(o, TUNNEL_A_GRACE))
		printf("  grace: %s\n", human_ms(obj_num(o, TUNNEL_A_GRACE), human));
	if (obj_has(o, TUNNEL_A_ALLOW_UIDS) || obj_has(o, TUNNEL_A_ALLOW_GIDS)) {
		printf("  sockets:");
		print_ids(o, TUNNEL_A_ALLOW_UIDS, "uid");
		print_ids(o, TUNNEL_A_ALLOW_GIDS, "gid");
		putchar('\n');
	}
	if (obj_has(o, TUNNEL_A_DIRECT) && obj_num(o, TUNNEL_A_DIRECT) != TUNNEL_DIRECT_ADMIN)
		printf("  direct: %s\n", tnl_direct_name(obj_num(o, TUNNEL_A_DIRECT)));
	limits_lines(o, print_limit, NULL);
	printf("  state: %s", state_of(o));
	if (obj_has(o, TUNNEL_A_SESSIONS))
		printf(", sessions: %" PRIu64, obj_num(o, TUNNEL_A_SESSIONS));
	putchar('\n');
}

/* The first line of a target: an address, or what the peer asks for. */
static void print_target(const char *text)
{
	char line[TUNNEL_TEXT_MAX + 1], shown[4 * TUNNEL_TEXT_MAX + 1];

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
	if (target_rules(text))
		printf("what the peer asks for, by rules");
	else
		printf("%s", tnl_escape(line, shown, sizeof(shown)));
}

/* A line for each, with the number that 'egress del' means. */
static void print_rules(const char *text)
{
	char line[RULES_LINE_MAX + 1], shown[4 * RULES_LINE_MAX + 1];
	const char *at = target_rules(text);
	unsigned int n = 0;

	while (at && next_route(&at, line))
		printf("  %u: %s\n", ++n, tnl_escape(line, shown, sizeof(shown)));
}

void service_print(const struct obj *o)
{
	printf("service: %s -> ", obj_text(o, TUNNEL_A_SERVICE));
	if (obj_has(o, TUNNEL_A_OWNER_UID)) {
		printf("socket of uid %" PRIu64, obj_num(o, TUNNEL_A_OWNER_UID));
		if (obj_has(o, TUNNEL_A_OWNER_GID))
			printf(" or gid %" PRIu64, obj_num(o, TUNNEL_A_OWNER_GID));
		printf(", %s", obj_num(o, TUNNEL_A_BOUND) ? "bound" : "not bound");
	} else if (obj_has(o, TUNNEL_A_TARGET)) {
		print_target(nla_get_string(o->attr[TUNNEL_A_TARGET]));
	} else {
		printf("%s", obj_addr(o, TUNNEL_A_ADDRESS));
	}
	if (obj_has(o, TUNNEL_A_NAME))
		printf(" (for tunnel %s only)", obj_text(o, TUNNEL_A_NAME));
	putchar('\n');
	limits_lines(o, print_limit, NULL);
	if (obj_has(o, TUNNEL_A_TARGET))
		print_rules(nla_get_string(o->attr[TUNNEL_A_TARGET]));
}

/* A line for each, with the numbers that 'route add' and 'route del' mean. */
static void print_routes(const struct obj *o)
{
	const char *at = obj_has(o, TUNNEL_A_ROUTES) ? nla_get_string(o->attr[TUNNEL_A_ROUTES]) :
						       "";
	char line[RULES_LINE_MAX + 1], shown[4 * RULES_LINE_MAX + 1];
	unsigned int n = 0;

	printf("listener: %s by routes, %s", obj_addr(o, TUNNEL_A_ADDRESS), state_of(o));
	if (obj_has(o, TUNNEL_A_REPORT))
		printf(": %s", obj_text(o, TUNNEL_A_REPORT));
	putchar('\n');
	while (next_route(&at, line)) {
		tnl_escape(line, shown, sizeof(shown));
		if (rules_is_head(line))
			printf("  %s\n", shown);
		else
			printf("  %u: %s\n", ++n, shown);
	}
}

void listener_print(const struct obj *o)
{
	if (obj_has(o, TUNNEL_A_STATE))
		print_routes(o);
	else
		printf("listener: %s -> %s/%s%s%s\n", obj_addr(o, TUNNEL_A_ADDRESS),
		       obj_text(o, TUNNEL_A_NAME), obj_text(o, TUNNEL_A_SERVICE),
		       obj_has(o, TUNNEL_A_DESTINATION) ? " for " : "",
		       obj_text(o, TUNNEL_A_DESTINATION));
}

static void print_lane(const struct obj *o, const char *indent)
{
	char sent[HUMANLEN], acked[HUMANLEN], received[HUMANLEN], replayed[HUMANLEN];

	if (!obj_has(o, TUNNEL_A_LANE_TX))
		return;
	printf("%s  lane: sent %s, acked %s, received %s, replayed %s", indent,
	       human_bytes(obj_num(o, TUNNEL_A_LANE_TX), sent),
	       human_bytes(obj_num(o, TUNNEL_A_LANE_ACKED), acked),
	       human_bytes(obj_num(o, TUNNEL_A_LANE_RX), received),
	       human_bytes(obj_num(o, TUNNEL_A_LANE_REPLAYED), replayed));
	if (obj_has(o, TUNNEL_A_LANE_ATTACH))
		printf(", carriers so far %" PRIu64, obj_num(o, TUNNEL_A_LANE_ATTACH));
	putchar('\n');
}

void carrier_print(const struct obj *o, const char *indent)
{
	char tx[HUMANLEN], rx[HUMANLEN], rtt[HUMANLEN], age[HUMANLEN], hex[2 * TUNNEL_PIN_LEN + 1];

	printf("%scarrier: %" PRIu64 ", tunnel %s, %s -> %s\n", indent,
	       obj_num(o, TUNNEL_A_CARRIER_ID), obj_text(o, TUNNEL_A_NAME),
	       obj_addr(o, TUNNEL_A_LOCAL_ADDR), obj_addr(o, TUNNEL_A_PEER_ADDR));
	printf("%s  ", indent);
	if (obj_has(o, TUNNEL_A_TLS_CIPHER))
		printf("%s %s, ", tnl_tls_version_name(obj_num(o, TUNNEL_A_TLS_VERSION)),
		       tnl_cipher_name(obj_num(o, TUNNEL_A_TLS_CIPHER)));
	printf("kTLS tx %s rx %s", obj_num(o, TUNNEL_A_KTLS_TX) ? "on" : "off",
	       obj_num(o, TUNNEL_A_KTLS_RX) ? "on" : "off");
	if (obj_has(o, TUNNEL_A_STATE))
		printf(", state %s", state_of(o));
	if (obj_has(o, TUNNEL_A_PEER_PIN)) {
		tnl_format_pin(nla_data(o->attr[TUNNEL_A_PEER_PIN]), hex);
		printf("\n%s  peer: %s", indent, hex);
	}
	printf("\n%s  rtt %s, age %s\n", indent, human_us(obj_num(o, TUNNEL_A_RTT_US), rtt),
	       human_ms(obj_num(o, TUNNEL_A_AGE_MS), age));
	printf("%s  transfer: %s sent in %" PRIu64 " records, %s received in %" PRIu64 " records\n",
	       indent, human_bytes(obj_num(o, TUNNEL_A_TX_BYTES), tx),
	       obj_num(o, TUNNEL_A_TX_RECORDS), human_bytes(obj_num(o, TUNNEL_A_RX_BYTES), rx),
	       obj_num(o, TUNNEL_A_RX_RECORDS));
	print_lane(o, indent);
}

static const char *blocked_text(uint8_t blocked)
{
	switch (blocked) {
	case TUNNEL_BLOCKED_CARRIER:
		return "no carrier is attached";
	case TUNNEL_BLOCKED_CREDIT:
		return "the peer's reader has not taken what was sent";
	case TUNNEL_BLOCKED_LANE:
		return "waiting its turn behind other sessions or TCP";
	case TUNNEL_BLOCKED_READER:
		return "the local program does not read";
	case TUNNEL_BLOCKED_CONNECT:
		return "the target is being connected";
	case TUNNEL_BLOCKED_LIMIT:
		return "the limit of the bandwidth of its service or tunnel";
	default:
		return tnl_blocked_name(blocked);
	}
}

static const char *endpoint_text(uint8_t endpoint)
{
	switch (endpoint) {
	case TUNNEL_ENDPOINT_RELAY:
		return "a TCP connection";
	case TUNNEL_ENDPOINT_STREAM:
		return "a stream socket";
	case TUNNEL_ENDPOINT_SEQPACKET:
		return "a message socket";
	case TUNNEL_ENDPOINT_WAITING:
		return "a listening socket that has not accepted it";
	default:
		return tnl_endpoint_name(endpoint);
	}
}

void session_print(const struct obj *o)
{
	char tx[HUMANLEN], rx[HUMANLEN], credit[HUMANLEN], window[HUMANLEN];
	uint8_t blocked = obj_num(o, TUNNEL_A_BLOCKED);
	char uuid[37];

	printf("session: 0x%" PRIx64 ", tunnel %s, service %s, opened by %s",
	       obj_num(o, TUNNEL_A_SESSION_ID), obj_text(o, TUNNEL_A_NAME),
	       obj_text(o, TUNNEL_A_SERVICE), obj_num(o, TUNNEL_A_ACCEPTED) ? "peer" : "us");
	if (obj_has(o, TUNNEL_A_PEER_ADDR))
		printf(" for %s", obj_addr(o, TUNNEL_A_PEER_ADDR));
	if (obj_has(o, TUNNEL_A_LOCAL_ADDR))
		printf(" at %s", obj_addr(o, TUNNEL_A_LOCAL_ADDR));
	printf(", %s\n", state_of(o));
	if (obj_num(o, TUNNEL_A_ENDPOINT) != TUNNEL_ENDPOINT_NONE) {
		printf("  leads to: %s", endpoint_text(obj_num(o, TUNNEL_A_ENDPOINT)));
		if (obj_has(o, TUNNEL_A_OWNER_UID))
			printf(" of uid %" PRIu64, obj_num(o, TUNNEL_A_OWNER_UID));
		putchar('\n');
	}
	if (obj_has(o, TUNNEL_A_UUID))
		printf("  request: %s\n", format_uuid(o, uuid));
	printf("  transfer: %s sent, %s received\n", human_bytes(obj_num(o, TUNNEL_A_TX_BYTES), tx),
	       human_bytes(obj_num(o, TUNNEL_A_RX_BYTES), rx));
	printf("  credit %s, window %s", human_bytes(obj_num(o, TUNNEL_A_TX_CREDIT), credit),
	       human_bytes(obj_num(o, TUNNEL_A_RX_WINDOW), window));
	if (obj_num(o, TUNNEL_A_TX_QUEUED))
		printf(", %s to send", human_bytes(obj_num(o, TUNNEL_A_TX_QUEUED), tx));
	if (obj_num(o, TUNNEL_A_RX_QUEUED))
		printf(", %s to deliver", human_bytes(obj_num(o, TUNNEL_A_RX_QUEUED), rx));
	putchar('\n');
	if (blocked != TUNNEL_BLOCKED_NONE)
		printf("  blocked: %s\n", blocked_text(blocked));
}
