"""The pages that the router and its example serve, used in Chromium, and the snippets on them."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time

import pytest

from clients import DRIVERS
from router import CHECKOUT, Router, binary
from test_example import Example

JAVASCRIPT = DRIVERS / "javascript"

# Chromium on a busy machine takes seconds to start.
BROWSER_SECONDS = 120

# Time for a program to print the expected text; a timeout is a hang.
SNIPPET_SECONDS = 60


def use(which, url):
    """The content of a page after a user has tried everything on it."""
    used = subprocess.run(["node", "pages.mjs", which, url], cwd=JAVASCRIPT, text=True,
                          capture_output=True, timeout=BROWSER_SECONDS, check=False)
    assert used.returncode == 0, used.stderr
    return json.loads(used.stdout)


def assert_sound(seen):
    """Checks that nothing fails on the page, that it uses no other server, and that it is
    accessible."""
    assert (seen["errors"], seen["others"], seen["barriers"]) == ([], [], [])
    light, dark = seen["grounds"]
    assert light != dark


def run_shell(command):
    shell = subprocess.run(command, shell=True, text=True, capture_output=True,
                           timeout=SNIPPET_SECONDS, check=False)
    return json.loads(shell.stdout)


class Program:
    """A program whose output is read line by line."""

    def __init__(self, *command, **options):
        self.process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, **options)
        self.seen = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def wait_for(self, text):
        for line in self.process.stdout:
            self.seen.append(line)
            if text in line:
                return
        raise AssertionError(f"'{text}' was not printed: {self.seen}")


@pytest.fixture
def default_node(tmp_path):
    """A node without configuration, at a free port, in an empty directory."""
    empty = tmp_path / "empty"
    empty.mkdir()
    router = Router(tmp_path)
    router.config_path.unlink()
    router.launch("--port", "0")
    yield router.wait_until_ready()
    router.stop()


@pytest.fixture
def welcome(default_node):
    return use("welcome", f"http://127.0.0.1:{default_node.web_port}/")


def test_the_page_of_the_default_node_calls_publishes_and_subscribes(welcome):
    assert_sound(welcome)
    assert welcome["title"] == "Cloverleaf"
    # Two sessions of the HTTP bridge, and that of the page.
    assert re.fullmatch(r"3\s+after [\d.]+ ms", welcome["count"]), welcome
    assert welcome["error"].startswith("wamp.error.no_such_procedure: ")
    assert welcome["fault"] == 'the arguments must be a JSON list such as ["text", 1]'
    assert welcome["pressed"] == "true"
    assert welcome["published"] == ["id"]
    log = [re.sub(r"^.*?(?=subscribed|unsubscribed|com\.)", "", line) for line in welcome["log"]]
    # Markup in an event is shown as text.
    assert log == ["subscribed to com.example.hello",
                   'com.example.hello: [\n "<b>first</b>",\n 2\n]',
                   "com.example.hello: Hello from curl", "unsubscribed"]


def test_the_command_lines_of_the_page_work(default_node, welcome):
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    assert run_shell(welcome["curl-call"]) == {"args": [2]}
    assert list(run_shell(welcome["curl-publish"])) == ["id"]


def test_the_python_snippet_of_the_page_works(default_node, welcome):
    with Program(sys.executable, "-u", "-c", welcome["autobahn-python"]) as program:
        call = {"procedure": "com.example.greet", "args": ["you"]}
        publication = {"topic": "com.example.hello", "args": ["Hello"]}
        answer = post_until(default_node, "call", call, lambda answer: "error" not in answer)
        assert answer == {"args": ["Hello, you!"]}
        # The snippet subscribes while it registers, so the first publications may come too early.
        subscriptions = {"procedure": "wamp.subscription.lookup", "args": ["com.example.hello"]}
        post_until(default_node, "call", subscriptions, lambda answer: answer["args"] != [None])
        post_until(default_node, "publish", publication, lambda answer: "id" in answer)
        program.wait_for("com.example.hello: Hello")


def test_the_javascript_snippet_of_the_page_works(default_node, welcome):
    with Program("node", "-e", welcome["autobahn-js"], cwd=JAVASCRIPT) as program:
        program.wait_for("sessions: 3")
        program.wait_for("com.example.hello: Hello from Autobahn|JS")


def post(router, path, body):
    """Sends a request to the HTTP bridge and returns the response."""
    body = json.dumps(body).encode()
    request = (f"POST /{path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
               f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
    with socket.create_connection(("127.0.0.1", router.web_port), timeout=30) as sock:
        sock.sendall(request)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    return json.loads(answer.split(b"\r\n\r\n", 1)[1])


def post_until(router, path, body, is_wanted):
    """Repeats a request until the expected response arrives."""
    deadline = time.monotonic() + SNIPPET_SECONDS
    while not is_wanted(answer := post(router, path, body)):
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    return answer


@pytest.fixture
def example(tmp_path):
    """The example of the repository, on a free port."""
    if not binary().with_name("caller-performance").exists():
        pytest.skip("the example is not built")
    crossbar = tmp_path / ".crossbar"
    crossbar.mkdir()
    shutil.copytree(CHECKOUT / "examples" / "caller-performance" / "web", tmp_path / "web")
    example = Example(crossbar, "config.json")
    yield example.start("add2", "sub2", "mul2", "div2")
    example.stop()


def test_the_page_of_the_example_calls_each_procedure(example):
    seen = use("example", f"http://127.0.0.1:{example.web_port}/")
    assert_sound(seen)
    assert seen["title"] == "caller-performance · Cloverleaf"
    assert seen["results"] == {"add2": "16", "sub2": "10", "mul2": "39", "div2": "1"}
    assert seen["all"] == ["17", "9", "52", "1"]
    assert re.match(r"\d+ calls/s\s+p50 [\d.]+ ms, p99 [\d.]+ ms", seen["burst"]), seen["burst"]
    assert seen["bars"] == 30 and seen["chart"].startswith("Latencies from "), seen
    assert "wamp.error.invalid_argument" in seen["error"]
    assert '-d \'{"procedure":"com.example.add2","args":[13,3]}\'' in seen["curl"]
    assert seen["curl"].endswith(f"http://127.0.0.1:{example.web_port}/call")
