// SPDX-License-Identifier: GPL-2.0
/*
 * tunneld: makes and takes in the carriers of the kernel's tunnels. What must
 * exist is in the kernel; this program looks there, does it, and holds nothing
 * that a restart would lose.
 */
#include <errno.h>
#include <event2/dns.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "config.h"
#include "crypto.h"
#include "daemon.h"
#include "harden.h"
#include "identity.h"
#include "ktls.h"
#include "linger.h"
#include "notify.h"
#include "starter.h"
#include "trust.h"
#include "visitor.h"
#include "worker.h"

#ifndef TUNNEL_VERSION
#define TUNNEL_VERSION "0.1"
#endif

#define EXIT_USAGE     1
#define EXIT_NO_MODULE 2

#define RATE  20
#define BURST 40
/* A handshake is some 50 million instructions: half a core for strangers, at most. */
#define ALL_RATE  50
#define ALL_BURST 200

static const char usage[] =
	"usage: tunneld [-v] [--handshake-timeout SECONDS] [--max-handshakes N]\n"
	"               [--max-handshakes-per-address N]\n"
	"\n"
	"Makes and accepts the carriers of the kernel's tunnels (see tunnelctl(8)).\n"
	"Runs in the foreground, logs to stderr.\n"
	"\n"
	"  -h, --help      this text\n"
	"  -V, --version   version\n"
	"  -v, --verbose   log details\n"
	"  --handshake-timeout SECONDS       of connect and of TLS handshake (1..600, default 10)\n"
	"  --max-handshakes N                accepted connections in handshake (default 128)\n"
	"  --max-handshakes-per-address N    of them from one IPv4 address or IPv6 /64 (default 8)\n";

static unsigned int number(const char *option, const char *text, unsigned int max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !v || v > max) {
		fprintf(stderr, "tunneld: --%s: \"%s\" is not a number from 1 to %u\n", option,
			text, max);
		exit(EXIT_USAGE);
	}
	return (unsigned int)v;
}

static void parse_options(struct daemon *d, struct limits_config *limits, int argc, char **argv)
{
	enum { TIMEOUT = 256, MAX, MAX_ADDRESS };
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "handshake-timeout", required_argument, NULL, TIMEOUT },
		{ "max-handshakes", required_argument, NULL, MAX },
		{ "max-handshakes-per-address", required_argument, NULL, MAX_ADDRESS },
		{ NULL, 0, NULL, 0 },
	};
	int c, i = 0;

	while ((c = getopt_long(argc, argv, "hVv", options, &i)) != -1) {
		switch (c) {
		case 'h':
			fputs(usage, stdout);
			exit(0);
		case 'V':
			puts("tunneld " TUNNEL_VERSION);
			exit(0);
		case 'v':
			log_set_debug(true);
			break;
		case TIMEOUT:
			d->handshake_timeout_ms = number(options[i].name, optarg, 600) * 1000;
			break;
		case MAX:
			limits->max = number(options[i].name, optarg, 100000);
			break;
		case MAX_ADDRESS:
			limits->max_address = number(options[i].name, optarg, 100000);
			break;
		default:
			fputs(usage, stderr);
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tunneld: unexpected argument \"%s\"\n%s", argv[optind], usage);
		exit(EXIT_USAGE);
	}
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	(void)what;
	log_info("%s: leaving; carriers stay with the kernel", strsignal(number));
	daemon_stop(arg, 0);
}

static void on_lost(void *arg)
{
	/* it cannot be had again without the rights we had at our own start */
	daemon_stop(arg, 1);
}

static void on_dns_log(int is_warning, const char *msg)
{
	(void)is_warning;
	log_debug("dns: %s", msg);
}

static int run(struct daemon *d)
{
	struct event *term, *interrupt;
	int ret;

	d->base = event_base_new();
	if (!d->base) {
		log_info("no event loop: %s", strerror(errno));
		return 1;
	}
	term = evsignal_new(d->base, SIGTERM, on_signal, d);
	interrupt = evsignal_new(d->base, SIGINT, on_signal, d);
	if (!term || !interrupt || event_add(term, NULL) || event_add(interrupt, NULL))
		ret = -ENOMEM;
	else
		ret = workshop_run(&d->shop, d->base, &handshake_reports, on_lost, d);
	if (!ret)
		ret = config_start(d);
	if (!ret) {
		notify("READY=1");
		event_base_dispatch(d->base);
		notify("STOPPING=1");
	}
	config_stop(d);
	workshop_stop(&d->shop);
	linger_flush();
	if (term)
		event_free(term);
	if (interrupt)
		event_free(interrupt);
	event_base_free(d->base);
	return ret ? 1 : d->exit_code;
}

static int open_kernel(struct tnl_conn *c)
{
	int ret = tnl_open(c);

	if (ret)
		log_info("%s", c->error);
	if (ret == -ENOENT)
		return EXIT_NO_MODULE;
	return ret ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct limits_config limits = {
		.max = 128,
		.max_address = 8,
		.rate = RATE,
		.burst = BURST,
		.all_rate = ALL_RATE,
		.all_burst = ALL_BURST,
	};
	static struct daemon d = { .handshake_timeout_ms = 10000 };
	uint32_t seed = 0;
	char err[256];
	int ret;

	if (argc == 2 && !strcmp(argv[1], STARTER_WORKER))
		worker_main(STARTER_FD, ktls_install);
	parse_options(&d, &limits, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	harden_memory();
	harden_raise_files();
	ret = open_kernel(&d.ctl);
	if (ret)
		return ret;
	ret = open_kernel(&d.events);
	if (ret) {
		tnl_close(&d.ctl);
		return ret;
	}
	harden_load_modules();
	ret = workshop_begin(&d.shop, err, sizeof(err));
	d.shop.sockets = &handshake_ktls;
	harden_drop_privileges();
	if (ret) {
		log_info("%s", err);
		ret = 1;
	} else if (crypto_init(err, sizeof(err))) {
		log_info("%s", err);
		ret = 1;
	} else {
		crypto_random(NULL, (unsigned char *)&seed, sizeof(seed));
		limits_init(&d.limits, &limits, seed);
		visitors_init(&d, seed);
		evdns_set_log_fn(on_dns_log);
		ret = run(&d);
		identity_flush();
		trust_flush();
		crypto_free();
	}
	tnl_close(&d.events);
	tnl_close(&d.ctl);
	return ret;
}
