#!/usr/bin/env python3
"""Measures the router over WAMP, with the load generator cloverleaf-bench.

    python3 bench/wamp.py                   all cells, about four minutes
    python3 bench/wamp.py --cells fan-out   cells with this word in their names

Builds nothing (`make bench-wamp` does). The exit status is 1 if an answer was an error, wrong, out
of order or lost; a missed target is reported but no failure. See docs/performance.md.
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

from measure import (charts, generator, processes, report, wamp_cells, wamp_charts, wamp_report,
                     wamp_rounds, wamp_sizes)

ROOT = Path(__file__).resolve().parent.parent

# Number of sessions in cells about many sessions.
MANY = 10_000

FAILURES = (generator.GeneratorFailed, processes.ServerEnded, TimeoutError)


@dataclass(frozen=True)
class Plan:
    """The plan of one run: cells, durations and programs."""

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
    """The figures and faults of one run so far."""

    def __init__(self, plan, progress):
        self.plan = plan
        self.progress = progress
        self.cells = []
        self.sizes = []
        self.failures = []
        self.not_run = []

    def measure(self, cell, files):
        """Measures one cell for the tables."""
        if figures := self.figures_of(cell, files):
            self.cells.append(figures)

    def measure_point(self, point, files):
        """Measures one point of a chart."""
        if figures := self.figures_of(point.cell, files):
            self.sizes.append({"chart": point.chart, "line": point.line, "size": point.size,
                               **figures})

    def figures_of(self, cell, files):
        """The figures of one cell if the needed number of files may be open, or None."""
        if cell.files > files:
            self.not_run.append(f"{cell.name}: only {files:,} files may be open at once")
            self.progress.line(self.not_run[-1])
            return None
        try:
            figures, faults = wamp_rounds.measure(self.plan, cell, self.progress.update)
        except FAILURES as failure:
            self.fail([f"{cell.name}: {failure}"])
            return None
        self.progress.line(wamp_report.one_line(figures))
        self.fail(faults)
        return figures

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
                "startup": self.startup(), "cells": self.cells, "sizes": self.sizes,
                "not_run": self.not_run, "failures": self.failures}


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
    parser.add_argument("--sizes", action="store_true",
                        help="measure and draw what grows with payloads and subscribers too, "
                             "a minute more")
    parser.add_argument("--plots", metavar="DIR", type=Path,
                        help="the folder that gets copies of the drawings (for the "
                             "documentation: docs/plots); means --sizes as well")
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
    points = wamp_sizes.all_points(arguments.many) if arguments.sizes or arguments.plots else []
    files = processes.allow_open_files(
        max(cell.files for cell in (*wanted, *(point.cell for point in points))))
    arguments.results.mkdir(parents=True, exist_ok=True)
    date = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    started = time.strftime("%Y%m%d-%H%M%S")
    name = f"{started}-wamp"
    session = Session(plan_of(arguments, name), progress)
    machine = report.machine()
    for cell in wanted:
        session.measure(cell, files)
    for point in points:
        session.measure_point(point, files)
    result = session.result(machine, date)
    result["below_target"] = wamp_report.missed(result)
    page = wamp_report.markdown(result)
    paths = report.write(result, page, arguments.results, name)
    paths += charts.write(wamp_charts.of_wamp(result), arguments.results, started, arguments.plots)
    return report.close(progress, page, paths, session.failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
