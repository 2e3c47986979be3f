// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>

#include "mib.h"

const char *const tnl_mib_names[TNL_MIB_ITEMS] = {
#define X(name) #name,
	TNL_MIB_LIST(X)
#undef X
};

/* tnl_mib_sum - a counter over all CPUs; it may be moving meanwhile */
u64 tnl_mib_sum(const struct tnl_mib __percpu *mib, enum tnl_mib_item item)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(mib, cpu)->item[item]);
	return sum;
}
