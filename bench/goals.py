"""The figures that muster wants to reach: where each is found among the measurements, and whether it is."""


def median(part, system, variant, metric):
    return lambda r: r.median(part, system, variant, metric)


def overhead(part, variant):
    """The workers' CPU beside the compiler: the recording compiler's own is what spawning it costs barely."""
    def of(r):
        all_of_it = r.median(part, "muster", variant, "worker_ms")
        compiler = r.median(part, "bare spawn", variant if part == "trivial" else "", "client_ms")
        return None if all_of_it is None or compiler is None else all_of_it - compiler
    return of


def startup(r):
    shim = r.median("startup", "muster-cc --version", "", "latency_ms")
    empty = r.median("startup", "empty static program", "", "latency_ms")
    return None if shim is None or empty is None else shim - empty


def local(r):
    ours = r.median("local", "muster run make -j2", "", "wall_s")
    plain = r.median("local", "plain make -j2", "", "wall_s")
    return None if ours is None or plain is None else ours / plain


def tls(r):
    keyed = r.median("tls", "muster", "TLS", "jobs_per_s")
    plain = r.median("tls", "muster", "plain", "jobs_per_s")
    return None if keyed is None or plain is None else keyed / plain


def spread(metric, variants):
    """The most of the medians by the least."""
    def of(r):
        values = [r.median("scale", "muster", v, metric) for v in variants]
        return None if None in values else max(values) / min(values)
    return of


def shapes(texts):
    return [f"{jobs} jobs, {slots} slots, {headers} headers" for jobs, slots, headers in texts]


JOBS = shapes(((100, 64, 1000), (1000, 64, 1000), (10000, 64, 1000)))
SLOTS = shapes(((1000, 16, 1000), (1000, 64, 1000), (1000, 200, 1000), (1000, 400, 1000)))

# What, where, the sign of the comparison, the target.
GOALS = [
    ("C, 200 slots: wall / ideal", median("git", "muster", "cold", "ratio"), "<=", 1.10),
    ("C, cold: client CPU, ms/job", median("git", "muster", "cold", "client_ms"), "<=", 2.5),
    ("C, cold: up, kB/job", median("git", "muster", "cold", "up_kb"), "<=", 20),
    ("C++, 64 slots: wall / ideal", median("protobuf", "muster", "cold", "ratio"), "<=", 1.05),
    ("C++, cold: client CPU, ms/job", median("protobuf", "muster", "cold", "client_ms"), "<=", 3),
    ("C++, cold: up, kB/job", median("protobuf", "muster", "cold", "up_kb"), "<=", 60),
    ("C, second build: up, kB/job", median("git", "muster", "again", "up_kb"), "<=", 2),
    ("C, second build: client CPU, ms/job", median("git", "muster", "again", "client_ms"), "<=", 1.5),
    ("C++, second build: up, kB/job", median("protobuf", "muster", "again", "up_kb"), "<=", 2),
    ("C++, second build: client CPU, ms/job", median("protobuf", "muster", "again", "client_ms"), "<=", 1.5),
    ("trivial, -j1: latency, ms", median("trivial", "muster", "-j1", "latency_ms"), "<=", 2.0),
    ("trivial, -j1: client CPU, ms/job", median("trivial", "muster", "-j1", "client_ms"), "<=", 0.9),
    ("trivial, -j16: client CPU, ms/job", median("trivial", "muster", "-j16", "client_ms"), "<=", 0.9),
    ("trivial, -j64: client CPU, ms/job", median("trivial", "muster", "-j64", "client_ms"), "<=", 0.9),
    ("trivial, -j16: jobs/s", median("trivial", "muster", "-j16", "jobs_per_s"), ">=", 700),
    ("trivial, -j64: jobs/s", median("trivial", "muster", "-j64", "jobs_per_s"), ">=", 700),
    ("trivial, -j16: worker's overhead, ms CPU/job", overhead("trivial", "-j16"), "<=", 3),
    ("C: worker's overhead, ms CPU/job", overhead("git", "cold"), "<=", 3),
    ("C++: worker's overhead, ms CPU/job", overhead("protobuf", "cold"), "<=", 3),
    ("C++: agent's memory, MB", median("protobuf", "muster", "again", "agent_mb"), "<=", 64),
    ("shim's start over an empty program's, ms", startup, "<=", 0.3),
    ("C, round trip 20 ms: wall / ideal", median("delay", "muster", "round trip 20 ms", "ratio"), "<=", 1.15),
    ("C, round trip 80 ms: wall / ideal", median("delay", "muster", "round trip 80 ms", "ratio"), "<=", 1.15),
    ("objects of 100 kB: jobs/s, TLS / plain", tls, ">=", 0.95),
    ("muster run make -j2 / make -j2", local, "<=", 1.03),
    ("client CPU, 100 to 10,000 jobs: most / least", spread("client_ms", JOBS), "<=", 1.10),
    ("client CPU, 16 to 400 slots: most / least", spread("client_ms", SLOTS), "<=", 1.10),
    ("agent's memory, 100 to 10,000 jobs: most / least", spread("agent_mb", JOBS), "<=", 1.10),
]


def all_of(results):
    rows = []
    for what, where, sign, target in GOALS:
        value = where(results)
        met = None if value is None else value <= target if sign == "<=" else value >= target
        rows.append({"figure": what, "sign": sign, "target": target, "reached": value, "met": met})
    return rows


def table(results):
    lines = ["", "### figures", "", "| figure | target | reached | |", "|---|---|---|---|"]
    for g in all_of(results):
        if g["reached"] is not None:
            lines.append(f"| {g['figure']} | {g['sign'].replace('<=', '≤').replace('>=', '≥')} {g['target']:g} | "
                         f"{g['reached']:.2f} | {'yes' if g['met'] else 'no'} |")
    return "\n".join(lines) + "\n"
