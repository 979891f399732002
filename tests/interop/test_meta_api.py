"""The meta API as Crossbar.io users call it from Autobahn|Python: arguments by keyword, and details
with the keys of Crossbar.io."""

import asyncio

from autobahn.wamp.types import SessionDetails

REALM = "crossbar"


async def test_details_are_those_of_autobahn(peers, attachment):
    peer = await peers.join(attachment, REALM)
    said = await peer.call("wamp.session.get", session_id=peer._session_id)
    # Autobahn refuses values of other types and unknown names.
    details = SessionDetails.parse(said)
    assert (details.session, details.realm) == (peer._session_id, REALM)
    assert (details.authrole, details.authextra) == ("anonymous", {})
    # Autobahn's "ubjson" is BJData, a name that the router uses only in configurations.
    assert details.serializer == attachment.serializer
    assert (details.resumed, details.resumable, details.resume_token) == (False, False, None)
    transport = details.transport
    assert (transport.is_server, transport.is_secure) == (True, False)
    assert transport.websocket_protocol == f"wamp.2.{attachment.serializer}"
    is_unix = attachment.transport == "unix"
    assert transport.peer.startswith("unix" if is_unix else "tcp4:127.0.0.1:")
    is_websocket = attachment.transport in ("websocket", "compressed")
    assert (transport.websocket_extensions_in_use is None) == (not is_websocket)
    if is_websocket:
        assert "AutobahnPython" in transport.http_headers_received["user-agent"]
        names = [extension["extension"] for extension in transport.websocket_extensions_in_use]
        assert names == ["permessage-deflate"] * (attachment.transport == "compressed")


async def test_sessions_are_listed_and_counted_by_keyword(peers, attachment):
    peer = await peers.join(attachment, REALM)
    other = await peers.join(attachment, REALM)
    anonymous, nobody = {"filter_authroles": ["anonymous"]}, {"filter_authroles": ["nobody"]}
    sessions = await peer.call("wamp.session.list", **anonymous)
    assert {peer._session_id, other._session_id} <= set(sessions)
    assert await peer.call("wamp.session.count", **anonymous) == len(sessions)
    assert await peer.call("wamp.session.list", **nobody) == []
    assert await peer.call("wamp.session.count", filter_authroles=["nobody"]) == 0


async def test_a_handler_of_on_leave_can_take_only_the_session(peers, attachment):
    watcher = await peers.join(attachment, REALM)
    other = await peers.join(attachment, REALM)
    left = asyncio.get_running_loop().create_future()

    def on_leave(session):
        if session == gone and not left.done():
            left.set_result(session)

    gone = other._session_id
    await watcher.subscribe(on_leave, "wamp.session.on_leave")
    await watcher.call("wamp.session.kill", gone, "com.example.tidying", "Good night.")
    details = await other.left
    assert (details.reason, details.message) == ("com.example.tidying", "Good night.")
    assert await left == gone
