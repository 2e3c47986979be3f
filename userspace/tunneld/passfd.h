/* SPDX-License-Identifier: GPL-2.0 */
/* Messages with a descriptor (unix(7), SCM_RIGHTS). */
#ifndef TUNNELD_PASSFD_H
#define TUNNELD_PASSFD_H

#include <sys/types.h>

/**
 * passfd_send - one message, at once or not at all
 * @pass: goes with it, stays the caller's; -1: none
 * Return: @len, or -1 with errno.
 */
ssize_t passfd_send(int fd, const void *bytes, size_t len, int pass);

/**
 * passfd_receive - one message, if there is one
 * @passed: the descriptor that came with it, close-on-exec; -1: none
 * Return: its length, which may be more than @len; 0 at the end; -1 with errno.
 */
ssize_t passfd_receive(int fd, void *bytes, size_t len, int *passed);

#endif /* TUNNELD_PASSFD_H */
