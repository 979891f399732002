"""What is concluded from counts: what has moved since they were kept, and whether the demands are
met. Runs nothing."""

import json

from measure.callgrind import Counts

# What moves by more than this is told, in parts of one.
MOVED = 0.02

HEAD = f"{'case':34} {'instructions':>12} {'kept':>12} {'':>8}  {'allocations':>11} {'kept':>6}"

# A call that comes and goes in frames may ask for so much memory: a copy of each frame that is
# read, which its payload shares.
MOST_ALLOCATIONS = 4

POLICIES = ("exact", "prefix", "wildcard")
SIZES = (10, 10_000, 1_000_000)

# A look-up of a URI itself may cost so many times as much in the largest index as in the smallest.
EXACT_WITHIN = 2.0

# Four times as many components may cost four times as much, and a hundred thousand times as many
# patterns no more than that: they make URIs differ in more places.
SHALLOW, DEEP = 4, 16
PATTERNS_WITHIN = DEEP / SHALLOW


def to_text(figures, made_with):
    """The content of the file in which counts are kept: one line a case, so that a difference of
    two versions can be read."""
    cases = ",\n".join(
        f'    {json.dumps(case)}: {{"instructions": {counts.instructions}, '
        f'"allocations": {counts.allocations:g}}}' for case, counts in sorted(figures.items()))
    return (f'{{\n  "made_with": {json.dumps(made_with)},\n  "cases": {{\n{cases}\n  }}\n}}\n')


def from_text(text):
    """`(figures, made_with)` of such a file."""
    kept = json.loads(text)
    return {case: Counts(**counts) for case, counts in kept["cases"].items()}, kept["made_with"]


def has_moved(now, before):
    """Whether a case is new or differs enough to be looked at."""
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
    """The rows of what moved, and of cases that are gone."""
    rows = [row(case, now, kept.get(case)) for case, now in figures.items()
            if has_moved(now, kept.get(case))]
    return rows + [f"{case:34} {'gone':>12}" for case in kept if case not in figures]


def demands(figures):
    """`(sentence, met)` of each demand; met is None where a case that it needs was not counted."""
    return [allocations(figures, "realm/call"), allocations(figures, "realm/call-with-frames"),
            by_size(figures, "exact", EXACT_WITHIN), by_size(figures, "prefix", PATTERNS_WITHIN),
            by_size(figures, "wildcard", PATTERNS_WITHIN),
            by_depth(figures, "prefix"), by_depth(figures, "wildcard")]


def allocations(figures, case):
    """A call asks for little memory."""
    what = f"{case}: at most {MOST_ALLOCATIONS} allocations"
    if case not in figures:
        return what, None
    found = figures[case].allocations
    return f"{what}, found {found:g}", found <= MOST_ALLOCATIONS


def by_size(figures, policy, within):
    """A look-up does not cost by the number of entries."""
    cases = [f"index/{policy}/{size}" for size in SIZES]
    return ratio(figures, cases, within,
                 f"{policy} look-up: {SIZES[-1]:,} entries within {within:g} × of {SIZES[0]:,}")


def by_depth(figures, policy):
    """A look-up costs by the number of components, and no more than that."""
    cases = [f"index/{policy}-depth/{depth}" for depth in (SHALLOW, DEEP)]
    within = PATTERNS_WITHIN * (1 + MOVED)
    return ratio(figures, cases, within, f"{policy} look-up: {DEEP} components within "
                                         f"{PATTERNS_WITHIN:g} × of {SHALLOW}")


def ratio(figures, cases, within, what):
    """Whether the dearest of some cases is within so many times the cheapest."""
    if any(case not in figures for case in cases):
        return what, None
    found = [figures[case].instructions for case in cases]
    times = max(found) / min(found)
    return f"{what}, found {times:.2f} ×", times <= within
