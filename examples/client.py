#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""client.py TUNNEL SERVICE: standard input goes to the service, its answer to standard output.

Python's socket module does not know AF_TUNNEL. libtunnel makes the socket, and a
socket object of Python does the rest: what it is told of the family is not used.
"""
import ctypes
import os
import socket
import sys
import threading

lib = ctypes.CDLL("libtunnel.so.0", use_errno=True)


def connect(tunnel, service, kind=socket.SOCK_STREAM):
    fd = lib.tunnel_connect(tunnel.encode(), service.encode(), kind | socket.SOCK_CLOEXEC)
    if fd < 0:
        err = ctypes.get_errno()
        raise OSError(err, f"{tunnel}/{service}: {os.strerror(err)}")
    return socket.socket(socket.AF_UNIX, kind, 0, fileno=fd)


def send(s):
    while data := sys.stdin.buffer.read1(65536):
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    with connect(*sys.argv[1:3]) as peer:
        threading.Thread(target=send, args=(peer,), daemon=True).start()
        while chunk := peer.recv(65536):
            sys.stdout.buffer.write(chunk)
