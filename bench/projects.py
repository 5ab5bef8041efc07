"""Real projects from Debian's source packages, and how each of their units is recorded.

Sources come by tests/e2e/debian.sh. Each compile is run once by the real compiler, two at a time; its CPU time is
that of the whole compiler (driver, cc1, as), by rusage, so that a busy machine does not matter.
"""

import glob
import json
import os
import shlex
import subprocess
import sys

from corpus import COMPILERS, PARTS, Corpus, read
from farm import HERE, Unable

GIT = ("NO_CURL=1 NO_EXPAT=1 NO_GETTEXT=1 NO_ICONV=1 NO_TCLTK=1 NO_PERL=1 NO_PYTHON=1 NO_OPENSSL=1 NO_REGEX=1 "
       "CC=gcc")
# A name: title, package, folder of the compiles below the tree, command.
PROJECTS = {
    "lua": ("Lua", "lua5.4", "src", "make -s -j2 linux CC='gcc -std=gnu99' MYCFLAGS='-g -MMD'"),
    "git": ("git", "git", ".", f"make -s -j2 {GIT} all"),
    "protobuf": ("protobuf", "protobuf", "src", "make -s -j2 -f bench.mk"),
}
# Three units without any network, to try the benchmark itself.
PROJECTS["smoke"] = ("smoke", None, ".", "make -s -j2")
PROTOBUF_FLAGS = "-std=c++17 -O2 -g -DHAVE_PTHREAD -I."


def smoke(tree):
    os.makedirs(tree)
    names = [f"s{i}" for i in range(6)]
    for i, name in enumerate(names):
        with open(f"{tree}/{name}.c", "w", encoding="ascii") as f:
            f.write(f"#include <stdio.h>\n#include \"s.h\"\nint f{i}(void)\n{{\n\treturn puts(S);\n}}\n")
    with open(f"{tree}/s.h", "w", encoding="ascii") as f:
        f.write("#define S \"smoke\"\n")
    with open(f"{tree}/Makefile", "w", encoding="ascii") as f:
        f.write("all: " + " ".join(n + ".o" for n in names) + "\n%.o: %.c\n\tgcc -g -MMD -c $< -o $@\n")


def fetch(bench, package, tree):
    if not package:
        smoke(tree)
        return
    script = '. "$0/../tests/e2e/debian.sh" && debian_open "$1" && debian_source "$2" "$3"'
    r = subprocess.run(["bash", "-c", script, HERE, os.path.join(bench.work, "apt"), package, tree + ".new"],
                       capture_output=True, text=True, check=False)
    if r.returncode:
        raise Unable(f"the sources of {package} cannot be fetched {r.stderr.strip()[-200:]}")
    os.rename(tree + ".new", tree)


def protobuf_makefile(folder):
    """Its own build wants CMake and GoogleTest; the library, the compiler and nothing of the tests is meant."""
    sources = [s[len(folder) + 1:] for s in sorted(glob.glob(folder + "/google/protobuf/**/*.cc", recursive=True))]
    sources = [s for s in sources if not any(word in s for word in ("test", "mock", "benchmark"))]
    with open(folder + "/bench.mk", "w", encoding="ascii") as f:
        f.write("all: " + " ".join(s[:-3] + ".o" for s in sources) + "\n%.o: %.cc\n\tg++ " + PROTOBUF_FLAGS +
                " -MMD -c $< -o $@\n")


def record(bench, name):
    """Builds the project with the recorder in the compilers' place."""
    title, package, sub, command = PROJECTS[name]
    folder = os.path.join(bench.work, "corpora", name)
    tree = os.path.join(folder, "tree")
    if not os.path.exists(tree):
        fetch(bench, package, tree)
    wrappers, to = os.path.join(folder, "recorder"), os.path.join(folder, "recorded")
    for d in (wrappers, to):
        os.makedirs(d, exist_ok=True)
    for compiler in COMPILERS:
        path = os.path.join(wrappers, compiler)
        with open(path, "w", encoding="ascii") as f:
            f.write(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -B {shlex.quote(HERE + '/projects.py')} "
                    f"{shlex.quote(to)} {compiler} \"$@\"\n")
        os.chmod(path, 0o755)
    cwd = os.path.normpath(os.path.join(tree, sub))
    if name == "protobuf":
        protobuf_makefile(cwd)
    print(f"recording {title}: builds it once with the real compiler", file=sys.stderr, flush=True)
    with open(os.path.join(folder, "log"), "wb") as log:
        r = subprocess.run(["nice", "sh", "-c", command], cwd=cwd, env=bench.environment(wrappers), stdout=log,
                           stderr=log, check=False)
    if r.returncode:
        raise Unable(f"{name}: its build fails; see {folder}/log")
    gather(name, title, cwd, to)


