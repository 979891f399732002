"""The client receives events of witnesses."""

import asyncio

import pytest

from clients import (
    EVENT_DETAILS, GET_RETAINED, SUBSCRIBE_BY_PATTERN, UNSUBSCRIBE, UNSUBSCRIBE_PATTERN)
from peer import VALUES

PATTERNS = [("prefix", "{}.one", "{}.one.two.three"), ("wildcard", "{}..three", "{}.two.three")]


async def test_values_of_every_kind_arrive_in_order(join, witness, uri):
    subscriber, publisher = await join(), await witness()
    subscription = await subscriber.subscribe(uri)
    for value in VALUES:
        await publisher.publish(uri, value)
    assert await subscriber.heard(subscription, len(VALUES)) == VALUES


async def test_args_and_kwargs_arrive(join, witness, uri):
    subscriber, publisher = await join(), await witness()
    subscription = await subscriber.subscribe(uri)
    await publisher.publish(uri, 1, "two", kwargs={"three": [3]})
    (event,) = await subscriber.events(subscription, 1)
    assert (event["args"], event["kwargs"]) == ([1, "two"], {"three": [3]})


async def test_three_hundred_events_arrive_in_order(join, witness, uri):
    subscriber, publisher = await join(), await witness()
    subscription = await subscriber.subscribe(uri)
    await asyncio.gather(*(publisher.publish(uri, number) for number in range(300)))
    assert await subscriber.heard(subscription, 300) == list(range(300))


@pytest.mark.needs(UNSUBSCRIBE)
async def test_no_event_arrives_between_unsubscribing_and_subscribing_again(join, witness, uri):
    subscriber, publisher = await join(), await witness()
    await subscriber.unsubscribe(await subscriber.subscribe(uri))
    await publisher.publish(uri, "not heard", acknowledge=True)
    subscription = await subscriber.subscribe(uri)
    await publisher.publish(uri, "heard")
    assert await subscriber.heard(subscription, 1) == ["heard"]


@pytest.mark.needs(SUBSCRIBE_BY_PATTERN)
@pytest.mark.parametrize("match, pattern, topic", PATTERNS)
async def test_a_pattern_receives_matching_events(join, witness, uri, match, pattern, topic):
    subscriber, publisher = await join(), await witness()
    subscription = await subscriber.subscribe(pattern.format(uri), match=match)
    await publisher.publish(f"{uri}.other", "doesn't match")
    await publisher.publish(topic.format(uri), "matches")
    assert await subscriber.heard(subscription, 1) == ["matches"]


@pytest.mark.needs(SUBSCRIBE_BY_PATTERN, EVENT_DETAILS)
@pytest.mark.parametrize("match, pattern, topic", PATTERNS)
async def test_a_pattern_subscription_receives_the_topic(join, witness, uri, match, pattern, topic):
    subscriber, publisher = await join(), await witness()
    subscription = await subscriber.subscribe(pattern.format(uri), match=match)
    await publisher.publish(topic.format(uri), "matches")
    (event,) = await subscriber.events(subscription, 1)
    assert event["details"] == {"topic": topic.format(uri)}


@pytest.mark.needs(SUBSCRIBE_BY_PATTERN, UNSUBSCRIBE_PATTERN)
@pytest.mark.parametrize("match, pattern, topic", PATTERNS)
async def test_a_pattern_subscription_can_be_removed(join, witness, uri, match, pattern, topic):
    subscriber, publisher = await join(), await witness()
    await subscriber.unsubscribe(await subscriber.subscribe(pattern.format(uri), match=match))
    await publisher.publish(topic.format(uri), "not heard", acknowledge=True)
    subscription = await subscriber.subscribe(topic.format(uri))
    await publisher.publish(topic.format(uri), "heard")
    assert await subscriber.heard(subscription, 1) == ["heard"]


@pytest.mark.needs(EVENT_DETAILS)
async def test_a_subscriber_receives_the_publisher_if_the_realm_discloses_it(
        join, witness, uri):
    subscriber, publisher = await join("disclosing"), await witness("disclosing")
    subscription = await subscriber.subscribe(uri)
    await publisher.publish(uri, "from me")
    (event,) = await subscriber.events(subscription, 1)
    event["details"].pop("topic", None)
    assert event["details"] == {
        "publisher": publisher.id, "publisher_authid": publisher.welcome["authid"],
        "publisher_authrole": "anonymous"}


@pytest.mark.needs(GET_RETAINED)
async def test_a_late_subscription_receives_the_retained_event(join, witness, uri):
    subscriber, publisher = await join(), await witness()
    await publisher.publish(uri, "kept", retain=True, acknowledge=True)
    subscription = await subscriber.subscribe(uri, get_retained=True)
    await publisher.publish(uri, "new")
    assert await subscriber.heard(subscription, 2) == ["kept", "new"]
