// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "crypto.h"
#include "harden.h"
#include "jail.h"
#include "object.h"
#include "orders.h"
#include "parcel.h"
#include "passfd.h"
#include "pins.h"
#include "worker.h"

/* Orders at a time, so that handshakes in flight come to their turn. */
#define BATCH 32

/* What the daemon gave us to keep. */
struct kept {
	struct kept *next;
	uint64_t id;
	enum object_kind kind;
	union {
		void *any;
		struct identity *identity;
		struct pins *pins;
		struct certs *certs;
		struct trust *trust;
	} is;
};

struct job {
	struct job *next, **prev;
	struct worker *w;
	uint64_t id;
	int fd;
	struct pins *pins; /* a reference, or NULL */
	struct upstream upstream;
	struct negotiation *negotiation;
};

struct worker {
	struct event_base *base;
	int fd;
	struct event *io;
	negotiation_install install;
	void (*gone)(void *arg);
	void *arg;
	struct kept *kept;
	struct job *jobs;
};

/* --- reports ---------------------------------------------------------------- */

/* Waits for room: whoever gives orders reads what is reported. */
static void report(int fd, const struct report *r)
{
	uint8_t bytes[ORDERS_MAX];
	size_t len = report_write(bytes, r);

	/* that nobody is there is seen by reading */
	while (send(fd, bytes, len, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static void report_failed(struct worker *w, uint64_t id, const char *why)
{
	struct report r = { .what = REPORT_FAILED, .id = id };

	snprintf(r.why, sizeof(r.why), "%s", why);
	report(w->fd, &r);
}

/* --- what is kept ------------------------------------------------------------ */

static void drop_kept(struct kept **p)
{
	struct kept *k = *p;

	*p = k->next;
	switch (k->kind) {
	case OBJECT_IDENTITY:
		identity_put(k->is.identity);
		break;
	case OBJECT_PINS:
		pins_put(k->is.pins);
		break;
	case OBJECT_CERTS:
		certs_put(k->is.certs);
		break;
	case OBJECT_TRUST:
		trust_put(k->is.trust);
		break;
	}
	free(k);
}

static void *unpack(enum object_kind kind, const struct parcel *p)
{
	switch (kind) {
	case OBJECT_IDENTITY:
		return identity_unpack(p);
	case OBJECT_PINS:
		return pins_unpack(p);
	case OBJECT_CERTS:
		return certs_unpack(p);
	case OBJECT_TRUST:
		return trust_unpack(p);
	}
	return NULL;
}

/* Return: false if it cannot be kept: then those that need it could never be made. */
static bool keep(struct worker *w, const struct order *o, int fd)
{
	struct kept *k = calloc(1, sizeof(*k));
	struct parcel p = { 0 };

	if (k && fd >= 0 && !parcel_from_fd(&p, fd, o->len))
		k->is.any = unpack(o->kind, &p);
	parcel_free(&p);
	if (!k || !k->is.any) {
		free(k);
		return false;
	}
	k->id = o->id;
	k->kind = o->kind;
	k->next = w->kept;
	w->kept = k;
	return true;
}

static void forget(struct worker *w, uint64_t id)
{
	struct kept **p;

	for (p = &w->kept; *p; p = &(*p)->next)
		if ((*p)->id == id) {
			drop_kept(p);
			return;
		}
}

/* Return: borrowed, or NULL. */
static void *find(const struct worker *w, enum object_kind kind, uint64_t id)
{
	const struct kept *k;

	for (k = w->kept; id && k; k = k->next)
		if (k->id == id && k->kind == kind)
			return k->is.any;
	return NULL;
}

/* --- handshakes -------------------------------------------------------------- */

static void free_job(struct job *j)
{
	*j->prev = j->next;
	if (j->next)
		j->next->prev = j->prev;
	negotiate_abort(j->negotiation);
	pins_put(j->pins);
	close(j->fd);
	free(j);
}

static bool accept_pin(void *arg, const uint8_t pin[TUNNEL_PIN_LEN])
{
	const struct job *j = arg;

	return pins_have(j->pins, pin);
}

static void on_done(void *arg, const struct negotiation_result *result)
{
	struct job *j = arg;
	struct worker *w = j->w;
	struct report r = { .what = result->why ? REPORT_FAILED : REPORT_DONE, .id = j->id };

	if (result->pin) {
		r.has_pin = true;
		memcpy(r.pin, result->pin, sizeof(r.pin));
	}
	snprintf(r.why, sizeof(r.why), "%s", result->why ? result->why : "");
	snprintf(r.name, sizeof(r.name), "%s", result->server_name ? result->server_name : "");
	snprintf(r.alpn, sizeof(r.alpn), "%s", result->alpn ? result->alpn : "");
	j->negotiation = NULL;
	/* first the descriptor: the kernel takes no socket that has two */
	free_job(j);
	report(w->fd, &r);
}

/* Return: NULL, or what is missing. */
static const char *fill(const struct worker *w, const struct order *o, struct job *j,
			struct tls_params *tls)
{
	tls->fd = j->fd;
	tls->server = o->server;
	tls->ciphers = o->ciphers;
	if (o->upstream) {
		j->upstream.verify = o->verify;
		memcpy(j->upstream.name, o->name, sizeof(o->name));
		memcpy(j->upstream.alpn, o->alpn, sizeof(o->alpn));
		tls->upstream = &j->upstream;
		tls->trust = find(w, OBJECT_TRUST, o->trust);
		return o->verify && !tls->trust ? "its authorities are not known" : NULL;
	}
	if (o->certs) {
		tls->certs = find(w, OBJECT_CERTS, o->certs);
		return tls->certs ? NULL : "its certificates are not known";
	}
	tls->id = find(w, OBJECT_IDENTITY, o->identity);
	j->pins = find(w, OBJECT_PINS, o->pins);
	if (!tls->id || !j->pins) {
		j->pins = NULL;
		return "its identity is not known";
	}
	pins_ref(j->pins);
	tls->accept_pin = accept_pin;
	tls->arg = j;
	return NULL;
}

/* @fd is the worker's. */
static void shake(struct worker *w, const struct order *o, int fd)
{
	struct negotiation_params params = {
		.base = w->base,
		.install = w->install,
		.timeout_ms = o->timeout_ms,
		.done = on_done,
	};
	struct job *j = calloc(1, sizeof(*j));
	char err[REPORT_WHY_MAX];
	const char *why;

	if (!j || fd < 0) {
		free(j);
		if (fd >= 0)
			close(fd);
		report_failed(w, o->id, "no room for another handshake");
		return;
	}
	j->w = w;
	j->id = o->id;
	j->fd = fd;
	j->prev = &w->jobs;
	j->next = w->jobs;
	if (j->next)
		j->next->prev = &j->next;
	w->jobs = j;
	params.arg = j;
	why = fill(w, o, j, &params.tls);
	if (!why) {
		j->negotiation = negotiate_start(&params, err, sizeof(err));
		why = err;
	}
	if (!j->negotiation) {
		free_job(j);
		report_failed(w, o->id, why);
	}
}

static void abort_job(struct worker *w, uint64_t id)
{
	struct job *j;

	for (j = w->jobs; j; j = j->next)
		if (j->id == id) {
			free_job(j);
			return;
		}
}

/* --- orders ------------------------------------------------------------------- */

/* @fd is the worker's. Return: false if it makes no sense, or cannot be followed. */
static bool follow(struct worker *w, const struct order *o, int fd)
{
	bool good = true;

	switch (o->what) {
	case ORDER_SHAKE:
		shake(w, o, fd);
		return true;
	case ORDER_OBJECT:
		good = keep(w, o, fd);
		break;
	case ORDER_FORGET:
		forget(w, o->id);
		break;
	default:
		abort_job(w, o->id);
	}
	if (fd >= 0)
		close(fd);
	return good;
}

static void on_readable(evutil_socket_t unused, short what, void *arg)
{
	uint8_t bytes[ORDERS_MAX + 1];
	struct worker *w = arg;
	struct order o;
	int i, fd;
	ssize_t n;

	(void)unused;
	(void)what;
	for (i = 0; i < BATCH; i++) {
		n = passfd_receive(w->fd, bytes, sizeof(bytes), &fd);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0 && n < (ssize_t)sizeof(bytes) && order_read(&o, bytes, (size_t)n) &&
		    follow(w, &o, fd))
			continue;
		event_del(w->io);
		w->gone(w->arg);
		return;
	}
}

struct worker *worker_open(struct event_base *base, int fd, negotiation_install install,
			   void (*gone)(void *arg), void *arg)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->base = base;
	w->fd = fd;
	w->install = install;
	w->gone = gone;
	w->arg = arg;
	w->io = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, w);
	if (w->io && !event_add(w->io, NULL))
		return w;
	if (w->io)
		event_free(w->io);
	free(w);
	return NULL;
}

