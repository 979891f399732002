"""A session of a foreign client, with the interface of the tests."""

import itertools

import pytest

from driver import Refusal

NAMES = itertools.count(1)

# Values that each client, in each language, can send and receive.
VALUES = [
    None, True, False, 0, -1, 2**53 - 1, -(2**53 - 1), 1.5, "", "grüße ☘ 𝄞", "\x01 \\ \" /", [], {},
    [1, [2, [3, {"four": [5]}]]], {"ключ": {"list": [1, 2.5, None, False]}},
]


async def refusal(answer):
    """The error that answers a request: its URI, args and kwargs."""
    with pytest.raises(Refusal) as caught:
        await answer
    return caught.value.error


class Peer:
    """A session of a driver."""

    def __init__(self, driver, welcome, name, in_order):
        self.driver = driver
        self.name = name
        self.in_order = in_order
        self.id = welcome.get("id")
        self.welcome = welcome

    @classmethod
    async def join(cls, driver, url, serializer, realm="realm1", *, in_order=True):
        """A session. Unless its publications stay `in_order` by themselves, it awaits the
        acknowledgement of each before the next."""
        name = f"session {next(NAMES)}"
        welcome = await driver.ask(
            "join", session=name, url=url, serializer=serializer, realm=realm)
        return cls(driver, welcome, name, in_order)

    def ask(self, do, **request):
        return self.driver.ask(do, session=self.name, **request)

    def leave(self):
        return self.ask("leave")

    async def left(self):
        """Waits for the end of the session by the router and returns the reason."""
        return (await self.ask("left"))["reason"]

    async def register(self, procedure, behaviour="echo", value=None, **options):
        """The id of the registration."""
        answer = await self.ask("register", procedure=procedure, behaviour=behaviour, value=value,
                                options=options)
        return answer["registration"]

    def unregister(self, registration):
        return self.ask("unregister", registration=registration)

    def interrupted(self, registration):
        """Waits until an invocation of the registration was interrupted."""
        return self.ask("interrupted", registration=registration)

    def start_call(self, procedure, *args, kwargs=None, name=None, **options):
        """A future of `args`, `kwargs` and `parts` (progressive results) of the call."""
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
        """The id of the subscription."""
        return (await self.ask("subscribe", topic=topic, options=options))["subscription"]

    def unsubscribe(self, subscription):
        return self.ask("unsubscribe", subscription=subscription)

    async def events(self, subscription, count):
        """The next `count` events of a subscription."""
        return (await self.ask("events", subscription=subscription, count=count))["events"]

    async def heard(self, subscription, count):
        """The first arguments of the next events."""
        return [event["args"][0] for event in await self.events(subscription, count)]

    async def publish(self, topic, *args, kwargs=None, **options):
        """The id of the publication, or None without an acknowledgement."""
        if not self.in_order:
            options.setdefault("acknowledge", True)
        answer = await self.ask("publish", topic=topic, args=args, kwargs=kwargs or {},
                                options=options)
        return answer.get("publication")
