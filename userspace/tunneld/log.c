// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include "log.h"

#define LINE_MAX_LEN 1024

static bool debug;

void log_set_debug(bool on)
{
	debug = on;
}

/* One fputs() per line, so that lines of several processes do not mix. */
__attribute__((format(printf, 1, 0))) static void line(const char *fmt, va_list ap)
{
	char text[LINE_MAX_LEN], out[LINE_MAX_LEN + 16];

	vsnprintf(text, sizeof(text), fmt, ap);
	snprintf(out, sizeof(out), "tunneld: %s\n", text);
	fputs(out, stderr);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	if (!debug)
		return;
	va_start(ap, fmt);
	line(fmt, ap);
	va_end(ap);
}

bool log_limit_pass(struct log_limit *l, uint64_t now_ms, unsigned int *suppressed)
{
	if (now_ms < l->next_ms) {
		l->suppressed++;
		return false;
	}
	*suppressed = l->suppressed;
	l->suppressed = 0;
	l->next_ms = now_ms + LOG_LIMIT_MS;
	return true;
}
