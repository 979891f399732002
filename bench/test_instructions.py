"""What is read of callgrind's files, and what is concluded from the counts."""

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
    def test_what_asks_for_memory_is_counted_once_and_what_gives_it_back_is_not(self):
        self.assertEqual(callgrind.parse(DUMP.splitlines()), (7000, 1500))

    def test_a_file_in_which_nothing_is_counted_is_refused(self):
        for text in ("", "events: Ir\n", "summary: 0\ntotals: 0\n"):
            with self.subTest(text=text), self.assertRaises(callgrind.CaseFailed):
                callgrind.parse(text.splitlines())

    def test_what_happens_once_vanishes_in_the_counts_of_a_round(self):
        self.assertEqual(callgrind.by_round(2_747_649, 4_003, 1_000), Counts(2748, 4.0))

    def test_a_program_that_ends_badly_or_is_not_there_has_failed(self):
        for command in (["false"], ["/nowhere/instructions", "list"]):
            with self.subTest(command=command), self.assertRaises(callgrind.CaseFailed):
                callgrind.run(command)


class Moved(unittest.TestCase):
    KEPT = {"a": Counts(1000, 2), "b": Counts(1000, 2)}

    def moved(self, **figures):
        return [line.split() for line in counts.moved(figures, self.KEPT)]

    def test_two_per_cent_are_passed_over_and_more_is_told(self):
        self.assertEqual(self.moved(a=Counts(1020, 2), b=Counts(980, 2)), [])
        self.assertEqual(self.moved(a=Counts(1021, 2), b=Counts(900, 2)),
                         [["a", "1,021", "1,000", "+2.1%", "2", "2"],
                          ["b", "900", "1,000", "-10.0%", "2", "2"]])

    def test_one_allocation_more_is_told_whatever_the_instructions_say(self):
        self.assertEqual(self.moved(a=Counts(1000, 3), b=Counts(1000, 2)),
                         [["a", "1,000", "1,000", "+0.0%", "3", "2"]])

    def test_cases_that_are_new_or_gone_are_told(self):
        self.assertEqual(self.moved(a=Counts(1000, 2), c=Counts(7, 0)),
                         [["c", "7", "new", "0"], ["b", "gone"]])


class Demands(unittest.TestCase):
    def unmet(self, **changes):
        figures = {**GOOD, **{name.replace("_", "/", 1): value for name, value in changes.items()}}
        return [sentence for sentence, met in counts.demands(figures) if not met]

    def test_all_are_met_at_their_very_limits(self):
        self.assertEqual(self.unmet(), [])
        self.assertEqual(self.unmet(**{"index_exact/1000000": Counts(200, 0),
                                       "index_prefix/1000000": Counts(400, 0)}), [])

    def test_a_fifth_allocation_is_too_many(self):
        self.assertEqual(self.unmet(**{"realm_call-with-frames": Counts(7000, 5)}),
                         ["realm/call-with-frames: at most 4 allocations, found 5"])

    def test_an_exact_look_up_may_not_cost_by_the_number_of_entries(self):
        self.assertEqual(self.unmet(**{"index_exact/1000000": Counts(201, 0)}), [
            "exact look-up: 1,000,000 entries within 2 × of 10, found 2.01 ×"])

    def test_a_pattern_may_cost_by_depth_and_no_more(self):
        self.assertEqual(self.unmet(**{"index_prefix/1000000": Counts(401, 0),
                                       "index_wildcard-depth/16": Counts(900, 0)}), [
            "prefix look-up: 1,000,000 entries within 4 × of 10, found 4.01 ×",
            "wildcard look-up: 16 components within 4 × of 4, found 4.50 ×"])

    def test_without_its_cases_a_demand_is_neither_met_nor_missed(self):
        self.assertEqual({met for _, met in counts.demands({})}, {None})


class Kept(unittest.TestCase):
    def test_what_is_kept_is_read_as_it_was_written(self):
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
