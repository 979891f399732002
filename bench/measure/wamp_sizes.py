"""The WAMP measurements for charts only: the cost of a call by its payload, and of an event by the
number of subscribers.

Only the list. One round each is enough, since a chart shows the trend and no single point."""

from dataclasses import dataclass

from measure.wamp_cells import UNIX, Cell

PAYLOAD, FANOUT = "payload", "fanout"

# Bytes of text in each call and in its result.
PAYLOADS = (16, 256, 1024, 4096, 16_384, 65_536)

SUBSCRIBERS = (1, 10, 100, 1000, 10_000)

# Enough to keep both sides busy, and few enough that the largest fit into the router's queues.
IN_FLIGHT = ("--in-flight", "16")


@dataclass(frozen=True)
class Point:
    """One point of a line of a chart, and the load that measures it."""

    chart: str
    line: str
    size: int
    cell: Cell


def all_points(many):
    """All points, with at most `many` subscribers."""
    return ([payload(serializer, octets) for serializer in ("msgpack", "json")
             for octets in PAYLOADS]
            + [fanout(subscribers) for subscribers in SUBSCRIBERS if subscribers <= many])


def payload(serializer, octets):
    options = (*IN_FLIGHT, "--payload", str(octets))
    cell = Cell(f"rpc, payload of {octets:,} octets, Unix {serializer}", "rpc", UNIX, serializer,
                options, once=True)
    return Point(PAYLOAD, serializer, octets, cell)


def fanout(subscribers):
    """The window is the default for all, so that only their number changes."""
    options = ("--subscribers", str(subscribers))
    cell = Cell(f"fan-out 1 → {subscribers:,}, to be drawn", "fanout", options=options, once=True,
                files=subscribers + 1_000)
    return Point(FANOUT, "msgpack", subscribers, cell)
