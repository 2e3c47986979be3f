/* SPDX-License-Identifier: GPL-2.0 */
/* KUnit suites (tests/kunit) run when the module of a debug kernel is loaded. */
#ifndef _TUNNEL_KUNIT_H
#define _TUNNEL_KUNIT_H

#ifdef TUNNEL_KUNIT
void tnl_kunit_run(void);
void tnl_kunit_exit(void);
#else
static inline void tnl_kunit_run(void) {}
static inline void tnl_kunit_exit(void) {}
#endif

#endif /* _TUNNEL_KUNIT_H */
