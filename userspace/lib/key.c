// SPDX-License-Identifier: GPL-2.0
/*
 * Identity keys. The identity of a host is its key pair; the pin is the
 * SHA-256 of the DER SubjectPublicKeyInfo, as in RFC 7469, 2.4.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/version.h>
#include "tnl.h"

/* PEM of an RSA-4096 key is 3.3 KiB, of a P-256 key 227 bytes. */
#define KEY_FILE_MAX (16 * 1024)
#define SPKI_MAX     2048

struct rng {
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context drbg;
};

static __attribute__((format(printf, 4, 5))) int refuse(char *err, size_t errlen, int ret,
							const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (errlen)
		vsnprintf(err, errlen, fmt, ap);
	va_end(ap);
	return ret;
}

static int refuse_tls(char *err, size_t errlen, const char *what, int tls_err)
{
	char text[128];

	mbedtls_strerror(tls_err, text, sizeof(text));
	return refuse(err, errlen, tls_err == MBEDTLS_ERR_PK_ALLOC_FAILED ? -ENOMEM : -EINVAL,
		      "%s: %s", what, text);
}

static int rng_init(struct rng *rng)
{
	static const unsigned char person[] = "tunnel identity key";

	mbedtls_entropy_init(&rng->entropy);
	mbedtls_ctr_drbg_init(&rng->drbg);
	return mbedtls_ctr_drbg_seed(&rng->drbg, mbedtls_entropy_func, &rng->entropy, person,
				     sizeof(person) - 1);
}

static void rng_free(struct rng *rng)
{
	mbedtls_ctr_drbg_free(&rng->drbg);
	mbedtls_entropy_free(&rng->entropy);
}

/* --- what differs between mbedTLS 2.28 and 3.x ---------------------------- */

static int parse_key(mbedtls_pk_context *pk, const unsigned char *pem, size_t size, struct rng *rng)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pk_parse_key(pk, pem, size, NULL, 0, mbedtls_ctr_drbg_random, &rng->drbg);
#else
	(void)rng;
	return mbedtls_pk_parse_key(pk, pem, size, NULL, 0);
#endif
}

static int check_halves(mbedtls_pk_context *pk, struct rng *rng)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pk_check_pair(pk, pk, mbedtls_ctr_drbg_random, &rng->drbg);
#else
	(void)rng;
	return mbedtls_pk_check_pair(pk, pk);
#endif
}

static bool is_p256(const mbedtls_pk_context *pk)
{
	if (!mbedtls_pk_can_do(pk, MBEDTLS_PK_ECDSA))
		return false;
#if MBEDTLS_VERSION_NUMBER >= 0x03060000
	return mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*pk)) == MBEDTLS_ECP_DP_SECP256R1;
#else
	return mbedtls_pk_ec(*pk)->grp.id == MBEDTLS_ECP_DP_SECP256R1;
#endif
}

/* -------------------------------------------------------------------------- */

static int pin_of(mbedtls_pk_context *pk, uint8_t pin[TUNNEL_PIN_LEN])
{
	unsigned char der[SPKI_MAX];
	int len;

	/* mbedTLS writes DER backwards from the end of the buffer. */
	len = mbedtls_pk_write_pubkey_der(pk, der, sizeof(der));
	if (len < 0)
		return len;
	return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), der + sizeof(der) - len,
			  len, pin);
}

/* A name in a directory is durable only when the directory is. */
static int sync_directory(const char *path)
{
	char *copy = strdup(path);
	int fd, ret = 0;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Some file systems cannot sync a directory; they have nothing to lose then. */
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		ret = -errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	return ret;
}

static int write_all(int fd, const unsigned char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= n;
	}
	return 0;
}

static int write_key_file(const char *path, const unsigned char *pem, size_t len, char *err,
			  size_t errlen)
{
	int fd, ret;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return refuse(err, errlen, -EEXIST,
			      "%s exists already: a key is never written over, choose another name",
			      path);
	if (fd < 0) {
		ret = -errno;
		return refuse(err, errlen, ret, "cannot create %s: %s", path, strerror(-ret));
	}

	/* The umask may have taken the owner's own bits. */
	ret = fchmod(fd, 0600) < 0 ? -errno : 0;
	if (!ret)
		ret = write_all(fd, pem, len);
	if (!ret && fsync(fd) < 0)
		ret = -errno;
	if (close(fd) < 0 && !ret)
		ret = -errno;
	if (!ret)
		ret = sync_directory(path);
	if (ret) {
		unlink(path);
		refuse(err, errlen, ret, "writing %s failed, it was removed again: %s", path,
		       strerror(-ret));
	}
	return ret;
}

