"""The driver of Autobahn|Python; `twisted` or `asyncio` is its only argument.

Both frameworks share the code through txaio: an awaited value is a Deferred in one and a future in
the other."""

import asyncio
import os
import sys
from urllib.parse import urlsplit

import txaio

from lines import answer, error, read

FRAMEWORK = sys.argv[1]
if FRAMEWORK == "twisted":
    txaio.use_twisted()
    from autobahn.twisted.rawsocket import WampRawSocketClientFactory
    from autobahn.twisted.wamp import ApplicationSession
    from autobahn.twisted.websocket import WampWebSocketClientFactory
    from twisted.internet import reactor
    from twisted.internet.defer import CancelledError
    from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint
else:
    txaio.use_asyncio()
    from asyncio import CancelledError

    from autobahn.asyncio.rawsocket import WampRawSocketClientFactory
    from autobahn.asyncio.wamp import ApplicationSession
    from autobahn.asyncio.websocket import WampWebSocketClientFactory

from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import CBORSerializer, JsonSerializer, MsgPackSerializer
from autobahn.wamp.types import (
    CallOptions, CallResult, ComponentConfig, PublishOptions, RegisterOptions, SubscribeOptions)

SERIALIZERS = {"json": JsonSerializer, "msgpack": MsgPackSerializer, "cbor": CBORSerializer}
EVENT_DETAILS = ("topic", "publisher", "publisher_authid", "publisher_authrole", "retained")
CALL_DETAILS = ("procedure", "caller", "caller_authid", "caller_authrole")


def told(details, names):
    """The details that the client library provides."""
    values = ((name, getattr(details, name, None)) for name in names)
    return {name: value for name, value in values if value is not None}


class Tally:
    """Arriving items; a waiter can ask for a number of them."""

    def __init__(self):
        self.here, self.count, self.awaited = [], 0, None

    def add(self, thing):
        self.here.append(thing)
        if self.awaited and len(self.here) >= self.count:
            awaited, self.awaited = self.awaited, None
            txaio.resolve(awaited, None)

    async def take(self, count):
        if len(self.here) < count:
            self.count, self.awaited = count, txaio.create_future()
            await self.awaited
        taken, self.here = self.here[:count], self.here[count:]
        return taken


class Session(ApplicationSession):
    """A session and its items that the tests ask for later."""

    def __init__(self, realm):
        super().__init__(ComponentConfig(realm=realm))
        self.joined, self.left = txaio.create_future(), txaio.create_future()
        self.registered, self.subscribed, self.calls = {}, {}, {}
        self.tallies = {}

    def onJoin(self, details):
        txaio.resolve(self.joined, details)

    def onLeave(self, details):
        if not txaio.is_called(self.joined):
            txaio.reject(self.joined, ApplicationError(details.reason, details.message))
        txaio.resolve(self.left, details)
        self.disconnect()

    def onUserError(self, fail, msg):
        """Exceptions of procedures go to the caller."""

    def tally(self, kind, number):
        """The tally of the events of a subscription, or of the interruptions of a registration."""
        return self.tallies.setdefault((kind, number), Tally())


class Behaviours:
    """Behaviours of procedures; each takes the details of the call."""

    def __init__(self, value, interrupted):
        self.constant, self.tell_interruption = value, interrupted

    async def echo(self, *args, details, **kwargs):
        return CallResult(*args, **kwargs)

    async def add(self, first, second, details):
        return first + second

    async def value(self, details):
        return self.constant

    async def fail(self, details):
        raise ApplicationError("com.example.error.refused", 1, "zwei ☘", reason=["because"])

    async def hang(self, details):
        try:
            await txaio.create_future()
        except CancelledError:
            self.tell_interruption()
            raise

    async def count(self, parts, details):
        for part in range(parts):
            details.progress(part)
        return parts

    async def details(self, details):
        return told(details, CALL_DETAILS)


SESSIONS = {}


