#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a restore writes to, and what it must not write over.

    restore_test.py AFTERIMAGED AFTERIMAGE [unittest arguments]
"""
import os
import pathlib
import subprocess

import process_test
from process_kit import lock_like_qemu, run_quietly, same_content, write_image


class RestoreTargets(process_test.Case):
    """What a restore must not write over, also with --force."""

    def setUp(self):
        super().setUp()
        self.two_hosts()
        self.enrol()
        self.protect(self.image(4))

    def restore(self, target, *options):
        return self.chi.run("restore", "web1", "--disk", "root", "--to", target, *options)

    def test_nothing_is_written_into_a_store(self):
        machines = pathlib.Path(self.world.path("store")) / "machines"
        base = str(next(machines.glob("*/*/base.raw")))
        os.symlink(os.path.dirname(base), self.world.path("elsewhere"))
        for target in (base, base + ".new", self.world.path("elsewhere/base.raw"), self.world.path("store/host.db")):
            for more in ((), ("--dry-run",)):
                self.refused(15, self.restore(target, "--force", *more), target, "lies in a replica store")
        self.assertEqual(self.chi.run("verify", "web1", "--all").status, 0)

    def test_what_is_neither_a_file_nor_a_block_device_stays(self):
        link, folder, pipe = (self.world.path(name) for name in ("link", "folder", "pipe"))
        os.symlink(self.world.path("nowhere"), link)
        os.mkdir(folder)
        os.mkfifo(pipe)
        for target in (link, folder, pipe, "/dev/null"):
            for more in ((), ("--dry-run",)):
                self.refused(15, self.restore(target, "--force", *more), target, "neither a file nor a block device")
        self.assertTrue(os.path.islink(link) and os.path.isdir(folder) and pathlib.Path(pipe).is_fifo())
        self.assertTrue(pathlib.Path("/dev/null").is_char_device())

    def test_a_file_that_another_program_has_locked_stays(self):
        target = self.world.path("in-use.raw")
        write_image(target, 1)
        before = os.path.getsize(target)
        with open(target, "r+b") as held:
            lock_like_qemu(held)
            self.refused(11, self.restore(target, "--force"), target, "is in use")
        self.assertEqual(os.path.getsize(target), before)
        self.assertEqual(self.restore(target, "--force").status, 0)
        self.assertTrue(same_content(target, self.world.path("web.img")))

    def test_a_file_beside_the_target_is_not_taken_for_a_leftover(self):
        target = self.world.path("web1.raw")
        for name in (target + ".unfinished", target + ".new"):
            pathlib.Path(name).write_text("mine", encoding="ascii")
        self.assertEqual(self.restore(target).status, 0)
        self.assertEqual(pathlib.Path(target + ".unfinished").read_text(encoding="ascii"), "mine")
        self.assertFalse(os.path.exists(target + ".afterimage-restore"))

    def test_two_restores_to_one_file_do_not_mix(self):
        target = self.world.path("web1.raw")
        with open(target + ".afterimage-restore", "w+b") as other:  # as another restore holds it
            lock_like_qemu(other)
            self.refused(11, self.restore(target), "another restore to " + target + " is running")
        self.assertEqual(self.restore(target).status, 0)

    def device(self):
        held = self.world.path("device.img")
        write_image(held, 6)
        made = subprocess.run(["losetup", "-f", "--show", held], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            self.skipTest("there is no loop device here (needs root)")
        device = made.stdout.strip()
        self.addCleanup(subprocess.run, ["losetup", "-d", device], check=False)
        return device

    def test_a_device_that_is_mounted_stays(self):
        device, mounted = self.device(), self.world.path("mounted")
        os.mkdir(mounted)
        run_quietly("mkfs.ext4", "-q", device)
        if subprocess.run(["mount", device, mounted], capture_output=True, check=False).returncode != 0:
            self.skipTest("mounting is refused here (needs root)")
        self.addCleanup(subprocess.run, ["umount", mounted], capture_output=True, check=False)
        self.refused(11, self.restore(device, "--force"), device, "is in use (mounted")
        run_quietly("umount", mounted)
        run_quietly("fsck.ext4", "-fn", device)
        self.assertEqual(self.restore(device, "--force").status, 0)

    def test_a_block_device_is_written_over_in_place(self):
        device = self.device()
        self.refused(15, self.restore(device), device, "--force")
        self.assertEqual(self.restore(device, "--force").status, 0)
        self.assertTrue(pathlib.Path(device).is_block_device())
        with open(device, "rb") as written, open(self.world.path("web.img"), "rb") as image:
            whole = image.read()
            self.assertTrue(written.read(len(whole)) == whole)


if __name__ == "__main__":
    process_test.main()
