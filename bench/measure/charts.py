"""Selects the figures of a run for the lines of each chart; `plot` draws them."""

from measure import cells, counts, plot

# The key of a figure by its percentile.
PERCENTILES = {0: "min_us", 50: "p50_us", 75: "p75_us", 90: "p90_us", 99: "p99_us",
               99.9: "p99_9_us"}

SAID = {cells.SEQUENTIAL: "one connection", cells.CONCURRENT: "200 connections"}


def distribution(figures):
    """`{percentile: µs}` of the measured figures.

    A minimum of 0 µs is below the resolution of the clock, and can't be on a logarithmic axis."""
    return {at: figures[key] for at, key in PERCENTILES.items() if figures[key]}


def of_bridge(run):
    """`{name of a file: SVG}` of a run of the HTTP bridge: its loopback cells."""
    lines = [(f"{cell['procedure']}, {SAID[load]}", cell["procedure"], dash, cell)
             for dash, load in enumerate(cells.LOADS) for cell in of_load(run["cells"], load)]
    return drawn("latency", "Latency of a call over HTTP", "POST /call over loopback", lines)


def of_peers(run):
    """`{name of a file: SVG}` of a comparison: one chart of the loopback cells for each load."""
    charts = {}
    for load in cells.LOADS:
        sides = (("own", "Cloverleaf"), ("peer", run["peer"]))
        lines = [(f"{name} {cell['procedure']}", cell["procedure"], dash, cell[side])
                 for dash, (side, name) in enumerate(sides)
                 for cell in of_load(run["cells"], load)]
        charts |= drawn(f"peers-{load.name}", f"Cloverleaf and {run['peer']}, {SAID[load]}",
                        "latency of POST /call over loopback, both in turn", lines)
    return charts


def of_instructions(figures):
    """`{name of a file: SVG}` of counted instructions: the cost of a look-up by the number of
    entries, for each counted policy."""
    series = {}
    for policy in counts.POLICIES:
        points = [(size, figures[case].instructions) for size in counts.SIZES
                  if (case := f"index/{policy}/{size}") in figures]
        if points:
            series[policy] = points
    if not series:
        return {}
    return {"index.svg": plot.size_chart(
        "A look-up by the number of entries", "entries of the index", "instructions of a look-up",
        series, "of a URI of five components, which one entry matches")}


def of_load(measured, load):
    """The cells of one load over loopback that have figures."""
    return [cell for cell in measured if cell["scenario"] == f"{cells.LOOPBACK} {load.name}"
            and not cell.get("not_run")]


def drawn(file, title, subtitle, lines):
    """The chart of `(name, procedure, dash, figures)`, if anything was measured. A procedure has
    one colour; lines to compare with have another dash."""
    series = {name: points for name, _, _, figures in lines if (points := distribution(figures))}
    colours = list(cells.ANSWERS)
    styles = {name: (colours.index(procedure), dash) for name, procedure, dash, _ in lines}
    if not series:
        return {}
    return {f"{file}.svg": plot.latency_chart(title, series, subtitle, styles)}


def write(charts, results, name, plots):
    """Writes `<name>-<file>` for each chart into the folder of results, and `<file>` into the
    folder `plots` unless it is None. Returns the paths."""
    paths = write_into(results, {f"{name}-{file}": svg for file, svg in charts.items()})
    return paths if plots is None else paths + write_into(plots, charts)


def write_into(folder, charts):
    """Writes each chart into a folder, which is created if missing. Returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, svg in charts.items():
        (folder / file).write_text(svg, encoding="utf-8")
    return [folder / file for file in charts]
