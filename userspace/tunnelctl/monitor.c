// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl monitor: a line for each notification.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include "tunnelctl.h"

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static const char *event_name(uint8_t cmd)
{
	switch (cmd) {
	case TUNNEL_CMD_TUNNEL_NEW:
		return "tunnel_new";
	case TUNNEL_CMD_TUNNEL_SET:
		return "tunnel_set";
	case TUNNEL_CMD_TUNNEL_DEL:
		return "tunnel_del";
	case TUNNEL_CMD_SERVICE_NEW:
		return "service_new";
	case TUNNEL_CMD_SERVICE_DEL:
		return "service_del";
	case TUNNEL_CMD_SERVICE_SET:
		return "service_set";
	case TUNNEL_CMD_LISTENER_NEW:
		return "listener_new";
	case TUNNEL_CMD_LISTENER_DEL:
		return "listener_del";
	case TUNNEL_CMD_LISTENER_SET:
		return "listener_set";
	case TUNNEL_CMD_LISTENER_REPORT:
		return "listener_report";
	case TUNNEL_CMD_CARRIER_UP:
		return "carrier_up";
	case TUNNEL_CMD_CARRIER_DOWN:
		return "carrier_down";
	case TUNNEL_CMD_SESSION_OPENED:
		return "session_opened";
	case TUNNEL_CMD_SESSION_CLOSED:
		return "session_closed";
	case TUNNEL_CMD_FLUSH:
		return "flush";
	default:
		return "unknown";
	}
}

static void print_carrier(const struct obj *o)
{
	printf("carrier %" PRIu64 " of %s", obj_num(o, TUNNEL_A_CARRIER_ID),
	       obj_text(o, TUNNEL_A_NAME));
	if (o->cmd == TUNNEL_CMD_CARRIER_DOWN) {
		printf(" is down: %s", tnl_reason_text(obj_num(o, TUNNEL_A_REASON)));
		return;
	}
	printf(" is up");
	if (obj_has(o, TUNNEL_A_PEER_ADDR))
		printf(": %s -> %s", obj_addr(o, TUNNEL_A_LOCAL_ADDR),
		       obj_addr(o, TUNNEL_A_PEER_ADDR));
	if (obj_has(o, TUNNEL_A_TLS_CIPHER))
		printf(", %s %s", tnl_tls_version_name(obj_num(o, TUNNEL_A_TLS_VERSION)),
		       tnl_cipher_name(obj_num(o, TUNNEL_A_TLS_CIPHER)));
}

static void print_session(const struct obj *o)
{
	char tx[HUMANLEN], rx[HUMANLEN];

	printf("session 0x%" PRIx64 " of %s", obj_num(o, TUNNEL_A_SESSION_ID),
	       obj_text(o, TUNNEL_A_NAME));
	if (o->cmd == TUNNEL_CMD_SESSION_OPENED) {
		printf(" opened by %s: service %s", obj_num(o, TUNNEL_A_ACCEPTED) ? "peer" : "us",
		       obj_text(o, TUNNEL_A_SERVICE));
		if (obj_has(o, TUNNEL_A_PEER_ADDR))
			printf(" for %s", obj_addr(o, TUNNEL_A_PEER_ADDR));
		return;
	}
	printf(" closed: %s, %s sent, %s received", tnl_reason_text(obj_num(o, TUNNEL_A_REASON)),
	       human_bytes(obj_num(o, TUNNEL_A_TX_BYTES), tx),
	       human_bytes(obj_num(o, TUNNEL_A_RX_BYTES), rx));
}

