// SPDX-License-Identifier: GPL-2.0
/*
 * The handshake worker as a process of its own: what it may not do, and that it is started
 * again. This program is its own worker.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "jail.h"
#include "starter.h"
#include "worker_ends.h"

/* --- a process of its own ------------------------------------------------------------ */

/* _exit() that no sanitizer makes more of. */
static void leave(int status)
{
	syscall(SYS_exit_group, status);
}

static void call_nothing(void)
{
}

static void call_open(void)
{
	open("/dev/null", O_RDONLY);
}

static void call_socket(void)
{
	syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static void call_exec(void)
{
	char *argv[] = { "true", NULL };

	execve("/bin/true", argv, argv + 1);
}

static void call_fork(void)
{
	fork();
}

static void call_mmap_exec(void)
{
	syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void call_setsockopt(void)
{
	setsockopt(0, SOL_SOCKET, SO_MARK, "\1\0\0", 4);
}

static void call_ulp(void)
{
	setsockopt(0, IPPROTO_TCP, TCP_ULP, "tls", 4);
}

static void call_kill(void)
{
	kill(getppid(), 0);
}

static void call_shutdown(void)
{
	shutdown(0, SHUT_RDWR);
}

static void call_what_is_needed(void)
{
	long p = syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t byte;

	if (p == -1 || syscall(SYS_munmap, p, 4096))
		leave(1);
	if (setsockopt(0, 282 /* SOL_TLS */, TLS_TX, &byte, 1) != -1 ||
	    setsockopt(0, 282, TLS_RX, &byte, 1) != -1 || crypto_random(NULL, &byte, 1))
		leave(1);
	close(1);
}

/* Return: the signal that ended it, or minus its status. */
static int sealed(void (*call)(void), bool drop)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		char why[256];

		if ((drop && jail_drop(why, sizeof(why))) || jail_seal(why, sizeof(why)))
			leave(2);
		call();
		leave(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void test_jail(void **state)
{
	static void (*const forbidden[])(void) = {
		call_open,	 call_socket, call_exec, call_fork,	call_mmap_exec,
		call_setsockopt, call_ulp,    call_kill, call_shutdown,
	};
	size_t i;

	(void)state;
	assert_int_equal(sealed(call_nothing, true), 0);
	assert_int_equal(sealed(call_what_is_needed, true), 0);
	/* abort() is seen as what it is */
	assert_int_equal(sealed(abort, true), SIGABRT);
	for (i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (sealed(forbidden[i], true) != SIGSYS)
			fail_msg("call %zu is not forbidden", i);
	/* with rights still there it is no jail */
	assert_int_equal(sealed(call_nothing, false), -2);
}

/* The first process whose parent is @parent, or 0. */
static pid_t child_of(pid_t parent)
{
	char path[64], line[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	f = fopen(path, "r");
	if (f) {
		if (!fgets(line, sizeof(line), f))
			*line = 0;
		fclose(f);
	}
	return (pid_t)atoi(line);
}

static void check_status(pid_t pid, const char *wanted)
{
	char path[64], text[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	if (!strstr(text, wanted))
		fail_msg("no '%s' in: %s", wanted, text);
}

static void shake_hands(void)
{
	struct end s, c;
	int fd[2];

	pair(fd);
	assert_true(begin_carrier(&s, fd[0], true));
	assert_true(begin_carrier(&c, fd[1], false));
	run_until(&s.done);
	run_until(&c.done);
	assert_string_equal(s.why, "");
	assert_string_equal(c.why, "");
	shut(&s);
	shut(&c);
}

/* As the daemon has it: started, shut in, killed, started again, and gone with us. */
static void test_process(void **state)
{
	pid_t pid, before;
	struct end e;
	int fd[2];

	(void)state;
	installed_ret = 0;
	if (workshop_begin(&shop, err, sizeof(err)))
		fail_msg("%s", err);
	shop.sockets = &no_ktls;
	assert_int_equal(workshop_run(&shop, base, &handshake_reports, NULL, NULL), 0);
	pid = child_of(shop.starter_pid);
	check_status(pid, "Name:\ttunneld-tls\n");
	check_status(pid, "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n");
	check_status(pid, "NoNewPrivs:\t1\nSeccomp:\t2\n");
	if (!geteuid()) {
		check_status(pid, "CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\n");
		check_status(pid, "Uid:\t65534\t65534\t65534\t65534\n");
		check_status(shop.starter_pid, "Uid:\t65534\t65534\t65534\t65534\n");
	}
	shake_hands();
	shake_hands();
	assert_int_equal(child_of(shop.starter_pid), pid);

	pair(fd);
	assert_true(begin_carrier(&e, fd[0], true));
	/* whatever it was given, it has seen it */
	assert_int_equal(kill(pid, SIGKILL), 0);
	run_until(&e.done);
	assert_string_equal(e.why, "the handshake worker has ended in the middle of it");
	before = pid;
	while (!workshop_is_open(&shop))
		event_base_loop(base, EVLOOP_ONCE);
	/* it is given again what the former one had */
	shake_hands();
	pid = child_of(shop.starter_pid);
	assert_true(pid && pid != before);

	/* one that is stuck ends, too, and before there is another one */
	assert_int_equal(kill(pid, SIGSTOP), 0);
	workshop_renew(&shop, "is to go");
	while (!kill(pid, 0))
		sched_yield();
	while (!workshop_is_open(&shop))
		event_base_loop(base, EVLOOP_ONCE);
	shake_hands();
	pid = child_of(shop.starter_pid);
	workshop_stop(&shop);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(kill(shop.starter_pid, 0), -1);
	linger_flush();
	close(fd[1]);
}

/* A kernel that has no seccomp filters, as far as the worker can tell. */
static void take_seccomp_away(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(seccomp), 0) ||
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1,
			     SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0)) ||
	    seccomp_load(ctx))
		leave(3);
	seccomp_release(ctx);
}

/* There is no worker then, and nobody who does its work. */
static void test_no_seccomp(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		take_seccomp_away();
		if (!workshop_begin(&shop, err, sizeof(err)))
			leave(1);
		leave(strstr(err, "the handshake worker: no seccomp filter: ") ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jail),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_no_seccomp),
	};

	if (argc == 2 && !strcmp(argv[1], STARTER_WORKER))
		worker_main(STARTER_FD, no_install);
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
