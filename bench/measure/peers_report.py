"""The page and the progress lines of a comparison with another router."""

from measure import report, targets

HEAD = ("| cell | requests/s | peer's | ratio | lowest–highest | target | p99 µs | peer's | ratio "
        "| target | CPU µs/request | peer's | met |")
COLUMNS = HEAD.count("|") - 1
ALIGNMENT = "|---|" + "--:|" * (COLUMNS - 2) + "---|"

STARTING = (
    ("from start until the port accepts", "ready_to_serve_ms", 1, "ms"),
    ("from start until every procedure answers", "all_procedures_ms", 1, "ms"),
    ("resident memory of all processes then", "resident_kib", targets.KIB_PER_MIB, "MiB"),
)


def one_line(cell):
    """The figures of a cell in one progress line."""
    return (f"{cell['scenario']} {cell['procedure']:4} "
            f"{cell['own']['requests_per_s']:>8,.0f}/s : {cell['peer']['requests_per_s']:>6,.0f}/s"
            f" = {cell['ratio']:>5.1f} ×  p99 {cell['own']['p99_us']:>6,.0f} µs : "
            f"{cell['peer']['p99_us']:>8,.0f} µs = {cell['p99_ratio']:>5.1f} × lower")


def markdown(run):
    """The page of a run."""
    return "\n\n".join((
        preface(run),
        "\n".join((HEAD, ALIGNMENT, *map(row, run["cells"]))),
        f"## Starting\n\n{starting_table(run)}",
        report.told("Below target", run["below_target"], "No target was missed."),
        report.told("Failures", run["failures"],
                    "Every request was answered, and every checked answer was right."),
    )) + "\n"


def preface(run):
    on = run["machine"]
    return (f"# Beside {run['peer']}, {run['date']}\n\n"
            f"{on['cpu']}, {on['cores']} cores, {on['kernel']}, load average "
            f"{on['load_average_before']:.1f} before; commit {run['commit']}; the peer is "
            f"{run['peer_version']}. Median of {run['rounds']} rounds of {run['seconds']} s each, "
            f"both routers in turn. CPU and memory are those of all processes of a router, its "
            f"components among them; a ratio above 1 is in Cloverleaf's favour.")


def row(cell):
    own, peer = cell["own"], cell["peer"]
    target, p99_target = ("" if cell[key] is None else f"{cell[key]} ×"
                          for key in ("target", "p99_target"))
    met = "" if cell["target"] is None else "no" if cell["missed"] else "yes"
    if cell["failures"]:
        met = "failed"
    return (f"| {cell['scenario']} {cell['procedure']} | **{own['requests_per_s']:,.0f}** "
            f"| {peer['requests_per_s']:,.0f} | **{cell['ratio']:.1f}** "
            f"| {cell['ratio_lowest']:.1f}–{cell['ratio_highest']:.1f} | {target} "
            f"| {own['p99_us']:,.0f} | {peer['p99_us']:,.0f} | **{cell['p99_ratio']:.1f}** "
            f"| {p99_target} | {own['cpu_us_per_request']:.1f} "
            f"| {peer['cpu_us_per_request']:,.1f} | {met} |")


def starting_table(run):
    if run["startup"] is None:
        return "Not run: a router did not start."
    lines = ["| figure | Cloverleaf | peer | ratio |", "|---|--:|--:|--:|"]
    for title, key, unit, name in STARTING:
        own, peer = (run["startup"][side][key] / unit for side in ("own", "peer"))
        lines.append(f"| {title} | {own:,.1f} {name} | {peer:,.1f} {name} | {peer / own:.0f} |")
    return "\n".join(lines)
