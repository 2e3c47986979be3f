// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "certs.h"
#include "crypto.h"
#include "pem.h"

/* A chain is some certificates of a few KiB. */
#define FILE_MAX (1 << 18)

struct cert {
	char *paths; /* of both, in one allocation */
	const char *chain_path, *key_path;
	struct stat chain_st, key_st;
	mbedtls_x509_crt chain;
	mbedtls_x509_crt leaf; /* the first of @chain, by itself: to ask for its names */
	mbedtls_pk_context key;
};

struct certs {
	unsigned int refs;
	struct shop_object object;
	uint64_t tried; /* pem_trace() of files that were not as they must be, 0: none */
	char *list;	/* of ALPN, as it was given, or NULL */
	struct edge_names alpn;
	size_t n;
	struct cert cert[];
};

struct certs *certs_ref(struct certs *certs)
{
	certs->refs++;
	return certs;
}

void certs_put(struct certs *certs)
{
	size_t i;

	if (!certs || --certs->refs)
		return;
	object_gone(&certs->object);
	for (i = 0; i < certs->n; i++) {
		mbedtls_x509_crt_free(&certs->cert[i].chain);
		mbedtls_x509_crt_free(&certs->cert[i].leaf);
		mbedtls_pk_free(&certs->cert[i].key); /* wipes */
		free(certs->cert[i].paths);
	}
	free(certs->list);
	free(certs);
}

static int wrong(const struct cert *c, int ret, char *err, size_t errlen)
{
	char why[128];

	/* more than 0: so many of the chain are not as they must be */
	snprintf(err, errlen, "certificate %s: %s", c->chain_path,
		 ret > 0 ? "not all of its chain can be read" :
			   crypto_error(ret, why, sizeof(why)));
	return -EINVAL;
}

static int load_chain(struct cert *c, char *err, size_t errlen)
{
	struct pem pem;
	/* the key may be in it */
	enum pem_care care = strcmp(c->chain_path, c->key_path) ? PEM_PUBLIC : PEM_SECRET;
	int ret = pem_read(&pem, "certificate", c->chain_path, FILE_MAX, care, err, errlen);

	if (ret)
		return ret;
	c->chain_st = pem.st;
	ret = mbedtls_x509_crt_parse(&c->chain, pem.text, pem.len);
	pem_free(&pem);
	if (!ret)
		ret = mbedtls_x509_crt_parse_der(&c->leaf, c->chain.raw.p, c->chain.raw.len);
	return ret ? wrong(c, ret, err, errlen) : 0;
}

static int load_key(struct cert *c, char *err, size_t errlen)
{
	struct pem pem;
	char why[128];
	int ret = pem_read(&pem, "key", c->key_path, FILE_MAX, PEM_SECRET, err, errlen);

	if (ret)
		return ret;
	c->key_st = pem.st;
	ret = crypto_parse_key(&c->key, pem.text, pem.len);
	pem_free(&pem);
	if (ret) {
		snprintf(err, errlen, "key %s: %s", c->key_path,
			 crypto_error(ret, why, sizeof(why)));
		return -EINVAL;
	}
	if (crypto_check_pair(&c->chain.pk, &c->key)) {
		snprintf(err, errlen, "key %s is not that of certificate %s", c->key_path,
			 c->chain_path);
		return -EINVAL;
	}
	return 0;
}

/* @c: all zero, or nothing is done. Return: 0 or -errno. */
static int load(struct cert *c, const char *chain, const char *key, char *err, size_t errlen)
{
	size_t len = strlen(chain) + 1;
	int ret;

	mbedtls_x509_crt_init(&c->chain);
	mbedtls_x509_crt_init(&c->leaf);
	mbedtls_pk_init(&c->key);
	c->paths = malloc(len + strlen(key) + 1);
	if (!c->paths) {
		snprintf(err, errlen, "out of memory");
		return -ENOMEM;
	}
	c->chain_path = strcpy(c->paths, chain);
	c->key_path = strcpy(c->paths + len, key);
	ret = load_chain(c, err, errlen);
	return ret ? ret : load_key(c, err, errlen);
}

static struct certs *load_all(const struct edge_cert *list, size_t n, const char *alpn, char *err,
			      size_t errlen)
{
	struct certs *certs = calloc(1, sizeof(*certs) + n * sizeof(certs->cert[0]));
	size_t i;

	if (!certs) {
		snprintf(err, errlen, "out of memory");
		return NULL;
	}
	certs->refs = 1;
	edge_split(&certs->alpn, alpn);
	certs->list = alpn ? strdup(alpn) : NULL;
	if (alpn && !certs->list) {
		snprintf(err, errlen, "out of memory");
		certs_put(certs);
		return NULL;
	}
	for (i = 0; i < n; i++) {
		certs->n++;
		if (load(&certs->cert[i], list[i].certificate, list[i].key, err, errlen)) {
			certs_put(certs);
			return NULL;
		}
	}
	return certs;
}

