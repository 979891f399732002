#!/usr/bin/env python3
"""Measures the router on the level of WAMP, with the load generator cloverleaf-bench.

    python3 bench/wamp.py                   every cell, about four minutes
    python3 bench/wamp.py --cells fan-out   only those with this word in their names

Everything is built before (`make bench-wamp`). Ends with 1 when anything failed, was wrong, out
of order or lost; a missed target is told, and is no failure. See docs/performance.md.
"""

import argparse
import os
import shlex
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from measure import generator, processes, report, wamp_cells, wamp_report, wamp_rounds

ROOT = Path(__file__).resolve().parent.parent

# Sessions, where their number is what matters.
MANY = 10_000

FAILURES = (generator.GeneratorFailed, processes.ServerEnded, TimeoutError)


@dataclass(frozen=True)
class Plan:
    """What one run of this program does, and with which programs."""

    command: str
    binaries: Path
    rounds: int
    seconds: float
    warm_up: float
    log: Path

    @property
    def generator(self):
        return self.binaries / "cloverleaf-bench"


class Session:
    """The figures and faults of one run, as they come in."""

    def __init__(self, plan, progress):
        self.plan = plan
        self.progress = progress
        self.cells = []
        self.failures = []
        self.not_run = []

    def measure(self, cell, files):
        """Measures one cell, where as many files may be open as it needs."""
        if cell.files > files:
            self.not_run.append(f"{cell.name}: only {files:,} files may be open at once")
            self.progress.line(self.not_run[-1])
            return
        try:
            figures, faults = wamp_rounds.measure(self.plan, cell, self.progress.update)
        except FAILURES as failure:
            self.fail([f"{cell.name}: {failure}"])
            return
        self.cells.append(figures)
        self.progress.line(wamp_report.one_line(figures))
        self.fail(faults)

    def fail(self, sentences):
        for sentence in sentences:
            self.progress.line(f"  FAILED {sentence}")
        self.failures += sentences

    def startup(self):
        """The medians of all starts, and the size of the program."""
        starts = [cell["startup"] for cell in self.cells]
        if not starts:
            return None
        binary = shutil.which(shlex.split(self.plan.command)[0])
        return {**{key: median(start[key] for start in starts) for key in starts[0]},
                "binary_octets": os.path.getsize(binary)}

    def result(self, machine, date):
        """The content of the JSON file."""
        return {"machine": machine, "date": date, "commit": report.commit(ROOT),
                "rounds": self.plan.rounds, "seconds": self.plan.seconds,
                "startup": self.startup(), "cells": self.cells, "not_run": self.not_run,
                "failures": self.failures}


def parse_arguments(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    release = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    parser.add_argument("--binaries", type=Path, default=release,
                        help="where cloverleaf, cloverleaf-bench and forwarder are "
                             "(default: %(default)s)")
    parser.add_argument("--router-command", default=None,
                        help="how to start the router; {config} stands for the configuration, "
                             "{threads} for the number of threads (default: cloverleaf start "
                             "--config {config} --threads {threads})")
    parser.add_argument("--cells", default="",
                        help="only those with this in their names (default: all)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds for each cell "
                                                              "(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0,
                        help="seconds for each round (default: %(default)s)")
    parser.add_argument("--many", type=int, default=MANY,
                        help="subscribers and idle sessions, where it is their number that "
                             "matters (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results",
                        help="where the files of the run go (default: %(default)s)")
    return parser.parse_args(words)


def plan_of(arguments, name):
    binaries = arguments.binaries.resolve()
    router = shlex.quote(str(binaries / "cloverleaf"))
    command = f"{router} start --config {{config}} --threads {{threads}}"
    return Plan(command=arguments.router_command or command, binaries=binaries,
                rounds=arguments.rounds, seconds=arguments.seconds,
                warm_up=arguments.seconds / 4, log=arguments.results / f"{name}.log")


def main(words):
    arguments = parse_arguments(words)
    progress = report.Progress()
    wanted = [cell for cell in wamp_cells.all_cells(arguments.many)
              if arguments.cells in cell.name]
    if not wanted:
        progress.line(f"no cell has '{arguments.cells}' in its name")
        return 2
    processes.end_orderly()
    files = processes.allow_open_files(max(cell.files for cell in wanted))
    arguments.results.mkdir(parents=True, exist_ok=True)
    date = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    name = time.strftime("%Y%m%d-%H%M%S-wamp")
    session = Session(plan_of(arguments, name), progress)
    machine = report.machine()
    for cell in wanted:
        session.measure(cell, files)
    result = session.result(machine, date)
    result["below_target"] = wamp_report.missed(result)
    page = wamp_report.markdown(result)
    paths = report.write(result, page, arguments.results, name)
    progress.line()
    print(page)
    for path in paths:
        progress.line(f"written: {path}")
    return 1 if session.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
