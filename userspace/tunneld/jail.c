// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/tls.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "jail.h"

#define NOBODY 65534

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

int jail_drop(char *err, size_t errlen)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	int cap, ret = 0;

	/* These need capabilities that a daemon in a container may not have had itself. */
	for (cap = 0; cap <= 63; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (!geteuid() && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
			   setresuid(NOBODY, NOBODY, NOBODY)))
		ret = -errno;
	/* These do not. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_capset, &header, none)) {
		ret = -errno;
		snprintf(err, errlen, "capabilities cannot be dropped: %s", strerror(-ret));
		return ret;
	}
	if (ret)
		snprintf(err, errlen, "it stays user 0, who cannot become another here: %s",
			 strerror(-ret));
	else
		*err = 0;
	return 0;
}

static bool is_dropped(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3] = { 0 };
	int i;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || syscall(SYS_capget, &header, had))
		return false;
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if (had[i].permitted || had[i].effective || had[i].inheritable)
			return false;
	return true;
}

/* By whom: the C library's memory, its clocks and its abort(); libevent; mbedTLS; us. */
static const int calls[] = {
	SCMP_SYS(brk),		SCMP_SYS(munmap),
	SCMP_SYS(mremap),	SCMP_SYS(madvise),
	SCMP_SYS(futex),	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(exit_group),	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
	SCMP_SYS(getpid),	SCMP_SYS(gettid),
	SCMP_SYS(write),	SCMP_SYS(writev),
	SCMP_SYS(epoll_wait),	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),	SCMP_SYS(getrandom),
	SCMP_SYS(recvfrom),	SCMP_SYS(sendto),
	SCMP_SYS(recvmsg),	SCMP_SYS(sendmsg),
	SCMP_SYS(pread64),	SCMP_SYS(pwrite64),
	SCMP_SYS(close),
};

static int fill(scmp_filter_ctx ctx)
{
	size_t i;
	int ret = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	for (i = 0; !ret && i < sizeof(calls) / sizeof(calls[0]); i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	/* memory for data, never for code */
	if (!ret)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* keys for the kernel, and nothing else about a socket */
	if (!ret)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
				       SCMP_A1(SCMP_CMP_EQ, SOL_TLS, 0),
				       SCMP_A2(SCMP_CMP_EQ, TLS_TX, 0));
	if (!ret)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
				       SCMP_A1(SCMP_CMP_EQ, SOL_TLS, 0),
				       SCMP_A2(SCMP_CMP_EQ, TLS_RX, 0));
	/* abort(), so that it is not taken for a forbidden call */
	if (!ret)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
	return ret;
}

int jail_seal(char *err, size_t errlen)
{
	scmp_filter_ctx ctx;
	int ret;

	if (!is_dropped()) {
		snprintf(err, errlen, "it has capabilities, or may get some");
		return -EPERM;
	}
	ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	ret = ctx ? fill(ctx) : -ENOMEM;
	if (!ret)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	if (ret)
		snprintf(err, errlen,
			 "no seccomp filter: %s (the kernel needs CONFIG_SECCOMP_FILTER)",
			 strerror(-ret));
	return ret;
}
