"""Runs one WAMP cell and reduces its rounds to medians.

Router and forwarder take turns, as router and ceiling do over HTTP: see `rounds`."""

from contextlib import ExitStack
from statistics import median

from measure import generator, wamp_servers

# The figures of a report that the table shows, if the run has them.
FIGURES = ("rate", "p50_us", "p90_us", "p99_us", "p999_us", "router_cpu_us", "router_cores",
           "generator_cores")


def measure(plan, cell, on_run):
    """The figures of a cell, and the faults as sentences. `on_run` is called before each run of the
    load."""
    runs, beside, found = [], [], []
    rounds = 1 if cell.once else plan.rounds
    with ExitStack() as stack:
        router = stack.enter_context(
            wamp_servers.router(plan.command, cell.threads, plan.log))
        forwarder = (stack.enter_context(wamp_servers.forwarder(plan.binaries, plan.log))
                     if cell.beside_forwarder else None)
        for number in range(rounds):
            if forwarder:
                on_run(f"{cell.name}, round {number + 1} of {rounds}: forwarder")
                words = ["--forwarder", forwarder.url_of_socket]
                beside.append(run_once(plan, cell, words, forwarder))
                found += generator.faults(f"{cell.name}, its forwarder", beside[-1])
            on_run(f"{cell.name}, round {number + 1} of {rounds}")
            words = ["--url", router.urls[cell.transport]]
            runs.append(run_once(plan, cell, words, router))
            found += generator.faults(cell.name, runs[-1])
        startup = router.startup
    return figures(cell, runs, beside, startup), found


def run_once(plan, cell, where, server):
    """One run of the load against one server."""
    options = [*where, "--serializer", cell.serializer, "--router-pid", str(server.process.pid),
               *cell.options]
    report = generator.run(plan.generator, cell.mode, options, plan.seconds, plan.warm_up)
    server.check_alive()
    return report


def figures(cell, runs, beside, startup):
    """The medians of the rounds of a cell, and the ratios to the forwarder of each round."""
    ratios = [ours["rate"] / theirs["rate"] for ours, theirs in zip(runs, beside)
              if theirs["rate"]]
    more = {key: median_of(runs, lambda run, key=key: run["more"][key])
            for key in runs[0]["more"]}
    return {
        "name": cell.name, "mode": cell.mode, "threads": cell.threads, "target": cell.target,
        "most_kib": cell.most_kib,
        "unit": runs[0]["unit"],
        **{key: median_of(runs, lambda run, key=key: run[key]) for key in FIGURES},
        "rate_lowest": min(run["rate"] for run in runs),
        "rate_highest": max(run["rate"] for run in runs),
        "more": more,
        "forwarder_rate": median(run["rate"] for run in beside) if beside else None,
        "ratio": median(ratios) if ratios else None,
        "ratio_lowest": min(ratios, default=None),
        "ratio_highest": max(ratios, default=None),
        "startup": startup,
        "rounds": [{"router": run} for run in runs] if not beside else
                  [{"router": ours, "forwarder": theirs} for ours, theirs in zip(runs, beside)],
    }


def median_of(runs, value):
    """The median of a figure of the runs; None if they do not have it."""
    values = [found for found in map(value, runs) if found is not None]
    return median(values) if values else None
