// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "clock.h"
#include "crypto.h"
#include "log.h"
#include "passfd.h"
#include "starter.h"
#include "workshop.h"

/* Until the first worker is there; it reads nothing but its libraries. */
#define BEGIN_MS 60000
#define LATE_MS	 5000
/* Reports at a time, so that the rest of the daemon comes to its turn. */
#define BATCH 64

/* An order that waits for room. */
struct workshop_order {
	struct workshop_order *next;
	uint8_t what;
	uint64_t id;
	int fd;
	bool owned; /* @fd is ours */
	size_t len;
	uint8_t bytes[ORDERS_MAX];
};

/* --- orders that wait ------------------------------------------------------ */

static void free_order(struct workshop *shop, struct workshop_order **p)
{
	struct workshop_order *o = *p;

	*p = o->next;
	if (!o->next)
		shop->queue_end = p;
	if (o->owned)
		close(o->fd);
	free(o);
}

static void drop_queue(struct workshop *shop)
{
	while (shop->queue)
		free_order(shop, &shop->queue);
}

/* @owned: @fd is ours in any case */
static int say(struct workshop *shop, const struct order *order, int fd, bool owned)
{
	struct workshop_order *o;
	uint8_t bytes[ORDERS_MAX];
	size_t len = order_write(bytes, order);
	int ret = shop->fd < 0 ? -ENOTCONN : 0;

	if (!ret && !shop->queue && passfd_send(shop->fd, bytes, len, fd) < 0)
		ret = errno == ENOBUFS ? -EAGAIN : -errno;
	if ((!ret && !shop->queue) || (ret && ret != -EAGAIN)) {
		if (owned)
			close(fd);
		return ret;
	}
	o = calloc(1, sizeof(*o));
	if (!o || event_add(shop->writable, NULL)) {
		if (owned)
			close(fd);
		free(o);
		return -ENOMEM;
	}
	o->what = order->what;
	o->id = order->id;
	o->fd = fd;
	o->owned = owned;
	o->len = len;
	memcpy(o->bytes, bytes, len);
	*shop->queue_end = o;
	shop->queue_end = &o->next;
	return 0;
}

int workshop_order(struct workshop *shop, const struct order *order, int fd)
{
	return say(shop, order, fd, false);
}

bool workshop_recall(struct workshop *shop, uint64_t id)
{
	struct workshop_order **p;

	for (p = &shop->queue; *p; p = &(*p)->next)
		if ((*p)->what == ORDER_SHAKE && (*p)->id == id) {
			free_order(shop, p);
			return true;
		}
	return false;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct workshop *shop = arg;

	(void)what;
	while (shop->queue) {
		struct workshop_order *o = shop->queue;

		if (passfd_send(fd, o->bytes, o->len, o->fd) < 0) {
			/* whatever else is wrong, reading tells */
			if (errno == EAGAIN || errno == ENOBUFS)
				event_add(shop->writable, NULL);
			return;
		}
		free_order(shop, &shop->queue);
	}
}

/* --- what it keeps --------------------------------------------------------- */

static void on_gone(struct shop_object *object)
{
	struct workshop *shop = object->shop;
	struct order forget = { .what = ORDER_FORGET, .id = object->id };

	/* If it cannot be said, the worker keeps what nobody asks for. */
	if (shop->fd >= 0 && object->life == shop->life)
		say(shop, &forget, -1, false);
}

