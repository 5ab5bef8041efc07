"""Malformed requests of HTTP for the page of statistics (malformed.py): whoever connects gets the page, whatever he asks, as with
distccd; and it ends, whatever he does."""
import socket

GROWTH = 24 << 10
REPLIES = rb"HTTP/1\.[01] 200 .*dcc_"

REQUESTS = [
    ("nothing", b""),
    ("one letter", b"G"),
    ("a method", b"GET"),
    ("a blank", b" "),
    ("an end of line", b"\r\n"),
    ("twenty ends of line", b"\r\n" * 20),
    ("a request of HTTP/0.9", b"GET /\r\n"),
    ("a request without a version", b"GET / \r\n\r\n"),
    ("a request of HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n"),
    ("a request of HTTP/1.1", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a request of HTTP/1.1 without a host", b"GET / HTTP/1.1\r\n\r\n"),
    ("a request of HTTP/9.9", b"GET / HTTP/9.9\r\n\r\n"),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("lines that end as in Unix", b"GET / HTTP/1.1\nHost: x\n\n"),
    ("lines that end as on old Macs", b"GET / HTTP/1.1\rHost: x\r\r"),
    ("no blanks", b"GET/HTTP/1.1\r\n\r\n"),
    ("tabs", b"GET\t/\tHTTP/1.1\r\n\r\n"),
    ("many blanks", b"GET" + b" " * 5000 + b"/ HTTP/1.1\r\n\r\n"),
    ("a NUL in the path", b"GET /\0 HTTP/1.1\r\n\r\n"),
    ("bytes above 127 in the path", b"GET /\xff\xfe HTTP/1.1\r\n\r\n"),
    ("a path that leads up", b"GET /../../../../etc/passwd HTTP/1.1\r\n\r\n"),
    ("a path that leads up, in per cent", b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n\r\n"),
    ("per cent and nothing", b"GET /% HTTP/1.1\r\n\r\n"),
    ("per cent and no number", b"GET /%zz HTTP/1.1\r\n\r\n"),
    ("a format", b"GET /%s%s%n%n HTTP/1.1\r\n\r\n"),
    ("an absolute address", b"GET http://example.org/ HTTP/1.1\r\n\r\n"),
    ("an asterisk", b"OPTIONS * HTTP/1.1\r\n\r\n"),
    ("a path of a megabyte", b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\n\r\n"),
    ("a method of 100 kB", b"A" * 100000 + b" / HTTP/1.1\r\n\r\n"),
    ("an unknown method", b"BREW / HTTP/1.1\r\n\r\n"),
    ("a method in small letters", b"get / HTTP/1.1\r\n\r\n"),
    ("HEAD", b"HEAD / HTTP/1.1\r\n\r\n"),
    ("POST without a length", b"POST / HTTP/1.1\r\n\r\n"),
    ("POST of less than it says", b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nx"),
    ("POST of more than it says", b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n" + b"x" * 1000),
    ("POST of -1 bytes", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
    ("POST of 2^64 bytes", b"POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n"),
    ("POST of two lengths", b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 5\r\n\r\nabcde"),
    ("POST of 0x10 bytes", b"POST / HTTP/1.1\r\nContent-Length: 0x10\r\n\r\n"),
    ("chunks", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ("chunks of no size", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    ("a chunk of 2^64 bytes", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n"),
    ("chunks and a length", b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n"),
    ("PUT", b"PUT /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"),
    ("DELETE", b"DELETE / HTTP/1.1\r\n\r\n"),
    ("CONNECT", b"CONNECT example.org:443 HTTP/1.1\r\n\r\n"),
    ("TRACE", b"TRACE / HTTP/1.1\r\nX: <script>\r\n\r\n"),
    ("a header without a colon", b"GET / HTTP/1.1\r\nnonsense\r\n\r\n"),
    ("a header without a name", b"GET / HTTP/1.1\r\n: x\r\n\r\n"),
    ("a header with a NUL", b"GET / HTTP/1.1\r\nX: a\0b\r\n\r\n"),
    ("a header of a megabyte", b"GET / HTTP/1.1\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n"),
    ("100000 headers", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100000 + b"\r\n"),
    ("a header that goes on", b"GET / HTTP/1.1\r\nX: a\r\n b\r\n\tc\r\n\r\n"),
    ("headers that do not end", b"GET / HTTP/1.1\r\nA: b\r\n" * 50),
    ("a range", b"GET / HTTP/1.1\r\nRange: bytes=0-,0-,0-,0-\r\n\r\n"),
    ("an upgrade", b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
    ("a body that waits for a word", b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
    ("two requests at once", b"GET / HTTP/1.1\r\n\r\n" * 2),
    ("ten thousand requests at once", b"GET / HTTP/1.1\r\n\r\n" * 10000),
    ("TLS", bytes([0x16, 3, 1, 1, 0]) + bytes(300)),
    ("muster", b"MSTR" + bytes(40)),
    ("distcc", b"DIST00000001ARGC00000001"),
    ("ssh", b"SSH-2.0-x\r\n"),
    ("zeros", bytes(100000)),
    ("ones", b"\xff" * 100000),
    ("a request, letter by letter", [piece for c in "GET / HTTP/1.1\r\n\r\n" for piece in (c.encode(), 0.01)]),
    ("a megabyte of noise", bytes(range(256)) * 4096),
]
CASES = [(name, data, "answered", "") for name, data in REQUESTS]


class Witness:
    """Comes, takes nothing, and is served at the end."""

    def __init__(self, address):
        self.address = address

    def lives(self):
        host, port = self.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), 20) as s:
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            said = b""
            while True:
                more = s.recv(65536)
                if not more:
                    return b"dcc_" in said
                said += more
