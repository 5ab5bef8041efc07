#!/usr/bin/env python3
"""Both ends of muster's protocol (docs/protocol.md), made by hand: what an honest program would never say can be said.

  muster_peer.py lie HOW PORT_FILE ID_FILE     a worker that lies; the identity of the compiler it is asked for goes to ID_FILE
  muster_peer.py job ADDRESS ID_FILE FOLDER [--file PATH=LOCAL]... [--env WORD]... [--save DIR] -- ARGV...
        one job by hand: the view holds FOLDER (the current folder of the job) and the files; prints STATUS or WHY, and each
        output as a line "path mode size"; --save keeps them by number
  muster_peer.py flood ADDRESS ID_FILE N FOLDER [--file PATH=LOCAL]... -- ARGV...
        N jobs at once; prints a line when all are sent; ends when its input does
  muster_peer.py big ADDRESS BYTES             offers files of so many bytes in all, and says how the connection ended

Plain text and uncompressed: a worker on loopback offers nothing else."""
import hashlib
import os
import re
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = []
for i in range(256):
    c = i
    for _ in range(8):
        c = c >> 1 ^ 0x82F63B78 if c & 1 else c >> 1
    TABLE.append(c)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


MESSAGES = {}
with open(os.path.join(HERE, "../../src/wire/messages.def")) as f:
    for number, name, fields in re.findall(r"MESSAGE\((\d+), (\w+), \w+,(.*?)\)\n(?=MESSAGE|/\*|$|\Z)", f.read(), re.S):
        MESSAGES[name] = (int(number), re.findall(r"F\((\w+), (\w+)\)", fields))
NAMES = {number: name for name, (number, _) in MESSAGES.items()}


def varint(v):
    out = bytearray()
    while v > 127:
        out.append(v & 127 | 128)
        v >>= 7
    out.append(v)
    return bytes(out)


def sized(data):
    data = os.fsencode(data) if isinstance(data, str) else data
    return varint(len(data)) + data


PUT = {"u32": varint, "u64": varint, "str": sized, "raw": sized, "dig": bytes,
       "strv": lambda v: varint(len(v)) + b"".join(map(sized, v))}
DEFAULT = {"u32": 0, "u64": 0, "str": "", "raw": b"", "dig": bytes(32), "strv": []}


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def varint(self):
        v = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            v |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return v

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def get(self, kind):
        if kind in ("u32", "u64"):
            return self.varint()
        if kind == "dig":
            return self.take(32)
        if kind == "strv":
            return [os.fsdecode(self.take(self.varint())) for _ in range(self.varint())]
        data = self.take(self.varint())
        return data if kind == "raw" else os.fsdecode(data)


class Peer:
    def __init__(self, sock, **hello):
        self.sock, self.buf = sock, b""
        hello = dict(version_min=1, version_max=1, software="by hand", name="by hand") | hello
        sock.sendall(b"MSTR" + self.frame("HELLO", **hello))
        if self.exactly(4) != b"MSTR":
            raise ConnectionError("no preface")
        self.hello = self.receive()[1]

    @staticmethod
    def frame(message, **fields):
        number, table = MESSAGES[message]
        payload = b"".join(PUT[kind](fields.pop(field, DEFAULT[kind])) for kind, field in table)
        assert not fields, fields
        return (len(payload).to_bytes(4, "little") + bytes([number])
                + crc32c(bytes([number]) + payload).to_bytes(4, "little") + payload)

    def send(self, message, **fields):
        self.sock.sendall(self.frame(message, **fields))

    def exactly(self, n):
        while len(self.buf) < n:
            more = self.sock.recv(1 << 20)
            if not more:
                raise ConnectionError("closed")
            self.buf += more
        data, self.buf = self.buf[:n], self.buf[n:]
        return data

    def receive(self):
        while True:
            head = self.exactly(9)
            payload = self.exactly(int.from_bytes(head[:4], "little"))
            name = NAMES.get(head[4])
            if name == "PING":
                self.send("PONG", nonce=Cursor(payload).varint())
                continue
            c = Cursor(payload)
            return name, {field: c.get(kind) for kind, field in MESSAGES[name][1]}