uint64_t workshop_keep(struct workshop *shop, struct shop_object *object, enum object_kind kind,
		       workshop_pack pack, void *what, char *err, size_t errlen)
{
	struct order keep = { .what = ORDER_OBJECT, .kind = (uint8_t)kind };
	struct parcel p = { 0 };
	char why[128];
	int ret, fd;

	if (object->id && object->life == shop->life)
		return object->id;
	ret = pack(what, &p);
	if (ret) {
		snprintf(err, errlen, "for the handshake worker: %s",
			 crypto_error(ret, why, sizeof(why)));
		parcel_free(&p);
		return 0;
	}
	keep.id = workshop_id(shop);
	keep.len = (uint32_t)p.len;
	fd = p.bad ? -ENOMEM : parcel_to_fd(&p);
	parcel_free(&p);
	ret = fd < 0 ? fd : say(shop, &keep, fd, true);
	if (ret) {
		snprintf(err, errlen, "for the handshake worker: %s", strerror(-ret));
		return 0;
	}
	object->shop = shop;
	object->id = keep.id;
	object->life = shop->life;
	object->gone = on_gone;
	return keep.id;
}

/* --- its life --------------------------------------------------------------- */

/* What begins with it; nothing happens before the event loop runs. */
static void take(struct workshop *shop, int fd)
{
	static unsigned int lives;

	shop->fd = fd;
	shop->life = ++lives;
	shop->born_ms = shop->heard_ms = clock_ms();
}

static void let_go(struct workshop *shop)
{
	drop_queue(shop);
	if (shop->io)
		event_free(shop->io);
	if (shop->writable)
		event_free(shop->writable);
	shop->io = shop->writable = NULL;
	if (shop->fd >= 0)
		close(shop->fd);
	shop->fd = -1;
}

static void ended(struct workshop *shop, const char *why)
{
	uint64_t now = clock_ms(), ms;
	uint32_t chance = 0;
	struct timeval tv;

	crypto_random(NULL, (unsigned char *)&chance, sizeof(chance));
	ms = backoff_lost(&shop->backoff, now - shop->born_ms + 1, true, now, chance);
	let_go(shop);
	log_info("the handshake worker %s; %u handshakes end with it, a new one starts in %.1f s",
		 why, shop->n_handshakes, (double)ms / 1000);
	shop->ops->ended(shop);
	tv = clock_timeval(ms);
	if (shop->starter >= 0)
		evtimer_add(shop->again, &tv);
}

void workshop_renew(struct workshop *shop, const char *why)
{
	if (shop->starter >= 0)
		starter_end(shop->starter);
	ended(shop, why);
}

/* Return: false if there is no worker any more, or it is another one. */
static bool hear(struct workshop *shop)
{
	uint8_t bytes[ORDERS_MAX + 1];
	struct report report;
	ssize_t n = recv(shop->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	unsigned int life = shop->life;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		ended(shop, "has ended");
		return false;
	}
	if (!report_read(&report, bytes, (size_t)n)) {
		workshop_renew(shop, "says what nobody understands");
		return false;
	}
	shop->heard_ms = clock_ms();
	if (report.what == REPORT_UNABLE) {
		log_info("the handshake worker: %s", report.why);
		workshop_renew(shop, "gives up");
		return false;
	}
	if (report.what != REPORT_READY)
		shop->ops->report(shop, &report);
	return shop->fd >= 0 && shop->life == life;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct workshop *shop = arg;
	int i;

	(void)fd;
	(void)what;
	for (i = 0; i < BATCH && hear(shop); i++)
		;
}

/* Return: 0 or -ENOMEM. */
static int watch(struct workshop *shop)
{
	shop->io = event_new(shop->base, shop->fd, EV_READ | EV_PERSIST, on_readable, shop);
	shop->writable = event_new(shop->base, shop->fd, EV_WRITE, on_writable, shop);
	return shop->io && shop->writable && !event_add(shop->io, NULL) ? 0 : -ENOMEM;
}

/* Return: the daemon's end, or -errno. */
static int ask_for_one(struct workshop *shop)
{
	int sv[2], ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return -errno;
	ret = starter_ask(shop->starter, sv[1]);
	close(sv[1]);
	if (!ret)
		return sv[0];
	close(sv[0]);
	return ret;
}

