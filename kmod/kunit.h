/* SPDX-License-Identifier: GPL-2.0 */
/* KUnit suites (tests/kunit) that the module of a debug kernel runs with kunit=1. */
#ifndef _TUNNEL_KUNIT_H
#define _TUNNEL_KUNIT_H

#ifdef TUNNEL_KUNIT
struct kunit_suite;

extern struct kunit_suite tnl_kunit_frame, tnl_kunit_deframe, tnl_kunit_hello, tnl_kunit_credit,
	tnl_kunit_sched, tnl_kunit_message, tnl_kunit_tls_control, tnl_kunit_bucket,
	tnl_kunit_access, tnl_kunit_pins, tnl_kunit_chunk,
	tnl_kunit_lane;

void tnl_kunit_run(void);
void tnl_kunit_exit(void);
#else
static inline void tnl_kunit_run(void) {}
static inline void tnl_kunit_exit(void) {}
#endif

#endif /* _TUNNEL_KUNIT_H */
