"""The servers of a run: started, awaited, measured, and always stopped."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from measure import probe
from measure.network import entered

# The router drains for a few seconds at most; then it is killed.
STOP_SECONDS = 10

# A debug build on a busy machine starts much faster than this.
READY_SECONDS = 60

# A free port may be taken by another process before the server listens on it.
PORT_ATTEMPTS = 5

# Both ends of 200 connections, and some more; the default of 1024 is tight for a router with
# several listeners.
OPEN_FILES = 8192

LOG_LINES = 20


class ServerEnded(Exception):
    """A server ended by itself."""


class PortTaken(ServerEnded):
    """A server ended because another process listens on its port."""


class Server:
    """One server process and its address."""

    def __init__(self, name, process, host, port, log):
        self.name = name
        self.process = process
        self.host = host
        self.port = port
        self.log = log

    @property
    def url(self):
        return f"http://{self.host}:{self.port}/call"

    def check_alive(self):
        """Raises `ServerEnded` with the last lines of its output if it does not run."""
        if (status := self.process.poll()) is not None:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            tail = "\n".join(lines[-LOG_LINES:])
            kind = PortTaken if "already in use" in tail else ServerEnded
            raise kind(f"{self.name} ended with {status}:\n{tail}")

    def cpu_seconds(self):
        """CPU time, user and system, that the process took since its start."""
        return parse_cpu_seconds(self.proc("stat"), os.sysconf("SC_CLK_TCK"))

    def resident_kib(self):
        """Resident memory of the process, in KiB."""
        return parse_resident_kib(self.proc("status"))

    def proc(self, file):
        return Path(f"/proc/{self.process.pid}/{file}").read_text(encoding="utf-8")


def parse_cpu_seconds(stat, ticks_per_second):
    """utime and stime of a line of /proc/<pid>/stat. The name in it may hold spaces and
    parentheses, so fields are counted after the last one."""
    fields = stat.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / ticks_per_second


def parse_resident_kib(status):
    """VmRSS of /proc/<pid>/status; 0 for a process that has ended."""
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


@contextmanager
def started(name, command, host, port, log, cwd=None, namespace=None, kind=Server):
    """A server of `command` in its own process group, which is stopped with this context.

    `kind` is `Server` or a subclass that measures in another way. The server has no session of its
    own: Linux shares the processor among sessions before it shares it among their processes
    (autogroup). A server alone in its session would get as much as all threads of wrk together, and
    a ceiling of two processes more than a router of two."""
    with open(log, "ab") as output, entered(namespace):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, cwd=cwd, preexec_fn=os.setpgrp)
    try:
        yield kind(name, process, host, port, Path(log))
    finally:
        stop(process)


def stop(process):
    """Stops a process and all processes that it started, first with SIGTERM."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def end_orderly():
    """Turns the first signal into an exception, so that all started processes are stopped; later
    signals are ignored."""
    def stopped(number, _frame):
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stopped)


def allow_open_files(wanted=OPEN_FILES):
    """Raises the limit of open files for this process and its children, if allowed. Returns how
    many of the wanted files may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    enough = hard == resource.RLIM_INFINITY or hard >= wanted
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard if enough else wanted))
        return wanted
    except (ValueError, OSError):
        # Only root may raise the hard limit.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return hard


def free_port(host, namespace):
    """A free port of `host`."""
    with entered(namespace), socket.create_server((host, 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def at_free_port(start, host, namespace):
    """The server of the context `start(port)`, at a port that no other process takes first."""
    for attempt in range(PORT_ATTEMPTS):
        with ExitStack() as stack:
            try:
                server = stack.enter_context(start(free_port(host, namespace)))
            except PortTaken:
                if attempt + 1 == PORT_ATTEMPTS:
                    raise
                continue
            yield server
            return


@contextmanager
def ceilings(binaries, host, namespaces=(None, None)):
    """`{"bare": Server, "relay": Server}`, ready; wrk runs in the second namespace."""
    inside, outside = namespaces
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloverleaf-")))
        path = folder / "relay.sock"

        def start(name, options, port=0):
            command = [str(binaries / name), *options]
            return stack.enter_context(
                started(name, command, host, port, folder / f"{name}.log", namespace=inside))

        deadline = time.monotonic() + READY_SECONDS
        peer = start("relay-peer", ["--socket", str(path)])
        probe.wait_until(path.exists, peer.check_alive, deadline, "relay-peer")
        servers = {}
        for name, options in (("bare", []), ("relay", ["--socket", str(path)])):
            port = free_port(host, inside)
            servers[name] = start(name, ["--listen", f"{host}:{port}", *options], port)
        with entered(outside):
            for server in servers.values():
                probe.wait_until(lambda server=server: probe.accepts(host, server.port),
                                 server.check_alive, deadline, server.name)
        yield servers


@contextmanager
def router(command, host, port, log, procedures, cwd=None, namespaces=(None, None),
           name="router", kind=Server, ready_seconds=READY_SECONDS):
    """The router, once all `procedures` answer; its startup times in `server.startup`."""
    inside, outside = namespaces
    if shutil.which(command[0]) is None:
        raise ServerEnded(f"{command[0]} is not there: the make command of this benchmark "
                          f"builds and installs what it needs")
    with entered(outside):
        if probe.accepts(host, port):
            raise PortTaken(f"something listens on {host}:{port} already")
    begin = time.monotonic()
    with (started(name, command, host, port, log, cwd, inside, kind) as server,
          entered(outside)):
        deadline = begin + ready_seconds
        probe.wait_until(lambda: probe.accepts(host, port), server.check_alive, deadline,
                         f"{name}'s port")
        listening = time.monotonic()
        for procedure in procedures:
            probe.wait_until(lambda procedure=procedure: answers(server, procedure),
                             server.check_alive, deadline, f"com.example.{procedure}2")
        server.startup = {
            "ready_to_serve_ms": (listening - begin) * 1e3,
            "all_procedures_ms": (time.monotonic() - begin) * 1e3,
            "resident_kib": server.resident_kib(),
        }
        yield server


def answers(server, procedure):
    """Whether `procedure` answers yet; the answer is compared later."""
    try:
        probe.call(server.host, server.port, procedure)
    except probe.WrongAnswer:
        return False
    return True
