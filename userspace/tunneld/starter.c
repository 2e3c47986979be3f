// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "jail.h"
#include "log.h"
#include "passfd.h"
#include "starter.h"

/* Of a worker: a handshake each, and what is on its way. */
#define FILES 16384

/* --- the starter ---------------------------------------------------------- */

static pid_t worker;

static void on_child(int number)
{
	(void)number;
}

static void say_ended(int status)
{
	if (WIFSIGNALED(status))
		log_info("the handshake worker was ended by signal %d (%s%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)),
			 WTERMSIG(status) == SIGSYS ? ": a system call that it may not make" : "");
	else if (WEXITSTATUS(status))
		log_info("the handshake worker ended with status %d", WEXITSTATUS(status));
}

static void look_after_it(void)
{
	int status;

	if (!worker || waitpid(worker, &status, WNOHANG) <= 0)
		return;
	worker = 0;
	say_ended(status);
}

/* Which is no news to who wants it. */
static void end_worker(void)
{
	look_after_it();
	if (!worker)
		return;
	kill(worker, SIGKILL);
	while (waitpid(worker, NULL, 0) < 0 && errno == EINTR)
		;
	worker = 0;
}

__attribute__((noreturn)) static void become_worker(int socket)
{
	static char *const argv[] = { "tunneld-tls", STARTER_WORKER, NULL }, *const env[] = { NULL };
	struct rlimit files;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* it goes with us, however that comes about */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || dup2(socket, STARTER_FD) < 0)
		_exit(126);
	close_range(STARTER_FD + 1, ~0U, 0);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_max = files.rlim_max < FILES ? files.rlim_max : FILES;
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/* once more from the beginning: other addresses, and nothing of what we have in memory */
	execve("/proc/self/exe", argv, env);
	_exit(127);
}

static void start_worker(int socket)
{
	end_worker();
	worker = fork();
	if (!worker)
		become_worker(socket);
	if (worker < 0) {
		log_info("the handshake worker cannot be started: %s", strerror(errno));
		worker = 0;
	}
}

/* Return: false when the daemon has gone. */
static bool serve(int fd)
{
	int socket = -1;
	char byte;
	ssize_t n = passfd_receive(fd, &byte, 1, &socket);

	if (n > 0 && socket >= 0)
		start_worker(socket);
	else if (n > 0)
		end_worker();
	if (socket >= 0)
		close(socket);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

__attribute__((noreturn)) static void run(int fd)
{
	struct sigaction wakes = { .sa_handler = on_child };
	struct pollfd on = { .fd = STARTER_FD, .events = POLLIN };
	sigset_t child, before;
	char why[256];
	int null;

	prctl(PR_SET_NAME, "tunneld-starter", 0, 0, 0);
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(fd, STARTER_FD) < 0)
		_exit(1);
	close_range(STARTER_FD + 1, ~0U, 0);
	/* a signal for all of us is the daemon's: it lets go of us when it is through */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (jail_drop(why, sizeof(why))) {
		log_info("the handshake worker: %s", why);
		_exit(1);
	}
	if (*why)
		log_info("the handshake worker: %s", why);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	sigdelset(&before, SIGCHLD);
	sigaction(SIGCHLD, &wakes, NULL);
	do {
		look_after_it();
	} while (ppoll(&on, 1, NULL, &before) < 0 || serve(STARTER_FD));
	end_worker();
	_exit(0);
}

/* --- the daemon ----------------------------------------------------------- */

int starter_begin(pid_t *pid, char *err, size_t errlen)
{
	int sv[2], ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv)) {
		ret = -errno;
		snprintf(err, errlen, "the handshake worker: socketpair: %s", strerror(-ret));
		return ret;
	}
	*pid = fork();
	if (!*pid)
		run(sv[1]);
	ret = *pid < 0 ? -errno : 0;
	close(sv[1]);
	if (!ret)
		return sv[0];
	snprintf(err, errlen, "the handshake worker: fork: %s", strerror(-ret));
	close(sv[0]);
	return ret;
}

int starter_ask(int fd, int socket)
{
	return passfd_send(fd, "w", 1, socket) == 1 ? 0 : -errno;
}

int starter_end(int fd)
{
	return passfd_send(fd, "e", 1, -1) == 1 ? 0 : -errno;
}
