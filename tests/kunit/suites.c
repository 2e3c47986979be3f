// SPDX-License-Identifier: GPL-2.0
/*
 * All suites, run by "insmod tunnel.ko kunit=1". They are run by hand from
 * module_init(), because 6.1 would run listed ones before it, and the lane needs
 * what it sets up. Results are in /sys/kernel/debug/kunit/SUITE/results until the
 * module goes.
 */
#include <kunit/test.h>
#include <linux/moduleparam.h>

#include "kunit.h"

static bool kunit;
module_param(kunit, bool, 0444);
MODULE_PARM_DESC(kunit, "run the KUnit suites at load (default off)");

static struct kunit_suite *suites[] = {
	&tnl_kunit_frame, &tnl_kunit_deframe, &tnl_kunit_hello, &tnl_kunit_credit,
	&tnl_kunit_sched, &tnl_kunit_message, &tnl_kunit_tls_control,
	&tnl_kunit_bucket, &tnl_kunit_access, &tnl_kunit_pins,
	&tnl_kunit_chunk, &tnl_kunit_lane,
};

void tnl_kunit_run(void)
{
	if (kunit)
		__kunit_test_suites_init(suites, ARRAY_SIZE(suites));
}

void tnl_kunit_exit(void)
{
	if (kunit)
		__kunit_test_suites_exit(suites, ARRAY_SIZE(suites));
}
