#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -t 2400
#
# tests/net/socket.sh where mistakes show: memory, locks, leaks.
SECONDS_OF_GARBAGE=60 exec "$TUNNEL_SRC/tests/net/socket.sh"
