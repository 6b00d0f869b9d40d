# SPDX-License-Identifier: Apache-2.0
"""blocklog: every state that a power cut could have left of the replica's store and the primary's state, on a file
system.

Both hosts live on one file system over a device that logs; a machine is seeded and goes through cycles, until
segments of its journal roll over. Then the log is replayed to each flush, and to each with random subsets, and torn
ones, of the writes before the next; each state is mounted, both daemons are started on it, and every point that had
been acknowledged by that flush must be listed, verify, and the newest read as its image was. On some, the next cycle
must come by itself, too.
"""
import copy
import os

from campaigns.block_log import LoggedDevice, Replayer, StatePool, mount_state, read_log, subset
from campaigns.campaign import Lie, holds
from campaigns.devices import chosen, unmount
from campaigns.pair import MACHINE, MIB, Pair
from campaigns.workers import Claims, chance, share
from process_kit import run_quietly

SUBSETS = 8


def run(campaign):
    options = campaign.options
    kinds = chosen(options)
    if options.short and options.fs == "all":
        kinds = (campaign.random.choice(kinds),)
    for kind in kinds:
        log = Log(campaign, kind)
        try:
            log.record(9 if options.short else 31)
            log.replay(options.rounds or (16 if options.short else None), 3 if options.short else SUBSETS)
        except BaseException:
            log.end(show_logs=True)
            raise
        log.end(show_logs=False)


class Log:
    def __init__(self, campaign, kind):
        self.campaign, self.random, self.kind = campaign, campaign.random, kind
        self.world = campaign.world()
        if not campaign.options.keep:  # in memory: no state has to outlive the campaign
            run_quietly("mount", "-t", "tmpfs", "tmpfs", self.world.folder)
        self.device = LoggedDevice(self.world, kind, 640)
        self.acknowledged_at = {}  # sequence: entries of the log when it was known

    def end(self, show_logs):
        for host in self.world.hosts:
            host.kill()
        self.device.end()
        self.campaign.end_world(self.world, show_logs)
        if not self.campaign.options.keep:
            run_quietly("umount", "--lazy", self.world.folder)
            os.rmdir(self.world.folder)

    # ---- the workload

    def record(self, points):
        where = self.device.mounted_at
        self.pair = Pair(self.campaign, self.world, {"root": 5, "data": 1}, alpha_folder=os.path.join(where, "alpha"),
                         chi_folder=os.path.join(where, "chi"), store=os.path.join(where, "store"))
        self.pair.shrink_segments()
        os.sync()  # hosts that know each other: what is cut is their work
        self.begin = self.device.entries()
        for number in range(points):
            self.pair.point(f"{self.kind}, point {number + 1}")
            self.acknowledged_at[number + 1] = self.device.entries()
            self.pair.change(*self.random.choice(((512, 64 << 10), (64 << 10, MIB), (MIB, 2 * MIB))))
        self.pair.check_lists()
        names = [name for _, _, names in os.walk(os.path.join(where, "store")) for name in names]
        segments = sum(name.endswith(".segment") for name in names)
        for host in self.world.hosts:
            host.kill()
        self.device.stop()
        self.entries = list(read_log(self.device.log, self.device.entries()))
        while not self.entries[self.begin - 1].is_flush:  # cut at flushes only
            self.begin += 1
        self.campaign.count(f"segments that rolled over on {self.kind}", segments)
        self.campaign.say(f"{self.kind}: {len(self.acknowledged_at)} points, {segments} segments rolled over, "
                          f"{len(self.entries) - self.begin} entries, {self.flushes()} flushes to be cut at")

    def flushes(self):
        return 1 + sum(entry.is_flush for entry in self.entries[self.begin:])

    # ---- the cuts

    def replay(self, sample, subsets):
        numbers = range(self.flushes())
        if sample is not None and sample < len(numbers):
            numbers = sorted(self.random.sample(numbers, sample))
        pool = StatePool(self.world)
        claims = Claims(len(numbers))

        def work(campaign, name):
            Checker(self, campaign, name, pool, subsets).run(numbers, claims)

        share(self.campaign, claims, work)
        pool.end()

    def epochs(self):
        """(entries before it and itself, writes that follow before the next one) of each flush since the beginning."""
        flush, writes = self.begin, []
        for entry in self.entries[self.begin:]:
            writes.append(entry)
            if entry.is_flush:
                yield flush, writes
                flush, writes = entry.number + 1, []
        yield flush, writes


