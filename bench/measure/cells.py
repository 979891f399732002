"""The 18 cells of the example's results page, their ceilings and targets.

Only the list; `rounds` runs the cells."""

import json
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "loopback"
NETWORK = "network"

CONFIG = "config.json"
MULTI_WORKER_CONFIG = "config_multi_worker.json"

# add2(13, 3) and so on; the example's div is the modulo.
ANSWERS = {"add": [16], "sub": [10], "mul": [39], "div": [1]}

# The answer of both ceilings to every request.
CEILING_ANSWER = [16]

# A ceiling does the least work that its procedures need: nothing behind the HTTP server for the
# procedure inside the router, one round trip to another process otherwise.
CEILINGS = {"add": "bare", "sub": "relay", "mul": "relay", "div": "relay"}

# The least ratio to the ceiling over loopback: (sequential, concurrent).
RATIO_TARGETS = {"add": (1.10, 1.15), "sub": (0.95, 1.00), "mul": (1.10, 1.10),
                 "div": (1.10, 1.10)}

# Most CPU time of a request at 200 connections over loopback, as a ratio to that of the ceiling's
# server. The relay's peer is not included, and neither is the component of the router.
CPU_TARGETS = {"add": 0.80, "mul": 0.85, "div": 0.85}

# At 200 connections, p99 has to stay below this multiple of p50.
TAIL_TARGET = 6.0


@dataclass(frozen=True)
class Load:
    """The load of wrk: sequential requests, or many connections at once."""

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
    """One figure of the page: a procedure with one load over one path."""

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
        """The least ratio to the ceiling, or None without a target."""
        if self.multi_worker or self.path != LOOPBACK:
            return None
        return RATIO_TARGETS[self.procedure][LOADS.index(self.load)]

    @property
    def cpu_target(self):
        """The most CPU time as a ratio to the ceiling's, or None without a target."""
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
    """All 18 cells. The published multi-worker figures were measured over a network. Without one,
    ours are measured over loopback and marked."""
    many = multi_worker(NETWORK if network_available else LOOPBACK)
    return four_procedures(LOOPBACK) + four_procedures(NETWORK) + many


def read_published(path):
    """The source of the published figures, and the figures by (scenario, procedure)."""
    page = json.loads(Path(path).read_text(encoding="utf-8"))
    return page["source"], {(cell["scenario"], cell["procedure"]): cell for cell in page["cells"]}
