"""Autobahn|Python sessions, attached over any transport with any serializer."""

import asyncio
from typing import NamedTuple

import txaio
from autobahn.asyncio.rawsocket import WampRawSocketClientFactory
from autobahn.asyncio.wamp import ApplicationSession
from autobahn.asyncio.websocket import WampWebSocketClientFactory
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import (
    CBORSerializer, JsonSerializer, MsgPackSerializer, UBJSONSerializer)
from autobahn.wamp.types import ComponentConfig
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateResponseAccept

from longpoll import LongPoll

# Autobahn's "ubjson" is BJData; the transports of these tests are configured for that.
SERIALIZERS = {"json": JsonSerializer, "msgpack": MsgPackSerializer, "cbor": CBORSerializer,
               "ubjson": UBJSONSerializer}
TRANSPORTS = ("websocket", "compressed", "tcp", "unix", "longpoll")


class Attachment(NamedTuple):
    """The transport and the serializer of a peer. `compressed` is WebSocket with
    permessage-deflate, `tcp` and `unix` are RawSocket."""

    transport: str
    serializer: str

    def __str__(self):
        return f"{self.transport}-{self.serializer}"


BATCHED = ".batched"

ATTACHMENTS = [Attachment(transport, serializer)
               for transport in TRANSPORTS for serializer in SERIALIZERS]
# Several messages in one WebSocket message.
ATTACHMENTS += [Attachment("websocket", serializer + BATCHED) for serializer in SERIALIZERS]
ATTACHMENTS += [Attachment("compressed", "json" + BATCHED)]
WEBSOCKET_JSON = Attachment("websocket", "json")


class Peer(ApplicationSession):
    """A session whose joining and leaving can be awaited."""

    def __init__(self, realm):
        super().__init__(ComponentConfig(realm=realm))
        loop = asyncio.get_running_loop()
        self.joined, self.left, self.disconnected = (loop.create_future() for _ in range(3))

    def onJoin(self, details):
        self.joined.set_result(details)

    def onLeave(self, details):
        if not self.joined.done():
            self.joined.set_exception(ApplicationError(details.reason, details.message))
        self.left.set_result(details)
        self.disconnect()

    def onDisconnect(self):
        if not self.disconnected.done():
            self.disconnected.set_result(None)

    def onUserError(self, fail, msg):
        """Exceptions of procedures go to the caller, not to the log."""


class Peers:
    """The sessions of one test; open ones leave at its end."""

    def __init__(self, router):
        self.router = router
        self.peers = []

    async def join(self, attachment, realm="realm1"):
        """A session that joined `realm`. Raises the router's refusal as ApplicationError."""
        peer = Peer(realm)
        self.peers.append(peer)
        await self.connect(attachment, peer)
        await peer.joined
        return peer

    async def connect(self, attachment, peer):
        loop = asyncio.get_running_loop()
        txaio.config.loop = loop
        name = attachment.serializer.removesuffix(BATCHED)
        if attachment.transport == "longpoll":
            serializer = SERIALIZERS[name]()
            await LongPoll.attach(peer, self.router.web_port, "/lp", serializer)
            return
        serializer = SERIALIZERS[name](batched=name != attachment.serializer)
        if attachment.transport in ("websocket", "compressed"):
            is_compressed = attachment.transport == "compressed"
            await self.connect_websocket(peer, serializer, is_compressed)
            return
        factory = WampRawSocketClientFactory(lambda: peer, serializer=serializer)
        if attachment.transport == "tcp":
            await loop.create_connection(factory, "127.0.0.1", self.router.raw_port)
        else:
            await loop.create_unix_connection(factory, str(self.router.socket_path))

    async def connect_websocket(self, peer, serializer, is_compressed):
        loop = asyncio.get_running_loop()
        url = self.router.websocket_url("compressed" if is_compressed else "ws")
        factory = WampWebSocketClientFactory(
            lambda: peer, url, serializers=[serializer], loop=loop)
        if is_compressed:
            factory.setProtocolOptions(
                perMessageCompressionOffers=[PerMessageDeflateOffer()],
                perMessageCompressionAccept=PerMessageDeflateResponseAccept)
        _, protocol = await loop.create_connection(factory, "127.0.0.1", self.router.web_port)
        await protocol.is_open
        assert len(protocol.websocket_extensions_in_use) == is_compressed

    async def leave(self):
        for peer in self.peers:
            if peer.is_attached():
                peer.leave()
                await peer.disconnected
