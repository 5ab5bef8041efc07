"""Malformed requests at an agent's socket (docs/protocol.md 7; malformed.py). Only the user himself can say them."""
import socket
import struct

GROWTH = 48 << 10
REPLIES = rb"[\x03-\x06]"
NO = "a malformed request"


def u32(n):
    return struct.pack("<I", n)


def string(s, n=None):
    return u32(len(s) if n is None else n) + s + b"\0"


def frame(kind, payload, n=None):
    return u32(len(payload) if n is None else n) + bytes([kind]) + payload


def request(version=2, flags=0, umask=0o22, columns=0, cwd=b"/", me=b"/x", argv=(b"gcc", b"--version"), env=(), argc=None, envc=None,
            tail=b""):
    numbers = u32(version) + u32(flags) + u32(umask) + u32(columns) + bytes(32)
    return frame(1, numbers + string(cwd) + string(me) + u32(len(argv) if argc is None else argc) + b"".join(map(string, argv))
                 + u32(len(env) if envc is None else envc) + b"".join(map(string, env)) + tail)



QUERY = 8
GOOD = request()
CASES = [
    ("nothing", b"", "waits", ""),
    ("one byte", b"\1", "waits", ""),
    ("a header", GOOD[:5], "waits", ""),
    ("half of a request", GOOD[:40], "waits", ""),
    ("all but a byte of a request", GOOD[:-1], "waits", ""),
    ("HTTP", b"GET / HTTP/1.1\r\n\r\n", "closed", NO),
    ("ones", b"\xff" * 1000, "closed", NO),
    ("zeros", bytes(1000), "closed", NO),
    ("a frame of 4 GiB", frame(1, b"", 0xFFFFFFFF), "closed", NO),
    ("a frame of 2 GiB", frame(1, b"", 0x80000000), "closed", NO),
    ("a frame one byte too long", frame(1, b"", (16 << 20) + 1), "closed", NO),
    ("another version", request(version=99), "answered", ""),
    ("a later version of another shape", frame(1, u32(77) + b"anything"), "answered", ""),
    ("version 0", frame(1, u32(0)), "answered", ""),
    ("no version", frame(1, b""), "closed", NO),
    ("half a version", frame(1, b"\2\0"), "closed", NO),
    ("a version alone", frame(1, u32(2)), "closed", NO),
    ("numbers alone", frame(1, u32(2) + bytes(44)), "closed", NO),
    ("no words", request(argv=()), "closed", NO),
    ("a relative folder", request(cwd=b"tmp"), "closed", NO),
    ("no folder", request(cwd=b""), "closed", NO),
    ("a umask of more than there is", request(umask=0o1000), "closed", NO),
    ("a umask of 2^32-1", request(umask=0xFFFFFFFF), "closed", NO),
    ("more words than there are", request(argc=9), "closed", NO),
    ("fewer words than there are", request(argc=1), "closed", NO),
    ("2^32-1 words", request(argc=0xFFFFFFFF), "closed", NO),
    ("a million words of nothing", request(argc=1000000), "closed", NO),
    ("2^32-1 variables", request(envc=0xFFFFFFFF), "closed", NO),
    ("more variables than there are", request(env=(b"A=b",), envc=2), "closed", NO),
    ("fewer variables than there are", request(env=(b"A=b", b"C=d"), envc=1), "closed", NO),
    ("a byte behind the end", request(tail=b"x"), "closed", NO),
    ("a NUL in a word", request(argv=(b"g\0c",)), "closed", NO),
    ("a NUL in a variable", request(env=(b"A=\0",)), "closed", NO),
    ("a NUL in the folder", request(cwd=b"/\0"), "closed", NO),
    ("a folder longer than the rest", frame(1, u32(2) + bytes(44) + string(b"/", 5000)), "closed", NO),
    ("a folder of 4 GiB", frame(1, u32(2) + bytes(44) + u32(0xFFFFFFFF) + b"/"), "closed", NO),
    ("a folder without its NUL", frame(1, u32(2) + bytes(44) + u32(1) + b"/x"), "closed", NO),
    ("an empty word", request(argv=(b"",)), "answered", ""),
    ("flags of no meaning", request(flags=0xFFFFFFF0 & ~8), "answered", ""),
    ("a width of 2^32-1", request(columns=0xFFFFFFFF), "answered", ""),
    ("a folder that is not there", request(cwd=b"/nonexistent"), "answered", ""),
    ("a variable without a value", request(env=(b"NOTHING",)), "answered", ""),
    ("ten thousand words", request(argv=(b"gcc",) + (b"-DA",) * 10000), "answered", ""),
    ("a word of a megabyte", request(argv=(b"gcc", b"-D" + b"A" * 1000000)), "answered", ""),
    ("a thousand variables", request(env=tuple(b"V%d=x" % i for i in range(1000))), "answered", ""),
    ("words with lines and escapes", request(argv=(b"gcc\n<3>forged", b"\x1b[2J")), "answered", ""),
    ("two requests", GOOD + GOOD, "answered", ""),
    ("a request and noise", GOOD + b"\xff" * 500, "answered", ""),
] + [("frame %d, which a shim does not send" % n, frame(n, b"x"), "closed", NO) for n in (0, 2, 3, 4, 5, 6, 7, 9, 128, 255)] + [
    ("a question without its length", frame(QUERY, b""), "closed", NO),
    ("a question shorter than it says", frame(QUERY, u32(100) + b"status"), "closed", NO),
    ("a question of 4 GiB", frame(QUERY, u32(0xFFFFFFFF) + b"status"), "closed", NO),
    ("an unknown question", frame(QUERY, string(b"statu")), "answered", ""),
    ("an empty question", frame(QUERY, string(b"")), "answered", ""),
    ("a question of a megabyte", frame(QUERY, string(b"status" * 200000)), "answered", ""),
    ("a question with lines", frame(QUERY, string(b"status\nstop")), "answered", ""),
    ("a door without an address", frame(QUERY, string(b"callers ")), "answered", ""),
    ("a door without a key", frame(QUERY, string(b"callers 127.0.0.1:0 b1")), "answered", ""),
    ("a door with a key by a relative path", frame(QUERY, string(b"callers 127.0.0.1:0 b1 key")), "answered", ""),
    ("a door for a name with slashes", frame(QUERY, string(b"callers 127.0.0.1:0 ../b /key")), "answered", ""),
    ("a watch of nothing", frame(QUERY, string(b"watch \xff\xfe")), "waits", ""),
]


class Witness:
    """Watches, and is told of the end of a compile here."""

    def __init__(self, address):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(address[5:])
        self.s.settimeout(20)

    def lives(self):
        self.s.sendall(frame(QUERY, string(b"status")))
        said = b""
        while b"\5" not in said[-9:]:
            more = self.s.recv(1 << 20)
            if not more:
                break
            said += more
        return b'"jobs"' in said


