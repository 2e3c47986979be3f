// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "clock.h"
#include "linger.h"

#define LINGER_MAX   512
#define LINGER_MS    1000
#define LINGER_BYTES 65536

struct linger_conn {
	struct linger_conn *next;
	struct event *ev;
	int fd;
	size_t budget;
	uint64_t end_ms;
};

static struct linger_conn *all;
static unsigned int count;

static void finish(struct linger_conn *l)
{
	struct linger_conn **p = &all;

	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	count--;
	event_free(l->ev);
	close(l->fd);
	free(l);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct linger_conn *l = arg;
	struct timeval tv;
	char sink[4096];
	uint64_t now;
	ssize_t n;

	if (what & EV_TIMEOUT) {
		finish(l);
		return;
	}
	while ((n = recv(fd, sink, sizeof(sink), 0)) > 0) {
		if ((size_t)n >= l->budget) {
			finish(l);
			return;
		}
		l->budget -= (size_t)n;
	}
	now = clock_ms();
	if (!n || (errno != EAGAIN && errno != EINTR) || now >= l->end_ms) {
		finish(l);
		return;
	}
	/* the deadline stands, however slowly bytes drip in */
	tv = clock_timeval(l->end_ms - now);
	event_add(l->ev, &tv);
}

void linger_close(struct event_base *base, int fd)
{
	struct timeval tv = clock_timeval(LINGER_MS);
	struct linger_conn *l = NULL;

	if (count < LINGER_MAX && !shutdown(fd, SHUT_WR))
		l = calloc(1, sizeof(*l));
	if (l)
		l->ev = event_new(base, fd, EV_READ, on_event, l);
	if (!l || !l->ev) {
		free(l);
		close(fd);
		return;
	}
	l->fd = fd;
	l->budget = LINGER_BYTES;
	l->end_ms = clock_ms() + LINGER_MS;
	l->next = all;
	all = l;
	count++;
	event_add(l->ev, &tv);
}

void linger_flush(void)
{
	while (all)
		finish(all);
}
