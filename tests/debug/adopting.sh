#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 40
# short: 6.12-debug
#
# tests/net/adopt.sh, where a debug kernel looks on.
# shellcheck source=tests/net/adopt.sh
. "$TUNNEL_SRC/tests/net/adopt.sh"
