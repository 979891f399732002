"""Two network namespaces joined by a veth pair: the router serves in one, wrk asks from the
other. Linux only, as root; `unavailable` says why not otherwise."""

import ctypes
import os
import shutil
import subprocess
from contextlib import contextmanager

# Names end in the process id of the run that made them, so that a run finds what a killed one
# left behind without touching what belongs to a living one.
PREFIX = "cloverleaf-bench-"

# Addresses that are never anybody's (RFC 5737), and exist in the two namespaces only.
ROUTER_ADDRESS = "192.0.2.1"
LOAD_ADDRESS = "192.0.2.2"

CLONE_NEWNET = 0x40000000
IP_SECONDS = 10


class NetworkFailed(Exception):
    """The namespaces could not be made."""


def unavailable():
    """Why namespaces cannot be made here; None when they can, which is tried."""
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
    """This thread inside `namespace`: its sockets, and the processes it starts, belong there.
    None is the namespace at hand."""
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
    """`(router, load)`: the names of two joined namespaces, removed at the end whatever
    happens."""
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
    """Removes namespaces of ours, and their ends of the wire with them."""
    existing = set(listed())
    for name in names:
        if name in existing:
            subprocess.run(["ip", "netns", "delete", name], check=False, timeout=IP_SECONDS)


def remove_leftovers():
    """Removes what killed runs left behind."""
    remove([name for name in listed() if name.startswith(PREFIX)
            and not os.path.exists(f"/proc/{name.rsplit('-', 1)[1]}")])


def listed():
    """The names of all namespaces."""
    return [line.split()[0] for line in ip("netns", "list").splitlines() if line.strip()]
