#!/usr/bin/env python3
"""Hosts that no farm should suffer from, for run_driver.sh: run_driver_stand_ins.py FOLDER NAME...

Each NAME gets a port of 127.0.0.1 for its daemon and one for its page of statistics; "PORT:STATS_PORT" is
written to FOLDER/NAME.port. Daemons close at once, as a distccd does with what it does not understand; `mute`
takes connections and says nothing. Lives until it is killed."""
import os
import socket
import sys
import threading
import time

PAGE = """HTTP/1.0 200 OK
Content-Type: text/plain
Connection: close

argv /distccd
<distccstats>
dcc_tcp_accept 0
dcc_max_kids %d
dcc_current_load 1
dcc_load1 %.2f
dcc_load2 0.00
dcc_load3 0.00
dcc_free_space 80706 MB
%s</distccstats>
"""


def page(kids, load, memory=""):
    text = (PAGE % (kids, load, memory)).encode()
    return lambda c: c.sendall(text)


def endless(c):
    while True:
        c.sendall(b"dcc_max_kids 8\n" * 1000)


def trickle(c):
    while True:
        c.sendall(b"x")
        time.sleep(0.05)


def silent(c):
    c.recv(1 << 16)
    time.sleep(600)


HOSTS = {
    "idle": page(10, 0.0),
    "halfway": page(10, 4.2),
    "overloaded": page(8, 60.0),
    "small": page(10, 0.0, "dcc_free_mem 2500 MB\n"),
    "full": page(10, 0.0, "dcc_free_mem 200 MB\n"),
    "none": lambda c: c.sendall(b"HTTP/1.0 404 Not Found\n\nno\n"),
    "refusing": lambda c: None,
    "endless": endless,
    "trickle": trickle,
    "silent": silent,
    "mute": None,
}


def serve(listener, how, request):
    while True:
        c, _ = listener.accept()

        def one(c=c):
            try:
                with c:
                    if request:
                        c.recv(1 << 16)
                    how(c)
            except OSError:
                pass

        threading.Thread(target=one, daemon=True).start()


def listen():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(64)
    return s


def main():
    folder, names = sys.argv[1], sys.argv[2:]
    for name in names:
        front, stats = listen(), listen()
        how = HOSTS[name]
        for s, h in ((front, silent if how is None else lambda c: None), (stats, how or silent)):
            threading.Thread(target=serve, args=(s, h, s is stats), daemon=True).start()
        path = os.path.join(folder, name + ".port")
        with open(path + ".new", "w") as f:
            f.write("%d:%d" % (front.getsockname()[1], stats.getsockname()[1]))
        os.rename(path + ".new", path)
    threading.Event().wait()


main()
