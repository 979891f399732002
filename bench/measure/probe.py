"""Single requests: compares an answer before a measurement, and waits until a server is ready."""

import json
import socket
import time

PROBE_SECONDS = 5.0

# Responses of the measurement have a few hundred bytes.
MAX_ANSWER = 64 * 1024

# Interval in seconds between requests to a starting server. It grows with the elapsed time, since
# requests cost the server time, too.
EVERY = 0.0005
PART = 0.01


class WrongAnswer(Exception):
    """The server gave another answer than expected, or none."""


def request_bytes(host, port, procedure):
    """The bytes of one call: the request that `call.lua` sends."""
    body = json.dumps({"procedure": f"com.example.{procedure}2", "args": [13, 3],
                       "kwargs": {"verbose": False}}, separators=(",", ":"))
    head = (f"POST /call?seq=0 HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
    return (head + body).encode()


def split_response(octets):
    """`(status, body)` of a complete response, or None."""
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
    """The body of complete chunks with an empty last one, or None. Raises `ValueError` for
    malformed chunks."""
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
    """The `args` of the result of `procedure` for 13 and 3, and the bytes of the whole response."""
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
    # A WAMP error has arguments and the status of a result.
    if status != 200 or "error" in answer:
        raise WrongAnswer(f"{procedure}: status {status}, body {body!r}")
    return args, len(received)


def check(host, port, procedure, expected):
    """Compares one answer with `expected`. Returns the bytes of the response."""
    args, octets = call(host, port, procedure)
    if args != expected:
        raise WrongAnswer(f"{procedure}2(13, 3) answered {args}, not {expected}")
    return octets


def accepts(host, port):
    """Whether a server listens at the address."""
    try:
        socket.create_connection((host, port), timeout=PROBE_SECONDS).close()
    except OSError:
        return False
    return True


def wait_until(ready, alive, deadline, what):
    """Calls `ready` until it returns true. Calls `alive` in between, which raises if the server has
    ended."""
    begin = time.monotonic()
    while not ready():
        alive()
        now = time.monotonic()
        if now > deadline:
            raise TimeoutError(f"{what} was not ready in time")
        time.sleep(max(EVERY, (now - begin) * PART))
