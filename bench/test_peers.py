"""Comparisons with another router: input, preparation, conclusions and output."""

import json
import tempfile
import unittest
from pathlib import Path

from measure import cells, comparison, contender, peers_report, probe, rounds, tree, wrk

BENCH = Path(__file__).resolve().parent
EXAMPLE = BENCH.parent / "examples" / "caller-performance"
CONCURRENT = cells.Cell(cells.LOOPBACK, cells.CONCURRENT, "add")
SEQUENTIAL = cells.Cell(cells.LOOPBACK, cells.SEQUENTIAL, "add")


def run(rate, p99_us=30, cpu=5.0):
    values = {"requests": rate, "bytes": rate * 100, "duration_us": 1_000_000, "errors": {},
              "min_us": 5, "p50_us": 10, "p75_us": 15, "p90_us": 20, "p99_us": p99_us,
              "p99_9_us": p99_us, "max_us": p99_us}
    return rounds.Run(wrk.Report(**values), cpu)


class ProcessTree(unittest.TestCase):
    def test_a_tree_has_all_descendants_of_the_root_only(self):
        parent_of = {10: 1, 12: 10, 11: 10, 20: 12, 30: 1, 31: 30}
        self.assertEqual(tree.descendants(parent_of, 10), {10, 11, 12, 20})

    def test_a_parent_is_read_after_a_name_with_spaces_and_parentheses(self):
        self.assertEqual(tree.parse_parent("42 (a (b) c) S 7 42 42 0 -1"), 7)

    def test_the_share_of_memory_of_a_zombie_is_zero(self):
        self.assertEqual(tree.parse_share_kib("Rss:  900 kB\nPss:  512 kB\n"), 512)
        self.assertEqual(tree.parse_share_kib(""), 0)


class Chunks(unittest.TestCase):
    HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    WHOLE = HEAD + b"5\r\n{\"arg\r\na\r\ns\": [16] }\r\n0\r\n\r\n"

    def test_a_partial_chunked_response_is_incomplete(self):
        for length in range(len(self.WHOLE)):
            self.assertIsNone(probe.split_response(self.WHOLE[:length]))
        self.assertEqual(probe.split_response(self.WHOLE), (200, b'{"args": [16] }'))

    def test_a_chunk_without_size_is_refused(self):
        with self.assertRaises(probe.WrongAnswer):
            probe.split_response(self.HEAD + b"{}\r\n")


class Preparation(unittest.TestCase):
    def test_every_occurrence_of_the_port_is_replaced(self):
        part = {"endpoint": {"port": 8080, "backlog": 8080}, "url": "ws://127.0.0.1:8080/ws",
                "paths": [{"port": 8081}]}
        self.assertEqual(contender.at_port(part, 9000), {
            "endpoint": {"port": 9000, "backlog": 8080}, "url": "ws://127.0.0.1:9000/ws",
            "paths": [{"port": 8081}]})

    def test_a_folder_has_the_files_that_the_configuration_names(self):
        with tempfile.TemporaryDirectory() as folder:
            path = contender.prepare(Path(folder), EXAMPLE / ".crossbar" / cells.CONFIG,
                                     (EXAMPLE / "web", BENCH / "peers" / "components"), 9000)
            self.assertEqual(path, Path(folder) / ".crossbar" / "config.json")
            self.assertNotIn("8080", path.read_text())
            self.assertTrue((path.parent / "../web/index.html").exists())
            self.assertTrue((path.parent / "../components/add.py").exists())

    def test_a_command_gets_the_configuration_and_its_folder(self):
        command = "'/a b/router' start --cbdir {folder} --config={config}"
        self.assertEqual(contender.words(command, Path("/x/.crossbar/config.json")), [
            "/a b/router", "start", "--cbdir", "/x/.crossbar",
            "--config=/x/.crossbar/config.json"])

    def test_every_component_of_the_configurations_exists(self):
        for file in (EXAMPLE / ".crossbar" / cells.CONFIG,
                     BENCH / "peers" / cells.MULTI_WORKER_CONFIG):
            workers = json.loads(file.read_text())["workers"]
            named = [each["classname"] for worker in workers
                     for each in worker.get("components", ())]
            missing = [name for name in named if not
                       (BENCH / "peers/components" / f"{name.split('.')[0]}.py").exists()]
            with self.subTest(file=file):
                self.assertEqual((len(named), missing), (4, []))


