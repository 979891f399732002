#!/usr/bin/env python3
"""Counts instructions and allocations of the router's work, and shows the changes.

Each case of the program `cloverleaf-instructions` runs under valgrind's callgrind, whose counts do
not depend on the load of the machine. They are compared with `bench/instructions.json`; `--save`
writes that file. The exit status is 1 if a case fails, and never because a count changed.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measure import callgrind, charts, counts, report

ROOT = Path(__file__).resolve().parent.parent


def made_with():
    """What the counts depend on besides the source: compiler, C library and type of processor."""
    rustc = subprocess.run(["rustc", "--version"], cwd=ROOT, capture_output=True, text=True,
                           check=False)
    return {"rustc": rustc.stdout.strip() or "unknown", "libc": " ".join(platform.libc_ver()),
            "machine": platform.machine()}


def count_all(binary, names, progress):
    """`(figures, failures)` of the cases."""
    figures, failures = {}, []

    def one(name):
        try:
            return callgrind.count(binary, name)
        except callgrind.CaseFailed as failure:
            return failure

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for done, (name, found) in enumerate(zip(names, pool.map(one, names)), start=1):
            progress.update(f"{done} of {len(names)}: {name}")
            if isinstance(found, callgrind.CaseFailed):
                failures.append(f"{name}: {found}")
            else:
                figures[name] = found
    progress.update("")
    return figures, failures


def tell(figures, kept, everything):
    """Prints the table: the changes, or all cases."""
    rows = [counts.row(case, now, kept.get(case)) for case, now in figures.items()]
    if not everything:
        rows = counts.moved(figures, kept)
    if not rows:
        print(f"{len(figures)} cases counted; none moved by more than {counts.MOVED:.0%}")
        return
    print("\n".join([counts.HEAD, *rows]))


def tell_demands(figures, everything_ran):
    """Prints which demands are met, except those of cases that were not selected."""
    words = {True: "met", False: "NOT met", None: "not counted"}
    for sentence, met in counts.demands(figures):
        if met is not None or everything_ran:
            print(f"{words[met]:>11}  {sentence}")


def parse_arguments(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    release = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    parser.add_argument("--binary", type=Path, default=release / "cloverleaf-instructions",
                        help="the program with the cases (default: %(default)s)")
    parser.add_argument("--kept", type=Path, default=ROOT / "bench" / "instructions.json",
                        help="the file to compare with (default: %(default)s)")
    parser.add_argument("--only", default="", metavar="PREFIX",
                        help="only cases whose names begin so, such as decode/call")
    parser.add_argument("--all", action="store_true",
                        help="print every case, not only those that moved")
    parser.add_argument("--save", action="store_true",
                        help="keep the new counts in the file")
    parser.add_argument("--plots", metavar="DIR", type=Path,
                        help="draw the look-ups by the number of entries into this folder (for "
                             "the documentation: docs/plots)")
    return parser.parse_args(words)


def main(words):
    arguments = parse_arguments(words)
    progress = report.Progress()
    if shutil.which("valgrind") is None:
        progress.line("valgrind is not installed (Debian and Ubuntu: apt-get install valgrind)")
        return 2
    kept, kept_with = {}, None
    if arguments.kept.exists():
        kept, kept_with = counts.from_text(arguments.kept.read_text(encoding="utf-8"))
    try:
        names = callgrind.names(arguments.binary)
    except callgrind.CaseFailed as failure:
        progress.line(f"FAILED {failure}")
        return 1
    names = [name for name in names if name.startswith(arguments.only)]
    figures, failures = count_all(arguments.binary, names, progress)
    # A failed case is not a removed one, nor is one that was not selected.
    compared = {case: before for case, before in kept.items()
                if case in figures or case.startswith(arguments.only) and case not in names}
    tell(figures, compared, arguments.all)
    tell_demands(figures, everything_ran=not arguments.only)
    now_with = made_with()
    if kept_with not in (None, now_with):
        print(f"the kept counts were made with {kept_with}, these with {now_with}: "
              "some of what moved may be theirs")
    for failure in failures:
        progress.line(f"FAILED {failure}")
    if arguments.save and not failures:
        arguments.kept.write_text(counts.to_text({**kept, **figures} if arguments.only else figures,
                                                 now_with), encoding="utf-8")
        progress.line(f"written: {arguments.kept}")
    if arguments.plots:
        for path in charts.write_into(arguments.plots, charts.of_instructions(figures)):
            progress.line(f"written: {path}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
