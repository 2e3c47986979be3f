// SPDX-License-Identifier: GPL-2.0
/* Certificates in files, looked at before they are configured. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include "tnl.h"

#define SPKI_MAX 2048

static int check(mbedtls_x509_crt *crt, const char *path, char *err, size_t errlen)
{
	char text[128];
	int ret = mbedtls_x509_crt_parse_file(crt, path);

	if (ret < 0) {
		mbedtls_strerror(ret, text, sizeof(text));
		snprintf(err, errlen, "certificate %s: %s", path, text);
		return -EINVAL;
	}
	/* more than 0: so many are not as they must be */
	if (ret || !crt->raw.p) {
		snprintf(err, errlen, "certificate %s: not all of it can be read", path);
		return -EINVAL;
	}
	return 0;
}

int tnl_cert_check(const char *path, char *err, size_t errlen)
{
	mbedtls_x509_crt crt;
	int ret;

	mbedtls_x509_crt_init(&crt);
	ret = check(&crt, path, err, errlen);
	mbedtls_x509_crt_free(&crt);
	return ret;
}

int tnl_cert_pin(const char *path, uint8_t pin[TUNNEL_PIN_LEN], char *err, size_t errlen)
{
	unsigned char der[SPKI_MAX];
	mbedtls_x509_crt crt;
	int ret, len;

	mbedtls_x509_crt_init(&crt);
	ret = check(&crt, path, err, errlen);
	if (!ret) {
		/* written from the end of the buffer */
		len = mbedtls_pk_write_pubkey_der(&crt.pk, der, sizeof(der));
		if (len <= 0 || mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
					   der + sizeof(der) - len, len, pin)) {
			snprintf(err, errlen, "certificate %s: its key cannot be read", path);
			ret = -EINVAL;
		}
	}
	mbedtls_x509_crt_free(&crt);
	return ret;
}
