// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "crypto.h"
#include "identity.h"
#include "log.h"
#include "pem.h"

#define KEY_FILE_MAX  65536
#define CERT_FILE_MAX (1 << 18)

struct identity {
	struct identity *next; /* in the cache */
	unsigned int refs;
	char *path, *cert;	 /* @cert: "" if it is ours alone */
	struct stat st, cert_st; /* of the files that were loaded */
	uint64_t tried;		 /* pem_trace() of some that were not as they must be, 0: none */
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
	free(id->cert);
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

static int take_pin(struct identity *id)
{
	return crypto_sha256(id->crt.pk_raw.p, id->crt.pk_raw.len, id->pin);
}

static int parse_cert(struct identity *id, char *err, size_t errlen)
{
	struct pem pem;
	char why[128];
	int ret = pem_read(&pem, "certificate", id->cert, CERT_FILE_MAX, PEM_PUBLIC, err, errlen);

	if (ret)
		return ret;
	id->cert_st = pem.st;
	ret = mbedtls_x509_crt_parse(&id->crt, pem.text, pem.len);
	pem_free(&pem);
	if (ret || !id->crt.raw.p) {
		snprintf(err, errlen, "certificate %s: %s", id->cert,
			 ret < 0 ? crypto_error(ret, why, sizeof(why)) :
				   "not all of its chain can be read");
		return -EINVAL;
	}
	if (crypto_check_pair(&id->crt.pk, &id->key)) {
		snprintf(err, errlen, "key %s is not that of certificate %s", id->path, id->cert);
		return -EINVAL;
	}
	return take_pin(id) ? -EINVAL : 0;
}

static int parse(struct identity *id, char *err, size_t errlen)
{
	struct pem pem;
	char why[128];
	int ret = pem_read(&pem, "key", id->path, KEY_FILE_MAX, PEM_SECRET, err, errlen);

	if (ret)
		return ret;
	id->st = pem.st;
	ret = crypto_parse_key(&id->key, pem.text, pem.len);
	pem_free(&pem);
	if (!ret && *id->cert)
		return parse_cert(id, err, errlen);
	if (!ret)
		ret = crypto_self_sign(&id->key, &id->crt);
	if (!ret)
		ret = take_pin(id);
	if (ret) {
		snprintf(err, errlen, "key %s: %s", id->path, crypto_error(ret, why, sizeof(why)));
		return -EINVAL;
	}
	return 0;
}

/* Return: 0, or -errno with a sentence in @err; -EPERM: others may read it. */
static int load(const char *path, const char *cert, struct identity **result, char *err,
		size_t errlen)
{
	struct identity *id = calloc(1, sizeof(*id));
	int ret;

	if (!id) {
		snprintf(err, errlen, "out of memory");
		return -ENOMEM;
	}
	id->refs = 1;
	mbedtls_pk_init(&id->key);
	mbedtls_x509_crt_init(&id->crt);
	id->path = strdup(path);
	id->cert = strdup(cert);
	if (!id->path || !id->cert) {
		snprintf(err, errlen, "out of memory");
		identity_put(id);
		return -ENOMEM;
	}
	ret = parse(id, err, errlen);
	if (ret)
		identity_put(id);
	else
		*result = id;
	return ret;
}

/*
 * One of its files is another one than the one that was read. Return: what is in the cache for it
 * from now on, or NULL with a sentence in @err.
 */
static struct identity *read_again(struct identity **p, char *err, size_t errlen)
{
	struct identity *old = *p, *now = NULL;
	uint64_t trace = pem_trace(old->path, *old->cert ? pem_trace(old->cert, 0) : 0);
	int ret;

	/* It has been tried with this very file: not again for each handshake. */
	if (trace == old->tried)
		return old;
	old->tried = trace;
	ret = load(old->path, old->cert, &now, err, errlen);
	if (ret && ret != -EPERM) {
		log_info("%s; the key that was read before stays in use", err);
		return old;
	}
	*p = old->next;
	if (now) {
		now->next = old->next;
		*p = now;
	}
	identity_put(old);
	return now;
}

static bool is_same(const struct identity *id)
{
	return pem_is_same(id->path, &id->st) &&
	       (!*id->cert || pem_is_same(id->cert, &id->cert_st));
}

struct identity *identity_get(const char *path, const char *cert, char *err, size_t errlen)
{
	struct identity **p, *id;

	for (p = &cache; (id = *p); p = &id->next)
		if (!strcmp(id->path, path) && !strcmp(id->cert, cert))
			break;
	if (id) {
		if (!is_same(id))
			id = read_again(p, err, errlen);
	} else if (!load(path, cert, &id, err, errlen)) {
		id->next = cache;
		cache = id;
	}
	return id ? identity_ref(id) : NULL;
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
