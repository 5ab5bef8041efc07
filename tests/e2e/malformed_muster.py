"""Malformed messages of muster's protocol, for a worker on loopback that has no credentials (malformed.py)."""
import hashlib

from muster_peer import Peer, crc32c, sized, varint

GROWTH = 24 << 10
REPLIES = rb"\x0c....\x00{3}"  # none: a worker never answers these with a RESULT

MALFORMED = "closed: "
FRAME_MAX = 1 << 20


def frame(number, payload, crc=None, length=None):
    n = len(payload) if length is None else length
    c = crc32c(bytes([number]) + payload) if crc is None else crc
    return n.to_bytes(4, "little") + bytes([number]) + c.to_bytes(4, "little") + payload


def hello(**fields):
    return Peer.frame("HELLO", **dict(dict(version_min=1, version_max=1, software="malformed", name="malformed"), **fields))


def raw_hello(payload):
    return b"MSTR" + frame(1, payload)


def up(*frames):
    """After a good HELLO."""
    return b"MSTR" + hello() + b"".join(frames)


def view(*entries):
    return up(Peer.frame("VIEW", entries=b"".join(entries)))


def file_entry(path=b"/f", digest=bytes(32), size=varint(0), mtime=bytes(8), mode=varint(0o644)):
    return b"\2" + sized(path) + digest + size + mtime + mode


def blob(data=b"x", **fields):
    return Peer.frame("BLOB", **dict(dict(digest=hashlib.sha256(data).digest(), size=len(data), bytes=data), **fields))


def job(**fields):
    return Peer.frame("JOB", **dict(dict(id=1, cwd="/w", argv=["gcc", "-c", "x.c"]), **fields))


def job_raw(argv, env=b"\0"):
    return frame(8, bytes([1, 0, 0, 0, 0]) + sized(b"/w") + argv + env + b"\0\0")


HELLO_BODY = varint(1) + varint(1) + varint(0) + sized("s") + sized("n") + varint(0) + varint(0) + sized("")

