"""What is measured: the 18 cells of the example's results page, their ceilings and targets.

Only the list. How a cell is run is `rounds`' business.
"""

import json
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "loopback"
NETWORK = "network"

CONFIG = "config.json"
MULTI_WORKER_CONFIG = "config_multi_worker.json"

# add2(13, 3) and so on; the example's div is the modulo.
ANSWERS = {"add": [16], "sub": [10], "mul": [39], "div": [1]}

# What both ceilings answer, whatever they are asked.
CEILING_ANSWER = [16]

# A ceiling does the least work that its procedures' road cannot do without: nothing behind the
# HTTP server for the procedure inside the router, one round trip to another process otherwise.
CEILINGS = {"add": "bare", "sub": "relay", "mul": "relay", "div": "relay"}

# The least ratio to the ceiling over loopback: (sequential, concurrent).
RATIO_TARGETS = {"add": (1.10, 1.15), "sub": (0.95, 1.00), "mul": (1.10, 1.10),
                 "div": (1.10, 1.10)}

# The most CPU time of a request at 200 connections over loopback, as a ratio to what the ceiling's
# server takes for one; the relay's peer is not in it, as the component is not in the router's.
CPU_TARGETS = {"add": 0.80, "mul": 0.85, "div": 0.85}

# At 200 connections, p99 is to stay below this many times p50.
TAIL_TARGET = 6.0


@dataclass(frozen=True)
class Load:
    """How wrk asks: one request at a time, or from many connections at once."""

    name: str
    threads: int
    connections: int

    @property
    def options(self):
        return [f"-t{self.threads}", f"-c{self.connections}"]


SEQUENTIAL = Load("sequential", 1, 1)
CONCURRENT = Load("concurrent", 4, 200)
LOADS = (SEQUENTIAL, CONCURRENT)


@dataclass(frozen=True)
class Cell:
    """One figure of the page: a procedure, asked in one way, over one path."""

    path: str
    load: Load
    procedure: str
    config: str = CONFIG

    @property
    def multi_worker(self):
        return self.config == MULTI_WORKER_CONFIG

    @property
    def scenario(self):
        return f"{'multi-worker' if self.multi_worker else self.path} {self.load.name}"

    @property
    def ceiling(self):
        return "relay" if self.multi_worker else CEILINGS[self.procedure]

    @property
    def target(self):
        """The least ratio to the ceiling, or None where none was set."""
        if self.multi_worker or self.path != LOOPBACK:
            return None
        return RATIO_TARGETS[self.procedure][LOADS.index(self.load)]

    @property
    def cpu_target(self):
        """The most CPU time as a ratio to the ceiling's, or None where none was set."""
        if self.multi_worker or self.path != LOOPBACK or self.load != CONCURRENT:
            return None
        return CPU_TARGETS.get(self.procedure)


def four_procedures(path):
    """The eight cells of one path, in the order of the results page."""
    return [Cell(path, load, procedure) for load in LOADS for procedure in ANSWERS]


def multi_worker(path):
    """The two cells of four workers that share one procedure."""
    return [Cell(path, load, "add", MULTI_WORKER_CONFIG) for load in LOADS]


def quick():
    """The cells of the two-minute run."""
    return four_procedures(LOOPBACK)


def full(network_available):
    """All 18 cells. The published multi-worker figures were taken over a network; without one,
    ours are taken over loopback, and say so."""
    many = multi_worker(NETWORK if network_available else LOOPBACK)
    return four_procedures(LOOPBACK) + four_procedures(NETWORK) + many


def read_published(path):
    """Where the published figures come from, and the figures by (scenario, procedure)."""
    page = json.loads(Path(path).read_text(encoding="utf-8"))
    return page["source"], {(cell["scenario"], cell["procedure"]): cell for cell in page["cells"]}
