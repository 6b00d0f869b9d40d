# SPDX-License-Identifier: Apache-2.0
"""What a phase cost: seconds of the clock, seconds of the processor of all its processes, bytes on the loopback."""
import os
import resource
import time
from dataclasses import dataclass



@dataclass
class Figure:
    cpu: float
    wall: float
    wire: int


def _wire():
    with open("/proc/net/dev", encoding="ascii") as table:
        for line in table:
            if line.strip().startswith("lo:"):
                return int(line.split(":")[1].split()[0])
    raise RuntimeError("there is no loopback")


def _cpu_of(pid):
    """Of a process that goes on living, in ns (its schedstat counts user and system together) over all its threads."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as stat:
                total += int(stat.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total / 1e9


def _cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Phase:
    """with Phase(pids) as phase: …; then phase.figure. `pids` live through it; every other process ends in it and is
    waited for."""

    def __init__(self, pids=()):
        self.pids = list(pids)
        self.figure = None

    def __enter__(self):
        self.wire = _wire()
        self.cpu = _cpu_of_children() + sum(_cpu_of(pid) for pid in self.pids)
        self.began = time.monotonic()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            wall = time.monotonic() - self.began
            cpu = _cpu_of_children() + sum(_cpu_of(pid) for pid in self.pids) - self.cpu
            self.figure = Figure(cpu=cpu, wall=wall, wire=_wire() - self.wire)
