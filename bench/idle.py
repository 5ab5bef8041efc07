#!/usr/bin/env python3
"""What many idle connections cost a worker: its memory, and how much later another client's job ends.

  bench/idle.py BUILD [--connections N] [--jobs N] [--at STAGE]...

Stages: silent (connected, nothing said), preface (4 bytes, then nothing), hello (muster's HELLO said, as an agent without work), and
with a key: handshake (half of a TLS handshake). The job is `gcc -c` of an empty file through muster-cc, by turns with the crowd and
without, so that what else the machine does meets both; since that is noisy, also how long the worker takes for another client's
PING (the worst of some hundred, and in the middle)."""
import argparse
import os
import pathlib
import random
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/e2e"))
import muster_peer  # noqa: E402

BEGUN = bytes([0x16, 3, 1, 1, 0])


def memory(pid, what="VmRSS"):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(what + ":"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Farm:
    def __init__(self, build, folder, keyed):
        self.folder, self.build = pathlib.Path(folder), pathlib.Path(build)
        self.env = dict(os.environ, MUSTER_STATE_DIR=f"{folder}/a", HOME=folder)
        self.env.pop("XDG_CONFIG_HOME", None)
        options = []
        if keyed:
            subprocess.run([self.build / "muster", "key", f"{folder}/key"], check=True, stdout=subprocess.DEVNULL)
            options = ["--key-file", f"{folder}/key"]
            self.env["MUSTER_KEY_FILE"] = f"{folder}/key"
        port = self.folder / "port"
        self.worker = subprocess.Popen(
            [self.build / "muster-worker", "--listen", "127.0.0.1:0", "--state", f"{folder}/w", "--port-file", port, *options],
            stdin=subprocess.DEVNULL, stderr=open(f"{folder}/log", "w"), env=self.env)
        while not (port.exists() and port.read_text()):
            time.sleep(0.02)
        self.address = port.read_text()
        self.env["MUSTER_HOSTS"] = self.address
        (self.folder / "e.c").write_text("")

    def job(self):
        began = time.perf_counter()
        subprocess.run([self.build / "muster-cc", "gcc", "-c", "e.c"], cwd=self.folder, env=self.env, check=True)
        return (time.perf_counter() - began) * 1e3

    def end(self):
        subprocess.run([self.build / "muster", "stop"], env=self.env, stdout=subprocess.DEVNULL)
        self.worker.terminate()
        self.worker.wait()


def pings(farm, n=300):
    """Milliseconds of each, of a client that is no part of the crowd. With a key nobody here can ask so."""
    out, peer = [], muster_peer.connect(farm.address)
    for i in range(n):
        began = time.perf_counter()
        peer.send("PING", nonce=i)
        while True:
            head = peer.exactly(9)
            peer.exactly(int.from_bytes(head[:4], "little"))
            if head[4] == 14:
                break
        out.append((time.perf_counter() - began) * 1e3)
        time.sleep(0.002)
    peer.sock.close()
    return out


def crowd(farm, n, stage):
    host, port = farm.address.rsplit(":", 1)
    hello = b"MSTR" + muster_peer.Peer.frame("HELLO", version_min=1, version_max=1, software="idle", name="idle")
    first = {"silent": b"", "preface": b"MSTR", "hello": hello, "handshake": BEGUN}[stage]
    out, net = [], random.randrange(1, 255)
    for i in range(n):
        s = socket.socket()
        s.bind((f"127.{net}.{i // 4000}.1", 0))  # a source has only so many ports
        s.connect((host, int(port)))
        if first:
            s.sendall(first)
        out.append(s)
    return out


def still_open(sockets):
    n = 0
    for s in sockets:
        s.setblocking(False)
        try:
            while True:
                if not s.recv(65536):
                    break
        except BlockingIOError:
            n += 1
        except OSError:
            pass
    return n


def measure(o, stage):
    with tempfile.TemporaryDirectory() as folder:
        farm = Farm(o.build, folder, stage == "handshake")
        farm.job()
        before = memory(farm.worker.pid)
        alone, among, peak, most, stayed, before_ms, after_ms = [], [], 0, 0, 0, [], []
        for _ in range(o.rounds):
            alone += [farm.job() for _ in range(o.jobs)]
            if stage != "handshake":
                before_ms += pings(farm)
            began, cpu = time.perf_counter(), cpu_of(farm.worker.pid)
            sockets = crowd(farm, o.connections, stage)
            took, spent = time.perf_counter() - began, cpu_of(farm.worker.pid) - cpu
            if stage != "handshake":
                after_ms += pings(farm)
            among += [farm.job() for _ in range(o.jobs)]
            peak = max(peak, memory(farm.worker.pid))
            most = max(most, descriptors(farm.worker.pid))
            stayed = still_open(sockets)
            for s in sockets:
                s.close()
            while descriptors(farm.worker.pid) > 100:
                time.sleep(0.05)
        remote = status_remote(farm)
        log = (pathlib.Path(folder) / "log").stat().st_size
        farm.end()
        delay = statistics.median(among) - statistics.median(alone)
        ping = "" if stage == "handshake" else (
            f"; PING {statistics.median(before_ms):.2f} (worst {max(before_ms):.1f}) -> {statistics.median(after_ms):.2f} "
            f"(worst {max(after_ms):.1f}) ms")
        print(f"{stage:10} {o.connections} connections, {stayed} stay, {most} descriptors: worker {before / 1024:.1f} -> "
              f"{peak / 1024:.1f} MiB; a job {statistics.median(alone):.1f} ms alone, {delay:+.1f} ms among them{ping}; "
              f"{remote} jobs went there; {took:.1f} s, {spent:.2f} s CPU of the worker to take them; {log} bytes of log", flush=True)


def cpu_of(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status_remote(farm):
    import json
    out = subprocess.run([farm.build / "muster", "status", "--json"], env=farm.env, capture_output=True, check=True).stdout
    return json.loads(out)["jobs"]["remote"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build")
    p.add_argument("--connections", type=int, default=10000)
    p.add_argument("--jobs", type=int, default=10)
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--at", action="append", choices=["silent", "preface", "hello", "handshake"])
    o = p.parse_args()
    o.build = os.path.abspath(o.build)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, o.connections + 1000), hard))
    if not shutil.which("gcc"):
        sys.exit("gcc is not installed")
    for stage in o.at or ["silent", "preface", "hello", "handshake"]:
        measure(o, stage)


if __name__ == "__main__":
    main()
