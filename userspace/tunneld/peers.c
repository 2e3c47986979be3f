// SPDX-License-Identifier: GPL-2.0
#include <mbedtls/oid.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "crypto.h"
#include "peers.h"

struct peers {
	unsigned int refs;
	struct shop_object object;
	struct peer *first, **last;
};

/* --- the list --------------------------------------------------------------- */

struct peers *peers_new(void)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->refs = 1;
	p->last = &p->first;
	return p;
}

struct peers *peers_ref(struct peers *p)
{
	p->refs++;
	return p;
}

static void free_peer(struct peer *peer)
{
	trust_put(peer->trust);
	free(peer->name);
	free(peer->ca);
	mbedtls_platform_zeroize(peer, sizeof(*peer));
	free(peer);
}

void peers_put(struct peers *p)
{
	if (!p || --p->refs)
		return;
	object_gone(&p->object);
	while (p->first) {
		struct peer *peer = p->first;

		p->first = peer->next;
		free_peer(peer);
	}
	free(p);
}

static struct peer *make(enum peer_way way, const char *name, const char *ca)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->way = way;
	peer->name = name ? strdup(name) : NULL;
	peer->ca = ca ? strdup(ca) : NULL;
	if ((!name || peer->name) && (!ca || peer->ca))
		return peer;
	free_peer(peer);
	return NULL;
}

static struct peer *append(struct peers *p, struct peer *peer)
{
	*p->last = peer;
	p->last = &peer->next;
	return peer;
}

struct peer *peers_add_pin(struct peers *p, const uint8_t pin[TUNNEL_PIN_LEN])
{
	struct peer *peer = make(PEER_BY_PIN, NULL, NULL);

	if (!peer)
		return NULL;
	memcpy(peer->pin, pin, sizeof(peer->pin));
	return append(p, peer);
}

struct peer *peers_add_psk(struct peers *p, const char *name, const struct tnl_psk *psk)
{
	struct peer *peer = make(PEER_BY_PSK, name, NULL);

	if (!peer)
		return NULL;
	peer->psk = *psk;
	memcpy(peer->pin, psk->id, sizeof(peer->pin));
	return append(p, peer);
}

struct peer *peers_add_ca(struct peers *p, const char *ca, const char *name, struct trust *trust)
{
	struct peer *peer = make(PEER_BY_CA, name, ca);

	if (!peer)
		return NULL;
	peer->trust = trust_ref(trust);
	return append(p, peer);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_peer(const struct peer *a, const struct peer *b)
{
	return a->way == b->way && !memcmp(a->pin, b->pin, sizeof(a->pin)) &&
	       same_text(a->name, b->name) && a->trust == b->trust && same_text(a->ca, b->ca) &&
	       crypto_equal(&a->psk, &b->psk, sizeof(a->psk)) && !strcmp(a->tunnel, b->tunnel) &&
	       a->revision == b->revision;
}

bool peers_same(const struct peers *a, const struct peers *b)
{
	const struct peer *x = a->first, *y = b->first;

	for (; x && y && same_peer(x, y); x = x->next, y = y->next)
		;
	return !x && !y;
}

const struct peer *peers_get(const struct peers *p, uint32_t number)
{
	const struct peer *peer;

	for (peer = p->first; peer && number; peer = peer->next)
		number--;
	return peer;
}

/* --- keys that both have ------------------------------------------------------ */

const struct peer *peers_first_psk(const struct peers *p)
{
	const struct peer *peer;

	for (peer = p->first; peer && peer->way != PEER_BY_PSK; peer = peer->next)
		;
	return peer;
}

const struct tnl_psk *peers_find_psk(const struct peers *p, const uint8_t *name, size_t len)
{
	const struct peer *peer;

	for (peer = p->first; peer; peer = peer->next)
		if (peer->way == PEER_BY_PSK && len == strlen(peer->name) &&
		    crypto_equal(peer->name, name, len))
			return &peer->psk;
	return NULL;
}

/* --- certificates ------------------------------------------------------------- */

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

static void explain(const struct peer *p, const mbedtls_x509_crt *chain, uint32_t flags, char *why,
		    size_t whylen)
{
	char text[200], *c;

	if (flags & MBEDTLS_X509_BADCERT_EXPIRED) {
		explain_time(chain, p->name, true, why, whylen);
	} else if (flags & MBEDTLS_X509_BADCERT_FUTURE) {
		explain_time(chain, p->name, false, why, whylen);
	} else if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) {
		snprintf(why, whylen, "nobody in %s has signed its certificate for %s", p->ca,
			 p->name);
	} else {
		mbedtls_x509_crt_verify_info(text, sizeof(text), "", flags);
		for (c = text; *c; c++)
			if (*c == '\n')
				*c = c[1] ? ' ' : 0;
		snprintf(why, whylen, "its certificate for %s: %s", p->name, text);
	}
}

