"""icecream, from Debian's package, which is unpacked and never installed: nothing of it is started but here.

Its daemons want root (for chroot), and a user to become; they speak only on the network between our namespaces. A
compiler travels as an archive: ours holds the recording compiler under gcc's name. Its scheduler looks at the load of
a machine, and here the client's load is that of all workers: that costs icecream some, and cannot be told apart.
"""

import glob
import os
import shutil
import subprocess
import tarfile
import time

from farm import Unable, wait_for
from peers import Bare

USER = "nobody"


def unpacked(bench):
    """The folder with the package's usr/."""
    folder = os.path.join(bench.work, "icecc")
    if os.path.exists(os.path.join(folder, "usr/bin/icecc")):
        return folder
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["apt-get", "-q", "download", "icecc"], cwd=folder, capture_output=True, check=False, timeout=120)
    packages = glob.glob(folder + "/icecc_*.deb")
    if not packages or subprocess.run(["dpkg-deb", "-x", packages[0], folder], check=False).returncode:
        raise Unable("the package icecc cannot be fetched")
    return folder


class Icecc(Bare):
    name = "icecc"

    def __init__(self, bench, corpus):
        super().__init__(bench, corpus)
        self.processes, self.names, self.dir = [], [], None
        if os.getuid() != 0 or not bench.link.wrap():
            raise Unable("its daemons want root and a network namespace")
        self.usr = os.path.join(unpacked(bench), "usr")

    def start(self, slots):
        self.dir = self.bench.folder("i")
        os.chmod(self.dir, 0o777)  # they give up root, then write their logs here
        self.archive()
        port, host = 18765, self.bench.link.host
        far = ["-i", self.bench.link.far_device]
        self.process("sched", "sbin/icecc-scheduler", ["-p", str(port), *far], self.bench.beside)
        wait_for("icecc's scheduler", lambda: self.said("sched", "ready"))
        where = ["-s", f"{host}:{port}"]
        for i, n in enumerate(slots):
            self.daemon_start(f"w{i}", [*where, *far, "-p", str(18001 + i), "-m", str(n)], self.bench.remote)
        self.daemon_start("c", [*where, "-i", self.bench.link.device, "-p", "18000", "-m", "2", "--no-remote"],
                          self.bench.client, wrap=False)
        wait_for("icecc's daemons", lambda: all(self.said("sched", f"login {n} ") for n in self.names))
        time.sleep(1)  # until their first report of load
        self.warm()

    def said(self, name, words):
        try:
            with open(os.path.join(self.dir, name + ".log"), encoding="utf-8", errors="replace") as f:
                return words in f.read()
        except OSError:
            return False

    def process(self, name, program, arguments, group, env=None, wrap=True):
        log = os.path.join(self.dir, name)
        argv = [os.path.join(self.usr, program), "-n", "bench", "-l", log + ".log", "-vvv", "-u", USER, *arguments]
        self.processes.append(self.bench.start(argv, env or self.bench.environment("/usr/bin"), log + ".out", group,
                                               wrap))

    def daemon_start(self, name, arguments, group, wrap=True):
        base = os.path.join(self.dir, name + ".envs")
        os.mkdir(base)
        shutil.chown(base, USER)
        env = self.bench.environment("/usr/bin", ICECC_TEST_SOCKET=os.path.join(self.dir, name + ".sock"))
        self.names.append(name)
        self.process(name, "sbin/iceccd", ["-N", name, "-b", base, *arguments], group, env, wrap)

    def archive(self):
        """The compiler: a daemon tries an archive by running its true."""
        replay, empty = os.path.join(self.corpus.bin, "replay"), self.bench.tool("empty")
        with tarfile.open(os.path.join(self.dir, "cc.tar.gz"), "w:gz", compresslevel=1) as tar:
            for source, names in ((replay, ("usr/bin/gcc", "usr/bin/g++")),
                                  (empty, ("bin/true", "usr/bin/true", "usr/bin/as")),
                                  (os.path.join(self.corpus.folder, "cc/libexec/cc1"), ("usr/libexec/cc1",))):
                for name in names:
                    tar.add(source, name)
            tmp = tarfile.TarInfo("tmp")
            tmp.type, tmp.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(tmp)

    def warm(self):
        """Each worker unpacks the compiler."""
        for name in self.names[:-1]:
            self.bench.launch([self.command(self.corpus.warm)], self.corpus.tree,
                              dict(self.env(), ICECC_PREFERRED_HOST=name), 1, seconds=60)

    def env(self):
        return self.bench.environment("/usr/bin", ICECC_TEST_SOCKET=os.path.join(self.dir, "c.sock"),
                                      ICECC_TEST_REMOTEBUILD="1", ICECC_VERSION=os.path.join(self.dir, "cc.tar.gz"))

    def command(self, argv):
        return [os.path.join(self.usr, "bin/icecc"), *argv]

    def run(self, jobs, commands=None):
        result = super().run(jobs, commands)
        with open(os.path.join(self.dir, "sched.log"), encoding="utf-8", errors="replace") as f:
            result["local"] = sum("BEGIN" in line and "server=c(" in line for line in f)
        return result

    def verify(self, commands):
        """It compiles some here, with the real compiler, whose object need not be the recorded one (its folder's name
        is in it). Those are told as "compiled here"."""

    def stop(self):
        for p in reversed(self.processes):
            self.bench.stop(p)
        self.processes, self.names = [], []
