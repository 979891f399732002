"""Autobahn peers in a realm that behaves like Crossbar.io where the specification differs."""

import asyncio

import pytest
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import CallOptions, PublishOptions, RegisterOptions


@pytest.fixture
def join_crossbar(peers, attachment):
    return lambda: peers.join(attachment, realm="crossbar")


async def refusal(answer):
    """The URI and the arguments of the error that answers a request."""
    with pytest.raises(ApplicationError) as caught:
        await answer
    return caught.value.error, list(caught.value.args)


async def endless():
    await asyncio.Event().wait()


async def test_a_call_timeout_is_in_seconds(join_crossbar, uri):
    callee, caller = await join_crossbar(), await join_crossbar()
    await callee.register(endless, uri)
    begun = asyncio.get_running_loop().time()
    error = await refusal(caller.call(uri, options=CallOptions(timeout=1)))
    assert error == ("wamp.error.canceled", ["timeout reached"])
    assert asyncio.get_running_loop().time() - begun >= 1


async def test_a_call_that_takes_longer_than_its_timeout_in_milliseconds_is_answered(
        join_crossbar, uri):
    callee, caller = await join_crossbar(), await join_crossbar()

    async def slow():
        await asyncio.sleep(0.1)
        return "answered"

    await callee.register(slow, uri)
    assert await caller.call(uri, options=CallOptions(timeout=30)) == "answered"


async def test_a_different_policy_is_refused_with_the_error_of_crossbar(join_crossbar, uri):
    first, second = await join_crossbar(), await join_crossbar()
    await first.register(endless, uri, options=RegisterOptions(invoke="roundrobin"))
    error, _ = await refusal(
        second.register(endless, uri, options=RegisterOptions(invoke="random")))
    assert error == "wamp.error.procedure_exists_with_different_invocation_policy"


async def test_leaving_is_answered_with_the_reason_of_crossbar(join_crossbar):
    peer = await join_crossbar()
    peer.leave()
    details = await peer.left
    await peer.disconnected
    assert details.reason == "wamp.close.normal"


async def test_a_restricted_topic_is_refused_with_the_text_of_crossbar(join_crossbar):
    peer = await join_crossbar()
    publishing = peer.publish("wamp.mine", options=PublishOptions(acknowledge=True))
    error, (text,) = await refusal(publishing)
    assert error == "wamp.error.invalid_uri"
    assert "restricted topic" in text
