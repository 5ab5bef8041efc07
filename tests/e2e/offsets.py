#!/usr/bin/env python3
"""One compile after the other through a relay that harms exactly one byte's place of the conversation between an agent and a worker:
turns a bit, cuts the connection there, or lets nothing more through. Whatever happens, the object that is there in the end is the
right one, and it is there in time.

  offsets.py BUILD WORKER TREE [--all | --sample N] [--at-once N] [--seconds S] [--keyed]

WORKER is HOST:PORT, TREE a folder with o.c and o.plain, its object. An undamaged conversation is listened to first: its lengths are
what there is to harm. --sample takes N places of each direction and fault, always with the first bytes (preface, HELLO), the bounds
of frames, and the last byte. Prints "DIRECTION FAULT N trials, M remote" and, for each failure, a line that begins with BAD. Each
trial has a host of its own name for the agent (a port of ours), so that none knows of the other."""
import argparse
import collections
import os
import selectors
import socket
import subprocess
import sys
import threading
import time

UP, DOWN = 0, 1
NAMES = ("up", "down")
FAULTS = ("flip", "cut", "stall")


class Relay(threading.Thread):
    """Forwards what comes to one port; harms byte AT of DIRECTION, on each connection."""

    def __init__(self, target, fault=None, direction=UP, at=0, bit=0):
        super().__init__(daemon=True)
        host, port = target.rsplit(":", 1)
        self.target, self.fault, self.direction, self.at, self.bit = (host, int(port)), fault, direction, at, bit
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.said = []  # of each connection: (up, down)
        self.wake, self.woken = socket.socketpair()
        self.start()

    def run(self):
        with selectors.DefaultSelector() as all_of:
            all_of.register(self.listener, selectors.EVENT_READ)
            all_of.register(self.woken, selectors.EVENT_READ)
            while True:
                for key, _ in all_of.select():
                    if key.fileobj is self.woken:
                        for other in list(all_of.get_map().values()):
                            other.fileobj.close()
                        return
                    if key.fileobj is self.listener:
                        self.accept(all_of)
                    else:
                        self.copy(all_of, key)

    def accept(self, all_of):
        client, _ = self.listener.accept()
        try:
            worker = socket.create_connection(self.target, 20)
        except OSError:
            client.close()
            return
        self.said.append((bytearray(), bytearray()))
        pair = {"ends": (client, worker), "said": self.said[-1], "over": False,
                "stalled": self.fault == "stall" and self.at == 0}
        for side, s in enumerate(pair["ends"]):
            all_of.register(s, selectors.EVENT_READ, (pair, side))

    def copy(self, all_of, key):
        pair, side = key.data
        if pair["over"]:
            return  # closed in this very turn
        try:
            data = key.fileobj.recv(65536)
        except OSError:
            data = b""
        over = not data
        if data and not pair["stalled"]:
            data, over = self.harm(pair, side, data)
            try:
                pair["ends"][1 - side].sendall(data)
            except OSError:
                over = True
        if over:
            pair["over"] = True
            for s in pair["ends"]:
                all_of.unregister(s)
                s.close()

    def harm(self, pair, side, data):
        """What of it goes on, and whether that is all."""
        said = pair["said"][side]
        before = len(said)
        said += data
        at = self.at - before
        if side != self.direction or not self.fault or not 0 <= at < len(data):
            return data, False
        if self.fault == "flip":
            return data[:at] + bytes([data[at] ^ 1 << self.bit]) + data[at + 1:], False
        pair["stalled"] = self.fault == "stall"
        return data[:at], self.fault == "cut"

    def end(self):
        self.wake.close()
        self.join()


def frames_of(said):
    """Where frames begin in an unharmed plain conversation, where their headers end, and their payloads."""
    marks, at = {0, 3}, 4
    while at + 9 <= len(said):
        n = int.from_bytes(said[at:at + 4], "little")
        marks |= {at, at + 8, at + 8 + n}
        at += 9 + n
    return {m for m in marks if m < len(said)}


