"""Runs one cell and its ceiling in turn, and reduces the rounds to medians.

The two take turns in short rounds, so that other work of the machine affects both. The ratio of a
round compares the two runs of that round, and the median ignores single disturbed rounds."""

from dataclasses import asdict, dataclass
from statistics import median

from measure import cells, probe, wrk

LATENCIES = ("min_us", "p50_us", "p75_us", "p90_us", "p99_us", "p99_9_us", "max_us")


@dataclass(frozen=True)
class Run:
    """One run of wrk against one server."""

    report: wrk.Report
    cpu_us_per_request: float

    def as_dict(self):
        return {"requests_per_s": self.report.requests_per_s,
                "cpu_us_per_request": self.cpu_us_per_request, **asdict(self.report)}


def run_once(server, procedure, load, seconds):
    """One run of wrk, with the CPU time of the server's process meanwhile."""
    before = server.cpu_seconds()
    report = wrk.run(server.url, procedure, load, seconds)
    server.check_alive()
    used = server.cpu_seconds() - before
    return Run(report, used * 1e6 / report.requests if report.requests else 0.0)


def faults(name, run, load, response_octets):
    """The faults of the answers of a run, as sentences.

    wrk counts statuses of 400 and above and socket errors. An answer of another length than the
    checked one is detected by the received bytes, up to one response cut off at the end of each
    connection."""
    report = run.report
    found = []
    if report.failed:
        counted = ", ".join(f"{count} {kind}" for kind, count in report.errors.items() if count)
        found.append(f"{name}: {report.failed} of {report.requests} requests failed ({counted})")
    if report.requests == 0:
        found.append(f"{name}: no request was answered")
    difference = abs(report.bytes - report.requests * response_octets)
    if not report.failed and difference > load.connections * response_octets:
        found.append(f"{name}: {report.bytes} octets for {report.requests} answers of "
                     f"{response_octets} each")
    return found


def measure(cell, router, ceiling, rounds, seconds, on_run):
    """The figures of a cell, and the faults. `on_run` is called before each run of wrk. Raises
    `probe.WrongAnswer` if the first answer of either is not the expected one."""
    answers = {ceiling: cells.CEILING_ANSWER, router: cells.ANSWERS[cell.procedure]}
    runs, found = take_turns(cell, answers, rounds, seconds, on_run)
    return figures(cell, runs[router], runs[ceiling]), found


def take_turns(cell, answers, rounds, seconds, on_run):
    """`{server: [Run, ...]}` and the faults. The servers of `answers` run in turn, round by round,
    each after one of its answers was compared with the given one. `on_run` is called before each
    run of wrk. Raises `probe.WrongAnswer`."""
    name = f"{cell.scenario} {cell.procedure}"
    octets = {server: probe.check(server.host, server.port, cell.procedure, answer)
              for server, answer in answers.items()}
    runs = {server: [] for server in answers}
    found = []
    for number in range(rounds):
        for server, so_far in runs.items():
            on_run(f"{name}, round {number + 1} of {rounds}: {server.name}")
            run = run_once(server, cell.procedure, cell.load, seconds)
            so_far.append(run)
            found += faults(f"{name}, {server.name}", run, cell.load, octets[server])
    return runs, found


def figures(cell, own, ceiling):
    """The medians of the rounds of a cell and of its ceiling."""
    ratios = [ours.report.requests_per_s / theirs.report.requests_per_s
              for ours, theirs in zip(own, ceiling) if theirs.report.requests]
    cpu_ratios = [ours.cpu_us_per_request / theirs.cpu_us_per_request
                  for ours, theirs in zip(own, ceiling) if theirs.cpu_us_per_request]
    return {
        **describe(cell),
        "requests_per_s": median(run.report.requests_per_s for run in own),
        **{key: median(getattr(run.report, key) for run in own) for key in LATENCIES},
        "router_cpu_us_per_request": median(run.cpu_us_per_request for run in own),
        "ceiling_requests_per_s": median(run.report.requests_per_s for run in ceiling),
        "ceiling_p50_us": median(run.report.p50_us for run in ceiling),
        "ceiling_p99_us": median(run.report.p99_us for run in ceiling),
        "ceiling_cpu_us_per_request": median(run.cpu_us_per_request for run in ceiling),
        "cpu_ratio": median(cpu_ratios) if cpu_ratios else None,
        "ratio": median(ratios) if ratios else 0.0,
        "ratio_lowest": min(ratios, default=0.0),
        "ratio_highest": max(ratios, default=0.0),
        "rounds": [{"router": ours.as_dict(), "ceiling": theirs.as_dict()}
                   for ours, theirs in zip(own, ceiling)],
    }


def ceilings(measured):
    """The figures of each ceiling in each scenario: the medians of all its rounds, beside any
    cell."""
    groups = {}
    for cell in measured:
        runs = groups.setdefault((cell["path"], cell["wrk"], cell["ceiling"]), [])
        runs += [each["ceiling"] for each in cell.get("rounds", ())]
    keys = ("requests_per_s", *LATENCIES, "cpu_us_per_request")
    return [{"ceiling": name, "path": path, "wrk": options, "rounds": len(runs),
             **{key: median(run[key] for run in runs) for key in keys}}
            for (path, options, name), runs in groups.items() if runs]


def not_run(cell, reason):
    """A cell without figures, with the reason."""
    missing = ("requests_per_s", *LATENCIES, "router_cpu_us_per_request", "ratio")
    return {**describe(cell), **dict.fromkeys(missing), "not_run": reason}


def describe(cell):
    return {"scenario": cell.scenario, "procedure": cell.procedure, "path": cell.path,
            "wrk": " ".join(cell.load.options), "ceiling": cell.ceiling, "target": cell.target,
            "cpu_target": cell.cpu_target}
