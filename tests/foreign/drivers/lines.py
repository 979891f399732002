"""Shared by the drivers in Python: requests and answers are lines (README.md)."""

import json
import sys
import threading


def answer(number, **outcome):
    """Writes the answer to a request."""
    sys.stdout.write(json.dumps({"id": number, **outcome}) + "\n")
    sys.stdout.flush()


def error(uri, args=(), kwargs=None):
    """The outcome of a refused request."""
    return {"error": {"uri": uri, "args": list(args), "kwargs": kwargs or {}}}


def read(handle, at_end):
    """Passes each request to `handle(number, do, request)`, from its own thread."""

    def run():
        for line in sys.stdin:
            request = json.loads(line)
            handle(request.pop("id"), request.pop("do"), request)
        at_end()

    threading.Thread(target=run, daemon=True).start()
