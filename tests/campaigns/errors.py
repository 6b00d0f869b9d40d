# SPDX-License-Identifier: Apache-2.0
"""errors: the device under a part of the product fails every write; nothing may be acknowledged that it cannot hold.

For each file system and each of base (in a seeding), journal (in a cycle), host.db and the primary's state: points
are made, the device fails, at once or in the middle of a transfer, and commands are given. None may be acknowledged;
status must say why; old points must read, unless the file system itself has shut down, and then must not read wrong.
The device heals. The daemons are started again, on half of the rounds on the file system as it is, whose cache holds
what the device never got; then the file system is mounted anew, and only what the device holds is left to be checked.
"""
import os
import shutil
import signal
import subprocess
import time

from campaigns.campaign import Lie, holds
from campaigns.devices import ErrorDevice, chosen, unmount
from campaigns.pair import MACHINE, MIB, Pair
from process_kit import PATIENCE, run_quietly

TARGETS = ("base", "journal", "host.db", "state")


def run(campaign):
    table = []
    kinds = chosen(campaign.options)
    cases = [(kind, target) for kind in kinds for target in TARGETS]
    if campaign.options.short:
        cases = [(kind, target) for kind, target in cases
                 if campaign.options.fs != "all" or (kind == "xfs") == (target == "journal")]
    for number in campaign.rounds(full=3 * len(cases), short=len(cases)):
        kind, target = cases[(number - 1) % len(cases)]
        case = Case(campaign, kind, target)
        try:
            case.run()
        except BaseException:
            case.end(show_logs=True)
            raise
        case.end(show_logs=False)
        campaign.count(f"cases on {kind}")
        table.append(case)
        campaign.say(f"{kind}, {target}: {case.told}")
    campaign.say("what was said of the fault:")
    for case in table[:len(cases)]:
        print(f"  {case.kind:6} {case.target:8} {case.reason.replace(case.world.folder, '')[:200]}")


