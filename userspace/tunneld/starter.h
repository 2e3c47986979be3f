/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The starter: a process without any right that starts the handshake workers, one at a
 * time. The daemon itself cannot: it keeps no capability to become another user, and a
 * copy of it would have its keys. It makes the starter before it gives its rights up.
 */
#ifndef TUNNELD_STARTER_H
#define TUNNELD_STARTER_H

#include <stddef.h>
#include <sys/types.h>

/** STARTER_WORKER - the one argument of a worker, which is this program once more */
#define STARTER_WORKER "--handshake-worker"

/** STARTER_FD - the worker's end of the socket between it and the daemon */
#define STARTER_FD 3

/**
 * starter_begin - fork it
 * @pid: it ends when the descriptor is closed, and the worker with it
 * Return: a descriptor for starter_ask(), or -errno with a sentence in @err.
 */
int starter_begin(pid_t *pid, char *err, size_t errlen);

/**
 * starter_ask - a new worker, please; the former one is killed if it still is there
 * @fd: what starter_begin() returned
 * @socket: the worker's end; stays the caller's
 * Return: 0, or -errno.
 */
int starter_ask(int fd, int socket);

/** starter_end - kill the worker. Return: as above. */
int starter_end(int fd);

#endif /* TUNNELD_STARTER_H */
