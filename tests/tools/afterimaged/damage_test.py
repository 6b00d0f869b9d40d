#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator sees of a replica whose base is not what it was.

    damage_test.py AFTERIMAGED AFTERIMAGE [unittest arguments]
"""
import json
import os
import pathlib

import process_test


class DamagedBase(process_test.Case):
    def test_is_found_named_and_never_restored(self):
        self.two_hosts()
        self.enrol()
        self.protect(self.image(4))
        base = next((pathlib.Path(self.world.path("store")) / "machines").glob("*/*/base.raw"))
        with open(base, "r+b") as damaged:
            damaged.seek(4096 * 3 + 17)
            damaged.write(b"not what was there")
        found = self.chi.run("verify", "web1", "--all", "--json")
        self.assertEqual(found.status, 1, found.err)
        self.assertEqual(found.json["points_damaged"], 1)
        self.assertEqual(found.json["damage"][0]["disk"], "root")
        jobs = json.loads(self.chi.run("jobs", "--json").out)["jobs"]
        job = self.chi.run("jobs", str(jobs[-1]["id"]), "--json")
        self.assertEqual(job.status, 1, job.err)
        self.assertEqual(job.json["state"], "failed")
        target = self.world.path("restored.raw")
        done = self.chi.run("restore", "web1", "--disk", "root", "--to", target)
        self.assertEqual(done.status, 1)
        self.assertIn("block 3", done.err)
        self.assertFalse(os.path.exists(target))
        self.assertEqual(self.chi.json("status", "web1")["machines"][0]["health"], "critical")


if __name__ == "__main__":
    process_test.main()
