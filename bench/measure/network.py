"""Two network namespaces joined by a veth pair: the router runs in one, wrk in the other.

Linux only, as root; otherwise `unavailable` returns the reason."""

import ctypes
import os
import shutil
import subprocess
from contextlib import contextmanager

# Names end in the process id of their run, so that a run removes what a killed one left, but
# nothing of a running one.
PREFIX = "cloverleaf-bench-"

# Addresses for documentation (RFC 5737), which exist in the two namespaces only.
ROUTER_ADDRESS = "192.0.2.1"
LOAD_ADDRESS = "192.0.2.2"

CLONE_NEWNET = 0x40000000
IP_SECONDS = 10


class NetworkFailed(Exception):
    """The namespaces could not be created."""


def unavailable():
    """The reason why namespaces can't be created here; None if they can, which is tried."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need the command ip (package iproute2)"
    try:
        with namespaces() as (router, _):
            with entered(router):
                return None
    except (NetworkFailed, OSError) as failure:
        return f"network namespaces cannot be made: {failure}"


def ip(*words):
    """Runs one command of ip."""
    command = ["ip", *words]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False,
                               timeout=IP_SECONDS)
    except subprocess.TimeoutExpired as late:
        raise NetworkFailed(f"{' '.join(command)}: no end") from late
    if ended.returncode != 0:
        raise NetworkFailed(f"{' '.join(command)}: {ended.stderr.strip()}")
    return ended.stdout


@contextmanager
def entered(namespace):
    """Moves this thread into `namespace`, with its sockets and the processes that it starts. None
    is the present namespace."""
    if namespace is None:
        yield
        return
    with open("/proc/thread-self/ns/net", "rb") as home:
        with open(f"/run/netns/{namespace}", "rb") as there:
            enter(there)
        try:
            yield
        finally:
            enter(home)


def enter(file):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise NetworkFailed(f"cannot enter the namespace: {os.strerror(number)}")


@contextmanager
def namespaces():
    """`(router, load)`: the names of two joined namespaces, which are always removed at the end."""
    remove_leftovers()
    router, load = (f"{PREFIX}{side}-{os.getpid()}" for side in ("router", "load"))
    try:
        for name in (router, load):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", router, "link", "add", "wire", "type", "veth", "peer", "name", "wire",
           "netns", load)
        for name, address in ((router, ROUTER_ADDRESS), (load, LOAD_ADDRESS)):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "wire")
            ip("-n", name, "link", "set", "wire", "up")
        yield router, load
    finally:
        remove((router, load))


def remove(names):
    """Removes namespaces and their ends of the wire."""
    existing = set(listed())
    for name in names:
        if name in existing:
            subprocess.run(["ip", "netns", "delete", name], check=False, timeout=IP_SECONDS)


def remove_leftovers():
    """Removes namespaces that killed runs have left."""
    remove([name for name in listed() if name.startswith(PREFIX)
            and not os.path.exists(f"/proc/{name.rsplit('-', 1)[1]}")])


def listed():
    """The names of all namespaces."""
    return [line.split()[0] for line in ip("netns", "list").splitlines() if line.strip()]