int tnl_key_generate(const char *path, uint8_t pin[TUNNEL_PIN_LEN], char *err, size_t errlen)
{
	unsigned char pem[1024] = { 0 };
	mbedtls_pk_context pk;
	struct rng rng;
	int ret;

	mbedtls_pk_init(&pk);
	ret = rng_init(&rng);
	if (ret) {
		refuse_tls(err, errlen, "no random numbers", ret);
		ret = -EIO;
		goto out;
	}
	ret = mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	if (!ret)
		ret = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pk),
					  mbedtls_ctr_drbg_random, &rng.drbg);
	if (!ret)
		ret = mbedtls_pk_write_key_pem(&pk, pem, sizeof(pem));
	if (!ret)
		ret = pin_of(&pk, pin);
	if (ret) {
		ret = refuse_tls(err, errlen, "making a key failed", ret);
		goto out;
	}
	ret = write_key_file(path, pem, strlen((char *)pem), err, errlen);
out:
	mbedtls_platform_zeroize(pem, sizeof(pem));
	mbedtls_pk_free(&pk);
	rng_free(&rng);
	return ret;
}

static int check_secret_file(const char *path, const struct stat *st, size_t size, char *err,
			     size_t errlen)
{
	if (!S_ISREG(st->st_mode))
		return refuse(err, errlen, -EINVAL, "%s is not a regular file", path);
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return refuse(err, errlen, -EPERM,
			      "%s has mode %04o, group or others may use it: run 'chmod 600 %s'",
			      path, st->st_mode & 07777, path);
	if (st->st_uid && st->st_uid != geteuid())
		return refuse(err, errlen, -EPERM,
			      "%s belongs to user %u, who could change it: run 'chown root %s'",
			      path, st->st_uid, path);
	if (st->st_size >= (off_t)size)
		return refuse(err, errlen, -EINVAL, "%s is too large for a key", path);
	return 0;
}

int tnl_secret_read(const char *path, unsigned char *buf, size_t size, char *err, size_t errlen)
{
	struct stat st;
	size_t len = 0;
	ssize_t n = 0;
	int fd, ret;

	/* O_NONBLOCK: a FIFO must be refused, not waited for. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		return refuse(err, errlen, ret, "cannot open %s: %s", path, strerror(-ret));
	}
	ret = fstat(fd, &st) < 0 ? -errno : check_secret_file(path, &st, size, err, errlen);
	if (ret)
		goto out;
	while (len < size - 1) {
		n = read(fd, buf + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += n;
	}
	if (n < 0) {
		ret = -errno;
		refuse(err, errlen, ret, "cannot read %s: %s", path, strerror(-ret));
		goto out;
	}
	buf[len] = '\0';
	ret = len;
out:
	close(fd);
	return ret;
}

static int load_key(mbedtls_pk_context *pk, const char *path, struct rng *rng, char *err,
		    size_t errlen)
{
	unsigned char *buf = calloc(1, KEY_FILE_MAX);
	char what[512];
	int len, ret;

	if (!buf)
		return refuse(err, errlen, -ENOMEM, "%s", strerror(ENOMEM));
	/* the zero behind it is what mbedTLS wants PEM with */
	len = tnl_secret_read(path, buf, KEY_FILE_MAX, err, errlen);
	if (len < 0) {
		ret = len;
		goto out;
	}
	ret = parse_key(pk, buf, len + 1, rng);
	if (ret) {
		snprintf(what, sizeof(what), "%.400s holds no usable private key in PEM", path);
		ret = refuse_tls(err, errlen, what, ret);
		goto out;
	}
	if (!is_p256(pk)) {
		ret = refuse(err, errlen, -EINVAL,
			     "%s holds another kind of key: a P-256 key is needed, make one with 'tunnelctl keygen FILE'",
			     path);
		goto out;
	}
	if (check_halves(pk, rng))
		ret = refuse(err, errlen, -EINVAL,
			     "%s is damaged: its public half does not belong to the private one",
			     path);
out:
	mbedtls_platform_zeroize(buf, KEY_FILE_MAX);
	free(buf);
	return ret;
}

int tnl_key_pin(const char *path, uint8_t pin[TUNNEL_PIN_LEN], char *err, size_t errlen)
{
	mbedtls_pk_context pk;
	struct rng rng;
	int ret;

	mbedtls_pk_init(&pk);
	ret = rng_init(&rng);
	if (ret) {
		refuse_tls(err, errlen, "no random numbers", ret);
		ret = -EIO;
		goto out;
	}
	ret = load_key(&pk, path, &rng, err, errlen);
	if (ret)
		goto out;
	ret = pin_of(&pk, pin);
	if (ret)
		ret = refuse_tls(err, errlen, "computing the pin failed", ret);
out:
	mbedtls_pk_free(&pk);
	rng_free(&rng);
	return ret;
}
