// SPDX-License-Identifier: GPL-2.0
#include <mbedtls/oid.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>
#include "peer.h"
#include "trust.h"

static bool has_alt_names(const mbedtls_x509_crt *crt)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_x509_crt_has_ext_type(crt, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME);
#else
	return crt->ext_types & MBEDTLS_X509_EXT_SUBJECT_ALT_NAME;
#endif
}

/*
 * Is it for this name, whoever signed it? The library's own rules, wildcards among them; it
 * would look at common names where there are no others.
 */
static bool is_for(const mbedtls_x509_crt *crt, const char *name)
{
	uint32_t flags = MBEDTLS_X509_BADCERT_CN_MISMATCH;
	mbedtls_x509_crt leaf;

	/* by itself: the chain would cost signatures */
	mbedtls_x509_crt_init(&leaf);
	if (has_alt_names(crt) && !mbedtls_x509_crt_parse_der(&leaf, crt->raw.p, crt->raw.len))
		mbedtls_x509_crt_verify(&leaf, NULL, NULL, name, &flags, NULL, NULL);
	mbedtls_x509_crt_free(&leaf);
	return !(flags & MBEDTLS_X509_BADCERT_CN_MISMATCH);
}

static void explain_time(const mbedtls_x509_crt *chain, const char *name, bool past, char *why,
			 size_t whylen)
{
	const mbedtls_x509_time *t;
	const mbedtls_x509_crt *c;

	for (c = chain; c; c = c->next)
		if (past ? mbedtls_x509_time_is_past(&c->valid_to) :
			   mbedtls_x509_time_is_future(&c->valid_from))
			break;
	if (!c) {
		snprintf(why, whylen, "an authority of its certificate for %s is not valid now",
			 name);
		return;
	}
	t = past ? &c->valid_to : &c->valid_from;
	snprintf(why, whylen,
		 "its certificate for %s%s is not valid %s %04d-%02d-%02d %02d:%02d:%02d UTC", name,
		 c == chain ? "" : ", or one it was signed by,", past ? "since" : "before", t->year,
		 t->mon, t->day, t->hour, t->min, t->sec);
}

static void explain(const struct tunnel *t, const mbedtls_x509_crt *chain, uint32_t flags,
		    char *why, size_t whylen)
{
	char text[200], *c;

	if (flags & MBEDTLS_X509_BADCERT_EXPIRED) {
		explain_time(chain, t->peer_name, true, why, whylen);
	} else if (flags & MBEDTLS_X509_BADCERT_FUTURE) {
		explain_time(chain, t->peer_name, false, why, whylen);
	} else if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) {
		snprintf(why, whylen, "nobody in %s has signed its certificate for %s", t->ca,
			 t->peer_name);
	} else {
		mbedtls_x509_crt_verify_info(text, sizeof(text), "", flags);
		for (c = text; *c; c++)
			if (*c == '\n')
				*c = c[1] ? ' ' : 0;
		snprintf(why, whylen, "its certificate for %s: %s", t->peer_name, text);
	}
}

static bool is_signed(const struct tunnel *t, mbedtls_x509_crt *chain, char *why, size_t whylen)
{
	struct trust *trust;
	uint32_t flags = 0;
	int ret;

	if (!is_for(chain, t->peer_name))
		return false;
	trust = trust_get(t->ca, why, whylen);
	if (!trust)
		return false;
	ret = mbedtls_x509_crt_verify(chain, trust_chain(trust), NULL, t->peer_name, &flags, NULL,
				      NULL);
	trust_put(trust);
	if (!ret && !flags)
		return true;
	explain(t, chain, flags, why, whylen);
	return false;
}

bool peer_is(const struct tunnel *t, const struct tls_peer *peer, char *why, size_t whylen)
{
	if (*t->psk)
		return !peer->chain && tunnel_accepts(t, peer->pin);
	if (!peer->chain)
		return false;
	return *t->ca ? is_signed(t, peer->chain, why, whylen) : tunnel_accepts(t, peer->pin);
}
