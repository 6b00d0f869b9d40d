# SPDX-License-Identifier: Apache-2.0
"""A device that remembers every write, discard and flush, and the states that a power cut could have left it in.

QEMU's blklogwrites writes the log, in the format of the kernel's dm-log-writes: a super block {magic, version,
entries, sector size}, then per entry one sector {sector, sectors, flags, bytes of data} and its data.
"""
import os
import struct

from campaigns.devices import MIB, StorageDaemon, make_file_system, mount_file, unmount

SECTOR = 512
MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
TEAR = 4096  # a write may be cut between such pieces


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


class Replayer:
    """Makes states: all of the log up to a flush, and some of what came before the next one."""

    def __init__(self, device, folder):
        self.log = open(device.log, "rb", buffering=0)  # noqa: SIM115
        self.base = os.path.join(folder, "replayed")
        with open(self.base, "wb") as file:
            file.truncate(device.size)
        self.work = os.path.join(folder, "state")
        self.file = open(self.base, "r+b", buffering=0)  # noqa: SIM115

    def apply(self, entry, file=None, length=None):
        file = file or self.file
        length = entry.length if length is None else length
        if entry.flags & (FLUSH | MARK) and entry.length == 0:
            return
        if entry.flags & DISCARD:
            zeros = bytes(min(length, MIB))
            for at in range(0, length, MIB):
                os.pwrite(file.fileno(), zeros[:min(MIB, length - at)], entry.offset + at)
            return
        os.pwrite(file.fileno(), os.pread(self.log.fileno(), length, entry.data), entry.offset)

    def make_state(self, writes):
        """The base and these (entry, length) on top, in a file of its own."""
        copy_sparse(self.base, self.work)
        if writes:
            with open(self.work, "r+b", buffering=0) as file:
                for entry, length in writes:
                    self.apply(entry, file, length)
        return self.work

    def end(self):
        self.log.close()
        self.file.close()


def copy_sparse(source, target):
    with open(source, "rb", buffering=0) as here, open(target, "wb", buffering=0) as there:
        size = os.fstat(here.fileno()).st_size
        there.truncate(size)
        at = 0
        while at < size:
            try:
                at = os.lseek(here.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(here.fileno(), at, os.SEEK_HOLE)
            os.lseek(there.fileno(), at, os.SEEK_SET)
            while at < end:
                at += os.sendfile(there.fileno(), here.fileno(), at, min(end - at, 64 * MIB))


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
