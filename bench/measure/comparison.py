"""One cell measured with two routers in turn, and the targets of the comparison; `rounds` runs a
round."""

from statistics import median

from measure import cells, rounds

# Targets as multiples of the peer's rate, sequentially and with 200 connections; its p99 there has
# to be this multiple of ours.
RATE_TARGETS = {cells.SEQUENTIAL: 20, cells.CONCURRENT: 60}
P99_TARGETS = {cells.CONCURRENT: 30}


def measure(cell, own, peer, count, seconds, on_run):
    """The figures of a cell with both routers, and the faults met; see `rounds.take_turns`."""
    answers = dict.fromkeys((peer, own), cells.ANSWERS[cell.procedure])
    runs, faults = rounds.take_turns(cell, answers, count, seconds, on_run)
    return figures(cell, runs[own], runs[peer]), faults


def figures(cell, own, peer):
    """The medians of the rounds of both. A ratio compares the two runs of a round; above one, the
    own router is better."""
    rates = [ours.report.requests_per_s / theirs.report.requests_per_s
             for ours, theirs in zip(own, peer) if theirs.report.requests]
    tails = [theirs.report.p99_us / ours.report.p99_us
             for ours, theirs in zip(own, peer) if ours.report.p99_us]
    return {
        "scenario": cell.scenario, "procedure": cell.procedure, "path": cell.path,
        "wrk": " ".join(cell.load.options),
        "target": RATE_TARGETS[cell.load], "p99_target": P99_TARGETS.get(cell.load),
        "own": medians(own), "peer": medians(peer),
        "ratio": median(rates) if rates else 0.0,
        "ratio_lowest": min(rates, default=0.0), "ratio_highest": max(rates, default=0.0),
        "p99_ratio": median(tails) if tails else 0.0,
        "rounds": [{"own": ours.as_dict(), "peer": theirs.as_dict()}
                   for ours, theirs in zip(own, peer)],
    }


def medians(runs):
    """The figures of one router."""
    return {"requests_per_s": median(run.report.requests_per_s for run in runs),
            **{key: median(getattr(run.report, key) for run in runs)
               for key in rounds.LATENCIES},
            "cpu_us_per_request": median(run.cpu_us_per_request for run in runs)}


def missed_by(cell):
    """The targets that a cell's figures miss, as sentences."""
    name = f"{cell['scenario']} {cell['procedure']}"
    found = []
    if cell["target"] is not None and cell["ratio"] < cell["target"]:
        found.append(f"{name}: {cell['ratio']:.1f} × the peer's rate, "
                     f"below target {cell['target']} ×")
    if cell["p99_target"] is not None and cell["p99_ratio"] < cell["p99_target"]:
        found.append(f"{name}: p99 {cell['p99_ratio']:.1f} × lower than the peer's, "
                     f"below target {cell['p99_target']} ×")
    return found
