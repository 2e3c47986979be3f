// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harden.h"
#include "log.h"

#define FILES 65536

#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

void harden_memory(void)
{
	struct rlimit none = { 0, 0 }, all = { RLIM_INFINITY, RLIM_INFINITY };

	umask(077);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		log_debug("PR_SET_DUMPABLE: %s", strerror(errno));
	if (setrlimit(RLIMIT_CORE, &none))
		log_debug("RLIMIT_CORE: %s", strerror(errno));
	/*
	 * Keys live in the heap of the TLS library, so the heap is locked; with
	 * a limit on locked memory later allocations would fail, hence only
	 * without one.
	 */
	if (setrlimit(RLIMIT_MEMLOCK, &all))
		log_debug("RLIMIT_MEMLOCK: %s: memory may be swapped", strerror(errno));
	else if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		log_debug("mlockall: %s", strerror(errno));
}

void harden_raise_files(void)
{
	struct rlimit files;

	/* not further: what walks all descriptors is still used by some libraries */
	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < FILES) {
		files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/*
 * A socket that is not connected cannot have TLS, but the refusal tells whether
 * the kernel knows it. (/proc/sys/net/ipv4/tcp_available_ulp would say it too,
 * but only in the initial network namespace.)
 */
static bool have_tls(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool have;

	if (fd < 0)
		return false;
	have = !setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3) || errno == ENOTCONN;
	close(fd);
	return have;
}

static void modprobe(const char *module)
{
	static char *const env[] = { "PATH=/sbin:/usr/sbin:/bin:/usr/bin", NULL };
	int status;
	pid_t pid = fork();

	if (!pid) {
		execle("/sbin/modprobe", "modprobe", "-q", module, (char *)NULL, env);
		execle("/usr/sbin/modprobe", "modprobe", "-q", module, (char *)NULL, env);
		_exit(127);
	}
	if (pid < 0)
		return;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

void harden_load_modules(void)
{
#ifdef __x86_64__
	modprobe("aesni_intel");
#endif
	if (have_tls())
		return;
	modprobe("tls");
	if (!have_tls())
		log_info(
			"the kernel module \"tls\" could not be loaded: no carrier can be made without it");
}

void harden_drop_privileges(void)
{
	const unsigned int keep = 1u << CAP_NET_ADMIN | 1u << CAP_NET_BIND_SERVICE |
				  1u << CAP_DAC_READ_SEARCH;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	int cap;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		log_debug("PR_SET_NO_NEW_PRIVS: %s", strerror(errno));
	/* the kernel says EINVAL beyond its last capability */
	for (cap = 0; cap <= 63; cap++)
		if (cap > 31 || !(keep & 1u << cap))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (syscall(SYS_capget, &header, data)) {
		log_debug("capget: %s", strerror(errno));
		return;
	}
	data[0].permitted &= keep;
	data[0].effective = data[0].permitted;
	data[0].inheritable = 0;
	memset(&data[1], 0, sizeof(data[1]));
	if (syscall(SYS_capset, &header, data))
		log_info("capset: %s: all capabilities are kept", strerror(errno));
}
