/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TUNNELD_REFUSAL_H
#define TUNNELD_REFUSAL_H

#include "daemon.h"

/** refusal_log - say that @peer was refused on @where, if it is not said too often
 *
 * Enough lines to see each stranger, not enough to fill a disk.
 */
void refusal_log(struct daemon *d, const char *peer, const char *where, const char *why);

#endif /* TUNNELD_REFUSAL_H */
