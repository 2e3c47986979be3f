// SPDX-License-Identifier: GPL-2.0
/*
 * Where addresses and names lead, by the map of the environment.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "preload.h"

static struct map_entry map[MAP_MAX];
static size_t entries;
/* The map is not what tunnelctl wrote: nothing may be connected by a guess. */
static bool broken;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/*
 * Names below MAP_DOMAIN, as they come. Only ever added to: who reads takes no lock.
 * Numbers up to MAP_MAX are those of the map, so that they mean the same in programs
 * that one starts with the other's arguments.
 */
#define NAMES_MAX 4096
static struct map_target names[NAMES_MAX];
static atomic_uint n_names;
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;

_Static_assert(MAP_MAX + NAMES_MAX <= MAP_NUMBER_MAX, "more names than numbers");

static void lock_names(void)
{
	pthread_mutex_lock(&names_lock);
}

static void unlock_names(void)
{
	pthread_mutex_unlock(&names_lock);
}

static void say(const char *text)
{
	/* A program may use its stdio as it likes, or have closed stderr. */
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

static void load(void)
{
	const char *text = getenv(MAP_VARIABLE);

	pthread_atfork(lock_names, unlock_names, unlock_names);
	while (text && *text) {
		size_t len = strcspn(text, ",");

		if (entries == MAP_MAX || map_parse(text, len, &map[entries])) {
			say("tunnelctl run: an entry of " MAP_VARIABLE
			    " is malformed, so every TCP connection is refused: start the program by 'tunnelctl run' again\n");
			broken = true;
			return;
		}
		entries++;
		text += len + (text[len] == ',');
	}
}

static void __attribute__((constructor)) ready(void)
{
	pthread_once(&once, load);
}

static const struct map_target *find_host(const char *host, uint16_t port)
{
	size_t i;

	for (i = 0; i < entries; i++)
		if (map[i].port == port && !strcmp(map[i].host, host))
			return &map[i].to;
	return NULL;
}

static const struct map_target *find_addr(const struct in6_addr *addr, uint16_t port)
{
	size_t i;

	for (i = 0; i < entries; i++)
		if (map[i].port == port && !map[i].host[0] &&
		    !memcmp(&map[i].addr, addr, sizeof(*addr)))
			return &map[i].to;
	return NULL;
}

int route_address(const struct sockaddr *sa, socklen_t len, struct map_target *to, bool *made)
{
	const struct map_target *target;
	struct in6_addr addr;
	uint16_t port;
	int number;

	*made = false;
	if (map_address(sa, len, &addr, &port))
		return 0;
	ready();
	if (broken)
		return -EINVAL;
	number = map_number(&addr);
	*made = number >= 0;
	if (number < 0) {
		target = find_addr(&addr, port);
		if (!target)
			return 0;
	} else if (number > MAP_MAX) {
		if (number - MAP_MAX > (int)atomic_load(&n_names))
			return -ENETUNREACH;
		target = &names[number - MAP_MAX - 1];
	} else {
		/* A mapped name has no address that its other ports could be at. */
		if (number == 0 || number > (int)entries || !map[number - 1].host[0])
			return -ENETUNREACH;
		target = find_host(map[number - 1].host, port);
		if (!target)
			return -ECONNREFUSED;
	}
	*to = *target;
	return 1;
}

static int number_of(const struct map_target *to)
{
	unsigned int i, n;
	int number = -1;

	lock_names();
	n = atomic_load(&n_names);
	for (i = 0; i < n && memcmp(&names[i], to, sizeof(*to)); i++)
		;
	if (i < NAMES_MAX) {
		names[i] = *to;
		number = MAP_MAX + 1 + i;
		if (i == n)
			atomic_store(&n_names, n + 1);
	}
	unlock_names();
	return number;
}

int route_name(const char *name)
{
	char host[MAP_HOST_MAX + 1];
	struct map_target to;
	size_t i;
	int ret;

	if (map_host(name, strnlen(name, MAP_HOST_MAX + 2), host))
		return 0;
	ready();
	for (i = 0; i < entries; i++)
		if (!strcmp(map[i].host, host))
			return i + 1;
	ret = map_domain(host, &to);
	return ret > 0 ? number_of(&to) : ret;
}
