// SPDX-License-Identifier: GPL-2.0
/*
 * Registrations with epoll. They are for a file, not for its number: when connect()
 * puts another socket behind the number, they would go with the first. Some programs
 * register before they connect (nginx, Boost.Asio).
 *
 * The kernel knows them exactly, in /proc/self/fdinfo. That is read only for
 * descriptors that were added to some epoll instance.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "preload.h"

/* A bit for each number that was added; those above are always looked for. */
#define FDS (1 << 20)
static _Atomic uint64_t added[FDS / 64];

EXPORT int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	if (op == EPOLL_CTL_ADD && fd >= 0 && fd < FDS)
		atomic_fetch_or_explicit(&added[fd / 64], 1ULL << fd % 64, memory_order_relaxed);
	return real(epoll_ctl)(epfd, op, fd, event);
}

static bool was_added(int fd)
{
	uint64_t bit = 1ULL << fd % 64;

	return fd >= FDS || (atomic_fetch_and(&added[fd / 64], ~bit) & bit);
}

/* "tfd:        5 events:       19 data:                5  pos:0 ino:8 sdev:9" */
static bool find_line(const char *text, int fd, ino_t ino, uint32_t *events, uint64_t *data)
{
	unsigned long long line_data;
	unsigned long line_ino;
	unsigned int line_events;
	int line_fd;

	if (sscanf(text, "tfd: %d events: %x data: %llx pos:%*i ino:%lx", &line_fd, &line_events,
		   &line_data, &line_ino) != 4 ||
	    line_fd != fd || line_ino != ino)
		return false;
	*events = line_events;
	*data = line_data;
	return true;
}

/* Does this epoll instance have it? */
static bool find_watch(int epfd, int fd, ino_t ino, uint32_t *events, uint64_t *data)
{
	char path[64], buf[4096];
	size_t have = 0;
	bool found = false;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epfd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return false;
	while (!found) {
		ssize_t n = read(info, buf + have, sizeof(buf) - 1 - have);
		char *line = buf, *end;

		if (n <= 0)
			break;
		have += n;
		buf[have] = '\0';
		for (; !found && (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			found = find_line(line, fd, ino, events, data);
		}
		have -= line - buf;
		memmove(buf, line, have);
	}
	close(info);
	return found;
}

static bool is_epoll(int fd)
{
	static const char wanted[] = "anon_inode:[eventpoll]";
	char path[64], link[sizeof(wanted)];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link));
	return n == (ssize_t)sizeof(wanted) - 1 && !memcmp(link, wanted, n);
}

static int take(int fd, int epfd, ino_t ino, struct watches *w)
{
	uint32_t events;
	uint64_t data;

	if (!is_epoll(epfd) || !find_watch(epfd, fd, ino, &events, &data))
		return 0;
	if (w->count == WATCHES_MAX) {
		errno = ENOBUFS;
		return -1;
	}
	/* The file may live on under another number, and would be reported for ever. */
	real(epoll_ctl)(epfd, EPOLL_CTL_DEL, fd, &(struct epoll_event){ 0 });
	w->at[w->count].epfd = epfd;
	w->at[w->count].events = events;
	w->at[w->count].data = data;
	w->count++;
	return 0;
}

struct dirent_head {
	uint64_t d_ino;
	int64_t d_off;
	uint16_t d_reclen;
	uint8_t d_type;
	char d_name[];
};

int watches_take(int fd, struct watches *w)
{
	_Alignas(struct dirent_head) char buf[4096];
	struct stat st;
	int dir, ret = 0;
	long n, at;

	w->count = 0;
	if (!was_added(fd))
		return 0;
	dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(fd, &st)) {
		if (dir >= 0)
			close(dir);
		/* It would hang: better say that it does not work. */
		errno = ENOBUFS;
		return -1;
	}
	/* readdir() would allocate. */
	while (!ret && (n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0)
		for (at = 0; !ret && at < n;) {
			struct dirent_head *entry = (void *)(buf + at);

			if (entry->d_name[0] != '.')
				ret = take(fd, atoi(entry->d_name), st.st_ino, w);
			at += entry->d_reclen;
		}
	close(dir);
	if (ret)
		watches_give(fd, w);
	return ret;
}

void watches_give(int fd, const struct watches *w)
{
	int i, err = errno;

	for (i = 0; i < w->count; i++) {
		struct epoll_event event = { .events = w->at[i].events };

		event.data.u64 = w->at[i].data;
		epoll_ctl(w->at[i].epfd, EPOLL_CTL_ADD, fd, &event);
	}
	errno = err;
}
