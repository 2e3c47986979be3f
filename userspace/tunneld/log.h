/* SPDX-License-Identifier: GPL-2.0 */
/* One line on stderr per event. Callers never pass secrets; text of a peer goes through tnl_escape(). */
#ifndef TUNNELD_LOG_H
#define TUNNELD_LOG_H

#include <stdbool.h>
#include <stdint.h>

/** log_set_debug - whether log_debug() prints */
void log_set_debug(bool on);

void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** struct log_limit - at most one line per LOG_LIMIT_MS; zero-initialised */
struct log_limit {
	uint64_t next_ms;
	unsigned int suppressed;
};

#define LOG_LIMIT_MS 5000

/**
 * log_limit_pass - may a line be printed now?
 * @now_ms: clock_ms()
 * @suppressed: set, on true, to the number of lines swallowed since the last one
 */
bool log_limit_pass(struct log_limit *l, uint64_t now_ms, unsigned int *suppressed);

#endif /* TUNNELD_LOG_H */
