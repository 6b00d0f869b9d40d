#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What gives a replica's space back, who may, and what the other side is then told.

    removal_test.py AFTERIMAGED AFTERIMAGE [unittest arguments]
"""
import os

import process_test
from process_kit import wait_until


class Removal(process_test.Case):
    def setUp(self):
        super().setUp()
        self.two_hosts()
        self.enrol()
        self.path = self.image(4)

    def folders(self):
        return os.listdir(self.world.path("store/machines"))

    def names(self, host):
        return [machine["name"] for machine in host.json("status")["machines"]]

    def test_remove_asks_first_and_then_takes_everything(self):
        self.protect(self.path)
        asked = self.chi.run("remove", "web1")
        self.assertEqual(asked.status, 15, asked.err)
        self.assertIn("the newest of", asked.out)
        self.assertIn("'afterimage remove web1 --yes'", asked.err)
        self.assertEqual(self.chi.run("remove", "web1", "--dry-run").status, 0)
        self.assertEqual(len(self.chi.points("web1")), 1)
        removed = self.chi.json("remove", "web1", "--yes")
        self.assertEqual((removed["replica_removed"], removed["points_removed"]), (True, 1))
        self.assertEqual((self.names(self.chi), self.folders()), ([], []))
        self.refused(10, self.chi.run("remove", "web1", "--yes"), "keeps no replica")

    def test_the_primary_is_told_and_its_way_out_works(self):
        self.protect(self.path)
        self.assertEqual(self.chi.run("remove", "web1", "--yes").status, 0)
        self.refused(14, self.alpha.run("sync", "web1"), "web1", "afterimage unprotect")
        wait_until("the replica forgets what the sync asked for", lambda: self.folders() == [])
        self.assertEqual(self.alpha.run("unprotect", "web1").status, 0)
        self.protect(self.path)
        self.assertEqual(len(self.chi.points("web1")), 1)

    def test_a_machine_is_named_by_its_id_too(self):
        self.protect(self.path)
        self.assertEqual(self.chi.run("remove", self.folders()[0], "--yes").status, 0)
        self.assertEqual(self.names(self.chi), [])

    def test_what_cannot_be_opened_is_removed_by_its_name(self):
        self.protect(self.path)
        self.assertEqual(self.chi.stop(), 0)
        for name in ("description", "description.copy"):
            with open(self.world.path(f"store/machines/{self.folders()[0]}/{name}"), "r+b") as file:
                file.write(b"no description")
        self.chi.start()
        self.assertEqual(self.chi.json("status")["machines"][0]["state"], "stopped")
        self.assertEqual(self.chi.run("remove", "web1", "--yes").status, 0)
        self.assertEqual((self.names(self.chi), self.folders()), ([], []))


if __name__ == "__main__":
    process_test.main()
