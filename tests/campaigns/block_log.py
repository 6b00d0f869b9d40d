# SPDX-License-Identifier: Apache-2.0
"""A device that remembers every write, discard and flush, and the states that a power cut could have left it in.

QEMU's blklogwrites writes the log, in the format of the kernel's dm-log-writes: a super block {magic, version,
entries, sector size}, then per entry one sector {sector, sectors, flags, bytes of data} and its data.
"""
import fcntl
import os
import struct

from campaigns.devices import MIB, MOUNT, StorageDaemon, make_file_system, mount_file, unmount
from process_kit import run_quietly

SECTOR = 512
MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
TEAR = 4096  # a write may be cut between such pieces
FICLONE = 0x40049409


class Entry:
    __slots__ = ("number", "offset", "length", "flags", "data")

    def __init__(self, number, offset, length, flags, data):
        self.number, self.offset, self.length, self.flags, self.data = number, offset, length, flags, data

    @property
    def is_flush(self):
        return bool(self.flags & FLUSH)


class LoggedDevice:
    """A file system on a device that logs."""

    def __init__(self, world, kind, mebibytes):
        self.kind, self.folder, self.mounted_at = kind, world.path(f"device-{kind}"), world.path(f"on-{kind}")
        os.makedirs(self.folder)
        self.size = mebibytes * MIB
        self.image, self.log = os.path.join(self.folder, "image"), os.path.join(self.folder, "log")
        for path, size in ((self.image, self.size), (self.log, 64 << 30)):
            with open(path, "wb") as file:
                file.truncate(size)
        self.storage = StorageDaemon(
            self.folder, f"driver=file,node-name=data,filename={self.image}",
            f"driver=file,node-name=log,filename={self.log}",
            f"driver=blklogwrites,node-name=logged,file=data,log=log,log-sector-size={SECTOR}", node="logged")
        make_file_system(kind, self.storage.exported)
        mount_file(kind, self.storage.exported, self.mounted_at)

    def entries(self):
        """How many entries there were at the last flush."""
        with open(self.log, "rb") as log:
            magic, version, entries, sector = struct.unpack("<QQQI", log.read(28))
        assert (magic, version, sector) == (MAGIC, 1, SECTOR), f"the log of {self.kind} has a strange head"
        return entries

    def stop(self):
        unmount(self.mounted_at)
        self.storage.end()

    def end(self):
        """Whatever stands."""
        self.storage.end()


def read_log(path, entries):
    """One entry after the other; the data stays where it is, as its offset in the log."""
    with open(path, "rb") as log:
        at = SECTOR
        for number in range(entries):
            log.seek(at)
            sector, sectors, flags, data = struct.unpack("<QQQQ", log.read(32))
            at += SECTOR
            yield Entry(number, sector * SECTOR, sectors * SECTOR, flags, at)
            if flags & MARK:
                at += (data + SECTOR - 1) // SECTOR * SECTOR
            elif not flags & DISCARD:
                at += sectors * SECTOR


class StatePool:
    """A folder whose files can be reflinks of each other."""

    def __init__(self, world):
        image, self.folder = world.path("states.image"), world.path("states")
        with open(image, "wb") as file:
            file.truncate(16 << 30)
        run_quietly("mkfs.xfs", "-q", "-m", "reflink=1", image)
        mount_file("xfs", image, self.folder)

    def end(self):
        unmount(self.folder)


def mount_state(kind, path, folder):
    """Several of one file system may be mounted at a time."""
    more = ("nouuid",) if kind == "xfs" else ()
    run_quietly("mount", "-t", kind, "-o", ",".join(("loop", *more, *filter(None, (MOUNT[kind],)))), path, folder)


class Replayer:
    """Makes states: all of the log up to a flush, and some of what came before the next one.

    States are reflinks of what was replayed, so that one costs what it changes.
    """

    def __init__(self, device, folder, name):
        self.log = open(device.log, "rb", buffering=0)  # noqa: SIM115
        self.work = os.path.join(folder, name + ".state")
        self.file = open(os.path.join(folder, name + ".replayed"), "w+b", buffering=0)  # noqa: SIM115
        self.file.truncate(device.size)

    def content(self, entry, length=None):
        length = entry.length if length is None else length
        return bytes(length) if entry.flags & DISCARD else os.pread(self.log.fileno(), length, entry.data)

    def apply(self, entry, file=None, length=None):
        length = entry.length if length is None else length
        file = file or self.file
        for at in range(0, length, MIB):
            part = Entry(entry.number, entry.offset + at, min(MIB, length - at), entry.flags, entry.data + at)
            os.pwrite(file.fileno(), self.content(part), part.offset)

    def changes(self, entry):
        """Whether the write makes another state of what was replayed. One that does not is in every state."""
        return entry.length > 0 and (
            entry.length > MIB or os.pread(self.file.fileno(), entry.length, entry.offset) != self.content(entry))

    def make_state(self, writes):
        """What was replayed and these (entry, length) on top, in a file of its own, until drop_state."""
        with open(self.work, "w+b", buffering=0) as file:
            fcntl.ioctl(file.fileno(), FICLONE, self.file.fileno())
            for entry, length in writes:
                self.apply(entry, file, length)
        return self.work

    def drop_state(self):
        """Before more is replayed, so that this is written in place and not beside what the state still holds."""
        os.remove(self.work)

    def end(self):
        self.log.close()
        self.file.close()


def subset(random, writes):
    """Some of the writes, in their order, one of them perhaps torn."""
    part = random.choice((0.2, 0.5, 0.8))
    chosen = [(entry, entry.length) for entry in writes if random.random() < part]
    if chosen and random.random() < 0.4:
        number = random.randrange(len(chosen))
        entry, length = chosen[number]
        if length > TEAR:
            chosen[number] = (entry, random.randrange(TEAR, length, TEAR))
    return chosen
