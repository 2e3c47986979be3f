#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 100
# short: 6.12-debug
#
# tests/net/asked.sh, where a debug kernel looks on.
# shellcheck source=tests/net/asked.sh
. "$TUNNEL_SRC/tests/net/asked.sh"