FIRST = [
    ("nothing", b"", "waits", ""),
    ("one letter", b"M", "waits", ""),
    ("half of the preface", b"MST", "waits", ""),
    ("the preface alone", b"MSTR", "waits", ""),
    ("the preface, byte by byte, then nothing", [b"M", 0.1, b"S", 0.1, b"T", 0.1, b"R"], "waits", ""),
    ("half a HELLO", b"MSTR" + hello()[:12], "waits", ""),
    ("small letters", b"mstr" + hello(), "closed", "turned away"),
    ("another preface", b"MSTX" + hello(), "closed", "turned away"),
    ("a request of HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "closed", "turned away"),
    ("a greeting of ssh", b"SSH-2.0-OpenSSH_9.2\r\n", "closed", "turned away"),
    ("a request of distcc", b"DIST00000001ARGC00000001", "closed", "turned away"),
    ("the beginning of TLS", bytes([0x16, 3, 1, 1, 0]) + bytes(100), "closed", "turned away: it came with a key"),
    ("nothing but zeros", bytes(70000), "closed", "turned away"),
    ("nothing but ones", b"\xff" * 70000, "closed", "turned away"),
    ("the preface twice", b"MSTRMSTR" + hello(), "closed", None),
]

FRAMES = [
    ("a frame of 4 GiB", b"MSTR" + frame(1, b"", length=0xFFFFFFFF), "closed", "a message longer than"),
    ("a frame of 2 GiB", b"MSTR" + frame(1, b"", length=0x80000000), "closed", "a message longer than"),
    ("a frame one byte too long", b"MSTR" + frame(1, b"", length=FRAME_MAX + 1), "closed", "a message longer than"),
    ("a length whose bytes are turned", b"MSTR" + (40).to_bytes(4, "big") + hello()[4:], "closed", "a message longer than"),
    ("the longest frame, of which a byte is missing", up(frame(4, bytes(FRAME_MAX))[:-1]), "waits", ""),
    ("a wrong checksum", b"MSTR" + frame(1, HELLO_BODY, crc=0), "closed", "checksum"),
    ("a checksum of the payload alone", b"MSTR" + frame(1, HELLO_BODY, crc=crc32c(HELLO_BODY)), "closed", "checksum"),
    ("another type under the same checksum", b"MSTR" + frame(4, HELLO_BODY, crc=crc32c(b"\1" + HELLO_BODY)), "closed", "checksum"),
    ("a good HELLO, then zeros", up(bytes(9)), "closed", "checksum"),
    ("a good HELLO, then noise", up(bytes(range(256)) * 300), "closed", None),
    ("the longest frame, of zeros", up(frame(4, bytes(FRAME_MAX))), "closed", "VIEW"),
]

GREETINGS = [
    ("%s in place of a HELLO" % name, b"MSTR" + data, "closed", "no HELLO")
    for name, data in [
        ("a VIEW", Peer.frame("VIEW")), ("a JOB", job()), ("a BLOB", blob()), ("a PING", Peer.frame("PING")),
        ("a TOOLCHAIN", Peer.frame("TOOLCHAIN", driver="gcc")), ("a RESULT", Peer.frame("RESULT")),
        ("a JOIN", Peer.frame("JOIN")), ("an ENROLL", Peer.frame("ENROLL", role=3)), ("a message 0", frame(0, b"")),
        ("a message 255", frame(255, b""))]
] + [
    ("an empty HELLO", raw_hello(b""), "closed", "no HELLO"),
    ("a HELLO without its last field", raw_hello(HELLO_BODY[:-1]), "closed", "no HELLO"),
    ("a HELLO with a byte more", raw_hello(HELLO_BODY + b"\0"), "closed", "no HELLO"),
    ("a HELLO with a NUL in its name", raw_hello(HELLO_BODY.replace(sized("n"), sized("n\0m"))), "closed", "no HELLO"),
    ("a HELLO whose name is longer than it", raw_hello(HELLO_BODY.replace(sized("n"), varint(1 << 30) + b"n")), "closed", "no HELLO"),
    ("a HELLO whose name has 2^63 bytes", raw_hello(HELLO_BODY.replace(sized("n"), varint(1 << 63) + b"n")), "closed", "no HELLO"),
    ("a HELLO with a version above 2^32", raw_hello(varint(1 << 32) + HELLO_BODY[1:]), "closed", "no HELLO"),
    ("a HELLO with a number of 11 bytes", raw_hello(b"\x80" * 10 + b"\1" + HELLO_BODY[1:]), "closed", "no HELLO"),
    ("a HELLO with a number that does not end", raw_hello(b"\x80" * 50), "closed", "no HELLO"),
    ("a HELLO with a name of a megabyte", b"MSTR" + hello(name="n" * 1000000), "closed", "name"),
    ("a HELLO of a later version", b"MSTR" + hello(version_min=2, version_max=9), "closed", ""),
    ("a HELLO of an earlier version", b"MSTR" + hello(version_min=0, version_max=0), "closed", ""),
    ("a HELLO with all features", b"MSTR" + hello(features=(1 << 64) - 1), "waits", ""),
    ("a HELLO whose versions are turned", b"MSTR" + hello(version_min=9, version_max=1), "closed", ""),
    ("two HELLOs", up(hello()), "closed", "unexpected HELLO"),
    ("a REFUSED", b"MSTR" + Peer.frame("REFUSED", why="\x1b[2Jgo\naway"), "closed", ""),
]

NOT_ITS = [
    ("%s after the HELLO" % name, up(Peer.frame(name)), "closed", "unexpected " + name)
    for name in ("TOOLCHAIN_ANSWER", "NEED", "STARTED", "OUTPUT", "RESULT", "REFUSED", "JOIN", "JOINED", "ENROLL", "WELCOME",
                 "REPORT", "WANT", "LEASE", "HOST_ADD", "DRAIN")
] + [("an unknown message", up(frame(99, b"abc")), "closed", r"unexpected \?"), ("a message 0 later", up(frame(0, b"")), "closed", "unexpected")]

VIEWS = [
    ("a VIEW without a field", up(frame(4, b"")), "closed", "malformed VIEW"),
    ("a VIEW longer than it says", up(frame(4, sized(b"") + b"x")), "closed", "malformed VIEW"),
    ("a VIEW shorter than it says", up(frame(4, varint(100) + b"x")), "closed", "malformed VIEW"),
    ("an entry of kind 0", view(b"\0" + sized(b"/f")), "closed", "malformed VIEW entry"),
    ("an entry of kind 5", view(b"\5" + sized(b"/f")), "closed", "malformed VIEW entry"),
    ("an entry of kind 255", view(b"\xff" + sized(b"/f")), "closed", "malformed VIEW entry"),
    ("an entry without a name", view(b"\1" + sized(b"")), "closed", "malformed VIEW entry"),
    ("an entry that ends behind its kind", view(b"\1"), "closed", "malformed VIEW entry"),
    ("a name with a NUL", view(b"\1" + sized(b"/a\0b")), "closed", "malformed VIEW entry"),
    ("a name of 4096 bytes", view(b"\1" + sized(b"/" * 4096)), "closed", "malformed VIEW entry"),
    ("a name of 2^40 bytes", view(b"\1" + varint(1 << 40) + b"/"), "closed", "malformed VIEW entry"),
    ("half a digest", view(b"\2" + sized(b"/f") + bytes(16)), "closed", "malformed VIEW entry"),
    ("a file without a mode", view(file_entry(mode=b"")), "closed", "malformed VIEW entry"),
    ("a link to nothing", view(b"\3" + sized(b"/l") + sized(b"")), "closed", "malformed VIEW entry"),
    ("a link to 5000 bytes", view(b"\3" + sized(b"/l") + sized(b"a" * 5000)), "closed", "malformed VIEW entry"),
    ("a relative name", view(b"\1" + sized(b"etc")), "closed", MALFORMED),
    ("the root", view(b"\1" + sized(b"/")), "waits", ""),
    ("..", view(b"\1" + sized(b"/..")), "closed", MALFORMED),
    (".. in the middle", view(b"\1" + sized(b"/a"), file_entry(b"/a/../../f")), "closed", MALFORMED),
    (".", view(b"\1" + sized(b"/./a")), "closed", MALFORMED),
    ("two slashes", view(b"\1" + sized(b"//a")), "closed", MALFORMED),
    ("a slash at the end", view(b"\1" + sized(b"/a/")), "closed", MALFORMED),
    ("a folder that nobody told of", view(b"\1" + sized(b"/a/b/c")), "closed", MALFORMED),
    ("through a link", view(b"\3" + sized(b"/l") + sized(b"/etc"), b"\1" + sized(b"/l/evil")), "closed", MALFORMED),
    ("through a link that leads up", view(b"\3" + sized(b"/l") + sized(b"../../../.."), b"\1" + sized(b"/l/e")), "closed", MALFORMED),
    ("below a file", view(file_entry(b"/f", hashlib.sha256(b"").digest()), b"\1" + sized(b"/f/x")), "closed", MALFORMED),
    ("what was never there is gone", view(b"\4" + sized(b"/nothing")), "waits", ""),
]

BLOBS = [
    ("a BLOB without fields", up(frame(6, b"")), "closed", "malformed BLOB"),
    ("a BLOB with half a digest", up(frame(6, bytes(10))), "closed", "malformed BLOB"),
    ("a BLOB with other bytes than its digest's", up(blob(b"abc", digest=bytes(32))), "closed", MALFORMED),
    ("a BLOB of more bytes than its size", up(blob(b"abc", size=2)), "closed", "malformed BLOB"),
    ("a BLOB behind its end", up(blob(b"abc", size=10, offset=11)), "closed", "malformed BLOB"),
    ("a BLOB at the end of all numbers", up(blob(b"abc", size=(1 << 64) - 1, offset=(1 << 64) - 2)), "closed", "malformed BLOB"),
    ("a BLOB of 2^60 bytes", up(blob(b"abc", size=1 << 60)), "closed", "malformed BLOB"),
    ("a BLOB with too long a chunk", up(blob(bytes(65537))), "closed", "malformed BLOB"),
    ("a BLOB that begins in the middle", up(blob(b"abc", size=10, offset=5)), "closed", "out of order"),
    ("a BLOB with a gap", up(blob(b"abc", size=10), blob(b"abc", size=10, offset=4)), "closed", "out of order"),
    ("a BLOB of one file in that of another", up(blob(b"abc", size=10), blob(b"d", digest=bytes(32), size=10, offset=3)), "closed", "out of order"),
    ("a BLOB that nobody wants", up(blob(b"unasked")), "waits", ""),
    ("a BLOB of which half comes", up(blob(b"abc", size=10)), "waits", ""),
    ("a BLOB_GONE without a digest", up(frame(7, b"")), "closed", "malformed BLOB_GONE"),
    ("a BLOB_GONE that nobody waits for", up(Peer.frame("BLOB_GONE")), "waits", ""),
]

ASKS = [
    ("a TOOLCHAIN without fields", up(frame(2, b"")), "closed", "malformed TOOLCHAIN"),
    ("a TOOLCHAIN with a ref above 2^32", up(frame(2, varint(1 << 33) + bytes(32) + sized("gcc") + sized(b""))), "closed", "malformed TOOLCHAIN"),
    ("a TOOLCHAIN of a high ref", up(Peer.frame("TOOLCHAIN", ref=0xFFFFFFFF, driver="/usr/bin/gcc")), "waits", ""),
    ("a TOOLCHAIN that is a shell", up(Peer.frame("TOOLCHAIN", ref=0, driver="/bin/sh")), "waits", ""),
    ("a TOOLCHAIN without a name", up(Peer.frame("TOOLCHAIN", ref=0, driver="")), "waits", ""),
    ("a TOOLCHAIN with lines in its name", up(Peer.frame("TOOLCHAIN", ref=0, driver="/usr/bin/gcc\n<3>forged: line")), "waits", ""),
    ("a TOOLCHAIN of noise", up(Peer.frame("TOOLCHAIN", ref=0, driver="/usr/bin/gcc", entries=bytes(range(256)))), "waits", ""),
    ("a JOB without fields", up(frame(8, b"")), "closed", "malformed JOB"),
    ("a JOB without words", up(job(argv=[])), "closed", "malformed JOB"),
    ("a JOB in a relative folder", up(job(cwd="w")), "closed", "malformed JOB"),
    ("a JOB in no folder", up(job(cwd="")), "closed", "malformed JOB"),
    ("a JOB of more words than there are", up(job_raw(varint(100000) + sized("gcc"))), "closed", "malformed JOB"),
    ("a JOB of 2^62 words", up(job_raw(varint(1 << 62))), "closed", "malformed JOB"),
    ("a JOB of 100001 words", up(job_raw(varint(100001) + sized("") * 100001)), "closed", "malformed JOB"),
    ("a JOB with a NUL in a word", up(job(argv=["gcc", "a\0b"])), "closed", "malformed JOB"),
    ("a JOB for a compiler that is not here", up(job()), "closed", "a compiler that is not here"),
    ("a JOB for compiler 2^32-1", up(job(toolchain=0xFFFFFFFF)), "closed", "a compiler that is not here"),
    ("a JOB for a compiler that was refused", up(Peer.frame("TOOLCHAIN", ref=0, driver="/bin/sh"), job()), "closed", "a compiler that is not here"),
    ("a JOB whose source is no word", up(job(flags=2, source=50, object=1)), "closed", "malformed JOB|not here"),
    ("a CANCEL without fields", up(frame(9, b"")), "closed", "malformed CANCEL"),
    ("a CANCEL of no job", up(Peer.frame("CANCEL", id=7)), "waits", ""),
    ("a PING without fields", up(frame(13, b"")), "closed", "malformed PING"),
    ("a PONG without fields", up(frame(14, b"")), "closed", "malformed PING"),
    ("a PONG that nobody asked for", up(Peer.frame("PONG", nonce=1)), "waits", ""),
    ("60000 PINGs", lambda: up(Peer.frame("PING", nonce=1) * 60000), "waits", ""),
]

# In two parts, since the log has so many lines a minute of strangers and no more.
CASES = FIRST + FRAMES + GREETINGS + NOT_ITS
MORE = VIEWS + BLOBS + ASKS


class Witness:
    def __init__(self, address):
        import muster_peer
        self.peer = muster_peer.connect(address)

    def lives(self):
        self.peer.sock.settimeout(20)
        self.peer.send("PING", nonce=77)
        while True:
            try:
                head = self.peer.exactly(9)
                payload = self.peer.exactly(int.from_bytes(head[:4], "little"))
            except OSError:
                return False
            if head[4] == 14:
                return payload == varint(77)
            if head[4] == 13:
                self.peer.sock.sendall(frame(14, payload))


