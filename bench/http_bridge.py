#!/usr/bin/env python3
"""Measures the HTTP bridge as the results page of the caller_performance example does.

    python3 bench/http_bridge.py full     all 18 cells and the ceilings
    python3 bench/http_bridge.py quick    the four procedures over loopback, about two minutes

Builds nothing (`make bench` and `make bench-quick` do). The exit status is 1 if a request failed
or an answer was wrong; a missed target is reported but no failure. See docs/performance.md.
"""

import argparse
import os
import shlex
import shutil
import sys
import time
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median

from measure import cells, charts, network, probe, processes, report, rounds, targets, wrk
from measure.contender import Contender

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "caller-performance"
LOOPBACK_ADDRESS = "127.0.0.1"

# (rounds, seconds a run): 18 cells in about ten minutes, 8 in two.
EFFORT = {"full": (5, 3), "quick": (3, 2)}

# A single start varies, so the median of several is reported.
STARTS = 5

WARM_UP_SECONDS = 1

FAILURES = (probe.WrongAnswer, processes.ServerEnded, TimeoutError, wrk.WrkFailed,
            network.NetworkFailed)


@dataclass(frozen=True)
class Plan:
    """The plan of one run: cells, durations and programs."""

    mode: str
    command: str
    configs: Path
    binaries: Path
    rounds: int
    seconds: int
    procedures: list
    log: Path

    def router(self, config, procedures, host, namespaces):
        """The router with one of the example's configurations, as a context, at a free port."""
        router = Contender("router", self.command, {config: self.configs / config},
                           tuple(self.configs.parent.glob("web")), processes.Server, ROOT)
        return router.running(config, procedures, host, self.log, namespaces)

    def select(self, wanted):
        return [cell for cell in wanted if cell.procedure in self.procedures]


class Session:
    """The figures and faults of one run so far."""

    def __init__(self, plan, progress):
        self.plan = plan
        self.progress = progress
        self.source, self.published = cells.read_published(ROOT / "bench" / "published.json")
        self.cells = []
        self.failures = []
        self.below_target = []
        self.startup = None

    def add(self, cell):
        """Adds the figures of a cell."""
        self.cells.append(report.with_published(cell, self.published))
        self.progress.line(report.one_line(cell))
        self.miss(targets.missed_by(cell))

    def miss(self, sentences):
        for sentence in sentences:
            self.progress.line(f"  {sentence}")
        self.below_target += sentences

    def fail(self, sentences):
        for sentence in sentences:
            self.progress.line(f"  FAILED {sentence}")
        self.failures += sentences

    def skip(self, wanted, reason):
        """Adds cells that were not run."""
        for cell in wanted:
            self.add(rounds.not_run(cell, reason))

    def measure_start(self):
        """Starts the router a few times and measures its memory."""
        self.progress.update("starting the router a few times")
        starts = []
        try:
            for _ in range(STARTS):
                with self.plan.router(cells.CONFIG, self.plan.procedures, LOOPBACK_ADDRESS,
                                      (None, None)) as server:
                    starts.append(server.startup)
        except FAILURES as failure:
            self.fail([f"starting: {failure}"])
            return
        self.startup = {key: median(start[key] for start in starts) for key in starts[0]}
        binary = shutil.which(shlex.split(self.plan.command)[0])
        self.startup["binary_octets"] = os.path.getsize(binary)
        self.miss(targets.missed_at_start(self.startup))

    def measure_path(self, wanted, host, namespaces=(None, None)):
        """Measures cells of one path: one start of the router for each configuration."""
        if not wanted:
            return
        try:
            with processes.ceilings(self.plan.binaries, host, namespaces) as ceilings:
                for config in dict.fromkeys(cell.config for cell in wanted):
                    self.measure_config([cell for cell in wanted if cell.config == config],
                                        host, namespaces, ceilings)
        except FAILURES as failure:
            self.fail([f"{wanted[0].path}: {failure}"])
        measured = {(cell["scenario"], cell["procedure"]) for cell in self.cells}
        self.skip([cell for cell in wanted
                   if (cell.scenario, cell.procedure) not in measured], "see the failures")

    def measure_config(self, wanted, host, namespaces, ceilings):
        """Measures cells that share one start of the router."""
        procedures = list(dict.fromkeys(cell.procedure for cell in wanted))
        with (self.plan.router(wanted[0].config, procedures, host, namespaces) as router,
              network.entered(namespaces[1])):
            self.warm_up(router, ceilings, procedures)
            for cell in wanted:
                try:
                    figures, faults = rounds.measure(
                        cell, router, ceilings[cell.ceiling], self.plan.rounds,
                        self.plan.seconds, self.progress.update)
                except probe.WrongAnswer as wrong:
                    self.fail([f"{cell.scenario}: {wrong}"])
                    continue
                self.add(figures)
                self.fail(faults)

    def warm_up(self, router, ceilings, procedures):
        """A moment of load that is not counted: it touches pages and lets old connections close."""
        for server, procedure in ([(router, procedure) for procedure in procedures]
                                  + [(ceiling, "add") for ceiling in ceilings.values()]):
            self.progress.update(f"warming up: {server.name} {procedure}")
            wrk.run(server.url, procedure, cells.CONCURRENT, WARM_UP_SECONDS)

    def result(self, machine, date):
        """The content of the JSON file."""
        return {"machine": machine, "date": date, "commit": report.commit(ROOT),
                "mode": self.plan.mode, "rounds": self.plan.rounds,
                "seconds": self.plan.seconds, "published_source": self.source,
                "startup": self.startup, "cells": self.cells,
                "ceilings": rounds.ceilings(self.cells),
                "below_target": self.below_target, "failures": self.failures}


