#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Strangers crowd both ports of a replica while a primary replicates to it: memory stays under a limit, and the primary
keeps most of its throughput.

    hostile_test.py AFTERIMAGED AFTERIMAGE [--connections N] [--slow N] [--redials N] [--rounds N] [--mebibytes N]

A round is a cycle of the primary in peace and one among strangers, one after the other in the same run; each rewrites the
whole image. Beside the silent and the slow ones (tests/kit/strangers.py), an enrolled host that has gone bad opens
sessions and sends a byte of a message now and then. Exit status 0 if all bounds hold.
"""
import argparse
import json
import os
import pathlib
import re
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
KIT = pathlib.Path(__file__).resolve().parents[2] / "kit"
sys.path.insert(0, str(KIT))

import process_kit  # noqa: E402
from process_kit import World, wait_until, write_image  # noqa: E402

MEMORY_MEBIBYTES = 32  # what strangers may add to the daemon's largest resident set
KEPT_PART = 0.7        # of the throughput
BAD_SESSIONS = 16


def memory_of(process, name):
    """VmHWM or VmRSS, in KiB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(re.search(rf"{name}:\s+(\d+) kB", status).group(1))


def cpu_of(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class BadPeer(threading.Thread):
    """A host with a right certificate and slow frames: one byte a second on each of its sessions."""

    def __init__(self, host, port):
        super().__init__(daemon=True)
        self.port, self.is_over = port, threading.Event()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        self.context.set_alpn_protocols(["afterimage/1"])
        self.context.load_cert_chain(os.path.join(host.folder, "pki/host.crt"), os.path.join(host.folder, "pki/host.key"))
        self.sent = self.opened = 0

    def run(self):
        sessions = []
        while not self.is_over.wait(1.0):
            try:
                while len(sessions) < BAD_SESSIONS:
                    raw = socket.create_connection(("127.0.0.1", self.port), timeout=10)
                    sessions.append(self.context.wrap_socket(raw))
                    self.opened += 1
            except OSError:
                pass
            for session in list(sessions):
                try:
                    session.send(b"\0")
                    self.sent += 1
                except OSError:
                    sessions.remove(session)
                    session.close()
        for session in sessions:
            session.close()


class Scene:
    def __init__(self, world, options):
        self.world, self.options = world, options
        self.alpha = world.host("alpha")
        self.chi = world.host("chi", "--store", world.path("store"))
        self.bad = world.host("mallory")
        for host in (self.alpha, self.bad):
            done = host.run("enrol", "join", self.chi.run("enrol", "key").out.strip())
            assert done.status == 0, done.err
        self.image = world.path("web.img")
        write_image(self.image, options.mebibytes)
        done = self.alpha.run("protect", "web1", "--replica", "chi", "--disk", f"root={self.image}")
        assert done.status == 0, done.err
        self.ports = [self.chi.replication_port, self.chi.control_port]

    def cycle(self):
        """Bytes a second of one cycle that sends the whole image; the largest resident set and the CPU of the replica."""
        cpu = cpu_of(self.chi.process)
        began = time.monotonic()
        done = self.alpha.json("sync", "web1")
        seconds = time.monotonic() - began
        assert done["changed_bytes"] >= self.options.mebibytes << 20, done
        return {"rate": done["changed_bytes"] / seconds, "memory": memory_of(self.chi.process, "VmHWM"),
                "cpu": cpu_of(self.chi.process) - cpu}

    def prepare(self):
        """New content, and from here on counts what memory the replica takes."""
        write_image(self.image, self.options.mebibytes)
        pathlib.Path(f"/proc/{self.chi.process.pid}/clear_refs").write_text("5", encoding="ascii")

    def crowd(self):
        options = self.options
        return subprocess.Popen([sys.executable, str(KIT / "strangers.py"), str(options.connections), str(options.slow),
                                 str(options.redials), *map(str, self.ports)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def say(crowd, word):
    crowd.stdin.write(word + "\n")
    crowd.stdin.flush()


def among_strangers(scene, crowd):
    scene.prepare()
    bad = BadPeer(scene.bad, scene.chi.replication_port)
    bad.start()
    say(crowd, "start")
    time.sleep(scene.options.connections / 4000 + 1)  # until all have knocked once
    figures = scene.cycle()
    say(crowd, "stop")
    figures["strangers"] = json.loads(crowd.stdout.readline())
    bad.is_over.set()
    bad.join()
    figures["bad_peer"] = {"sessions": bad.opened, "bytes": bad.sent}
    return figures


def run(world, options):
    scene = Scene(world, options)
    crowd = scene.crowd()
    peace, siege = [], []
    scene.prepare()
    scene.cycle()  # the first one warms up
    for number in range(options.rounds):
        scene.prepare()
        peace.append(scene.cycle())
        siege.append(among_strangers(scene, crowd))
        kept = siege[-1]["rate"] / peace[-1]["rate"]
        print(f"round {number + 1}: {peace[-1]['rate'] / 2**20:.1f} MiB/s in peace, {siege[-1]['rate'] / 2**20:.1f} MiB/s "
              f"among strangers ({kept:.0%}); replica's CPU {peace[-1]['cpu']:.2f} s and {siege[-1]['cpu']:.2f} s, memory "
              f"{peace[-1]['memory'] / 1024:.1f} and {siege[-1]['memory'] / 1024:.1f} MiB; {siege[-1]['strangers']}, "
              f"bad peer {siege[-1]['bad_peer']}", flush=True)
    say(crowd, "end")
    crowd.wait(process_kit.PATIENCE)
    kept = statistics.median(one["rate"] / other["rate"] for one, other in zip(siege, peace))
    # What a siege has left behind counts against the next one, too: memory in peace is that of the first round.
    grown = (max(one["memory"] for one in siege) - peace[0]["memory"]) / 1024
    verified = scene.chi.run("verify", "web1", "--all")
    is_free = options.unmeasured
    checks = [
        (is_free or kept >= KEPT_PART, f"throughput kept: {kept:.0%} (median), at least {KEPT_PART:.0%}"),
        (is_free or grown <= MEMORY_MEBIBYTES, f"memory grown by {grown:.1f} MiB, at most {MEMORY_MEBIBYTES}"),
        (all(one["strangers"]["opened"] >= options.connections for one in siege), "every stranger has knocked"),
        (verified.status == 0, "every point is good"),
        (scene.alpha.points("web1") == scene.chi.points("web1"), "both hosts have the same points"),
        (len(scene.chi.log().splitlines()) < 2000, f"the log has {len(scene.chi.log().splitlines())} lines")]
    wait_until("a new host can still enrol", lambda: joins(world, scene))
    for good, text in checks:
        print(("ok: " if good else "FAILED: ") + text)
    return all(good for good, _ in checks)


def joins(world, scene):
    psi = world.host("psi" + str(len(world.hosts)))
    return psi.run("enrol", "join", scene.chi.run("enrol", "key").out.strip()).status == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("afterimaged")
    parser.add_argument("afterimage")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--slow", type=int, default=100)
    parser.add_argument("--redials", type=int, default=200, help="a second, of connections that the daemon has ended")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mebibytes", type=int, default=64)
    parser.add_argument("--unmeasured", action="store_true", help="throughput and memory are shown, not judged")
    options = parser.parse_args()
    process_kit.AFTERIMAGED, process_kit.AFTERIMAGE = map(os.path.abspath, (options.afterimaged, options.afterimage))
    world, good = World(), False
    try:
        good = run(world, options)
    finally:
        world.close(not good)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
