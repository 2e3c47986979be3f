/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For cppcheck, which sees no kernel headers: what the module's loops do, as far
 * as it concerns the flow of data. Given to it by tests/lint.sh.
 */
void *some_entry(const void *from);

#define EVERY(pos, head) for (pos = some_entry(head); pos; pos = some_entry(pos))
#define EVERY_SAFE(pos, n, head) \
	for (pos = some_entry(head); pos && (n = some_entry(pos)); pos = n)

#define list_for_each_entry(pos, head, member) EVERY(pos, head)
#define list_for_each_entry_rcu(pos, head, member, ...) EVERY(pos, head)
#define list_for_each_entry_safe(pos, n, head, member) EVERY_SAFE(pos, n, head)
#define xa_for_each_start(xa, index, entry, start) EVERY(entry, xa)
#define for_each_possible_cpu(cpu) for (cpu = 0; cpu < 8; cpu++)
