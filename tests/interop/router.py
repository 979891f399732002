"""A router process for the tests: configured, started, awaited and stopped.

The program is CLOVERLEAF_BIN, or the last build of cargo."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

# A debug build on a busy machine starts much faster than this, so a timeout is a hang.
START_SECONDS = 30
END_SECONDS = 15

# Small enough to be exceeded quickly, large enough for all valid messages of the tests.
MAX_MESSAGE = 4 * 1024 * 1024

# The log messages of listeners.
LISTENER = re.compile(r'listening transport="([a-z.]+)" address=[\d.]+:(\d+)')

EVERYTHING = {"call": True, "register": True, "publish": True, "subscribe": True}


def binary():
    """The program under test."""
    named = os.environ.get("CLOVERLEAF_BIN")
    if named:
        return Path(named)
    target = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target"))
    built = [path for path in (target / "debug/cloverleaf", target / "release/cloverleaf")
             if path.exists()]
    if not built:
        raise FileNotFoundError("no router: run `cargo build -p cloverleaf-node` first")
    return max(built, key=lambda path: path.stat().st_mtime)


def tcp(port=0):
    """A TCP endpoint. Without a given port the system chooses one, which the log names."""
    return {"type": "tcp", "interface": "127.0.0.1", "port": port}


def realm(name, *permissions, compatibility="wamp", **options):
    """A realm with the behaviour of the specification where Crossbar.io differs, by default."""
    return {"name": name, "options": {"compatibility": compatibility, **options},
            "roles": [{"name": "anonymous", "permissions": list(permissions)}]}


def permission(uri, match, allow):
    return {"uri": uri, "match": match, "allow": allow,
            "disclose": {"caller": False, "publisher": False}, "cache": True}


# Autobahn's "ubjson" is BJData.
SERIALIZERS = ["json", "msgpack", "cbor", "bjdata"]


def configuration(web_port=0, raw_port=0):
    """All transports of the tests, an open realm and a realm with a few permissions."""
    wamp = {"serializers": SERIALIZERS,
            "options": {"max_message_size": MAX_MESSAGE}}
    rawsocket = {"type": "rawsocket", **wamp}
    compressed = wamp | {"options": {**wamp["options"], "compression": {"deflate": {}}}}
    bridge = {"realm": "realm1", "role": "anonymous"}
    return {
        "version": 2,
        "workers": [{
            "type": "router",
            "realms": [
                realm("realm1", permission("", "prefix", EVERYTHING)),
                realm("guarded",
                      permission("com.example.open.", "prefix", EVERYTHING),
                      permission("com.example.open.readonly", "exact", {"subscribe": True})),
                realm("crossbar", permission("", "prefix", EVERYTHING), compatibility="crossbar"),
                realm("goodbye", permission("", "prefix", EVERYTHING), shutdown_goodbye=True),
            ],
            "transports": [
                {"type": "web", "endpoint": tcp(web_port), "paths": {
                    "ws": {"type": "websocket", **wamp},
                    "compressed": {"type": "websocket", **compressed},
                    # The events of a whole test wait for a peer that receives them one by one.
                    "lp": {"type": "longpoll", "serializers": wamp["serializers"],
                           "options": {"queue_limit_messages": 10_000}},
                    "call": {"type": "caller", **bridge},
                    "publish": {"type": "publisher", **bridge},
                    "small": {"type": "caller", **bridge, "options": {"post_body_limit": 64}},
                    "signed": {"type": "caller", **bridge,
                               "options": {"key": "bazapp", "secret": "foobar"}},
                }},
                {**rawsocket, "endpoint": tcp(raw_port)},
                {**rawsocket, "endpoint": {"type": "unix", "path": "router.sock"}},
            ],
        }],
    }


class Router:
    """One router process in its own directory."""

    def __init__(self, directory, config=None):
        self.directory = Path(directory)
        # Known when it is ready.
        self.web_port = self.raw_port = None
        self.socket_path = self.directory / "router.sock"
        self.config_path = self.directory / "config.json"
        self.log_path = self.directory / "router.log"
        self.config_path.write_text(json.dumps(config or configuration(), indent=1))
        self.process = None

    def websocket_url(self, path):
        return f"ws://127.0.0.1:{self.web_port}/{path}"

    def command(self):
        """The command that starts the program."""
        return binary()

    def launch(self, *options):
        """Starts the process without waiting."""
        options = options or ("--config", self.config_path)
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [self.command(), "start", *options], cwd=self.directory,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        return self

    def start(self):
        """Starts the process and waits until it listens on every endpoint."""
        return self.launch().wait_until_ready()

    def wait_until_ready(self):
        """Waits until the process reports that it is ready, and reads its ports from the log."""
        deadline = time.monotonic() + START_SECONDS
        while "ready elapsed=" not in self.log():
            assert self.process.poll() is None, f"the router ended at once:\n{self.log()}"
            assert time.monotonic() < deadline, f"the router isn't ready:\n{self.log()}"
            time.sleep(0.01)
        ports = {transport: int(port) for transport, port in LISTENER.findall(self.log())}
        web = ("web", "universal", "websocket", "websocket.testee")
        self.web_port = next((ports[name] for name in web if name in ports), None)
        self.raw_port = ports.get("rawsocket") or self.web_port
        return self

    def log(self):
        """The log of the process so far."""
        return self.log_path.read_text(errors="replace")

    def wait_for_exit(self):
        """Waits for the process to end by itself and returns its exit code."""
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the router did not end:\n{self.log()}") from None

    def stop(self, how=signal.SIGTERM):
        """Stops the process; it has to shut down gracefully and remove its socket file."""
        self.process.send_signal(how)
        code = self.wait_for_exit()
        assert code == 0, f"exit code {code}:\n{self.log()}"
        assert not self.socket_path.exists(), "the socket file was left behind"
