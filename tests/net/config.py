# SPDX-License-Identifier: GPL-2.0
"""config.py TUNNELCTL FOLDER PIN: configurations by chance, each applied over the one before."""
import json
import os
import random
import subprocess
import sys

CTL, FOLDER, PIN = sys.argv[1:4]
SEED = int(os.environ.get("SEED", random.randrange(1 << 30)))
dice = random.Random(SEED)


def run(*words, text=None):
    done = subprocess.run([CTL, *words], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit("SEED=%d: tunnelctl %s: %s" % (SEED, " ".join(words), done.stderr))
    return done.stdout


def some(most, *choices):
    return dice.sample(choices, dice.randrange(min(most, len(choices)) + 1))


def name():
    return "".join(dice.choice("abz019._-") for _ in range(dice.randrange(1, 6)))


def address(port):
    return dice.choice(("127.0.0.1:%d", "[::1]:%d", "127.0.0.2:%d")) % port


def target():
    if dice.random() < 0.7:
        return address(dice.randrange(1, 65536))
    return dice.choice(({"owner": dice.randrange(9)}, {"owner": dice.randrange(9), "group": dice.randrange(9)}))


def identity(number):
    """A few peers for all, so that tunnels change them among each other; on one address each once."""
    own = {"key": FOLDER + "/gw.key"}
    return dice.choice((
        {"peer": "%064x" % (number + 1), **own},
        {"peer": ["%064x" % (number + 1), "%064x" % (number + 100)], **own},
        {"ca": FOLDER + "/chance.pem", "name": "n%d.example" % number, **own},
        {"ca": FOLDER + "/chance.pem", "name": "n%d.example" % number, "certificate": FOLDER + "/chance.pem", **own},
        {"psk": FOLDER + "/chance%d.psk" % number, "psk-identity": "p%d" % number}))


def tunnel(number):
    t = identity(number)
    if dice.random() < 0.5:
        t["dial"] = dice.choice(("host.example:%d", "[2001:db8::1]:%d", "x:%d")) % dice.randrange(1, 65536)
    else:
        t["listen"] = "127.0.0.9:30000"
    t.update(dict(some(4, ("ciphers", some(3, "aes-128-gcm", "aes-256-gcm", "chacha20-poly1305") or "aes-256-gcm"),
                       ("grace", dice.choice((0, 1, 0.25, 60, 3600))), ("direct", dice.choice(("on", "off", "admin"))),
                       ("allow", ["%s:%d" % (dice.choice(("uid", "gid")), dice.randrange(5)) for _ in range(4)]),
                       ("services", {name(): target() for _ in range(dice.randrange(4))}))))
    return t


def route(names):
    r = dict(some(3, ("sni", "*.a.example"), ("host", dice.choice("ab") + ".Example"), ("alpn", "h2"),
                  ("path", "/p" + name()), ("header", "X-A=" + name()), ("protocol", "grpc"),
                  ("from", dice.choice(("10.0.0.0/8", "2001:db8::/32", "192.0.2.1")))))
    r["to"] = "%s/%s" % (dice.choice(names), name())
    return r


def config():
    c = {}
    tunnels = {n: tunnel(i) for i, n in enumerate(some(5, "a", "b", "c", "d", name()))}
    names = list(tunnels) or ["none"]
    if tunnels:
        c["tunnels"] = tunnels
    c["services"] = {name(): target() for _ in range(dice.randrange(6))}
    listeners = {}
    for port in dice.sample(range(20000, 20020), dice.randrange(8)):
        if dice.random() < 0.5 and tunnels:
            listeners[address(port)] = "%s/%s" % (dice.choice(names), name())
        else:
            listeners[address(port)] = [route(names) for _ in range(dice.randrange(1, 5))]
    c["listeners"] = listeners
    return c


subprocess.run(["openssl", "req", "-x509", "-new", "-key", FOLDER + "/gw.key", "-subj", "/CN=x", "-out",
                FOLDER + "/chance.pem"], check=True, capture_output=True)
os.umask(0o077)
for i in range(5):
    with open(FOLDER + "/chance%d.psk" % i, "w", encoding="ascii") as f:
        f.write("%064x\n" % (i + 1))

for _ in range(20):
    written = json.dumps(config())
    run("apply", "-", text=written)
    path = FOLDER + "/chance.json"
    with open(path, "w", encoding="ascii") as f:
        f.write(written)
    wanted = run("config", "hash", path)
    saved = run("save")
    if run("config", "hash") != wanted:
        sys.exit("SEED=%d: the module has another configuration than %s" % (SEED, written))
    if run("apply", "-", text=saved) != "nothing to do\n" or run("save") != saved:
        sys.exit("SEED=%d: what was saved is not the same: %s" % (SEED, saved))
print("SEED=%d" % SEED)
