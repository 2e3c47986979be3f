// SPDX-License-Identifier: GPL-2.0
/*
 * Files with private keys: tool and daemon take the same ones and see the same
 * pin in them.
 *
 * Input: form (1 byte), then the file as it is, or DER to be made PEM of.
 */
/* options: -max_len=1024 */
/* links: userspace/lib/key.c userspace/lib/text.c userspace/tunneld/identity.c userspace/tunneld/pem.c userspace/tunneld/crypto.c userspace/tunneld/parcel.c */
#include <mbedtls/base64.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fuzz.h"
#include "crypto.h"
#include "identity.h"
#include "tnl.h"

static const char *const labels[] = {
	NULL, "EC PRIVATE KEY", "PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY",
};

static int fd;
static char path[64];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char err[256];

	(void)argc;
	(void)argv;
	fd = memfd_create("key", 0);
	must(fd >= 0 && !fchmod(fd, 0600));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	must(!crypto_init(err, sizeof(err)));
	return 0;
}

static void write_file(const void *data, size_t len)
{
	must(!ftruncate(fd, 0) && pwrite(fd, data, len, 0) == (ssize_t)len);
}

static void write_pem(const char *label, struct input der)
{
	size_t room = der.left * 2 + 200, n = 0, at;
	char *text = malloc(room), *b64 = malloc(room);

	must(text && b64);
	must(!mbedtls_base64_encode((unsigned char *)b64, room, &n, der.p, der.left));
	at = (size_t)sprintf(text, "-----BEGIN %s-----\n", label);
	for (b64[n] = '\0'; n; n -= n < 64 ? n : 64)
		at += (size_t)sprintf(text + at, "%.64s\n", b64 + strlen(b64) - n);
	at += (size_t)sprintf(text + at, "-----END %s-----\n", label);
	write_file(text, at);
	free(b64);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned int form = take(&in, 1) % (sizeof(labels) / sizeof(labels[0]));
	char err[512] = "", why[512] = "";
	uint8_t pin[TUNNEL_PIN_LEN];
	struct identity *id;
	int ret;

	if (labels[form])
		write_pem(labels[form], in);
	else
		write_file(in.p, in.left);
	ret = tnl_key_pin(path, pin, err, sizeof(err));
	must(ret <= 0 && !ret == !err[0]);
	must(strlen(err) < sizeof(err));
	id = identity_get(path, why, sizeof(why));
	must(!id == !!why[0]);
	/* what the tool takes the daemon takes; it would also take other kinds of keys */
	must(ret || id);
	if (!ret)
		must(!memcmp(pin, identity_pin(id), sizeof(pin)));
	identity_put(id);
	identity_flush();
	return 0;
}
