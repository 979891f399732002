"""Parsing: wrk's output, /proc, HTTP responses, the published figures."""

import unittest
from pathlib import Path

from measure import cells, probe, processes, wrk

LINE = ('{"requests":1000,"bytes":130000,"duration_us":2000000,"errors":{"status":1,"connect":0,'
        '"read":2,"write":0,"timeout":0},"min_us":30,"p50_us":40,"p75_us":50,"p90_us":60,'
        '"p99_us":70,"p99_9_us":75,"max_us":80}')


class Wrk(unittest.TestCase):
    def test_the_line_of_the_script_is_found_in_the_output_of_wrk(self):
        report = wrk.parse(f"Running 2s test @ http://127.0.0.1/call\n  1 threads\n{LINE}\n")
        expected = wrk.Report(
            requests=1000, bytes=130000, duration_us=2000000,
            errors={"status": 1, "connect": 0, "read": 2, "write": 0, "timeout": 0},
            min_us=30, p50_us=40, p75_us=50, p90_us=60, p99_us=70, p99_9_us=75, max_us=80)
        self.assertEqual(report, expected)

    def test_rate_and_failures_follow_from_the_counts(self):
        report = wrk.parse(LINE)
        self.assertEqual((report.requests_per_s, report.failed), (500.0, 3))

    def test_output_without_a_complete_line_is_refused(self):
        for output in ("", "Running 2s test", LINE[:40], '{"requests":1}'):
            with self.subTest(output=output), self.assertRaises(wrk.WrkFailed):
                wrk.parse(output)


class Proc(unittest.TestCase):
    def test_cpu_time_is_read_after_a_name_with_spaces_and_parentheses(self):
        stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 150 0 0 0 250 50 7 7 20 0 1 0 100 0 0"
        self.assertEqual(processes.parse_cpu_seconds(stat, 100), 3.0)

    def test_resident_memory_of_a_zombie_is_zero(self):
        self.assertEqual(processes.parse_resident_kib("Name:\tx\nVmRSS:\t   5120 kB\n"), 5120)
        self.assertEqual(processes.parse_resident_kib("Name:\tx\n"), 0)


class Response(unittest.TestCase):
    WHOLE = b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\nServer: x\r\n\r\n{"args":[16]}'

    def test_a_partial_response_is_incomplete(self):
        for length in range(len(self.WHOLE)):
            self.assertIsNone(probe.split_response(self.WHOLE[:length]))
        self.assertEqual(probe.split_response(self.WHOLE), (200, b'{"args":[16]}'))

    def test_a_response_without_length_is_refused(self):
        for octets in (b"HTTP/1.1 200 OK\r\n\r\n", b"hello\r\n\r\n"):
            with self.subTest(octets=octets), self.assertRaises(probe.WrongAnswer):
                probe.split_response(octets)

    def test_the_request_announces_its_body(self):
        head, _, body = probe.request_bytes("127.0.0.1", 1, "add").partition(b"\r\n\r\n")
        self.assertEqual(
            body, b'{"procedure":"com.example.add2","args":[13,3],"kwargs":{"verbose":false}}')
        self.assertIn(f"Content-Length: {len(body)}".encode(), head)


class Published(unittest.TestCase):
    def test_each_of_the_eighteen_cells_has_a_published_figure(self):
        path = Path(__file__).parent / "published.json"
        _, published = cells.read_published(path)
        wanted = {(cell.scenario, cell.procedure) for cell in cells.full(network_available=True)}
        self.assertEqual((set(published), len(wanted)), (wanted, 18))


if __name__ == "__main__":
    unittest.main()