class Case:
    def __init__(self, campaign, kind, target):
        self.campaign, self.random, self.kind, self.target = campaign, campaign.random, kind, target
        self.reason, self.told = "", ""
        self.world = campaign.world()
        self.device = ErrorDevice(self.world, kind, 448)
        try:
            self.build()
        except BaseException:
            self.device.end()
            raise

    def build(self):
        where = self.device.mounted_at
        self.pair = Pair(self.campaign, self.world, {"root": 24, "data": 4},
                         alpha_folder=os.path.join(where, "alpha") if self.target == "state" else None,
                         store=os.path.join(where, "store") if self.target == "host.db" else None)
        # The folder of the machines, on the device alone or off it alone.
        self.bound = None
        if self.target in ("base", "journal"):
            self.bound = (os.path.join(where, "machines"), self.world.path("store/machines"))
        if self.target == "host.db":
            self.bound = (self.world.path("machines"), os.path.join(where, "store/machines"))
        self.hurt = self.pair.alpha if self.target == "state" else self.pair.chi
        if self.bound:
            self.pair.chi.stop()
            shutil.copytree(self.bound[1], self.bound[0])
            os.sync()
            self.bind()
            self.pair.chi.start()

    def bind(self):
        if self.bound:
            run_quietly("mount", "--bind", *self.bound)

    def end(self, show_logs):
        for host in self.world.hosts:
            host.kill()
        if self.bound:
            subprocess.run(["umount", "--lazy", self.bound[1]], stderr=subprocess.DEVNULL, check=False)
        self.device.end()
        self.campaign.end_world(self.world, show_logs)

    # ---- the fault

    def run(self):
        if self.target != "base":
            for number in range(3):
                self.pair.point(f"before the fault, point {number + 1}")
                self.pair.change(64 << 10, 2 * MIB)
            self.pair.check_lists()
            self.pair.change(3 * MIB, 6 * MIB)
        before = dict(self.pair.oracle.acknowledged)
        self.strike()
        self.check_reason()
        self.check_stays_refused()
        self.check_old_points(before)
        self.device.heal()
        if self.random.random() < 0.5:
            self.go_on_healed()
        in_place = self.random.random() < 0.5
        self.start_again(in_place)
        self.check_whole("after the fault")
        self.told += "whole again, " + ("first on the file system as it was" if in_place else "mounted anew")
        if in_place:  # what was believed then must be on the device
            self.start_again(False)
            self.check_whole("mounted anew")

    def strike(self):
        """The device fails before the command or in the middle of its transfer, and no point may come of it."""
        is_before = self.random.random() < (0.2 if self.target == "base" else 0.5)
        goal = None if is_before else self.random.random() * 0.8
        if goal is None:
            self.device.fail()
        job = self.pair.alpha.begin(*self.pair.words())
        while goal is not None and job.poll() is None:
            info = self.pair.newest_job()
            if info and info["state"] == "running" and info["bytes_total"] and \
                    info["phase"] in ("sending", "reading") and info["bytes_done"] >= goal * info["bytes_total"]:
                break
        self.device.fail()
        out, err = job.communicate(timeout=PATIENCE)
        self.answer = err.strip()
        self.judge(job.returncode, out, err, "the command during which the device failed", goal is None)
        self.told = "failed " + ("before" if goal is None else f"at {goal:.0%} of") + " the command, "

    def judge(self, status, out, err, what, is_before):
        if self.target == "host.db":
            # The journal, which is elsewhere, is the truth; where its index fails, the point stays and is found again.
            self.pair.take(status, out, err)
            return
        holds(status != 0 or not is_before, f"{self.kind}, {self.target}: {what} is acknowledged: {out.strip()}")
        if status == 0:  # it was through before the device failed
            self.pair.take(status, out, err)
            self.campaign.count("commands that were done before the device failed")

    def go_on_healed(self):
        """No daemon was started again: what is acknowledged now must be on the device, too, when it is mounted anew."""
        if self.is_shut_down():
            self.campaign.count("healed, not started again: the file system itself has shut down")
            return
        tries = 1
        begin = time.monotonic()
        while not self.pair.take(*(done := self.pair.alpha.run(*self.pair.words())).parts):
            # What the kernel still has to say of the fault, it says to the first who asks.
            holds(time.monotonic() - begin < PATIENCE, f"{self.kind}, {self.target}: the device is well again and the "
                  f"machine does not go on: status {done.status}: {done.err.strip()}")
            time.sleep(1)
            tries += 1
        self.campaign.count("commands given after the healing until one was done", tries)
        try:
            self.pair.wait_until("the machine looks well", self.looks_well)
        except AssertionError:
            raise Lie(f"{self.kind}, {self.target}: the device is well again, the machine goes on and does not look "
                      f"well: {self.machine_of(self.hurt)}") from None
        self.campaign.count(f"healed, not started again: {self.target} goes on")
        self.told += "went on, "

    def looks_well(self):
        return self.machine_of(self.hurt).get("health") == "normal"

    def machine_of(self, host):
        status = host.run("status", MACHINE, "--json")
        return status.json["machines"][0] if status.status == 0 else {}

    def check_reason(self):
        """On the host that is hurt: the machine does not look healthy, and it says why."""
        key = self.pair.chi.run("enrol", "key") if self.target == "host.db" else None
        holds(key is None or key.status != 0, f"{self.kind}: a key is given that cannot have been written: "
              f"{key and key.out}")
        machine = self.machine_of(self.hurt)
        self.reason = f"{machine.get('state')}, {machine.get('health')}: {'; '.join(machine.get('reasons', []))}"
        if not machine and self.target == "base":  # not even its folder could be made
            self.reason = self.answer
            holds(self.answer, "a command fails without a word")
            return
        if not machine.get("reasons") or machine["health"] == "normal":
            self.campaign.count("faults that status does not tell")
            raise Lie(f"{self.kind}, {self.target}: the device fails and status says nothing: {machine}")

    def check_stays_refused(self):
        for _ in range(2):
            done = self.pair.alpha.run(*self.pair.words())
            self.judge(done.status, done.out, done.err, "a command on the device that fails", True)
            self.campaign.count("commands on a device that fails")

    def check_old_points(self, before):
        for sequence in before:
            target = self.world.path("old")
            for disk in self.pair.disks:
                done = self.pair.chi.run("restore", MACHINE, "--point", str(sequence), "--disk", disk, "--to", target,
                                         "--force")
                if done.status == 0:
                    self.pair.oracle.check_content(sequence, disk, target)
                    self.campaign.count("old points read from a device that fails")
                    continue
                holds(self.has_given_up(),
                      f"{self.kind}, {self.target}: old point {sequence} does not read: {done.err.strip()}")
                self.campaign.count("old points refused by a file system that has shut down")

    def has_given_up(self):
        """XFS and Btrfs do not find their files any more once they could not write what they find them by."""
        if self.kind == "btrfs":
            with open("/proc/mounts", encoding="utf-8") as mounts:
                return any(words[1] == self.device.mounted_at and "ro" in words[3].split(",")
                           for words in map(str.split, mounts))
        try:
            os.listdir(self.device.mounted_at)
        except OSError:
            return self.kind == "xfs"
        return False

    # ---- after it

    def start_again(self, in_place):
        for host in self.world.hosts:
            if self.random.random() < 0.5:
                host.kill()
            else:
                host.process.send_signal(signal.SIGTERM)
                host.process.wait(PATIENCE)
        if not in_place or self.is_shut_down():
            if self.bound:
                unmount(self.bound[1])
            self.device.unmount()
            self.device.mount()
            self.bind()
        for host in self.world.hosts:
            host.start()

    def is_shut_down(self):
        """The file system takes no writes any more until it is mounted anew."""
        try:
            probe = os.path.join(self.device.mounted_at, "probe")
            with open(probe, "wb") as file:
                file.write(b"x")
                os.fsync(file.fileno())
            os.remove(probe)
        except OSError:
            self.campaign.count("file systems that had to be mounted anew")
            return True
        return False

    def check_whole(self, when):
        pair = self.pair
        if pair.oracle.acknowledged:
            pair.check_lists(settled=False)
        pair.change(512, MIB) if pair.oracle.acknowledged else None
        pair.point(when)
        sequences = pair.check_lists()
        pair.check_states()
        pair.check_verifies()
        for sequence in sequences:
            pair.check_restores(sequence)
