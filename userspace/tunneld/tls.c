// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <mbedtls/dhm.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "alert.h"
#include "crypto.h"
#include "request.h"
#include "serverhello.h"
#include "suites.h"
#include "tls.h"
#include "tnl.h"

#define V3 (MBEDTLS_VERSION_NUMBER >= 0x03000000)

/* What the BIO returns when the socket fails; tls.io_errno has the cause. */
#define ERR_IO		 (-0x004E)
#define RECORD_ALERT	 21
#define RECORD_HANDSHAKE 22
#define RECORD_SHORT	 8192 /* none of the lengths that may be asked for is more than half of this */

/*
 * One mbedtls_ssl_config per connection: in 2.28 the callback that exports the
 * keys belongs to the configuration, and would mix up connections that share it.
 */
struct tls {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	/* one of them, by what it is for: see tls.h */
	struct identity *id;
	struct certs *certs;
	bool carrier, upstream, verify;
	unsigned int ways; /* SUITES_* */
	tls_find_psk find_psk;
	bool psk_asked, psk_found;
	char psk_name[TUNNEL_NAME_MAX + 1]; /* as it was asked for, or as we ask */
	struct trust *trust;		    /* with .verify */
	int fd, io_errno;
	bool server;
	bool got_byte, not_tls, eof;
	int alert_sent; /* description; -1: none that we could see */
	tls_accept accept;
	void *arg;
	bool pin_seen, pin_ok;
	char refused[256]; /* why not */
	uint8_t pin[TUNNEL_PIN_LEN];
	int suite_ids[SUITES_MAX + 1];
	const char *alpn[2];
	struct edge_names names; /* of an upstream */
	char sni[REQUEST_HOST_MAX + 1];
	struct serverhello hello;
	struct kdf_input exported;
#if V3
	mbedtls_tls_prf_types prf;
	uint8_t master[48], randoms[64]; /* server's random first, as the PRF wants it */
#endif
	char why[512];
};

/* --- the socket ---------------------------------------------------------- */

static int bio_send(void *arg, const unsigned char *buf, size_t len)
{
	struct tls *t = arg;
	ssize_t n = send(t->fd, buf, len, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return MBEDTLS_ERR_SSL_WANT_WRITE;
	if (n < 0) {
		t->io_errno = errno;
		return ERR_IO;
	}
	if (t->server)
		serverhello_feed(&t->hello, buf, (size_t)n);
	/* an alert in the clear: header, level, description */
	if (len == 7 && buf[0] == RECORD_ALERT)
		t->alert_sent = buf[6];
	return (int)n;
}

static int bio_recv(void *arg, unsigned char *buf, size_t len)
{
	struct tls *t = arg;
	ssize_t n = recv(t->fd, buf, len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return MBEDTLS_ERR_SSL_WANT_READ;
	if (n < 0) {
		t->io_errno = errno;
		return ERR_IO;
	}
	if (!n) {
		t->eof = true;
		return 0;
	}
	if (!t->got_byte) {
		t->got_byte = true;
		t->not_tls = buf[0] != RECORD_HANDSHAKE && buf[0] != RECORD_ALERT;
	}
	if (!t->server)
		serverhello_feed(&t->hello, buf, (size_t)n);
	return (int)n;
}

/* --- secrets ------------------------------------------------------------- */

#if V3
static void export_keys(void *arg, mbedtls_ssl_key_export_type type, const unsigned char *secret,
			size_t len, const unsigned char client_random[32],
			const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
	struct tls *t = arg;
	struct kdf_input *in = &t->exported;

	switch (type) {
	case MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET:
		if (len != sizeof(t->master))
			return;
		memcpy(t->master, secret, len);
		memcpy(t->randoms, server_random, 32);
		memcpy(t->randoms + 32, client_random, 32);
		t->prf = prf;
		in->version = KDF_TLS12;
		break;
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
	case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET:
		if (len > sizeof(in->client_secret))
			return;
		memcpy(in->client_secret, secret, len);
		in->client_secret_len = len;
		in->version = KDF_TLS13;
		break;
	case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET:
		if (len > sizeof(in->server_secret))
			return;
		memcpy(in->server_secret, secret, len);
		in->server_secret_len = len;
		in->version = KDF_TLS13;
		break;
#endif
	default:
		break;
	}
}

/* 3.x exports the master secret; the key block is one PRF away (RFC 5246, 6.3). */
static int finish_export(struct tls *t)
{
	struct kdf_input *in = &t->exported;
	int ret = 0;

	if (in->version == KDF_TLS12) {
		in->block_len = kdf_block_len(in->cipher);
		ret = mbedtls_ssl_tls_prf(t->prf, t->master, sizeof(t->master), "key expansion",
					  t->randoms, sizeof(t->randoms), in->block, in->block_len);
	}
	mbedtls_platform_zeroize(t->master, sizeof(t->master));
	return ret;
}

static void set_versions(mbedtls_ssl_config *conf)
{
	mbedtls_ssl_conf_min_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
	mbedtls_ssl_conf_max_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_3);
#else
	mbedtls_ssl_conf_max_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
#endif
}

static void set_groups(mbedtls_ssl_config *conf)
{
	static const uint16_t groups[] = {
		MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
		MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
		MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
	};

	mbedtls_ssl_conf_groups(conf, groups);
}

static int set_connection(struct tls *t, const char *name)
{
	mbedtls_ssl_set_export_keys_cb(&t->ssl, export_keys, t);
	/* 3.6 insists on a decision about names; that of a carrier is the pin */
	return mbedtls_ssl_set_hostname(&t->ssl, name);
}
#else
static int export_keys(void *arg, const unsigned char *master, const unsigned char *block,
		       size_t maclen, size_t keylen, size_t ivlen,
		       const unsigned char client_random[32], const unsigned char server_random[32],
		       mbedtls_tls_prf_types prf)
{
	struct tls *t = arg;
	size_t len = 2 * (keylen + ivlen);

	(void)master;
	(void)client_random;
	(void)server_random;
	(void)prf;
	/* an AEAD has no MAC key; anything else leaves block_len 0, which is refused */
	if (maclen || len > sizeof(t->exported.block))
		return 0;
	memcpy(t->exported.block, block, len);
	t->exported.block_len = len;
	t->exported.version = KDF_TLS12;
	return 0;
}

static int finish_export(struct tls *t)
{
	(void)t;
	return 0;
}

static void set_versions(mbedtls_ssl_config *conf)
{
	mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3,
				     MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_max_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3,
				     MBEDTLS_SSL_MINOR_VERSION_3);
}

