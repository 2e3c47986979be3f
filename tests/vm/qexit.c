// SPDX-License-Identifier: GPL-2.0
/* qexit N: end QEMU through its isa-debug-exit device with status 2 * N + 1. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/io.h>
#include <unistd.h>

#define EXIT_PORT 0xf4

int main(int argc, char **argv)
{
	unsigned char status = argc > 1 ? atoi(argv[1]) : 0;
	int fd;

	sync();
	if (!ioperm(EXIT_PORT, 1, 1))
		outb(status, EXIT_PORT);

	/* A kernel without ioperm() may still offer the ports as a file. */
	fd = open("/dev/port", O_WRONLY);
	if (fd >= 0 && pwrite(fd, &status, 1, EXIT_PORT) == 1)
		return 0;
	return 1;
}
