/* SPDX-License-Identifier: GPL-2.0 */
/* What HTTP/1 and HTTP/2 have in common: RFC 9110. */
#ifndef POLICY_HTTP_H
#define POLICY_HTTP_H

#include "request.h"

/* http_is_token - tchar, RFC 9110, 5.6.2 */
bool http_is_token(uint8_t c);
/* http_is_value - of a field, RFC 9110, 5.5: visible, blank, or beyond ASCII */
bool http_is_value(uint8_t c);

/* http_count - how many fields are called @name, in lower case? */
unsigned int http_count(const struct request *r, const char *name);
/* http_header - the value of the first one, or { NULL } */
struct text http_header(const struct request *r, const char *name);
/* http_has_word - is @word in the comma-separated lists called @name? */
bool http_has_word(const struct request *r, const char *name, const char *word);
/**
 * http_path - r->path becomes what stands before the query of a target
 *
 * Return: false for what is no path ("/..."; "*" for OPTIONS), or one with a segment "."
 * or ".." in it, percent-encoded or not: who resolves it comes to another.
 */
bool http_path(struct request *r, struct text target);

/* text_equals - the same bytes */
bool text_equals(struct text t, const char *word);

#endif /* POLICY_HTTP_H */
