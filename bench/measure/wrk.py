"""Runs wrk once and reads its report. Has no cells and no ceilings."""

import json
import subprocess
from dataclasses import dataclass, fields
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "wrk" / "call.lua"

# wrk ends by itself after its duration. After this time it is stuck.
GRACE_SECONDS = 20


@dataclass(frozen=True)
class Report:
    """The report of one run of wrk: the line of `call.lua`. Times in microseconds."""

    requests: int
    bytes: int
    duration_us: int
    errors: dict
    min_us: int
    p50_us: int
    p75_us: int
    p90_us: int
    p99_us: int
    p99_9_us: int
    max_us: int

    @property
    def requests_per_s(self):
        return self.requests * 1e6 / self.duration_us if self.duration_us else 0.0

    @property
    def failed(self):
        """Requests without a good answer: other statuses and all socket errors."""
        return sum(self.errors.values())


class WrkFailed(Exception):
    """wrk did not run, or its output can't be read."""


def parse(output):
    """Parses the report in the output of wrk."""
    for line in output.splitlines():
        if line.startswith("{"):
            try:
                values = json.loads(line)
                return Report(**{field.name: values[field.name] for field in fields(Report)})
            except (ValueError, KeyError) as fault:
                raise WrkFailed(f"unreadable line of call.lua: {line}") from fault
    raise WrkFailed(f"no line of call.lua in the output of wrk:\n{output}")


def run(url, procedure, load, seconds):
    """Requests `procedure` at `url` for `seconds` with the connections of `load`."""
    command = ["wrk", *load.options, f"-d{seconds}s", "-s", str(SCRIPT), url, "--", procedure]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False,
                               timeout=seconds + GRACE_SECONDS)
    except subprocess.TimeoutExpired as late:
        raise WrkFailed(f"wrk did not end {GRACE_SECONDS} s after its time") from late
    if ended.returncode != 0:
        raise WrkFailed(f"wrk ended with {ended.returncode}: {ended.stderr or ended.stdout}")
    return parse(ended.stdout)
