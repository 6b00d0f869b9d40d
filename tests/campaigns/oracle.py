# SPDX-License-Identifier: Apache-2.0
"""What the images of a machine were, and when: kept outside of both daemons, from the images alone.

While an image is at rest, a version of it stands: hashes of every 64 KiB and the time from which on, and until when,
it was so. A recovery point must equal the version that stood at the time of its freeze.
"""
import calendar
import hashlib
import os
import time

from campaigns.campaign import Lie, holds

CHUNK = 64 << 10
TICK = 0.003  # seconds; freezes are told in milliseconds


def hashes_of(path):
    hashes = []
    with open(path, "rb", buffering=0) as image:
        while chunk := image.read(CHUNK):
            hashes.append(hashlib.sha256(chunk).digest())
    return os.path.getsize(path), hashes


def seconds_of(text):
    """Of an RFC 3339 time in UTC, since 1970."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (fraction or "0"))


class Version:
    def __init__(self, number, contents):
        self.number, self.contents = number, contents
        self.begin, self.end = time.time(), None

    def stood_at(self, moment):
        return self.begin - 0.001 <= moment and (self.end is None or moment <= self.end)


class Oracle:
    """Of the disks of one machine, by their paths."""

    def __init__(self, disks):
        self.disks = disks
        self.versions = []
        self.acknowledged = {}  # sequence: digest, as the primary's host was told
        self.seen = {}  # sequence: (digest, version), of every point ever listed

    def rest(self):
        """The images are left alone from now on."""
        holds(not self.versions or self.versions[-1].end is not None, "the images are at rest already")
        contents = {name: hashes_of(path) for name, path in self.disks.items()}
        time.sleep(TICK)
        self.versions.append(Version(len(self.versions) + 1, contents))

    def stir(self):
        """The images are about to be changed."""
        if self.versions and self.versions[-1].end is None:
            self.versions[-1].end = time.time()
            time.sleep(TICK)

    def acknowledge(self, sequence, digest):
        known = self.acknowledged.setdefault(sequence, digest)
        holds(known == digest, f"point {sequence} was acknowledged as {known} and again as {digest}")

    def version_at(self, point):
        moment = seconds_of(point["time"])
        for version in reversed(self.versions):
            if version.stood_at(moment):
                return version
        raise Lie(f"point {point['sequence']} was frozen at {point['time']}, while its images were being written")

    def check_list(self, where, points):
        """Sequences rise, nothing acknowledged is missing, no point ever becomes another."""
        sequences = [point["sequence"] for point in points]
        holds(sequences == sorted(set(sequences)), f"{where} lists points {sequences}")
        listed = {point["sequence"]: point for point in points}
        for sequence, digest in self.acknowledged.items():
            holds(sequence in listed, f"{where} does not list point {sequence}, which was acknowledged; it lists "
                  f"{sequences}")
            told = listed[sequence]["digest"]
            holds(told == digest, f"{where} lists point {sequence} as {told}; it was acknowledged as {digest}")
        for point in points:
            holds(not point.get("damage"), f"{where}: point {point['sequence']} is damaged: {point.get('damage')}")
            digest, _ = self.seen.setdefault(point["sequence"], (point["digest"], self.version_at(point)))
            holds(digest == point["digest"],
                  f"{where}: point {point['sequence']} was {digest} and is {point['digest']}")

    def check_content(self, sequence, disk, path):
        version = self.seen[sequence][1]
        size, hashes = version.contents[disk]
        is_size, is_hashes = hashes_of(path)
        holds(size == is_size, f"point {sequence}, disk {disk}: {is_size} bytes, the image had {size}")
        wrong = [number for number, (is_, was) in enumerate(zip(is_hashes, hashes)) if is_ != was]
        holds(not wrong, f"point {sequence}, disk {disk}: differs from version {version.number} of the image in "
              f"{len(wrong)} parts of 64 KiB, the first at byte {wrong[0] * CHUNK if wrong else 0}")
