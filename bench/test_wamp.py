"""The WAMP measurement: input, conclusions and output."""

import json
import unittest
from xml.etree import ElementTree

from measure import (generator, wamp_cells, wamp_charts, wamp_report, wamp_rounds, wamp_servers,
                     wamp_sizes)

FEW, MANY = (cell for cell in wamp_cells.all_cells(10_000)
             if cell.mode == "fanout" and cell.threads == 1)
SEQUENTIAL = wamp_cells.all_cells(10_000)[0]
IDLE = next(cell for cell in wamp_cells.all_cells(10_000) if cell.mode == "idle")

STARTUP = {"ready_to_serve_ms": 12.0, "all_procedures_ms": 12.0, "resident_kib": 9 * 1024}


def report_of(rate, **changes):
    values = {"mode": "rpc", "unit": "calls", "rate": rate, "count": int(rate), "p50_us": 10.0,
              "p90_us": 15.0, "p99_us": 20.0, "p999_us": 30.0, "errors": 0, "lost": 0,
              "first_error": None, "router_cpu_us": 5.0, "router_cores": 0.5,
              "generator_cores": 0.4, "more": {}}
    return {**values, **changes}


def figures(cell, *rates, beside=(), **changes):
    return wamp_rounds.figures(cell, [report_of(rate, **changes) for rate in rates],
                               [report_of(rate) for rate in beside], STARTUP)


def page(*cells, **changes):
    on = {"cpu": "x", "cores": 2, "kernel": "y", "load_average_before": 0.0}
    startup = {**STARTUP, "binary_octets": 5 * 1024 * 1024}
    return {"machine": on, "date": "today", "commit": "abc", "rounds": 3, "seconds": 2.0,
            "startup": startup, "cells": list(cells), "not_run": [], "failures": [], **changes}


class Generator(unittest.TestCase):
    def test_the_line_is_read(self):
        self.assertEqual(generator.parse(json.dumps(report_of(5)))["rate"], 5)

    def test_without_a_line_the_error_output_is_reported(self):
        with self.assertRaisesRegex(generator.GeneratorFailed, "^no session was opened$"):
            generator.parse("", "no session was opened\n")

    def test_incomplete_lines_are_refused(self):
        for output in ('{"rate":', "[]", '{"rate":1}'):
            with self.subTest(output=output), self.assertRaises(generator.GeneratorFailed):
                generator.parse(output)

    def test_errors_losses_and_silence_are_faults(self):
        bad = report_of(0, count=0, errors=2, first_error="why", lost=3)
        self.assertEqual(generator.faults("rpc", bad), [
            "rpc: 2 errors, the first: why", "rpc: 3 of 3 were lost", "rpc: nothing was counted"])
        self.assertEqual(generator.faults("rpc", report_of(1)), [])


class Figures(unittest.TestCase):
    def test_a_cell_is_the_median_of_its_rounds(self):
        found = figures(FEW, 10, 90, 20)
        rates = [found[key] for key in ("rate", "rate_lowest", "rate_highest")]
        self.assertEqual((rates, found["ratio"]), ([20, 10, 90], None))

    def test_the_ratio_is_the_median_of_the_rounds(self):
        found = figures(SEQUENTIAL, 50, 80, 900, beside=(100, 100, 1000))
        ratios = [found[key] for key in ("ratio", "ratio_lowest", "ratio_highest")]
        self.assertEqual((ratios, found["forwarder_rate"]), ([0.8, 0.5, 0.9], 100))

    def test_unavailable_figures_are_left_out(self):
        self.assertIsNone(figures(FEW, 1, 2, router_cpu_us=None)["router_cpu_us"])


class Overview(unittest.TestCase):
    def lines(self, *cells):
        return [row.line() for row in wamp_report.rows(page(*cells, startup=None))]

    def test_a_target_is_met_or_missed(self):
        cell = figures(SEQUENTIAL, 17_000, beside=(21_500,))
        self.assertEqual(self.lines(cell), [
            f"| {SEQUENTIAL.name} | ≥ 17,000 calls/s | 17,000 calls/s | yes |",
            f"| {SEQUENTIAL.name}: ratio to the forwarder | ≥ 0.80 × | 0.79 × | **no** |"])
        self.assertEqual(wamp_report.missed(page(cell)), [
            f"{SEQUENTIAL.name}: ratio to the forwarder: 0.79 ×, the target is ≥ 0.80 ×"])

    def test_many_subscribers_are_compared_with_few(self):
        few, many = (figures(cell, rate, mode="fanout", unit="events",
                             more={"ns_per_event_and_subscriber": 1e9 / rate})
                     for cell, rate in ((FEW, 2_000_000), (MANY, 1_000_000)))
        self.assertEqual(self.lines(few, many)[-1],
                         f"| {MANY.name}: time for each, as a ratio to 1 → 100 "
                         "| ≤ 1.30 × | 2.00 × | **no** |")

    def test_the_memory_of_idle_sessions_is_reported(self):
        more = {"resident_kib_before": 1024, "resident_kib_with_sessions": 3072,
                "resident_kib_after": 2048, "resident_kib_per_session": 0.2}
        found = self.lines(figures(IDLE, 5, mode="idle", unit="sessions", more=more))
        self.assertEqual([line.split(" | ")[2] for line in found],
                         ["5 sessions/s", "0.2 KiB", "1.0 MiB", "3.0 MiB", "2.0 MiB"])
        self.assertEqual(found[1], f"| {IDLE.name}: memory of each | ≤ 6.0 KiB | 0.2 KiB | yes |")

    def test_the_target_is_four_times_the_rate_of_nexus(self):
        targets = {(cell.transport, cell.serializer): cell.target
                   for cell in wamp_cells.all_cells(10_000)
                   if cell.mode == "rpc" and cell.transport != wamp_cells.UNIX}
        self.assertEqual(targets, {(wamp_cells.TCP, "msgpack"): 82_400,
                                   (wamp_cells.WEBSOCKET, "json"): 98_400})

    def test_starting_has_its_targets(self):
        found = wamp_report.rows(page())
        self.assertEqual([(row.target, row.met) for row in found],
                         [("< 20.0 ms", True), ("< 10.0 MiB", True), ("< 15.0 MiB", True)])


