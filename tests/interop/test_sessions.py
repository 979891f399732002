"""Sessions of Autobahn peers: joining, leaving and permissions of roles."""

import pytest
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import PublishOptions


async def refusal(answer):
    """The URI of the error that answers a request."""
    with pytest.raises(ApplicationError) as caught:
        await answer
    return caught.value.error


async def test_a_session_is_welcomed_as_anonymous(join):
    details = await (await join()).joined
    assert (details.realm, details.authrole, details.authmethod) == (
        "realm1", "anonymous", "anonymous")
    assert 1 <= details.session <= 2**53
    assert isinstance(details.authid, str)


async def test_the_router_announces_its_features(join):
    roles = (await join())._router_roles
    dealer, broker = roles["dealer"], roles["broker"]
    assert dealer.shared_registration and dealer.pattern_based_registration
    assert dealer.call_canceling and dealer.call_timeout
    assert broker.pattern_based_subscription and broker.publisher_exclusion
    assert broker.subscriber_blackwhite_listing


async def test_sessions_have_different_ids(join):
    ids = {(await join())._session_id for _ in range(10)}
    assert len(ids) == 10


async def test_leaving_is_answered_with_goodbye(join):
    peer = await join()
    peer.leave()
    details = await peer.left
    await peer.disconnected
    assert details.reason == "wamp.close.goodbye_and_out"


async def test_an_unknown_realm_is_refused(peers, attachment):
    assert await refusal(peers.join(attachment, realm="nowhere")) == "wamp.error.no_such_realm"


async def test_an_action_without_permission_is_not_authorized(peers, attachment):
    peer = await peers.join(attachment, realm="guarded")
    acknowledge = PublishOptions(acknowledge=True)
    refusals = [
        await refusal(peer.register(print, "com.example.closed")),
        await refusal(peer.call("com.example.closed")),
        await refusal(peer.subscribe(print, "com.example.closed")),
        await refusal(peer.publish("com.example.closed", options=acknowledge)),
    ]
    assert refusals == ["wamp.error.not_authorized"] * 4


async def test_an_exact_permission_precedes_a_prefix(peers, attachment):
    peer = await peers.join(attachment, realm="guarded")
    await peer.register(print, "com.example.open.procedure")
    await peer.subscribe(print, "com.example.open.readonly")
    assert await refusal(
        peer.register(print, "com.example.open.readonly")) == "wamp.error.not_authorized"


async def test_events_stay_in_their_realm(peers, attachment):
    here = await peers.join(attachment)
    there = await peers.join(attachment, realm="guarded")
    await there.register(lambda: "there", "com.example.open.where")
    assert await there.call("com.example.open.where") == "there"
    assert await refusal(here.call("com.example.open.where")) == "wamp.error.no_such_procedure"
