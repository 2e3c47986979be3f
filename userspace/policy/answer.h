/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a client hears that is led nowhere, in its own protocol. It says what a client
 * can do about it, and nothing of what is behind the listener. Pure.
 */
#ifndef POLICY_ANSWER_H
#define POLICY_ANSWER_H

#include "request.h"

enum answer {
	ANSWER_NO_ROUTE,    /* 404; TLS: unrecognized_name */
	ANSWER_BAD,	    /* 400; TLS: decode_error */
	ANSWER_LATE,	    /* 408: the request did not come in time */
	ANSWER_UNAVAILABLE, /* 503: it leads somewhere, but not now */
	ANSWER_REFUSED,	    /* 502: what it leads to did not take it */
};

/** ANSWER_MAX - longest answer, bytes */
#define ANSWER_MAX 256

/**
 * answer_write - the answer to a connection of which @bytes have been read
 * @r: what request_parse() has found, even if it is not all
 * Return: bytes in @out; 0: nothing is said, as to a protocol that is not known.
 */
size_t answer_write(uint8_t out[ANSWER_MAX], enum answer a, const struct request *r,
		    const uint8_t *bytes, size_t len);

#endif /* POLICY_ANSWER_H */
