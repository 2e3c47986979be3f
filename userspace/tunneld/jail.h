/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is taken from the handshake worker before it hears of anybody. Unlike harden.h
 * this is not best effort: without it there is no worker.
 */
#ifndef TUNNELD_JAIL_H
#define TUNNELD_JAIL_H

#include <stddef.h>

/**
 * jail_drop - no capability in any set, no new privileges, and user "nobody" if we may
 *
 * What is started afterwards has no more.
 *
 * Return: 0, with a sentence in @err if it stays the user it was; or -errno with one.
 */
int jail_drop(char *err, size_t errlen);

/**
 * jail_seal - from here on only what a handshake over descriptors one has needs
 *
 * Any other system call kills the process. What opens files must have been done.
 *
 * Return: 0, or -errno with a sentence in @err (also if jail_drop() was not called).
 */
int jail_seal(char *err, size_t errlen);

#endif /* TUNNELD_JAIL_H */