def connect(address, **hello):
    host, port = address.rsplit(":", 1)
    return Peer(socket.create_connection((host, int(port)), 60), **hello)


def read_id(path):
    digest, driver = open(path).read().split("\n")[:2]
    return bytes.fromhex(digest), driver


# -- a client --------------------------------------------------------------------------------------

def entry(kind, path, data=None, mode=0o644, target=None):
    out = bytes([kind]) + sized(path)
    if kind == 2:
        out += hashlib.sha256(data).digest() + varint(len(data)) + (1).to_bytes(8, "little") + varint(mode)
    if kind == 3:
        out += sized(target)
    return out


def parents(path):
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[:i + 1]) for i in range(len(parts) - 1)]


class Client(Peer):
    def __init__(self, address, id_file):
        super().__init__(socket.create_connection((address.rsplit(":", 1)[0], int(address.rsplit(":", 1)[1])), 60))
        digest, driver = read_id(id_file)
        self.blobs = {}
        self.send("TOOLCHAIN", ref=0, id=digest, driver=driver)
        answer = self.receive()[1]
        if not answer["yes"]:
            sys.exit("the worker has not this compiler: " + answer["why"])

    def view(self, folder, files):
        out, seen = b"", set()
        for folder in parents(folder + "/x") + [p for path, _ in files for p in parents(path)]:
            if folder not in seen:
                out += entry(1, folder)
                seen.add(folder)
        for path, local in files:
            data = open(local, "rb").read()
            self.blobs[hashlib.sha256(data).digest()] = data
            out += entry(2, path, data, 0o755 if os.access(local, os.X_OK) else 0o644)
        self.send("VIEW", entries=out)

    def job(self, number, cwd, argv, env=()):
        self.send("JOB", id=number, toolchain=0, umask=0o22, cwd=cwd, argv=list(argv), env=list(env))

    def next(self):
        while True:
            name, m = self.receive()
            if name != "NEED":
                return name, m
            for at in range(0, len(m["digests"]), 32):
                digest = m["digests"][at:at + 32]
                data = self.blobs[digest]
                for offset in range(0, max(len(data), 1), 65536):
                    self.send("BLOB", digest=digest, size=len(data), offset=offset,
                              bytes=data[offset:offset + 65536])


def options(argv):
    split = argv.index("--")
    files, env, save = [], [], None
    given = argv[:split]
    while given:
        word, value = given[0], given[1]
        given = given[2:]
        if word == "--file":
            files.append(tuple(value.split("=", 1)))
        elif word == "--env":
            env.append(value)
        elif word == "--save":
            save = value
    return files, env, save, argv[split + 1:]


def run_job(address, id_file, folder, *rest):
    files, env, save, argv = options(list(rest))
    client = Client(address, id_file)
    client.view(folder, files)
    client.job(1, folder, argv, env)
    outputs = {}
    while True:
        name, m = client.next()
        if name == "OUTPUT":
            o = outputs.setdefault(m["index"], [m["path"], m["mode"], b""])
            o[2] += m["bytes"]
        elif name == "RESULT":
            break
    if m["outcome"]:
        print("WHY", m["why"])
    else:
        print("STATUS", m["status"])
    for index, (path, mode, data) in sorted(outputs.items()):
        print(path or ("stdout", "stderr")[index], oct(mode), len(data))
        if save:
            os.makedirs(save, exist_ok=True)
            open("%s/%d" % (save, index), "wb").write(data)


def flood(address, id_file, n, folder, *rest):
    files, env, _, argv = options(list(rest))
    client = Client(address, id_file)
    client.view(folder, files)
    for number in range(int(n)):
        client.job(number + 1, folder, argv, env)
    print("sent", flush=True)
    client.sock.settimeout(0.2)
    import select
    while not select.select([sys.stdin], [], [], 0)[0]:
        try:
            client.next()
        except TimeoutError:
            pass


