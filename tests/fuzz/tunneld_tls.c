// SPDX-License-Identifier: GPL-2.0
/*
 * TLS against a stranger, and with somebody in the middle who changes bytes: no
 * input makes keys of a handshake that was tampered with, and every failure has
 * a sentence that fits a log.
 *
 * Input: what (1 byte): bit 0 the stranger's role, bit 1 a middle; then the
 * stranger's bytes, or changes: direction (1), offset (2), value (1), each.
 */
/* options: -max_len=1500 */
/* links: userspace/lib/text.c userspace/tunneld/tls.c userspace/tunneld/identity.c userspace/tunneld/pem.c userspace/tunneld/crypto.c */
/* links: userspace/tunneld/kdf.c userspace/tunneld/suites.c userspace/tunneld/serverhello.c userspace/tunneld/alert.c userspace/lib/key.c */
/* links: userspace/tunneld/certs.c userspace/tunneld/trust.c userspace/tunneld/parcel.c userspace/policy/edge.c userspace/policy/http.c */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "fuzz.h"
#include "crypto.h"
#include "tls.h"
#include "tnl.h"

static struct identity *id;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char dir[] = "/tmp/fuzz-tls.XXXXXX", path[64], err[512];
	uint8_t pin[TUNNEL_PIN_LEN];

	(void)argc;
	(void)argv;
	must(!crypto_init(err, sizeof(err)) && mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/key", dir);
	must(!tnl_key_generate(path, pin, err, sizeof(err)));
	id = identity_get(path, err, sizeof(err));
	must(id);
	must(!unlink(path) && !rmdir(dir));
	return 0;
}

/* --- ends ------------------------------------------------------------------------ */

struct end {
	struct tls *tls;
	int fd; /* of the wire's side */
	enum tls_status status;
	bool keyed;
	struct kdf_keys keys;
	bool refuse;
	size_t passed; /* bytes it has sent */
};

static bool accept_pin(void *arg, const uint8_t pin[TUNNEL_PIN_LEN])
{
	struct end *e = arg;

	return !e->refuse && crypto_equal(pin, identity_pin(id), TUNNEL_PIN_LEN);
}

static int open_end(struct end *e, bool server)
{
	struct tls_params params = { .server = server,
				     .id = id,
				     .ciphers = TUNNEL_CIPHER_ALL,
				     .accept_pin = accept_pin,
				     .arg = e };
	char err[256];
	int sv[2];

	memset(e, 0, sizeof(*e));
	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv));
	params.fd = sv[0];
	e->fd = sv[1];
	e->tls = tls_new(&params, err, sizeof(err));
	must(e->tls);
	e->status = TLS_WANT_READ;
	return sv[0];
}

static void step(struct end *e)
{
	const char *why;

	if (e->status == TLS_DONE || e->status == TLS_FAILED)
		return;
	e->status = tls_step(e->tls);
	if (e->status == TLS_DONE)
		e->keyed = !tls_keys(e->tls, &e->keys);
	if (e->status != TLS_FAILED && (e->status != TLS_DONE || e->keyed))
		return;
	why = tls_why(e->tls);
	must(why[0]);
	for (; *why; why++)
		must(*why >= 0x20 && *why <= 0x7e);
}

static void stranger(struct input in, bool server)
{
	struct end e;
	int fd = open_end(&e, server);
	unsigned int i;

	if (!server)
		step(&e);
	must(in.left < 65536);
	while (in.left && e.status != TLS_FAILED) {
		struct input part = take_part(&in, 1 + in.left / 2);

		if (write(e.fd, part.p, part.left) != (ssize_t)part.left)
			break;
		step(&e);
	}
	shutdown(e.fd, SHUT_WR);
	for (i = 0; i < 4; i++)
		step(&e);
	/* nobody without our key gets through */
	must(e.status == TLS_FAILED);
	tls_free(e.tls);
	close(e.fd);
	close(fd);
}

/* --- the middle ------------------------------------------------------------------- */

static bool pass(struct end *from, struct end *to, unsigned int direction, struct input changes)
{
	uint8_t buf[4096];
	ssize_t n = read(from->fd, buf, sizeof(buf));
	bool changed = false;

	if (n <= 0)
		return false;
	while (changes.left >= 4) {
		bool mine = take(&changes, 1) % 2 == direction;
		size_t at = (size_t)take(&changes, 2);
		uint8_t value = (uint8_t)take(&changes, 1);

		if (mine && at >= from->passed && at - from->passed < (size_t)n) {
			changed |= value != 0;
			buf[at - from->passed] ^= value;
		}
	}
	from->passed += (size_t)n;
	must(write(to->fd, buf, (size_t)n) == n);
	return changed;
}

static void middle(struct input changes, bool refuse)
{
	struct end client, server;
	int fd[2] = { open_end(&client, false), open_end(&server, true) };
	bool changed = false;
	unsigned int i;

	client.refuse = refuse;
	for (i = 0; i < 12; i++) {
		step(&client);
		changed |= pass(&client, &server, 0, changes);
		step(&server);
		changed |= pass(&server, &client, 1, changes);
	}
	/* one change may undo another: then nothing is wrong, and nothing need be */
	if (!changed && !refuse)
		must(client.keyed && server.keyed);
	must(!client.keyed || !refuse);
	if (client.keyed && server.keyed) {
		must(!memcmp(&client.keys.tx, &server.keys.rx, sizeof(client.keys.tx)));
		must(!memcmp(&client.keys.rx, &server.keys.tx, sizeof(client.keys.rx)));
	}
	tls_free(client.tls);
	tls_free(server.tls);
	close(client.fd);
	close(server.fd);
	close(fd[0]);
	close(fd[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t what = (uint8_t)take(&in, 1);

	if (what & 2)
		middle(in, what & 1);
	else
		stranger(in, what & 1);
	return 0;
}