class Page(unittest.TestCase):
    def test_every_line_has_the_columns_of_its_head(self):
        for head, line in (
                (wamp_report.OVERVIEW, wamp_report.Row("x", 1.0).line()),
                (wamp_report.FIGURES, wamp_report.figures_line(
                    figures(FEW, 1, router_cpu_us=None)))):
            counts = {part.count("|") for part in [*head.split("\n"), line]}
            self.assertEqual(len(counts), 1, line)

    def test_failures_and_skipped_cells_are_shown(self):
        text = wamp_report.markdown(page(failures=["rpc: bad"], not_run=["idle: why"]))
        self.assertIn("## Not run\n\n- idle: why\n\n## Failures\n\n- rpc: bad\n", text)


class Charts(unittest.TestCase):
    def point(self, wanted, **changes):
        return {"chart": wanted.chart, "line": wanted.line, "size": wanted.size,
                **figures(wanted.cell, 100, **changes)}

    def described(self, svg):
        return ElementTree.fromstring(svg).find("{http://www.w3.org/2000/svg}desc").text

    def test_latencies_of_calls_are_drawn_except_those_of_thread_comparisons(self):
        measured = [figures(cell, 100, mode=cell.mode) for cell in wamp_cells.all_cells(10_000)
                    if cell.name in (SEQUENTIAL.name, "rpc, 100 in flight, WebSocket json",
                                     FEW.name, wamp_cells.TWO_THREADS)]
        drawn = wamp_charts.of_wamp({"cells": measured, "sizes": []})
        self.assertEqual({file: self.described(svg) for file, svg in drawn.items()}, {
            "wamp-latency.svg":
                "one after the other, Unix msgpack: "
                "50 % 10 µs, 90 % 15 µs, 99 % 20 µs, 99.9 % 30 µs; "
                "WebSocket json: 50 % 10 µs, 90 % 15 µs, 99 % 20 µs, 99.9 % 30 µs."})

    def test_costs_are_drawn_by_payloads_and_subscribers(self):
        found = [self.point(wanted, router_cpu_us=1 + wanted.size / 1024,
                            more={"ns_per_event_and_subscriber": 500 / wanted.size})
                 for wanted in wamp_sizes.all_points(10)]
        drawn = wamp_charts.of_wamp({"cells": [], "sizes": found})
        by_payload = "16 1.02, 256 1.25, 1,024 2, 4,096 5, 16,384 17, 65,536 65"
        self.assertEqual({file: self.described(svg) for file, svg in drawn.items()}, {
            "wamp-payload.svg": f"msgpack: {by_payload}; json: {by_payload}.",
            "wamp-fanout.svg": "msgpack: 1 500, 10 50."})

    def test_unavailable_figures_are_not_drawn(self):
        found = [self.point(wamp_sizes.payload("json", 16), router_cpu_us=None)]
        self.assertEqual(wamp_charts.of_wamp({"cells": [], "sizes": found}), {})


class Router(unittest.TestCase):
    def test_every_transport_of_a_cell_is_configured(self):
        content = wamp_servers.configuration("/tmp/a.sock", 1, 2)
        transports = content["workers"][0]["transports"]
        endpoints = [(each["type"], each["endpoint"].get("path", each["endpoint"].get("port")))
                     for each in transports]
        self.assertEqual(endpoints, [("rawsocket", "/tmp/a.sock"), ("rawsocket", 1), ("web", 2)])

    def test_cells_have_unique_names(self):
        names = [cell.name for cell in wamp_cells.all_cells(10_000)]
        names += [point.cell.name for point in wamp_sizes.all_points(10_000)]
        self.assertEqual(len(set(names)), len(names))


if __name__ == "__main__":
    unittest.main()
