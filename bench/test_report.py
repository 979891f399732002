"""Conclusions and output of the measurement: medians, faults, targets, tables."""

import io
import unittest

from measure import cells, report, rounds, targets, wrk

CELL = cells.Cell(cells.LOOPBACK, cells.CONCURRENT, "add")


def run(rate, cpu=5.0, **changes):
    values = {"requests": rate, "bytes": rate * 100, "duration_us": 1_000_000, "errors": {},
              "min_us": 5, "p50_us": 10, "p75_us": 15, "p90_us": 20, "p99_us": 30,
              "p99_9_us": 35, "max_us": 40}
    return rounds.Run(wrk.Report(**{**values, **changes}), cpu)


class Figures(unittest.TestCase):
    def test_the_ratio_is_the_median_of_the_rounds_not_the_ratio_of_medians(self):
        own = [run(50), run(80), run(900)]
        ceiling = [run(100), run(100), run(1000)]
        figures = rounds.figures(CELL, own, ceiling)
        found = {key: figures[key] for key in (
            "requests_per_s", "ceiling_requests_per_s", "ratio", "ratio_lowest", "ratio_highest")}
        self.assertEqual(found, {"requests_per_s": 80, "ceiling_requests_per_s": 100,
                                 "ratio": 0.8, "ratio_lowest": 0.5, "ratio_highest": 0.9})

    def test_a_ceiling_counts_the_rounds_beside_all_its_cells(self):
        sub, mul = (rounds.figures(cells.Cell(cells.LOOPBACK, cells.SEQUENTIAL, procedure),
                                   [run(1)], [run(rate)])
                    for procedure, rate in (("sub", 10), ("mul", 30)))
        (relay,) = rounds.ceilings([sub, mul])
        self.assertEqual((relay["ceiling"], relay["rounds"], relay["requests_per_s"]),
                         ("relay", 2, 20))


class Faults(unittest.TestCase):
    def faults(self, **changes):
        return rounds.faults("add", run(1000, **changes), cells.SEQUENTIAL, 100)

    def test_right_answers_are_no_fault_even_if_the_last_one_is_cut_off(self):
        self.assertEqual(self.faults(bytes=1000 * 100 + 60), [])

    def test_failed_requests_are_counted_by_kind(self):
        self.assertEqual(self.faults(errors={"status": 2, "read": 0, "timeout": 1}),
                         ["add: 3 of 1000 requests failed (2 status, 1 timeout)"])

    def test_answers_of_a_wrong_length_are_faults(self):
        self.assertEqual(self.faults(bytes=1000 * 90),
                         ["add: 90000 octets for 1000 answers of 100 each"])


class Targets(unittest.TestCase):
    def test_a_ratio_below_and_a_tail_above_target_are_reported(self):
        figures = rounds.figures(CELL, [run(114, p99_us=60)], [run(100, cpu=7.0)])
        self.assertEqual(targets.missed_by(figures), [
            "loopback concurrent add: 1.140 × bare, below target 1.15",
            "loopback concurrent add: p99 is 6.0 × p50, not below target 6 × p50"])

    def test_too_much_cpu_time_is_reported(self):
        figures = rounds.figures(CELL, [run(115, cpu=8.1)], [run(100, cpu=10.0)])
        self.assertEqual(targets.missed_by(figures), [
            "loopback concurrent add: CPU of a request 0.810 × that of bare, "
            "above target 0.80"])

    def test_a_met_target_is_not_reported(self):
        figures = rounds.figures(CELL, [run(115, cpu=8.0)], [run(100, cpu=10.0)])
        self.assertEqual((targets.missed_by(figures), targets.is_met(figures)), ([], True))

    def test_cpu_has_a_target_at_200_connections_over_loopback_only(self):
        with_target = {(cell.scenario, cell.procedure): cell.cpu_target
                       for cell in cells.full(network_available=True) if cell.cpu_target}
        self.assertEqual(with_target, {("loopback concurrent", "add"): 0.80,
                                       ("loopback concurrent", "mul"): 0.85,
                                       ("loopback concurrent", "div"): 0.85})

    def test_four_workers_are_compared_with_one_on_the_same_path(self):
        many, _ = cells.multi_worker(cells.NETWORK)
        single = [cells.Cell(path, cells.SEQUENTIAL, procedure) for path, procedure in (
            (cells.LOOPBACK, "mul"), (cells.NETWORK, "mul"), (cells.NETWORK, "sub"))]
        measured = [rounds.figures(cell, [run(rate)], [run(100)])
                    for cell, rate in zip((many, *single), (90, 50, 100, 10))]
        self.assertEqual(targets.missed_by_workers(measured), [
            "multi-worker sequential: 0.900 × a single worker, below target 1.00"])
        self.assertEqual(targets.missed_by_workers(measured[:2]), [])

    def test_only_loopback_cells_of_the_four_procedures_have_a_ratio_target(self):
        with_target = [cell for cell in cells.full(network_available=True) if cell.target]
        self.assertEqual(with_target, cells.quick())

    def test_starts_are_compared(self):
        startup = {"ready_to_serve_ms": 19.9, "all_procedures_ms": 900.0,
                   "resident_kib": 10 * 1024, "binary_octets": 1}
        self.assertEqual(targets.missed_at_start(startup),
                         ["resident memory then: 10.0 MiB, not below target 10 MiB"])