def connect(session, url, serializer):
    """Starts connecting; `session.joined` has the outcome."""
    parts = urlsplit(url)
    if parts.scheme == "ws":
        factory = WampWebSocketClientFactory(lambda: session, url, serializers=[serializer])
    else:
        factory = WampRawSocketClientFactory(lambda: session, serializer=serializer)
    if FRAMEWORK == "twisted":
        endpoint = (UNIXClientEndpoint(reactor, parts.path) if parts.scheme == "unix"
                    else TCP4ClientEndpoint(reactor, parts.hostname, parts.port))
        endpoint.connect(factory)
    else:
        loop = txaio.config.loop
        asyncio.ensure_future(
            loop.create_unix_connection(factory, parts.path) if parts.scheme == "unix"
            else loop.create_connection(factory, parts.hostname, parts.port), loop=loop)


async def join(session, url, serializer, realm):
    SESSIONS[session] = member = Session(realm)
    connect(member, url, SERIALIZERS[serializer]())
    details = await member.joined
    return {"id": details.session, "authid": details.authid, "authrole": details.authrole,
            "authmethod": details.authmethod}


async def leave(session):
    session.leave()
    await session.left
    return {}


async def left(session):
    return {"reason": (await session.left).reason}


async def register(session, procedure, behaviour, value, options):
    number = []
    behaviours = Behaviours(value, lambda: session.tally("interrupted", number[0]).add(None))
    registration = await session.register(
        getattr(behaviours, behaviour), procedure,
        RegisterOptions(details_arg="details", **options))
    number.append(registration.id)
    session.registered[registration.id] = registration
    return {"registration": registration.id}


async def unregister(session, registration):
    await session.registered.pop(registration).unregister()
    return {}


async def call(session, procedure, args, kwargs, name, options):
    parts = []
    # With details a result has all its values. But then Autobahn does not accept progressive
    # results without keywords.
    if options.pop("receive_progress", False):
        options["on_progress"] = lambda *args, **kwargs: parts.append(list(args))
    else:
        options["details"] = True
    session.calls[name] = session.call(procedure, *args, **kwargs, options=CallOptions(**options))
    result = await session.calls[name]
    if not isinstance(result, CallResult):
        result = CallResult(result)
    return {"args": list(result.results), "kwargs": result.kwresults or {}, "parts": parts}


async def cancel(session, name, mode):
    if mode != "killnowait":
        raise NotImplementedError("Autobahn|Python cancels without a mode")
    txaio.cancel(session.calls.pop(name))
    return {}


async def interrupted(session, registration):
    await session.tally("interrupted", registration).take(1)
    return {}


async def subscribe(session, topic, options):
    def hear(*args, details, **kwargs):
        event = {"args": list(args), "kwargs": kwargs, "details": told(details, EVENT_DETAILS)}
        session.tally("events", details.subscription.id).add(event)

    subscription = await session.subscribe(
        hear, topic, SubscribeOptions(details_arg="details", **options))
    session.subscribed[subscription.id] = subscription
    return {"subscription": subscription.id}


async def unsubscribe(session, subscription):
    await session.subscribed.pop(subscription).unsubscribe()
    return {}


async def events(session, subscription, count):
    return {"events": await session.tally("events", subscription).take(count)}


async def publish(session, topic, args, kwargs, options):
    done = session.publish(topic, *args, **kwargs, options=PublishOptions(**options))
    publication = await done if done is not None else None
    return {"publication": publication.id} if publication else {}


REQUESTS = {request.__name__: request for request in (
    join, leave, left, register, unregister, call, cancel, interrupted, subscribe, unsubscribe,
    events, publish)}


async def serve(number, do, request):
    """Answers one request."""
    try:
        if do != "join":
            request["session"] = SESSIONS[request["session"]]
        answer(number, ok=await REQUESTS[do](**request))
    except ApplicationError as refused:
        answer(number, **error(refused.error, refused.args, refused.kwargs))
    except CancelledError:
        answer(number, **error(None, ["canceled"]))
    except Exception as fault:
        answer(number, fault=repr(fault))


def begin(number, do, request):
    txaio.as_future(serve, number, do, request)


def run():
    """Serves requests until the input ends."""
    if FRAMEWORK == "twisted":
        read(lambda *request: reactor.callFromThread(begin, *request),
             lambda: reactor.callFromThread(reactor.stop))
        reactor.run()
    else:
        loop = txaio.config.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        read(lambda *request: loop.call_soon_threadsafe(begin, *request),
             lambda: loop.call_soon_threadsafe(loop.stop))
        loop.run_forever()
    # Open sessions are not awaited.
    os._exit(0)


if __name__ == "__main__":
    run()
