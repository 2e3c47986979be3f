/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the handshake worker share: keys and certificates, and handshakes over it. */
#ifndef TUNNEL_WORKER_ENDS_H
#define TUNNEL_WORKER_ENDS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "crypto.h"
#include "handshake.h"
#include "linger.h"
#include "passfd.h"
#include "tnl.h"
#include "worker.h"

static char dir[] = "/tmp/tunneld-worker.XXXXXX";
static char err[512];
static struct event_base *base;
static struct identity *id;
static uint8_t our_pin[TUNNEL_PIN_LEN];

/* --- files ---------------------------------------------------------------------- */

static inline struct certs *load_certs(const char *alpn)
{
	char path[64];
	struct edge e = { .n = 1, .alpn = alpn, .cert = { { path, path } } };
	struct certs *certs;

	snprintf(path, sizeof(path), "%s/www", dir);
	certs = certs_load(&e, err, sizeof(err));
	if (!certs)
		fail_msg("%s", err);
	return certs;
}

static inline struct trust *load_trust(void)
{
	char path[64];
	struct trust *trust;

	snprintf(path, sizeof(path), "%s/ca", dir);
	trust = trust_get(path, err, sizeof(err));
	if (!trust)
		fail_msg("%s", err);
	return trust;
}

static const char script[] =
	"cd %s && exec 2>/dev/null; umask 077\n"
	"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=www.example"
	" -addext subjectAltName=DNS:www.example -keyout key -out ca && cat ca key >www";

static inline int make_files(void **state)
{
	char command[sizeof(script) + sizeof(dir)], path[64];

	(void)state;
	umask(077);
	base = event_base_new();
	if (!base || crypto_init(err, sizeof(err)) || !mkdtemp(dir))
		return -1;
	snprintf(command, sizeof(command), script, dir);
	if (system(command))
		return -1;
	snprintf(path, sizeof(path), "%s/id", dir);
	if (tnl_key_generate(path, our_pin, err, sizeof(err)))
		return -1;
	id = identity_get(path, err, sizeof(err));
	return id ? 0 : -1;
}

static inline int remove_files(void **state)
{
	char command[64];

	(void)state;
	identity_put(id);
	identity_flush();
	trust_flush();
	crypto_free();
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) ? -1 : 0;
}

/* --- ends ----------------------------------------------------------------------- */

static struct workshop shop;
static struct worker *worker;
static bool gone;
static int installed_ret;

static inline int no_prepare(int fd, char *why, size_t len)
{
	(void)why;
	(void)len;
	return fd >= 0 ? 0 : -EBADF;
}

static inline int no_install(int fd, const struct kdf_keys *keys, char *why, size_t len)
{
	(void)why;
	(void)len;
	return fd >= 0 && keys->cipher ? 0 : -EINVAL;
}

static inline int look_installed(int fd, uint16_t *version, uint16_t *cipher, char *why, size_t len)
{
	(void)fd;
	*version = KDF_TLS12;
	*cipher = TLS_CIPHER_AES_GCM_128;
	snprintf(why, len, "no keys");
	return installed_ret;
}

static const struct handshake_ops no_ktls = { no_prepare, look_installed };

static inline void on_gone(void *arg)
{
	(void)arg;
	gone = true;
}

/* Return: the worker's end. */
static inline int open_shop(void)
{
	int sv[2];

	gone = false;
	installed_ret = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	workshop_adopt(&shop, sv[0]);
	shop.sockets = &no_ktls;
	assert_int_equal(workshop_run(&shop, base, &handshake_reports, NULL, NULL), 0);
	return sv[1];
}

static inline void open_worker(void)
{
	worker = worker_open(base, open_shop(), no_install, on_gone, NULL);
	assert_non_null(worker);
}

struct end {
	struct handshake *h;
	int done, fd;
	bool refuse;
	char why[512], name[256], alpn[64];
};

static inline bool accept_pin(void *arg, const uint8_t pin[TUNNEL_PIN_LEN])
{
	const struct end *e = arg;

	return !e->refuse && crypto_equal(pin, our_pin, TUNNEL_PIN_LEN);
}

static inline void on_done(void *arg, const struct handshake_result *r)
{
	struct end *e = arg;

	e->done++;
	e->h = NULL;
	e->fd = r->fd;
	snprintf(e->why, sizeof(e->why), "%s", r->why ? r->why : "");
	snprintf(e->name, sizeof(e->name), "%s", r->server_name ? r->server_name : "");
	snprintf(e->alpn, sizeof(e->alpn), "%s", r->alpn ? r->alpn : "");
}

/* @tls->fd is consumed. Return: false with err. */
static inline bool begin(struct end *e, struct tls_params *tls, unsigned int timeout_ms)
{
	struct handshake_params p = {
		.base = base,
		.shop = &shop,
		.tls = *tls,
		.timeout_ms = timeout_ms,
		.done = on_done,
		.arg = e,
	};

	memset(e, 0, sizeof(*e));
	e->fd = -1;
	fcntl(tls->fd, F_SETFL, O_NONBLOCK);
	p.tls.ciphers = TLS_CIPHERS_ALL;
	if (tls->id) {
		p.tls.accept_pin = accept_pin;
		p.tls.arg = e;
		p.pins = pins_new((const uint8_t(*)[TUNNEL_PIN_LEN])our_pin, 1);
	}
	e->h = handshake_start(&p, err, sizeof(err));
	pins_put(p.pins);
	return e->h != NULL;
}

static inline bool begin_carrier(struct end *e, int fd, bool server)
{
	struct tls_params tls = { .fd = fd, .server = server, .id = id };

	return begin(e, &tls, 5000);
}

static inline void run_until(const int *what)
{
	while (!*what)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
}

static inline void pair(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
}

static inline void shut(struct end *e)
{
	handshake_abort(e->h);
	if (e->fd >= 0)
		close(e->fd);
}

static inline void close_worker(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
	worker_close(worker);
	worker = NULL;
	workshop_stop(&shop);
	linger_flush();
}

#endif /* TUNNEL_WORKER_ENDS_H */