class Bed:
    def __init__(self, o):
        self.o = o
        self.want = open(os.path.join(o.tree, "o.plain"), "rb").read()
        self.env = dict(os.environ, MUSTER_PEER_TIMEOUT_MS=str(o.timeout_ms))
        self.counts, self.bad, self.lock, self.slowest = collections.Counter(), [], threading.Lock(), 0.0
        self.serial = 0

    def compile(self, relay, name):
        """Through RELAY to the object NAME; seconds, or what is wrong."""
        began = time.monotonic()
        try:
            r = subprocess.run([os.path.join(self.o.build, "muster-cc"), "gcc", "-c", "o.c", "-o", name], cwd=self.o.tree,
                               env=dict(self.env, MUSTER_HOSTS=relay.address), capture_output=True, timeout=self.o.seconds)
        except subprocess.TimeoutExpired:
            return 0, "hangs: %d s" % self.o.seconds
        took = time.monotonic() - began
        path = os.path.join(self.o.tree, name)
        have = open(path, "rb").read() if os.path.exists(path) else b""
        if os.path.exists(path):
            os.unlink(path)
        if r.returncode or r.stderr:
            return took, "status %d: %r" % (r.returncode, r.stderr[:200])
        return took, "" if have == self.want else "another object, of %d bytes" % len(have)

    def trial(self, direction, fault, at):
        relay = Relay(self.o.worker, fault, direction, at, at % 8)
        took, wrong = self.compile(relay, "o.%s.%s.%d.o" % (NAMES[direction], fault, at))
        relay.end()
        with self.lock:
            self.counts[direction, fault] += 1
            self.slowest = max(self.slowest, took)
            if wrong:
                self.bad.append("BAD %s %s at %d: %s" % (NAMES[direction], fault, at, wrong))

    def listen(self):
        """The longest unharmed conversation of three: what comes back may differ in a digit of a time."""
        best = [b"", b""]
        for _ in range(3):
            relay = Relay(self.o.worker)
            _, wrong = self.compile(relay, "o.listen.o")
            if wrong:
                sys.exit("BAD unharmed: " + wrong)
            for up, down in relay.said:
                best = [max(best[0], bytes(up), key=len), max(best[1], bytes(down), key=len)]
            relay.end()
        return best


def places(said, o):
    if o.all or o.sample >= len(said):
        return range(len(said))
    marks = {len(said) * i // o.sample for i in range(o.sample)} | {len(said) - 1}
    return sorted(marks | (set() if o.keyed else frames_of(said)))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("build", "worker", "tree"):
        p.add_argument(name)
    p.add_argument("--all", action="store_true")
    p.add_argument("--sample", type=int, default=10)
    p.add_argument("--at-once", type=int, default=8)
    p.add_argument("--seconds", type=int, default=60)
    p.add_argument("--timeout-ms", type=int, default=1000)
    p.add_argument("--keyed", action="store_true", help="the conversation is encrypted: nothing is known of its frames")
    p.add_argument("--fault", action="append", choices=FAULTS)
    p.add_argument("--direction", action="append", choices=NAMES)
    o = p.parse_args()
    bed = Bed(o)
    said = bed.listen()
    todo = collections.deque((d, f, at) for f in o.fault or FAULTS for d in (UP, DOWN)
                             if NAMES[d] in (o.direction or NAMES) for at in places(said[d], o))

    def work():
        while todo:
            try:
                bed.trial(*todo.popleft())
            except IndexError:
                return

    began, workers = time.monotonic(), [threading.Thread(target=work) for _ in range(o.at_once)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    for (d, f), n in sorted(bed.counts.items()):
        print("%s %s: %d trials of %d bytes" % (NAMES[d], f, n, len(said[d])))
    print("trials %d, bad %d, the slowest %.1f s, in all %.1f s" % (sum(bed.counts.values()), len(bed.bad), bed.slowest, time.monotonic() - began))
    print("\n".join(bed.bad))
    sys.exit(1 if bed.bad else 0)


if __name__ == "__main__":
    main()
