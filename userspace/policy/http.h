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
/* http_path - what stands before the query */
struct text http_path(struct text target);

#endif /* POLICY_HTTP_H */
