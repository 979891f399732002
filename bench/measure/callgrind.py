"""A case under callgrind: how many instructions a round of it takes, and how often it allocates.
Reads callgrind's files; judges nothing."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

# The function in which a case does its work, and nothing else is done.
MEASURED = "cloverleaf_instructions::measured"

# The C library's functions that Rust's allocator asks for memory. One that calls another is one.
ALLOCATORS = {"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign"}

# So often each case does its work; what happens once vanishes in it.
ROUNDS = 1000

# An index of a million entries is built in half a minute, and on a busy machine in many.
CASE_SECONDS = 900


class CaseFailed(Exception):
    """A case did not end well, or callgrind saw nothing of it."""


@dataclass(frozen=True)
class Counts:
    """What one round takes."""

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

    The stack begins with the environment and the program's path, and where it begins decides by
    which steps memory is copied. So the environment is empty but for the folder, which valgrind
    adds, and folder and path are as long everywhere."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        out = Path(folder) / "callgrind.out"
        (Path(folder) / "case").symlink_to(binary.resolve())
        # What came before the function goes into a file of its own, and so does the function.
        # Callgrind's switch for one function, --toggle-collect, would count calls of the
        # preparation as well where they come from the same place.
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
    """What a command prints.

    Raises CaseFailed when it ends badly or never."""
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
