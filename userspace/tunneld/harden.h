/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon holds private keys and parses what strangers send. What can be
 * taken from it without taking its work is taken. All steps are best effort:
 * a daemon in a container may not be allowed to restrict itself.
 */
#ifndef TUNNELD_HARDEN_H
#define TUNNELD_HARDEN_H

/** harden_memory - no core dumps, no ptrace, no swap, umask 077. Before any key is read. */
void harden_memory(void);

/** harden_raise_files - as many descriptors as we may have, up to 65536 */
void harden_raise_files(void);

/**
 * harden_load_modules - modprobe tls, and the AES instructions of the CPU
 *
 * The kernel would load "tls" by itself only for CAP_NET_ADMIN, and never
 * aesni_intel, without which a carrier is five times slower.
 */
void harden_load_modules(void);

/**
 * harden_drop_privileges - no new privileges by exec, and no capability but
 * CAP_NET_ADMIN (netlink), CAP_NET_BIND_SERVICE (ports below 1024) and
 * CAP_DAC_READ_SEARCH (keys)
 */
void harden_drop_privileges(void);

#endif /* TUNNELD_HARDEN_H */
