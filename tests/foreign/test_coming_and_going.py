"""Joining and leaving of the client's sessions."""

import pytest

from clients import END_OF_SESSION, IDENTITY, OWN_ID
from peer import refusal


@pytest.mark.needs(IDENTITY)
async def test_a_client_joins_as_anonymous(join):
    welcome = (await join()).welcome
    assert (welcome["authrole"], welcome["authmethod"]) == ("anonymous", "anonymous")
    assert isinstance(welcome["authid"], str)


@pytest.mark.needs(OWN_ID)
async def test_session_ids_are_unique(join):
    numbers = [(await join()).id for _ in range(5)]
    assert len(set(numbers)) == 5 and all(1 <= number <= 2**53 for number in numbers)


async def test_joining_an_unknown_realm_is_refused(join):
    error, _, _ = await refusal(join("nowhere"))
    assert error in ("wamp.error.no_such_realm", None)


async def test_leaving_ends_registrations_and_subscriptions(join, witness, uri):
    client, other = await join(), await witness()
    await client.register(uri)
    await client.subscribe(uri)
    await client.leave()
    error, _, _ = await refusal(other.start_call(uri))
    assert error == "wamp.error.no_such_procedure"
    assert await other.call("wamp.subscription.lookup", uri) is None


async def test_a_clean_close_is_not_reported_as_a_lost_connection(join):
    """A library that does not report how its connection has ended has no cause."""
    client = await join()
    assert (await client.leave()).get("cause") in (None, "closed")


@pytest.mark.needs(OWN_ID)
async def test_a_session_that_left_is_not_listed(join, witness):
    client, other = await join(), await witness()
    await client.leave()
    assert client.id not in await other.call("wamp.session.list")


@pytest.mark.needs(END_OF_SESSION, OWN_ID)
async def test_a_killed_session_receives_the_reason(join, witness):
    client, other = await join(), await witness()
    left = client.left()
    await other.start_call("wamp.session.kill", client.id,
                     kwargs={"reason": "com.example.enough", "message": "it was a test"})
    assert await left == "com.example.enough"


@pytest.mark.needs(OWN_ID)
async def test_killing_a_session_does_not_affect_others(join, witness, uri):
    client, another, other = await join(), await join(), await witness()
    await another.register(uri)
    await other.start_call("wamp.session.kill", client.id)
    assert await other.call(uri, "still here") == "still here"