static void set_groups(mbedtls_ssl_config *conf)
{
	static const mbedtls_ecp_group_id groups[] = {
		MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP384R1,
		MBEDTLS_ECP_DP_SECP521R1, MBEDTLS_ECP_DP_NONE
	};
	static const int hashes[] = {
		MBEDTLS_MD_SHA256,
		MBEDTLS_MD_SHA384,
		MBEDTLS_MD_SHA512,
		MBEDTLS_MD_NONE,
	};

	mbedtls_ssl_conf_curves(conf, groups);
	mbedtls_ssl_conf_sig_hashes(conf, hashes);
}

static int set_connection(struct tls *t, const char *name)
{
	mbedtls_ssl_conf_export_keys_ext_cb(&t->conf, export_keys, t);
	return name ? mbedtls_ssl_set_hostname(&t->ssl, name) : 0;
}
#endif

/* --- identity of the peer ------------------------------------------------ */

static bool accept_peer(struct tls *t, mbedtls_x509_crt *chain)
{
	struct tls_peer peer = { .pin = t->pin, .chain = chain };

	*t->refused = 0;
	return t->accept(t->arg, &peer, t->refused, sizeof(t->refused));
}

static int verify(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct tls *t = arg;
	int ret;

	/* who looks at the chain it sends does so by itself, with its own authorities */
	if (depth) {
		*flags = 0;
		return 0;
	}
	ret = crypto_sha256(crt->pk_raw.p, crt->pk_raw.len, t->pin);
	if (ret)
		return ret;
	t->pin_seen = true;
	t->pin_ok = accept_peer(t, crt);
	*flags = t->pin_ok ? 0 : MBEDTLS_X509_BADCERT_NOT_TRUSTED;
	return 0;
}

/* --- keys that both have -------------------------------------------------- */

/*
 * A client that knows a key gives its name. One that nobody has is as one with another key:
 * it learns no more than that it is not let in (RFC 4279, 3).
 */
