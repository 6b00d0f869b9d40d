# SPDX-License-Identifier: Apache-2.0
"""cuts: the connection is cut at any byte, 50 times in one seeding, then in cycles; next to nothing may be sent twice.

A relay cuts: with a reset, with an end, with both, or by falling silent. How much came twice the replica says itself:
it logs with each session how many bytes of frames came. What one uncut seeding of the same images costs is the
measure; the relay's own count stands beside it. Buffers of the network are made small, so that what was lost in them
is little.
"""
import re
import time

from campaigns.campaign import holds
from campaigns.pair import MIB, Pair
from campaigns.relay import Relay
from process_kit import free_ports, wait_until

HOWS = ("reset", "close", "half")
TWICE_MAX = 0.05  # of the image


def run(campaign):
    shrink_buffers()
    short = campaign.options.short
    cuts = campaign.options.rounds or (12 if short else 50)
    cutting = Cutting(campaign, 128 if short else 512)
    try:
        once = cutting.measure_once()
        cutting.cut_seeding(cuts, once)
        cutting.cut_cycles(4 if short else 20)
        if not short:
            cutting.fall_silent()
        cutting.check_all()
    finally:
        cutting.relay.end()


def shrink_buffers():
    for name in ("tcp_rmem", "tcp_wmem"):
        with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as setting:
            setting.write("4096 32768 65536")


