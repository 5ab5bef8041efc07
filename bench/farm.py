"""Processes, their CPU time and their bytes: what every part of the benchmark stands on."""

import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = {"replay": ["-static"], "launch": [], "delay": [], "empty": ["-static"]}


class Unable(Exception):
    """A part of the benchmark cannot be run on this machine; says why."""


def cpu_groups():
    """Folders in which a group of processes can be made whose CPU time the kernel sums up, best first."""
    with open("/proc/mounts", encoding="ascii") as mounts:
        for line in mounts:
            _, folder, kind, options = line.split()[:4]
            if kind == "cgroup" and "cpuacct" in options.split(","):
                yield folder, "cpuacct.usage"
            elif kind == "cgroup2":
                yield folder, "cpu.stat"


class Group:
    """The CPU time of processes started in it and of all that they start. Without a cgroup that may be written
    it is the sum over the processes that were named to it, and their children that were waited for."""

    def __init__(self, name):
        self.folder = self.file = None
        self.pids = []
        for folder, file in cpu_groups():
            path = os.path.join(folder, f"muster-bench.{os.getpid()}.{name}")
            try:
                os.mkdir(path)
                self.folder, self.file = path, file
                break
            except OSError:
                continue

    def enter(self):
        """For preexec_fn."""
        if self.folder:
            with open(os.path.join(self.folder, "cgroup.procs"), "w", encoding="ascii") as procs:
                procs.write(str(os.getpid()))

    def add(self, pid):
        self.pids.append(pid)

    def cpu_ns(self):
        if not self.folder:
            return sum(process_cpu_ns(pid) for pid in self.pids)
        with open(os.path.join(self.folder, self.file), encoding="ascii") as f:
            text = f.read()
        if self.file == "cpuacct.usage":
            return int(text)
        return int(re.search(r"usage_usec (\d+)", text).group(1)) * 1000

    def close(self):
        if self.folder:
            for _ in range(50):
                try:
                    os.rmdir(self.folder)
                    return
                except OSError:
                    time.sleep(0.1)


def process_cpu_ns(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
            own = int(f.read().split()[0])
    except OSError:
        return 0
    return own + (int(fields[13]) + int(fields[14])) * 1000000000 // os.sysconf("SC_CLK_TCK")


def process_peak_kb(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as f:
            return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))
    except (OSError, AttributeError):
        return 0


class Link:
    """A pair of network devices: we stand at one end, the workers in a namespace at the other. What passes is
    counted by the kernel, with all headers."""

    def __init__(self):
        tag = os.getpid() % 10000
        self.space, self.device, self.far_device = f"mbench{tag}", f"mb{tag}c", f"mb{tag}w"
        net = f"10.213.{os.getpid() % 250}"
        self.client, self.host = f"{net}.1", f"{net}.2"
        steps = (f"ip netns add {self.space}",
                 f"ip link add {self.device} type veth peer name {self.far_device} netns {self.space}",
                 f"ip addr add {self.client}/30 dev {self.device}",
                 f"ip link set {self.device} up",
                 f"ip -n {self.space} addr add {self.host}/30 dev {self.far_device}",
                 f"ip -n {self.space} link set {self.far_device} up",
                 f"ip -n {self.space} link set lo up")
        for step in steps:
            r = subprocess.run(step.split(), capture_output=True, text=True, check=False)
            if r.returncode:
                self.close()
                raise Unable(f"no network namespaces here: {step}: {r.stderr.strip()}")

    def wrap(self):
        return ["ip", "netns", "exec", self.space]

    def bytes(self):
        """Sent and received by us."""
        base = f"/sys/class/net/{self.device}/statistics"
        return tuple(int(open(f"{base}/{name}", encoding="ascii").read())
                     for name in ("tx_bytes", "rx_bytes"))

    def close(self):
        for step in (f"ip link del {self.device}", f"ip netns del {self.space}"):
            subprocess.run(step.split(), capture_output=True, check=False)


class Loopback:
    """The same without namespaces: then bytes are what the peer itself counts, if it does."""
    host = client = "127.0.0.1"

    def wrap(self):
        return []

    def bytes(self):
        return None

    def close(self):
        pass


