#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A store that was put back to an older state, as from a backup or a snapshot of its volume.

    rollback_test.py AFTERIMAGED AFTERIMAGE [unittest arguments]
"""
import os
import shutil

import process_test
from process_kit import change_image


class RolledBack(process_test.Case):
    def swap_store(self, kept):
        """Stops the replica, puts what is in `kept` in the place of its store, and gives where the other now is."""
        store, aside = self.world.path("store"), self.world.path("aside")
        self.assertEqual(self.chi.stop(), 0)
        os.rename(store, aside)
        os.rename(kept, store)
        self.chi.start()
        os.rename(aside, kept)
        return kept

    def test_is_compared_gone_on_with_and_no_number_is_given_twice(self):
        self.two_hosts()
        self.enrol()
        image = self.image(4)
        self.protect(image)
        self.assertEqual(self.chi.stop(), 0)
        older = self.world.path("older")
        shutil.copytree(self.world.path("store"), older)
        self.chi.start()
        for turn in range(2):
            change_image(image, 4096 * turn, b"lost with the store %d" % turn)
            self.assertEqual(self.alpha.json("sync", "web1")["sequence"], 2 + turn)
        newer = self.swap_store(older)
        change_image(image, 4096 * 9, b"after it came back")
        done = self.alpha.run("sync", "web1", "--json")
        self.assertEqual(done.status, 3, done.err)
        self.assertEqual(done.json["sequence"], 4)
        self.assert_restores("web1", "latest", image)
        change_image(image, 4096 * 10, b"and once more")
        self.assertEqual(self.alpha.json("sync", "web1")["sequence"], 5)
        self.assertEqual(self.chi.run("verify", "web1", "--all").status, 0)
        self.assertEqual([point[0] for point in self.chi.points("web1")], [1, 4, 5])
        self.swap_store(newer)
        done = self.alpha.run("sync", "web1", "--json")
        self.assertEqual(done.status, 3, done.err)
        self.assertEqual(done.json["sequence"], 6)
        self.assert_restores("web1", "latest", image)
        self.assertEqual([point[0] for point in self.chi.points("web1")], [1, 2, 3, 6])


if __name__ == "__main__":
    process_test.main()
