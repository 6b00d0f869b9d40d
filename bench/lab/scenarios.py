# SPDX-License-Identifier: Apache-2.0
"""The comparisons. Each runs Afterimage and its peers once, in an order that turns from round to round, checks that every
replica is equal to the source, and gives a Figure for each."""
import filecmp
import os
import shutil
import subprocess

from lab import peers
from lab.hosts import Hosts
from lab.measure import Phase


class Round:
    def __init__(self, data, binaries):
        self.data = data
        self.binaries = binaries
        self.pki = peers.make_pki(data.work / "pki")
        self.target = data.work / "replica.img"
        self.scan = binaries / "bench_full_scan"

    def clean(self):
        self.target.unlink(missing_ok=True)
        shutil.rmtree(self.data.work / "hosts", ignore_errors=True)
        os.sync()

    def check(self, source, replica=None):
        if not filecmp.cmp(source, replica or self.target, shallow=False):
            raise RuntimeError(f"{replica or self.target} is not equal to {source}")

    def hosts(self, compression, **how):
        return Hosts(self.binaries, self.data.work / "hosts", compression, **how)

    # -- seeding

    def afterimage_seed(self, compression, **how):
        hosts = self.hosts(compression, **how)
        try:
            with Phase(hosts.pids) as phase:
                hosts.call("alpha", "protect", "m", "--replica", "chi", "--disk", f"root={self.data.before}")
            hosts.call("chi", "restore", "m", "--disk", "root", "--to", str(self.target))
            self.check(self.data.before)
        finally:
            hosts.stop()
        return phase.figure

    def nbdcopy_seed(self):
        with Phase() as phase:
            peers.nbdcopy(self.pki, self.data.before, self.target, self.data.before.stat().st_size)
        self.check(self.data.before)
        return phase.figure

    def pipe_seed(self):
        with Phase() as phase:
            peers.pipe(self.pki, f"zstd -q -1 -c {self.data.before}",
                       f"zstd -q -d -c --sparse >{self.target}; sync -d {self.target}")
        self.check(self.data.before)
        return phase.figure

    # -- one cycle

    def afterimage_cycle(self):
        hosts = self.hosts("1")
        image = self.data.work / "live.img"
        try:
            subprocess.run(["cp", "--sparse=always", self.data.before, image], check=True)
            hosts.call("alpha", "protect", "m", "--replica", "chi", "--disk", f"root={image}")
            subprocess.run(["cp", "--sparse=always", self.data.after, image], check=True)
            os.sync()
            with Phase(hosts.pids) as phase:
                hosts.call("alpha", "sync", "m")
            hosts.call("chi", "restore", "m", "--disk", "root", "--to", str(self.target))
            self.check(self.data.after)
        finally:
            hosts.stop()
            image.unlink(missing_ok=True)
        return phase.figure

    def full_scan_cycle(self):
        digest = self.data.work / "digest"
        subprocess.run([self.scan, "digest", self.data.before, digest], check=True)
        subprocess.run(["cp", "--sparse=always", self.data.before, self.target], check=True)
        os.sync()
        with Phase() as phase:
            peers.pipe(self.pki, f"{self.scan} delta {self.data.after} {digest} | zstd -q -1 -c",
                       f"zstd -q -d -c | {self.scan} apply {self.target}; sync -d {self.target}")
        self.check(self.data.after)
        return phase.figure

    def exact_cycle(self):
        with Phase() as phase:
            peers.pipe(self.pki, f"zstd -q -1 -c {self.data.changed}",
                       f"zstd -q -d -c >{self.target}; sync -d {self.target}")
        self.check(self.data.changed)
        return phase.figure

    # -- a cycle that finds nothing

    def large_image(self):
        """64 GiB, of which 4 GiB are data in pieces, far from each other."""
        image = self.data.work / "large.img"
        if not image.exists():
            with open(image, "wb") as out:
                out.truncate(64 << 30)
                for piece in range(64):
                    out.seek(piece << 30)
                    for _ in range(64):
                        out.write(os.urandom(1 << 20))
        return image

    def afterimage_idle(self):
        image = self.large_image()
        hosts = self.hosts("off")
        try:
            hosts.call("alpha", "protect", "m", "--replica", "chi", "--disk", f"root={image}")
            hosts.call("alpha", "sync", "m")
            with Phase(hosts.pids) as phase:
                hosts.call("alpha", "sync", "m")
        finally:
            hosts.stop()
        return phase.figure

    # -- the same for data in many pieces

    def afterimage_pieces(self, stride):
        """128 MiB in pieces of 4 KiB, one every `stride` bytes."""
        image = self.data.work / f"pieces-{stride}.img"
        if not image.exists():
            with open(image, "wb") as out:
                for piece in range(32768):
                    out.seek(piece * stride)
                    out.write(os.urandom(4096))
                out.truncate(32768 * stride)
        os.sync()
        hosts = self.hosts("off")
        try:
            hosts.call("alpha", "protect", "m", "--replica", "chi", "--disk", f"root={image}")
            hosts.call("alpha", "sync", "m")
            with Phase(hosts.pids) as phase:
                for _ in range(20):
                    hosts.call("alpha", "sync", "m")
        finally:
            hosts.stop()
        return phase.figure

    def walk_idle(self):
        image = self.large_image()
        with Phase() as phase:
            subprocess.run([self.scan, "walk", image], check=True, stdout=subprocess.DEVNULL)
        return phase.figure


LINE_RATE = 20_000_000  # of one connection, bytes a second

ALL = {
    "seed-plain": {"afterimage": lambda r: r.afterimage_seed("off"),
                   "nbdcopy to nbdkit, TLS": Round.nbdcopy_seed},
    "seed-zstd": {"afterimage": lambda r: r.afterimage_seed("1"),
                  "zstd -1 | TLS | zstd -d": Round.pipe_seed},
    "cycle": {"afterimage": Round.afterimage_cycle,
              "read all, hash all, send changed (zstd, TLS)": Round.full_scan_cycle,
              "exact changed blocks: zstd -1 | TLS": Round.exact_cycle},
    "idle": {"afterimage": Round.afterimage_idle,
             "SEEK_DATA walk with XXH3": Round.walk_idle},
    "pieces": {"afterimage": lambda r: r.afterimage_pieces(32768),
               "the same data in one piece": lambda r: r.afterimage_pieces(4096)},
    "lanes": {"afterimage": lambda r: r.afterimage_seed("off", lanes=4, line_rate=LINE_RATE),
              "the same on one connection": lambda r: r.afterimage_seed("off", lanes=1, line_rate=LINE_RATE)},
    "lanes-local": {"afterimage": lambda r: r.afterimage_seed("off", lanes=4),
                    "the same on one connection": lambda r: r.afterimage_seed("off", lanes=1)},
}


def run(name, data, binaries, number):
    order = list(ALL[name].items())
    turn = number % len(order)
    figures = {}
    for who, measure in order[turn:] + order[:turn]:
        this = Round(data, binaries)
        this.clean()
        try:
            figures[who] = measure(this)
        finally:
            this.clean()
    return {who: figures[who] for who, _ in order}