class Checker:
    """One of the processes that check states."""

    def __init__(self, log, campaign, name, pool, subsets):
        self.log, self.campaign, self.subsets, self.kind = log, campaign, subsets, log.kind
        self.device, self.pair = log.device, log.pair
        self.folder = log.world.path(name)
        os.makedirs(self.folder)
        self.pair.restores_to = self.folder
        for host in log.world.hosts:
            host.log_path = os.path.join(self.folder, host.name + ".log")
        self.replayer = Replayer(self.device, pool.folder, name)

    def run(self, numbers, claims):
        for entry in self.log.entries[:self.log.begin]:
            self.replayer.apply(entry)
        claimed = claims.claim()
        for number, (flush, writes) in enumerate(self.log.epochs()):
            if claimed is None:
                break
            if number == numbers[claimed]:
                is_next_checked = claimed + 1 < len(numbers) and numbers[claimed + 1] == number + 1
                self.check_flush(number, flush, writes, is_next_checked)
                claimed = claims.claim()
            if self.campaign.is_over(0, 1):
                self.campaign.say(f"{self.kind}: the time is over at flush {number + 1} of {self.log.flushes()}")
                claims.give_up()
                break
            for entry in writes:
                self.replayer.apply(entry)
        self.replayer.end()

    def check_flush(self, number, flush, writes, is_next_checked):
        """All states of one flush. With all that was written before the next one, it is the next one's first."""
        self.random = chance(self.campaign, self.kind, number)
        loose = self.loose(writes)
        whole = tuple((entry.number, entry.length) for entry in loose)
        states = {(): ()}
        for _ in range(self.subsets if loose else 0):
            chosen_writes = subset(self.random, loose)
            states.setdefault(tuple((entry.number, length) for entry, length in chosen_writes), chosen_writes)
        if is_next_checked and whole:
            states.pop(whole, None)
        for name, chosen_writes in states.items():
            self.check_state(chosen_writes, flush, f"{len(name)} of {len(loose)} writes after it")
        self.campaign.count(f"flush points on {self.kind}")
        if number % 20 == 0 or not is_next_checked:
            self.campaign.say(f"{self.kind}: flush {number + 1} of {self.log.flushes()}, {len(loose)} writes to the "
                              f"next, {len(states)} states")

    def loose(self, writes):
        """What makes a difference: a write of what stands there already is as good as there in every state."""
        loose = []
        for entry in writes:
            overlaps = any(entry.offset < other.offset + other.length and other.offset < entry.offset + entry.length
                           for other in loose)
            if overlaps or self.replayer.changes(entry):
                loose.append(entry)
        return loose

    def check_state(self, writes, flush, what):
        where = f"{self.kind}, cut at entry {flush} with {what}"
        hosts = self.log.world.hosts
        mount_state(self.kind, self.replayer.make_state(writes), self.device.mounted_at)
        whole, self.pair.oracle = self.pair.oracle, self.oracle_at(flush)
        try:
            for host in hosts:
                with open(host.log_path, "wb"):
                    pass
                host.process = host.launch()
            for host in hosts:
                self.pair.wait_until(f"{host.name} answers", host.answers)
            self.check_points()
        except AssertionError as found:
            for host in hosts:
                print(f"-- end of the log of {host.name}\n" + "\n".join(host.log().splitlines()[-100:]), flush=True)
            raise Lie(f"{where}: {found}") from found
        finally:
            self.pair.oracle = whole
            for host in hosts:
                host.kill()
            unmount(self.device.mounted_at)
            self.replayer.drop_state()
        self.campaign.count(f"states on {self.kind}")

    def oracle_at(self, flush):
        """What must be there when only so many entries are; no less, and what is more must be as it was."""
        oracle = copy.copy(self.pair.oracle)
        oracle.acknowledged = {sequence: digest for sequence, digest in oracle.acknowledged.items()
                               if self.log.acknowledged_at[sequence] <= flush}
        oracle.seen = dict(oracle.seen)
        return oracle

    def check_points(self):
        pair, must = self.pair, bool(self.pair.oracle.acknowledged)
        if must:
            sequences = pair.check_lists(settled=False)
            verified = pair.check_verifies()
            holds(verified == len(sequences), f"{verified} of {len(sequences)} points are verified")
            pair.check_restores(sequences[-1])
            self.campaign.count("acknowledged points that were looked for", len(pair.oracle.acknowledged))
        if self.random.random() < (0.1 if must else 0.5):
            self.go_on(must)

    def listed(self):
        sequences = set()
        for host in self.log.world.hosts:
            points = host.run("points", MACHINE, "--json")
            holds(points.status in (0, 10), f"{host.name} does not list points: {points.err.strip()}")
            sequences.update(point["sequence"] for point in (points.json["points"] if points.status == 0 else ()))
        return sequences

    def go_on(self, must):
        """The next point, without a hand. What no host has any more may come again as something else."""
        listed, oracle = self.listed(), self.pair.oracle
        oracle.seen = {sequence: seen for sequence, seen in oracle.seen.items() if sequence in listed}
        done = self.pair.alpha.run(*self.pair.words())
        if done.status == 15 and not must:  # it was through, and nobody had been told
            done = self.pair.alpha.run("sync", MACHINE, "--json")
        holds(self.pair.take(done.status, done.out, done.err),
              f"the next point does not come: {done.status}: {done.err.strip()}{done.out.strip()}")
        self.pair.check_restores(self.pair.check_lists()[-1])
        self.campaign.count("states that went on with a cycle")
