/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file of a listener at a path. The kernel makes it when it binds the socket, in our
 * name; whose it is, and that it goes with the listener, is ours to see to.
 */
#ifndef TUNNELCTL_SOCKET_FILE_H
#define TUNNELCTL_SOCKET_FILE_H

#include "tunnelctl.h"

/** parse_listen_address - as parse_address(), or "unix:PATH". Return: EXIT_*, said why. */
int parse_listen_address(struct ctx *ctx, const char *word, bool port_zero_ok,
			 struct sockaddr_storage *ss, int *len);

/** parse_mode - "0660". Return: EXIT_*, said why. */
int parse_mode(struct ctx *ctx, const char *word, uint32_t *mode);

/**
 * listener_make - send a LISTENER_NEW; with a path, see to the file
 * @req: the request; the file becomes as its MODE and OWNER_* say
 * Return: 0, or -errno with a sentence in conn.error; then there is no listener.
 */
int listener_make(struct ctx *ctx, struct req *req);

/** listener_unmake - send a LISTENER_DEL; with a path, the file goes, too. Return: as above. */
int listener_unmake(struct ctx *ctx, struct req *req);

#endif /* TUNNELCTL_SOCKET_FILE_H */
