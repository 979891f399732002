#!/usr/bin/env python3
"""Measures how long a call in one realm takes while a client of another realm attacks.

    python3 bench/attacks.py                     all attacks in full size, about two minutes
    python3 bench/attacks.py --only fan --scale 0.1

The router runs with one routing thread, so that the attack and the caller share it. The caller
waits for each answer before its next call. Everything is built before (`make bench-attacks`). See
docs/decisions/steps.md.
"""

import argparse
import contextlib
import itertools
import json
import multiprocessing
import resource
import selectors
import socket
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROLES = {"subscriber": {}, "publisher": {}, "caller": {}, "callee": {}}
HANDSHAKE = bytes([0x7f, 0xf1, 0, 0])

# Most seconds in which the answers of an attack are read; then no more requests are sent.
READ_SECONDS = 8


def configuration():
    """Two open realms behind a Unix socket; the attacked one keeps events."""
    everything = {"uri": "*", "allow": dict.fromkeys(
        ("call", "register", "publish", "subscribe"), True)}
    roles = [{"name": "anonymous", "permissions": [everything]}]
    options = {"compatibility": "wamp",
               "retained": {"max_events": 1_000_000, "max_bytes": 1 << 30}}
    history = {"type": "memory", "event-history": [
        {"uri": "com.history.", "match": "prefix", "limit": 100_000}]}
    return {"version": 2, "workers": [{
        "type": "router",
        "realms": [{"name": "attacked", "roles": roles, "options": options, "store": history},
                   {"name": "quiet", "roles": roles}],
        "transports": [{"type": "rawsocket",
                        "endpoint": {"type": "unix", "path": "router.sock"}}]}]}


def frame(message):
    text = json.dumps(message).encode()
    return struct.pack(">I", len(text)) + text


class Client:
    """A session over RawSocket."""

    def __init__(self, path, realm="attacked"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.sendall(HANDSHAKE)
        self.read(4)
        assert self.ask([1, realm, {"roles": ROLES}])[0] == 2

    def read(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def send(self, *messages):
        self.socket.sendall(b"".join(map(frame, messages)))

    def receive(self):
        return json.loads(self.read(struct.unpack(">I", self.read(4))[0]))

    def ask(self, message):
        self.send(message)
        return self.receive()

    def send_while_reading(self, messages):
        """Sends as fast as the router reads, and reads the answers for some seconds."""
        threading.Thread(target=self.send_until_closed, args=messages, daemon=True).start()
        end = time.monotonic() + READ_SECONDS
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 1, 0))
        with contextlib.suppress(BlockingIOError):
            while time.monotonic() < end:
                self.socket.recv(1 << 20)

    def send_until_closed(self, *messages):
        with contextlib.suppress(OSError):
            self.send(*messages)


def in_batches(client, messages, size=500):
    """Sends requests, and reads their answers batch by batch."""
    messages = iter(messages)
    while batch := list(itertools.islice(messages, size)):
        client.send(*batch)
        for _ in batch:
            client.receive()


def answer_calls(path, ready):
    """The callee that is called during the attack."""
    callee = Client(path, "quiet")
    callee.ask([64, 1, {}, "com.echo"])
    ready.set()
    while True:
        invocation = callee.receive()
        callee.send([70, invocation[1], {}, invocation[4]])


def call(path, stop, results):
    """Calls until it is stopped; returns the latencies in seconds."""
    caller = Client(path, "quiet")
    latencies = []
    while not stop.is_set():
        began = time.monotonic()
        result = caller.ask([48, len(latencies) + 1, {}, "com.echo", [len(latencies)]])
        assert result[0] == 50, result
        latencies.append(time.monotonic() - began)
        time.sleep(0.001)
    results.put(latencies)


def latencies_during(path, work):
    """The sorted latencies of calls while `work` runs, for at least two seconds."""
    stop, results = multiprocessing.Event(), multiprocessing.Queue()
    caller = multiprocessing.Process(target=call, args=(path, stop, results), daemon=True)
    caller.start()
    time.sleep(0.3)
    end = time.monotonic() + 2
    work()
    time.sleep(max(0, end - time.monotonic()))
    stop.set()
    return sorted(results.get())


# Each attack prepares its state and returns the measured work.

def roles(path, scale):
    """Filters of sessions by long lists of roles"""
    sessions = [Client(path) for _ in range(int(2_000 * scale))]
    endless = [f"role{number:07}" for number in range(1_000_000)]
    longest = [f"role{number}" for number in range(1_000)]
    attacker = Client(path)

    def attack():
        assert sessions and attacker.ask([48, 1, {}, "wamp.session.count", [endless]])[0] == 8
        attacker.send_while_reading(
            [48, number, {}, "wamp.session.list", [longest]] for number in range(2, 502))
    return attack


def history(path, scale):
    """`get_events` over events with long lists of receivers"""
    subscription = Client(path).ask([32, 1, {"match": "prefix"}, "com.history."])[2]
    publisher, reader = Client(path), Client(path)
    options = {"acknowledge": True, "eligible_authid": [f"user{i}" for i in range(2_000)]}
    in_batches(publisher, ([16, number, options, "com.history.a", [number]]
                           for number in range(1, int(1_000 * scale) + 1)), 50)
    return lambda: reader.send_while_reading(
        [48, number, {}, "wamp.subscription.get_events", [subscription]]
        for number in range(1, int(1_000 * scale) + 1))


