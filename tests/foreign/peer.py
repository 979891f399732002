"""A session of a foreign client, in the words of the tests."""

import itertools

import pytest

from driver import Refusal

NAMES = itertools.count(1)

# What each client, in each language, can say and hear.
VALUES = [
    None, True, False, 0, -1, 2**53 - 1, -(2**53 - 1), 1.5, "", "grüße ☘ 𝄞", "\x01 \\ \" /", [], {},
    [1, [2, [3, {"four": [5]}]]], {"ключ": {"list": [1, 2.5, None, False]}},
]


async def refusal(answer):
    """The error that an answer turns out to be: its URI, args and kwargs."""
    with pytest.raises(Refusal) as caught:
        await answer
    return caught.value.error


class Peer:
    """A session that a driver holds."""

    def __init__(self, driver, welcome, name, in_order):
        self.driver = driver
        self.name = name
        self.in_order = in_order
        self.id = welcome.get("id")
        self.welcome = welcome

    @classmethod
    async def join(cls, driver, url, serializer, realm="realm1", *, in_order=True):
        """A session; unless what it publishes stays `in_order` by itself, it waits for the
        acknowledgement of each publication before the next.
        """
        name = f"session {next(NAMES)}"
        welcome = await driver.ask(
            "join", session=name, url=url, serializer=serializer, realm=realm)
        return cls(driver, welcome, name, in_order)

    def ask(self, do, **request):
        return self.driver.ask(do, session=self.name, **request)

    def leave(self):
        return self.ask("leave")

    async def left(self):
        """The reason with which the router ends the session, once it has."""
        return (await self.ask("left"))["reason"]

    async def register(self, procedure, behaviour="echo", value=None, **options):
        """The number of the registration."""
        answer = await self.ask("register", procedure=procedure, behaviour=behaviour, value=value,
                                options=options)
        return answer["registration"]

    def unregister(self, registration):
        return self.ask("unregister", registration=registration)

    def interrupted(self, registration):
        """Waits until an invocation of the registration was interrupted."""
        return self.ask("interrupted", registration=registration)

    def start_call(self, procedure, *args, kwargs=None, name=None, **options):
        """A future of `args`, `kwargs` and `parts` of the call's results."""
        return self.ask("call", procedure=procedure, args=args, kwargs=kwargs or {}, name=name,
                        options=options)

    async def call(self, procedure, *args, kwargs=None, **options):
        """The only value of the result of a call."""
        result = await self.start_call(procedure, *args, kwargs=kwargs, **options)
        (value,) = result["args"]
        return value

    def cancel(self, name, mode):
        return self.ask("cancel", name=name, mode=mode)

    async def subscribe(self, topic, **options):
        """The number of the subscription."""
        return (await self.ask("subscribe", topic=topic, options=options))["subscription"]

    def unsubscribe(self, subscription):
        return self.ask("unsubscribe", subscription=subscription)

    async def events(self, subscription, count):
        """The next events of a subscription, as many as asked for."""
        return (await self.ask("events", subscription=subscription, count=count))["events"]

    async def heard(self, subscription, count):
        """The first arguments of the next events."""
        return [event["args"][0] for event in await self.events(subscription, count)]

    async def publish(self, topic, *args, kwargs=None, **options):
        """The number of the publication, or None if it isn't acknowledged."""
        if not self.in_order:
            options.setdefault("acknowledge", True)
        answer = await self.ask("publish", topic=topic, args=args, kwargs=kwargs or {},
                                options=options)
        return answer.get("publication")
