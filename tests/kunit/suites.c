// SPDX-License-Identifier: GPL-2.0
/*
 * All suites. They are run by hand from module_init(), because 6.1 would run
 * listed ones before it, and the lane needs what it sets up. Results are in
 * /sys/kernel/debug/kunit/SUITE/results until the module goes.
 */
#include <kunit/test.h>

#include "kunit.h"

extern struct kunit_suite tnl_kunit_frame, tnl_kunit_hello, tnl_kunit_credit, tnl_kunit_sched,
	tnl_kunit_chunk, tnl_kunit_lane;

static struct kunit_suite *suites[] = {
	&tnl_kunit_frame, &tnl_kunit_hello, &tnl_kunit_credit, &tnl_kunit_sched,
	&tnl_kunit_chunk, &tnl_kunit_lane,
};

void tnl_kunit_run(void)
{
	__kunit_test_suites_init(suites, ARRAY_SIZE(suites));
}

void tnl_kunit_exit(void)
{
	__kunit_test_suites_exit(suites, ARRAY_SIZE(suites));
}
