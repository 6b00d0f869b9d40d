# SPDX-License-Identifier: Apache-2.0
"""Block devices that fail or remember, with file systems on them: a QEMU storage daemon behind a loop device.

All of it lies in the campaign's own namespaces. Loop devices do not, so each is told to vanish with its last user.
"""
import os
import subprocess

import process_kit
from process_kit import run_quietly, wait_until

MIB = 1 << 20
FILE_SYSTEMS = ("ext4", "xfs", "btrfs")
MAKE = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f"), "btrfs": ("mkfs.btrfs", "-q", "-f")}
# A fault must not stop the kernel, and the error of one is to be seen, not to be waited for.
MOUNT = {"ext4": "errors=remount-ro", "xfs": "", "btrfs": ""}


def chosen(options):
    return FILE_SYSTEMS if options.fs == "all" else (options.fs,)


def attach(path):
    """A loop device over a file, of which nothing is in the page cache."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return run_quietly("losetup", "--find", "--show", path).strip()


def make_file_system(kind, path):
    device = attach(path)
    try:
        run_quietly(*MAKE[kind], device)
    finally:
        run_quietly("losetup", "--detach", device)


def mount_file(kind, path, folder, *more):
    """The loop device goes with the mount."""
    os.makedirs(folder, exist_ok=True)
    device = attach(path)
    try:
        options = ",".join(option for option in (MOUNT[kind], *more) if option)
        run_quietly("mount", "-t", kind, *(("-o", options) if options else ()), device, folder)
    finally:
        run_quietly("losetup", "--detach", device)


def unmount(folder):
    """What a killed daemon had open through io_uring the kernel lets go of a moment after its end."""
    wait_until(f"nobody uses {folder}", lambda: subprocess.run(
        ["umount", folder], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0)


class StorageDaemon:
    """An image as the file `exported`, through the block drivers given."""

    def __init__(self, folder, *blockdevs, node):
        self.exported = os.path.join(folder, "exported")
        with open(self.exported, "wb"):
            pass
        words = [word for blockdev in blockdevs for word in ("--blockdev", blockdev)]
        self.log = os.path.join(folder, "storage-daemon.log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["qemu-storage-daemon", *words, "--export",
                 f"type=fuse,id=export,node-name={node},mountpoint={self.exported},writable=on"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ)
        wait_until("the storage daemon exports its image", self.is_there)

    def is_there(self):
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8") as log:
                raise RuntimeError(f"qemu-storage-daemon ended: {log.read()}")
        return os.path.getsize(self.exported) > 0

    def end(self):
        self.process.terminate()
        self.process.wait(process_kit.PATIENCE)


class ErrorDevice:
    """A file system whose device answers every write with EIO while it is told to."""

    def __init__(self, world, kind, mebibytes):
        self.kind, self.folder, self.mounted_at = kind, world.path(f"device-{kind}"), world.path(f"on-{kind}")
        os.makedirs(self.folder)
        image, port, self.trigger = (os.path.join(self.folder, name) for name in ("image", "nbd.sock", "inject"))
        with open(image, "wb") as file:
            file.truncate(mebibytes * MIB)
        faults = [f"error-{call}-{what}" for call in ("pwrite", "zero", "trim")
                  for what in ("rate=100%", f"file={self.trigger}")]
        self.nbdkit = subprocess.Popen(["nbdkit", "--foreground", "--unix", port, "--filter=error", "file", image,
                                        "error=EIO", *faults], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until("nbdkit listens", lambda: os.path.exists(port))
        self.storage = StorageDaemon(
            self.folder, f"driver=nbd,node-name=image,server.type=unix,server.path={port}", node="image")
        make_file_system(kind, self.storage.exported)
        self.mount()

    def mount(self):
        mount_file(self.kind, self.storage.exported, self.mounted_at)

    def unmount(self):
        unmount(self.mounted_at)

    def fail(self):
        with open(self.trigger, "wb"):
            pass

    def heal(self):
        if os.path.exists(self.trigger):
            os.remove(self.trigger)

    def end(self):
        self.heal()
        subprocess.run(["umount", "--lazy", self.mounted_at], stderr=subprocess.DEVNULL, check=False)
        self.storage.end()
        self.nbdkit.terminate()
        self.nbdkit.wait(process_kit.PATIENCE)