static void print_text(const struct obj *o)
{
	switch (o->cmd) {
	case TUNNEL_CMD_TUNNEL_NEW:
		printf("tunnel %s added", obj_text(o, TUNNEL_A_NAME));
		break;
	case TUNNEL_CMD_TUNNEL_SET:
		printf("tunnel %s has other identities", obj_text(o, TUNNEL_A_NAME));
		break;
	case TUNNEL_CMD_TUNNEL_DEL:
		printf("tunnel %s removed", obj_text(o, TUNNEL_A_NAME));
		break;
	case TUNNEL_CMD_SERVICE_NEW:
		printf("service %s added", obj_text(o, TUNNEL_A_SERVICE));
		if (obj_has(o, TUNNEL_A_ADDRESS))
			printf(": leads to %s", obj_addr(o, TUNNEL_A_ADDRESS));
		else if (obj_has(o, TUNNEL_A_OWNER_UID))
			printf(": leads to a socket of uid %" PRIu64,
			       obj_num(o, TUNNEL_A_OWNER_UID));
		else if (obj_has(o, TUNNEL_A_TARGET))
			printf(": leads to %.*s", (int)strcspn(obj_text(o, TUNNEL_A_TARGET), "\\"),
			       obj_text(o, TUNNEL_A_TARGET));
		break;
	case TUNNEL_CMD_SERVICE_SET:
		printf("service %s leads elsewhere", obj_text(o, TUNNEL_A_SERVICE));
		break;
	case TUNNEL_CMD_SERVICE_DEL:
		printf("service %s removed", obj_text(o, TUNNEL_A_SERVICE));
		break;
	case TUNNEL_CMD_LISTENER_NEW:
		printf("listener %s added", obj_addr(o, TUNNEL_A_ADDRESS));
		if (obj_has(o, TUNNEL_A_NAME))
			printf(": leads to %s/%s", obj_text(o, TUNNEL_A_NAME),
			       obj_text(o, TUNNEL_A_SERVICE));
		break;
	case TUNNEL_CMD_LISTENER_SET:
		printf("listener %s has other routes", obj_addr(o, TUNNEL_A_ADDRESS));
		break;
	case TUNNEL_CMD_LISTENER_REPORT:
		printf("listener %s is %s", obj_addr(o, TUNNEL_A_ADDRESS),
		       tnl_listener_state_name(obj_num(o, TUNNEL_A_STATE)));
		if (obj_has(o, TUNNEL_A_REPORT))
			printf(": %s", obj_text(o, TUNNEL_A_REPORT));
		break;
	case TUNNEL_CMD_LISTENER_DEL:
		printf("listener %s removed", obj_addr(o, TUNNEL_A_ADDRESS));
		break;
	case TUNNEL_CMD_CARRIER_UP:
	case TUNNEL_CMD_CARRIER_DOWN:
		print_carrier(o);
		break;
	case TUNNEL_CMD_SESSION_OPENED:
	case TUNNEL_CMD_SESSION_CLOSED:
		print_session(o);
		break;
	case TUNNEL_CMD_FLUSH:
		printf("everything removed");
		break;
	default:
		printf("event %u, which this version does not know", o->cmd);
	}
}

static void print_time(const struct timespec *now)
{
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&now->tv_sec, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s.%06ld ", text, now->tv_nsec / 1000);
}

/* @o is NULL for events that were lost. */
static void print_event(const struct ctx *ctx, const struct obj *o)
{
	struct json j = { 0 };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ctx->json) {
		json_open(&j, NULL, '{');
		json_seconds(&j, "time", now.tv_sec, now.tv_nsec / 1000);
		json_string(&j, "event", o ? event_name(o->cmd) : "lost");
		if (o)
			obj_json(&j, o);
		json_close(&j, '}');
		json_end(&j);
	} else {
		print_time(&now);
		if (o)
			print_text(o);
		else
			printf("events were lost: they came faster than they were read");
		putchar('\n');
	}
	/* The reader of a pipe wants to see it now. */
	fflush(stdout);
}

static int take_event(uint8_t cmd, struct nlattr **attr, void *arg)
{
	struct obj o = { .cmd = cmd };

	memcpy(o.attr, attr, sizeof(o.attr));
	print_event(arg, &o);
	return 0;
}

/* Return: EXIT_*; the signals end the wait only, never a line half written. */
static int watch(struct ctx *ctx, const sigset_t *unblocked)
{
	int fd = nl_socket_get_fd(ctx->conn.sk);

	while (!stop && !ferror(stdout)) {
		fd_set readable;
		int ret;

		FD_ZERO(&readable);
		FD_SET(fd, &readable);
		if (pselect(fd + 1, &readable, NULL, NULL, NULL, unblocked) < 0) {
			if (errno == EINTR)
				continue;
			return failure("waiting for events: %s", strerror(errno));
		}
		ret = tnl_receive(&ctx->conn, take_event, ctx);
		if (ret == -ENOBUFS)
			print_event(ctx, NULL);
		else if (ret < 0)
			return failure("%s", ctx->conn.error);
	}
	return EXIT_OK;
}

static int monitor(struct ctx *ctx, int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked, before;
	int ret;

	ret = expect_args(ctx, argc, argv, 0, 0, NULL);
	if (!ret)
		ret = connect_kernel(ctx);
	if (ret)
		return ret;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);

	if (tnl_join(&ctx->conn, TUNNEL_MCGRP_CONFIG) < 0 ||
	    tnl_join(&ctx->conn, TUNNEL_MCGRP_EVENTS) < 0)
		return failure("%s", ctx->conn.error);
	return watch(ctx, &before);
}

const struct command monitor_commands[] = {
	{ "", "", "print events as they happen, until interrupted", monitor },
	{ 0 },
};
