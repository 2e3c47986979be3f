// SPDX-License-Identifier: GPL-2.0
/*
 * traffic: both ends of byte-exact exchanges.
 *
 *   traffic serve ADDRESS PORT
 *   traffic run ADDRESS PORT CONNECTIONS REQUESTS UP DOWN [TIMEOUT]
 *   traffic stall ADDRESS PORT BYTES     ask for bytes, read none, stay
 *
 * A request is {seed, up, down}, then up bytes of the seed's pattern; the answer
 * is down bytes of another. Both ends compare every byte. UP and DOWN of "mix"
 * stand for 1 byte to 4 MiB, a different size for each connection. TIMEOUT is
 * how many seconds without a byte mean that a connection is stuck (60).
 * With KEEPALIVE=SECONDS in the environment a connection that says nothing for so long is
 * asked whether its other end is there.
 * ADDRESS and PORT may be tunnel:NAME and a service, NAME empty to serve.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "pattern.h"
#include "where.h"

#define BUF (64 << 10)

struct request {
	uint64_t seed, up, down; /* big-endian on the wire */
};

/* TEMP_FAILURE_RETRY: a stopped program finds its sockets with a timeout interrupted (signal(7)). */
static bool send_all(int fd, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n) {
		ssize_t r = TEMP_FAILURE_RETRY(send(fd, p, n, MSG_NOSIGNAL));

		if (r <= 0)
			return false;
		p += r;
		n -= (size_t)r;
	}
	return true;
}

static bool recv_all(int fd, void *data, size_t n)
{
	uint8_t *p = data;

	while (n) {
		ssize_t r = TEMP_FAILURE_RETRY(recv(fd, p, n, 0));

		if (r <= 0) {
			if (!r)
				errno = EPIPE;
			return false;
		}
		p += r;
		n -= (size_t)r;
	}
	return true;
}

static bool send_pattern(int fd, uint64_t seed, uint64_t total)
{
	uint8_t buf[BUF];
	uint64_t done;

	for (done = 0; done < total;) {
		size_t n = total - done < BUF ? total - done : BUF;

		pattern_fill(buf, seed, done, n);
		if (!send_all(fd, buf, n))
			return false;
		done += n;
	}
	return true;
}

/* EILSEQ: the bytes are wrong. */
static bool recv_pattern(int fd, uint64_t seed, uint64_t total)
{
	uint8_t buf[BUF], want[BUF];
	uint64_t done;

	for (done = 0; done < total;) {
		size_t n = total - done < BUF ? total - done : BUF;
		ssize_t r = TEMP_FAILURE_RETRY(recv(fd, buf, n, 0));

		if (r <= 0) {
			if (!r)
				errno = EPIPE;
			return false;
		}
		pattern_fill(want, seed, done, (size_t)r);
		if (memcmp(buf, want, (size_t)r)) {
			errno = EILSEQ;
			return false;
		}
		done += (uint64_t)r;
	}
	return true;
}

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg, one = 1;
	struct request q;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	while (recv_all(fd, &q, sizeof(q))) {
		uint64_t seed = be64toh(q.seed);

		if (!recv_pattern(fd, seed, be64toh(q.up))) {
			fprintf(stderr, "traffic serve: %s\n", strerror(errno));
			break;
		}
		if (!send_pattern(fd, ~seed, be64toh(q.down)))
			break;
	}
	close(fd);
	return NULL;
}

static int serve(const char *host, const char *port)
{
	struct addrinfo *ai;
	int fd, one = 1;

	ai = where(host, port);
	if (!ai)
		return 2;
	fd = socket(ai->ai_family, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, 1024)) {
		perror("traffic serve");
		return 2;
	}
	for (;;) {
		int c = accept(fd, NULL, NULL);
		pthread_t t;

		if (c >= 0 && !pthread_create(&t, NULL, serve_one, (void *)(intptr_t)c))
			pthread_detach(t);
	}
}

struct job {
	struct addrinfo *ai;
	unsigned int index, requests, timeout;
	uint64_t up, down;
	uint64_t done, bytes;
	char error[128];
};

