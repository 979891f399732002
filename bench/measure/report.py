"""The output of a run: the JSON file, the table, and a progress line."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from measure import cells, targets

# Latencies are in µs, with the published one in parentheses.
HEAD = ("| procedure | requests/s | published | p50 | p90 | p99 | ceiling | its requests/s | ratio "
        "| lowest–highest | target | router CPU, µs/request | ceiling's | CPU ratio | CPU target "
        "| met |")
COLUMNS = HEAD.count("|") - 1
ALIGNMENT = "|---|" + "--:|" * 5 + "---|" + "--:|" * 8 + "---|"


# Marks of met and missed targets.
MET = {True: "yes", False: "**no**", None: ""}


class Progress:
    """One line that changes on a terminal; without a terminal, permanent lines only."""

    def __init__(self, stream=sys.stderr):
        self.stream = stream
        self.terminal = stream.isatty()

    def update(self, text):
        """Replaces the progress line."""
        if self.terminal:
            width = shutil.get_terminal_size().columns
            self.stream.write(f"\r\x1b[K{text[:width - 1]}")
            self.stream.flush()

    def line(self, text=""):
        """Writes a permanent line."""
        self.stream.write(f"\r\x1b[K{text}\n" if self.terminal else f"{text}\n")
        self.stream.flush()


def one_line(cell):
    """The figures of a cell in one progress line."""
    name = f"{cell['scenario']} {cell['procedure']}"
    if reason := cell.get("not_run"):
        return f"{name:27} not run: {reason}"
    return (f"{name:27} {cell['requests_per_s']:>9,.0f}/s  p50 {cell['p50_us']:>7,.0f} µs  "
            f"p99 {cell['p99_us']:>7,.0f} µs  CPU {cell['router_cpu_us_per_request']:>5.1f} µs  "
            f"{cell['ratio']:.2f} × {cell['ceiling']} {cell['ceiling_requests_per_s']:,.0f}/s")


def machine():
    """The machine of the measurement."""
    return {"cpu": cpu_model(), "cores": len(os.sched_getaffinity(0)),
            "kernel": f"{platform.system()} {platform.release()}",
            "architecture": platform.machine(), "load_average_before": os.getloadavg()[0]}


def cpu_model():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def commit(root):
    """The measured commit, if the checkout at `root` has one."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return ended.stdout.strip() or "unknown"


def with_published(cell, published):
    """The cell with its published figures."""
    theirs = published.get((cell["scenario"], cell["procedure"]), {})
    keys = ("requests_per_s", "p50_us", "p75_us", "p90_us", "p99_us")
    return {**cell, **{f"published_{key}": theirs.get(key) for key in keys}}


def write(run, page, folder, name):
    """Writes `<name>.json` with all figures of a run, and `<name>.md`, its page. Returns their
    paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.json", folder / f"{name}.md"]
    paths[0].write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
    paths[1].write_text(page, encoding="utf-8")
    return paths


def markdown(run):
    """The page of a run."""
    parts = [preface(run)]
    for title, section in by_section(run["cells"]):
        parts.append(f"## {title}\n\n{table(section)}")
    parts.append(f"## Four workers\n\n{workers_table(run['cells'])}")
    parts.append(f"## Ceilings\n\n{ceilings_table(run['ceilings'])}")
    parts.append(f"## Starting\n\n{startup_table(run['startup'])}")
    parts.append(told("Below target", run["below_target"], "No target was missed."))
    parts.append(told("Failures", run["failures"],
                      "Every request was answered, and every checked answer was right."))
    return "\n\n".join(parts) + "\n"


def preface(run):
    on = run["machine"]
    return (f"# HTTP bridge, {run['date']}\n\n"
            f"{on['cpu']}, {on['cores']} cores, {on['kernel']}, load average "
            f"{on['load_average_before']:.1f} before; commit {run['commit']}. Median of "
            f"{run['rounds']} rounds of {run['seconds']} s each, ceiling and router in turn. "
            f"Published figures: {run['published_source']}; another machine, so only the shape "
            f"compares.")


def by_section(measured):
    """The cells under the headings of the example's results page."""
    sections = {}
    for cell in measured:
        sections.setdefault((cell["scenario"], cell["path"], cell["wrk"]), []).append(cell)
    for (scenario, path, options), section in sections.items():
        kind, load = scenario.split(" ")
        over = "loopback TCP" if path == cells.LOOPBACK else "the network"
        workers = "to four workers " if kind == "multi-worker" else ""
        yield f"{load.capitalize()} requests {workers}over {over} (`wrk {options}`)", section