static bool is_signed(const struct peer *p, mbedtls_x509_crt *chain, char *why, size_t whylen)
{
	uint32_t flags = 0;
	int ret;

	if (!is_for(chain, p->name))
		return false;
	ret = mbedtls_x509_crt_verify(chain, trust_chain(p->trust), NULL, p->name, &flags, NULL,
				      NULL);
	if (!ret && !flags)
		return true;
	explain(p, chain, flags, why, whylen);
	return false;
}

/* --- who is it? ---------------------------------------------------------------- */

/* Looks at all of them, so that the time does not tell which one it was. */
static bool judge_pin(const struct peers *p, const struct tls_peer *shown, uint32_t *number)
{
	uint8_t way = shown->chain ? PEER_BY_PIN : PEER_BY_PSK;
	const struct peer *peer;
	bool found = false;
	uint32_t i = 0;

	for (peer = p->first; peer; peer = peer->next, i++)
		if (peer->way == way && crypto_equal(peer->pin, shown->pin, sizeof(peer->pin))) {
			*number = i;
			found = true;
		}
	return found;
}

bool peers_judge(const struct peers *p, const struct tls_peer *shown, bool server, uint32_t *number,
		 char *why, size_t whylen)
{
	const struct peer *peer, *by_ca = NULL;
	uint32_t i = 0;

	if (judge_pin(p, shown, number))
		return true;
	for (peer = p->first; shown->chain && peer; peer = peer->next, i++) {
		if (peer->way != PEER_BY_CA)
			continue;
		by_ca = peer;
		if (is_signed(peer, shown->chain, why, whylen)) {
			*number = i;
			return true;
		}
	}
	if (by_ca && !*why && server)
		snprintf(why, whylen, "its certificate is for no peer of a tunnel here");
	else if (by_ca && !*why)
		snprintf(why, whylen, "its certificate is not for %s", by_ca->name);
	return false;
}

bool peers_could_be(const struct peers *p, uint32_t number, const uint8_t pin[TUNNEL_PIN_LEN])
{
	const struct peer *peer = peers_get(p, number);

	return peer && (peer->way == PEER_BY_CA || crypto_equal(peer->pin, pin, sizeof(peer->pin)));
}

/* --- for the worker ------------------------------------------------------------- */

/*
 * How many authorities' files and peers, 2 and 4 bytes; the files, each a chain, in the
 * order in which peers need them first; the peers: a head, which says how it is known, and
 * behind it the name and the file's.
 */
#define COUNTS	  6
#define HEAD_MAX  (1 + TUNNEL_PIN_LEN + TNL_PSK_LEN)
#define FILES_MAX 4096

struct shop_object *peers_object(struct peers *p)
{
	return &p->object;
}

