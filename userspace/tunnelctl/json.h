/* SPDX-License-Identifier: GPL-2.0 */
/*
 * JSON emitter (RFC 8259) to stdout. Commas and escaping are its business, the
 * caller's is to close what it opened. Output is ASCII whatever goes in.
 */
#ifndef TUNNELCTL_JSON_H
#define TUNNELCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>

struct json {
	bool comma; /* something precedes in this array or object */
};

/* @key is NULL inside an array and at the top. */
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
void json_string(struct json *j, const char *key, const char *value);
void json_u64(struct json *j, const char *key, uint64_t value);
void json_bool(struct json *j, const char *key, bool value);
/** json_seconds - a point in time as a number, to the microsecond */
void json_seconds(struct json *j, const char *key, uint64_t sec, uint32_t usec);
/** json_end - newline after a whole document */
void json_end(struct json *j);

#endif