class Bench:
    """One run of the benchmark: its folders, programs, groups and processes."""

    def __init__(self, build, work):
        self.build, self.work = os.path.abspath(build), os.path.abspath(work)
        self.bin = os.path.join(self.work, "bin")
        os.makedirs(self.bin, exist_ok=True)
        self.link = Loopback()
        self.client, self.remote, self.beside = Group("client"), Group("workers"), Group("beside")
        self.processes = []
        self.count = 0
        for name in PROGRAMS:
            self.compile(name)

    def compile(self, name):
        source, to = os.path.join(HERE, name + ".c"), self.tool(name)
        if os.path.exists(to) and os.path.getmtime(to) > os.path.getmtime(source):
            return
        options = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", *PROGRAMS[name]]
        subprocess.run(["cc", *options, source, "-o", to + ".new"], check=True)
        os.rename(to + ".new", to)

    def tool(self, name):
        return os.path.join(self.bin, name)

    def program(self, name):
        path = os.path.join(self.build, name)
        if not os.access(path, os.X_OK):
            raise Unable(f"{path} is not there: build first")
        return path

    def folder(self, name):
        """A fresh folder for one farm; the name is short, since it holds unix sockets."""
        self.count += 1
        path = os.path.join(self.work, f"{name}{self.count}")
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path

    def environment(self, path, **more):
        env = {"PATH": path + ":/usr/sbin:/usr/bin:/bin", "HOME": self.work, "LC_ALL": "C"}
        env.update(more)
        return env

    def start(self, argv, env, log, group=None, wrap=True):
        """A process of the farm, in the namespace of the workers."""
        group = group or self.remote
        with open(log, "wb") as out:
            p = subprocess.Popen((self.link.wrap() if wrap else []) + argv, env=env, stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=out, preexec_fn=group.enter, start_new_session=True)
        group.add(p.pid)
        self.processes.append(p)
        return p

    def stop(self, p):
        if p.poll() is None:
            p.terminate()
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except OSError:
            pass
        if p in self.processes:
            self.processes.remove(p)

    def close(self):
        for p in list(self.processes):
            self.stop(p)
        self.link.close()
        for group in (self.client, self.remote, self.beside):
            group.close()

    def client_ns(self):
        """The CPU time of the client's side; without its group that of all that was waited for."""
        if self.client.folder:
            return self.client.cpu_ns()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return round((children.ru_utime + children.ru_stime) * 1e9)

    def launch(self, commands, cwd, env, jobs, daemon=lambda: 0, seconds=900):
        """Runs COMMANDS and measures. DAEMON gives the pid of a daemon that belongs to the client's side."""
        names = os.path.join(self.work, "list"), os.path.join(self.work, "report")
        with open(names[0], "wb") as f:
            for argv in commands:
                f.write(b"".join(word.encode() + b"\0" for word in argv) + b"\0")
        before, far = self.client.cpu_ns(), self.remote.cpu_ns()
        sent = self.link.bytes()
        known = process_cpu_ns(daemon())
        log = os.path.join(self.work, "launch.log")
        with open(log, "wb") as out:
            p = subprocess.Popen([self.tool("launch"), str(jobs), *names], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=out, preexec_fn=self.client.enter, start_new_session=True)
            self.processes.append(p)
            try:
                status = p.wait(seconds)
            except subprocess.TimeoutExpired as e:
                raise Unable(f"{len(commands)} compiles took more than {seconds} s") from e
            finally:
                self.stop(p)
        if status:
            raise Unable(f"the compiles could not be started: see {log}")
        with open(names[1], encoding="ascii") as f:
            head, *each = f.read().splitlines()
        wall, own, children, failed = map(int, head.split())
        if failed:
            with open(log, encoding="utf-8", errors="replace") as f:
                raise Unable(f"{failed} of {len(commands)} commands failed; first of {log}: {f.readline().strip()}")
        n, resident = len(commands), process_cpu_ns(daemon()) - known
        if self.client.folder:
            client = self.client.cpu_ns() - before - own
        else:
            client = children + resident
        result = {"jobs": n, "width": jobs, "wall_s": wall / 1e9, "jobs_per_s": n * 1e9 / wall,
                  "latency_ms": statistics.median(map(int, each)) / 1e6, "client_ms": client / n / 1e6,
                  "worker_ms": (self.remote.cpu_ns() - far) / n / 1e6}
        if resident > 0:
            result["agent_ms"] = resident / n / 1e6
        if sent:
            now = self.link.bytes()
            result.update(up_kb=(now[0] - sent[0]) / n / 1000, down_kb=(now[1] - sent[1]) / n / 1000)
        return result


def wait_for(what, true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise Unable(f"{what} did not come within {seconds} s")
        time.sleep(0.02)
