"""Runs `cloverleaf-bench` once and reads its line. Has no cells and no targets."""

import json
import subprocess

# The load ends by itself after its time, plus the time to open sessions and to await the last
# answers. After this time it is stuck.
GRACE_SECONDS = 60

# The keys that the measurement reads of each report.
FIELDS = {"rate", "count", "p50_us", "p90_us", "p99_us", "p999_us", "errors", "lost",
          "first_error", "router_cpu_us", "generator_cores", "more"}


class GeneratorFailed(Exception):
    """The load generator did not run, or its output can't be read."""


def run(binary, mode, options, seconds, warm_up):
    """The report of one run, as a dictionary: see `bench/src/load/report.rs`."""
    command = [str(binary), mode, "--seconds", str(seconds), "--warm-up", str(warm_up), *options]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False,
                               timeout=seconds + warm_up + GRACE_SECONDS)
    except OSError as missing:
        raise GeneratorFailed(f"{binary} can't be run: {missing}") from missing
    except subprocess.TimeoutExpired as late:
        raise GeneratorFailed(f"the load did not end {GRACE_SECONDS} s after its time") from late
    return parse(ended.stdout, ended.stderr)


def parse(output, complaint=""):
    """Parses the report in the output of the load generator."""
    try:
        report = json.loads(output)
        missing = FIELDS - set(report)
    except (ValueError, TypeError) as fault:
        raise GeneratorFailed(complaint.strip() or f"unreadable line: {output!r}") from fault
    if missing:
        raise GeneratorFailed(f"the line lacks {', '.join(sorted(missing))}: {output!r}")
    return report


def faults(name, report):
    """The faults of a run, as sentences."""
    found = []
    if report["errors"]:
        found.append(f"{name}: {report['errors']} errors, the first: {report['first_error']}")
    if report["lost"]:
        found.append(f"{name}: {report['lost']} of {report['count'] + report['lost']} were lost")
    if not report["count"]:
        found.append(f"{name}: nothing was counted")
    return found