def big(address, size):
    client = connect(address)
    sent = 0
    try:
        for i in range(1 << 30):
            data = os.urandom(16) + bytes(60000)
            client.send("VIEW", entries=entry(2, "/f%d" % i, data))
            while True:
                name, m = client.receive()
                if name == "NEED":
                    break
            client.send("BLOB", digest=m["digests"][:32], size=len(data), bytes=data)
            sent += len(data)
            if sent > int(size):
                break
    except (ConnectionError, OSError):
        print("closed after", sent)
        return
    print("all was taken")


# -- a worker that lies ----------------------------------------------------------------------------

ESCAPES = "\x1b]0;owned\x07\x1b[31mred\nforged line\r\x9b2J"


def outputs_of(how, m):
    """What it sends for a job: (index, path, mode, data) each, and the RESULT's own fields."""
    cwd, argv = m["cwd"], m["argv"]
    wanted = cwd + "/" + argv[argv.index("-o") + 1]
    good = [(0, "", 0, b""), (1, "", 0, b"")]
    evil = b"evil\n"
    more = {"dotdot": [(2, cwd + "/../escaped", 0o644, evil)],
            "relative": [(2, "../escaped", 0o644, evil)],
            "absolute": [(2, os.environ.get("MUSTER_LIE_TARGET", "/tmp/escaped"), 0o644, evil)],
            "source": [(2, wanted, 0o644, evil), (3, cwd + "/" + argv[-1], 0o644, evil)],
            "setuid": [(2, wanted, 0o6777, evil)],
            "twice": [(2, wanted, 0o644, evil), (3, wanted, 0o644, b"other")],
            "none": [],
            "control": [(2, wanted, 0o644, evil)]}
    return good + more.get(how, [(2, wanted, 0o644, evil)])


def lie_job(peer, how, m):
    job = m["id"]
    if how == "silent":
        time.sleep(3600)
    if how == "huge":
        peer.send("OUTPUT", id=job, index=0, size=1 << 40, bytes=b"x")
    if how == "longer":
        peer.send("OUTPUT", id=job, index=0, size=1, bytes=b"xyz")
    if how == "stranger":
        peer.send("RESULT", id=job + 1000000, outputs=2)
    if how == "escapes":
        peer.send("RESULT", id=job, outcome=1, why=ESCAPES)
        return
    if how == "endless":
        peer.send("OUTPUT", id=job, index=0, size=0, offset=0)
        peer.send("OUTPUT", id=job, index=1, size=0, offset=0)
        size = 1 << 50
        cwd, argv = m["cwd"], m["argv"]
        chunk = bytes(65536)
        offset = 0
        while True:
            peer.send("OUTPUT", id=job, index=2, path=cwd + "/" + argv[argv.index("-o") + 1] if not offset else "",
                      mode=0o644, size=size, offset=offset, bytes=chunk)
            offset += len(chunk)
    sent = outputs_of(how, m)
    for index, path, mode, data in sent:
        peer.send("OUTPUT", id=job, index=index, path=path, mode=mode, size=len(data), bytes=data)
    peer.send("RESULT", id=job, outputs=len(sent), status=0, user_us=1000)


def lie(how, port_file, id_file):
    server = socket.create_server(("127.0.0.1", 0))
    with open(port_file + ".new", "w") as f:
        f.write("127.0.0.1:%d" % server.getsockname()[1])
    os.rename(port_file + ".new", port_file)
    name = ESCAPES if how == "escapes" else "liar"
    while True:
        sock, _ = server.accept()
        try:
            peer = Peer(sock, slots=4, confined=1, name=name, software=name)
            while True:
                kind, m = peer.receive()
                if kind == "TOOLCHAIN":
                    with open(id_file + ".new", "w") as f:
                        f.write(m["id"].hex() + "\n" + m["driver"] + "\n")
                    os.rename(id_file + ".new", id_file)
                    peer.send("TOOLCHAIN_ANSWER", ref=m["ref"], yes=1)
                elif kind == "JOB":
                    lie_job(peer, how, m)
        except (ConnectionError, OSError, IndexError):
            sock.close()


if __name__ == "__main__":
    {"lie": lie, "job": run_job, "flood": flood, "big": big}[sys.argv[1]](*sys.argv[2:])