class Table(unittest.TestCase):
    PUBLISHED = {("loopback concurrent", "add"): {
        "requests_per_s": 12483.91, "p50_us": 15210, "p75_us": 1, "p90_us": 2, "p99_us": 3}}

    def row(self, figures):
        return report.row(report.with_published(figures, self.PUBLISHED))

    def test_our_figures_stand_beside_the_published_ones(self):
        self.assertEqual(
            self.row(rounds.figures(CELL, [run(80)], [run(100)])),
            "| add | **80** | 12,484 | 10 (15,210) | 20 (2) | 30 (3) | bare | 100 "
            "| **0.80** | 0.80–0.80 | 1.15 | 5.0 | 5.0 | 1.00 | 0.80 | **no** |")

    def test_every_row_has_the_columns_of_the_head(self):
        rows = [report.HEAD, report.ALIGNMENT, self.row(rounds.not_run(CELL, "no root")),
                self.row(rounds.figures(CELL, [run(80)], [run(100)]))]
        self.assertEqual({row.count("|") for row in rows}, {report.COLUMNS + 1})

    def test_a_skipped_cell_shows_the_reason(self):
        self.assertTrue(self.row(rounds.not_run(CELL, "no root"))
                        .startswith("| add | not run: no root |"))

    def test_four_workers_are_shown_beside_one(self):
        measured = [rounds.figures(cell, [run(100)], [run(100)]) for cell in (
            cells.Cell(cells.LOOPBACK, cells.SEQUENTIAL, "mul"),
            cells.multi_worker(cells.LOOPBACK)[0])]
        self.assertEqual(report.workers_table(measured).split("\n")[-1],
                         "| multi-worker sequential | 100 | 100 | **1.00** | 1.00 | yes |")

    def test_starts_are_shown_with_their_targets(self):
        startup = {"ready_to_serve_ms": 20.0, "all_procedures_ms": 900.0,
                   "resident_kib": 8 * 1024, "binary_octets": 1024 * 1024}
        self.assertEqual(report.startup_table(startup).split("\n")[2:], [
            "| from start until the port accepts | 20.0 ms | < 20 ms | **no** |",
            "| resident memory then | 8.0 MiB | < 10 MiB | yes |",
            "| binary | 1.0 MiB | < 15 MiB | yes |",
            "| from start until every procedure answers | 900.0 ms | | |"])

    def test_multi_worker_over_loopback_is_marked(self):
        cell = cells.multi_worker(cells.LOOPBACK)[0]
        ((title, _),) = report.by_section([rounds.not_run(cell, "x")])
        self.assertEqual(title, "Sequential requests to four workers over loopback TCP "
                                "(`wrk -t1 -c1`)")


class Progress(unittest.TestCase):
    def test_without_a_terminal_only_permanent_lines_are_written(self):
        stream = io.StringIO()
        progress = report.Progress(stream)
        progress.update("busy")
        progress.line("done")
        self.assertEqual(stream.getvalue(), "done\n")


if __name__ == "__main__":
    unittest.main()
