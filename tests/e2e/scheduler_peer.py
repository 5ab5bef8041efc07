#!/usr/bin/env python3
"""A scheduler and its guests, made by hand (src/wire/talk.h): what honest programs would never say, or say too late, can be said.

  scheduler_peer.py serve PORT_FILE     lends each agent two slots of the worker that came last; each line of its input is told
                                        to the workers: "evict" the last agent, for good; "spare" it; prints a line for each HELD
  scheduler_peer.py mute ADDRESS        an agent that wants slots, is lent them, and never says a word again; prints what it is told
  scheduler_peer.py worker ADDRESS N    a worker of N slots that reports and runs nothing; prints what it is told
  scheduler_peer.py guest ADDRESS MESSAGE [FIELD=NUMBER]...
                                        enrolls as an agent, sends that, prints what comes back
  scheduler_peer.py half ADDRESS N      N connections that say half a word; prints how many of them still stand after a while
"""
import os
import select
import socket
import sys
import time

from muster_peer import Peer, connect

PLATFORM = os.uname().machine + "-linux"


def enroll(address, role, name, **more):
    peer = connect(address)
    peer.send("ENROLL", dialect=1, role=role, name=name, user="somebody", **more)
    kind, m = peer.receive()
    if kind != "WELCOME":
        sys.exit("%s %s" % (kind, m))
    return peer


def say(*words):
    print(*words, flush=True)


class Guest:
    def __init__(self, sock):
        self.peer, self.role, self.instance, self.worker = Peer(sock, name="by hand"), 0, 0, None

    def hear(self, workers):
        kind, m = self.peer.receive()
        if kind == "ENROLL":
            self.role, self.instance = m["role"], m["instance"]
            self.peer.send("WELCOME", dialect=1, name="by hand")
        elif kind == "REPORT":
            self.worker = m
        elif kind == "WANT" and m["slots"] and workers:
            self.peer.send("LEASE", build=m["build"], host=workers[-1].worker["address"], name="w", speaks=1, slots=2,
                           budget=2, serial=1)
        elif kind == "HELD":
            say("held", m["slots"], m["used"])


def serve(port_file):
    server, guests, agent = socket.create_server(("127.0.0.1", 0)), {}, None
    with open(port_file + ".new", "w") as f:
        f.write("127.0.0.1:%d" % server.getsockname()[1])
    os.rename(port_file + ".new", port_file)
    while True:
        for ready in select.select([server, sys.stdin, *guests], [], [])[0]:
            workers = [g for g in guests.values() if g.worker]
            if ready is server:
                sock = server.accept()[0]
                guests[sock] = Guest(sock)
            elif ready is sys.stdin:
                word = sys.stdin.readline().strip()
                if not word:
                    return
                for g in workers:
                    g.peer.send("EVICT", instance=agent.instance, slots=4096 if word == "spare" else 0, ends=1,
                                why="it does not answer")
            else:
                guest = guests[ready]
                try:
                    guest.hear(workers)
                    while guest.peer.buf:
                        guest.hear(workers)
                except ConnectionError:
                    del guests[ready]
                agent = guest if guest.role == 2 else agent


def mute(address):
    peer = enroll(address, 2, "mute", instance=77)
    peer.send("WANT", build=1, slots=4, platform=PLATFORM)
    while True:
        say(*peer.receive())


def worker(address, slots):
    peer = enroll(address, 1, "by-hand")
    peer.sock.settimeout(2)
    while True:
        peer.send("REPORT", address="127.0.0.1:9", platform=PLATFORM, speaks=5, slots=int(slots), owner_slots=int(slots))
        try:
            kind, m = peer.receive()
            say(kind, *("%s=%s" % field for field in m.items()))
        except TimeoutError:
            pass


def guest(address, message, *fields):
    peer = enroll(address, 2, "guest")
    peer.send(message, **{k: int(v) for k, v in (f.split("=") for f in fields)})
    try:
        while True:
            say(*peer.receive())
    except ConnectionError:
        say("closed")


def half(address, n):
    host, port = address.rsplit(":", 1)
    all = []
    for _ in range(int(n)):
        s = socket.create_connection((host, int(port)), 60)
        try:
            s.sendall(b"MS")
        except ConnectionError:
            pass
        all.append(s)
    say("open")
    deadline = time.monotonic() + 200  # a newcomer has a minute
    while all and time.monotonic() < deadline:
        for s in select.select(all, [], [], 1)[0]:
            try:
                gone = not s.recv(100)
            except ConnectionError:
                gone = True
            if gone:
                all.remove(s)
    say("left", len(all))


if __name__ == "__main__":
    {"serve": serve, "mute": mute, "worker": worker, "guest": guest, "half": half}[sys.argv[1]](*sys.argv[2:])
