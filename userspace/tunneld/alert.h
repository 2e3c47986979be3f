/* SPDX-License-Identifier: GPL-2.0 */
/* TLS alerts in words. */
#ifndef TUNNELD_ALERT_H
#define TUNNELD_ALERT_H

#define ALERT_NO_ALPN_TEXT "no tunnel/1 ALPN (another protocol version?)"

/** alert_name - AlertDescription @alert (RFC 8446, 6) for a log; "other" if it has no name here */
const char *alert_name(int alert);

#endif /* TUNNELD_ALERT_H */