static void start(struct workshop *shop)
{
	int fd = ask_for_one(shop);
	char why[128];

	if (fd >= 0) {
		take(shop, fd);
		if (!watch(shop))
			return;
		fd = -ENOMEM;
	}
	shop->born_ms = clock_ms();
	snprintf(why, sizeof(why), "cannot be started: %s", strerror(-fd));
	ended(shop, why);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start(arg);
}

/* It says nothing: it has ended. */
static void on_starter(evutil_socket_t fd, short what, void *arg)
{
	struct workshop *shop = arg;

	(void)fd;
	(void)what;
	event_del(shop->starter_io);
	log_info("what starts handshake workers has ended");
	shop->lost(shop->arg);
}

/* --- begin and end ----------------------------------------------------------- */

static void clear(struct workshop *shop)
{
	memset(shop, 0, sizeof(*shop));
	shop->fd = shop->starter = -1;
	shop->queue_end = &shop->queue;
	shop->late_ms = LATE_MS;
}

/* Return: 0, or -errno with a sentence in @err. */
static int wait_until_ready(struct workshop *shop, char *err, size_t errlen)
{
	struct pollfd p = { .fd = shop->fd, .events = POLLIN };
	uint64_t until = clock_ms() + BEGIN_MS, now;
	uint8_t bytes[ORDERS_MAX + 1];
	struct report report;
	ssize_t n;
	int ret;

	do {
		now = clock_ms();
		ret = poll(&p, 1, until > now ? (int)(until - now) : 0);
	} while (ret < 0 && errno == EINTR);
	n = ret > 0 ? recv(shop->fd, bytes, sizeof(bytes), MSG_DONTWAIT) : -1;
	if (n <= 0)
		snprintf(err, errlen, "the handshake worker %s",
			 ret ? "could not be started" : "does not start");
	else if (!report_read(&report, bytes, (size_t)n))
		snprintf(err, errlen, "the handshake worker says what nobody understands");
	else if (report.what == REPORT_READY)
		return 0;
	else
		snprintf(err, errlen, "the handshake worker: %s", report.why);
	return -ECHILD;
}

int workshop_begin(struct workshop *shop, char *err, size_t errlen)
{
	int ret, fd;

	clear(shop);
	ret = starter_begin(&shop->starter_pid, err, errlen);
	if (ret < 0)
		return ret;
	shop->starter = ret;
	fd = ask_for_one(shop);
	if (fd < 0) {
		ret = fd;
		snprintf(err, errlen, "the handshake worker: %s", strerror(-ret));
	} else {
		take(shop, fd);
		ret = wait_until_ready(shop, err, errlen);
	}
	if (ret)
		workshop_stop(shop);
	return ret;
}

void workshop_adopt(struct workshop *shop, int fd)
{
	clear(shop);
	take(shop, fd);
}

int workshop_run(struct workshop *shop, struct event_base *base, const struct workshop_ops *ops,
		 workshop_lost lost, void *arg)
{
	shop->base = base;
	shop->ops = ops;
	shop->lost = lost;
	shop->arg = arg;
	shop->again = evtimer_new(base, on_again, shop);
	if (!shop->again || watch(shop))
		return -ENOMEM;
	if (shop->starter < 0)
		return 0;
	shop->starter_io = event_new(base, shop->starter, EV_READ, on_starter, shop);
	return shop->starter_io && !event_add(shop->starter_io, NULL) ? 0 : -ENOMEM;
}

void workshop_stop(struct workshop *shop)
{
	let_go(shop);
	shop->life = 0;
	if (shop->again)
		event_free(shop->again);
	if (shop->starter_io)
		event_free(shop->starter_io);
	shop->again = shop->starter_io = NULL;
	if (shop->starter < 0)
		return;
	close(shop->starter);
	shop->starter = -1;
	/* it takes the worker with it at once, so that nothing of us is left */
	while (waitpid(shop->starter_pid, NULL, 0) < 0 && errno == EINTR)
		;
}
