"""Selects the figures of a WAMP run for the lines of each chart; `plot` draws them."""

from measure import plot, wamp_cells, wamp_sizes

# The key of a figure by its percentile.
PERCENTILES = {50: "p50_us", 90: "p90_us", 99: "p99_us", 99.9: "p999_us"}


def of_wamp(run):
    """`{name of a file: SVG}` of a run: the latencies of calls, and the measured costs by size."""
    return {**latency(run["cells"]), **payload(run["sizes"]), **fanout(run["sizes"])}


def latency(measured):
    """The latencies of calls, without those of the comparison of threads."""
    series = {label(cell["name"]): {at: cell[key] for at, key in PERCENTILES.items() if cell[key]}
              for cell in measured
              if cell["mode"] == "rpc" and cell["name"] not in wamp_cells.COMPARING_THREADS}
    series = {name: points for name, points in series.items() if points}
    if not series:
        return {}
    return {"wamp-latency.svg": plot.latency_chart(
        "Latency of a call over WAMP", series,
        f"{wamp_cells.IN_FLIGHT} calls in flight, where nothing else is said")}


def label(name):
    """The name of a cell without the part that all lines share."""
    return name.removeprefix("rpc, ").removeprefix(f"{wamp_cells.IN_FLIGHT} in flight, ")


def payload(measured):
    """The cost of a call by its payload; None if CPU times are unavailable."""
    return by_size(measured, wamp_sizes.PAYLOAD, lambda point: point["router_cpu_us"],
                   "wamp-payload.svg", "A call by its payload", "octets of text in the payload",
                   "router CPU of a call, µs", "over a Unix socket, 16 calls in flight")


def fanout(measured):
    """The cost of an event by the number of its subscribers."""
    return by_size(measured, wamp_sizes.FANOUT,
                   lambda point: point["more"]["ns_per_event_and_subscriber"],
                   "wamp-fanout.svg", "An event by the number of subscribers", "subscribers",
                   "time for each event and subscriber, ns",
                   "one publisher, all over Unix sockets")


def by_size(measured, chart, value, file, title, x_label, y_label, subtitle):
    """The chart of cost by size with this name, if it has points."""
    series = {}
    for point in measured:
        if point["chart"] == chart and value(point):
            series.setdefault(point["line"], []).append((point["size"], value(point)))
    if not series:
        return {}
    return {file: plot.size_chart(title, x_label, y_label, series, subtitle)}