def listings(path, scale):
    """Lists of all subscriptions"""
    subscribers = [Client(path) for _ in range(3)]
    for name, subscriber in enumerate(subscribers):
        in_batches(subscriber, ([32, number, {}, f"com.list{name}.t{number}"]
                                for number in range(1, int(100_000 * scale) + 1)))
    attacker = Client(path)

    def attack():
        assert subscribers
        attacker.send_while_reading([48, number, {}, "wamp.subscription.list"]
                                    for number in range(1, int(3_000 * scale) + 1))
    return attack


def wildcards(path, scale):
    """Publications that match very many wildcard subscriptions"""
    patterns = (".".join("" if mask >> place & 1 else "a" for place in range(16))
                for mask in range(1, int(40_000 * scale) + 1))
    subscribers = []
    while some := list(itertools.islice(patterns, 1_000)):
        subscriber = Client(path)
        in_batches(subscriber, ([32, number, {"match": "wildcard"}, pattern]
                                for number, pattern in enumerate(some, start=1)))
        subscribers.append(subscriber)
    read_in_background(subscribers)
    publisher = Client(path)
    return lambda: (publisher.send(*([16, number, {}, ".".join("a" * 16), [number]]
                                     for number in range(1, 201))), time.sleep(READ_SECONDS))


def fan_out(path, scale):
    """Publications to very many subscribers that read"""
    ready = multiprocessing.Queue()
    count = int(5_000 * scale)
    for _ in range(2):
        multiprocessing.Process(target=subscribe_and_read, args=(path, count // 2, ready),
                                daemon=True).start()
    for _ in range(2):
        ready.get()
    publisher = Client(path)

    def attack():
        publisher.send(*([16, number, {"acknowledge": number == count}, "com.fan", [number]]
                         for number in range(1, count + 1)))
        publisher.receive()
    return attack


def retained(path, scale):
    """Subscriptions to very many retained events"""
    publisher, subscriber = Client(path), Client(path)
    in_batches(publisher, ([16, number, {"retain": True, "acknowledge": True},
                            f"com.kept.t{number}", ["x" * 20]]
                           for number in range(1, int(99_000 * scale) + 1)))
    return lambda: subscriber.send_while_reading(
        [32, number, {"match": "prefix", "get_retained": True}, "com.kept."]
        for number in range(1, 101))


ATTACKS = {work.__name__: work
           for work in (roles, history, listings, wildcards, fan_out, retained)}


def subscribe_and_read(path, count, ready):
    clients = [Client(path) for _ in range(count)]
    for client in clients:
        client.ask([32, 1, {}, "com.fan"])
    ready.put(None)
    drain(clients)


def read_in_background(clients):
    threading.Thread(target=drain, args=(clients,), daemon=True).start()


def drain(clients):
    """Reads forever."""
    selector = selectors.DefaultSelector()
    for client in clients:
        client.socket.setblocking(False)
        selector.register(client.socket, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            with contextlib.suppress(BlockingIOError):
                if not key.fileobj.recv(1 << 20):
                    selector.unregister(key.fileobj)


@contextlib.contextmanager
def router(program):
    """Runs a router; yields the path of its socket."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(configuration()), encoding="utf-8")
        with (Path(folder) / "log").open("w", encoding="utf-8") as log, subprocess.Popen(
                [program, "start", "--cbdir", folder, "--threads", "1"], stderr=log) as process:
            try:
                path = Path(folder) / "router.sock"
                while not path.exists():
                    assert process.poll() is None, "the router has ended"
                    time.sleep(0.01)
                yield str(path)
            finally:
                process.kill()


def measure(program, attack, scale):
    """One line of the table."""
    with router(program) as path:
        ready = multiprocessing.Event()
        multiprocessing.Process(target=answer_calls, args=(path, ready), daemon=True).start()
        ready.wait()
        work = ATTACKS[attack](path, scale)
        idle = latencies_during(path, lambda: None)
        attacked = latencies_during(path, work)
        for child in multiprocessing.active_children():
            child.kill()
    cells = [f"{latencies[int(len(latencies) * part)] * 1000:.1f}"
             for latencies in (idle, attacked) for part in (0.5, 0.99)]
    return [ATTACKS[attack].__doc__, *cells, f"{attacked[-1] * 1000:.1f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--router", default=str(ROOT / "target" / "release" / "cloverleaf"),
                        help="the program to measure (default: %(default)s)")
    parser.add_argument("--only", default="", help="attacks whose names begin so")
    parser.add_argument("--scale", type=float, default=1, help="their size (default: 1)")
    options = parser.parse_args()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    print("| milliseconds of a call | idle p50 | p99 | attacked p50 | p99 | longest |")
    print("|---|--:|--:|--:|--:|--:|", flush=True)
    for attack in ATTACKS:
        if attack.startswith(options.only):
            line = measure(options.router, attack, options.scale)
            print(f"| {' | '.join(line)} |", flush=True)


if __name__ == "__main__":
    main()
