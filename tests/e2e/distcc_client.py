#!/usr/bin/env python3
"""A client of distcc's protocol that does as it is told, also what no good client does.

  distcc_client.py HOST:PORT job [OPTIONS] -- COMPILER ARGUMENTS…
      one job; its output, messages and status become ours; 200: closed without an answer
        --version N            of the protocol
        --text FILE            versions 0 to 2: the preprocessed source
        --dir CDIR             version 3: the client's folder
        --file NAME=FILE       version 3: sends FILE under NAME
        --empty NAME           version 3: a file without a body, as placeholders are
        --link NAME=TARGET     version 3
        --object FILE --deps FILE   where to put what comes back
        --slowly               sends byte by byte, and reads as slowly
        --at-signal WHAT       what to do at SIGUSR1: stray (send a byte) or half-close
  distcc_client.py HOST:PORT bad NAME
      one malformed request, see BAD below; prints "closed" or "answered", and how many seconds it took
"""
import argparse
import os
import signal
import socket
import struct
import sys
import time

DISCONNECTED = 200


def token(word, number, body=b''):
    return b'%s%08x' % (word.encode(), number) + body


def sized(word, body):
    return token(word, len(body), body)


def lzo_pack(data):
    """One run of literals."""
    if not data:
        return b''
    n = len(data)
    if n <= 238:
        return bytes([17 + n]) + data + b'\x11\0\0'
    head, left = b'\0', n - 18
    while left > 255:
        head, left = head + b'\0', left - 255
    return head + bytes([left]) + data + b'\x11\0\0'


def lzo_unpack(src):
    out, ip, state = bytearray(), 0, 0

    def length(first, most):
        nonlocal ip
        n = first & most
        if n == 0:
            while src[ip] == 0:
                n, ip = n + 255, ip + 1
            n, ip = n + most + src[ip], ip + 1
        return n

    if not src:
        return b''
    if src[0] > 17:
        n = src[0] - 17
        out += src[1:1 + n]
        ip, state = 1 + n, min(n, 4)
    while True:
        first = src[ip]
        ip += 1
        if first >= 64:
            n, distance = (first >> 5) + 1, (src[ip] << 3) + (first >> 2 & 7) + 1
            ip, state = ip + 1, first & 3
        elif first >= 16:
            n = length(first, 31 if first >= 32 else 7) + 2
            low = struct.unpack_from('<H', src, ip)[0]
            ip, state = ip + 2, low & 3
            if first >= 32:
                distance = (low >> 2) + 1
            else:
                distance = 16384 + ((first & 8) << 11) + (low >> 2)
                if distance == 16384:
                    return bytes(out)
        elif state == 0:
            n = length(first, 15) + 3
            out += src[ip:ip + n]
            ip, state = ip + n, 4
            continue
        else:
            n, distance = (2, 1) if state < 4 else (3, 2049)
            distance += (src[ip] << 2) + (first >> 2)
            ip, state = ip + 1, first & 3
        for _ in range(n):
            out.append(out[-distance])
        out += src[ip:ip + state]
        ip += state


def read_file(path):
    with open(path, 'rb') as f:
        return f.read()


def request(o):
    out = token('DIST', o.version)
    pack = lzo_pack if o.version >= 2 else lambda data: data
    if o.version >= 3:
        out += sized('CDIR', os.fsencode(o.dir))
    out += token('ARGC', len(o.argv)) + b''.join(sized('ARGV', os.fsencode(w)) for w in o.argv)
    if o.version < 3:
        return out + sized('DOTI', pack(read_file(o.text)))
    out += token('NFIL', len(o.sent))
    for kind, text in o.sent:
        name, _, value = text.partition('=')
        out += sized('NAME', os.fsencode(name))
        if kind == 'link':
            out += sized('LINK', os.fsencode(value))
        else:
            out += sized('FILE', pack(read_file(value)) if kind == 'file' else b'')
    return out


