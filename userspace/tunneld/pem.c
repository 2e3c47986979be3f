// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "pem.h"

static int check(const char *what, const char *path, const struct stat *st, size_t most,
		 enum pem_care care, char *err, size_t errlen)
{
	if (!S_ISREG(st->st_mode)) {
		snprintf(err, errlen, "%s %s is not a regular file", what, path);
		return -EINVAL;
	}
	if (care == PEM_SECRET && st->st_mode & (S_IRWXG | S_IRWXO)) {
		snprintf(err, errlen, "%s %s is accessible to group or others (chmod 600 %s)", what,
			 path, path);
		return -EPERM;
	}
	if (care == PEM_TRUSTED && st->st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(err, errlen, "%s %s can be changed by group or others (chmod go-w %s)",
			 what, path, path);
		return -EPERM;
	}
	if (care != PEM_PUBLIC && st->st_uid && st->st_uid != geteuid()) {
		snprintf(err, errlen,
			 "%s %s belongs to user %u, who could change it (chown root %s)", what,
			 path, st->st_uid, path);
		return -EPERM;
	}
	if (!st->st_size || (size_t)st->st_size > most) {
		snprintf(err, errlen, "%s %s is not in PEM (%lld bytes)", what, path,
			 (long long)st->st_size);
		return -EINVAL;
	}
	return 0;
}

static int read_text(struct pem *pem, int fd)
{
	size_t len = (size_t)pem->st.st_size;

	pem->text = calloc(1, len + 1);
	if (!pem->text)
		return -ENOMEM;
	while (pem->len < len) {
		ssize_t n = read(fd, pem->text + pem->len, len - pem->len);

		if (n < 0)
			return -errno;
		if (!n)
			break;
		pem->len += (size_t)n;
	}
	pem->len++;
	return 0;
}

int pem_read(struct pem *pem, const char *what, const char *path, size_t most, enum pem_care care,
	     char *err, size_t errlen)
{
	/*
	 * O_NONBLOCK: a FIFO at this path must not stop the daemon. Links are followed, as tools
	 * that renew certificates make them: what counts is the file that was opened.
	 */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), ret = 0;

	memset(pem, 0, sizeof(*pem));
	if (fd < 0 || fstat(fd, &pem->st))
		ret = -errno;
	if (ret) {
		snprintf(err, errlen, "%s %s: %s", what, path, strerror(-ret));
	} else {
		ret = check(what, path, &pem->st, most, care, err, errlen);
		if (!ret) {
			ret = read_text(pem, fd);
			if (ret)
				snprintf(err, errlen, "%s %s: %s", what, path, strerror(-ret));
		}
	}
	if (fd >= 0)
		close(fd);
	if (ret)
		pem_free(pem);
	return ret;
}

void pem_free(struct pem *pem)
{
	if (pem->text)
		mbedtls_platform_zeroize(pem->text, pem->len);
	free(pem->text);
	pem->text = NULL;
	pem->len = 0;
}

bool pem_is_same(const char *path, const struct stat *had)
{
	struct stat st;

	return !stat(path, &st) && st.st_dev == had->st_dev && st.st_ino == had->st_ino &&
	       st.st_size == had->st_size && st.st_mode == had->st_mode &&
	       st.st_uid == had->st_uid && st.st_mtim.tv_sec == had->st_mtim.tv_sec &&
	       st.st_mtim.tv_nsec == had->st_mtim.tv_nsec;
}

static uint64_t mix(uint64_t h, uint64_t value)
{
	int i;

	/* FNV-1a */
	for (i = 0; i < 8; i++, value >>= 8)
		h = (h ^ (value & 0xff)) * 0x100000001b3ULL;
	return h;
}

uint64_t pem_trace(const char *path, uint64_t before)
{
	uint64_t h = before ? before : 0xcbf29ce484222325ULL;
	struct stat st;

	if (stat(path, &st))
		return mix(h, 1) | 1;
	h = mix(mix(mix(h, st.st_dev), st.st_ino), st.st_size);
	h = mix(mix(mix(h, st.st_mode), st.st_mtim.tv_sec), st.st_mtim.tv_nsec);
	return h | 1;
}