static void put_number(uint8_t *to, uint32_t v, unsigned int bytes)
{
	while (bytes--) {
		to[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static uint32_t get_number(const uint8_t *from, unsigned int bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | *from++;
	return v;
}

/* Where is the file of @peer among @n? @n: nowhere. */
static uint32_t file_of(const struct peer *peer, struct trust *const *files, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n && files[i] != peer->trust; i++)
		;
	return i;
}

static void pack_peer(const struct peer *peer, uint32_t file, struct parcel *parcel)
{
	uint8_t head[HEAD_MAX];
	size_t len = 1;

	head[0] = peer->way;
	if (peer->way == PEER_BY_CA) {
		put_number(head + len, file, 2);
		len += 2;
	} else {
		memcpy(head + len, peer->pin, sizeof(peer->pin));
		len += sizeof(peer->pin);
	}
	if (peer->way == PEER_BY_PSK) {
		memcpy(head + len, peer->psk.key, sizeof(peer->psk.key));
		len += sizeof(peer->psk.key);
	}
	parcel_put(parcel, head, len);
	mbedtls_platform_zeroize(head, sizeof(head));
	if (peer->name)
		parcel_put(parcel, peer->name, strlen(peer->name));
	if (peer->ca)
		parcel_put(parcel, peer->ca, strlen(peer->ca));
}

int peers_pack(const struct peers *p, struct parcel *parcel)
{
	struct trust **files = calloc(FILES_MAX, sizeof(*files));
	uint32_t n = 0, n_files = 0, i;
	const struct peer *peer;
	uint8_t counts[COUNTS];

	parcel->bad |= !files;
	for (peer = p->first; !parcel->bad && peer; peer = peer->next, n++) {
		if (!peer->trust || file_of(peer, files, n_files) < n_files)
			continue;
		parcel->bad |= n_files == FILES_MAX;
		if (n_files < FILES_MAX)
			files[n_files++] = peer->trust;
	}
	put_number(counts, n_files, 2);
	put_number(counts + 2, n, 4);
	parcel_put(parcel, counts, sizeof(counts));
	for (i = 0; i < n_files; i++)
		trust_pack(files[i], parcel);
	for (peer = p->first; !parcel->bad && peer; peer = peer->next)
		pack_peer(peer, file_of(peer, files, n_files), parcel);
	free(files);
	return 0;
}

/* Into @text of @size bytes. */
static bool take_text(struct parcel_reader *r, char *text, size_t size)
{
	const uint8_t *bytes;
	size_t len;

	if (!parcel_take(r, &bytes, &len) || !len || len >= size || memchr(bytes, 0, len))
		return false;
	memcpy(text, bytes, len);
	text[len] = 0;
	return true;
}

/* @files: of them *@used are in use. */
static bool take_ca(struct peers *p, struct parcel_reader *r, const uint8_t *head, size_t len,
		    struct trust **files, uint32_t n_files, uint32_t *used)
{
	char name[TUNNEL_TEXT_MAX + 1], ca[TUNNEL_TEXT_MAX + 1];
	uint32_t file = len == 3 ? get_number(head + 1, 2) : n_files;

	if (file >= n_files || file > *used || !take_text(r, name, sizeof(name)) ||
	    !take_text(r, ca, sizeof(ca)))
		return false;
	*used += file == *used;
	return peers_add_ca(p, ca, name, files[file]);
}

static bool take_psk(struct peers *p, struct parcel_reader *r, const uint8_t *head, size_t len)
{
	char name[TUNNEL_NAME_MAX + 1];
	struct tnl_psk psk;
	bool good;

	if (len != HEAD_MAX || !take_text(r, name, sizeof(name)))
		return false;
	memcpy(psk.id, head + 1, sizeof(psk.id));
	memcpy(psk.key, head + 1 + sizeof(psk.id), sizeof(psk.key));
	good = peers_add_psk(p, name, &psk);
	mbedtls_platform_zeroize(&psk, sizeof(psk));
	return good;
}

static bool take_peers(struct peers *p, struct parcel_reader *r, uint32_t n, struct trust **files,
		       uint32_t n_files)
{
	const uint8_t *head;
	uint32_t used = 0;
	bool good = true;
	size_t len;

	while (good && n--) {
		good = parcel_take(r, &head, &len) && len;
		if (!good)
			break;
		switch (head[0]) {
		case PEER_BY_PIN:
			good = len == 1 + TUNNEL_PIN_LEN && peers_add_pin(p, head + 1);
			break;
		case PEER_BY_PSK:
			good = take_psk(p, r, head, len);
			break;
		case PEER_BY_CA:
			good = take_ca(p, r, head, len, files, n_files, &used);
			break;
		default:
			good = false;
		}
	}
	return good && !r->left && used == n_files;
}

struct peers *peers_unpack(const struct parcel *parcel)
{
	struct parcel_reader r = { parcel->bytes, parcel->len };
	struct peers *p = peers_new(), *result = NULL;
	struct trust **files = NULL;
	uint32_t n_files = 0, i = 0;
	const uint8_t *counts;
	size_t len;

	if (p && parcel_take(&r, &counts, &len) && len == COUNTS)
		n_files = get_number(counts, 2);
	else
		goto out;
	/* one more: none would be no memory */
	files = n_files <= FILES_MAX ? calloc(n_files + 1, sizeof(*files)) : NULL;
	if (!files)
		goto out;
	while (i < n_files && (files[i] = trust_take(&r)))
		i++;
	if (i == n_files && take_peers(p, &r, get_number(counts + 2, 4), files, n_files))
		result = peers_ref(p);
	while (i)
		trust_put(files[--i]);
out:
	free(files);
	peers_put(p);
	return result;
}
