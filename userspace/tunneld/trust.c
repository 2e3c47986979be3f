// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "crypto.h"
#include "pem.h"
#include "trust.h"

/* Debian's has some 140 certificates, 220 KiB. */
#define FILE_MAX (4 << 20)

struct trust {
	struct trust *next; /* in the cache */
	unsigned int refs;
	struct stat st;
	mbedtls_x509_crt chain;
	struct shop_object object;
	char path[];
};

/* One reference each. As many as there were files in the configuration: few. */
static struct trust *cache;

struct trust *trust_ref(struct trust *t)
{
	t->refs++;
	return t;
}

void trust_put(struct trust *t)
{
	if (!t || --t->refs)
		return;
	object_gone(&t->object);
	mbedtls_x509_crt_free(&t->chain);
	free(t);
}

mbedtls_x509_crt *trust_chain(struct trust *t)
{
	return &t->chain;
}

static struct trust *load(const char *path, char *err, size_t errlen)
{
	size_t len = strlen(path) + 1;
	struct trust *t = calloc(1, sizeof(*t) + len);
	char why[128];
	struct pem pem;
	int ret;

	if (!t) {
		snprintf(err, errlen, "out of memory");
		return NULL;
	}
	t->refs = 1;
	memcpy(t->path, path, len);
	mbedtls_x509_crt_init(&t->chain);
	if (pem_read(&pem, "CA file", path, FILE_MAX, PEM_TRUSTED, err, errlen)) {
		trust_put(t);
		return NULL;
	}
	t->st = pem.st;
	ret = mbedtls_x509_crt_parse(&t->chain, pem.text, pem.len);
	pem_free(&pem);
	/* more than 0: so many are of kinds that the library does not know; the others count */
	if (ret < 0 || !t->chain.raw.p) {
		snprintf(err, errlen, "CA file %s: %s", path,
			 ret < 0 ? crypto_error(ret, why, sizeof(why)) :
				   "there is no certificate in it");
		trust_put(t);
		return NULL;
	}
	return t;
}

struct trust *trust_get(const char *path, char *err, size_t errlen)
{
	struct trust **p, *t;

	if (!*path)
		path = TRUST_SYSTEM;
	for (p = &cache; (t = *p); p = &t->next)
		if (!strcmp(t->path, path))
			break;
	if (t && !pem_is_same(path, &t->st)) {
		*p = t->next;
		trust_put(t);
		t = NULL;
	}
	if (!t) {
		t = load(path, err, errlen);
		if (!t)
			return NULL;
		t->next = cache;
		cache = t;
	}
	return trust_ref(t);
}

struct shop_object *trust_object(struct trust *t)
{
	return &t->object;
}

int trust_pack(const struct trust *t, struct parcel *p)
{
	parcel_put_chain(p, &t->chain);
	return 0;
}

struct trust *trust_take(struct parcel_reader *r)
{
	struct trust *t = calloc(1, sizeof(*t) + 1);

	if (!t)
		return NULL;
	t->refs = 1;
	mbedtls_x509_crt_init(&t->chain);
	if (parcel_take_chain(r, &t->chain))
		return t;
	trust_put(t);
	return NULL;
}

struct trust *trust_unpack(const struct parcel *p)
{
	struct parcel_reader r = { p->bytes, p->len };
	struct trust *t = trust_take(&r);

	if (!r.left)
		return t;
	trust_put(t);
	return NULL;
}

void trust_flush(void)
{
	while (cache) {
		struct trust *t = cache;

		cache = t->next;
		trust_put(t);
	}
}
