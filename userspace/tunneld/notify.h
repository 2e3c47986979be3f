/* SPDX-License-Identifier: GPL-2.0 */
/* sd_notify(3) without libsystemd. */
#ifndef TUNNELD_NOTIFY_H
#define TUNNELD_NOTIFY_H

/** notify - tell the service manager @state ("READY=1"); nothing without NOTIFY_SOCKET */
void notify(const char *state);

#endif /* TUNNELD_NOTIFY_H */
