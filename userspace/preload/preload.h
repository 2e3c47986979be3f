/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The preload library of `tunnelctl run`: TCP connections of a program that knows
 * nothing of it go over AF_TUNNEL.
 *
 *   map.c      text and numbers           route.c    where an address or name leads
 *   connect.c  connect(), MSG_FASTOPEN    epoll.c    what epoll knew of a replaced socket
 *   peers.c    addresses that connections were made to
 *   resolve.c  names                      options.c  what the program then asks for
 *
 * Whatever may run in a signal handler or after fork() in a program with threads, so
 * all but names, takes no lock and allocates nothing.
 */
#ifndef TUNNEL_PRELOAD_H
#define TUNNEL_PRELOAD_H

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "map.h"

#define EXPORT __attribute__((visibility("default")))

/* real(f): the function that ours stands before. If there is none, nothing works. */
#define real(function)                                                                             \
	({                                                                                         \
		static _Atomic(__typeof__(&function)) cached;                                      \
		__typeof__(&function) found = atomic_load_explicit(&cached, memory_order_relaxed); \
		if (!found) {                                                                      \
			found = (__typeof__(&function))dlsym(RTLD_NEXT, #function);                \
			atomic_store_explicit(&cached, found, memory_order_relaxed);               \
		}                                                                                  \
		found;                                                                             \
	})

/* --- route.c --------------------------------------------------------------- */

/**
 * route_address - where does a connection to @sa go?
 * Return: 0, to where it says; 1, to @to; or -errno, nowhere. A negative result and
 * @made: the address was made up here.
 */
int route_address(const struct sockaddr *sa, socklen_t len, struct map_target *to, bool *made);

/**
 * route_name - does the name lead to a service?
 * Return: 0, no; the number of the address that was made up for it; or -1, there is no
 * such name, and no name server shall be asked.
 */
int route_name(const char *name);

/* --- peers.c --------------------------------------------------------------- */

/**
 * struct peer - what a program is told of its connection
 * @remote, @local: the address that it connected to, and one for its own end
 */
struct peer {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} remote, local;
};

/* Length of one of them. */
static inline socklen_t peer_len(const struct sockaddr *sa)
{
	return sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/** peer_set - remember it for the socket; says nothing if it cannot */
void peer_set(int fd, const struct peer *peer);

/** peer_get - Return: true, @fd is one of our sockets. @peer may be NULL. */
bool peer_get(int fd, struct peer *peer);

/* --- epoll.c --------------------------------------------------------------- */

#define WATCHES_MAX 16

/** struct watches - epoll instances that a file descriptor is registered with */
struct watches {
	int count;
	struct {
		int epfd;
		uint32_t events;
		uint64_t data;
	} at[WATCHES_MAX];
};

/** watches_take - find them, and take @fd out of them. Return: 0, or -1 and errno. */
int watches_take(int fd, struct watches *w);
/** watches_give - register @fd again, whatever it is now */
void watches_give(int fd, const struct watches *w);

#endif
