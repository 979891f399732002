"""The targets of the measurement, compared with its figures.

A missed target is reported but no failure, since a busy machine misses it, too."""

from dataclasses import dataclass

from measure import cells

READY_TARGET_MS = 20
RESIDENT_TARGET_MIB = 10
BINARY_TARGET_MIB = 15

# Least ratio of four workers that share a procedure to a single one.
WORKERS_TARGET = 1.0

KIB_PER_MIB = 1024
OCTETS_PER_MIB = 1024 * 1024


def missed_by(cell):
    """The targets that one cell's figures miss, as sentences."""
    if cell.get("not_run"):
        return []
    name = f"{cell['scenario']} {cell['procedure']}"
    found = []
    if cell["target"] is not None and cell["ratio"] < cell["target"]:
        found.append(f"{name}: {cell['ratio']:.3f} × {cell['ceiling']}, "
                     f"below target {cell['target']:.2f}")
    if (cell["cpu_target"] is not None and cell["cpu_ratio"] is not None
            and cell["cpu_ratio"] > cell["cpu_target"]):
        found.append(f"{name}: CPU of a request {cell['cpu_ratio']:.3f} × that of "
                     f"{cell['ceiling']}, above target {cell['cpu_target']:.2f}")
    if is_concurrent(cell):
        tail = cell["p99_us"] / cell["p50_us"] if cell["p50_us"] else 0.0
        if tail >= cells.TAIL_TARGET:
            found.append(f"{name}: p99 is {tail:.1f} × p50, "
                         f"not below target {cells.TAIL_TARGET:.0f} × p50")
    return found


def is_met(cell):
    """Whether a cell meets its targets; None if it has none."""
    if cell["target"] is None and not is_concurrent(cell):
        return None
    return not missed_by(cell)


def is_concurrent(cell):
    return cell["wrk"] == " ".join(cells.CONCURRENT.options)


def workers(measured):
    """The cells of four workers, each beside that of `mul`, which uses the same path to a single
    one, and whether the four answer at least as many requests. They are not measured in turn."""
    ran = [cell for cell in measured if not cell.get("not_run")]
    single = {(cell["path"], cell["wrk"]): cell["requests_per_s"] for cell in ran
              if cell["procedure"] == "mul"}
    found = []
    for cell in ran:
        one = single.get((cell["path"], cell["wrk"]))
        if cell["scenario"].startswith("multi-worker") and one:
            ratio = cell["requests_per_s"] / one
            found.append({"scenario": cell["scenario"], "requests_per_s": cell["requests_per_s"],
                          "one_worker_requests_per_s": one, "ratio": ratio,
                          "met": ratio >= WORKERS_TARGET})
    return found


def missed_by_workers(measured):
    """The scenarios in which four workers answer fewer requests than one, as sentences."""
    return [f"{each['scenario']}: {each['ratio']:.3f} × a single worker, "
            f"below target {WORKERS_TARGET:.2f}" for each in workers(measured) if not each["met"]]


@dataclass(frozen=True)
class Starting:
    """One figure of starting, and its target."""

    what: str
    value: float
    unit: str
    target: float

    @property
    def met(self):
        return self.value < self.target


def starting(startup):
    """The figures of starting that have a target."""
    return (
        Starting("from start until the port accepts", startup["ready_to_serve_ms"], "ms",
                 READY_TARGET_MS),
        Starting("resident memory then", startup["resident_kib"] / KIB_PER_MIB, "MiB",
                 RESIDENT_TARGET_MIB),
        Starting("binary", startup["binary_octets"] / OCTETS_PER_MIB, "MiB", BINARY_TARGET_MIB),
    )


def missed_at_start(startup):
    """The targets of starting that were missed, as sentences."""
    return [f"{each.what}: {each.value:.1f} {each.unit}, not below target "
            f"{each.target} {each.unit}" for each in starting(startup) if not each.met]
