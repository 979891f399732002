#!/usr/bin/env python3
"""Compares Cloverleaf with another router, by default Crossbar.io, over the HTTP bridge.

Both run the workload of the example caller-performance at the same time on the same machine, and
wrk loads them in turn. There are ten cells: four procedures over loopback and one that four workers
share, each with sequential requests and with 200 connections. For each of them the ratio of the
rates and of the 99th percentiles is printed, with the CPU time of each request. Memory and time of
starts come last. Builds and installs nothing (`make bench-peers` does).

--peer-command compares with another router, for instance an earlier build:

    python3 bench/peers.py --peer-name before \\
        --peer-command "/old/caller-performance start --config {config}"

The exit status is 1 if a request of either failed or an answer was wrong; a missed target is
reported but no failure. See docs/performance.md.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from statistics import median

from measure import (cells, charts, comparison, network, peers_report, probe, processes, report,
                     wrk)
from measure.contender import Contender

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "caller-performance"
PEERS = ROOT / "bench" / "peers"
LOOPBACK_ADDRESS = "127.0.0.1"

STARTS = 3
WARM_UP_SECONDS = 1

# The router still works on requests that wrk leaves unanswered at the end of a run. That would take
# time from the other router's next run.
SETTLE_SECONDS = 0.5

FAILURES = (probe.WrongAnswer, processes.ServerEnded, TimeoutError, wrk.WrkFailed,
            network.NetworkFailed)


class Session:
    """The figures and faults of one run so far."""

    def __init__(self, own, peer, arguments, log, progress):
        self.contenders = {"own": own, "peer": peer}
        self.arguments = arguments
        self.log = log
        self.progress = progress
        self.cells = []
        self.startup = None
        self.below_target = []
        self.failures = []

    def fail(self, sentences):
        for sentence in sentences:
            self.progress.line(f"  FAILED {sentence}")
        self.failures += sentences

    def add(self, cell, faults):
        """Adds the figures of a cell. Only Crossbar.io has targets."""
        if self.arguments.peer_command:
            cell = {**cell, "target": None, "p99_target": None}
        missed = comparison.missed_by(cell)
        self.cells.append({**cell, "missed": missed, "failures": faults})
        self.progress.line(peers_report.one_line(cell))
        for sentence in missed:
            self.progress.line(f"  {sentence}")
        self.below_target += missed
        self.fail(faults)

    def on_run(self, text):
        self.progress.update(text)
        time.sleep(SETTLE_SECONDS)

    def measure_start(self):
        """Starts both a few times, in turn."""
        starts = {side: [] for side in self.contenders}
        for _ in range(STARTS):
            for side, contender in self.contenders.items():
                self.progress.update(f"starting {contender.name} a few times")
                with contender.running(cells.CONFIG, cells.ANSWERS, LOOPBACK_ADDRESS,
                                       self.log) as server:
                    starts[side].append(server.startup)
        self.startup = {side: {key: median(start[key] for start in found) for key in found[0]}
                        for side, found in starts.items()}

    def measure_config(self, config, wanted, host, namespaces=(None, None)):
        """Measures cells that share one start of both routers."""
        procedures = list(dict.fromkeys(cell.procedure for cell in wanted))
        with ExitStack() as stack:
            self.progress.update("starting both routers")
            servers = {side: stack.enter_context(
                contender.running(config, procedures, host, self.log, namespaces))
                for side, contender in self.contenders.items()}
            stack.enter_context(network.entered(namespaces[1]))
            for server in servers.values():
                for procedure in procedures:
                    self.on_run(f"warming up: {server.name} {procedure}")
                    wrk.run(server.url, procedure, cells.CONCURRENT, WARM_UP_SECONDS)
            for cell in wanted:
                figures, faults = comparison.measure(
                    cell, servers["own"], servers["peer"], self.arguments.rounds,
                    self.arguments.seconds, self.on_run)
                self.add(figures, faults)

    def measure_path(self, wanted, host, namespaces=(None, None)):
        """Measures cells of one path."""
        for config, group in groupby(wanted, key=lambda cell: cell.config):
            self.measure_config(config, list(group), host, namespaces)

    def measure(self):
        """Measures the selected cells as far as possible."""
        wanted = [cell for cell in (*cells.quick(), *cells.multi_worker(cells.LOOPBACK))
                  if cell.procedure in self.arguments.procedures]
        try:
            self.measure_start()
            self.measure_path(wanted, LOOPBACK_ADDRESS)
            if self.arguments.network:
                there = [cell for cell in cells.four_procedures(cells.NETWORK)
                         if cell.procedure in self.arguments.procedures]
                with network.namespaces() as namespaces:
                    self.measure_path(there, network.ROUTER_ADDRESS, namespaces)
        except FAILURES as failure:
            self.fail([str(failure)])

    def result(self, machine, date, peer_version):
        """The content of the JSON file."""
        return {"machine": machine, "date": date, "commit": report.commit(ROOT),
                "peer": self.contenders["peer"].name, "peer_version": peer_version,
                "rounds": self.arguments.rounds, "seconds": self.arguments.seconds,
                "startup": self.startup, "cells": self.cells,
                "below_target": self.below_target, "failures": self.failures}


def parse_arguments(words):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    release = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    parser.add_argument("--binaries", type=Path, default=release,
                        help="where caller-performance is (default: %(default)s)")
    parser.add_argument("--crossbar", type=Path, default=ROOT / ".venv-crossbar",
                        help="the environment with Crossbar.io (default: %(default)s)")
    parser.add_argument("--peer-command", metavar="COMMAND",
                        help="starts another router instead; {config} stands for its "
                             "configuration, {folder} for the folder that holds it")
    parser.add_argument("--peer-name", metavar="NAME", default="peer",
                        help="what the other router is called (default: %(default)s)")
    parser.add_argument("--peer-config", metavar="FILE", type=Path,
                        default=EXAMPLE / ".crossbar" / cells.CONFIG,
                        help="the peer's configuration, whose port 8080 is replaced by a free "
                             "one (default: %(default)s)")
    parser.add_argument("--peer-multi-worker-config", metavar="FILE", type=Path,
                        default=PEERS / cells.MULTI_WORKER_CONFIG,
                        help="the same with four workers (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3,
                        help="rounds for each cell (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=5,
                        help="seconds for each run of wrk (default: %(default)s)")
    parser.add_argument("--procedures", default=",".join(cells.ANSWERS),
                        help="only these, with commas between (default: %(default)s)")
    parser.add_argument("--network", action="store_true",
                        help="also over two network namespaces (needs root and ip)")
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


def contenders(arguments):
    """Cloverleaf and its peer."""
    binary = shlex.quote(str(arguments.binaries.resolve() / "caller-performance"))
    folder = EXAMPLE / ".crossbar"
    own = Contender("Cloverleaf", f"{binary} start --config {{config}}",
                    {name: folder / name for name in (cells.CONFIG, cells.MULTI_WORKER_CONFIG)},
                    (EXAMPLE / "web",))
    crossbar = shlex.quote(str(arguments.crossbar.resolve() / "bin" / "crossbar"))
    # Crossbar.io logs each request that wrk abandons at the end of a run, also as an error.
    command = (arguments.peer_command
               or f"{crossbar} start --cbdir {{folder}} --color false --loglevel none")
    peer = Contender(arguments.peer_name if arguments.peer_command else "Crossbar.io", command,
                     {cells.CONFIG: arguments.peer_config.resolve(),
                      cells.MULTI_WORKER_CONFIG: arguments.peer_multi_worker_config.resolve()},
                     (EXAMPLE / "web", PEERS / "components"))
    return own, peer


def version_of(arguments):
    """The name and version of the peer."""
    if arguments.peer_command:
        return f"`{arguments.peer_command}`"
    code = ("import platform; from importlib.metadata import version; print(f'Crossbar.io "
            "{version(\"crossbar\")} on {platform.python_implementation()} "
            "{platform.python_version()}')")
    command = [str(arguments.crossbar / "bin" / "python"), "-c", code]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True,
                              timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "Crossbar.io, of an unknown version"


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
    started = time.strftime("%Y%m%d-%H%M%S")
    name = f"{started}-peers"
    machine = report.machine()
    session = Session(*contenders(arguments), arguments, arguments.results / f"{name}.log",
                      progress)
    session.measure()
    result = session.result(machine, date, version_of(arguments))
    page = peers_report.markdown(result)
    paths = report.write(result, page, arguments.results, name)
    paths += charts.write(charts.of_peers(result), arguments.results, started, arguments.plots)
    return report.close(progress, page, paths, session.failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
