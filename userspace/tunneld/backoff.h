/* SPDX-License-Identifier: GPL-2.0 */
/* When to dial again. Pure: time and chance are arguments. */
#ifndef TUNNELD_BACKOFF_H
#define TUNNELD_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

/** struct backoff - memory of one dialler; zero-initialised */
struct backoff {
	unsigned int failures; /* since a carrier lived long */
	uint64_t prompt_ms;    /* when dialling at once was last allowed */
};

/**
 * backoff_failed - an attempt failed
 * @random: any 32 bits
 * Return: milliseconds to wait: 200, doubling to 30 000, each +-25 %.
 */
uint64_t backoff_failed(struct backoff *b, uint32_t random);

/**
 * backoff_lost - a carrier ended
 * @lived_ms: since it was up; 0 if it never was
 * @resumable: it ended for a cause that a new carrier cures
 *
 * A carrier that lived 10 s clears the past. A resumable loss is answered at
 * once, but once a second only: a path that kills every carrier must not be
 * hammered.
 *
 * Return: milliseconds to wait.
 */
uint64_t backoff_lost(struct backoff *b, uint64_t lived_ms, bool resumable, uint64_t now_ms,
		      uint32_t random);

#endif /* TUNNELD_BACKOFF_H */
