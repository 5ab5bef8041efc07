#!/usr/bin/env python3
"""Says what no honest program would say, to a program that runs, and looks at what it does.

  malformed.py TABLE[/LIST] ADDRESS LOG PID [ONLY]      TAP, without a plan; ADDRESS is HOST:PORT or unix:PATH

A table (malformed_TABLE.py) has CASES (or LIST) of (name, bytes, then, words): what is sent on a connection of its own, what has to happen,
and what the log has to say of it. THEN is one of

  closed     it hangs up, without an answer that REPLIES (a pattern of the table) knows
  ended      it hangs up, after whatever
  waits      it goes on waiting: what came is only the beginning of something, or harmless
  answered   it answers as REPLIES says, and may hang up

WORDS is a pattern for a line of the log that names this case's own address (or a guest=NAME of its own), "" for no line, None
for any.
Each case comes from an address of its own (127.1.N.M), since the log has one line a minute for each source.

Then: the process lives, has as many descriptors as before and no more memory than GROWTH (of the table, in KiB) more, and a
connection that stood all the while (the table's witness) still works."""
import concurrent.futures
import importlib
import os
import re
import socket
import sys
import threading
import time

LIMIT_S = 20  # for an end that has to come; a busy machine
CALM_S = 0.3  # that nothing comes
AT_ONCE = 12
SPARE = 16  # descriptors that it may keep for itself: control groups and cages of two slots


class Log:
    def __init__(self, path):
        self.path, self.lock = path, threading.Lock()

    def has(self, pattern, source):
        with open(self.path, errors="replace") as f:
            return any((not source or re.search(re.escape(source) + r"\b", line)) and re.search(pattern, line) for line in f)

    def wait(self, pattern, source):
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            if self.has(pattern, source):
                return True
            time.sleep(0.02)
        return False


def connect(address, number):
    """A connection from an address that only this case has, and that address."""
    if address.startswith("unix:"):
        s = socket.socket(socket.AF_UNIX)
        s.connect(address[5:])
        return s, ""
    source = "127.1.%d.%d" % (number // 200 + 1, number % 200 + 1)
    host, port = address.rsplit(":", 1)
    s = socket.socket()
    s.bind((source, 0))
    s.connect((host, int(port)))
    return s, source


def send(s, data):
    """False: the other side hung up meanwhile."""
    s.settimeout(LIMIT_S)
    try:
        for piece in data if isinstance(data, list) else [data]:
            if isinstance(piece, float):
                time.sleep(piece)
            else:
                s.sendall(piece)
    except (ConnectionError, TimeoutError):
        return False
    return True


def receive(s, seconds, enough=None):
    """What it says until it hangs up, or is silent for so long; and whether it hung up."""
    said, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        s.settimeout(max(0.01, end - time.monotonic()))
        try:
            more = s.recv(65536)
        except TimeoutError:
            break
        except ConnectionError:
            return said, True
        if not more:
            return said, True
        said += more
        if enough and enough.search(said):
            return said, False
    return said, False


def run_case(table, address, log, number, case):
    name, data, then, words = case
    s, source = connect(address, number)
    with s:
        send(s, data() if callable(data) else data)
        replies = re.compile(table.REPLIES, re.S)
        if then == "closed":
            said, ended = receive(s, LIMIT_S)
            wrong = "" if ended and not replies.search(said) else "ended %s, said %r" % (ended, said[:200])
        elif then == "ended":
            said, ended = receive(s, LIMIT_S)
            wrong = "" if ended else "it goes on, said %r" % said[:200]
        elif then == "waits":
            said, ended = receive(s, CALM_S)
            wrong = "it hung up, said %r" % said[:200] if ended else ""
        else:
            said, ended = receive(s, LIMIT_S, replies)
            wrong = "" if replies.search(said) else "said %r" % said[:200]
        if not wrong and words is None:
            words = "."
        if words and words.startswith("guest="):
            source = ""
        if not wrong and words and not log.wait(words, source):
            wrong = "no line like '%s' in the log%s" % (words, " that names " + source if source else "")
    return name, wrong


def state(pid):
    with open("/proc/%s/status" % pid) as f:
        rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
    return rss, len(os.listdir("/proc/%s/fd" % pid))


def check(name, good, words=""):
    print("%sok - %s" % ("" if good else "not ", name))
    if not good and words:
        print("# " + words)


def settle(pid, before):
    """Its descriptors, when they are as they were, or after a while."""
    end = time.monotonic() + LIMIT_S
    while state(pid)[1] > before and time.monotonic() < end:
        time.sleep(0.05)
    return state(pid)


def main():
    name, address, path, pid = sys.argv[1:5]
    only = re.compile(sys.argv[5] if len(sys.argv) > 5 else "")
    name, _, part = name.partition("/")
    table, log = importlib.import_module("malformed_" + name), Log(path)
    rows = getattr(table, part or "CASES")
    names = [c[0] for c in rows]
    assert len(names) == len(set(names)), [n for n in names if names.count(n) > 1]
    cases = [(i, c) for i, c in enumerate(rows) if only.search("%s: %s" % (name, c[0]))]
    witness = table.Witness(address)
    before = state(pid)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for title, wrong in pool.map(lambda c: run_case(table, address, log, *c), cases):
            check("%s: %s" % (name, title), not wrong, wrong)
    rss, files = settle(pid, before[1] + SPARE)
    check(name + ": whoever was there all the while is served on", witness.lives())
    check(name + ": no descriptor stays", files <= before[1] + SPARE, "%d before, %d now" % (before[1], files))
    check(name + ": no memory stays", rss - before[0] < table.GROWTH, "%d KiB before, %d now" % (before[0], rss))
    print("# %s: %d cases, memory %d -> %d KiB" % (name, len(cases), before[0], rss))


if __name__ == "__main__":
    main()
