/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What mbedTLS does not tell: whether the extended master secret (RFC 7627) was
 * agreed. The ServerHello says so; it travels in the clear and is covered by
 * Finished, so a copy of it can be read when the handshake is done.
 */
#ifndef TUNNELD_SERVERHELLO_H
#define TUNNELD_SERVERHELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVERHELLO_MAX 512

/** struct serverhello - the first bytes the server sent; zero-initialised */
struct serverhello {
	size_t len;
	uint8_t bytes[SERVERHELLO_MAX];
};

/** serverhello_feed - the server's next @len bytes; what does not fit is ignored */
void serverhello_feed(struct serverhello *sh, const uint8_t *bytes, size_t len);

/**
 * serverhello_has_ems - did the server agree to the extended master secret?
 * Return: false also for anything but one whole ServerHello at the start of the
 * first record.
 */
bool serverhello_has_ems(const struct serverhello *sh);

#endif /* TUNNELD_SERVERHELLO_H */
