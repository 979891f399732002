"""Long-polling for sessions of Autobahn|Python; Autobahn has it for JavaScript only.

One connection receives messages, another one sends those of the session, in order."""

import asyncio
import contextlib
import json

from autobahn.wamp.interfaces import ITransport
from autobahn.wamp.types import TransportDetails


class Http:
    """A connection to a web server with sequential POST requests."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port):
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def post(self, path, body=b""):
        """The status and the body of the response."""
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        status, *headers = (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        lengths = [line for line in headers if line.lower().startswith("content-length:")]
        length = int(lengths[0].partition(":")[2]) if lengths else 0
        return int(status.split()[1]), await self.reader.readexactly(length)


class LongPoll(ITransport):
    """The transport of one session."""

    transport_details = TransportDetails()

    def __init__(self, session, serializer, path, receiving, sending):
        self.session, self._serializer, self.path = session, serializer, path
        self.receiving, self.sending = receiving, sending
        self.outgoing = asyncio.Queue()
        self.open = True
        # Autobahn's own transports have their socket here.
        self.transport = self
        self.is_closed = asyncio.get_running_loop().create_future()

    @classmethod
    async def attach(cls, session, port, path, serializer):
        """Opens a session at a path of the web server at this port."""
        receiving, sending = await Http.connect(port), await Http.connect(port)
        protocol = f"wamp.2.{serializer.SERIALIZER_ID}"
        status, body = await receiving.post(
            f"{path}/open", json.dumps({"protocols": [protocol]}).encode())
        opened = json.loads(body)
        assert status == 200 and opened["protocol"] == protocol, (status, body)
        self = cls(session, serializer, f"{path}/{opened['transport']}", receiving, sending)
        self.tasks = [asyncio.create_task(work) for work in (self.run(), self.deliver())]
        session.onOpen(self)

    async def run(self):
        """Delivers messages until the session or the router has ended."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            status = 0
            while status != 404:
                status, body = await self.receiving.post(f"{self.path}/receive")
                assert status in (200, 204, 404), (status, body)
                for message in self._serializer.unserialize(body) if status == 200 else []:
                    self.session.onMessage(message)
        was_clean, self.open = not self.open, False
        for http in (self.receiving, self.sending):
            http.writer.close()
        self.session.onClose(was_clean)
        self.is_closed.set_result(None)

    async def deliver(self):
        """Sends queued messages, and closes at the end."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while (payload := await self.outgoing.get()) is not None:
                status, body = await self.sending.post(f"{self.path}/send", payload)
                assert status in (204, 404), (status, body)
            await self.sending.post(f"{self.path}/close")

    # The interface of a transport.

    def send(self, message):
        self.outgoing.put_nowait(self._serializer.serialize(message)[0])

    def isOpen(self):
        return self.open

    def close(self):
        if self.open:
            self.open = False
            self.outgoing.put_nowait(None)

    abort = close
