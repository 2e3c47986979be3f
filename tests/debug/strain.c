// SPDX-License-Identifier: GPL-2.0
/*
 * strain: programs that treat their connections badly.
 *
 *   strain churn ADDRESS PORT CLOSED SESSIONS THREADS
 *       connections to "traffic serve", used and ended in eight different ways;
 *       each eighth goes to the port CLOSED, where nobody answers. ADDRESS and
 *       ports may be tunnel:NAME and services
 *   strain give ADDRESS PORT BYTES       listen; asked by a byte, send BYTES and
 *       close at once
 *   strain take ADDRESS PORT N BYTES     get these, on N connections
 *   strain sink ADDRESS PORT N BYTES     listen for N connections that bring bytes
 *   strain put ADDRESS PORT N BYTES      bring them and close at once; take and put
 *       say "ready" when they are connected, and begin when standard input ends.
 *       take and sink end their own direction first: the sender's host then has a
 *       connection that is over, but for the last bytes
 *   strain fault ADDRESS PORT BYTES      ask "traffic serve" for bytes and read
 *       them to a page that nobody provides until SIGUSR1 comes
 *
 * Bytes are compared with a pattern and counted.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "../net/pattern.h"
#include "../net/where.h"

#define STUCK_S 120
#define BUF	16384

static struct addrinfo *target, *closed;

static struct addrinfo *lookup(const char *host, const char *port)
{
	struct addrinfo *ai = where(host, port);

	if (!ai)
		exit(2);
	return ai;
}

static int dial(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM, 0);
	struct timeval tv = { .tv_sec = STUCK_S };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, ai->ai_addr, ai->ai_addrlen)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int listening(const char *host, const char *port)
{
	struct addrinfo *ai = lookup(host, port);
	int fd = socket(ai->ai_family, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, 1024)) {
		perror("strain");
		exit(2);
	}
	return fd;
}

static void abort_it(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static bool send_pattern(int fd, uint64_t seed, uint64_t total)
{
	uint8_t buf[BUF];

	for (uint64_t done = 0; done < total;) {
		size_t n = total - done < BUF ? total - done : BUF, sent = 0;

		pattern_fill(buf, seed, done, n);
		while (sent < n) {
			ssize_t r = send(fd, buf + sent, n - sent, MSG_NOSIGNAL);

			if (r <= 0)
				return false;
			sent += (size_t)r;
		}
		done += n;
	}
	return true;
}

/* NULL, or what is wrong: exactly @total bytes, and if @end nothing behind them. */
static const char *recv_pattern(int fd, uint64_t seed, uint64_t total, bool end)
{
	uint8_t buf[BUF], want[BUF];
	uint64_t done = 0;
	ssize_t r;

	while (done < total || end) {
		size_t room = total - done < BUF ? total - done : BUF;

		r = recv(fd, buf, room ? room : 1, 0);
		if (r < 0)
			return errno == EAGAIN ? "stuck" : strerror(errno);
		if (!r)
			return done < total ? "truncated" : NULL;
		if (done == total)
			return "more bytes than there are";
		pattern_fill(want, seed, done, (size_t)r);
		if (memcmp(buf, want, (size_t)r))
			return "wrong bytes";
		done += (uint64_t)r;
	}
	return NULL;
}

static bool ask(int fd, uint64_t seed, uint64_t up, uint64_t down)
{
	uint64_t q[3] = { htobe64(seed), htobe64(up), htobe64(down) };

	return send(fd, q, sizeof(q), MSG_NOSIGNAL) == sizeof(q) && send_pattern(fd, seed, up);
}

/* --- many at a time ------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int next_one, total, bad;
static uint64_t size;

static void failed(unsigned int i, const char *why)
{
	pthread_mutex_lock(&lock);
	if (bad++ < 10)
		fprintf(stderr, "strain: connection %u: %s\n", i, why);
	pthread_mutex_unlock(&lock);
}

static bool take_one(unsigned int *i)
{
	bool more;

	pthread_mutex_lock(&lock);
	more = next_one < total;
	*i = next_one;
	next_one += more;
	pthread_mutex_unlock(&lock);
	return more;
}

static const char *churn_one(unsigned int i)
{
	uint64_t seed = pattern_word(7, i);
	const char *why = NULL;
	uint8_t byte;
	int fd;

	fd = dial(i % 8 == 7 ? closed : target);
	if (fd < 0)
		/*
		 * The end of a refused one may come before connect() returns; in the
		 * tunnel itself connect() waits for the answer.
		 */
		return i % 8 == 7 && (errno == ECONNRESET || errno == ECONNREFUSED) ?
			       NULL :
			       strerror(errno);
	switch (i % 8) {
	case 0 ... 2: /* as it should be */
		if (!ask(fd, seed, i % 3000, i % 5000 + 1))
			why = strerror(errno);
		else
			why = recv_pattern(fd, ~seed, i % 5000 + 1, false);
		break;
	case 3: /* half-closed, until the other end closes */
		if (!ask(fd, seed, i % 300, i % 20000 + 1) || shutdown(fd, SHUT_WR))
			why = strerror(errno);
		else
			why = recv_pattern(fd, ~seed, i % 20000 + 1, true);
		break;
	case 4: /* reset in the middle of the answer */
		if (!ask(fd, seed, 0, 100000))
			why = strerror(errno);
		else
			why = recv_pattern(fd, ~seed, 1000, false);
		abort_it(fd);
		return why;
	case 5: /* closed with an answer on its way */
		if (!ask(fd, seed, 0, 10000))
			why = strerror(errno);
		break;
	case 6: /* reset with a request in half */
		if (send(fd, &seed, 1 + i % 7, MSG_NOSIGNAL) < 0)
			why = strerror(errno);
		abort_it(fd);
		return why;
	case 7: /* refused */
		if (recv(fd, &byte, 1, 0) > 0 || errno == EAGAIN)
			why = "it was not refused";
		break;
	}
	close(fd);
	return why;
}

