"""The client publishes to witnesses."""

import pytest

from clients import (
    ACKNOWLEDGED, CHOOSE_RECEIVERS, DISCLOSE_PUBLISHER, EXCLUDE_ME, IDENTITY, RETAIN,
    SESSION_IDS)
from peer import VALUES


async def test_values_of_every_kind_arrive_in_order(join, witness, uri):
    publisher, subscriber = await join(), await witness()
    subscription = await subscriber.subscribe(uri)
    for value in VALUES:
        await publisher.publish(uri, value)
    assert await subscriber.heard(subscription, len(VALUES)) == VALUES


async def test_args_and_kwargs_arrive(join, witness, uri):
    publisher, subscriber = await join(), await witness()
    subscription = await subscriber.subscribe(uri)
    await publisher.publish(uri, 1, "two", kwargs={"three": [3]})
    (event,) = await subscriber.events(subscription, 1)
    assert (event["args"], event["kwargs"]) == ([1, "two"], {"three": [3]})


@pytest.mark.needs(ACKNOWLEDGED)
async def test_an_acknowledged_publication_has_an_id(join, uri):
    publisher = await join()
    first = await publisher.publish(uri, 1, acknowledge=True)
    second = await publisher.publish(uri, 2, acknowledge=True)
    assert 1 <= first <= 2**53 and 1 <= second <= 2**53 and first != second


async def test_a_publisher_does_not_receive_its_own_event(join, witness, uri):
    publisher, other = await join(), await witness()
    subscription = await publisher.subscribe(uri)
    await publisher.publish(uri, "my own")
    await other.publish(uri, "of the other")
    assert await publisher.heard(subscription, 1) == ["of the other"]


@pytest.mark.needs(EXCLUDE_ME)
async def test_a_publisher_receives_its_own_event_on_request(join, uri):
    publisher = await join()
    subscription = await publisher.subscribe(uri)
    await publisher.publish(uri, "my own", exclude_me=False)
    assert await publisher.heard(subscription, 1) == ["my own"]


async def only_those_chosen_hear(join, witness, uri, choice):
    publisher, chosen, other = await join(), await witness(), await witness()
    at_chosen, at_other = await chosen.subscribe(uri), await other.subscribe(uri)
    await publisher.publish(uri, "for one", **choice(chosen, other))
    await publisher.publish(uri, "for all")
    assert await chosen.heard(at_chosen, 2) == ["for one", "for all"]
    assert await other.heard(at_other, 1) == ["for all"]


@pytest.mark.needs(CHOOSE_RECEIVERS, SESSION_IDS)
@pytest.mark.parametrize("choice", [
    lambda chosen, other: {"eligible": [chosen.id]},
    lambda chosen, other: {"exclude": [other.id]},
    lambda chosen, other: {"eligible": [chosen.id, other.id], "exclude": [other.id]},
], ids=["eligible", "exclude", "both"])
async def test_only_eligible_sessions_receive_a_publication(join, witness, uri, choice):
    await only_those_chosen_hear(join, witness, uri, choice)


@pytest.mark.needs(CHOOSE_RECEIVERS)
@pytest.mark.parametrize("choice", [
    lambda chosen, other: {"eligible_authid": [chosen.welcome["authid"]]},
    lambda chosen, other: {"exclude_authid": [other.welcome["authid"]]},
], ids=["eligible_authid", "exclude_authid"])
async def test_only_eligible_authids_receive_a_publication(join, witness, uri, choice):
    await only_those_chosen_hear(join, witness, uri, choice)


@pytest.mark.needs(CHOOSE_RECEIVERS)
async def test_only_an_eligible_role_receives_a_publication(join, witness, uri):
    publisher, subscriber = await join(), await witness()
    subscription = await subscriber.subscribe(uri)
    await publisher.publish(uri, "for others", eligible_authrole=["nobody"])
    await publisher.publish(uri, "not for these", exclude_authrole=["anonymous"])
    await publisher.publish(uri, "for these", eligible_authrole=["anonymous"])
    assert await subscriber.heard(subscription, 1) == ["for these"]


@pytest.mark.needs(DISCLOSE_PUBLISHER, IDENTITY)
async def test_a_publisher_can_disclose_itself_to_subscribers(join, witness, uri):
    publisher, subscriber = await join(), await witness()
    subscription = await subscriber.subscribe(uri)
    await publisher.publish(uri, "from me", disclose_me=True)
    (event,) = await subscriber.events(subscription, 1)
    assert (event["details"]["publisher"], event["details"]["publisher_authid"]) == (
        publisher.id, publisher.welcome["authid"])


@pytest.mark.needs(RETAIN)
async def test_a_late_subscriber_receives_the_retained_event(join, witness, uri):
    publisher, late = await join(), await witness()
    await publisher.publish(uri, "kept", retain=True, acknowledge=True)
    subscription = await late.subscribe(uri, get_retained=True)
    (event,) = await late.events(subscription, 1)
    assert (event["args"], event["details"]["retained"]) == (["kept"], True)


async def test_a_megabyte_is_published(join, witness, uri):
    publisher, subscriber = await join(), await witness()
    subscription = await subscriber.subscribe(uri)
    text = "0123456789abcde☘" * 60_000
    await publisher.publish(uri, text)
    assert await subscriber.heard(subscription, 1) == [text]
