/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TUNNELD_LISTEN_H
#define TUNNELD_LISTEN_H

#include <sys/socket.h>

/** listen_socket - a TCP socket that listens on @addr; non-blocking
 *
 * [::] is every address, of IPv4 too.
 * Return: descriptor, or -errno.
 */
int listen_socket(const struct sockaddr_storage *addr, socklen_t len);

/** listen_pauses - is @error of accept4() one that waiting may help against?
 *
 * The connection stays queued then, and would wake an event loop for ever.
 */
int listen_pauses(int error);

#endif /* TUNNELD_LISTEN_H */
