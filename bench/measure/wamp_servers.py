"""The router and the yardstick of the WAMP measurement, each as a context."""

import json
import shlex
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from measure import probe, processes, wamp_cells

HOST = "127.0.0.1"
SERIALIZERS = ["json", "msgpack", "cbor"]


def configuration(socket, rawsocket_port, web_port):
    """A realm in which anonymous sessions may do everything, over every transport."""
    everything = {"uri": "", "match": "prefix", "allow": dict.fromkeys(
        ("call", "register", "publish", "subscribe"), True)}
    realm = {"name": "realm1", "roles": [{"name": "anonymous", "permissions": [everything]}]}

    def rawsocket(endpoint):
        return {"type": "rawsocket", "serializers": SERIALIZERS, "endpoint": endpoint}

    def tcp(port):
        return {"type": "tcp", "interface": HOST, "port": port, "backlog": 1024}

    web = {"type": "web", "endpoint": tcp(web_port),
           "paths": {"/": {"type": "path", "paths": {}}, "ws": {"type": "websocket"}}}
    transports = [rawsocket({"type": "unix", "path": str(socket)}),
                  rawsocket(tcp(rawsocket_port)), web]
    return {"version": 2, "workers": [
        {"type": "router", "realms": [realm], "transports": transports}]}


@contextmanager
def router(command, threads, log):
    """The router with such a configuration; the URL of each transport in `server.urls`. In
    `command`, {config} and {threads} are replaced."""
    with processes.at_free_port(lambda port: router_at(port, command, threads, log), HOST,
                                None) as server:
        yield server


@contextmanager
def router_at(web_port, command, threads, log):
    with tempfile.TemporaryDirectory(prefix="cloverleaf-") as folder:
        socket, config = Path(folder) / "router.sock", Path(folder) / "config.json"
        rawsocket_port = processes.free_port(HOST, None)
        content = configuration(socket, rawsocket_port, web_port)
        config.write_text(json.dumps(content, indent=1), encoding="utf-8")
        words = [word.format(config=config, threads=threads) for word in shlex.split(command)]
        with processes.router(words, HOST, web_port, log, ()) as server:
            server.urls = {wamp_cells.UNIX: f"unix:{socket}",
                           wamp_cells.TCP: f"rs://{HOST}:{rawsocket_port}",
                           wamp_cells.WEBSOCKET: f"ws://{HOST}:{web_port}/ws"}
            yield server


@contextmanager
def forwarder(binaries, log):
    """The yardstick that copies frames; its URL in `server.url_of_socket`."""
    with tempfile.TemporaryDirectory(prefix="cloverleaf-") as folder:
        socket = Path(folder) / "forwarder.sock"
        command = [str(binaries / "forwarder"), "--socket", str(socket)]
        with processes.started("forwarder", command, HOST, 0, log) as server:
            probe.wait_until(socket.exists, server.check_alive,
                             time.monotonic() + processes.READY_SECONDS, "forwarder")
            server.url_of_socket = f"unix:{socket}"
            yield server
