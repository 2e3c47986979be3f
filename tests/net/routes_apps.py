# SPDX-License-Identifier: GPL-2.0
"""
routes_apps.py serve | grpc TARGET [CA NAME] | websocket URL [CA ADDRESS, of a.example]: servers and
clients by the libraries of Debian, with TLS if they are given a CA; and a server that sums
up what it gets, one that speaks first. CERTIFICATE=FILE: servers with TLS, too.
"""
import asyncio
import hashlib
import os
import socket
import ssl
import sys
import threading
from concurrent import futures

MIB = 1 << 20
CERTIFICATE = os.environ.get("CERTIFICATE")


def read(path):
    with open(path, "rb") as f:
        return f.read()


# --- gRPC, of bytes, without a compiled description

def echo(request, _):
    return request


def down(request, _):
    """10 MB in parts of 1 MB."""
    for _ in range(10):
        yield request * 1000


def up(requests, _):
    return b"%d" % sum(len(r) for r in requests)


def both(requests, _):
    for r in requests:
        yield r[::-1]


def serve_grpc():
    import grpc  # pylint: disable=import-outside-toplevel
    g = grpc
    server = g.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([g.method_handlers_generic_handler("t.T", {
        "Echo": g.unary_unary_rpc_method_handler(echo),
        "Down": g.unary_stream_rpc_method_handler(down),
        "Up": g.stream_unary_rpc_method_handler(up),
        "Both": g.stream_stream_rpc_method_handler(both),
    })])
    assert server.add_insecure_port("127.0.0.1:50051")
    if CERTIFICATE:
        assert server.add_secure_port("127.0.0.1:50052", g.ssl_server_credentials(
            [(read(CERTIFICATE + ".key"), read(CERTIFICATE))]))
    server.start()
    return server


def grpc_client(target, ca=None, name=None):
    import grpc  # pylint: disable=import-outside-toplevel
    options = [("grpc.enable_http_proxy", 0)]
    if ca:
        options.append(("grpc.ssl_target_name_override", name))
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(read(ca)), options)
    else:
        channel = grpc.insecure_channel(target, options)
    with channel as c:
        assert c.unary_unary("/t.T/Echo")(b"hello", timeout=30) == b"hello"
        parts = list(c.unary_stream("/t.T/Down")(b"x" * 1000, timeout=60))
        assert [len(p) for p in parts] == [1000000] * 10
        assert c.stream_unary("/t.T/Up")(iter([b"y" * 100000] * 20), timeout=60) == b"2000000"
        said = c.stream_stream("/t.T/Both")(iter([b"ab", b"cd", b"ef"]), timeout=30)
        assert list(said) == [b"ba", b"dc", b"fe"]


# --- WebSocket

async def websocket_server():
    import websockets  # pylint: disable=import-outside-toplevel

    async def handler(ws):
        async for message in ws:
            await ws.send(message)
    await websockets.serve(handler, "127.0.0.1", 8765, max_size=4 * MIB)
    if CERTIFICATE:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTIFICATE, CERTIFICATE + ".key")
        await websockets.serve(handler, "127.0.0.1", 8766, max_size=4 * MIB, ssl=context)
    await asyncio.Future()


async def websocket_client(url, ca=None, address=None):
    import websockets  # pylint: disable=import-outside-toplevel
    how = {"ssl": ssl.create_default_context(cafile=ca), "host": address,
           "server_hostname": "a.example"} if ca else {}
    async with websockets.connect(url, max_size=4 * MIB, open_timeout=30, **how) as ws:
        for n in (1, 125, 126, 65535, 65536, MIB):
            await ws.send(b"z" * n)
            assert await asyncio.wait_for(ws.recv(), 30) == b"z" * n
        await ws.send("text")
        assert await asyncio.wait_for(ws.recv(), 30) == "text"


# --- plain ones

def each(port, talk):
    def run(listener):
        while True:
            s, _ = listener.accept()
            threading.Thread(target=talk, args=(s,), daemon=True).start()
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    threading.Thread(target=run, args=(listener,), daemon=True).start()


def read_head(s):
    head = b""
    while b"\r\n\r\n" not in head:
        more = s.recv(65536)
        if not more:
            return head, b""
        head += more
    head, _, rest = head.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def sums(s):
    """/body: the sum of a body of Content-Length bytes. /all: of all bytes until the end."""
    with s:
        head, rest = read_head(s)
        if head.startswith(b"POST /body"):
            length = int(head.lower().split(b"content-length:")[1].split()[0])
            while len(rest) < length:
                rest += s.recv(65536)
            said = hashlib.sha256(rest).hexdigest().encode()
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
            return
        whole = head + rest
        while True:
            more = s.recv(65536)
            if not more:
                break
            whole += more
        s.sendall(hashlib.sha256(whole).hexdigest().encode())


def greets(s):
    with s:
        s.sendall(b"220 hello\r\n")
        while True:
            more = s.recv(65536)
            if not more:
                break
            s.sendall(more)


def serve():
    each(7777, sums)
    each(2525, greets)
    server = serve_grpc()
    asyncio.run(websocket_server())
    server.stop(0)


def main():
    if sys.argv[1] == "serve":
        serve()
    elif sys.argv[1] == "grpc":
        grpc_client(*sys.argv[2:])
    else:
        asyncio.run(websocket_client(*sys.argv[2:]))


main()
