// SPDX-License-Identifier: GPL-2.0
#include <mbedtls/ssl.h>
#include "alert.h"

const char *alert_name(int alert)
{
	switch (alert) {
	case MBEDTLS_SSL_ALERT_MSG_CLOSE_NOTIFY:
		return "close notify";
	case MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE:
		return "unexpected message";
	case MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC:
		return "bad record mac";
	case MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE:
		return "handshake failure (no cipher in common?)";
	case MBEDTLS_SSL_ALERT_MSG_BAD_CERT:
		return "bad certificate";
	case MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN:
		return "certificate unknown";
	case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA:
		return "unknown CA (the peer does not know our key)";
	case MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED:
		return "access denied";
	case MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR:
		return "decode error";
	case MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR:
		return "decrypt error";
	case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_PSK_IDENTITY:
		return "unknown PSK identity";
	case MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION:
		return "protocol version";
	case MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR:
		return "internal error";
	case MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL:
		return ALERT_NO_ALPN_TEXT;
	default:
		return "other";
	}
}
