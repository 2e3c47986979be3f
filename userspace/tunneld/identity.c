// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "crypto.h"
#include "identity.h"

#define KEY_FILE_MAX 65536

struct identity {
	struct identity *next; /* in the cache */
	unsigned int refs;
	char *path;
	struct stat st; /* of the file that was loaded */
	mbedtls_pk_context key;
	mbedtls_x509_crt crt;
	uint8_t pin[TUNNEL_PIN_LEN];
};

/* One reference each. As many as there are KEY values in the configuration. */
static struct identity *cache;

struct identity *identity_ref(struct identity *id)
{
	id->refs++;
	return id;
}

void identity_put(struct identity *id)
{
	if (!id || --id->refs)
		return;
	mbedtls_x509_crt_free(&id->crt);
	mbedtls_pk_free(&id->key); /* wipes */
	free(id->path);
	free(id);
}

mbedtls_pk_context *identity_key(struct identity *id)
{
	return &id->key;
}

mbedtls_x509_crt *identity_cert(struct identity *id)
{
	return &id->crt;
}

const uint8_t *identity_pin(const struct identity *id)
{
	return id->pin;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int check(const char *path, const struct stat *st, char *err, size_t errlen)
{
	if (!S_ISREG(st->st_mode)) {
		snprintf(err, errlen, "key %s is not a regular file", path);
		return -EINVAL;
	}
	if (st->st_mode & (S_IRWXG | S_IRWXO)) {
		snprintf(err, errlen, "key %s is accessible to group or others (chmod 600 %s)",
			 path, path);
		return -EPERM;
	}
	if (!st->st_size || st->st_size > KEY_FILE_MAX) {
		snprintf(err, errlen, "key %s is not a PEM private key (%lld bytes)", path,
			 (long long)st->st_size);
		return -EINVAL;
	}
	return 0;
}

/* Parse the open file into @id. The text is wiped. */
static int parse(struct identity *id, int fd, char *err, size_t errlen)
{
	size_t len = (size_t)id->st.st_size, got = 0;
	uint8_t *pem = calloc(1, len + 1);
	char why[128];
	int ret;

	if (!pem) {
		snprintf(err, errlen, "out of memory");
		return -ENOMEM;
	}
	while (got < len) {
		ssize_t n = read(fd, pem + got, len - got);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	ret = crypto_parse_key(&id->key, pem, got + 1);
	mbedtls_platform_zeroize(pem, len);
	free(pem);
	if (!ret)
		ret = crypto_self_sign(&id->key, &id->crt);
	if (!ret)
		ret = crypto_sha256(id->crt.pk_raw.p, id->crt.pk_raw.len, id->pin);
	if (ret) {
		snprintf(err, errlen, "key %s: %s", id->path, crypto_error(ret, why, sizeof(why)));
		return -EINVAL;
	}
	return 0;
}

static struct identity *load(const char *path, char *err, size_t errlen)
{
	struct identity *id = calloc(1, sizeof(*id));
	int fd, ret;

	if (!id || !(id->path = strdup(path))) {
		free(id);
		snprintf(err, errlen, "out of memory");
		return NULL;
	}
	id->refs = 1;
	mbedtls_pk_init(&id->key);
	mbedtls_x509_crt_init(&id->crt);
	/* O_NONBLOCK: a FIFO at this path must not stop the daemon */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &id->st)) {
		ret = -errno;
		snprintf(err, errlen, "key %s: %s", path, strerror(errno));
	} else {
		ret = check(path, &id->st, err, errlen);
		if (!ret)
			ret = parse(id, fd, err, errlen);
	}
	if (fd >= 0)
		close(fd);
	if (!ret)
		return id;
	identity_put(id);
	return NULL;
}

struct identity *identity_get(const char *path, char *err, size_t errlen)
{
	struct identity **p, *id;
	struct stat st;

	for (p = &cache; (id = *p); p = &id->next)
		if (!strcmp(id->path, path))
			break;
	if (id) {
		if (!stat(path, &st) && same_file(&st, &id->st) && !check(path, &st, err, errlen))
			return identity_ref(id);
		*p = id->next;
		identity_put(id);
	}
	id = load(path, err, errlen);
	if (!id)
		return NULL;
	id->next = cache;
	cache = id;
	return identity_ref(id);
}

void identity_flush(void)
{
	while (cache) {
		struct identity *id = cache;

		cache = id->next;
		identity_put(id);
	}
}
