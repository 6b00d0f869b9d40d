# SPDX-License-Identifier: Apache-2.0
"""Two hosts, a protected machine with two disks between them, one who writes into its images, and the oracle."""
import http.client
import json
import os

import process_kit
from campaigns.campaign import holds
from campaigns.oracle import Oracle

MACHINE = "web"
MIB = 1 << 20


class Pair:
    """alpha protects the machine, chi keeps its replica."""

    def __init__(self, campaign, world, sizes, alpha_folder=None, chi_folder=None, store=None):
        self.campaign, self.world, self.random = campaign, world, campaign.random
        self.disks = {name: world.path(name + ".img") for name in sizes}
        self.oracle = Oracle(self.disks)
        self.restores_to = world.folder
        for name, mebibytes in sizes.items():
            self.make_image(self.disks[name], mebibytes)
        self.oracle.rest()
        self.alpha = world.host("alpha", folder=alpha_folder)
        self.chi = world.host("chi", "--store", store or world.path("store"), folder=chi_folder)
        if campaign.options.lanes > 1:
            self.widen(campaign.options.lanes)
        self.enrol()

    def widen(self, lanes):
        self.alpha.stop()
        self.alpha.configure("lanes = 1", f"lanes = {lanes}")
        self.alpha.start()

    def enrol(self):
        key = self.chi.run("enrol", "key")
        holds(key.status == 0, key.err)
        joined = self.alpha.run("enrol", "join", key.out.strip())
        holds(joined.status == 0, joined.err)

    def shrink_segments(self):
        """Of the journal: as small as the daemon lets them be, so that many roll over."""
        self.chi.stop()
        self.chi.configure("[[store]]", "[[store]]\nsegment_mebibytes = 1")
        self.chi.start()

    # ---- the one who writes

    def make_image(self, path, mebibytes):
        with open(path, "wb") as image:
            for _ in range(mebibytes):
                image.write(self.random.randbytes(MIB))
            image.truncate((mebibytes + 3) * MIB + 512)

    def change(self, least, most):
        """So many bytes, about, all over the images: noise, text, zeros, single sectors."""
        self.oracle.stir()
        goal, done = self.random.randint(least, most), 0
        while done < goal:
            path = self.random.choice(list(self.disks.values()))
            length = min(self.random.choice((512, 4096, 12288, 65536, 1 << 18, 1 << 20)), max(512, goal - done))
            self.change_at(path, self.random.randrange(os.path.getsize(path) - length), length)
            done += length
        self.oracle.rest()

    def change_at(self, path, offset, length):
        with open(path, "r+b", buffering=0) as image:
            image.seek(offset)
            kind = self.random.random()
            if kind < 0.15:
                image.write(bytes(length))
            elif kind < 0.3:
                image.write((b"a line of text, %d\n" % offset * (length // 16 + 1))[:length])
            else:
                image.write(self.random.randbytes(length))

    # ---- commands

    def disk_words(self):
        return [word for name, path in self.disks.items() for word in ("--disk", f"{name}={path}")]

    def words(self):
        """The command that makes the next point; a seeding that was cut is gone on with by the same command."""
        if self.oracle.acknowledged:
            return ("sync", MACHINE, "--json")
        return ("protect", MACHINE, "--replica", "chi", *self.disk_words(), "--json")

    def take(self, status, out, err):
        """Keeps what a command that makes a point answered. True if it did."""
        if status != 0:
            return False
        answer = json.loads(out)
        answer = answer.get("first_point") or answer
        self.oracle.acknowledge(answer["sequence"], answer["digest"])
        return True

    def point(self, why):
        """The next point, which nothing stands in the way of."""
        done = self.alpha.run(*self.words())
        holds(self.take(done.status, done.out, done.err),
              f"{why}: '{self.words()[0]}' ends with status {done.status}: {done.err.strip()}{done.out.strip()}")

    def newest_job(self, host=None):
        """None while there is no daemon or no job."""
        try:
            jobs = (host or self.alpha).get("/v1/jobs")["jobs"]
        except (OSError, http.client.HTTPException):
            return None
        return jobs[-1] if jobs else None

    # ---- what must be so

    def points(self, host):
        return host.get(f"/v1/machines/{MACHINE}/points")["points"]

    def check_lists(self, settled=True):
        """Both hosts list what was acknowledged; settled, the same. Before, the replica may be ahead by one."""
        here, there = self.points(self.alpha), self.points(self.chi)
        self.oracle.check_list("the primary", here)
        self.oracle.check_list("the replica", there)
        mine, its = [[(point["sequence"], point["digest"]) for point in points] for points in (here, there)]
        ahead = its[len(mine):]
        holds(its[:len(mine)] == mine and len(ahead) <= (0 if settled else 1),
              f"the primary lists {[s for s, _ in mine]}, the replica {[s for s, _ in its]}")
        return [sequence for sequence, _ in its]

    def check_restores(self, sequence):
        for disk in self.disks:
            target = os.path.join(self.restores_to, "restored")
            done = self.chi.job(f"/v1/machines/{MACHINE}/restore",
                                {"point": str(sequence), "disk": disk, "to": target, "force": True})
            holds(done["state"] == "done", f"point {sequence} is not restored: {done['error']}")
            self.oracle.check_content(sequence, disk, target)
            os.remove(target)
        self.campaign.count("points restored and compared with the oracle's hashes")

    def check_verifies(self):
        done = self.chi.job(f"/v1/machines/{MACHINE}/verify", {})
        holds(done["state"] == "done", f"verify fails: {done['error']}")
        holds(done["result"]["points_damaged"] == 0, f"verify finds damage: {done['result']['damage']}")
        self.campaign.count("points verified by the replica", done["result"]["points_verified"])
        return done["result"]["points_verified"]

    def check_states(self):
        for host, wanted in ((self.alpha, "idle"), (self.chi, "idle")):
            machine = next(one for one in host.get("/v1/status")["machines"] if one["name"] == MACHINE)
            holds(machine["state"] == wanted, f"{host.name} is {machine['state']}: {machine['reasons']}")

    def wait_until(self, what, condition):
        process_kit.wait_until(what, condition)
