// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/tls.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "ktls.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

union crypto_info {
	struct tls_crypto_info info;
	struct tls12_crypto_info_aes_gcm_128 gcm128;
	struct tls12_crypto_info_aes_gcm_256 gcm256;
	struct tls12_crypto_info_chacha20_poly1305 chacha;
};

int ktls_prepare(int fd, char *err, size_t errlen)
{
	int ret;

	if (!setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")))
		return 0;
	ret = -errno;
	if (ret == -ENOENT)
		snprintf(err, errlen, "the kernel has no TLS (modprobe tls)");
	else if (ret == -ENOTCONN)
		snprintf(err, errlen, "closed by the peer before the handshake");
	else
		snprintf(err, errlen, "TCP_ULP tls: %s", strerror(-ret));
	return ret;
}

static bool seq_is_safe(const struct kdf_keys *keys, const struct kdf_direction *d)
{
	if (keys->version == KDF_TLS12)
		return d->seq == 1;
	return keys->version == KDF_TLS13 && d->seq == 0;
}

/* Fills @u for one direction. Return: its size, 0 if the cipher is unknown. */
static socklen_t fill(union crypto_info *u, const struct kdf_keys *keys,
		      const struct kdf_direction *d)
{
	uint8_t seq[8];
	int i;

	for (i = 0; i < 8; i++)
		seq[i] = (uint8_t)(d->seq >> (56 - 8 * i));
	memset(u, 0, sizeof(*u));
	u->info.version = keys->version;
	u->info.cipher_type = keys->cipher;
	switch (keys->cipher) {
	case TLS_CIPHER_AES_GCM_128:
		memcpy(u->gcm128.key, d->key, sizeof(u->gcm128.key));
		memcpy(u->gcm128.salt, d->iv, sizeof(u->gcm128.salt));
		memcpy(u->gcm128.iv, d->iv + sizeof(u->gcm128.salt), sizeof(u->gcm128.iv));
		memcpy(u->gcm128.rec_seq, seq, sizeof(u->gcm128.rec_seq));
		return sizeof(u->gcm128);
	case TLS_CIPHER_AES_GCM_256:
		memcpy(u->gcm256.key, d->key, sizeof(u->gcm256.key));
		memcpy(u->gcm256.salt, d->iv, sizeof(u->gcm256.salt));
		memcpy(u->gcm256.iv, d->iv + sizeof(u->gcm256.salt), sizeof(u->gcm256.iv));
		memcpy(u->gcm256.rec_seq, seq, sizeof(u->gcm256.rec_seq));
		return sizeof(u->gcm256);
	case TLS_CIPHER_CHACHA20_POLY1305:
		memcpy(u->chacha.key, d->key, sizeof(u->chacha.key));
		memcpy(u->chacha.iv, d->iv, sizeof(u->chacha.iv));
		memcpy(u->chacha.rec_seq, seq, sizeof(u->chacha.rec_seq));
		return sizeof(u->chacha);
	default:
		return 0;
	}
}

static int install(int fd, int direction, const struct kdf_keys *keys,
		   const struct kdf_direction *d, char *err, size_t errlen)
{
	const char *name = direction == TLS_TX ? "TLS_TX" : "TLS_RX";
	union crypto_info u;
	socklen_t len = fill(&u, keys, d);
	int ret = 0;

	if (!len) {
		ret = -EINVAL;
		snprintf(err, errlen, "%s: unknown cipher %u", name, keys->cipher);
	} else if (setsockopt(fd, SOL_TLS, direction, &u, len)) {
		ret = -errno;
		snprintf(err, errlen, "%s: %s", name, strerror(-ret));
	}
	mbedtls_platform_zeroize(&u, sizeof(u));
	return ret;
}

int ktls_install(int fd, const struct kdf_keys *keys, char *err, size_t errlen)
{
	int ret;

	if (!seq_is_safe(keys, &keys->tx) || !seq_is_safe(keys, &keys->rx)) {
		snprintf(err, errlen, "record number would repeat a nonce");
		return -EINVAL;
	}
	ret = install(fd, TLS_TX, keys, &keys->tx, err, errlen);
	if (!ret)
		ret = install(fd, TLS_RX, keys, &keys->rx, err, errlen);
	return ret;
}

int ktls_installed(int fd, uint16_t *version, uint16_t *cipher, char *err, size_t errlen)
{
	struct tls_crypto_info tx = { 0 }, rx = { 0 };
	socklen_t tx_len = sizeof(tx), rx_len = sizeof(rx);
	int ret = 0;

	/* with room for no more than this the kernel tells no more */
	if (getsockopt(fd, SOL_TLS, TLS_TX, &tx, &tx_len) ||
	    getsockopt(fd, SOL_TLS, TLS_RX, &rx, &rx_len))
		ret = -errno;
	else if (tx.version != rx.version || tx.cipher_type != rx.cipher_type)
		ret = -EPROTO;
	if (ret) {
		snprintf(err, errlen, "the kernel has no keys for it: %s", strerror(-ret));
		return ret;
	}
	*version = tx.version;
	*cipher = tx.cipher_type;
	return 0;
}

void ktls_close_notify(int fd)
{
	uint8_t alert[2] = { MBEDTLS_SSL_ALERT_LEVEL_WARNING, MBEDTLS_SSL_ALERT_MSG_CLOSE_NOTIFY };
	struct iovec v = { .iov_base = alert, .iov_len = sizeof(alert) };
	union {
		struct cmsghdr hdr;
		uint8_t room[CMSG_SPACE(1)];
	} control = { .hdr = { .cmsg_len = CMSG_LEN(1),
			       .cmsg_level = SOL_TLS,
			       .cmsg_type = TLS_SET_RECORD_TYPE } };
	struct msghdr msg = { .msg_iov = &v,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };

	*CMSG_DATA(&control.hdr) = MBEDTLS_SSL_MSG_ALERT;
	/* without it the peer sees a stream that was cut off, which is true, too */
	if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}