class Comparison(unittest.TestCase):
    def test_ratios_are_medians_of_rounds_and_above_one_if_the_own_router_is_better(self):
        figures = comparison.figures(
            CONCURRENT, [run(600, p99_us=10), run(800, p99_us=20), run(900, p99_us=30)],
            [run(10, p99_us=1000), run(10, p99_us=800), run(10, p99_us=600)])
        found = {key: figures[key] for key in ("ratio", "ratio_lowest", "ratio_highest",
                                               "p99_ratio")}
        self.assertEqual(found, {"ratio": 80.0, "ratio_lowest": 60.0, "ratio_highest": 90.0,
                                 "p99_ratio": 40.0})
        self.assertEqual((figures["own"]["requests_per_s"], figures["peer"]["p99_us"]),
                         (800, 800))

    def test_a_rate_and_a_tail_below_target_are_reported(self):
        figures = comparison.figures(CONCURRENT, [run(590, p99_us=30)], [run(10, p99_us=600)])
        self.assertEqual(comparison.missed_by(figures), [
            "loopback concurrent add: 59.0 × the peer's rate, below target 60 ×",
            "loopback concurrent add: p99 20.0 × lower than the peer's, below target 30 ×"])

    def test_sequential_requests_have_a_lower_target_and_none_for_the_tail(self):
        figures = comparison.figures(SEQUENTIAL, [run(200)], [run(10)])
        self.assertEqual(comparison.missed_by(figures), [])

    def test_a_peer_without_answers_has_no_ratio(self):
        figures = comparison.figures(SEQUENTIAL, [run(200)], [run(0)])
        self.assertEqual(figures["ratio"], 0.0)


class Page(unittest.TestCase):
    def test_a_row_shows_both_routers_and_the_targets(self):
        figures = comparison.figures(CONCURRENT, [run(90_000, 4000, 9.4)],
                                     [run(1000, 200_000, 850)])
        self.assertEqual(
            peers_report.row({**figures, "missed": [], "failures": []}),
            "| loopback concurrent add | **90,000** | 1,000 | **90.0** | 90.0–90.0 | 60 × "
            "| 4,000 | 200,000 | **50.0** | 30 × | 9.4 | 850.0 | yes |")

    def test_every_row_has_the_columns_of_the_head(self):
        figures = comparison.figures(SEQUENTIAL, [run(200)], [run(10)])
        rows = [peers_report.HEAD, peers_report.ALIGNMENT,
                peers_report.row({**figures, "missed": ["a target"],
                                  "failures": []})]
        self.assertEqual({row.count("|") for row in rows}, {peers_report.COLUMNS + 1})

    def test_targets_reached_against_failed_requests_are_not_met(self):
        figures = comparison.figures(SEQUENTIAL, [run(200)], [run(10)])
        row = peers_report.row({**figures, "missed": [], "failures": ["1 timeout"]})
        self.assertTrue(row.endswith("| failed |"))

    def test_other_peers_have_no_targets(self):
        figures = {**comparison.figures(SEQUENTIAL, [run(10)], [run(10)]), "target": None}
        self.assertEqual(comparison.missed_by(figures), [])
        row = peers_report.row({**figures, "missed": [], "failures": []})
        self.assertTrue(row.endswith("| 5.0 |  |"))

    def test_starts_are_compared(self):
        own, peer = ({"ready_to_serve_ms": time, "all_procedures_ms": time * 2,
                      "resident_kib": time * 1024} for time in (10, 2000))
        table = peers_report.starting_table({"startup": {"own": own, "peer": peer}})
        self.assertEqual(table.splitlines()[2:], [
            "| from start until the port accepts | 10.0 ms | 2,000.0 ms | 200 |",
            "| from start until every procedure answers | 20.0 ms | 4,000.0 ms | 200 |",
            "| resident memory of all processes then | 10.0 MiB | 2,000.0 MiB | 200 |"])


if __name__ == "__main__":
    unittest.main()
