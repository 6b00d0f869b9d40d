#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A protect that is refused leaves nothing behind, on either host.

    protect_test.py AFTERIMAGED AFTERIMAGE [unittest arguments]
"""
import process_test
from process_kit import lock_like_qemu


class Refused(process_test.Case):
    def setUp(self):
        super().setUp()
        self.two_hosts()
        self.enrol()
        self.path = self.image(4)

    def try_to_protect(self):
        return self.alpha.run("protect", "web1", "--replica", "chi", "--disk", f"root={self.path}")

    def assert_nothing_is_left(self):
        self.assertEqual(self.alpha.json("status")["machines"], [])

    def test_by_a_replica_that_keeps_a_machine_of_the_name(self):
        self.protect(self.path)
        self.assertEqual(self.alpha.run("unprotect", "web1").status, 0)
        self.refused(15, self.try_to_protect(), "already keeps a machine web1")
        self.assert_nothing_is_left()
        self.assertEqual(len(self.chi.points("web1")), 1)

    def test_because_a_program_holds_the_image(self):
        with open(self.path, "r+b") as held:
            lock_like_qemu(held)
            answer = self.try_to_protect()
            if answer.status == 0:
                self.skipTest("this file system has reflinks: what is locked can be cloned")
            self.refused(11, answer, self.path, "is locked by another program")
        self.assert_nothing_is_left()
        self.assertEqual(self.chi.json("status")["machines"], [])
        self.protect(self.path)


if __name__ == "__main__":
    process_test.main()
