"""All attachments at one port and one Unix socket."""

import pytest

from peers import ATTACHMENTS, Peers
from router import EVERYTHING, SERIALIZERS, Router, permission, realm, tcp


def shared():
    """Two universal transports."""
    wamp = {"serializers": SERIALIZERS}
    compressed = {"type": "websocket", "options": {"compression": {"deflate": {}}}, **wamp}
    spoken = {"type": "universal", "rawsocket": wamp,
              "websocket": {"ws": {"type": "websocket", **wamp}, "compressed": compressed},
              "web": {"paths": {"lp": {"type": "longpoll", **wamp}}}}
    return {"version": 2, "workers": [{
        "type": "router",
        "realms": [realm("realm1", permission("", "prefix", EVERYTHING))],
        "transports": [{**spoken, "endpoint": tcp(0)},
                       {**spoken, "endpoint": {"type": "unix", "path": "router.sock"}}]}]}


@pytest.fixture
def shared_router(tmp_path):
    router = Router(tmp_path, shared()).start()
    yield router
    router.stop()


async def test_peers_of_every_attachment_share_one_port(shared_router):
    peers = Peers(shared_router)
    joined = [await peers.join(attachment) for attachment in ATTACHMENTS]
    for number, peer in enumerate(joined):
        await peer.register(lambda number=number: number, f"com.example.p{number}")
    callers = joined[1:] + joined[:1]
    called = [await caller.call(f"com.example.p{number}") for number, caller in enumerate(callers)]
    await peers.leave()
    assert called == list(range(len(ATTACHMENTS)))
