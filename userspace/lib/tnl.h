/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tunnelctl and tunneld share: a generic-netlink client for the "tunnel"
 * family, text forms of addresses and pins, names of enums, identity keys.
 */
#ifndef TNL_H
#define TNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <netlink/netlink.h>
#include <netlink/genl/genl.h>
#include <linux/tunnel_netlink.h>

/* --- nl.c: netlink client ------------------------------------------------ */

/** A connection to the kernel module. @error holds the last failure's sentence. */
struct tnl_conn {
	struct nl_sock *sk;
	int family;
	char error[512];
};

/**
 * tnl_open - connect and resolve the family
 * Return: 0, or -errno with c->error set ("the tunnel module is not loaded
 * (modprobe tunnel)" for ENOENT). Extended ACKs are switched on.
 */
int tnl_open(struct tnl_conn *c);
void tnl_close(struct tnl_conn *c);

/** tnl_msg - new request; add attributes with nla_put_*(), then give it to tnl_talk(). */
struct nl_msg *tnl_msg(struct tnl_conn *c, uint8_t cmd, int nl_flags);

/** Called with the parsed attributes of each answer; nonzero stops the walk. */
typedef int (*tnl_cb)(uint8_t cmd, struct nlattr **attr, void *arg);

/**
 * tnl_talk - send @msg (consumed), hand every answer to @cb, wait for the ACK
 * or end of dump.
 * Return: 0, -errno as the kernel gave it with c->error holding the kernel's
 * extended-ACK sentence (strerror text when it sent none), -EINTR when a dump
 * was inconsistent (NLM_F_DUMP_INTR) and must be repeated.
 */
int tnl_talk(struct tnl_conn *c, struct nl_msg *msg, tnl_cb cb, void *arg);

/** tnl_join - join multicast group @name. Return: 0 or -errno, c->error set. */
int tnl_join(struct tnl_conn *c, const char *name);

/**
 * tnl_receive - read the notifications that are queued on the non-blocking
 * socket and hand each to @cb. Return: 0, or -ENOBUFS when some were lost (dump again),
 * or another -errno.
 */
int tnl_receive(struct tnl_conn *c, tnl_cb cb, void *arg);

/**
 * tnl_pins - the keys that the peer of a tunnel may have
 * @attr: of the tunnel
 * @pins: the first of them, one behind the other; borrowed
 * Return: how many, 0 to TUNNEL_PINS_MAX.
 */
size_t tnl_pins(struct nlattr *const *attr, const uint8_t **pins);

/* --- text.c: text forms -------------------------------------------------- */

/**
 * tnl_parse_addr - "1.2.3.4:80", "[2001:db8::1]:80", ":80" (any IPv6/IPv4 address: "[::]:80"),
 * numeric only. Return: length of the sockaddr, or -EINVAL with a sentence in @err.
 */
int tnl_parse_addr(const char *text, struct sockaddr_storage *ss, char *err, size_t errlen);

/** tnl_addr_len - bytes of an IPv4, IPv6 or unix address, as connect() wants them */
socklen_t tnl_addr_len(const struct sockaddr_storage *ss);

#define TNL_ADDRSTRLEN 128
/** tnl_format_addr - "1.2.3.4:80", "[2001:db8::1]:80" or "unix:/path"; printable. Return: @buf. */
char *tnl_format_addr(const void *sa, size_t len, char buf[TNL_ADDRSTRLEN]);

/** tnl_parse_pin - 64 hex digits. Return: 0 or -EINVAL. */
int tnl_parse_pin(const char *hex, uint8_t pin[TUNNEL_PIN_LEN]);
void tnl_format_pin(const uint8_t pin[TUNNEL_PIN_LEN], char hex[2 * TUNNEL_PIN_LEN + 1]);

/** tnl_check_name - 1..63 of [a-z0-9._-]. Return: NULL when fine, else a sentence. */
const char *tnl_check_name(const char *name);

/** tnl_escape - copy untrusted text with control characters as \xHH. Return: @out. */
char *tnl_escape(const char *in, char *out, size_t outlen);

const char *tnl_role_name(uint8_t role);
const char *tnl_direct_name(uint8_t direct);
const char *tnl_state_name(uint8_t state); /* enum tunnel_state */
const char *tnl_listener_state_name(uint8_t state);
const char *tnl_session_state_name(uint8_t state);
const char *tnl_blocked_name(uint8_t blocked);
const char *tnl_endpoint_name(uint8_t endpoint);    /* "stream" */
const char *tnl_reason_name(uint8_t reason);	    /* short: "refused" */
const char *tnl_reason_text(uint8_t reason);	    /* a sentence */
const char *tnl_cipher_name(uint16_t tls_cipher);   /* "AES-128-GCM" */
const char *tnl_tls_version_name(uint16_t version); /* "TLS 1.2" */

/* --- key.c: identity keys (mbedTLS) -------------------------------------- */

/**
 * tnl_key_generate - write a new P-256 private key (PEM) to @path, mode 0600,
 * never over an existing file. Return: 0 or -errno with a sentence in @err.
 */
int tnl_key_generate(const char *path, uint8_t pin[TUNNEL_PIN_LEN], char *err, size_t errlen);

/**
 * tnl_key_pin - pin (SHA-256 of the DER SubjectPublicKeyInfo) of the private
 * key at @path. A file that group or others may read is refused (-EPERM).
 */
int tnl_key_pin(const char *path, uint8_t pin[TUNNEL_PIN_LEN], char *err, size_t errlen);

/**
 * tnl_secret_read - all of a file that only root, or who we are, may read
 * Return: bytes, with a zero behind them; or -errno with a sentence in @err (-EPERM: group or
 * others may use it, or it is somebody else's; -EINVAL: no regular file, or too long).
 */
int tnl_secret_read(const char *path, unsigned char *buf, size_t size, char *err, size_t errlen);

/* --- cert.c: certificates in files ------------------------------------------ */

/** tnl_cert_check - can all certificates in the file be read? 0, or -EINVAL with a sentence. */
int tnl_cert_check(const char *path, char *err, size_t errlen);

/** tnl_cert_pin - pin of the key of the first certificate in the file. Return: as above. */
int tnl_cert_pin(const char *path, uint8_t pin[TUNNEL_PIN_LEN], char *err, size_t errlen);

/* --- psk.c: keys that both sides have --------------------------------------- */

#define TNL_PSK_RAW_MIN 32
#define TNL_PSK_RAW_MAX 64
#define TNL_PSK_LEN	32

/** struct tnl_psk - @key is secret; @id, the fingerprint, is not */
struct tnl_psk {
	uint8_t key[TNL_PSK_LEN];
	uint8_t id[TUNNEL_PIN_LEN];
};

/**
 * tnl_psk_read - the key in the file @path: 32 to 64 bytes in hex, or else base64
 * Return: 0; or -errno with a sentence in @err, as tnl_secret_read() (-EINVAL: it is none, too).
 */
int tnl_psk_read(const char *path, struct tnl_psk *psk, char *err, size_t errlen);

/** tnl_psk_decode - what a file says. Return: bytes, or -EINVAL. */
int tnl_psk_decode(const char *text, size_t len, uint8_t out[TNL_PSK_RAW_MAX]);

/** tnl_psk_derive - what becomes of it. Return: 0 or -EINVAL. */
int tnl_psk_derive(const uint8_t *raw, size_t len, struct tnl_psk *psk);

#endif /* TNL_H */
