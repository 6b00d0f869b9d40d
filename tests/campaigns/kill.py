# SPDX-License-Identifier: Apache-2.0
"""kill: SIGKILL to either daemon or both, again and again, and after each round everything acknowledged must be there.

A round: the images change; a command begins (seeding, cycle, verify); at a moment left to chance one daemon or both
are killed, in some rounds once more while they recover; they are started again, and the machine must go on by itself.
A kill counts as one during a transfer if the job had sent a part, and not all, of its bytes when last looked at,
right before.
"""
import time

from campaigns.campaign import holds
from campaigns.pair import MACHINE, MIB, Pair
from process_kit import PATIENCE

ROUNDS_OF_A_WORLD = 25
VICTIMS = (("alpha",), ("chi",), ("alpha", "chi"))


def run(campaign):
    pair = None
    for number in campaign.rounds(full=200, short=30):
        if number % ROUNDS_OF_A_WORLD == 1:
            pair = renew(campaign, pair)
        Round(campaign, pair, number).run()
    finish(campaign, pair)
    transfers, rounds = campaign.counts.get("kills during a transfer", 0), campaign.counts["rounds"]
    holds(transfers * 5 >= rounds * 2,
          f"only {transfers} of {rounds} rounds killed during a transfer: this proves too little")


def renew(campaign, pair):
    """New hosts and a new machine: seedings are killed, too, and the stores stay small."""
    if pair is not None:
        finish(campaign, pair)
        campaign.end_world(pair.world)
    return Pair(campaign, campaign.world(), {"root": campaign.random.randint(40, 90), "data": 16})


def finish(campaign, pair):
    """Every point there is, once more; with the next one the primary learns of a point whose receipt it lost."""
    pair.point("after the last kill")
    pair.check_verifies()
    for sequence in pair.check_lists():
        pair.check_restores(sequence)


class Round:
    def __init__(self, campaign, pair, number):
        self.campaign, self.pair, self.number, self.random = campaign, pair, number, campaign.random
        self.victims = [getattr(pair, name) for name in self.random.choices(VICTIMS, weights=(2, 2, 1))[0]]
        self.seeds = not pair.oracle.acknowledged
        if self.seeds and self.random.random() < 0.6:  # a primary that lives goes on with its seeding at once
            self.victims = [pair.alpha]
        self.moment = self.random.choices(("transfer", "commit", "any", "verify"),
                                          weights=(14, 2, 3, 0 if self.seeds else 2))[0]
        self.while_starting = self.random.random() < 0.2

    def run(self):
        if self.moment == "verify":
            self.victims = [self.pair.chi]
            job = self.pair.chi.begin("verify", MACHINE, "--all")
            self.wait_for_verify(job)
        else:
            large = (6 * MIB, 20 * MIB)
            self.pair.change(*(large if self.moment == "transfer" else
                               self.random.choice((large, (1 * MIB, 6 * MIB), (512, MIB)))))
            job = self.pair.alpha.begin(*self.pair.words())
            getattr(self, "wait_for_" + self.moment)(job)
        was = self.strike(job)
        self.start_again()
        self.settle(job)
        self.campaign.count("rounds")
        work = "seeding" if self.seeds else "verify" if self.moment == "verify" else "cycle"
        names = " and ".join(host.name for host in self.victims)
        self.campaign.say(f"round {self.number}: {work}, {names} killed {was}"
                          f"{', and again while starting' if self.while_starting else ''}; "
                          f"{len(self.pair.oracle.seen)} points")

    # ---- the moment

    def progress(self, job):
        """(is a transfer, part that is done) of the newest job of the primary."""
        info = self.pair.newest_job()
        if job.poll() is not None or info is None or info["state"] != "running" or not info["bytes_total"]:
            return False, 0.0
        is_transfer = info["phase"] == "sending" or (info["kind"] == "protect" and info["phase"] == "reading")
        return is_transfer, info["bytes_done"] / info["bytes_total"]

    def wait_for_transfer(self, job):
        goal = self.random.random() * 0.9
        while job.poll() is None:
            is_transfer, part = self.progress(job)
            if is_transfer and goal <= part < 1:
                return

    def wait_for_commit(self, job):
        while job.poll() is None:
            is_transfer, part = self.progress(job)
            if is_transfer and part >= 1:
                break
        time.sleep(self.random.random() * 0.02)

    def wait_for_any(self, job):
        end = time.monotonic() + self.random.random() * 0.5
        while job.poll() is None and time.monotonic() < end:
            time.sleep(0.001)

    def wait_for_verify(self, job):
        end = time.monotonic() + self.random.random() * 0.25
        while job.poll() is None and time.monotonic() < end:
            time.sleep(0.001)

    # ---- the kill

    def strike(self, job):
        is_transfer, part = (False, 0.0) if self.moment == "verify" else self.progress(job)
        self.was_connected = is_transfer
        for host in self.victims:
            host.kill()
            self.campaign.count(f"kills of {'the primary' if host is self.pair.alpha else 'the replica'}")
        if len(self.victims) == 2:
            self.campaign.count("rounds with both killed")
        if is_transfer and 0 < part < 1:
            self.campaign.count("kills during a transfer")
            self.campaign.count(f"kills during a transfer, {'seeding' if self.seeds else 'cycle'}")
            return f"at {part:.0%} of the transfer"
        return "while verifying" if self.moment == "verify" else f"in the {self.moment} phase"

    def start_again(self):
        if self.pair.alpha in self.victims and self.random.random() < 0.4:
            self.pair.change(512, 2 * MIB)  # while nobody looks
        if self.while_starting:
            for host in self.victims:
                host.process = host.launch()
            time.sleep(self.random.random() * 0.12)
            for host in self.victims:
                host.kill()
            self.campaign.count("kills while starting", len(self.victims))
        for host in self.victims:
            host.start()

    # ---- after it

    def settle(self, job):
        """The command that was disturbed ends; the next one makes a point; all is there."""
        pair = self.pair
        out, err = job.communicate(timeout=PATIENCE)
        if self.moment == "verify":
            holds(job.returncode in (0, 13), f"verify ends with status {job.returncode}: {err.strip()}")
        elif pair.take(job.returncode, out, err):
            pass
        else:
            alone = pair.alpha not in self.victims
            said = f"status {job.returncode}: {err.strip()}"
            # A replica that is not there when a command begins is an answer; one that goes is waited for.
            holds(not alone or not self.was_connected, f"the primary does not get over a kill of the replica: {said}")
            holds(job.returncode == 13, f"a command whose daemon was killed ends with {said}")
        if pair.oracle.acknowledged:
            pair.check_lists(settled=False)
        # Else the next kill falls on what this one left.
        if self.random.random() < (0.65 if pair.oracle.acknowledged else 0.35):
            pair.point(f"round {self.number}")
            sequences = pair.check_lists()
            pair.check_states()
            pair.check_verifies()
            pair.check_restores(sequences[-1])
            pair.check_restores(self.random.choice(sequences))
