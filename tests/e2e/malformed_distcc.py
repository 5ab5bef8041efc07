"""Malformed requests of distcc's protocol, versions 1 to 3, for a worker with --allow (malformed.py)."""
import socket

from distcc_client import BAD, bomb, files, head, lzo_pack, sized, token

GROWTH = 64 << 10
REPLIES = rb"DONE0000000[123]"
EXPECTED = "was expected, but"
NO_NUMBER = "which is not eight hex digits"
ARGV = (b"gcc", b"-c", b"x.c", b"-o", b"x.o")


def words(*argv):
    return token("ARGC", len(argv)) + b"".join(sized("ARGV", w) for w in argv)


def begin(version):
    return token("DIST", version) + (sized("CDIR", b"/w") if version == 3 else b"")


def rest(version, text=b"int x;\n"):
    """What follows the words."""
    if version == 3:
        return token("NFIL", 1) + sized("NAME", b"/w/x.c") + sized("FILE", lzo_pack(text))
    return sized("DOTI", lzo_pack(text) if version == 2 else text)


def request(version, argv=ARGV):
    return begin(version) + words(*argv) + rest(version)


def for_version(v):
    """What can be wrong in the same way in each version."""
    w = words(*ARGV)
    return [("version %d: %s" % (v, name), data, then, why) for name, data, then, why in [
        ("half the first token", begin(v)[:6], "waits", ""),
        ("the version alone", token("DIST", v), "waits", ""),
        ("a number with a letter that is no digit", begin(v) + b"ARGC0000000G", "closed", NO_NUMBER),
        ("a number with a sign", begin(v) + b"ARGC-0000001", "closed", NO_NUMBER),
        ("a number with blanks", begin(v) + b"ARGC       1", "closed", NO_NUMBER),
        ("a number as C writes it", begin(v) + b"ARGC0x000001", "closed", NO_NUMBER),
        ("another token", begin(v) + b"ARGX00000001", "closed", EXPECTED),
        ("tokens in another order", token("DIST", v) + rest(v) + w, "closed", EXPECTED),
        ("the version twice", begin(v) + token("DIST", v) + w, "closed", EXPECTED),
        ("no words", begin(v) + token("ARGC", 0) + rest(v), "closed", "ARGC is 0"),
        ("4294967295 words", begin(v) + token("ARGC", 0xFFFFFFFF), "closed", "ARGC is 4294967295"),
        ("100001 words", begin(v) + token("ARGC", 100001), "closed", "ARGC is 100001"),
        ("fewer words than it says", begin(v) + token("ARGC", 9) + w[12:] + rest(v), "closed", EXPECTED),
        ("more words than it says", begin(v) + token("ARGC", 2) + w[12:] + rest(v), "closed", EXPECTED),
        ("a word of 4 GiB", begin(v) + token("ARGC", 1) + token("ARGV", 0xFFFFFFFF), "closed", "ARGV has 4294967295"),
        ("a word of 65537 bytes", begin(v) + token("ARGC", 1) + token("ARGV", 65537), "closed", "ARGV has 65537"),
        ("more words than are kept", begin(v) + token("ARGC", 100) + sized("ARGV", b"a" * 65536) * 100, "closed", "bytes"),
        ("a NUL in a word", begin(v) + words(b"g\0cc") + rest(v), "closed", "holds a NUL"),
        ("an empty compiler", request(v, (b"",) + ARGV[1:]), "closed", "client: 127"),
        ("a compiler by a path", request(v, (b"/bin/sh",) + ARGV[1:]), "closed", None),
        ("a compiler by a path that leads up", request(v, (b"../../bin/sh",) + ARGV[1:]), "closed", None),
        ("lines in a word", request(v, (b"gcc", b"-DA=\n<3>forged: line", b"-c", b"x.c", b"-o", b"x.o")), "answered", ""),
        ("bytes behind the end", request(v) + b"more", "closed", "bytes behind its end|sends more than"),
        ("two requests", request(v) * 2, "closed", "bytes behind its end|sends more than"),
    ]]