static int *fds;

static const char *get_one(unsigned int i)
{
	const char *why = "asking";

	if (send(fds[i], "", 1, MSG_NOSIGNAL) == 1 && !shutdown(fds[i], SHUT_WR))
		why = recv_pattern(fds[i], 1, size, true);
	close(fds[i]);
	return why;
}

static const char *put_one(unsigned int i)
{
	const char *why = send_pattern(fds[i], 1, size) ? NULL : strerror(errno);

	close(fds[i]);
	return why;
}

/* What is tested is the end of connections, not their beginning. */
static void connect_all(unsigned int n)
{
	fds = calloc(n, sizeof(*fds));
	for (unsigned int i = 0; i < n; i++) {
		fds[i] = dial(target);
		if (fds[i] < 0) {
			perror("strain: connect");
			exit(1);
		}
	}
	printf("ready\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
}

static int listener;

static const char *sink_one(unsigned int i)
{
	struct timeval tv = { .tv_sec = STUCK_S };
	int fd = accept(listener, NULL, NULL);
	const char *why;

	(void)i;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	shutdown(fd, SHUT_WR);
	why = recv_pattern(fd, 1, size, true);
	close(fd);
	return why;
}

static void *worker(void *arg)
{
	const char *(*one)(unsigned int) = (const char *(*)(unsigned int))(uintptr_t)arg;
	const char *why;
	unsigned int i;

	while (take_one(&i)) {
		why = one(i);
		if (why)
			failed(i, why);
		if ((i + 1) % 10000 == 0)
			fprintf(stderr, "# %u sessions\n", i + 1);
	}
	return NULL;
}

static int run(const char *(*one)(unsigned int), unsigned int n, unsigned int threads)
{
	pthread_t t[threads];

	total = n;
	for (unsigned int i = 0; i < threads; i++) {
		if (pthread_create(&t[i], NULL, worker, (void *)(uintptr_t)one)) {
			perror("strain");
			return 2;
		}
	}
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	printf("%u connections, %u failed\n", n, bad);
	return bad ? 1 : 0;
}

static void *give_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char byte;

	if (recv(fd, &byte, 1, 0) == 1)
		send_pattern(fd, 1, size);
	close(fd);
	return NULL;
}

static _Noreturn void give(void)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pthread_t t;

		if (fd >= 0 && !pthread_create(&t, NULL, give_one, (void *)(intptr_t)fd))
			pthread_detach(t);
	}
}

/* --- a reader in a page fault --------------------------------------------- */

static int fault_fd;
static char *page;

static void *read_there(void *arg)
{
	ssize_t r = recv(fault_fd, page, 4096, 0);

	(void)arg;
	printf("%s\n", r > 0 ? "data" : r ? strerrorname_np(errno) : "end");
	fflush(stdout);
	exit(0);
}

static int fault(uint64_t bytes)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero;
	struct uffd_msg msg;
	sigset_t set;
	pthread_t t;
	int uffd, sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (uintptr_t)page;
	reg.range.len = 4096;
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg)) {
		perror("strain: userfaultfd");
		return 2;
	}
	fault_fd = dial(target);
	if (fault_fd < 0 || !ask(fault_fd, 1, 0, bytes)) {
		perror("strain: asking");
		return 1;
	}
	if (pthread_create(&t, NULL, read_there, NULL) ||
	    read(uffd, &msg, sizeof(msg)) != sizeof(msg) || msg.event != UFFD_EVENT_PAGEFAULT) {
		perror("strain: waiting for the fault");
		return 1;
	}
	printf("fault\n");
	fflush(stdout);
	sigwait(&set, &sig);
	zero = (struct uffdio_zeropage){ .range = reg.range };
	if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero))
		perror("strain: providing the page");
	pthread_join(t, NULL);
	return 1;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	unsigned int n = argc > 4 ? (unsigned int)atoi(argv[4]) : 0;

	signal(SIGPIPE, SIG_IGN);
	size = argc > 4 ? strtoull(argv[argc - 1], NULL, 0) : 0;
	if (argc == 7 && !strcmp(mode, "churn")) {
		target = lookup(argv[2], argv[3]);
		closed = lookup(argv[2], argv[4]);
		return run(churn_one, (unsigned int)atoi(argv[5]), (unsigned int)atoi(argv[6]));
	}
	if (argc == 5 && !strcmp(mode, "give")) {
		listener = listening(argv[2], argv[3]);
		give();
	}
	if (argc == 6 && !strcmp(mode, "sink")) {
		listener = listening(argv[2], argv[3]);
		return run(sink_one, n, n);
	}
	if (argc == 6 && (!strcmp(mode, "take") || !strcmp(mode, "put"))) {
		target = lookup(argv[2], argv[3]);
		connect_all(n);
		return run(*mode == 't' ? get_one : put_one, n, n);
	}
	if (argc == 5 && !strcmp(mode, "fault")) {
		target = lookup(argv[2], argv[3]);
		return fault(size);
	}
	fprintf(stderr, "usage: see the head of strain.c\n");
	return 2;
}