class Closed(Exception):
    pass


class Connection:
    def __init__(self, address, slowly=False):
        host, port = address.rsplit(':', 1)
        self.socket = socket.create_connection((host, int(port)), 60)
        self.slowly = slowly

    def send(self, data):
        if not self.slowly:
            self.socket.sendall(data)
            return
        for i in range(len(data)):
            self.socket.sendall(data[i:i + 1])

    def read(self, n):
        out = b''
        while len(out) < n:
            try:
                got = self.socket.recv(1 if self.slowly else n - len(out))
            except (ConnectionResetError, BrokenPipeError):
                got = b''
            if not got:
                raise Closed(f'after {len(out)} of {n} bytes')
            out += got
        return out

    def number(self, word):
        head = self.read(12)
        if head[:4] != word.encode():
            raise Closed(f'{head!r} came instead of {word}')
        return int(head[4:], 16)

    def body(self, word):
        return self.read(self.number(word))


def job(address, o):
    c = Connection(address, o.slowly)
    unpack = lzo_unpack if o.version >= 2 else lambda data: data
    try:
        try:
            if o.at_signal:
                signal.signal(signal.SIGUSR1, lambda *_: c.socket.send(b'x') if o.at_signal == 'stray'
                              else c.socket.shutdown(socket.SHUT_WR))
            c.send(request(o))
        except (ConnectionResetError, BrokenPipeError) as e:
            raise Closed(str(e)) from e
        if c.number('DONE') != o.version:
            raise Closed('another version')
        status = c.number('STAT')
        sys.stderr.buffer.write(unpack(c.body('SERR')))
        sys.stdout.buffer.write(unpack(c.body('SOUT')))
        parts = {o.object: unpack(c.body('DOTO'))}
        if status == 0 and o.version >= 3:
            parts[o.deps] = unpack(c.body('DOTD'))
        if status == 0:
            for path, data in parts.items():
                if path:
                    with open(path, 'wb') as f:
                        f.write(data)
        if c.socket.recv(1):
            raise Closed('bytes behind the reply')
    except Closed as e:
        print(f'no answer: {e}', file=sys.stderr)
        return DISCONNECTED
    return status >> 8 if status & 127 == 0 else 128 + (status & 127)


def head(version=1, argv=('gcc', '-c', 'x.c', '-o', 'x.o')):
    return (token('DIST', version) + token('ARGC', len(argv))
            + b''.join(sized('ARGV', w.encode()) for w in argv))


def bomb(mib):
    """A block of so many MiB of the same byte, as one match of a literal."""
    match, left = b'\x20', (mib << 20) - 4 - 2 - 31
    zeros, rest = divmod(left, 255)
    if rest == 0:
        zeros, rest = zeros - 1, 255
    return bytes([17 + 4]) + b'    ' + match + b'\0' * zeros + bytes([rest]) + b'\0\0' + b'\x11\0\0'


def files(*sent):
    out = (token('DIST', 3) + sized('CDIR', b'/w') + token('ARGC', 5)
           + b''.join(sized('ARGV', w) for w in (b'gcc', b'-c', b'/w/x.c', b'-o', b'x.o'))
           + token('NFIL', len(sent) + 1) + sized('NAME', b'/w/x.c') + sized('FILE', lzo_pack(b'int x;\n')))
    return out + b''.join(sized('NAME', name) + body for name, body in sent)


def million_words():
    return token('DIST', 1) + token('ARGC', 1000000) + sized('ARGV', b'gcc') * 1000000


