// SPDX-License-Identifier: GPL-2.0
/*
 * tunnelctl, all of it, with a kernel that says what the input says: what it
 * prints is plain text, or JSON that can be read.
 *
 * Input: command (1 byte), options (1), datagrams as in kernel.h.
 */
/* options: -max_len=2048 */
/* links: userspace/lib/ userspace/tunnelctl/ userspace/preload/map.c */
/* links: userspace/policy/rules.c userspace/policy/route.c userspace/policy/http.c userspace/policy/edge.c userspace/policy/gate.c */
/* links: userspace/policy/egress.c userspace/policy/destination.c userspace/policy/target.c */
#include <getopt.h>
#include <signal.h>
#include <sys/select.h>
#include <unistd.h>
#include "kernel.h"
#include "output.h"

int tunnelctl_main(int argc, char **argv);

static const char *const commands[][6] = {
	{ NULL },
	{ "tunnel" },
	{ "tunnel", "show", "gw" },
	{ "service" },
	{ "listener" },
	{ "session" },
	{ "session", "show", "gw" },
	{ "carrier" },
	{ "stats" },
	{ "info" },
	{ "monitor" },
	{ "flush" },
	{ "listener", "add", "[::1]:0", "to", "gw/web" },
	{ "carrier", "del", "7" },
};

enum { OPT_JSON = 1, OPT_ALL = 2, OPT_FAMILY = 4 };

/* Dumps that were overtaken are repeated at once. */
int usleep(useconds_t us)
{
	(void)us;
	return 0;
}

/* The events of monitor; it ends when there are no more. */
int pselect(int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *t, const sigset_t *s)
{
	(void)n;
	(void)r;
	(void)w;
	(void)e;
	(void)t;
	(void)s;
	if (kernel.in.left)
		return 1;
	errno = EIO;
	return -1;
}

static int run(const char *const *words, uint8_t options)
{
	struct sigaction on_int, on_term;
	sigset_t mask;
	char *argv[10] = { "tunnelctl" };
	int argc = 1, ret;

	if (options & OPT_JSON)
		argv[argc++] = "-j";
	if (options & OPT_ALL)
		argv[argc++] = "-a";
	while (*words)
		argv[argc++] = (char *)*words++;
	optind = 0;
	sigprocmask(SIG_BLOCK, NULL, &mask);
	sigaction(SIGINT, NULL, &on_int);
	sigaction(SIGTERM, NULL, &on_term);
	ret = tunnelctl_main(argc, argv);
	sigaction(SIGTERM, &on_term, NULL);
	sigaction(SIGINT, &on_int, NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct output out;
	static FILE *nowhere;
	FILE *real_out = stdout, *real_err = stderr;
	struct input in = { data, size };
	unsigned int command;
	uint8_t options;
	int ret;

	if (!nowhere)
		nowhere = output_open(NULL);
	command = take(&in, 1) % (sizeof(commands) / sizeof(commands[0]));
	options = (uint8_t)take(&in, 1);
	kernel_begin(in, options & OPT_FAMILY, 0);
	out.len = 0;
	stdout = output_open(&out);
	stderr = nowhere;
	ret = run(commands[command], options);
	fclose(stdout);
	stdout = real_out;
	stderr = real_err;
	must(ret == 0 || ret == 2);
	if (options & OPT_JSON)
		must(output_json(&out));
	else
		must(output_plain(&out));
	return 0;
}
