# SPDX-License-Identifier: Apache-2.0
"""The data of a comparison: an ext4 image with this machine's /usr in it, and the same after changes as a package upgrade,
a database and logs make them. Made once and kept, because the kernel places blocks anew at each making."""
import os
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

BLOCK = 4096
MIB = 1024 * 1024


@dataclass
class Data:
    before: Path
    after: Path
    changed: Path  # the changed blocks of `after`, one after the other
    work: Path  # room for replicas


def _run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _fill(stage, mib):
    """Copies files of /usr until `mib` are there, in an order that is the same on every machine with these packages."""
    left = mib * MIB
    for folder in ("bin", "lib", "share"):
        for root, folders, files in os.walk(f"/usr/{folder}"):
            folders.sort()
            for name in sorted(files):
                source = os.path.join(root, name)
                if os.path.islink(source) or not os.path.isfile(source):
                    continue
                size = os.path.getsize(source)
                if size > left:
                    continue
                target = stage / source.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
                left -= size
            if left < MIB:
                return


def _change(mount, mib, seed):
    """45 % of the change are files replaced whole, 35 % pages of 8 KiB in a database, 20 % appended logs."""
    draw = random.Random(seed)
    files = sorted(path for path in (mount / "usr").rglob("*") if path.is_file() and path.stat().st_size > BLOCK)
    replaced = 0
    while replaced < mib * MIB * 45 // 100:
        path = draw.choice(files)
        content = path.read_bytes()
        fresh = path.with_suffix(".new")
        fresh.write_bytes(content[: len(content) // 2] + draw.randbytes(64) + content[len(content) // 2 :])
        fresh.replace(path)
        replaced += len(content)
    with open(mount / "var.db", "r+b") as database:
        pages = os.fstat(database.fileno()).st_size // 8192
        for _ in range(mib * MIB * 35 // 100 // 8192):
            database.seek(draw.randrange(pages) * 8192)
            database.write((b"row %d " % draw.randrange(10**9)) * 500)
    with open(mount / "var.log", "ab") as log:
        line = 0
        while log.tell() < mib * MIB * 20 // 100:
            line += 1
            log.write(b"%012d service[%d]: request %x took %d ms\n" % (line, seed, draw.getrandbits(64), draw.randrange(999)))


def _keep_changed(data):
    with open(data.before, "rb") as a, open(data.after, "rb") as b, open(data.changed, "wb") as out:
        while block := b.read(MIB):
            old = a.read(MIB)
            if old == block:
                continue
            for at in range(0, len(block), BLOCK):
                if old[at : at + BLOCK] != block[at : at + BLOCK]:
                    out.write(block[at : at + BLOCK])


def make_data(folder, size, change):
    folder = folder / f"{size}-{change}"
    data = Data(folder / "before.img", folder / "after.img", folder / "changed.bin", folder / "work")
    data.work.mkdir(parents=True, exist_ok=True)
    if data.changed.exists():
        return data
    stage, mount = folder / "stage", folder / "mount"
    for one in (stage, mount):
        shutil.rmtree(one, ignore_errors=True)
        one.mkdir()
    _fill(stage, size * 55 // 100)
    with open(stage / "var.db", "wb") as database:
        for page in range(size * MIB // 10 // 8192):
            database.write((b"page %d " % page * 1200)[:8192])
    _run("truncate", "-s", str(size * MIB), str(data.before))
    _run("mkfs.ext4", "-q", "-F", "-d", str(stage), str(data.before))
    shutil.rmtree(stage)
    _run("cp", "--sparse=always", str(data.before), str(data.after))
    _run("mount", "-o", "loop", str(data.after), str(mount))
    try:
        _change(mount, change, seed=1)
    finally:
        _run("umount", str(mount))
    mount.rmdir()
    _keep_changed(data)
    return data
