// SPDX-License-Identifier: GPL-2.0
/*
 * cost: requests and answers of the same size, one after the other, and what each takes.
 *
 *   cost serve WHERE SIZE
 *   cost run WHERE SIZE ROUNDS REQUESTS
 *
 * WHERE is tcp:ADDRESS:PORT (IPv4) or tunnel:TUNNEL:SERVICE; to serve, TUNNEL is empty.
 * A line "NANOSECONDS REQUESTS IDLE" for each round, behind one that is not counted;
 * IDLE: nanoseconds in which the processors had nothing to do, in steps of 10 ms. By the
 * deterministic machine (tests/vm/run.sh -i) each of the others is an instruction, of all
 * that runs there.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/tunnel.h>

#include "pattern.h"

#define MOST (64 << 10)

static uint8_t data[MOST], want[MOST];

struct where {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_tunnel tunnel;
	};
	socklen_t len;
};

/* Cuts "KIND:A:B" up. */
static void parse(char *s, struct where *w)
{
	const char *family = getenv("TUNNEL_FAMILY");
	char *a = strchr(s, ':'), *b = a ? strchr(a + 1, ':') : NULL;

	if (!b)
		errx(2, "%s: not KIND:A:B", s);
	*a++ = '\0';
	*b++ = '\0';
	memset(w, 0, sizeof(*w));
	if (!strcmp(s, "tcp")) {
		w->in.sin_family = AF_INET;
		w->in.sin_port = htons((uint16_t)atoi(b));
		if (inet_pton(AF_INET, a, &w->in.sin_addr) != 1)
			errx(2, "%s: no address", a);
		w->len = sizeof(w->in);
	} else {
		w->tunnel.st_family = (sa_family_t)(family ? atoi(family) : 25);
		memcpy(w->tunnel.st_tunnel, a, strnlen(a, TUNNEL_ADDR_NAME));
		memcpy(w->tunnel.st_service, b, strnlen(b, TUNNEL_ADDR_NAME));
		w->len = sizeof(w->tunnel);
	}
}

static int send_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t r = send(fd, p, n, MSG_NOSIGNAL);

		if (r <= 0)
			return -1;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

/* Return: 0, or -1 at the end and for an error. */
static int recv_all(int fd, uint8_t *p, size_t n)
{
	while (n) {
		ssize_t r = recv(fd, p, n, 0);

		if (r <= 0)
			return -1;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

static void serve(const struct where *w, size_t size)
{
	int fd, l = socket(w->any.sa_family, SOCK_STREAM, 0);

	if (l < 0 || bind(l, &w->any, w->len) || listen(l, 5))
		err(1, "listening");
	printf("ready\n");
	fflush(stdout);
	while ((fd = accept(l, NULL, NULL)) >= 0) {
		while (!recv_all(fd, data, size) && !send_all(fd, data, size))
			;
		close(fd);
	}
	err(1, "accept");
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static double idle(void)
{
	FILE *f = fopen("/proc/uptime", "r");
	double seconds = 0;

	if (!f || fscanf(f, "%*f %lf", &seconds) != 1)
		err(1, "/proc/uptime");
	fclose(f);
	return seconds;
}

static void run(const struct where *w, size_t size, int rounds, int requests)
{
	int i, n, fd = socket(w->any.sa_family, SOCK_STREAM, 0);
	uint64_t began;
	double idled;

	if (fd < 0 || connect(fd, &w->any, w->len))
		err(1, "connecting");
	for (i = 0; i <= rounds; i++) {
		pattern_fill(want, (uint64_t)i, 0, size);
		idled = idle();
		began = now();
		for (n = 0; n < requests; n++) {
			want[0] = (uint8_t)n; /* no two in a row are the same */
			if (send_all(fd, want, size) || recv_all(fd, data, size))
				err(1, "request %d", n);
			if (memcmp(data, want, size))
				errx(1, "other bytes came back");
		}
		began = now() - began;
		idled = idle() - idled;
		if (i)
			printf("%llu %d %.0f\n", (unsigned long long)began, requests, idled * 1e9);
	}
}

int main(int argc, char **argv)
{
	struct where w;
	size_t size;

	if (argc < 4)
		errx(2, "cost serve WHERE SIZE | run WHERE SIZE ROUNDS REQUESTS");
	parse(argv[2], &w);
	size = (size_t)atoi(argv[3]);
	if (!size || size > MOST)
		errx(2, "%s: no size", argv[3]);
	if (!strcmp(argv[1], "serve"))
		serve(&w, size);
	else if (argc == 6)
		run(&w, size, atoi(argv[4]), atoi(argv[5]));
	return 0;
}
