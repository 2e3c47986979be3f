/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Closing a refused connection so that the peer learns why: closing with unread
 * bytes makes TCP send RST, which can overtake and destroy the TLS alert.
 */
#ifndef TUNNELD_LINGER_H
#define TUNNELD_LINGER_H

#include <event2/event.h>

/**
 * linger_close - send FIN, discard what still arrives for at most a second and
 * 64 KiB, then close
 * @fd: owned from here on
 *
 * At most 512 connections linger; more are closed at once.
 */
void linger_close(struct event_base *base, int fd);

/** linger_flush - close all at once */
void linger_flush(void);

#endif /* TUNNELD_LINGER_H */
