// SPDX-License-Identifier: GPL-2.0
#include "clock.h"
#include "refusal.h"

#define RATE  5 /* lines per second */
#define BURST 100

void refusal_log(struct daemon *d, const char *peer, const char *where, const char *why)
{
	if (!bucket_take(&d->refusal_log, RATE, BURST, clock_ms())) {
		d->refusals_unlogged++;
		return;
	}
	if (d->refusals_unlogged)
		log_info("%u more refused", d->refusals_unlogged);
	d->refusals_unlogged = 0;
	log_info("refused %s on %s: %s", peer, where, why);
}
