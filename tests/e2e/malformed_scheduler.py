"""Malformed messages for a scheduler on loopback (malformed.py)."""
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


def agent(*frames):
    return up(enroll(role=2), *frames)


def worker(*frames):
    return up(enroll(role=1), *frames)


def person(*frames):
    return up(enroll(role=3), *frames)


def report(**fields):
    return worker(Peer.frame("REPORT", **dict(dict(address="127.0.0.1:9", platform="x", slots=4), **fields)))


def short(name, number):
    """A message without its fields, and one with bytes behind them."""
    return [("%s without fields" % name, frame(number, b"")), ("%s that is only half" % name, frame(number, b"\1")),
            ("%s of noise" % name, frame(number, bytes(range(255, 128, -1))))]


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
    ("two ENROLLs", agent(enroll()), "ended", "guest=|closed"),
] + [("of an agent: " + n, agent(d), "ended", NO) for kind, number in
     (("a WANT", 36), ("a HELD", 40), ("a MEASURED", 41)) for n, d in short(kind, number)] + [
    ("of a worker: " + n, worker(d), "ended", NO) for n, d in short("a REPORT", 35)] + [
    ("of a person: " + n, person(d), "ended", NO) for kind, number in
    (("a HOST_ADD", 45), ("a HOST_REMOVE", 46), ("a DRAIN", 47)) for n, d in short(kind, number)] + [
    ("a REPORT of an agent", agent(Peer.frame("REPORT", address="127.0.0.1:9")), "ended", NO),
    ("a WANT of a worker", worker(Peer.frame("WANT", slots=1)), "ended", NO),
    ("a HOST_ADD of an agent", agent(Peer.frame("HOST_ADD", name="x", url="x")), "ended", NO),
    ("a REPORT of a person", person(Peer.frame("REPORT", address="127.0.0.1:9")), "ended", NO),
    ("a worker at no place", report(address=""), "ended", NO),
    ("a worker at an option", report(address="-oProxyCommand=x:1"), "ended", NO),
    ("a worker at a place with blanks", report(address="a b:1"), "ended", NO),
    ("a worker at a place with escapes", report(address="\x1b[2J:1"), "ended", NO),
    ("a worker at port 99999", report(address="127.0.0.1:99999"), "ended", NO),
    ("a worker at a long place", report(address="a" * 5000 + ":1"), "ended", NO),
    ("a worker of a long platform", report(platform=LONG), "ended", NO),
    ("a worker of a long partition", report(partition=LONG), "ended", NO),
    ("a worker of a partition with a line", report(partition="a\nb"), "ended", NO),
    ("a WANT of a build beyond all", agent(Peer.frame("WANT", build=1 << 40, slots=1)), "ended", NO),
    ("a HELD of a long place", agent(Peer.frame("HELD", host="h" * 5000)), "ended", NO),
    ("a MEASURED of a place with a line", agent(Peer.frame("MEASURED", host="a\nb")), "ended", NO),
]

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
