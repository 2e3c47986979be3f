// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <string.h>
#include "conn_limits.h"

#define MILLI 1000

void bucket_fill(struct bucket *b, unsigned int burst, uint64_t now_ms)
{
	b->level = (uint64_t)burst * MILLI;
	b->at_ms = now_ms;
}

bool bucket_take(struct bucket *b, unsigned int rate, unsigned int burst, uint64_t now_ms)
{
	uint64_t full = (uint64_t)burst * MILLI;
	uint64_t passed = now_ms > b->at_ms ? now_ms - b->at_ms : 0;

	/* rate tokens/s = rate thousandths/ms; a long pause must not overflow */
	if (rate && passed >= full / rate + 1)
		b->level = full;
	else
		b->level += passed * rate;
	if (b->level > full)
		b->level = full;
	b->at_ms = now_ms;
	if (b->level < MILLI)
		return false;
	b->level -= MILLI;
	return true;
}

void limits_init(struct limits *l, const struct limits_config *config, uint32_t seed)
{
	memset(l, 0, sizeof(*l));
	l->config = *config;
	l->seed = seed;
}

static void key_of(const struct sockaddr *peer, uint8_t key[LIMITS_KEY_LEN])
{
	memset(key, 0, LIMITS_KEY_LEN);
	if (peer->sa_family == AF_INET6) {
		const struct in6_addr *a = &((const struct sockaddr_in6 *)peer)->sin6_addr;

		if (IN6_IS_ADDR_V4MAPPED(a)) {
			key[0] = 4;
			memcpy(key + 1, a->s6_addr + 12, 4);
		} else {
			key[0] = 6;
			memcpy(key + 1, a->s6_addr, 8);
		}
	} else {
		key[0] = 4;
		memcpy(key + 1, &((const struct sockaddr_in *)peer)->sin_addr, 4);
	}
}

/* FNV-1a with a seed: a collision costs an attacker's own row, see slot_for(). */
static unsigned int hash(const struct limits *l, const uint8_t key[LIMITS_KEY_LEN])
{
	uint32_t h = 2166136261u ^ l->seed;
	int i;

	for (i = 0; i < LIMITS_KEY_LEN; i++)
		h = (h ^ key[i]) * 16777619u;
	h ^= h >> 15;
	return h % LIMITS_SOURCES;
}

static const struct limits_source *find(const struct limits *l, const uint8_t key[LIMITS_KEY_LEN])
{
	unsigned int h = hash(l, key), i;

	for (i = 0; i < LIMITS_PROBE; i++) {
		const struct limits_source *s = &l->source[(h + i) % LIMITS_SOURCES];

		if (s->used && !memcmp(s->key, key, LIMITS_KEY_LEN))
			return s;
	}
	return NULL;
}

/* Is @a rather given away than @b? Strangers first, then who was away longest. */
static bool rather(const struct limits_source *a, const struct limits_source *b)
{
	if (a->good != b->good)
		return b->good;
	return a->bucket.at_ms < b->bucket.at_ms;
}

/*
 * The row of @key, else a free one, else the longest idle one of the probe
 * sequence. A row with handshakes in flight is never given away, so counts stay
 * true. NULL when all are busy.
 */
static struct limits_source *slot_for(struct limits *l, const uint8_t key[LIMITS_KEY_LEN],
				      uint64_t now_ms)
{
	struct limits_source *s = (struct limits_source *)find(l, key), *victim = NULL;
	unsigned int h = hash(l, key), i;

	if (s)
		return s;
	for (i = 0; i < LIMITS_PROBE; i++) {
		s = &l->source[(h + i) % LIMITS_SOURCES];
		if (!s->used) {
			victim = s;
			break;
		}
		if (!s->count && (!victim || rather(s, victim)))
			victim = s;
	}
	if (!victim)
		return NULL;
	memcpy(victim->key, key, LIMITS_KEY_LEN);
	victim->used = true;
	victim->good = false;
	victim->count = 0;
	bucket_fill(&victim->bucket, l->config.burst, now_ms);
	return victim;
}

/* One bucket for all strangers: what they cost us together has a limit too. */
static bool all_take(struct limits *l, uint64_t now_ms)
{
	if (!l->config.all_rate)
		return true;
	if (!l->all_begun)
		bucket_fill(&l->all, l->config.all_burst, now_ms);
	l->all_begun = true;
	return bucket_take(&l->all, l->config.all_rate, l->config.all_burst, now_ms);
}

enum limits_verdict limits_enter(struct limits *l, const struct sockaddr *peer, uint64_t now_ms)
{
	uint8_t key[LIMITS_KEY_LEN];
	struct limits_source *s;

	key_of(peer, key);
	s = slot_for(l, key, now_ms);
	if (!s)
		return LIMITS_TOTAL;
	if (s->count >= l->config.max_address)
		return LIMITS_ADDRESS;
	if (l->total >= l->config.max)
		return LIMITS_TOTAL;
	if (!bucket_take(&s->bucket, l->config.rate, l->config.burst, now_ms))
		return LIMITS_RATE;
	if (!s->good && !all_take(l, now_ms))
		return LIMITS_ALL_RATE;
	s->count++;
	l->total++;
	return LIMITS_OK;
}

void limits_leave(struct limits *l, const struct sockaddr *peer)
{
	uint8_t key[LIMITS_KEY_LEN];
	struct limits_source *s;

	key_of(peer, key);
	s = (struct limits_source *)find(l, key);
	if (!s || !s->count)
		return;
	s->count--;
	l->total--;
}

void limits_good(struct limits *l, const struct sockaddr *peer)
{
	uint8_t key[LIMITS_KEY_LEN];
	struct limits_source *s;

	key_of(peer, key);
	s = (struct limits_source *)find(l, key);
	if (s)
		s->good = true;
}

unsigned int limits_count(const struct limits *l, const struct sockaddr *peer)
{
	uint8_t key[LIMITS_KEY_LEN];
	const struct limits_source *s;

	key_of(peer, key);
	s = find(l, key);
	return s ? s->count : 0;
}
