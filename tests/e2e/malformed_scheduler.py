"""Malformed messages for a scheduler on loopback (malformed.py)."""
import itertools

import malformed_muster as muster
from malformed_muster import frame, hello
from muster_peer import Peer, sized, varint

GROWTH = 24 << 10
REPLIES = rb"\x21....\x01"  # WELCOME
NO = "closed|refused"
LONG = "n" * 5000


def up(*frames):
    return b"MSTR" + hello() + b"".join(frames)


def enroll(**fields):
    return Peer.frame("ENROLL", **dict(dict(dialect=1, role=2, name="malformed", user="eve"), **fields))


WORKER, AGENT, PERSON = 1, 2, 3
number = itertools.count(1)


def enrolled(role, title, *frames):
    """A case of one who was let in, under a name of its own: the log calls it by that."""
    name = "m%d" % next(number)
    return title, up(enroll(role=role, name=name), *frames), "ended", "guest=%s (closed|refused)" % name


def report(title, **fields):
    return enrolled(WORKER, title, Peer.frame("REPORT", **dict(dict(address="127.0.0.1:9", platform="x", slots=4), **fields)))


CASES = muster.FIRST[:5] + [c for c in muster.FIRST[5:] if "twice" not in c[0]] + [
    ("%s (frame)" % name, data, then, NO if then == "closed" else words)
    for name, data, then, words in muster.FRAMES if "longest" not in name and "noise" not in name
] + [
    ("%s in place of an ENROLL" % name, up(Peer.frame(name)), "closed", NO)
    for name in ("REPORT", "WANT", "HELD", "MEASURED", "ASK_HOSTS", "HOST_ADD", "HOST_REMOVE", "DRAIN", "WELCOME", "LEASE", "VIEW",
                 "JOB", "RESULT", "JOIN")
] + [
    ("an unknown message", up(frame(200, b"x")), "closed", NO),
    ("an ENROLL without fields", up(frame(32, b"")), "closed", NO),
    ("an ENROLL with bytes behind", up(frame(32, varint(1) + varint(2) + sized("") * 3 + varint(1) + b"x")), "closed", NO),
    ("role 0", up(enroll(role=0)), "closed", "role 0"),
    ("role 4", up(enroll(role=4)), "closed", "role 4"),
    ("role 4294967295", up(enroll(role=0xFFFFFFFF)), "closed", "role 4294967295"),
    ("dialect 0", up(enroll(dialect=0)), "closed", "dialect 0"),
    ("dialect 4294967295", up(enroll(dialect=0xFFFFFFFF)), "closed", "dialect 4294967295"),
    ("another farm", up(enroll(farm="elsewhere")), "closed", "farm 'elsewhere'"),
    ("another farm with escapes", up(enroll(farm="\x1b[2J\n<3>forged")), "closed", NO),
    ("a long name", up(enroll(name=LONG)), "closed", "its name has more than"),
    ("a long user", up(enroll(user=LONG)), "closed", "its user's name has more than"),
    ("a name with escapes", up(enroll(name="a\x1b[2J")), "closed", "control character"),
    ("a user with a line", up(enroll(user="a\nb")), "closed", "control character"),
    enrolled(AGENT, "two ENROLLs", enroll()),
    enrolled(AGENT, "a REPORT of an agent", Peer.frame("REPORT", address="127.0.0.1:9")),
    enrolled(WORKER, "a WANT of a worker", Peer.frame("WANT", slots=1)),
    enrolled(AGENT, "a HOST_ADD of an agent", Peer.frame("HOST_ADD", name="x", url="x")),
    enrolled(PERSON, "a REPORT of a person", Peer.frame("REPORT", address="127.0.0.1:9")),
    report("a worker at no place", address=""),
    report("a worker at an option", address="-oProxyCommand=x:1"),
    report("a worker at a place with blanks", address="a b:1"),
    report("a worker at a place with escapes", address="\x1b[2J:1"),
    report("a worker at port 99999", address="127.0.0.1:99999"),
    report("a worker at a long place", address="a" * 5000 + ":1"),
    report("a worker of a long platform", platform=LONG),
    report("a worker of a long partition", partition=LONG),
    report("a worker of a partition with a line", partition="a\nb"),
    enrolled(AGENT, "a WANT of a build beyond all", Peer.frame("WANT", build=1 << 40, slots=1)),
    enrolled(AGENT, "a HELD of a long place", Peer.frame("HELD", host="h" * 5000)),
    enrolled(AGENT, "a MEASURED of a place with a line", Peer.frame("MEASURED", host="a\nb")),
] + [enrolled(role, "%s %s" % (what, how), frame(code, body))
     for role, what, code in ((AGENT, "a WANT", 36), (AGENT, "a HELD", 40), (AGENT, "a MEASURED", 41), (WORKER, "a REPORT", 35),
                              (PERSON, "a HOST_ADD", 45), (PERSON, "a HOST_REMOVE", 46), (PERSON, "a DRAIN", 47))
     for how, body in (("without fields", b""), ("that is only half", b"\1"), ("of noise", bytes(range(255, 128, -1))))]


class Witness:
    def __init__(self, address):
        import muster_peer
        self.peer = muster_peer.connect(address)
        self.peer.send("ENROLL", dialect=1, role=3, name="witness", user="anna")
        assert self.peer.receive()[0] == "WELCOME"

    def lives(self):
        self.peer.sock.settimeout(20)
        self.peer.send("ASK_HOSTS", flags=0)
        while True:
            name, _ = self.peer.receive()
            if name != "HOST":
                return name == "HOSTS_END"
