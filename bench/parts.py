"""The parts of the benchmark, and the measurements they make.

A measurement is a dictionary of numbers; its key says (part, system, variant). All systems of a part are measured in
turn within each repetition, so that a slow minute of the machine meets all of them alike.
"""

import functools
import os
import statistics
import subprocess
import sys
import time

import corpus
import projects
from farm import Link, Loopback, Unable
from icecc import Icecc
from peers import Bare, Ccache, Distcc, DistccLzo, Muster

PEERS = {"bare": Bare, "muster": Muster, "distcc": Distcc, "lzo": DistccLzo, "icecc": Icecc, "ccache": Ccache}
# Not ours: --peer-repeat counts for them.
FOREIGN = "distcc", "lzo", "icecc", "ccache"


class Results:
    def __init__(self):
        self.rows, self.notes, self.titles = {}, [], {}
        self.failed = False  # something could not be measured that should have been

    def add(self, part, system, variant, numbers):
        self.rows.setdefault((part, system, variant), []).append(numbers)
        shown = ", ".join(f"{k} {v:.2f}" for k, v in numbers.items() if isinstance(v, float))
        print(f"{part}: {system} {variant}: {shown}", file=sys.stderr, flush=True)

    def note(self, sentence, failed=True):
        self.failed |= failed
        if sentence not in self.notes:
            self.notes.append(sentence)
            print(sentence, file=sys.stderr, flush=True)

    def values(self, part, system, variant, metric):
        return [r[metric] for r in self.rows.get((part, system, variant), []) if r.get(metric) is not None]

    def median(self, *key):
        values = self.values(*key)
        return statistics.median(values) if values else None

    def dump(self):
        return [{"part": k[0], "system": k[1], "variant": k[2], "runs": v} for k, v in self.rows.items()]

    def tables(self, about):
        text = (f"{about['date']}, {about['processor']}, {about['cores']} cores, Linux {about['kernel']}, "
                f"load {about['load']:.1f} before it began; repetitions: {about['repeat']}"
                + (f", of the peers {about['peer_repeat']}" if about['peer_repeat'] != about['repeat'] else "")
                + ", median (least – most)\n")
        for part in dict.fromkeys(k[0] for k in self.rows):
            text += f"\n### {self.titles.get(part, part)}\n\n" + self.table(part)
        return text + "".join(f"\nNot measured: {n}\n" for n in self.notes)

    def table(self, part):
        keys = [k for k in self.rows if k[0] == part]
        columns = [(m, head, digits) for m, head, digits in COLUMNS if any(self.values(*k, m) for k in keys)]
        differ = len({len(self.rows[k]) for k in keys}) > 1
        heads = ["repetitions"] * differ + [head for _, head, _ in columns]
        lines = ["| system | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
        for k in keys:
            cells = [str(len(self.rows[k]))] * differ + [self.cell(k, m, digits) for m, _, digits in columns]
            lines.append(f"| {k[1]}{', ' + k[2] if k[2] else ''} | " + " | ".join(cells) + " |")
        return "\n".join(lines) + "\n"

    def cell(self, key, metric, digits):
        values = self.values(*key, metric)
        if not values:
            return ""
        text = f"{statistics.median(values):.{digits}f}"
        if len(values) > 1:
            text += f" ({min(values):.{digits}f} – {max(values):.{digits}f})"
        return text


COLUMNS = (("wall_s", "wall, s", 2), ("ratio", "wall / ideal", 2), ("latency_ms", "latency, ms", 2),
           ("jobs_per_s", "jobs/s", 0), ("client_ms", "client CPU, ms/job", 2),
           ("agent_ms", "of it agent", 2),
           ("worker_ms", "workers' CPU, ms/job", 2), ("up_kb", "up, kB/job", 1), ("down_kb", "down, kB/job", 1),
           ("agent_mb", "agent, MB", 1), ("local", "compiled here", 0))


def farm(bench, args, results):
    """Workers are at the other end of a pair of network devices, where that can be had."""
    if args.loopback:
        return
    try:
        bench.link = Link()
    except (Unable, OSError) as e:
        results.note(f"bytes on the wire: {e}", failed=False)


def unfarm(bench):
    bench.link.close()
    bench.link = Loopback()


def making(kind, *args, **more):
    make = functools.partial(kind, *args, **more)
    make.name = kind.name
    return make


def measure(results, part, make, slots, runs, variant=""):
    """A farm of its own by MAKE, then RUNS (variant, function of the peer) in turn."""
    peer = None
    try:
        peer = make()
        peer.start(slots)
        for name, run in runs:
            numbers = run(peer)
            results.add(part, peer.name, ", ".join(w for w in (variant, name) if w), numbers)
    except Unable as e:
        results.note(f"{part}: {peer.name if peer else make.name}: {e}")
    finally:
        if peer:
            peer.stop()


def each_peer(args):
    for i in range(max(args.repeat, args.peer_repeat)):
        for name in args.peers:
            if i < (args.peer_repeat if name in FOREIGN else args.repeat):
                yield PEERS[name]


def part_trivial(bench, args, results):
    c = corpus.trivial(bench, args.jobs)
    for width in args.widths:
        for kind in each_peer(args):
            if kind in (Bare, Muster, Distcc):
                measure(results, "trivial", making(kind, bench, c), [max(16, width)],
                        [(f"-j{width}", lambda p, w=width: p.run(w))])


def part_tls(bench, args, results):
    """On loopback, where encryption can be left away: jobs whose objects are 100 kB."""
    c = corpus.large(bench, min(args.jobs, 1000), 100000)
    for _ in range(args.repeat):
        for keyed in True, False:
            measure(results, "tls", making(Muster, bench, c, keyed=keyed), [16], [("", lambda p: p.run(16))],
                    "TLS" if keyed else "plain")


def split(slots, size=16):
    """So many slots, in workers of SIZE."""
    return [size] * (slots // size) + ([slots % size] if slots % size else [])


def against_ideal(c, slots):
    """A run and its ratio to what the units' times allow."""
    def run(peer):
        numbers = peer.run(slots)
        numbers["ratio"] = numbers["wall_s"] / c.ideal_s(slots)
        return numbers
    return run


def corpus_part(project, slots, smoke=("smoke", 4)):
    def part(bench, args, results):
        name, n = smoke if args.smoke else (project, slots)
        c = projects.load(bench, name)
        title = f"{c.title}: {len(c.commands)} units, {c.total_s:.0f} s, longest {c.longest_s:.1f} s; {n} slots"
        results.titles[project] = title
        farm(bench, args, results)
        try:
            for kind in each_peer(args):
                runs = [("", against_ideal(c, n))]
                if kind is Muster:
                    runs = [("cold", runs[0][1]), ("again", runs[0][1])]
                measure(results, project, making(kind, bench, c), split(n), runs)
        finally:
            unfarm(bench)
    return part


def part_delay(bench, args, results):
    """The C corpus at the end of a long line."""
    name, n = ("smoke", 4) if args.smoke else ("git", 200)
    c = projects.load(bench, name)
    farm(bench, args, results)
    try:
        for _ in range(args.repeat):
            for ms in (10,) if args.smoke else (10, 40):
                measure(results, "delay", making(Muster, bench, c, delay_ms=ms), split(n), [("", against_ideal(c, n))],
                        f"round trip {2 * ms} ms")
    finally:
        unfarm(bench)


def part_startup(bench, args, results):
    """What starting the shim costs beside starting a program that does nothing. In turn, since it is little."""
    c = corpus.trivial(bench, 20)
    env = bench.environment("/usr/bin")
    for _ in range(1 if args.smoke else max(5, args.repeat)):
        for name, argv in (("empty static program", [bench.tool("empty")]),
                           ("muster-cc --version", [bench.program("muster-cc"), "--version"])):
            results.add("startup", name, "", bench.launch([argv] * (20 if args.smoke else 1000), c.tree, env, 1))


def part_local(bench, args, results):
    """Real compiles without any worker: muster run beside the plain command."""
    c = projects.load(bench, "smoke" if args.smoke else "lua")
    env = dict(bench.environment("/usr/bin"), MUSTER_STATE_DIR=bench.folder("l"), MUSTER_HOSTS="",
               XDG_CONFIG_HOME=bench.work)
    build = os.path.join(bench.work, "local.mk")
    with open(build, "w", encoding="utf-8") as f:
        f.write("all:" + "".join(f" u{i}" for i in range(len(c.commands))) + "\n")
        for i, argv in enumerate(c.commands):
            f.write(f"u{i}:\n\t@{' '.join(argv)}\n")
    plain, made = ["make", "-s", "-j2", "-f", build], []
    for _ in range(args.repeat):
        for name, argv in (("plain make -j2", plain),
                           ("muster run make -j2", [bench.program("muster"), "run", "-q", *plain])):
            c.clean()
            before, start = bench.client_ns(), time.monotonic()
            subprocess.run(argv, cwd=c.tree, env=env, check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, preexec_fn=bench.client.enter, timeout=600)
            wall = time.monotonic() - start
            made.append(c.made())
            results.add("local", name, "", {"jobs": len(c.commands), "wall_s": wall, "client_ms":
                                            (bench.client_ns() - before) / len(c.commands) / 1e6})
            subprocess.run([bench.program("muster"), "stop"], env=env, capture_output=True, check=False)
    if any(m != made[0] for m in made):
        results.note("local: the objects are not the same ones")


def part_scale(bench, args, results):
    """Units that include 30 of a pool of headers and take 50 ms: more units, more slots, more headers."""
    shapes = [(40, 8, 60)] if args.smoke else [
        (100, 64, 1000), (1000, 64, 1000), (1000, 16, 1000), (1000, 200, 1000), (1000, 400, 1000), (1000, 64, 100),
        (1000, 64, 10000), (10000, 64, 1000)]
    farm(bench, args, results)
    try:
        for jobs, slots, headers in shapes:
            c = corpus.pool(bench, jobs, headers)
            for _ in range(1 if args.smoke else min(3, args.repeat)):
                measure(results, "scale", making(Muster, bench, c), split(slots, 64), [("", against_ideal(c, slots))],
                        f"{jobs} jobs, {slots} slots, {headers} headers")
    finally:
        unfarm(bench)


PARTS = {"trivial": part_trivial, "startup": part_startup, "lua": corpus_part("lua", 16),
         "git": corpus_part("git", 200), "protobuf": corpus_part("protobuf", 64), "delay": part_delay,
         "tls": part_tls, "local": part_local, "scale": part_scale}
# Each kind of part once.
SMOKE = "trivial", "startup", "lua", "delay", "tls", "local"