static void keepalive(int fd)
{
	const char *word = getenv("KEEPALIVE");
	int idle = word ? atoi(word) : 0, one = 1, probes = 3;

	if (!idle)
		return;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static int dial(const struct addrinfo *ai, unsigned int timeout)
{
	int fd = socket(ai->ai_family, SOCK_STREAM, 0), one = 1;
	struct timeval tv = { .tv_sec = timeout };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	keepalive(fd);
	if (connect(fd, ai->ai_addr, ai->ai_addrlen)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* In a memory cgroup at its limit a page of the stack is not to be had later: EFAULT. */
static __attribute__((noinline)) void touch_stack(void)
{
	uint8_t room[3 * BUF];

	explicit_bzero(room, sizeof(room));
}

static void *run_one(void *arg)
{
	struct job *j = arg;
	const char *step = "connect";
	int fd;

	touch_stack();
	fd = dial(j->ai, j->timeout);
	if (fd < 0)
		goto failed;
	for (j->done = 0; j->done < j->requests; j->done++) {
		uint64_t seed = pattern_word(j->index, j->done);
		struct request q = {
			htobe64(seed),
			htobe64(j->up),
			htobe64(j->down),
		};

		step = "send";
		if (!send_all(fd, &q, sizeof(q)) || !send_pattern(fd, seed, j->up))
			goto failed;
		step = "receive";
		if (!recv_pattern(fd, ~seed, j->down))
			goto failed;
		j->bytes += j->up + j->down;
	}
	close(fd);
	return NULL;
failed:
	snprintf(j->error, sizeof(j->error), "connection %u, request %llu: %s: %s", j->index,
		 (unsigned long long)j->done, step, errno == EAGAIN ? "stuck" : strerror(errno));
	if (fd >= 0)
		close(fd);
	return NULL;
}

static uint64_t size_of(const char *text, unsigned int index)
{
	/* 1, 2, 4 ... 4 MiB, and something that is no power of two */
	if (!strcmp(text, "mix"))
		return (1ULL << index % 23) +
		       (index % 3 == 1 && index % 23 > 2 && index % 23 < 22 ? index : 0);
	return strtoull(text, NULL, 0);
}

static int run(int argc, char **argv)
{
	unsigned int n = (unsigned int)atoi(argv[2]), i, bad = 0;
	uint64_t bytes = 0, done = 0;
	struct addrinfo *ai;
	pthread_t *threads = calloc(n, sizeof(*threads));
	struct job *jobs = calloc(n, sizeof(*jobs));

	ai = where(argv[0], argv[1]);
	if (!ai)
		return 2;
	for (i = 0; i < n; i++) {
		jobs[i] = (struct job){
			.ai = ai,
			.index = i,
			.requests = (unsigned int)atoi(argv[3]),
			.up = size_of(argv[4], i),
			.down = size_of(argv[5], i + 7),
			.timeout = argc > 6 ? (unsigned int)atoi(argv[6]) : 60,
		};
		if (pthread_create(&threads[i], NULL, run_one, &jobs[i])) {
			perror("traffic run");
			return 2;
		}
	}
	for (i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		bytes += jobs[i].bytes;
		done += jobs[i].done;
		if (jobs[i].error[0] && bad++ < 10)
			fprintf(stderr, "traffic run: %s\n", jobs[i].error);
	}
	printf("%llu requests on %u connections, %llu bytes, %u failed\n", (unsigned long long)done,
	       n, (unsigned long long)bytes, bad);
	return bad ? 1 : 0;
}

static int stall(char **argv)
{
	struct request q = { htobe64(1), 0, htobe64(strtoull(argv[2], NULL, 0)) };
	struct addrinfo *ai;
	int fd;

	ai = where(argv[0], argv[1]);
	if (!ai)
		return 2;
	fd = dial(ai, 60);
	if (fd < 0 || !send_all(fd, &q, sizeof(q))) {
		perror("traffic stall");
		return 1;
	}
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 4 && !strcmp(argv[1], "serve"))
		return serve(argv[2], argv[3]);
	if (argc >= 8 && !strcmp(argv[1], "run"))
		return run(argc - 2, argv + 2);
	if (argc == 5 && !strcmp(argv[1], "stall"))
		return stall(argv + 2);
	fprintf(stderr,
		"usage: traffic serve ADDRESS PORT | run ADDRESS PORT CONNECTIONS REQUESTS UP DOWN [TIMEOUT] | stall ADDRESS PORT BYTES\n");
	return 2;
}
