"""One request by hand: the answer compared before anything is measured, and the wait until a
server is ready. No load."""

import json
import socket
import time

PROBE_SECONDS = 5.0

# An answer of the measurement is a few hundred octets.
MAX_ANSWER = 64 * 1024

# How often a server that starts is asked, in seconds, and how much less often one that takes its
# time: after this part of the time waited so far. Questions cost it time too.
EVERY = 0.0005
PART = 0.01


class WrongAnswer(Exception):
    """The server answered something else than expected, or nothing."""


def request_bytes(host, port, procedure):
    """The octets of one call, the same request that `call.lua` sends."""
    body = json.dumps({"procedure": f"com.example.{procedure}2", "args": [13, 3],
                       "kwargs": {"verbose": False}}, separators=(",", ":"))
    head = (f"POST /call?seq=0 HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
    return (head + body).encode()


def split_response(octets):
    """`(status, body)` of a response that is there as a whole, None while it is not."""
    head, found, body = octets.partition(b"\r\n\r\n")
    if not found:
        return None
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(":", 1) for line in lines if ":" in line)
    try:
        status = int(status_line.split(" ")[1])
        if headers.get("transfer-encoding", "").strip() == "chunked":
            whole = join_chunks(body)
            return None if whole is None else (status, whole)
        length = int(headers["content-length"])
    except (IndexError, KeyError, ValueError) as fault:
        raise WrongAnswer(f"no response with a length: {head!r}") from fault
    return (status, body[:length]) if len(body) >= length else None


def join_chunks(octets):
    """The body in chunks that are all there and say so with an empty last one, None while it is
    not. Raises `ValueError` for what is no chunk."""
    body = b""
    while True:
        size, found, rest = octets.partition(b"\r\n")
        if not found:
            return None
        length = int(size, 16)
        if len(rest) < length + 2:
            return None
        if length == 0:
            return body
        body += rest[:length]
        octets = rest[length + 2:]


def call(host, port, procedure):
    """The `args` that `procedure` answers to 13 and 3, and the octets of the whole response."""
    try:
        with socket.create_connection((host, port), timeout=PROBE_SECONDS) as connection:
            connection.sendall(request_bytes(host, port, procedure))
            received = b""
            while (response := split_response(received)) is None:
                more = connection.recv(4096)
                if not more or len(received) > MAX_ANSWER:
                    raise WrongAnswer(f"{procedure}: the response is cut: {received!r}")
                received += more
    except OSError as fault:
        raise WrongAnswer(f"{procedure}: {fault}") from fault
    status, body = response
    try:
        answer = json.loads(body)
        args = answer["args"]
    except (ValueError, KeyError, TypeError) as fault:
        raise WrongAnswer(f"{procedure}: status {status}, body {body!r}") from fault
    # A WAMP error has arguments too, and the status of a result.
    if status != 200 or "error" in answer:
        raise WrongAnswer(f"{procedure}: status {status}, body {body!r}")
    return args, len(received)


def check(host, port, procedure, expected):
    """Compares one answer with `expected`; the octets of the response."""
    args, octets = call(host, port, procedure)
    if args != expected:
        raise WrongAnswer(f"{procedure}2(13, 3) answered {args}, not {expected}")
    return octets


def accepts(host, port):
    """Whether something listens there."""
    try:
        socket.create_connection((host, port), timeout=PROBE_SECONDS).close()
    except OSError:
        return False
    return True


def wait_until(ready, alive, deadline, what):
    """Asks `ready` until it says yes. `alive` is asked in between: who waits for a server that
    ended waits in vain."""
    begin = time.monotonic()
    while not ready():
        alive()
        now = time.monotonic()
        if now > deadline:
            raise TimeoutError(f"{what} was not ready in time")
        time.sleep(max(EVERY, (now - begin) * PART))
