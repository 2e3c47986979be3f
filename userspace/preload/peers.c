// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket was connected to, by the kernel's cookie of the socket.
 *
 * Cookies are never used twice, and all descriptors of a socket have the same: so
 * nobody need follow close(), dup() and fork(). An entry goes when another socket
 * needs its place.
 */
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "preload.h"

#define SLOTS 16384
#define WORDS (sizeof(struct peer) / sizeof(uint64_t))

_Static_assert(sizeof(struct peer) % sizeof(uint64_t) == 0, "copied by words");

/* @version is odd while somebody writes; then readers find nothing. */
struct slot {
	atomic_uint version;
	_Atomic uint64_t cookie;
	_Atomic uint64_t words[WORDS];
};

static struct slot slots[SLOTS];
static atomic_bool used;

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) ? 0 : cookie;
}

void peer_set(int fd, const struct peer *peer)
{
	uint64_t cookie = cookie_of(fd), copy[WORDS];
	struct slot *slot = &slots[cookie % SLOTS];
	unsigned int version = atomic_load(&slot->version);
	size_t i;

	if (!cookie || (version & 1) ||
	    !atomic_compare_exchange_strong(&slot->version, &version, version + 1))
		return;
	memcpy(copy, peer, sizeof(copy));
	atomic_store(&slot->cookie, cookie);
	for (i = 0; i < WORDS; i++)
		atomic_store(&slot->words[i], copy[i]);
	atomic_store(&slot->version, version + 2);
	atomic_store(&used, true);
}

bool peer_get(int fd, struct peer *peer)
{
	uint64_t cookie, copy[WORDS];
	unsigned int version;
	struct slot *slot;
	size_t i;

	/* Most programs ask far more often than they connect. */
	if (!atomic_load_explicit(&used, memory_order_acquire))
		return false;
	cookie = cookie_of(fd);
	slot = &slots[cookie % SLOTS];
	version = atomic_load(&slot->version);
	if (!cookie || (version & 1) || atomic_load(&slot->cookie) != cookie)
		return false;
	for (i = 0; i < WORDS; i++)
		copy[i] = atomic_load(&slot->words[i]);
	if (atomic_load(&slot->version) != version)
		return false;
	if (peer)
		memcpy(peer, copy, sizeof(copy));
	return true;
}