class Cutting:
    def __init__(self, campaign, mebibytes):
        self.campaign, self.random, self.mebibytes = campaign, campaign.random, mebibytes
        world = campaign.world()
        self.pair = Pair(campaign, world, {"root": mebibytes - 32, "data": 32})
        chi, target = self.pair.chi, free_ports(1)[0]
        chi.stop()
        chi.move_replication(target)
        self.relay = Relay(chi.replication_port, target)
        chi.start()
        self.told = 0  # of the replica's log, what was counted already

    def frames_taken(self):
        """Bytes of frames that came to the replica since the last look, as its log has them."""
        log = self.pair.chi.log()
        taken = [int(count) for count in re.findall(r" ended after (\d+) bytes of frames", log[self.told:])]
        self.told = len(log)
        return sum(taken), len(taken)

    def all_sessions_ended(self):
        log = self.pair.chi.log()
        return len(re.findall(r"session \w+ of primary .* admitted", log)) == len(re.findall(r"\) ended", log))

    def measure(self):
        wait_until("the replica has ended its sessions", self.all_sessions_ended)
        return (*self.frames_taken(), self.relay.tell("count"))

    def measure_once(self):
        """What a seeding of these images costs that nobody cuts."""
        pair = self.pair
        done = pair.alpha.run("protect", "calm", "--replica", "chi", *pair.disk_words())
        holds(done.status == 0, done.err)
        frames, _, relay = self.measure()
        pair.alpha.run("unprotect", "calm")
        holds(frames > 0, "the replica does not log how many bytes of frames a session brought")
        self.measure()
        self.campaign.say(f"an uncut seeding of {self.mebibytes} MiB: {frames} bytes of frames, "
                          f"{relay['bytes']} on the wire")
        return frames, relay["bytes"]

    # ---- the seeding

    def cut_seeding(self, cuts, once):
        before = self.relay.tell("count")
        step = once[1] // (cuts + 1)
        for number in range(1, cuts + 1):
            how = self.random.choice(HOWS)
            # The first of an attempt comes on top of what was carried; the seeding always goes on.
            made = self.relay.tell("cut", self.random.randint(step // 2, step), how)["cuts"]
            self.attempt_until_cut(made)
            self.campaign.count("cuts of the seeding")
            if number % 10 == 0:
                self.campaign.say(f"{number} cuts of the seeding")
        self.relay.tell("go")
        self.finish_seeding()
        frames, sessions, after = self.measure()
        twice, wire = frames - once[0], after["bytes"] - before["bytes"] - once[1]
        image = self.mebibytes * MIB
        self.campaign.say(f"{sessions} sessions; sent twice: {twice} bytes of frames ({twice / image:.2%} of the "
                          f"images) by the replica's count, {wire} bytes ({wire / image:.2%}) with handshakes by the "
                          "relay's")
        self.campaign.count("percent of the images sent twice, by the replica's count", round(100 * twice / image, 2))
        self.campaign.count("percent of the images sent twice, by the relay's count", round(100 * wire / image, 2))
        holds(twice < TWICE_MAX * image, f"{twice} bytes of {image} came twice")
        self.pair.check_lists()
        self.pair.check_verifies()
        self.pair.check_restores(1)

    def finish_seeding(self):
        wait_until("the seeding is not cut any more, and ends", lambda: self.pair.newest_job()["state"] != "running")
        job = self.pair.newest_job()
        if job["state"] == "done":
            point = job["result"]["first_point"]
            self.pair.oracle.acknowledge(point["sequence"], point["digest"])
        else:
            self.pair.point("after the cuts")

    def attempt_until_cut(self, made):
        """A job connects again by itself, at growing pauses; the long ones are cut short by the command again."""
        while self.relay.tell("count")["cuts"] == made:
            job = self.pair.newest_job()
            if job is not None and job["state"] == "running" and job["phase"] == "waiting to connect again":
                if time.time() - self.waits_since(job) > 1.5:
                    self.pair.alpha.run("jobs", str(job["id"]), "cancel")
                    self.campaign.count("jobs cancelled while they waited to connect again")
            elif job is None or job["kind"] != self.pair.words()[0] or job["state"] != "running":
                if job is not None and job["kind"] == self.pair.words()[0] and job["state"] == "done":
                    holds(False, "the seeding ended before all its cuts were made")
                started = self.pair.alpha.run(*self.pair.words()[:-1], "--detach")
                holds(started.status in (0, 11), f"the command cannot be given again: {started.err}")
            time.sleep(0.01)

    def waits_since(self, job):
        waits = getattr(self, "waits", None)
        if waits is None or waits[0] != (job["id"], self.relay.tell("count")["connections"]):
            self.waits = ((job["id"], self.relay.tell("count")["connections"]), time.time())
        return self.waits[1]

    # ---- cycles

    def cut_cycles(self, count):
        for number in range(1, count + 1):
            self.pair.change(4 * MIB, 12 * MIB)
            self.frames_taken()
            known = len(self.pair.oracle.seen)
            times = self.random.randint(1, 3)
            begin = time.monotonic()
            job = self.pair.alpha.begin(*self.pair.words())
            for _ in range(times):
                made = self.relay.tell("cut", self.random.randint(1, 3 * MIB), self.random.choice(HOWS))["cuts"]
                wait_until("the cycle is cut or done", lambda: job.poll() is not None or
                           self.relay.tell("count")["cuts"] > made)
                self.campaign.count("cuts of cycles", self.relay.tell("count")["cuts"] - made)
            self.relay.tell("go")
            out, err = job.communicate()
            holds(self.pair.take(job.returncode, out, err), f"a cycle does not get over {times} cuts: {err.strip()}")
            self.check_cycle(number, begin, known)

    def check_cycle(self, number, begin, known):
        """A cycle that was cut ends with the point that was cut, and one of what changed since: nothing."""
        frames, sessions, _ = self.measure()
        pair = self.pair
        fresh = pair.points(pair.chi)[known:]
        stored = sum(point["stored_bytes"] for point in fresh)
        twice = max(0, frames - stored)
        self.campaign.count("bytes of frames sent twice in cycles", twice)
        self.campaign.count("bytes stored by cycles", stored)
        pair.check_lists()
        for point in fresh:
            pair.check_restores(point["sequence"])
        self.campaign.say(f"cycle {number}: {sessions} sessions, {twice} of {stored} bytes twice, "
                          f"{time.monotonic() - begin:.1f} s")

    def fall_silent(self):
        """Nothing moves and nobody says so: the sides notice by themselves."""
        self.pair.change(4 * MIB, 8 * MIB)
        made = self.relay.tell("cut", 2 * MIB, "hang")["cuts"]
        begin = time.monotonic()
        job = self.pair.alpha.begin(*self.pair.words())
        wait_until("the connection hangs", lambda: self.relay.tell("count")["cuts"] > made)
        out, err = job.communicate(timeout=240)
        holds(self.pair.take(job.returncode, out, err), f"a cycle does not get over a silent connection: {err.strip()}")
        self.relay.tell("go")
        self.campaign.count("seconds until a silent connection was got over", round(time.monotonic() - begin, 1))
        self.campaign.say(f"a silent connection was got over in {time.monotonic() - begin:.1f} s")

    def check_all(self):
        self.pair.check_states()
        self.pair.check_verifies()
        for sequence in self.pair.check_lists():
            self.pair.check_restores(sequence)
