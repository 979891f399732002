"""The loads of the WAMP measurement, and their targets.

Only the list; `wamp_rounds` runs the cells."""

from dataclasses import dataclass

UNIX = "unix"
TCP = "tcp"
WEBSOCKET = "websocket"

# A busy caller's calls in flight.
IN_FLIGHT = 100

# For the comparison of threads, since a single connection belongs to one of them.
CALLERS = ("--connections", "8", "--callees", "8", "--in-flight", "25")


@dataclass(frozen=True)
class Cell:
    """One load, over one transport in one format."""

    name: str
    mode: str
    transport: str = UNIX
    serializer: str = "msgpack"
    options: tuple = ()
    # The least rate, or None without a target.
    target: float | None = None
    # The most memory of an idle session, in KiB of the router, if it has a target.
    most_kib: float | None = None
    threads: int = 1
    # Whether the yardstick `forwarder` takes turns with the router.
    beside_forwarder: bool = False
    # One run is enough: it holds sessions and measures their memory.
    once: bool = False
    # Number of files that it needs open at the same time.
    files: int = 0


def rpc(name, transport, serializer, *options, target=None):
    """Calls, a hundred in flight."""
    return Cell(f"rpc, {IN_FLIGHT} in flight, {name}", "rpc", transport, serializer,
                ("--in-flight", str(IN_FLIGHT), *options), target)


def all_cells(many):
    """All cells; `many` is the number of sessions in cells about many sessions."""
    files = many + 1_000
    subscribers = ("--subscribers", str(many))
    sessions = ("--sessions", str(many))
    return [
        Cell(SEQUENTIAL, "rpc", target=17_000, beside_forwarder=True),
        rpc("Unix msgpack", UNIX, "msgpack", target=150_000),
        rpc("Unix json", UNIX, "json"),
        rpc("Unix cbor", UNIX, "cbor"),
        rpc("TCP rawsocket msgpack", TCP, "msgpack", target=PEER_TIMES * 20_600),
        rpc("WebSocket json", WEBSOCKET, "json", target=PEER_TIMES * 24_600),
        rpc("Unix, caller json, callee cbor", UNIX, "json", "--callee-serializer", "cbor"),
        Cell(FANOUT, "fanout", options=("--subscribers", "100"), target=1_500_000),
        Cell(FANOUT_TO_MANY.format(many), "fanout", options=subscribers, files=files),
        Cell("storm of joins, Unix", "storm", target=10_000),
        Cell("storm of joins, TCP rawsocket", "storm", TCP, target=10_000),
        Cell("storm of joins, WebSocket json", "storm", WEBSOCKET, "json"),
        Cell(f"{many:,} idle sessions, Unix", "idle", options=sessions, most_kib=6, once=True,
             files=files),
        Cell(f"{many:,} idle sessions, WebSocket", "idle", WEBSOCKET, "json", sessions,
             most_kib=10, once=True, files=files),
        Cell("churn", "churn"),
        Cell(ONE_THREAD, "rpc", options=CALLERS),
        Cell(TWO_THREADS, "rpc", options=CALLERS, threads=2),
        Cell(f"{FANOUT}, two threads", "fanout", options=("--subscribers", "100"), threads=2),
    ]


SEQUENTIAL = "rpc, one after the other, Unix msgpack"
FANOUT = "fan-out 1 → 100, Unix msgpack"
FANOUT_TO_MANY = "fan-out 1 → {:,}, Unix msgpack"
ONE_THREAD = "rpc, 8 callers, 25 in flight each, Unix msgpack, one thread"
TWO_THREADS = "rpc, 8 callers, 25 in flight each, Unix msgpack, two threads"
COMPARING_THREADS = (ONE_THREAD, TWO_THREADS)

# The least rate of sequential calls as a ratio to the forwarder's.
FORWARDER_TARGET = 0.80

# Most cost of each of many subscribers, as a ratio to each of a hundred.
MANY_TARGET = 1.3

# Nexus, a router in Go, answered 24,600 calls/s over WebSocket and 20,600 over RawSocket on such a
# machine with this load; the target is this multiple of that.
PEER_TIMES = 4
