"""Drawings: positions of values, labels, and the XML."""

import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

from measure import cells, charts, plot
from measure.callgrind import Counts

SVG = "{http://www.w3.org/2000/svg}"
SERIES = {"add": {0: 20, 50: 100, 90: 200, 99: 900, 99.9: 4000, 100: 9000},
          "s<u>b": {0: 25, 50: 110, 90: 210, 99: 950, 99.9: 4100}}


def texts(svg):
    return [each.text for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def curves(svg):
    """The colour and the dash of each line."""
    return [(each.get("stroke"), each.get("stroke-dasharray"))
            for each in ElementTree.fromstring(svg).iter(f"{SVG}path")
            if each.get("stroke-width") == "2"]


class Axes(unittest.TestCase):
    def test_an_axis_ends_at_round_numbers_around_the_values(self):
        axis = plot.log_axis([23, 1800], 0, 100)
        self.assertEqual((axis.low, axis.high), (20, 2000))

    def test_equal_ratios_are_equal_lengths(self):
        axis = plot.log_axis([1, 10_000], 400, 0)
        self.assertEqual([round(axis.place(value), 6) for value in (1, 10, 100, 10_000)],
                         [400, 300, 200, 0])

    def test_one_value_alone_has_room_around_it(self):
        axis = plot.log_axis([100], 0, 10)
        self.assertEqual((axis.low, axis.high), (100, 200))

    def test_long_axes_have_ticks_at_powers_of_ten_and_short_ones_in_between(self):
        self.assertEqual(plot.ticks(5, 20_000), (10, 100, 1000, 10_000))
        self.assertEqual(plot.ticks(200, 2000), (200, 500, 1000, 2000))

    def test_each_further_nine_has_equal_space(self):
        axis = plot.percentile_axis([0, 50, 99.9], 0, 300)
        self.assertEqual([round(axis.place(at), 6) for at in (0, 90, 99, 99.9)],
                         [0, 100, 200, 300])

    def test_the_axis_ends_at_the_measured_values(self):
        self.assertEqual(plot.percentile_axis([50, 99], 0, 1).ticks, (0, 50, 90, 99))


class Labels(unittest.TestCase):
    def test_distant_labels_stay_at_the_ends_of_their_lines(self):
        self.assertEqual(plot.spread([10, 200, 90], 17, 0, 300), [10, 200, 90])

    def test_overlapping_labels_are_spread_in_the_order_of_the_lines(self):
        self.assertEqual(plot.spread([101, 100, 99], 10, 0, 300), [110, 100, 90])

    def test_labels_stay_within_the_drawing(self):
        self.assertEqual(plot.spread([299, 300], 10, 0, 300), [290, 300])
        self.assertEqual(plot.spread([1, 0], 10, 0, 300), [10, 0])

    def test_values_are_written_in_the_unit_that_leaves_few_digits(self):
        self.assertEqual([plot.duration(us) for us in (0.5, 20, 1500, 20_000, 2_000_000)],
                         ["0.5 µs", "20 µs", "1.5 ms", "20 ms", "2 s"])
        self.assertEqual([plot.number(value) for value in (0.25, 10, 10_000, 1_000_000)],
                         ["0.25", "10", "10,000", "1 million"])


class Drawing(unittest.TestCase):
    def test_a_latency_chart_has_an_accessible_description(self):
        root = ElementTree.fromstring(plot.latency_chart("a & b", SERIES, "of a test"))
        self.assertEqual(root.attrib["role"], "img")
        self.assertEqual(root.find(f"{SVG}title").text, "a & b")
        self.assertEqual(
            root.find(f"{SVG}desc").text,
            "add: 0 % 20 µs, 50 % 100 µs, 90 % 200 µs, 99 % 900 µs, 99.9 % 4 ms; "
            "s<u>b: 0 % 25 µs, 50 % 110 µs, 90 % 210 µs, 99 % 950 µs, 99.9 % 4.1 ms.")

    def test_each_line_is_named_and_each_measured_point_has_its_dot(self):
        svg = plot.latency_chart("t", SERIES)
        self.assertEqual(texts(svg)[-2:], ["add", "s<u>b"])
        self.assertEqual(svg.count("<circle"), 10)

    def test_equal_data_give_equal_bytes(self):
        points = [(10, 200), (10_000, 210)]
        self.assertEqual(plot.size_chart("t", "x", "y", {"one": points}),
                         plot.size_chart("t", "x", "y", {"one": points[::-1]}))

    def test_colours_repeat_with_another_dash(self):
        series = {str(index): [(1, 1), (10, 10)] for index in range(len(plot.COLOURS) + 1)}
        found = curves(plot.size_chart("t", "x", "y", series))
        self.assertEqual((found[0], found[1], found[-1]),
                         ((plot.COLOURS[0], None), (plot.COLOURS[1], None),
                          (plot.COLOURS[0], plot.DASHES[1])))

    def test_nothing_and_zero_cannot_be_drawn(self):
        for series in ({}, {"a": {}}, {"a": {0: 0, 50: 10}}):
            with self.subTest(series=series), self.assertRaises(ValueError):
                plot.latency_chart("t", series)


class Charts(unittest.TestCase):
    FIGURES = {"min_us": 0, "p50_us": 50, "p75_us": 75, "p90_us": 90, "p99_us": 99,
               "p99_9_us": 999}

    def cell(self, load, **more):
        return {"scenario": f"loopback {load.name}", "procedure": "add", **more}

    def test_the_chart_of_the_bridge_has_a_line_for_each_loopback_cell_that_ran(self):
        run = {"cells": [self.cell(cells.SEQUENTIAL, **self.FIGURES),
                         self.cell(cells.CONCURRENT, not_run="no reason"),
                         {**self.FIGURES, "scenario": "network sequential",
                          "procedure": "add"}]}
        drawn = charts.of_bridge(run)
        self.assertEqual(list(drawn), ["latency.svg"])
        self.assertEqual(texts(drawn["latency.svg"])[-1], "add, one connection")
        self.assertEqual(drawn["latency.svg"].count("<circle"), 5)

    def test_a_comparison_has_a_chart_for_each_load_with_both_routers(self):
        run = {"peer": "Other", "cells": [self.cell(load, own=self.FIGURES, peer=self.FIGURES)
                                          for load in cells.LOADS]}
        drawn = charts.of_peers(run)
        self.assertEqual({file: texts(svg)[-2:] for file, svg in drawn.items()}, {
            "peers-sequential.svg": ["Cloverleaf add", "Other add"],
            "peers-concurrent.svg": ["Cloverleaf add", "Other add"]})

    def test_a_procedure_keeps_its_colour_in_every_selection(self):
        both = {"own": self.FIGURES, "peer": self.FIGURES, "scenario": "loopback concurrent"}
        run = {"peer": "Other", "cells": [{**both, "procedure": procedure}
                                          for procedure in ("sub", "div")]}
        self.assertEqual(curves(charts.of_peers(run)["peers-concurrent.svg"]), [
            (plot.COLOURS[1], None), (plot.COLOURS[3], None),
            (plot.COLOURS[1], plot.DASHES[1]), (plot.COLOURS[3], plot.DASHES[1])])

    def test_look_ups_are_drawn_by_the_number_of_entries(self):
        figures = {f"index/exact/{size}": Counts(100, 0) for size in (10, 10_000, 1_000_000)}
        drawn = charts.of_instructions({**figures, "index/wildcard/10": Counts(500, 0),
                                        "index/wildcard-depth/4": Counts(900, 0)})
        root = ElementTree.fromstring(drawn["index.svg"])
        self.assertEqual(root.find(f"{SVG}desc").text,
                         "exact: 10 100, 10,000 100, 1 million 100; wildcard: 10 500.")

    def test_without_measurements_nothing_is_drawn(self):
        self.assertEqual(charts.of_peers({"peer": "Other", "cells": []}), {})
        self.assertEqual(charts.of_instructions({"realm/call": Counts(1, 0)}), {})

    def test_a_drawing_is_written_to_the_results_and_the_documentation(self):
        with tempfile.TemporaryDirectory() as folder:
            results, plots = Path(folder), Path(folder) / "docs" / "plots"
            paths = charts.write({"latency.svg": "<svg/>"}, results, "20300101", plots)
            self.assertEqual(paths, [results / "20300101-latency.svg", plots / "latency.svg"])
            self.assertEqual([path.read_text() for path in paths], ["<svg/>", "<svg/>"])


if __name__ == "__main__":
    unittest.main()