def table(section):
    return "\n".join([HEAD, ALIGNMENT, *map(row, section)])


def row(cell):
    if reason := cell.get("not_run"):
        return f"| {cell['procedure']} | not run: {reason} |" + " |" * (COLUMNS - 2)
    latencies = " | ".join(f"{number(cell[key])} ({number(cell[f'published_{key}'])})"
                           for key in ("p50_us", "p90_us", "p99_us"))
    return (f"| {cell['procedure']} | **{number(cell['requests_per_s'])}** "
            f"| {number(cell['published_requests_per_s'])} | {latencies} "
            f"| {cell['ceiling']} | {number(cell['ceiling_requests_per_s'])} "
            f"| **{cell['ratio']:.2f}** | {cell['ratio_lowest']:.2f}–{cell['ratio_highest']:.2f} "
            f"| {times(cell['target'])} | {cell['router_cpu_us_per_request']:.1f} "
            f"| {cell['ceiling_cpu_us_per_request']:.1f} | {times(cell['cpu_ratio'])} "
            f"| {times(cell['cpu_target'])} | {MET[targets.is_met(cell)]} |")


def times(ratio):
    return "" if ratio is None else f"{ratio:.2f}"


def workers_table(measured):
    """Four workers beside one."""
    if not (found := targets.workers(measured)):
        return "Not run."
    rows = [f"| {each['scenario']} | {number(each['requests_per_s'])} "
            f"| {number(each['one_worker_requests_per_s'])} | **{each['ratio']:.2f}** "
            f"| {targets.WORKERS_TARGET:.2f} | {MET[each['met']]} |" for each in found]
    return "\n".join(("| scenario | requests/s | a single worker's (mul) | ratio | target | met |",
                      "|---|--:|--:|--:|--:|---|", *rows))


def ceilings_table(measured):
    rows = [f"| {each['ceiling']} | {each['path']} | `{each['wrk']}` "
            f"| {number(each['requests_per_s'])} | {number(each['p50_us'])} "
            f"| {number(each['p90_us'])} | {number(each['p99_us'])} "
            f"| {each['cpu_us_per_request']:.1f} |" for each in measured]
    return "\n".join(("| ceiling | path | wrk | requests/s | p50 | p90 | p99 | CPU, µs/request |",
                      "|---|---|---|--:|--:|--:|--:|--:|", *rows))


def number(value):
    return "" if value is None else f"{value:,.0f}"


def startup_table(startup):
    if startup is None:
        return "Not run: the router did not start."
    rows = [f"| {each.what} | {each.value:.1f} {each.unit} | < {each.target} {each.unit} "
            f"| {MET[each.met]} |" for each in targets.starting(startup)]
    return "\n".join((
        "| figure | measured | target | met |", "|---|--:|--:|---|", *rows,
        f"| from start until every procedure answers | {startup['all_procedures_ms']:.1f} ms "
        f"| | |"))


def told(title, sentences, otherwise):
    lines = "\n".join(f"- {sentence}" for sentence in sentences) or otherwise
    return f"## {title}\n\n{lines}"


def close(progress, page, paths, failures):
    """Shows the page and its path. Returns the exit status of the program: 1 if something
    failed."""
    progress.line()
    print(page)
    for path in paths:
        progress.line(f"written: {path}")
    return 1 if failures else 0