TEXTS = [("version %d: %s" % (v, name), begin(v) + words(*ARGV) + data, then, why) for v in (1, 2) for name, data, then, why in [
    ("a text of 4 GiB", token("DOTI", 0xFFFFFFFF) + bytes(1000), "closed", "DOTI has 4294967295"),
    ("a text of which half comes", token("DOTI", 100) + b"int", "waits", ""),
    ("files in place of the text", token("NFIL", 1), "closed", EXPECTED),
]] + [
    ("version 2: a text that is not packed", head(2) + sized("DOTI", b"int x; /* not a block */\n"), "closed", "unpack the text"),
    ("version 2: a packed text of one byte", head(2) + sized("DOTI", b"\x11"), "closed", "unpack the text"),
    ("version 2: a packed text that looks back too far", head(2) + sized("DOTI", b"\x12a\xff\xff\x11\0\0"), "closed", "unpack the text"),
    ("version 2: a packed text with bytes behind", head(2) + sized("DOTI", lzo_pack(b"int x;\n") + b"x"), "closed", "unpack the text"),
    ("version 2: a text of 2 GiB in 8 MB", lambda: head(2) + sized("DOTI", bomb(2048)), "closed", "unpack the text: .*holds more"),
]

FILES = [("version 3: " + name, data, then, why) for name, data, then, why in [
    ("a folder of 4 GiB", token("DIST", 3) + token("CDIR", 0xFFFFFFFF), "closed", "CDIR has 4294967295"),
    ("a folder with a NUL", token("DIST", 3) + sized("CDIR", b"/w\0") + words(*ARGV), "closed", "holds a NUL"),
    ("a relative folder", token("DIST", 3) + sized("CDIR", b"w") + words(*ARGV) + rest(3), "closed", "client: 127"),
    ("a folder that leads up", token("DIST", 3) + sized("CDIR", b"/../../etc") + words(*ARGV) + rest(3), "closed", "client: 127"),
    ("4294967295 files", begin(3) + words(*ARGV) + token("NFIL", 0xFFFFFFFF), "closed", "NFIL is 4294967295"),
    ("a text in place of the files", begin(3) + words(*ARGV) + sized("DOTI", b"x"), "closed", EXPECTED),
    ("a file without a name", begin(3) + words(*ARGV) + token("NFIL", 1) + sized("FILE", b""), "closed", EXPECTED),
    ("a file with an empty name", files((b"", sized("FILE", b""))), "closed", "client: 127"),
    ("a file with a NUL in its name", files((b"/w/a\0b", sized("FILE", b""))), "closed", "holds a NUL"),
    ("a file called .", files((b"/w/.", sized("FILE", lzo_pack(b"x")))), "closed", "client: 127"),
    ("a name of 65537 bytes", begin(3) + words(*ARGV) + token("NFIL", 1) + token("NAME", 65537), "closed", "NAME has 65537"),
    ("a file of 4 GiB", files((b"/w/y.h", token("FILE", 0xFFFFFFFF))), "closed", "FILE has 4294967295"),
    ("a file that is not packed", files((b"/w/y.h", sized("FILE", b"this is no block"))), "closed", "unpack /w/y.h"),
    ("a link to nothing", files((b"/w/l", sized("LINK", b""))), "closed", "client: 127"),
    ("a link to 65537 bytes", files((b"/w/l", token("LINK", 65537))), "closed", "LINK has 65537"),
    ("a link with a NUL", files((b"/w/l", sized("LINK", b"a\0b"))), "closed", "holds a NUL"),
]]

OLD = {"garbage": EXPECTED, "binary": EXPECTED, "version": "version 4", "bomb": "holds more", "dotdot": "place '", "relative": "place 'w",
       "root": "place '/'", "link-out": "out of", "link-out-dots": "out of", "link-out-absolute": "out of",
       "through-link": "symbolic", "through-system": "system folder", "file-as-folder": "Not a directory"}
OTHERS = [("(%s)" % name, BAD[name], "closed", why) for name, why in OLD.items() if name != "bomb"] + [
    ("version 0", token("DIST", 0) + token("ARGC", 0), "closed", "ARGC is 0"),
    ("version 4294967295", token("DIST", 0xFFFFFFFF), "closed", "version 4294967295"),
    ("muster's preface, another way", b"MSTX" + bytes(40), "closed", EXPECTED),
    ("nothing at all", b"", "waits", ""),
]

CASES = for_version(1) + for_version(2) + for_version(3) + TEXTS + FILES + OTHERS


class Witness:
    """A client that has sent half of its job before, and sends the rest now."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.s = socket.create_connection((host, int(port)), 60)
        self.s.sendall(head() + token("DOTI", 7) + b"int")

    def lives(self):
        self.s.sendall(b" x;\n")
        return self.s.recv(12) == b"DONE00000001"
