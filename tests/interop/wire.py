"""Peers that send raw bytes, also such that no client library sends.

Sent bytes are not checked; every read has a timeout."""

import base64
import json
import os
import socket
import struct

# The router answers bad input at once, so a timeout is a hang.
ANSWER_SECONDS = 5

JSON, MSGPACK, CBOR, UBJSON = 1, 2, 3, 4
HELLO = [1, "realm1", {"roles": {role: {} for role in (
    "caller", "callee", "publisher", "subscriber")}}]
WELCOME, ABORT, ERROR, RESULT = 2, 3, 8, 50


class Closed(Exception):
    """The router has closed the connection."""


class Stream:
    """A connected socket, read byte by byte."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(ANSWER_SECONDS)

    @classmethod
    def tcp(cls, port):
        return cls(socket.create_connection(("127.0.0.1", port)))

    @classmethod
    def unix(cls, path):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(path))
        return cls(sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, octets):
        """Sends as much as the router reads; a closed connection is no error here."""
        try:
            self.sock.sendall(octets)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def read(self, count):
        octets = b""
        while len(octets) < count:
            octets += self.read_some(count - len(octets))
        return octets

    def read_some(self, limit=65536):
        try:
            octets = self.sock.recv(limit)
        except ConnectionResetError:
            octets = b""
        if not octets:
            raise Closed
        return octets

    def read_to_end(self):
        """Reads until the router closes the connection."""
        octets = b""
        try:
            while True:
                octets += self.read_some()
        except Closed:
            return octets


class RawSocket(Stream):
    """RawSocket frames over a stream."""

    def shake_hands(self, serializer=JSON, length=15):
        self.send(bytes([0x7F, length << 4 | serializer, 0, 0]))
        reply = self.read(4)
        assert reply[0] == 0x7F and reply[1] & 0x0F == serializer and reply[2:] == b"\0\0"
        return self

    def send_frame(self, payload, kind=0):
        return self.send(struct.pack(">I", kind << 24 | len(payload)) + payload)

    def send_message(self, message):
        return self.send_frame(json.dumps(message).encode())

    def read_frame(self):
        head, = struct.unpack(">I", self.read(4))
        return head >> 24, self.read(head & 0xFFFFFF)

    def read_message(self):
        kind, payload = self.read_frame()
        assert kind == 0
        return json.loads(payload)

    def join(self):
        self.send_message(HELLO)
        assert self.read_message()[0] == WELCOME
        return self


class WebSocket(Stream):
    """WebSocket frames over a stream."""

    def request(self, *changes, protocol="wamp.2.json"):
        """Sends the opening request; each change replaces a usual header."""
        headers = {
            "Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": protocol,
        } | dict(changes)
        lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value is not None]
        return self.send(("GET /ws HTTP/1.1\r\n" + "".join(lines) + "\r\n").encode())

    def read_status(self):
        """The status code of the response, whose head is read to its end."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.read(1)
        return int(head.split()[1])

    def shake_hands(self, protocol="wamp.2.json"):
        self.request(protocol=protocol)
        assert self.read_status() == 101
        return self

    def send_frame(self, payload, opcode=1, fin=True, masked=True, reserved=0):
        first = fin << 7 | reserved << 4 | opcode
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", first, masked << 7 | size)
        elif size < 65536:
            head = struct.pack(">BBH", first, masked << 7 | 126, size)
        else:
            head = struct.pack(">BBQ", first, masked << 7 | 127, size)
        # A mask of zeros leaves the payload unchanged.
        return self.send(head + (b"\0" * 4 if masked else b"") + payload)

    def send_message(self, message):
        return self.send_frame(json.dumps(message).encode())

    def read_frame(self):
        first, second = self.read(2)
        size = second & 0x7F
        if size == 126:
            size, = struct.unpack(">H", self.read(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.read(8))
        return first & 0x0F, self.read(size)

    def read_message(self):
        opcode, payload = self.read_frame()
        assert opcode in (1, 2), (opcode, payload)
        return json.loads(payload)

    def read_close_code(self):
        """The code of the next close frame, which is answered; messages before it are skipped."""
        opcode, payload = self.read_frame()
        while opcode in (1, 2):
            opcode, payload = self.read_frame()
        assert opcode == 8, (opcode, payload)
        self.send_frame(payload, opcode)
        return struct.unpack(">H", payload[:2])[0]

    def read_to_end(self):
        """Reads until the end, with the closing handshake."""
        try:
            while True:
                opcode, payload = self.read_frame()
                if opcode == 8:
                    self.send_frame(payload, opcode)
        except Closed:
            return

    def join(self):
        self.send_message(HELLO)
        assert self.read_message()[0] == WELCOME
        return self


def connect(router, transport):
    """A raw peer whose transport is ready for JSON messages."""
    if transport == "websocket":
        return WebSocket.tcp(router.web_port).shake_hands()
    if transport == "tcp":
        return RawSocket.tcp(router.raw_port).shake_hands()
    return RawSocket.unix(router.socket_path).shake_hands()
