/* SPDX-License-Identifier: GPL-2.0 */
/* Time that never jumps: what every deadline and backoff of the daemon is measured in. */
#ifndef TUNNELD_CLOCK_H
#define TUNNELD_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

/** clock_ms - milliseconds of CLOCK_MONOTONIC */
static inline uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/** clock_timeval - @ms as the struct timeval that libevent wants */
static inline struct timeval clock_timeval(uint64_t ms)
{
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000),
				 .tv_usec = (suseconds_t)(ms % 1000) * 1000 };
}

#endif /* TUNNELD_CLOCK_H */
