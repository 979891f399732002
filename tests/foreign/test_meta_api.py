"""The client uses the meta API: sessions, registrations, subscriptions and testaments."""

import pytest

from clients import ERROR_URI, IDENTITY, OWN_ID, RESULTS, SESSION_IDS, SUBSCRIBE_BY_PATTERN
from peer import refusal


@pytest.mark.needs(OWN_ID)
async def test_sessions_are_counted_and_listed(join, witness):
    # In this realm no session of an earlier test is still being killed.
    client, other = await join("disclosing"), await witness("disclosing")
    sessions = await client.call("wamp.session.list")
    assert {client.id, other.id} <= set(sessions)
    assert await client.call("wamp.session.count") == len(sessions)


@pytest.mark.needs(OWN_ID, SESSION_IDS)
async def test_a_client_reads_the_details_of_its_session(join):
    client = await join()
    about = await client.call("wamp.session.get", client.id)
    assert (about["session"], about["authrole"]) == (client.id, "anonymous")


@pytest.mark.needs(IDENTITY, OWN_ID)
async def test_session_details_agree_with_welcome(join, witness):
    client, other = await join(), await witness()
    about = await other.call("wamp.session.get", client.id)
    assert {name: about[name] for name in ("authid", "authrole", "authmethod")} == {
        name: client.welcome[name] for name in ("authid", "authrole", "authmethod")}


@pytest.mark.needs(ERROR_URI)
async def test_an_unknown_session_is_no_such_session(join):
    client = await join()
    error, _, _ = await refusal(client.call("wamp.session.get", 1))
    assert error == "wamp.error.no_such_session"


async def test_a_registration_is_looked_up(join, uri):
    client = await join()
    registration = await client.register(uri)
    assert await client.call("wamp.registration.lookup", uri) == registration
    assert await client.call("wamp.registration.match", uri) == registration
    about = await client.call("wamp.registration.get", registration)
    assert (about["uri"], about["match"], about["invoke"]) == (uri, "exact", "single")
    assert await client.call("wamp.registration.count_callees", registration) == 1


async def test_a_subscription_is_looked_up(join, uri):
    client = await join()
    subscription = await client.subscribe(uri)
    assert await client.call("wamp.subscription.lookup", uri) == subscription
    about = await client.call("wamp.subscription.get", subscription)
    assert (about["uri"], about["match"]) == (uri, "exact")
    assert await client.call("wamp.subscription.count_subscribers", subscription) == 1


@pytest.mark.needs(OWN_ID)
async def test_callees_and_subscribers_are_listed(join, uri):
    client = await join()
    registration, subscription = await client.register(uri), await client.subscribe(uri)
    assert await client.call("wamp.registration.list_callees", registration) == [client.id]
    assert await client.call("wamp.subscription.list_subscribers", subscription) == [client.id]


async def test_joining_and_leaving_cause_meta_events(join, witness):
    client = await join()
    joined = await client.subscribe("wamp.session.on_join")
    left = await client.subscribe("wamp.session.on_leave")
    other = await witness()
    assert [about["session"] for about in await client.heard(joined, 1)] == [other.id]
    await other.leave()
    assert await client.heard(left, 1) == [other.id]


async def test_registrations_cause_meta_events(join, witness, uri):
    client, callee = await join(), await witness()
    created = await client.subscribe("wamp.registration.on_create")
    registration = await callee.register(uri)
    (event,) = await client.events(created, 1)
    session, about = event["args"]
    assert (session, about["id"], about["uri"]) == (callee.id, registration, uri)


@pytest.mark.needs(SUBSCRIBE_BY_PATTERN)
async def test_a_pattern_receives_all_meta_events_of_subscriptions(join, witness, uri):
    client, other = await join(), await witness()
    heard = await client.subscribe("wamp.subscription", match="prefix")
    subscription = await other.subscribe(uri)
    created, subscribed = await client.events(heard, 2)
    assert (created["args"][0], created["args"][1]["uri"]) == (other.id, uri)
    assert subscribed["args"] == [other.id, subscription]


@pytest.mark.needs(RESULTS)
async def test_a_testament_is_published(join, witness, uri):
    client, heir = await join(), await witness()
    subscription = await heir.subscribe(uri)
    await client.start_call("wamp.session.add_testament", uri, ["farewell"], {"from": "me"},
                            kwargs={"scope": "detached"})
    await client.leave()
    (event,) = await heir.events(subscription, 1)
    assert (event["args"], event["kwargs"]) == (["farewell"], {"from": "me"})


async def test_a_flushed_testament_is_not_published(join, witness, uri):
    client, heir = await join(), await witness()
    subscription = await heir.subscribe(uri)
    await client.call("wamp.session.add_testament", uri, ["farewell"], {})
    assert await client.call("wamp.session.flush_testaments") is None
    await client.leave()
    await (await witness()).publish(uri, "all that is heard")
    assert await heir.heard(subscription, 1) == ["all that is heard"]
