"""Calls between Autobahn peers, over every transport with every serializer."""

import asyncio

import pytest
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import CallOptions, CallResult, RegisterOptions

from peers import SERIALIZERS, Attachment

VALUES = [
    None, True, 0, -1, 2**53, -(2**53), 1.5, "", "grüße ☘ 𝄞", "\x01 \\ \" /", [], {},
    [1, [2, [3, {"four": [5]}]]], {"ключ": {"list": [1, 2.5, None, False]}},
    b"", b"\x00\x01\xfe\xff", {"mixed": [b"\x00", "\u0001", 1]},
]


def give_back(*args, **kwargs):
    return CallResult(*args, **kwargs)


async def errors_of(call):
    """The error that a call ends with, as (URI, args, kwargs)."""
    with pytest.raises(ApplicationError) as caught:
        await call
    return caught.value.error, list(caught.value.args), caught.value.kwargs


async def test_values_of_every_kind_make_a_round_trip(join, uri):
    callee, caller = await join(), await join()
    await callee.register(lambda value: value, uri)
    assert [await caller.call(uri, value) for value in VALUES] == VALUES


async def test_args_and_kwargs_reach_the_callee_and_several_results_the_caller(join, uri):
    callee, caller = await join(), await join()
    await callee.register(give_back, uri)
    result = await caller.call(uri, 1, "two", [3], four=4, fünf={"a": b"\xff"})
    assert (list(result.results), result.kwresults) == (
        [1, "two", [3]], {"four": 4, "fünf": {"a": b"\xff"}})


async def test_a_megabyte_makes_a_round_trip(join, uri):
    callee, caller = await join(), await join()
    await callee.register(lambda value: value, uri)
    text = "0123456789abcde☘" * 65536
    assert await caller.call(uri, text) == text


async def test_a_session_can_call_its_own_procedure(join, uri):
    peer = await join()
    await peer.register(lambda a, b: a + b, uri)
    assert await peer.call(uri, 2, 3) == 5


async def test_a_hundred_concurrent_calls_receive_their_own_results(join, uri):
    callee, caller = await join(), await join()

    async def slowly(number):
        await asyncio.sleep((number * 7 % 10) / 1000)
        return number

    await callee.register(slowly, uri)
    results = await asyncio.gather(*(caller.call(uri, number) for number in range(100)))
    assert results == list(range(100))


async def test_an_application_error_keeps_its_uri_args_and_kwargs(join, uri):
    callee, caller = await join(), await join()

    def refuse():
        raise ApplicationError("com.example.error.refused", 1, "zwei ☘", reason=["because"])

    await callee.register(refuse, uri)
    assert await errors_of(caller.call(uri)) == (
        "com.example.error.refused", [1, "zwei ☘"], {"reason": ["because"]})


async def test_any_other_exception_is_a_runtime_error_with_its_text(join, uri):
    callee, caller = await join(), await join()

    def stumble():
        raise ValueError("don't ask foolish questions ;)")

    await callee.register(stumble, uri)
    assert await errors_of(caller.call(uri)) == (
        "wamp.error.runtime_error", ["don't ask foolish questions ;)"], {})


async def test_calling_an_unknown_procedure_is_no_such_procedure(join, uri):
    caller = await join()
    error, _, _ = await errors_of(caller.call(uri))
    assert error == "wamp.error.no_such_procedure"


async def test_registering_a_procedure_twice_is_refused(join, uri):
    first, second = await join(), await join()
    await first.register(give_back, uri)
    error, _, _ = await errors_of(second.register(give_back, uri))
    assert error == "wamp.error.procedure_already_exists"


async def test_an_unregistered_procedure_can_be_registered_by_others(join, uri):
    first, second = await join(), await join()
    registration = await first.register(lambda: "first", uri)
    assert await second.call(uri) == "first"
    await registration.unregister()
    error, _, _ = await errors_of(second.call(uri))
    assert error == "wamp.error.no_such_procedure"
    await second.register(lambda: "second", uri)
    assert await first.call(uri) == "second"


async def test_registrations_end_with_their_session(join, uri):
    callee, caller = await join(), await join()
    await callee.register(give_back, uri)
    callee.leave()
    await callee.disconnected
    error, _, _ = await errors_of(caller.call(uri))
    assert error == "wamp.error.no_such_procedure"


async def test_round_robin_alternates_between_two_callees(join, uri):
    one, two, caller = await join(), await join(), await join()
    await one.register(lambda: "one", uri, RegisterOptions(invoke="roundrobin"))
    await two.register(lambda: "two", uri, RegisterOptions(invoke="roundrobin"))
    assert [await caller.call(uri) for _ in range(6)] == ["one", "two"] * 3


@pytest.mark.parametrize(("policy", "chosen"), [("first", "one"), ("last", "two")])
async def test_first_and_last_always_choose_the_same_callee(join, uri, policy, chosen):
    one, two, caller = await join(), await join(), await join()
    await one.register(lambda: "one", uri, RegisterOptions(invoke=policy))
    await two.register(lambda: "two", uri, RegisterOptions(invoke=policy))
    assert [await caller.call(uri) for _ in range(3)] == [chosen] * 3


