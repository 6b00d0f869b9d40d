# SPDX-License-Identifier: Apache-2.0
"""What all campaigns share: options, chance, time, what is said, and how one ends."""
import dataclasses
import random
import time
import traceback

from process_kit import World


class Lie(AssertionError):
    """The product said something that is not so, lost what it had acknowledged, or needs a hand."""


class NotPossible(Exception):
    """The campaign cannot be run here."""


@dataclasses.dataclass(frozen=True)
class Options:
    name: str
    short: bool
    seconds: int | None
    rounds: int | None
    seed: int
    lanes: int
    fs: str
    keep: bool


class Campaign:
    """One run. Rounds are counted here; what a round is, the campaign of that name knows."""

    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.began = time.monotonic()
        self.counts = {}
        self.worlds = []

    def say(self, text):
        print(f"[{time.monotonic() - self.began:6.1f} s] {text}", flush=True)

    def count(self, what, more=1):
        self.counts[what] = self.counts.get(what, 0) + more

    def rounds(self, full, short):
        """Numbers from 1: as many as asked for, or until the time asked for has passed."""
        most = self.options.rounds or (short if self.options.short else full)
        number = 0
        while not self.is_over(number, most):
            number += 1
            yield number

    def is_over(self, done, most):
        if self.options.seconds is None:
            return done >= most
        passed = time.monotonic() - self.began >= self.options.seconds
        return passed or (self.options.rounds is not None and done >= most)

    def world(self):
        world = World(keep=self.options.keep)
        self.worlds.append(world)
        return world

    def end_world(self, world, show_logs=False):
        self.worlds.remove(world)
        self.close(world, show_logs)

    def close(self, world, show_logs):
        if self.options.lanes > 1:
            self.count("ends of sessions with lanes, in the logs", sum(host.log().count(" lanes") for host in world.hosts))
        world.close(show_logs)

    def again(self):
        options = self.options
        words = ["tests/campaign", options.name, "--seed", str(options.seed)]
        words += ["--short"] if options.short else []
        words += ["--rounds", str(options.rounds)] if options.rounds else []
        words += ["--lanes", str(options.lanes)] if options.lanes > 1 else []
        words += ["--fs", options.fs] if options.fs != "all" else []
        return " ".join(words + (["--for", f"{options.seconds}s"] if options.seconds else []))

    def run(self, body):
        lie = None
        self.say(f"{self.options.name}, seed {self.options.seed}")
        try:
            body(self)
        except Lie as found:
            lie = str(found)
        except AssertionError as found:
            lie = f"{found}\n{traceback.format_exc()}"
        finally:
            for world in self.worlds:
                self.close(world, lie is not None)
        print()
        for what, value in sorted(self.counts.items()):
            print(f"{value:>10}  {what}" if not isinstance(value, float) else f"{value:>10.2f}  {what}")
        print(f"{time.monotonic() - self.began:10.0f}  seconds")
        print(f"again: {self.again()}")
        if self.options.keep:
            print("kept: " + ", ".join(world.folder for world in self.worlds))
        print(f"LIE: {lie}" if lie else f"campaign {self.options.name}: held", flush=True)
        return 1 if lie else 0


def holds(condition, text):
    if not condition:
        raise Lie(text)
