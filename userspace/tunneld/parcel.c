// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "crypto.h"
#include "parcel.h"

#define HEAD 4

/* realloc() would leave a copy behind. */
static bool grow(struct parcel *p, size_t len)
{
	size_t room = p->room ? p->room : 4096;
	uint8_t *bytes;

	while (room < len)
		room *= 2;
	bytes = malloc(room);
	if (!bytes)
		return false;
	if (p->len)
		memcpy(bytes, p->bytes, p->len);
	if (p->bytes)
		mbedtls_platform_zeroize(p->bytes, p->len);
	free(p->bytes);
	p->bytes = bytes;
	p->room = room;
	return true;
}

void parcel_put(struct parcel *p, const void *bytes, size_t len)
{
	if (p->bad || len > PARCEL_MAX || p->len + HEAD + len > PARCEL_MAX ||
	    (p->len + HEAD + len > p->room && !grow(p, p->len + HEAD + len))) {
		p->bad = true;
		return;
	}
	p->bytes[p->len++] = (uint8_t)(len >> 24);
	p->bytes[p->len++] = (uint8_t)(len >> 16);
	p->bytes[p->len++] = (uint8_t)(len >> 8);
	p->bytes[p->len++] = (uint8_t)len;
	if (len)
		memcpy(p->bytes + p->len, bytes, len);
	p->len += len;
}

int parcel_put_key(struct parcel *p, mbedtls_pk_context *key)
{
	uint8_t der[CRYPTO_KEY_MAX];
	int ret = crypto_write_key(key, der);

	if (ret > 0)
		parcel_put(p, der + sizeof(der) - ret, (size_t)ret);
	mbedtls_platform_zeroize(der, sizeof(der));
	return ret > 0 ? 0 : ret;
}

void parcel_put_chain(struct parcel *p, const mbedtls_x509_crt *chain)
{
	/* a chain that was never read is one certificate without bytes */
	for (; chain && chain->raw.p; chain = chain->next)
		parcel_put(p, chain->raw.p, chain->raw.len);
	parcel_put(p, NULL, 0);
}

void parcel_free(struct parcel *p)
{
	if (p->bytes)
		mbedtls_platform_zeroize(p->bytes, p->len);
	free(p->bytes);
	memset(p, 0, sizeof(*p));
}

bool parcel_take(struct parcel_reader *r, const uint8_t **bytes, size_t *len)
{
	size_t n;

	if (r->left < HEAD)
		return false;
	n = (size_t)r->p[0] << 24 | (size_t)r->p[1] << 16 | (size_t)r->p[2] << 8 | r->p[3];
	if (n > r->left - HEAD)
		return false;
	*bytes = r->p + HEAD;
	*len = n;
	r->p += HEAD + n;
	r->left -= HEAD + n;
	return true;
}

bool parcel_take_key(struct parcel_reader *r, mbedtls_pk_context *key)
{
	const uint8_t *bytes;
	size_t len;

	return parcel_take(r, &bytes, &len) && !crypto_parse_key(key, bytes, len);
}

bool parcel_take_chain(struct parcel_reader *r, mbedtls_x509_crt *chain)
{
	const uint8_t *bytes;
	size_t len;

	while (parcel_take(r, &bytes, &len)) {
		if (!len)
			return chain->raw.p != NULL;
		if (mbedtls_x509_crt_parse_der(chain, bytes, len))
			return false;
	}
	return false;
}

/* Return: false with errno. */
static bool write_all(int fd, const uint8_t *bytes, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = pwrite(fd, bytes + at, len - at, (off_t)at);

		if (n < 0 && errno != EINTR)
			return false;
		at += n > 0 ? (size_t)n : 0;
	}
	return true;
}

int parcel_to_fd(const struct parcel *p)
{
	int fd = memfd_create("tunneld", MFD_CLOEXEC | MFD_ALLOW_SEALING), ret;

	if (fd < 0)
		return -errno;
	if (write_all(fd, p->bytes, p->len) &&
	    !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static void wipe(int fd, size_t len)
{
	static const uint8_t zeros[4096];
	size_t at, n;

	for (at = 0; at < len; at += n) {
		n = len - at < sizeof(zeros) ? len - at : sizeof(zeros);
		if (pwrite(fd, zeros, n, (off_t)at) != (ssize_t)n)
			return;
	}
}

int parcel_from_fd(struct parcel *p, int fd, size_t len)
{
	int ret = 0;

	if (len > PARCEL_MAX)
		return -E2BIG;
	p->bytes = malloc(len ? len : 1);
	if (!p->bytes)
		return -ENOMEM;
	p->room = len;
	while (!ret && p->len < len) {
		ssize_t n = pread(fd, p->bytes + p->len, len - p->len, (off_t)p->len);

		if (n > 0)
			p->len += (size_t)n;
		else if (!n)
			ret = -ENODATA;
		else if (errno != EINTR)
			ret = -errno;
	}
	wipe(fd, len);
	if (ret)
		parcel_free(p);
	return ret;
}