def measure(session):
    """Measures the cells of the plan's mode, and compares four workers with one."""
    measure_cells(session)
    session.miss(targets.missed_by_workers(session.cells))


def measure_cells(session):
    session.measure_start()
    if session.plan.mode == "quick":
        session.measure_path(session.plan.select(cells.quick()), LOOPBACK_ADDRESS)
        return
    reason = network.unavailable()
    wanted = session.plan.select(cells.full(network_available=reason is None))
    for path, group in groupby(wanted, key=lambda cell: cell.path):
        if path == cells.LOOPBACK:
            session.measure_path(list(group), LOOPBACK_ADDRESS)
        elif reason is None:
            measure_network(session, list(group))
        else:
            session.skip(group, reason)


def measure_network(session, wanted):
    """Measures cells with the router in one namespace and wrk in another."""
    try:
        with network.namespaces() as namespaces:
            session.measure_path(wanted, network.ROUTER_ADDRESS, namespaces)
    except network.NetworkFailed as failure:
        session.fail([f"network: {failure}"])
        session.skip(wanted, str(failure))


def parse_arguments(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    release = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    parser.add_argument("mode", choices=sorted(EFFORT))
    parser.add_argument("--binaries", type=Path, default=release,
                        help="where bare, relay and relay-peer are (default: %(default)s)")
    parser.add_argument("--router-command", default=None,
                        help="how to start the router; {config} stands for the configuration "
                             "(default: caller-performance start --config {config})")
    parser.add_argument("--configs", type=Path, default=EXAMPLE / ".crossbar",
                        help="the folder of the two configurations, whose port 8080 is replaced "
                             "by a free one (default: %(default)s)")
    parser.add_argument("--rounds", type=int, help="rounds for each cell")
    parser.add_argument("--seconds", type=int, help="seconds for each run of wrk")
    parser.add_argument("--procedures", default=",".join(cells.ANSWERS),
                        help="only these, with commas between (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results",
                        help="where the files of the run go (default: %(default)s)")
    parser.add_argument("--plots", metavar="DIR", type=Path,
                        help="the folder that gets copies of the drawings (for the "
                             "documentation: docs/plots)")
    arguments = parser.parse_args(words)
    arguments.procedures = arguments.procedures.split(",")
    if unknown := set(arguments.procedures) - set(cells.ANSWERS):
        parser.error(f"unknown procedures: {', '.join(sorted(unknown))}")
    return arguments


def plan_of(arguments, name):
    default_rounds, default_seconds = EFFORT[arguments.mode]
    binary = shlex.quote(str(arguments.binaries.resolve() / "caller-performance"))
    return Plan(mode=arguments.mode,
                command=arguments.router_command or f"{binary} start --config {{config}}",
                configs=arguments.configs.resolve(), binaries=arguments.binaries.resolve(),
                rounds=arguments.rounds or default_rounds,
                seconds=arguments.seconds or default_seconds, procedures=arguments.procedures,
                log=arguments.results / f"{name}.log")


def main(words):
    arguments = parse_arguments(words)
    progress = report.Progress()
    if shutil.which("wrk") is None:
        progress.line("wrk is not installed (Debian and Ubuntu: apt-get install wrk)")
        return 2
    processes.end_orderly()
    processes.allow_open_files()
    arguments.results.mkdir(parents=True, exist_ok=True)
    date = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    name = time.strftime("%Y%m%d-%H%M%S")
    session = Session(plan_of(arguments, name), progress)
    machine = report.machine()
    measure(session)
    result = session.result(machine, date)
    page = report.markdown(result)
    paths = report.write(result, page, arguments.results, name)
    paths += charts.write(charts.of_bridge(result), arguments.results, name, arguments.plots)
    return report.close(progress, page, paths, session.failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
