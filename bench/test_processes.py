"""Ports of the servers of a run."""

import unittest
from contextlib import contextmanager

from measure import processes

HOST = "127.0.0.1"


def starting(taken, asked):
    """A context of a server whose port is taken the first `taken` times. Each port is appended to
    `asked`."""
    @contextmanager
    def start(port):
        asked.append(port)
        if len(asked) <= taken:
            raise processes.PortTaken("something listens there already")
        yield port
    return start


class FreePorts(unittest.TestCase):
    def test_another_port_is_tried_when_one_has_been_taken(self):
        asked = []
        with processes.at_free_port(starting(2, asked), HOST, None) as port:
            self.assertEqual(len(asked), 3)
            self.assertEqual(asked[-1], port)

    def test_attempts_are_limited(self):
        asked = []
        with (self.assertRaises(processes.PortTaken),
              processes.at_free_port(starting(100, asked), HOST, None)):
            pass
        self.assertEqual(len(asked), processes.PORT_ATTEMPTS)

    def test_a_later_failure_is_not_retried(self):
        asked = []
        with (self.assertRaises(processes.PortTaken),
              processes.at_free_port(starting(0, asked), HOST, None)):
            raise processes.PortTaken("of another server")
        self.assertEqual(len(asked), 1)


if __name__ == "__main__":
    unittest.main()