static int on_psk(void *arg, mbedtls_ssl_context *ssl, const unsigned char *name, size_t len)
{
	const struct tnl_psk *psk;
	struct tls *t = arg;
	struct tnl_psk none;
	int ret;

	psk = t->find_psk(t->arg, name, len);
	snprintf(t->psk_name, sizeof(t->psk_name), "%.*s", (int)strnlen((const char *)name, len),
		 (const char *)name);
	t->psk_asked = true;
	t->psk_found = psk;
	t->pin_seen = psk;
	if (psk)
		memcpy(t->pin, psk->id, sizeof(t->pin));
	ret = crypto_random(NULL, none.key, sizeof(none.key));
	if (!ret)
		ret = mbedtls_ssl_set_hs_psk(ssl, psk ? psk->key : none.key, sizeof(none.key));
	mbedtls_platform_zeroize(&none, sizeof(none));
	return ret;
}

#if V3 && defined(MBEDTLS_SSL_PROTO_TLS1_3)
/* A PSK of ours goes with SHA-256; without a suite that does, 1.2 has one. */
static void set_exchange(struct tls *t, uint32_t ciphers)
{
	mbedtls_ssl_conf_tls13_key_exchange_modes(&t->conf,
						  (t->ways & SUITES_CERT ?
							   MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL :
							   0) |
							  (t->ways & SUITES_PSK ?
								   MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL :
								   0));
	if (t->ways == SUITES_PSK && !(ciphers & ~TUNNEL_CIPHER_AES_256_GCM))
		mbedtls_ssl_conf_max_tls_version(&t->conf, MBEDTLS_SSL_VERSION_TLS1_2);
}
#else
static void set_exchange(struct tls *t, uint32_t ciphers)
{
	(void)t;
	(void)ciphers;
}
#endif

static int configure_psk(struct tls *t, const struct tls_params *params)
{
	static const unsigned char p[] = MBEDTLS_DHM_RFC7919_FFDHE2048_P_BIN;
	static const unsigned char g[] = MBEDTLS_DHM_RFC7919_FFDHE2048_G_BIN;

	set_exchange(t, params->ciphers);
	if (!(t->ways & SUITES_PSK))
		return 0;
	if (t->server) {
		mbedtls_ssl_conf_psk_cb(&t->conf, on_psk, t);
		return mbedtls_ssl_conf_dh_param_bin(&t->conf, p, sizeof(p), g, sizeof(g));
	}
	mbedtls_ssl_conf_dhm_min_bitlen(&t->conf, 2048);
	snprintf(t->psk_name, sizeof(t->psk_name), "%s", params->psk_name);
	memcpy(t->pin, params->psk->id, sizeof(t->pin));
	return mbedtls_ssl_conf_psk(&t->conf, params->psk->key, sizeof(params->psk->key),
				    (const unsigned char *)t->psk_name, strlen(t->psk_name));
}

/* --- what each kind is ---------------------------------------------------- */

static int configure_carrier(struct tls *t, const struct tls_params *params)
{
	mbedtls_ssl_config *conf = &t->conf;
	int ret;

	mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_verify(conf, verify, t);
	/* REQUIRED fails without a CA chain, so it gets one that decides nothing */
	if (t->id)
		mbedtls_ssl_conf_ca_chain(conf, identity_cert(t->id), NULL);
	if (t->server)
		mbedtls_ssl_conf_cert_req_ca_list(conf, MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);
	t->alpn[0] = TLS_ALPN;
	ret = mbedtls_ssl_conf_alpn_protocols(conf, t->alpn);
	if (!ret && t->id)
		ret = mbedtls_ssl_conf_own_cert(conf, identity_cert(t->id), identity_key(t->id));
	return ret ? ret : configure_psk(t, params);
}

/* A name that is none is as if it were not there: the first certificate is for all. */
static int on_server_name(void *arg, mbedtls_ssl_context *ssl, const unsigned char *name,
			  size_t len)
{
	struct tls *t = arg;

	if (!request_host(t->sni, (struct text){ (const char *)name, len }, false))
		return 0;
	return certs_choose(t->certs, ssl, t->sni);
}

