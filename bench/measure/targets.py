"""What the measurement must reach, compared with what it found. A missed target is told plainly;
it is no failure, because a busy machine misses it too."""

from measure import cells

READY_TARGET_MS = 50
RESIDENT_TARGET_MIB = 20
BINARY_TARGET_MIB = 25

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
    if cell["wrk"] == " ".join(cells.CONCURRENT.options):
        tail = cell["p99_us"] / cell["p50_us"] if cell["p50_us"] else 0.0
        if tail >= cells.TAIL_TARGET:
            found.append(f"{name}: p99 is {tail:.1f} × p50, "
                         f"not below target {cells.TAIL_TARGET:.0f} × p50")
    return found


def missed_at_start(startup):
    """The targets of starting that were missed, as sentences."""
    measured = (
        ("ready to serve", startup["ready_to_serve_ms"], READY_TARGET_MS, "ms"),
        ("resident memory", startup["resident_kib"] / KIB_PER_MIB, RESIDENT_TARGET_MIB, "MiB"),
        ("binary", startup["binary_octets"] / OCTETS_PER_MIB, BINARY_TARGET_MIB, "MiB"),
    )
    return [f"{what}: {value:.1f} {unit}, not below target {target} {unit}"
            for what, value, target, unit in measured if value >= target]
