"""The systems that are compared. Each has the same few methods:

start(slots)     makes a farm with a worker for each number in SLOTS, which knows its compilers but no source
command(argv)    how a compile is called
env()            the environment for that
run(...)         one measured build; adds what only this system can tell
stop()
"""

import json
import os
import socket
import subprocess

from farm import Unable, process_peak_kb, wait_for


def answers(host, port):
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError:
        return False


class Bare:
    """No distribution: the compiler is spawned, as many at once as the farm has slots."""
    name = "bare spawn"

    def __init__(self, bench, corpus):
        self.bench, self.corpus = bench, corpus

    def start(self, slots):
        pass

    def command(self, argv):
        return argv

    def env(self):
        return self.bench.environment(self.corpus.bin)

    def daemon(self):
        return 0

    def warm(self):
        pass

    def run(self, jobs, commands=None):
        commands = commands or self.corpus.commands
        self.corpus.clean()
        result = self.bench.launch([self.command(c) for c in commands], self.corpus.tree, self.env(), jobs,
                                   self.daemon)
        self.verify(commands)
        return result

    def verify(self, commands):
        self.corpus.verify(commands)

    def stop(self):
        pass


class Muster(Bare):
    name = "muster"

    def __init__(self, bench, corpus, delay_ms=0, keyed=True):
        super().__init__(bench, corpus)
        self.delay_ms, self.keyed = delay_ms, keyed
        self.workers, self.hosts, self.dir, self.agent = [], [], None, 0

    def start(self, slots):
        self.dir = self.bench.folder("m")
        # Beyond loopback a worker wants a key: what is measured is encrypted.
        if self.keyed:
            with os.fdopen(os.open(self.key(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
                f.write(os.urandom(32).hex() + "\n")
        for i, n in enumerate(slots):
            self.workers.append(self.worker(i, n))
        self.warm()

    def worker(self, i, slots):
        name = os.path.join(self.dir, f"w{i}")
        port = name + ".port"
        p = self.bench.start([self.bench.program("muster-worker"), "--listen", self.bench.link.host + ":0", "--slots",
                              str(slots), "--state", name, "--name", f"w{i}", "--port-file", port],
                             self.env(), name + ".log")
        wait_for(f"the worker (see {name}.log)", lambda: os.path.exists(port) or p.poll() is not None)
        if p.poll() is not None:
            raise Unable(f"the worker does not start: {name}.log")
        with open(port, encoding="ascii") as f:
            address = f.read().strip()
        if self.delay_ms:
            address = self.delayed(name, address)
        self.hosts.append(address)
        return p

    def delayed(self, name, address):
        port = name + ".delayed"
        self.workers.append(self.bench.start([self.bench.tool("delay"), str(self.delay_ms), port,
                                              self.bench.link.host + ":0", address], self.env(), name + ".delay.log",
                                             group=self.bench.beside))
        wait_for("the proxy", lambda: os.path.exists(port))
        with open(port, encoding="ascii") as f:
            return f.read().strip()

    def key(self):
        return os.path.join(self.dir, "key")

    def env(self):
        env = self.bench.environment(self.corpus.bin, MUSTER_STATE_DIR=os.path.join(self.dir, "a"),
                                     XDG_CONFIG_HOME=self.dir, MUSTER_HOSTS=" ".join(self.hosts))
        return dict(env, MUSTER_KEY_FILE=self.key()) if self.keyed else env

    def command(self, argv):
        return [self.bench.program("muster-cc"), *argv]

    def warm(self):
        """Each worker stages the compiler, for an agent that leaves again."""
        os.makedirs(self.env()["MUSTER_STATE_DIR"], exist_ok=True)
        for host in self.hosts:
            env = dict(self.env(), MUSTER_HOSTS=host)
            self.bench.launch([self.command(self.corpus.warm)], self.corpus.tree, env, 1)
        if self.status()["jobs"].get("remote") != len(self.hosts):
            raise Unable(f"not every worker compiles: {self.status().get('why_local')}")
        self.leave()

    def leave(self):
        pid = self.status().get("pid", 0)
        subprocess.run([self.bench.program("muster"), "stop"], env=self.env(), capture_output=True, check=False)
        if pid:
            wait_for("the agent's end", lambda: not os.path.exists(f"/proc/{pid}"))

    def status(self):
        r = subprocess.run([self.bench.program("muster"), "status", "--json"], env=self.env(), capture_output=True,
                           check=False)
        try:
            return json.loads(r.stdout)
        except ValueError:
            return {"workers": [], "jobs": {}}

    def run(self, jobs, commands=None):
        before = self.status()["jobs"]
        result = super().run(jobs, commands)
        status = self.status()
        for key in ("remote", "local"):
            result[key] = status["jobs"].get(key, 0) - before.get(key, 0)
        result["retries"], result["why_local"] = status.get("retries", 0), status.get("why_local", {})
        result["agent_mb"] = process_peak_kb(status.get("pid", 0)) / 1024
        return result

    def daemon(self):
        return self.status().get("pid", 0)

    def stop(self):
        self.leave()
        for p in self.workers:
            self.bench.stop(p)
        self.workers, self.hosts = [], []


class Distcc(Bare):
    """Debian's distcc, tuned: a process that waits looks again every 20 ms, and none waits for its turn to
    preprocess. Its clients preprocess with the real compiler, its servers compile with the recording one."""
    name, option = "distcc", ""
    programs = "/usr/bin/distcc", "/usr/bin/distccd"

    def __init__(self, bench, corpus):
        super().__init__(bench, corpus)
        self.servers, self.hosts, self.dir, self.width = [], [], None, 0
        for program in self.programs:
            if not os.access(program, os.X_OK):
                raise Unable(f"{program} is not installed")

    def start(self, slots):
        self.dir = self.bench.folder("d")
        self.width = sum(slots)
        host = self.bench.link.host
        for i, n in enumerate(slots):
            port = 20000 + os.getpid() % 20000 + i
            log = os.path.join(self.dir, f"d{i}.log")
            argv = [self.programs[1], "--no-detach", "--daemon", "--listen", host, "--port", str(port), "--jobs",
                    str(n), "--allow", self.bench.link.client, "--enable-tcp-insecure", "--log-file", log,
                    "--log-level", "error", "--nice", "0"]
            self.servers.append(self.bench.start(argv, self.bench.environment(self.corpus.bin), log))
            if not self.bench.link.wrap():
                wait_for("distccd", lambda: answers(host, port))
            self.hosts.append(f"{host}:{port}/{n}{self.option}")
        if self.bench.link.wrap():
            wait_for("distccd", lambda: all(answers(host, int(h.split(":")[1].split("/")[0])) for h in self.hosts))

    def env(self):
        return self.bench.environment("/usr/bin", DISTCC_DIR=self.dir, DISTCC_PAUSE_TIME_MSEC="20",
                                      DISTCC_FALLBACK="0", DISTCC_HOSTS=" ".join(
                                          [f"--localslots_cpp={self.width}", *self.hosts]))

    def command(self, argv):
        return [self.programs[0], *argv]

    def stop(self):
        for p in self.servers:
            self.bench.stop(p)
        self.servers, self.hosts = [], []


class DistccLzo(Distcc):
    name, option = "distcc, lzo", ",lzo"


class Ccache(Bare):
    """The cached case: every object is already in the cache."""
    name = "ccache, all hits"
    program = "/usr/bin/ccache"

    def start(self, slots):
        if not os.access(self.program, os.X_OK):
            raise Unable(f"{self.program} is not installed")
        self.dir = self.bench.folder("c")
        super().run(min(64, sum(slots)))

    def env(self):
        return self.bench.environment(self.corpus.bin, CCACHE_DIR=self.dir)

    def command(self, argv):
        return [self.program, *argv]