static int configure_listener(struct tls *t)
{
	const char **alpn = certs_alpn(t->certs);
	int ret = certs_default(t->certs, &t->conf);

	mbedtls_ssl_conf_authmode(&t->conf, MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_sni(&t->conf, on_server_name, t);
	if (!ret && alpn)
		ret = mbedtls_ssl_conf_alpn_protocols(&t->conf, alpn);
	return ret;
}

static int configure_upstream(struct tls *t, const struct upstream *u)
{
	mbedtls_ssl_conf_authmode(&t->conf, u->verify ? MBEDTLS_SSL_VERIFY_REQUIRED :
							MBEDTLS_SSL_VERIFY_NONE);
	if (u->verify)
		mbedtls_ssl_conf_ca_chain(&t->conf, trust_chain(t->trust), NULL);
	edge_split(&t->names, u->alpn);
	return t->names.name[0] ? mbedtls_ssl_conf_alpn_protocols(&t->conf, t->names.name) : 0;
}

/* --- life ---------------------------------------------------------------- */

static int configure(struct tls *t, const struct tls_params *params)
{
	const struct upstream *upstream = params->upstream;
	const char *name = upstream && *upstream->name ? upstream->name : NULL;
	mbedtls_ssl_config *conf = &t->conf;
	int ret;

	ret = mbedtls_ssl_config_defaults(conf,
					  t->server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
					  MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
	if (ret)
		return ret;
	set_versions(conf);
	set_groups(conf);
	mbedtls_ssl_conf_rng(conf, crypto_random, NULL);
	mbedtls_ssl_conf_ciphersuites(conf, t->suite_ids);
	mbedtls_ssl_conf_extended_master_secret(conf, MBEDTLS_SSL_EXTENDED_MS_ENABLED);
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
	/* the client's half; a server without ticket callbacks sends none */
	if (!t->server)
		mbedtls_ssl_conf_session_tickets(conf, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#endif
#if defined(MBEDTLS_SSL_RENEGOTIATION)
	mbedtls_ssl_conf_renegotiation(conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
	if (t->carrier)
		ret = configure_carrier(t, params);
	else if (t->certs)
		ret = configure_listener(t);
	else
		ret = configure_upstream(t, upstream);
	if (!ret)
		ret = mbedtls_ssl_setup(&t->ssl, conf);
	/* 2.28 exports by the configuration, 3.6 by the connection; both know the name behind setup */
	if (!ret)
		ret = set_connection(t, name);
	if (!ret)
		mbedtls_ssl_set_bio(&t->ssl, t, bio_send, bio_recv, NULL);
	return ret;
}

struct tls *tls_new(const struct tls_params *params, char *err, size_t errlen)
{
	struct tls *t = calloc(1, sizeof(*t));
	char why[128];
	int ret;

	if (!t) {
		snprintf(err, errlen, "out of memory");
		return NULL;
	}
	mbedtls_ssl_init(&t->ssl);
	mbedtls_ssl_config_init(&t->conf);
	t->id = params->id ? identity_ref(params->id) : NULL;
	t->certs = params->certs ? certs_ref(params->certs) : NULL;
	t->carrier = params->accept;
	t->ways = SUITES_CERT;
	if (t->carrier)
		t->ways = (t->id ? SUITES_CERT : 0) |
			  (params->psk || params->find_psk ? SUITES_PSK : 0);
	t->find_psk = params->find_psk;
	t->upstream = params->upstream;
	t->verify = params->upstream && params->upstream->verify;
	t->trust = t->verify ? trust_ref(params->trust) : NULL;
	t->fd = params->fd;
	t->server = params->server;
	t->exported.server = params->server;
	t->accept = params->accept;
	t->arg = params->arg;
	t->alert_sent = -1;
	if (!suites_choose(params->ciphers, t->ways, t->suite_ids)) {
		snprintf(err, errlen, "no cipher is allowed");
		tls_free(t);
		return NULL;
	}
	ret = configure(t, params);
	if (ret) {
		snprintf(err, errlen, "TLS: %s", crypto_error(ret, why, sizeof(why)));
		tls_free(t);
		return NULL;
	}
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	mbedtls_ssl_free(&t->ssl);
	mbedtls_ssl_config_free(&t->conf);
	identity_put(t->id);
	certs_put(t->certs);
	trust_put(t->trust);
	mbedtls_platform_zeroize(t, sizeof(*t));
	free(t);
}

/* --- running ------------------------------------------------------------- */

/* mbedTLS keeps the record that carried a fatal alert: level, description. */
static int alert_received(const struct tls *t)
{
#if V3
	const unsigned char *msg = t->ssl.MBEDTLS_PRIVATE(in_msg);
#else
	const unsigned char *msg = t->ssl.in_msg;
#endif
	return msg ? msg[1] : -1;
}

/* What is wrong with the certificate of a service, in the words of the library: one line. */
static void explain_certificate(struct tls *t)
{
	uint32_t flags = mbedtls_ssl_get_verify_result(&t->ssl);
	char why[sizeof(t->why) - 64];
	char *c;

	mbedtls_x509_crt_verify_info(why, sizeof(why), "", flags);
	for (c = why; *c; c++)
		if (*c == '\n')
			*c = c[1] ? ' ' : 0;
	snprintf(t->why, sizeof(t->why), "its certificate is refused: %s", why);
}

/* Alerts by which a server says that it has another key, or none, for our name. */
static bool ours_fails(const struct tls *t, int alert)
{
	return !t->server && t->ways == SUITES_PSK &&
	       (alert == MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC ||
		alert == MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR ||
		alert == MBEDTLS_SSL_ALERT_MSG_UNKNOWN_PSK_IDENTITY ||
		alert == MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
}

static void explain(struct tls *t, int ret)
{
	char text[2 * TUNNEL_PIN_LEN + 1], why[128];
	size_t n = sizeof(t->why);
	int alert;

	if (t->not_tls) {
		snprintf(t->why, n, "not TLS");
	} else if (t->pin_seen && !t->pin_ok && !t->psk_asked) {
		tnl_format_pin(t->pin, text);
		snprintf(t->why, n, "unknown peer %s%s%s", text, *t->refused ? ": " : "",
			 t->refused);
	} else if (ret == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
		explain_certificate(t);
	} else if (ret == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
		alert = alert_received(t);
		snprintf(t->why, n, "TLS alert %d from the peer: %s%s%s%s", alert,
			 alert_name(alert),
			 ours_fails(t, alert) ? " (it has another key for PSK identity " : "",
			 ours_fails(t, alert) ? t->psk_name : "",
			 ours_fails(t, alert) ? ", or does not know it)" : "");
	} else if (t->io_errno) {
		snprintf(t->why, n, "connection lost in the handshake: %s", strerror(t->io_errno));
	} else if (t->eof) {
		snprintf(t->why, n, "%s",
			 t->got_byte ? "closed by the peer in the handshake" :
				       "closed by the peer before the handshake");
	} else if (t->psk_asked) {
		tnl_escape(t->psk_name, why, sizeof(why));
		snprintf(t->why, n,
			 t->psk_found ? "another key than ours for PSK identity %s" :
					"unknown PSK identity %s",
			 why);
	} else if (ret == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE) {
		snprintf(t->why, n, "no client certificate");
	} else if (t->alert_sent >= 0) {
		snprintf(t->why, n, "%s (TLS alert %d sent)",
			 t->alert_sent == MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL ?
				 alert_name(t->alert_sent) :
				 crypto_error(ret, why, sizeof(why)),
			 t->alert_sent);
	} else {
		snprintf(t->why, n, "%s", crypto_error(ret, why, sizeof(why)));
	}
}

enum tls_status tls_step(struct tls *t)
{
	int ret = mbedtls_ssl_handshake(&t->ssl);

	if (!ret)
		return TLS_DONE;
	if (ret == MBEDTLS_ERR_SSL_WANT_READ)
		return TLS_WANT_READ;
	if (ret == MBEDTLS_ERR_SSL_WANT_WRITE)
		return TLS_WANT_WRITE;
	explain(t, ret);
	return TLS_FAILED;
}

static int refuse(struct tls *t, int ret, uint8_t alert, const char *why)
{
	snprintf(t->why, sizeof(t->why), "%s", why);
	/* best effort: the socket buffer is all but empty here */
	mbedtls_ssl_send_alert_message(&t->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert);
	return ret;
}

static uint16_t agreed_cipher(const struct tls *t)
{
	const char *name = mbedtls_ssl_get_ciphersuite(&t->ssl);

	return name ? suites_cipher(mbedtls_ssl_get_ciphersuite_id(name)) : 0;
}

/*
 * Did the peer show that it has the key we both have? In TLS 1.2 the suite says so; in 1.3 a
 * side that is known by a certificate has shown one, for it is required.
 */
static bool by_psk(const struct tls *t, const mbedtls_x509_crt *crt)
{
	const char *name = mbedtls_ssl_get_ciphersuite(&t->ssl);

	if (!(t->ways & SUITES_PSK) || crt || (t->server && !t->psk_found))
		return false;
	return t->exported.version == KDF_TLS13 ||
	       (name && suites_is_psk(mbedtls_ssl_get_ciphersuite_id(name)));
}

static int check_peer(struct tls *t)
{
	const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(&t->ssl);
	uint8_t pin[TUNNEL_PIN_LEN];

	if (by_psk(t, crt)) {
		t->pin_seen = true;
		t->pin_ok = accept_peer(t, NULL);
		return t->pin_ok ? 0 :
				   refuse(t, -EKEYREJECTED, MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED,
					  "the key that both have was changed in the handshake");
	}
	if (!crt || !t->pin_seen || mbedtls_ssl_get_verify_result(&t->ssl))
		return refuse(t, -EKEYREJECTED, MBEDTLS_SSL_ALERT_MSG_NO_CERT,
			      "the peer showed no certificate");
	if (crypto_sha256(crt->pk_raw.p, crt->pk_raw.len, pin) ||
	    !crypto_equal(pin, t->pin, sizeof(pin)))
		return refuse(t, -EKEYREJECTED, MBEDTLS_SSL_ALERT_MSG_BAD_CERT,
			      "the peer's key changed in the handshake");
	t->pin_ok = accept_peer(t, (mbedtls_x509_crt *)crt);
	if (!t->pin_ok) {
		refuse(t, -EKEYREJECTED, MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED, "");
		explain(t, 0);
		return -EKEYREJECTED;
	}
	return 0;
}

static int check_carrier(struct tls *t)
{
	const char *alpn = tls_alpn(t);
	int ret;

	if (!alpn || strcmp(alpn, TLS_ALPN))
		return refuse(t, -EPROTO, MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL,
			      alert_name(MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL));
	ret = check_peer(t);
	if (ret)
		return ret;
	if (t->exported.version == KDF_TLS12 && !serverhello_has_ems(&t->hello))
		return refuse(t, -EPROTO, MBEDTLS_SSL_ALERT_MSG_INSUFFICIENT_SECURITY,
			      "the peer does not know the extended master secret");
	return 0;
}

static int check_upstream(struct tls *t)
{
	const char *only = t->names.name[0] && !t->names.name[1] ? t->names.name[0] : "";

	if (t->verify && mbedtls_ssl_get_verify_result(&t->ssl)) {
		refuse(t, -EKEYREJECTED, MBEDTLS_SSL_ALERT_MSG_BAD_CERT, "");
		explain_certificate(t);
		return -EKEYREJECTED;
	}
	/* What speaks HTTP/1.1 to who said nothing would take HTTP/2 for nonsense. */
	if (!strcmp(only, "h2") && !tls_alpn(t))
		return refuse(t, -EPROTO, MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL,
			      "it does not agree to HTTP/2 (ALPN h2)");
	return 0;
}

int tls_keys(struct tls *t, struct kdf_keys *keys)
{
	int ret = 0;

	mbedtls_platform_zeroize(keys, sizeof(*keys));
	if (t->carrier)
		ret = check_carrier(t);
	else if (t->upstream)
		ret = check_upstream(t);
	if (ret)
		return ret;
	/* RFC 6066, 4: mbedTLS agrees to it, and kTLS sends records of any length */
	if (mbedtls_ssl_get_max_out_record_payload(&t->ssl) <= RECORD_SHORT)
		return refuse(t, -EPROTO, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE,
			      "it wants short records (max_fragment_length)");
	/* bytes that mbedTLS holds would never reach the kernel's reader */
	if (mbedtls_ssl_get_bytes_avail(&t->ssl) || mbedtls_ssl_check_pending(&t->ssl))
		return refuse(t, -EPROTO, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE,
			      "data inside the handshake");
	t->exported.cipher = agreed_cipher(t);
	ret = finish_export(t) ? -EINVAL : kdf_derive(&t->exported, keys);
	mbedtls_platform_zeroize(&t->exported, sizeof(t->exported));
	if (ret)
		return refuse(t, ret, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR,
			      "the keys of the handshake could not be derived");
	return 0;
}

const char *tls_why(const struct tls *t)
{
	return t->why;
}

const uint8_t *tls_peer_pin(const struct tls *t)
{
	return t->pin_seen ? t->pin : NULL;
}

const char *tls_server_name(const struct tls *t)
{
	return t->sni;
}

const char *tls_alpn(const struct tls *t)
{
	return mbedtls_ssl_get_alpn_protocol(&t->ssl);
}
