"""The report of a WAMP run: targets and figures of every load."""

import math
from dataclasses import dataclass

from measure import report, targets, wamp_cells

OVERVIEW = "| figure | target | measured | met |\n|---|--:|--:|---|"

FIGURES = ("| load | rate/s | lowest–highest | p50 µs | p99 µs | p99.9 µs | router CPU, µs each "
           "| router cores | generator cores |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|")


@dataclass(frozen=True)
class Row:
    """One line of the overview. Its target is the `least` or the `most`, or a bound to stay
    `below`."""

    what: str
    measured: float
    unit: str = ""
    least: float | None = None
    most: float | None = None
    below: float | None = None
    digits: int = 0

    @property
    def met(self):
        """Whether the target was reached; None without a target."""
        if self.least is not None:
            return self.measured >= self.least
        if self.most is not None:
            return self.measured <= self.most
        if self.below is not None:
            return self.measured < self.below
        return None

    @property
    def target(self):
        if self.least is not None:
            return f"≥ {self.shown(self.least)}"
        if self.most is not None:
            return f"≤ {self.shown(self.most)}"
        return "" if self.below is None else f"< {self.shown(self.below)}"

    def shown(self, value):
        return f"{value:,.{self.digits}f} {self.unit}".strip()

    def line(self):
        return (f"| {self.what} | {self.target} | {self.shown(self.measured)} "
                f"| {report.MET[self.met]} |")

    def missed(self):
        return f"{self.what}: {self.shown(self.measured)}, the target is {self.target}"


def rows(run):
    """All lines of the overview, in the order of the cells."""
    by_name = {cell["name"]: cell for cell in run["cells"]}
    found = []
    for cell in run["cells"]:
        found.append(Row(cell["name"], cell["rate"], f"{cell['unit']}/s", least=cell["target"]))
        found += further_rows(cell)
    return [*found, *comparisons(by_name), *starting(run)]


def further_rows(cell):
    """The figures of a cell beside its rate."""
    name, more = cell["name"], cell["more"]
    if cell["ratio"] is not None:
        yield Row(f"{name}: ratio to the forwarder", cell["ratio"], "×",
                  least=wamp_cells.FORWARDER_TARGET, digits=2)
    if cell["mode"] == "fanout":
        yield Row(f"{name}: time for each event and subscriber",
                  more["ns_per_event_and_subscriber"], "ns")
    if cell["mode"] == "churn":
        yield Row(f"{name}: calls beside it", more["calls_per_s"], "calls/s")
    if cell["mode"] == "idle" and more["resident_kib_before"] is not None:
        yield Row(f"{name}: memory of each", more["resident_kib_per_session"], "KiB",
                  most=cell["most_kib"], digits=1)
        for key, when in (("before", "before"), ("with_sessions", "with them"),
                          ("after", "after them")):
            yield Row(f"{name}: resident memory {when}",
                      more[f"resident_kib_{key}"] / targets.KIB_PER_MIB, "MiB", digits=1)


def comparisons(by_name):
    """Comparisons of two cells."""
    few = by_name.get(wamp_cells.FANOUT)
    for cell in by_name.values():
        if few and cell["mode"] == "fanout" and cell["threads"] == 1 and cell is not few:
            yield ratio_of(f"{cell['name']}: time for each, as a ratio to 1 → 100", few, cell,
                           most=wamp_cells.MANY_TARGET)
    one, two = map(by_name.get, wamp_cells.COMPARING_THREADS)
    if one and two:
        yield ratio_of("rpc, 8 callers: two threads to one", two, one)
    two = by_name.get(f"{wamp_cells.FANOUT}, two threads")
    if few and two:
        yield ratio_of("fan-out 1 → 100: two threads to one", two, few)


def ratio_of(what, above, below, most=None):
    return Row(what, above["rate"] / below["rate"] if below["rate"] else math.inf, "×", most=most,
               digits=2)


def starting(run):
    """Starting the router, and its size."""
    startup = run["startup"]
    if startup is None:
        return []
    return [Row(each.what, each.value, each.unit, below=each.target, digits=1)
            for each in targets.starting(startup)]


def missed(run):
    """The targets that were missed, as sentences."""
    return [row.missed() for row in rows(run) if row.met is False]


def one_line(cell):
    """The figures of a cell in one progress line."""
    ratio = "" if cell["ratio"] is None else f"  {cell['ratio']:.2f} × forwarder"
    return (f"{cell['name']:55} {cell['rate']:>11,.0f} {cell['unit']}/s  "
            f"p50 {cell['p50_us']:,.0f} µs  p99 {cell['p99_us']:,.0f} µs{ratio}")


def markdown(run):
    """The page of a run."""
    on = run["machine"]
    preface = (f"# WAMP, {run['date']}\n\n{on['cpu']}, {on['cores']} cores, {on['kernel']}, load "
               f"average {on['load_average_before']:.1f} before; commit {run['commit']}. Median "
               f"of {run['rounds']} rounds of {run['seconds']:g} s each.")
    overview = "\n".join([OVERVIEW, *(row.line() for row in rows(run))])
    figures = "\n".join([FIGURES, *map(figures_line, run["cells"])])
    parts = [preface, f"## Targets\n\n{overview}", f"## Figures\n\n{figures}"]
    if run["not_run"]:
        parts.append(report.told("Not run", run["not_run"], ""))
    parts.append(report.told("Failures", run["failures"],
                             "Nothing failed, was wrong, out of order or lost."))
    return "\n\n".join(parts) + "\n"


def figures_line(cell):
    latencies = " | ".join(report.number(cell[key]) for key in ("p50_us", "p99_us", "p999_us"))
    use = " | ".join("" if cell[key] is None else f"{cell[key]:.2f}"
                     for key in ("router_cpu_us", "router_cores", "generator_cores"))
    return (f"| {cell['name']} | **{report.number(cell['rate'])}** "
            f"| {report.number(cell['rate_lowest'])}–{report.number(cell['rate_highest'])} "
            f"| {latencies} | {use} |")
