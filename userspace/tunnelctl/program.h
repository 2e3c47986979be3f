/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Can a program be run with a library loaded before its own?
 */
#ifndef TUNNELCTL_PROGRAM_H
#define TUNNELCTL_PROGRAM_H

#include <stddef.h>

/** program_find - path of the file that execvp() would run. Return: 0 or -errno. */
int program_find(const char *command, char *path, size_t len);

/**
 * program_check - would ld.so load a preload library of ours into it?
 * @path: program, or script, whose interpreters are looked at too
 *
 * Return: NULL, or why not: what comes after "PATH ".
 */
const char *program_check(const char *path);

#endif
