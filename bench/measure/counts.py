"""Compares counts with the kept ones and with the demands. Runs nothing."""

import json

from measure.callgrind import Counts

# Changes above this share are shown.
MOVED = 0.02

HEAD = f"{'case':34} {'instructions':>12} {'kept':>12} {'':>8}  {'allocations':>11} {'kept':>6}"

# A call with frames may allocate this often: a copy of each read frame, which its payload shares.
MOST_ALLOCATIONS = 4

POLICIES = ("exact", "prefix", "wildcard")
SIZES = (10, 10_000, 1_000_000)

# Most cost of an exact look-up in the largest index, as a multiple of the cost in the smallest.
EXACT_WITHIN = 2.0

# Most cost of four times as many components. A hundred thousand times as many patterns may cost as
# much, since they make URIs differ in more components.
SHALLOW, DEEP = 4, 16
PATTERNS_WITHIN = DEEP / SHALLOW


def to_text(figures, made_with):
    """The content of the file of kept counts: one line for each case, so that versions can be
    compared."""
    cases = ",\n".join(
        f'    {json.dumps(case)}: {{"instructions": {counts.instructions}, '
        f'"allocations": {counts.allocations:g}}}' for case, counts in sorted(figures.items()))
    return (f'{{\n  "made_with": {json.dumps(made_with)},\n  "cases": {{\n{cases}\n  }}\n}}\n')


def from_text(text):
    """`(figures, made_with)` of such a file."""
    kept = json.loads(text)
    return {case: Counts(**counts) for case, counts in kept["cases"].items()}, kept["made_with"]


def has_moved(now, before):
    """Whether a case is new or has changed enough to be shown."""
    if before is None or now.allocations != before.allocations:
        return True
    return abs(now.instructions - before.instructions) > MOVED * before.instructions


def row(case, now, before):
    """One line of the table."""
    if before is None:
        return f"{case:34} {now.instructions:>12,} {'new':>12} {'':>8}  {now.allocations:>11g}"
    change = now.instructions / before.instructions - 1
    return (f"{case:34} {now.instructions:>12,} {before.instructions:>12,} "
            f"{change:>+8.1%}  {now.allocations:>11g} {before.allocations:>6g}")


def moved(figures, kept):
    """The rows of changed and removed cases."""
    rows = [row(case, now, kept.get(case)) for case, now in figures.items()
            if has_moved(now, kept.get(case))]
    return rows + [f"{case:34} {'gone':>12}" for case in kept if case not in figures]


def demands(figures):
    """`(sentence, met)` of each demand; met is None if a case that it needs was not counted."""
    return [allocations(figures, "realm/call"), allocations(figures, "realm/call-with-frames"),
            by_size(figures, "exact", EXACT_WITHIN), by_size(figures, "prefix", PATTERNS_WITHIN),
            by_size(figures, "wildcard", PATTERNS_WITHIN),
            by_depth(figures, "prefix"), by_depth(figures, "wildcard")]


def allocations(figures, case):
    """A call makes few allocations."""
    what = f"{case}: at most {MOST_ALLOCATIONS} allocations"
    if case not in figures:
        return what, None
    found = figures[case].allocations
    return f"{what}, found {found:g}", found <= MOST_ALLOCATIONS


def by_size(figures, policy, within):
    """The cost of an exact look-up does not grow with the number of entries."""
    cases = [f"index/{policy}/{size}" for size in SIZES]
    return ratio(figures, cases, within,
                 f"{policy} look-up: {SIZES[-1]:,} entries within {within:g} × of {SIZES[0]:,}")


def by_depth(figures, policy):
    """The cost of a look-up grows with the number of components only."""
    cases = [f"index/{policy}-depth/{depth}" for depth in (SHALLOW, DEEP)]
    within = PATTERNS_WITHIN * (1 + MOVED)
    return ratio(figures, cases, within, f"{policy} look-up: {DEEP} components within "
                                         f"{PATTERNS_WITHIN:g} × of {SHALLOW}")


def ratio(figures, cases, within, what):
    """Whether the most expensive of some cases is within a multiple of the cheapest."""
    if any(case not in figures for case in cases):
        return what, None
    found = [figures[case].instructions for case in cases]
    times = max(found) / min(found)
    return f"{what}, found {times:.2f} ×", times <= within
