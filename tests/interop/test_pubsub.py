"""Events between Autobahn peers, over every transport with every serializer."""

import asyncio
import math

import pytest
from autobahn.wamp.types import PublishOptions, SubscribeOptions

from peers import SERIALIZERS, Attachment


class Inbox:
    """A handler that keeps its events, so that a test can wait for them."""

    def __init__(self):
        self.queue = asyncio.Queue()

    def __call__(self, *args, details=None, **kwargs):
        self.queue.put_nowait((list(args), kwargs, details.topic))

    async def next(self):
        return await self.queue.get()

    async def until(self, last):
        """The first argument of each event before the one that is `last`."""
        seen = []
        while (argument := (await self.next())[0][0]) != last:
            seen.append(argument)
        return seen


async def subscribed(peer, topic, match="exact"):
    """An inbox for the events of a topic or pattern."""
    inbox = Inbox()
    await peer.subscribe(inbox, topic, SubscribeOptions(match=match, details_arg="details"))
    return inbox


def acknowledged(**options):
    return PublishOptions(acknowledge=True, **options)


async def test_an_event_carries_args_kwargs_and_topic(join, uri):
    subscriber, publisher = await join(), await join()
    inbox = await subscribed(subscriber, uri)
    args, kwargs = [1, "zwei ☘", [3, b"\xff"]], {"vier": {"f": 2**53}}
    await publisher.publish(uri, *args, **kwargs, options=acknowledged())
    assert await inbox.next() == (args, kwargs, uri)


NOT_FINITE = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("listening", ["json", "msgpack", "cbor"])
async def test_non_finite_floats_of_json_peers_arrive_as_none(peers, uri, listening):
    """Python's JSON module writes NaN, Infinity and -Infinity, which are not valid JSON."""
    publisher = await peers.join(Attachment("websocket", "json"))
    subscriber = await peers.join(Attachment("websocket", listening))
    inbox = await subscribed(subscriber, uri)
    await publisher.publish(uri, NOT_FINITE, value=math.nan, options=acknowledged())
    assert await inbox.next() == ([[None] * 3], {"value": None}, uri)


async def test_non_finite_results_of_json_peers_arrive_as_none(peers, uri):
    callee = await peers.join(Attachment("websocket", "json"))
    caller = await peers.join(Attachment("websocket", "json"))
    await callee.register(lambda: NOT_FINITE, uri)
    assert await caller.call(uri) == [None] * 3


async def test_non_finite_floats_arrive_between_peers_whose_format_has_them(peers, uri):
    publisher = await peers.join(Attachment("websocket", "msgpack"))
    subscriber = await peers.join(Attachment("websocket", "cbor"))
    inbox = await subscribed(subscriber, uri)
    await publisher.publish(uri, math.inf, -math.inf, options=acknowledged())
    assert await inbox.next() == ([math.inf, -math.inf], {}, uri)


async def test_an_acknowledged_publication_has_an_id(join, uri):
    publisher = await join()
    publication = await publisher.publish(uri, options=acknowledged())
    assert 1 <= publication.id <= 2**53


async def test_events_arrive_in_the_order_of_their_publication(join, uri):
    subscriber, publisher = await join(), await join()
    inbox = await subscribed(subscriber, uri)
    for number in range(300):
        publisher.publish(uri, number)
    publisher.publish(uri, "end")
    assert await inbox.until("end") == list(range(300))


async def test_pattern_subscribers_receive_the_topic(join, uri):
    subscriber, publisher = await join(), await join()
    prefix = await subscribed(subscriber, f"{uri}.pre", "prefix")
    wildcard = await subscribed(subscriber, f"{uri}..end", "wildcard")
    exact = await subscribed(subscriber, f"{uri}.prefixed.end")
    await publisher.publish(f"{uri}.prefixed.end", "all", options=acknowledged())
    expected = (["all"], {}, f"{uri}.prefixed.end")
    assert [await inbox.next() for inbox in (prefix, wildcard, exact)] == [expected] * 3
    await publisher.publish(f"{uri}.other.end", "one", options=acknowledged())
    assert await wildcard.next() == (["one"], {}, f"{uri}.other.end")
    assert prefix.queue.empty() and exact.queue.empty()


async def test_a_publisher_receives_its_own_event_only_on_request(join, uri):
    peer = await join()
    inbox = await subscribed(peer, uri)
    await peer.publish(uri, "not mine", options=acknowledged())
    await peer.publish(uri, "mine", options=acknowledged(exclude_me=False))
    assert await inbox.next() == (["mine"], {}, uri)


async def test_only_eligible_sessions_that_are_not_excluded_receive_an_event(join, uri):
    one, two, publisher = await join(), await join(), await join()
    inboxes = [await subscribed(one, uri), await subscribed(two, uri)]
    ids = [peer._session_id for peer in (one, two)]
    publisher.publish(uri, "for one", options=PublishOptions(eligible=[ids[0]]))
    publisher.publish(uri, "not for one", options=PublishOptions(exclude=[ids[0]]))
    publisher.publish(uri, "for none", options=PublishOptions(eligible=ids, exclude=ids))
    publisher.publish(uri, "end")
    assert [await inbox.until("end") for inbox in inboxes] == [["for one"], ["not for one"]]


async def test_no_event_arrives_after_unsubscribing(join, uri):
    subscriber, publisher = await join(), await join()
    gone, stays = Inbox(), await subscribed(subscriber, f"{uri}.stays")
    subscription = await subscriber.subscribe(gone, uri, SubscribeOptions(details_arg="details"))
    await subscription.unsubscribe()
    await publisher.publish(uri, "late", options=acknowledged())
    await publisher.publish(f"{uri}.stays", "end", options=acknowledged())
    assert await stays.until("end") == []
    assert gone.queue.empty()


async def test_subscriptions_end_with_their_session(join, uri):
    leaver, stayer, publisher = await join(), await join(), await join()
    left, inbox = await subscribed(leaver, uri), await subscribed(stayer, uri)
    leaver.leave()
    await leaver.disconnected
    await publisher.publish(uri, "after", options=acknowledged())
    assert await inbox.next() == (["after"], {}, uri)
    assert left.queue.empty()


@pytest.mark.parametrize("publishing", SERIALIZERS)
async def test_one_event_reaches_subscribers_of_every_serializer(peers, uri, publishing):
    publisher = await peers.join(Attachment("websocket", publishing))
    attachments = [Attachment(transport, serializer)
                   for transport in ("websocket", "unix", "longpoll")
                   for serializer in SERIALIZERS]
    inboxes = [await subscribed(await peers.join(each), uri) for each in attachments]
    await publisher.publish(uri, "☘", b"\x00\xff", 1.5, n=None, options=acknowledged())
    expected = (["☘", b"\x00\xff", 1.5], {"n": None}, uri)
    assert [await inbox.next() for inbox in inboxes] == [expected] * len(inboxes)
