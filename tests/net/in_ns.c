// SPDX-License-Identifier: GPL-2.0
/*
 * in_ns NAME COMMAND [ARG...]: run a command in a network namespace.
 *
 * Like "ip netns exec", but for the mount namespace with the other /sys that
 * ip makes each time, which no test looks at: where processors are emulated, that
 * takes longer than most commands. Linked statically for the same reason.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[256];
	int fd;

	if (argc < 3)
		errx(2, "usage: in_ns NAME COMMAND [ARG...]");
	snprintf(path, sizeof(path), "/run/netns/%s", argv[1]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(126, "%s", path);
	if (setns(fd, CLONE_NEWNET))
		err(126, "setns %s", path);
	execvp(argv[2], argv + 2);
	err(127, "%s", argv[2]);
}
