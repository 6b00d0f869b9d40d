# SPDX-License-Identifier: Apache-2.0
"""Processes that share the checking of a campaign, each with mounts and a network of its own.

So each can mount its state where the daemons were configured to find it, and its daemons have their ports to
themselves.
"""
import ctypes
import multiprocessing
import multiprocessing.connection
import os
import random
import traceback

from campaigns.campaign import Lie
from process_kit import run_quietly

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
KERNEL = ctypes.CDLL(None, use_errno=True)


def kernel(name, *arguments):
    """A call of the C library that Python does not have."""
    if getattr(KERNEL, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


class Claims:
    """Numbers below `count`, each given to one worker only, in their order; none any more once somebody gave up."""

    def __init__(self, count):
        self.count, self.next = count, multiprocessing.Value("q", 0)

    def claim(self):
        with self.next.get_lock():
            number = self.next.value
            self.next.value += 1
        return number if number < self.count else None

    def give_up(self):
        with self.next.get_lock():
            self.next.value = self.count


def share(campaign, claims, work):
    """`work(campaign, name)` in as many processes as there are processors; their counts become the campaign's."""
    context = multiprocessing.get_context("fork")
    workers = []
    for number in range(min(len(os.sched_getaffinity(0)), claims.count)):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=run_apart, args=(campaign, claims, work, f"worker-{number}", there))
        process.start()
        there.close()
        workers.append((process, here))
    lies = []
    for process, result in workers:
        try:
            counts, lie = result.recv()
        except EOFError:
            counts, lie = {}, "a worker of the campaign ended without a word"
        process.join()
        for what, more in counts.items():
            campaign.count(what, more)
        lies += [lie] if lie else []
    if lies:
        raise Lie("\n".join(lies))


def run_apart(campaign, claims, work, name, result):
    lie = None
    campaign.counts = {}
    try:
        kernel("unshare", CLONE_NEWNS | CLONE_NEWNET)
        run_quietly("ip", "link", "set", "lo", "up")
        work(campaign, name)
    except Lie as found:
        lie = str(found)
    except Exception as found:  # the campaign's own trouble: told as what it is, and no less a failure
        lie = f"{found}\n{traceback.format_exc()}"
    if lie:
        claims.give_up()
    result.send((campaign.counts, lie))


def chance(campaign, *names):
    """For one piece of work, whoever does it: the plan does not depend on how the work was shared."""
    return random.Random(", ".join(str(name) for name in (campaign.options.seed, *names)))