async def test_random_chooses_among_the_callees(join, uri):
    one, two, caller = await join(), await join(), await join()
    await one.register(lambda: "one", uri, RegisterOptions(invoke="random"))
    await two.register(lambda: "two", uri, RegisterOptions(invoke="random"))
    chosen = [await caller.call(uri) for _ in range(40)]
    assert set(chosen) == {"one", "two"}


async def test_callees_of_a_shared_procedure_need_one_policy(join, uri):
    one, two = await join(), await join()
    await one.register(give_back, uri, RegisterOptions(invoke="roundrobin"))
    error, _, _ = await errors_of(two.register(give_back, uri, RegisterOptions(invoke="last")))
    assert error == "wamp.error.procedure_already_exists"


async def test_a_pattern_callee_receives_the_called_procedure(join, uri):
    callee, caller = await join(), await join()

    def told(details=None):
        return details.procedure

    prefix = RegisterOptions(match="prefix", details_arg="details")
    wildcard = RegisterOptions(match="wildcard", details_arg="details")
    await callee.register(told, f"{uri}.any", prefix)
    await callee.register(told, f"{uri}..wild", wildcard)
    called = [f"{uri}.anything.else", f"{uri}.some.wild"]
    assert [await caller.call(procedure) for procedure in called] == called


async def test_exact_beats_prefix_and_the_longer_prefix_beats_wildcard(join, uri):
    callee, caller = await join(), await join()
    await callee.register(lambda: "exact", f"{uri}.a.b.c")
    await callee.register(lambda: "prefix", f"{uri}.a", RegisterOptions(match="prefix"))
    await callee.register(lambda: "longer", f"{uri}.a.b", RegisterOptions(match="prefix"))
    await callee.register(lambda: "wildcard", f"{uri}...c", RegisterOptions(match="wildcard"))
    procedures = [f"{uri}.{rest}" for rest in ("a.b.c", "a.b.d", "a.x.c", "x.y.c")]
    assert [await caller.call(procedure) for procedure in procedures] == [
        "exact", "longer", "prefix", "wildcard"]


async def test_a_canceled_call_interrupts_the_callee(join, uri):
    callee, caller = await join(), await join()
    began, interrupted = asyncio.Event(), asyncio.Event()

    async def endless():
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            interrupted.set()

    await callee.register(endless, uri)
    call = caller.call(uri)
    await began.wait()
    call.cancel()
    await interrupted.wait()
    await callee.register(give_back, f"{uri}.after")
    assert await caller.call(f"{uri}.after", "still here") == "still here"


async def test_a_call_fails_after_its_timeout(join, uri):
    callee, caller = await join(), await join()

    async def endless():
        await asyncio.Event().wait()

    await callee.register(endless, uri)
    error, _, _ = await errors_of(caller.call(uri, options=CallOptions(timeout=100)))
    assert error == "wamp.error.timeout"


async def test_a_call_within_its_timeout_is_answered(join, uri):
    callee, caller = await join(), await join()
    await callee.register(give_back, uri)
    assert await caller.call(uri, "quick", options=CallOptions(timeout=10_000)) == "quick"


async def test_a_disconnected_callee_ends_its_calls_in_flight(join, uri):
    callee, caller = await join(), await join()
    began = asyncio.Event()

    async def endless():
        began.set()
        await asyncio.Event().wait()

    await callee.register(endless, uri)
    call = caller.call(uri)
    await began.wait()
    callee._transport.transport.abort()
    error, _, _ = await errors_of(call)
    assert error == "wamp.error.canceled"


@pytest.mark.parametrize("called", SERIALIZERS)
@pytest.mark.parametrize("calling", SERIALIZERS)
async def test_calls_work_between_different_serializers(peers, uri, calling, called):
    caller = await peers.join(Attachment("websocket", calling))
    callee = await peers.join(Attachment("unix", called))
    await callee.register(give_back, uri)
    result = await caller.call(uri, *VALUES, **{"ключ": VALUES, "b": b"\x00\xff"})
    assert (list(result.results), result.kwresults) == (
        VALUES, {"ключ": VALUES, "b": b"\x00\xff"})


@pytest.mark.parametrize("called", SERIALIZERS)
@pytest.mark.parametrize("calling", SERIALIZERS)
async def test_errors_arrive_between_different_serializers(peers, uri, calling, called):
    caller = await peers.join(Attachment("tcp", calling))
    callee = await peers.join(Attachment("websocket", called))

    def refuse():
        raise ApplicationError("com.example.error.refused", "☘", b"\x00", limit=2**53)

    await callee.register(refuse, uri)
    assert await errors_of(caller.call(uri)) == (
        "com.example.error.refused", ["☘", b"\x00"], {"limit": 2**53})
