// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "crypto.h"
#include "identity.h"
#include "pem.h"

#define KEY_FILE_MAX 65536

struct identity {
	struct identity *next; /* in the cache */
	unsigned int refs;
	char *path;
	struct stat st; /* of the file that was loaded */
	mbedtls_pk_context key;
	mbedtls_x509_crt crt;
	uint8_t pin[TUNNEL_PIN_LEN];
	struct shop_object object;
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
	object_gone(&id->object);
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

static int parse(struct identity *id, char *err, size_t errlen)
{
	struct pem pem;
	char why[128];
	int ret = pem_read(&pem, "key", id->path, KEY_FILE_MAX, true, err, errlen);

	if (ret)
		return ret;
	id->st = pem.st;
	ret = crypto_parse_key(&id->key, pem.text, pem.len);
	pem_free(&pem);
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

	if (!id || !(id->path = strdup(path))) {
		free(id);
		snprintf(err, errlen, "out of memory");
		return NULL;
	}
	id->refs = 1;
	mbedtls_pk_init(&id->key);
	mbedtls_x509_crt_init(&id->crt);
	if (!parse(id, err, errlen))
		return id;
	identity_put(id);
	return NULL;
}

struct identity *identity_get(const char *path, char *err, size_t errlen)
{
	struct identity **p, *id;

	for (p = &cache; (id = *p); p = &id->next)
		if (!strcmp(id->path, path))
			break;
	if (id) {
		if (pem_is_same(path, &id->st))
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

struct shop_object *identity_object(struct identity *id)
{
	return &id->object;
}

int identity_pack(struct identity *id, struct parcel *p)
{
	parcel_put_chain(p, &id->crt);
	return parcel_put_key(p, &id->key);
}

struct identity *identity_unpack(const struct parcel *p)
{
	struct parcel_reader r = { p->bytes, p->len };
	struct identity *id = calloc(1, sizeof(*id));

	if (!id)
		return NULL;
	id->refs = 1;
	mbedtls_pk_init(&id->key);
	mbedtls_x509_crt_init(&id->crt);
	if (parcel_take_chain(&r, &id->crt) && parcel_take_key(&r, &id->key) && !r.left &&
	    !crypto_sha256(id->crt.pk_raw.p, id->crt.pk_raw.len, id->pin))
		return id;
	identity_put(id);
	return NULL;
}

void identity_flush(void)
{
	while (cache) {
		struct identity *id = cache;

		cache = id->next;
		identity_put(id);
	}
}
