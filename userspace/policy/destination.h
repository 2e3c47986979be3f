/* SPDX-License-Identifier: GPL-2.0 */
/* Where a peer wants to be connected to: "HOST:PORT", bytes that it chooses. Pure. */
#ifndef POLICY_DESTINATION_H
#define POLICY_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/** DESTINATION_MAX - longest text, bytes */
#define DESTINATION_MAX 261
/** DESTINATION_HOST_MAX - longest host name (RFC 1035, 2.3.4, without the dot of the root) */
#define DESTINATION_HOST_MAX 253

/** struct destination - a host by its name or its address, and a port */
struct destination {
	char host[DESTINATION_HOST_MAX + 1]; /* in lower case, no dot at the end; "": an address */
	struct sockaddr_storage addr;	     /* with the port; ss_family is 0 for a name */
	uint16_t port;			     /* of both, 1..65535 */
};

/** destination_parse - "a.example:80", "192.0.2.1:80", "[2001:db8::1]:80"
 *
 * What some resolver may take for an address is no name: "127.1", "0x7f.1". IPv4 in IPv6
 * (::ffff:0:0/96) becomes IPv4. There are no zones.
 * @d: zeroed when the text is refused
 * @text: @len bytes, of any value
 * Return: NULL, or what is wrong with it: a sentence without its subject, nothing of
 * @text in it.
 */
const char *destination_parse(struct destination *d, const char *text, size_t len);

/** destination_format - as destination_parse() takes it, in one way
 * Return: @text.
 */
char *destination_format(const struct destination *d, char text[DESTINATION_MAX + 1]);

/** destination_name - a host name alone
 * @host: gets it in lower case, without a dot at the end; never longer than @text
 * Return: NULL, or a sentence without its subject; then @host is of no use.
 */
const char *destination_name(char host[DESTINATION_HOST_MAX + 1], const char *text, size_t len);

/** destination_port - "1" to "65535", no sign, no zero before it */
bool destination_port(uint16_t *port, const char *text, size_t len);

#endif /* POLICY_DESTINATION_H */
