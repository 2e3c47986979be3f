/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many handshakes strangers may cause: in number, per source address, and
 * per second. A handshake costs milliseconds of CPU and 47 KB, so it is
 * limited before a byte of TLS is parsed. Pure: time is an argument.
 */
#ifndef TUNNELD_CONN_LIMITS_H
#define TUNNELD_CONN_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/** struct bucket - token bucket in thousandths of a token */
struct bucket {
	uint64_t level;
	uint64_t at_ms;
};

/** bucket_fill - a full bucket of @burst tokens at @now_ms */
void bucket_fill(struct bucket *b, unsigned int burst, uint64_t now_ms);

/** bucket_take - refill at @rate tokens/s up to @burst, then take one. Return: false if empty. */
bool bucket_take(struct bucket *b, unsigned int rate, unsigned int burst, uint64_t now_ms);

struct limits_config {
	unsigned int max;	  /* handshakes in flight */
	unsigned int max_address; /* of them from one source */
	unsigned int rate;	  /* new ones per second and source */
	unsigned int burst;
	unsigned int all_rate; /* of all sources that were not good before; 0: any */
	unsigned int all_burst;
};

enum limits_verdict {
	LIMITS_OK,
	LIMITS_TOTAL,	 /* max reached */
	LIMITS_ADDRESS,	 /* max_address reached */
	LIMITS_RATE,	 /* token bucket of the source is empty */
	LIMITS_ALL_RATE, /* token bucket of all unknown sources is empty */
};

/* One source: an IPv4 address or an IPv6 /64, which is what one host can choose from. */
#define LIMITS_KEY_LEN 9
#define LIMITS_SOURCES 1024
#define LIMITS_PROBE   8

struct limits_source {
	uint8_t key[LIMITS_KEY_LEN];
	bool used;
	bool good; /* a peer came from here */
	unsigned int count;
	struct bucket bucket;
};

/** struct limits - all counters; fixed size, so that many sources cannot cost memory */
struct limits {
	struct limits_config config;
	unsigned int total;
	uint32_t seed;
	struct bucket all;
	bool all_begun;
	struct limits_source source[LIMITS_SOURCES];
};

/** limits_init - @seed makes the hash of sources unpredictable to them */
void limits_init(struct limits *l, const struct limits_config *config, uint32_t seed);

/**
 * limits_enter - count a handshake from @peer in, if allowed
 * Return: LIMITS_OK, and limits_leave() is owed; or the limit that was hit.
 */
enum limits_verdict limits_enter(struct limits *l, const struct sockaddr *peer, uint64_t now_ms);

/** limits_leave - count a handshake that limits_enter() let in out */
void limits_leave(struct limits *l, const struct sockaddr *peer);

/**
 * limits_good - a handshake from @peer has succeeded
 * Its source is no stranger any more: what strangers do all together does not
 * keep it out, and its row is the last to be given away.
 */
void limits_good(struct limits *l, const struct sockaddr *peer);

/** limits_count - handshakes in flight from the source of @peer */
unsigned int limits_count(const struct limits *l, const struct sockaddr *peer);

#endif /* TUNNELD_CONN_LIMITS_H */
