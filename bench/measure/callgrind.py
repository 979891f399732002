"""Runs a case under callgrind: the number of instructions and allocations of a round.

Reads callgrind's files; concludes nothing."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

# The function that runs the work of a case and nothing else.
MEASURED = "cloverleaf_instructions::measured"

# The C library's functions that Rust's allocator calls for memory. A call from one to another
# counts once.
ALLOCATORS = {"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign"}

# Rounds of each case; one-time costs vanish in them.
ROUNDS = 1000

# Building an index of a million entries takes half a minute, and longer on a busy machine.
CASE_SECONDS = 900


class CaseFailed(Exception):
    """A case failed, or callgrind counted nothing."""


@dataclass(frozen=True)
class Counts:
    """The counts of one round."""

    instructions: int
    allocations: float


def parse(lines):
    """`(instructions, allocations)` of one dump; names must not be compressed."""
    instructions, allocations, caller, callee = None, 0, "", ""
    for line in lines:
        key, _, value = line.rstrip("\n").partition("=")
        if key == "fn":
            caller = value
        elif key == "cfn":
            callee = value
        elif key == "calls" and callee in ALLOCATORS and caller not in ALLOCATORS:
            allocations += int(value.split()[0])
        elif line.startswith("totals:"):
            instructions = int(line.split()[1])
    if not instructions:
        raise CaseFailed("callgrind counted nothing: is the function still named so?")
    return instructions, allocations


def by_round(instructions, allocations, rounds):
    """The counts of one round; allocations to the hundredth."""
    return Counts(round(instructions / rounds), round(allocations / rounds, 2))


def names(binary):
    """The names of all cases."""
    return run([binary.resolve(), "list"]).split()


def count(binary, case):
    """Runs one case and counts.

    The environment and the program's path shift the start of the stack, which decides by which
    steps memory is copied. So the environment is empty but for the folder, which valgrind adds, and
    folder and path have the same length everywhere."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        out = Path(folder) / "callgrind.out"
        (Path(folder) / "case").symlink_to(binary.resolve())
        # Callgrind writes a dump before the function and one after it. Its switch for one function,
        # --toggle-collect, would also count calls of the preparation that come from the same place.
        run([shutil.which("valgrind"), "--quiet", "--tool=callgrind", "--compress-strings=no",
             f"--dump-before={MEASURED}", f"--dump-after={MEASURED}",
             f"--callgrind-out-file={out}", "./case", "run", case, str(ROUNDS)],
            cwd=folder, env={})
        dump = out.with_name(f"{out.name}.2")
        if not dump.exists():
            raise CaseFailed(f"callgrind did not see the function {MEASURED}")
        with dump.open(encoding="utf-8", errors="replace") as lines:
            return by_round(*parse(lines), ROUNDS)


def run(command, cwd=None, env=None):
    """The output of a command. Raises CaseFailed if it fails or does not end."""
    try:
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace",
                               check=False, timeout=CASE_SECONDS, cwd=cwd, env=env)
    except OSError as fault:
        raise CaseFailed(str(fault)) from fault
    except subprocess.TimeoutExpired as fault:
        raise CaseFailed(f"not ended after {CASE_SECONDS} s") from fault
    if ended.returncode != 0:
        words = " ".join(str(word) for word in command)
        raise CaseFailed(f"status {ended.returncode} of {words}: {ended.stderr.strip()}")
    return ended.stdout
