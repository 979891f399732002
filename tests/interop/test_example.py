"""The example caller-performance: one procedure on each kind of attachment, over HTTP."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from router import CHECKOUT, Router, binary
from test_http_bridge import ask

EXAMPLE = CHECKOUT / "examples" / "caller-performance" / ".crossbar"

# A container that died is restarted after a delay that begins well below this.
RESTART_SECONDS = 20

PROCEDURES = {"add2": 16, "sub2": 10, "mul2": 39, "div2": 1}


class Example(Router):
    """The example's program with one of its configurations, on a free port."""

    def __init__(self, directory, config):
        super().__init__(directory)
        self.socket_path = directory / "crossbar.sock"
        self.text = (EXAMPLE / config).read_text()

    def command(self):
        return binary().with_name("caller-performance")

    def launch_on(self, port):
        """Starts it on a port, which its containers have to know."""
        self.config_path.write_text(self.text.replace("8080", str(port)))
        return self.launch()

    def has_lost_its_port(self):
        """Whether another process took the port first. Returns False once the router is ready."""
        try:
            self.wait_until_ready()
        except AssertionError:
            if "in use" not in self.log():
                raise
            return True
        return False

    def start(self, *procedures):
        while self.launch_on(free_port()).has_lost_its_port():
            pass
        for procedure in procedures:
            self.wait_for(procedure)
        return self

    def call(self, procedure, **kwargs):
        call = {"procedure": f"com.example.{procedure}", "args": [13, 3], "kwargs": kwargs}
        return ask(self, "POST", "/call", json.dumps(call).encode()).body

    def wait_for(self, procedure, **kwargs):
        """Waits until a procedure is registered and returns its first result."""
        deadline = time.monotonic() + RESTART_SECONDS
        while "error" in (answer := self.call(procedure, **kwargs)):
            assert time.monotonic() < deadline, f"{procedure}: {answer}\n{self.log()}"
            time.sleep(0.02)
        return answer

    def containers(self):
        """The process ids of the containers."""
        pid = self.process.pid
        return [int(child) for task in Path(f"/proc/{pid}/task").iterdir()
                for child in (task / "children").read_text().split()]


def free_port():
    """A free port."""
    with socket.create_server(("", 0)) as holder:
        return holder.getsockname()[1]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def example(tmp_path):
    """Starts a configuration of the example, and stops it gracefully after the test."""
    started = []

    def start(config, *procedures):
        started.append(Example(tmp_path, config).start(*procedures))
        return started[-1]

    yield start
    for router in started:
        containers = router.containers()
        router.stop()
        assert not any(alive(pid) for pid in containers), "a container outlived its node"


def test_each_attachment_answers_its_procedure(example):
    router = example("config.json", *PROCEDURES)
    assert {name: router.call(name) for name in PROCEDURES} == {
        name: {"args": [result]} for name, result in PROCEDURES.items()}


def test_a_call_is_logged_unless_verbose_is_false(example):
    router = example("config.json")
    for name, result in PROCEDURES.items():
        assert router.wait_for(name, verbose=False) == {"args": [result]}
    lines = [f"com.example.{name}(13, 3)" for name in PROCEDURES]
    assert not any(line in router.log() for line in lines)
    for name in PROCEDURES:
        router.call(name)
    deadline = time.monotonic() + RESTART_SECONDS
    while not all(line in router.log() for line in lines):
        assert time.monotonic() < deadline, router.log()
        time.sleep(0.02)


def test_four_workers_share_one_procedure(example):
    router = example("config_multi_worker.json", "add2")
    assert len(router.containers()) == 4
    assert [router.call("add2") for _ in range(12)] == [{"args": [16]}] * 12


def test_a_killed_container_is_unavailable_at_once_and_restarted(example):
    router = example("config.json", *PROCEDURES)
    for pid in router.containers():
        os.kill(pid, signal.SIGKILL)
    errors = set()
    deadline = time.monotonic() + 2
    while len(errors) < 3 and time.monotonic() < deadline:
        answers = [(name, router.call(name)) for name in ("sub2", "mul2", "div2")]
        errors |= {name for name, answer in answers if "error" in answer}
    assert errors == {"sub2", "mul2", "div2"}
    assert router.call("add2") == {"args": [16]}
    for name in ("sub2", "mul2", "div2"):
        assert router.wait_for(name) == {"args": [PROCEDURES[name]]}
