#!/usr/bin/env python3
"""Counts the system calls that the router makes for an HTTP request.

    python3 bench/system_calls.py     one client and 200 connections, through io_uring and epoll

strace slows the router down, so the rates mean nothing here; how many calls a request takes hardly
changes. Needs strace and wrk; everything is built before (`make bench-system-calls`). See
docs/performance.md.
"""

import argparse
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import cells, processes, strace, wrk
from measure.contender import Contender

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "caller-performance"
HOST = "127.0.0.1"
SECONDS = 2

# strace has to be attached from before the first request until after the last.
SETTLE_SECONDS = 0.5

WAYS = {
    "as it is": [],
    "as it is, sleeping at once": ["--spin", "0"],
    "io_uring": ["--sockets", "io_uring"],
    "epoll": ["--sockets", "epoll"],
    "epoll, sleeping at once": ["--sockets", "epoll", "--spin", "0"],
}


def counted(server, procedure, load, folder):
    """`(requests, {call: count})` of one run of wrk under strace."""
    output = folder / "strace.txt"
    command = ["strace", "-f", "-c", "-o", str(output), "-p", str(server.process.pid)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as tracer:
        time.sleep(SETTLE_SECONDS)
        try:
            found = wrk.run(server.url, procedure, load, SECONDS)
            time.sleep(SETTLE_SECONDS)
        finally:
            tracer.send_signal(signal.SIGINT)
    return found.requests, strace.parse_summary(output.read_text(encoding="utf-8"))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--router", default=str(ROOT / "target" / "release" / "caller-performance"),
                        help="the program to count (default: %(default)s)")
    parser.add_argument("--procedures", default="add,mul", help="default: %(default)s")
    options = parser.parse_args()
    procedures = options.procedures.split(",")
    processes.allow_open_files()
    print("| way | procedure | load | calls a request | of them |\n|---|---|---|--:|---|")
    with tempfile.TemporaryDirectory(prefix="cloverleaf-") as name:
        folder = Path(name)
        for way, arguments in WAYS.items():
            command = shlex.join([options.router, "start", "--config", "{config}", *arguments])
            router = Contender("router", command, {way: EXAMPLE / ".crossbar" / cells.CONFIG},
                               (EXAMPLE / "web",), processes.Server, Path.cwd())
            with router.running(way, procedures, HOST, folder / "router.log") as server:
                for procedure in procedures:
                    for load in cells.LOADS:
                        requests, calls = counted(server, procedure, load, folder)
                        print(strace.row(way, procedure, load.name, requests, calls), flush=True)


if __name__ == "__main__":
    sys.exit(main())
