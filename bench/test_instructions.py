"""Reading of callgrind's files, and conclusions from the counts."""

import json
import unittest
from pathlib import Path

from measure import callgrind, counts
from measure.callgrind import Counts

DUMP = """\
# callgrind format
desc: Trigger: --dump-after=cloverleaf_instructions::measured
events: Ir
summary: 7000

ob=/usr/bin/cloverleaf-instructions
fl=???
fn=cloverleaf_instructions::measured
0 100
cfn=bytes::bytes::Bytes::copy_from_slice
calls=1000 0
0 5000

fn=bytes::bytes::Bytes::copy_from_slice
0 1000
cob=/usr/lib/libc.so.6
cfn=malloc
calls=1000 0
0 3000
cfn=realloc
calls=500 0
0 900
cfn=free
calls=1500 0
0 100

fn=realloc
0 700
cfn=malloc
calls=500 0
0 200

totals: 7000
"""

INDEX = {f"index/{policy}/{size}": Counts(100, 0)
         for policy in ("exact", "prefix", "wildcard") for size in counts.SIZES}
DEPTHS = {f"index/{policy}-depth/{depth}": Counts(50 * depth, 0)
          for policy in ("prefix", "wildcard") for depth in (4, 16)}
CALLS = {"realm/call": Counts(2000, 0), "realm/call-with-frames": Counts(7000, 4)}
GOOD = {**INDEX, **DEPTHS, **CALLS}


class Callgrind(unittest.TestCase):
    def test_nested_allocations_count_once_and_frees_do_not_count(self):
        self.assertEqual(callgrind.parse(DUMP.splitlines()), (7000, 1500))

    def test_a_dump_without_counts_is_refused(self):
        for text in ("", "events: Ir\n", "summary: 0\ntotals: 0\n"):
            with self.subTest(text=text), self.assertRaises(callgrind.CaseFailed):
                callgrind.parse(text.splitlines())

    def test_one_time_costs_vanish_in_the_counts_of_a_round(self):
        self.assertEqual(callgrind.by_round(2_747_649, 4_003, 1_000), Counts(2748, 4.0))

    def test_a_missing_or_failing_program_is_a_failure(self):
        for command in (["false"], ["/nowhere/instructions", "list"]):
            with self.subTest(command=command), self.assertRaises(callgrind.CaseFailed):
                callgrind.run(command)


class Moved(unittest.TestCase):
    KEPT = {"a": Counts(1000, 2), "b": Counts(1000, 2)}

    def moved(self, **figures):
        return [line.split() for line in counts.moved(figures, self.KEPT)]

    def test_changes_above_two_per_cent_are_shown(self):
        self.assertEqual(self.moved(a=Counts(1020, 2), b=Counts(980, 2)), [])
        self.assertEqual(self.moved(a=Counts(1021, 2), b=Counts(900, 2)),
                         [["a", "1,021", "1,000", "+2.1%", "2", "2"],
                          ["b", "900", "1,000", "-10.0%", "2", "2"]])

    def test_one_more_allocation_is_always_shown(self):
        self.assertEqual(self.moved(a=Counts(1000, 3), b=Counts(1000, 2)),
                         [["a", "1,000", "1,000", "+0.0%", "3", "2"]])

    def test_new_and_removed_cases_are_shown(self):
        self.assertEqual(self.moved(a=Counts(1000, 2), c=Counts(7, 0)),
                         [["c", "7", "new", "0"], ["b", "gone"]])


class Demands(unittest.TestCase):
    def unmet(self, **changes):
        figures = {**GOOD, **{name.replace("_", "/", 1): value for name, value in changes.items()}}
        return [sentence for sentence, met in counts.demands(figures) if not met]

    def test_demands_are_met_at_their_limits(self):
        self.assertEqual(self.unmet(), [])
        self.assertEqual(self.unmet(**{"index_exact/1000000": Counts(200, 0),
                                       "index_prefix/1000000": Counts(400, 0)}), [])

    def test_five_allocations_are_too_many(self):
        self.assertEqual(self.unmet(**{"realm_call-with-frames": Counts(7000, 5)}),
                         ["realm/call-with-frames: at most 4 allocations, found 5"])

    def test_the_cost_of_an_exact_look_up_must_not_grow_with_the_entries(self):
        self.assertEqual(self.unmet(**{"index_exact/1000000": Counts(201, 0)}), [
            "exact look-up: 1,000,000 entries within 2 × of 10, found 2.01 ×"])

    def test_the_cost_of_a_pattern_may_grow_with_the_depth_only(self):
        self.assertEqual(self.unmet(**{"index_prefix/1000000": Counts(401, 0),
                                       "index_wildcard-depth/16": Counts(900, 0)}), [
            "prefix look-up: 1,000,000 entries within 4 × of 10, found 4.01 ×",
            "wildcard look-up: 16 components within 4 × of 4, found 4.50 ×"])

    def test_a_demand_without_its_cases_has_no_outcome(self):
        self.assertEqual({met for _, met in counts.demands({})}, {None})


class Kept(unittest.TestCase):
    def test_kept_counts_are_read_as_written(self):
        made_with = {"rustc": "rustc 1.95.0", "libc": "glibc 2.36", "machine": "x86_64"}
        figures = {"a/b": Counts(1234567, 4), "c": Counts(7, 0.25)}
        text = counts.to_text(figures, made_with)
        self.assertEqual(counts.from_text(text), (figures, made_with))
        self.assertEqual(json.loads(text)["cases"]["a/b"],
                         {"instructions": 1234567, "allocations": 4})

    def test_the_file_in_the_repository_meets_the_demands(self):
        text = (Path(__file__).parent / "instructions.json").read_text(encoding="utf-8")
        figures, _ = counts.from_text(text)
        self.assertEqual({met for _, met in counts.demands(figures)}, {True})


if __name__ == "__main__":
    unittest.main()
