#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -s 1
# about: 150
# short: 6.12-debug
#
# tests/net/socket.sh where mistakes show: memory, locks, leaks.
SECONDS_OF_GARBAGE=$([ -n "${LONG:-}" ] && echo 600 || echo 20) exec "$TUNNEL_SRC/tests/net/socket.sh"
