# SPDX-License-Identifier: Apache-2.0
"""That the oracle tells lies from the truth, and that the log of a device is read as it was written."""
import datetime
import os
import random
import struct
import tempfile
import time

from campaigns.block_log import DISCARD, FLUSH, MAGIC, SECTOR, Entry, read_log, subset
from campaigns.campaign import Lie
from campaigns.oracle import CHUNK, Oracle


def point(sequence, moment, digest="d", **more):
    text = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).isoformat(timespec="milliseconds")
    return {"sequence": sequence, "digest": digest, "time": text.replace("+00:00", "Z"), **more}


def oracle_cases(folder):
    """(what, whether it must be a lie, what tries it), each on an oracle of its own with points 1 and 2."""
    path = os.path.join(folder, "image")

    def fresh():
        with open(path, "wb") as image:
            image.write(bytes(3 * CHUNK))
        oracle = Oracle({"root": path})
        oracle.rest()
        first = time.time()
        time.sleep(0.01)
        oracle.stir()
        moving = time.time()
        time.sleep(0.01)
        with open(path, "r+b") as image:
            image.seek(2 * CHUNK + 7)
            image.write(b"changed")
        oracle.rest()
        oracle.acknowledge(1, "d")
        oracle.acknowledge(2, "d")
        points = [point(1, first), point(2, time.time())]
        return oracle, points, moving

    def listing(change):
        def attempt():
            oracle, points, moving = fresh()
            oracle.check_list("it", points)
            oracle.check_list("it", change(points, moving))
        return attempt

    def content(sequence):
        def attempt():
            oracle, points, _ = fresh()
            oracle.check_list("it", points)
            oracle.check_content(sequence, "root", path)
        return attempt

    def acknowledged_again():
        fresh()[0].acknowledge(1, "e")

    return (
        ("the truth", False, listing(lambda points, _: points)),
        ("a new point", False, listing(lambda points, _: [*points, point(3, time.time())])),
        ("a point that is missing", True, listing(lambda points, _: points[1:])),
        ("a point that became another", True, listing(lambda points, _: [point(1, time.time(), "e"), points[1]])),
        ("a point twice", True, listing(lambda points, _: [points[0], points[0], points[1]])),
        ("points out of order", True, listing(lambda points, _: points[::-1])),
        ("a damaged point", True, listing(lambda points, _: [dict(points[0], damage="rot"), points[1]])),
        ("a freeze while the image moved", True, listing(lambda points, moving: [*points, point(3, moving)])),
        ("the content of its time", False, content(2)),
        ("the content of another time", True, content(1)),
        ("another digest for what was acknowledged", True, acknowledged_again),
    )


def is_lie(attempt):
    try:
        attempt()
    except Lie:
        return True
    return False


def log_is_read(folder):
    path = os.path.join(folder, "log")
    entries = ((8, 2, 0), (0, 0, FLUSH), (64, 16, DISCARD), (100, 1, 0))
    with open(path, "wb") as log:
        log.write(struct.pack("<QQQI", MAGIC, 1, len(entries), SECTOR).ljust(SECTOR, b"\0"))
        for sector, sectors, flags in entries:
            log.write(struct.pack("<QQQQ", sector, sectors, flags, 0).ljust(SECTOR, b"\0"))
            log.write(bytes(0 if flags else sectors * SECTOR))
    read = [(entry.offset // SECTOR, entry.length // SECTOR, entry.flags) for entry in read_log(path, len(entries))]
    data = [entry.data for entry in read_log(path, len(entries))]
    return read == list(entries) and data[0] == 2 * SECTOR and data[3] == 7 * SECTOR


def subsets_are_parts():
    chance, writes = random.Random(1), [Entry(number, number << 20, 64 << 10, 0, 0) for number in range(40)]
    parts = [subset(chance, writes) for _ in range(50)]
    in_order = all([entry.number for entry, _ in part] == sorted({entry.number for entry, _ in part}) for part in parts)
    torn = sum(length < entry.length for part in parts for entry, length in part)
    return in_order and 5 < torn <= 50


def run():
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        cases = oracle_cases(folder)
        wrong += [what for what, expected, attempt in cases if is_lie(attempt) != expected]
        wrong += [] if log_is_read(folder) else ["the log of a device"]
        wrong += [] if subsets_are_parts() else ["parts of writes"]
    for what in wrong:
        print(f"judged wrongly: {what}")
    print(f"{len(cases) + 2} cases, {len(wrong)} wrong")
    return 1 if wrong else 0
