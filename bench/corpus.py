"""Corpora: a tree of sources, the commands that compile it, and what the real compiler made of each.

A corpus lies in WORK/corpora/NAME: tree/ (sources), cc/bin/gcc (the recording compiler, see replay.c),
cc/libexec/cc1 (the recordings). A recorded project also has units.json and recorded/ (see projects.py).
"""

import os
import random
import struct
import subprocess

from farm import Unable

# distcc asks its servers for the compiler by its long name.
COMPILERS = "gcc", "g++", "x86_64-linux-gnu-gcc", "x86_64-linux-gnu-g++"
ENTRY, TAIL, MAGIC = "<6Q", "<2Q8s", b"MREPLAY1"


def unit_key(name):
    """FNV-1a, as in replay.c."""
    h = 0xcbf29ce484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return h


def real_size(name):
    """Of a part of the real compiler."""
    path = subprocess.run(["gcc", f"-print-prog-name={name}"], capture_output=True, text=True, check=True).stdout
    return os.path.getsize(path.strip()) if path.startswith("/") else 0


class Corpus:
    """COMMANDS are the compiles, the longest first; WARM is one more, of a source that no other one resembles."""

    def __init__(self, folder, title):
        self.folder, self.title = folder, title
        self.tree, self.bin = os.path.join(folder, "tree"), os.path.join(folder, "cc/bin")
        self.commands, self.warm, self.objects = [], [], {}
        self.total_s = self.longest_s = 0

    def ideal_s(self, slots):
        return max(self.total_s / slots, self.longest_s)

    def install(self, replay, units):
        """UNITS: dictionaries with source, argv, ns, and object, depends, messages as bytes."""
        os.makedirs(self.bin, exist_ok=True)
        os.makedirs(os.path.join(self.folder, "cc/libexec"), exist_ok=True)
        place(read(replay), os.path.join(self.bin, "replay"))
        for name in COMPILERS:
            path = os.path.join(self.bin, name)
            if not os.path.islink(path):
                os.symlink("replay", path)
        place(recordings(read(replay), units, real_size("cc1")), os.path.join(self.folder, "cc/libexec/cc1"))

    def use(self, units):
        units = sorted(units, key=lambda u: -u["ns"])
        self.commands = [u["argv"] for u in units if not u.get("warm")]
        self.warm = next((u["argv"] for u in units if u.get("warm")), None)
        self.objects = {" ".join(u["argv"]): (u["output"], u["object"], u.get("depfile")) for u in units}
        self.total_s = sum(u["ns"] for u in units) / 1e9
        self.longest_s = max(u["ns"] for u in units) / 1e9

    def clean(self):
        for output, _, depfile in self.objects.values():
            for name in (output, depfile):
                try:
                    if name:
                        os.unlink(os.path.join(self.tree, name))
                except FileNotFoundError:
                    pass

    def made(self):
        """The objects that are there now."""
        return [read(os.path.join(self.tree, self.objects[" ".join(argv)][0])) for argv in self.commands]

    def verify(self, commands):
        """Every object is there, and is the recorded one."""
        for argv in commands:
            output, want, _ = self.objects[" ".join(argv)]
            if read(os.path.join(self.tree, output)) != want:
                raise Unable(f"{output} is not the object that was recorded")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def recordings(program, units, least):
    """The file that replay.c reads; at least as long as the real thing, so that its digest costs as much."""
    body, entries = bytearray(program), []
    for u in units:
        body += b"\0" * (-len(body) % 8)
        entries.append((unit_key(u["source"]), u["ns"], len(body), *(len(u[k]) for k in PARTS)))
        for k in PARTS:
            body += u[k]
    body += b"\0" * max(-len(body) % 8, (least - len(body)) // 8 * 8 + -len(body) % 8)
    at = len(body)
    for e in sorted(entries):
        body += struct.pack(ENTRY, *e)
    return bytes(body + struct.pack(TAIL, at, len(entries), MAGIC))


PARTS = "object", "depends", "messages"


def place(data, to):
    """Makes a program, but leaves a file alone that already holds DATA: its times are part of a compiler's identity."""
    if os.path.exists(to) and read(to) == data:
        return
    with open(to + ".new", "wb") as f:
        f.write(data)
    os.chmod(to + ".new", 0o755)
    os.rename(to + ".new", to)


def write_once(path, text):
    if not os.path.exists(path):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)


def trivial(bench, count):
    """COUNT sources without an include, whose compile takes no time."""
    c = Corpus(os.path.join(bench.work, "corpora", f"trivial{count}"), f"{count} trivial units")
    os.makedirs(c.tree, exist_ok=True)
    made(bench, c, count, 0, lambda i: "")
    return c


def pool(bench, count, headers):
    """COUNT sources that include 30 each of a pool of HEADERS, all of which are used; their compile takes 50 ms."""
    c = Corpus(os.path.join(bench.work, "corpora", f"pool{count}.{headers}"), f"{count} units, {headers} headers")
    os.makedirs(c.tree, exist_ok=True)
    for i in range(headers):
        write_once(os.path.join(c.tree, f"h{i:05}.h"),
                   f"#ifndef H{i}\n#define H{i}\n" + "".join(f"struct s{i}_{k} {{ int a, b; }};\n" for k in range(40))
                   + "#endif\n")
    each = max(30, -(-headers // count))
    made(bench, c, count, 50000000,
         lambda i: "".join(f'#include "h{(i * each + k) % headers:05}.h"\n' for k in range(each)))
    return c


def large(bench, count, size):
    """COUNT trivial sources, each of whose objects is SIZE bytes that nothing can pack."""
    c = Corpus(os.path.join(bench.work, "corpora", f"large{count}.{size}"), f"{count} units, objects of {size} bytes")
    os.makedirs(c.tree, exist_ok=True)
    made(bench, c, count, 0, lambda i: "", random.Random(1).randbytes(size))
    return c


def made(bench, c, count, ns, includes, body=b""):
    units = []
    for i in range(count + 1):
        source = f"f{i:05}.c"
        write_once(os.path.join(c.tree, source),
                   (includes(i) if i < count else "") + f"int f{i}(void)\n{{\n\treturn {i};\n}}\n")
        units.append({"source": source, "argv": ["gcc", "-O2", "-c", source, "-o", source[:-2] + ".o"],
                      "output": source[:-2] + ".o", "ns": ns, "depends": b"", "messages": b"", "warm": i == count})
    real = os.path.join(c.folder, "real.o")
    if not os.path.exists(real):
        subprocess.run(["gcc", "-O2", "-c", os.path.join(c.tree, "f00000.c"), "-o", real], check=True)
    body = body or read(real)
    for u in units:
        u["object"] = body
    c.install(bench.tool("replay"), units)
    c.use(units)