BAD = {
    'garbage': lambda: b'GET / HTTP/1.0\r\nHost: x\r\n\r\n',
    'binary': lambda: bytes(range(256)) * 64,
    'version': lambda: token('DIST', 4) + token('ARGC', 1),
    'huge-words': lambda: token('DIST', 1) + token('ARGC', 0xffffffff) + sized('ARGV', b'gcc'),
    'million-words': million_words,
    'huge-word': lambda: token('DIST', 1) + token('ARGC', 1) + token('ARGV', 0xffffffff) + b'g' * 100000,
    'no-words': lambda: token('DIST', 1) + token('ARGC', 0) + sized('DOTI', b'int x;\n'),
    'nul': lambda: token('DIST', 1) + token('ARGC', 1) + sized('ARGV', b'g\0c'),
    'huge-text': lambda: head() + token('DOTI', 0xffffffff) + b' ' * 100000,
    'huge-packed': lambda: head(2) + token('DOTI', 300 << 20) + b' ' * 100000,
    'not-lzo': lambda: head(2) + sized('DOTI', b'this is no block of that kind'),
    'bomb': lambda: head(2) + sized('DOTI', bomb(20 * 1024)),
    'bomb-file': lambda: files((b'/w/y.h', sized('FILE', bomb(20 * 1024)))),
    'behind': lambda: head() + sized('DOTI', b'int x;\n') + b'and more',
    'huge-files': lambda: files()[:-40] + token('NFIL', 0xffffffff),
    'dotdot': lambda: files((b'/w/../../../../etc/evil', sized('FILE', lzo_pack(b'x')))),
    'relative': lambda: files((b'w/y.h', sized('FILE', lzo_pack(b'x')))),
    'root': lambda: files((b'/', sized('FILE', lzo_pack(b'x')))),
    'link-out': lambda: files((b'/w/etc', sized('LINK', b'../' * 30 + b'etc'))),
    'link-out-dots': lambda: files((b'/w/inc', sized('LINK', b'../' * 30 + b'usr/include/../../etc'))),
    'link-out-absolute': lambda: files((b'/w/etc', sized('LINK', b'/../etc'))),
    'through-link': lambda: files((b'/w/l', sized('LINK', b'/tmp')), (b'/w/l/y.h', sized('FILE', lzo_pack(b'x')))),
    'through-system': lambda: files((b'/w/l', sized('LINK', b'../' * 30 + b'usr/include')),
                                    (b'/w/l/y.h', sized('FILE', lzo_pack(b'x')))),
    'file-as-folder': lambda: files((b'/w/x.c/y.h', sized('FILE', lzo_pack(b'x')))),
    'half': lambda: head()[:-7],
    'half-text': lambda: head() + token('DOTI', 1000) + b'int x;\n',
    'nothing': lambda: b'',
    'one': lambda: b'D',
}


def bad(address, name, hang_up):
    c, began = Connection(address), time.monotonic()
    try:
        c.socket.sendall(BAD[name]())
        if hang_up:
            c.socket.close()
            return 0
        got = c.socket.recv(1)
    except (ConnectionResetError, BrokenPipeError):
        got = b''
    if not hang_up:
        print('answered' if got else 'closed', round(time.monotonic() - began))
    return 0


class Sent(argparse.Action):
    def __call__(self, parser, o, value, option=None):
        o.sent = (o.sent or []) + [(option.lstrip('-'), value)]


def main():
    p = argparse.ArgumentParser()
    p.add_argument('address')
    sub = p.add_subparsers(dest='verb', required=True)
    j = sub.add_parser('job')
    j.add_argument('--version', type=int, default=1)
    for name in 'text', 'dir', 'object', 'deps':
        j.add_argument('--' + name)
    for name in 'file', 'empty', 'link':
        j.add_argument('--' + name, dest='sent', action=Sent, default=[])
    j.add_argument('--slowly', action='store_true')
    j.add_argument('--at-signal', choices=['stray', 'half-close'])
    j.add_argument('argv', nargs='+')
    b = sub.add_parser('bad')
    b.add_argument('--hang-up', action='store_true')
    b.add_argument('name', choices=sorted(BAD))
    o = p.parse_args()
    return job(o.address, o) if o.verb == 'job' else bad(o.address, o.name, o.hang_up)


if __name__ == '__main__':
    sys.exit(main())