struct certs *certs_load(const struct edge *e, char *err, size_t errlen)
{
	return load_all(e->cert, e->n, e->alpn, err, errlen);
}

struct certs *certs_fresh(struct certs *certs, char *why, size_t whylen)
{
	struct edge_cert list[EDGE_CERTS_MAX];
	struct certs *now;
	uint64_t trace = 0;
	bool same = true;
	size_t i;

	*why = 0;
	for (i = 0; i < certs->n; i++) {
		const struct cert *c = &certs->cert[i];

		list[i] = (struct edge_cert){ c->chain_path, c->key_path };
		same = same && pem_is_same(c->chain_path, &c->chain_st) &&
		       pem_is_same(c->key_path, &c->key_st);
		trace = pem_trace(c->key_path, pem_trace(c->chain_path, trace));
	}
	/* or it has been tried with these very files: not again for each who comes */
	if (same || trace == certs->tried)
		return certs;
	certs->tried = trace;
	now = load_all(list, certs->n, certs->list, why, whylen);
	if (!now)
		return certs;
	certs_put(certs);
	return now;
}

struct shop_object *certs_object(struct certs *certs)
{
	return &certs->object;
}

int certs_pack(struct certs *certs, struct parcel *p)
{
	uint8_t n = (uint8_t)certs->n;
	int ret = 0;
	size_t i;

	parcel_put(p, &n, 1);
	parcel_put(p, certs->list, certs->list ? strlen(certs->list) + 1 : 0);
	for (i = 0; !ret && i < certs->n; i++) {
		parcel_put_chain(p, &certs->cert[i].chain);
		ret = parcel_put_key(p, &certs->cert[i].key);
	}
	return ret;
}

static bool unpack(struct cert *c, struct parcel_reader *r)
{
	mbedtls_x509_crt_init(&c->chain);
	mbedtls_x509_crt_init(&c->leaf);
	mbedtls_pk_init(&c->key);
	return parcel_take_chain(r, &c->chain) && parcel_take_key(r, &c->key) &&
	       !mbedtls_x509_crt_parse_der(&c->leaf, c->chain.raw.p, c->chain.raw.len);
}

struct certs *certs_unpack(const struct parcel *p)
{
	struct parcel_reader r = { p->bytes, p->len };
	const uint8_t *n, *list;
	struct certs *certs;
	size_t len, list_len;

	if (!parcel_take(&r, &n, &len) || len != 1 || !*n || *n > EDGE_CERTS_MAX ||
	    !parcel_take(&r, &list, &list_len) || list_len > EDGE_ALPN_LIST_MAX + 1 ||
	    (list_len && list[list_len - 1]))
		return NULL;
	certs = calloc(1, sizeof(*certs) + *n * sizeof(certs->cert[0]));
	if (!certs)
		return NULL;
	certs->refs = 1;
	edge_split(&certs->alpn, list_len ? (const char *)list : NULL);
	while (certs->n < *n)
		if (!unpack(&certs->cert[certs->n++], &r)) {
			certs_put(certs);
			return NULL;
		}
	if (!r.left)
		return certs;
	certs_put(certs);
	return NULL;
}

const char **certs_alpn(struct certs *certs)
{
	return certs->alpn.name[0] ? certs->alpn.name : NULL;
}

int certs_default(struct certs *certs, mbedtls_ssl_config *conf)
{
	return mbedtls_ssl_conf_own_cert(conf, &certs->cert[0].chain, &certs->cert[0].key);
}

/*
 * The library's own rules for names, wildcards among them. Nobody is asked who signed it:
 * a look at the whole chain would cost a signature for each ClientHello.
 */
static bool is_for(struct cert *c, const char *name)
{
	uint32_t flags = 0;

	mbedtls_x509_crt_verify(&c->leaf, NULL, NULL, name, &flags, NULL, NULL);
	return !(flags & MBEDTLS_X509_BADCERT_CN_MISMATCH);
}

int certs_choose(struct certs *certs, mbedtls_ssl_context *ssl, const char *name)
{
	int ret = 0;
	size_t i;

	/* all that fit: one may be ECDSA, another RSA, and the client knows one of them */
	for (i = 0; !ret && i < certs->n; i++)
		if (is_for(&certs->cert[i], name))
			ret = mbedtls_ssl_set_hs_own_cert(ssl, &certs->cert[i].chain,
							  &certs->cert[i].key);
	return ret;
}