void worker_close(struct worker *w)
{
	while (w->jobs)
		free_job(w->jobs);
	while (w->kept)
		drop_kept(&w->kept);
	event_free(w->io);
	close(w->fd);
	free(w);
}

/* --- a process of its own ------------------------------------------------------ */

static void on_gone(void *arg)
{
	event_base_loopbreak(arg);
}

/* What is read from files by anybody is read now. Return: as jail_seal(). */
static int settle(char *err, size_t errlen)
{
	time_t now = time(NULL);
	struct tm tm;
	int null;

	/* dates of certificates: the C library looks for the time zone once */
	gmtime_r(&now, &tm);
	/* what it has to say it reports; a log is nothing for it to write to */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDERR_FILENO) < 0) {
		snprintf(err, errlen, "/dev/null: %s", strerror(errno));
		return -EIO;
	}
	close(null);
	return jail_seal(err, errlen);
}

void worker_main(int fd, negotiation_install install)
{
	struct report ready = { .what = REPORT_READY };
	struct event_base *base;
	struct worker *w = NULL;

	prctl(PR_SET_NAME, "tunneld-tls", 0, 0, 0);
	/* as the starter does; the end of the socket is ours */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	harden_memory();
	base = event_base_new();
	if (base)
		w = worker_open(base, fd, install, on_gone, base);
	if (!w)
		snprintf(ready.why, sizeof(ready.why), "out of memory");
	else if (!crypto_init(ready.why, sizeof(ready.why)))
		settle(ready.why, sizeof(ready.why));
	if (*ready.why) {
		ready.what = REPORT_UNABLE;
		report(fd, &ready);
		_exit(1);
	}
	report(fd, &ready);
	event_base_dispatch(base);
	worker_close(w);
	_exit(0);
}