def gather(name, title, cwd, to):
    units, seen = [], set()
    for path in sorted(glob.glob(to + "/*.json")):
        with open(path, encoding="utf-8") as f:
            u = json.load(f)
        if u["cwd"] == cwd and u["source"] not in seen:
            seen.add(u["source"])
            units.append(dict(u, cwd=None, stem=os.path.basename(u["stem"])))
    if not units:
        raise Unable(f"{name}: its build compiled nothing; see {os.path.dirname(to)}/log")
    folder = os.path.dirname(to)
    with open(os.path.join(folder, "units.json"), "w", encoding="utf-8") as f:
        json.dump({"title": title, "cwd": os.path.relpath(cwd, folder), "units": units}, f, indent=1)


def load(bench, name):
    """The corpus NAME, recorded if it is not yet."""
    folder = os.path.join(bench.work, "corpora", name)
    index = os.path.join(folder, "units.json")
    if not os.path.exists(index):
        record(bench, name)
    with open(index, encoding="utf-8") as f:
        saved = json.load(f)
    c = Corpus(folder, saved["title"])
    c.tree = os.path.normpath(os.path.join(folder, saved["cwd"]))
    with open(os.path.join(c.tree, "bench-warm.c"), "w", encoding="ascii") as f:
        f.write("int warm;\n")
    units = [dict(u, **{k: read(f"{folder}/recorded/{u['stem']}.{k}") for k in PARTS})
             for u in saved["units"]]
    units.append({"source": "bench-warm.c", "argv": ["gcc", "-c", "bench-warm.c", "-o", "bench-warm.o"],
                  "output": "bench-warm.o", "depfile": None, "ns": 0, "object": b"warm", "depends": b"",
                  "messages": b"", "warm": True})
    c.install(bench.tool("replay"), units)
    c.use(units)
    return c


def argument(argv, option):
    return argv[argv.index(option) + 1] if option in argv[:-1] else None


def recorder(to, compiler, *argv):
    """Stands in the place of COMPILER: runs it, and keeps what came of it when that was one object."""
    argv = list(argv)
    source = next((w for i, w in enumerate(argv) if w.endswith((".c", ".cc", ".cpp")) and w[0] != "-" and
                   argv[i - 1] not in ("-o", "-MF", "-MQ", "-MT", "-include")), None)
    if "-c" not in argv or not source:
        os.execv("/usr/bin/" + compiler, ["/usr/bin/" + compiler, *argv])
    output = argument(argv, "-o") or os.path.splitext(os.path.basename(source))[0] + ".o"
    stem = os.path.join(to, f"{output.replace('/', '+')}.{os.getpid()}")
    with open(stem + ".messages", "wb") as messages:
        p = subprocess.Popen(["/usr/bin/" + compiler, *argv], stderr=messages)
    _, status, usage = os.wait4(p.pid, 0)
    sys.stderr.buffer.write(read(stem + ".messages"))
    if status == 0:
        depfile = argument(argv, "-MF") or os.path.splitext(output)[0] + ".d"
        if "-MD" not in argv and "-MMD" not in argv:
            depfile = None
        keep(stem, output, depfile)
        with open(stem + ".json", "w", encoding="utf-8") as f:
            json.dump({"cwd": os.getcwd(), "source": source, "argv": [compiler, *argv], "output": output,
                       "depfile": depfile, "ns": round((usage.ru_utime + usage.ru_stime) * 1e9), "stem": stem}, f)
    sys.exit(os.waitstatus_to_exitcode(status))


def keep(stem, output, depfile):
    for name, path in (("object", output), ("depends", depfile)):
        with open(f"{stem}.{name}", "wb") as f:
            f.write(read(path) if path else b"")


if __name__ == "__main__":
    recorder(*sys.argv[1:])
