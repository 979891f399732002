"""The procedures of the client are called by witnesses."""

import asyncio

import pytest

from clients import (
    BE_INTERRUPTED, CALL_DETAILS, ERRORS, EXTENDED_POLICIES, FORCE_REREGISTER, KEYWORD_RESULTS,
    REGISTER_BY_PATTERN, REGISTER_CONCURRENCY, REGISTER_SHARED, SEND_PROGRESS, UNREGISTER)
from peer import VALUES, refusal

REFUSED = ("com.example.error.refused", [1, "zwei ☘"], {"reason": ["because"]})


async def test_values_of_every_kind_make_a_round_trip(join, witness, uri):
    callee, caller = await join(), await witness()
    await callee.register(uri)
    assert [await caller.call(uri, value) for value in VALUES] == VALUES


async def test_a_procedure_receives_args_and_kwargs(join, witness, uri):
    callee, caller = await join(), await witness()
    await callee.register(uri, "add")
    assert await caller.call(uri, 20, 3) == 23


@pytest.mark.needs(KEYWORD_RESULTS)
async def test_a_procedure_returns_values_and_values_by_keyword(join, witness, uri):
    callee, caller = await join(), await witness()
    await callee.register(uri)
    result = await caller.start_call(uri, 1, "two", [3], kwargs={"four": 4, "fünf": {"a": None}})
    assert (result["args"], result["kwargs"]) == (
        [1, "two", [3]], {"four": 4, "fünf": {"a": None}})


@pytest.mark.needs(ERRORS)
async def test_an_error_of_the_procedure_arrives_with_args_and_kwargs(join, witness, uri):
    callee, caller = await join(), await witness()
    await callee.register(uri, "fail")
    assert await refusal(caller.start_call(uri)) == REFUSED


async def test_an_error_of_the_procedure_ends_only_its_own_call(join, witness, uri):
    callee, caller = await join(), await witness()
    await callee.register(uri, "fail")
    await callee.register(f"{uri}.echo")
    await refusal(caller.start_call(uri))
    assert await caller.call(f"{uri}.echo", "still here") == "still here"


async def test_a_procedure_is_registered_by_one_session_only(join, uri):
    first, second = await join(), await join()
    await first.register(uri)
    error, _, _ = await refusal(second.register(uri))
    assert error in ("wamp.error.procedure_already_exists", None)


async def test_fifty_concurrent_calls_are_answered(join, witness, uri):
    callee, caller = await join(), await witness()
    await callee.register(uri)
    results = await asyncio.gather(*(caller.call(uri, number) for number in range(50)))
    assert results == list(range(50))


@pytest.mark.needs(UNREGISTER)
async def test_a_procedure_can_be_unregistered_and_registered_again(join, witness, uri):
    callee, caller = await join(), await witness()
    registration = await callee.register(uri)
    await callee.unregister(registration)
    error, _, _ = await refusal(caller.start_call(uri))
    assert error == "wamp.error.no_such_procedure"
    await callee.register(uri, "add")
    assert await caller.call(uri, 1, 2) == 3


@pytest.mark.needs(SEND_PROGRESS)
async def test_a_procedure_sends_progressive_results(join, witness, uri):
    callee, caller = await join(), await witness()
    await callee.register(uri, "count")
    result = await caller.start_call(uri, 5, receive_progress=True)
    assert (result["parts"], result["args"]) == ([[0], [1], [2], [3], [4]], [5])


@pytest.mark.needs(BE_INTERRUPTED)
async def test_a_canceled_call_interrupts_the_procedure(join, witness, uri):
    callee, caller = await join(), await witness()
    registration = await callee.register(uri, "hang")
    await callee.register(f"{uri}.echo")
    call = caller.start_call(uri, name="the call")
    await caller.call(f"{uri}.echo", "the call has arrived before this one")
    await caller.cancel("the call", "killnowait")
    await callee.interrupted(registration)
    await refusal(call)
    assert await caller.call(f"{uri}.echo", "still here") == "still here"


@pytest.mark.needs(BE_INTERRUPTED)
async def test_a_timeout_interrupts_the_procedure(join, witness, uri):
    callee, caller = await join(), await witness()
    registration = await callee.register(uri, "hang")
    error, _, _ = await refusal(caller.start_call(uri, timeout=100))
    await callee.interrupted(registration)
    assert error == "wamp.error.timeout"


@pytest.mark.needs(CALL_DETAILS)
async def test_a_procedure_receives_the_caller_if_the_realm_discloses_it(join, witness, uri):
    callee, caller = await join("disclosing"), await witness("disclosing")
    await callee.register(uri, "details")
    told = await caller.call(uri)
    told.pop("procedure", None)
    assert told == {"caller": caller.id, "caller_authid": caller.welcome["authid"],
                    "caller_authrole": "anonymous"}


@pytest.mark.needs(CALL_DETAILS, REGISTER_BY_PATTERN)
@pytest.mark.parametrize("match, pattern, called", [
    ("prefix", "{}.one", "{}.one.two.three"),
    ("wildcard", "{}..three", "{}.two.three"),
])
async def test_a_pattern_callee_receives_the_procedure(join, witness, uri, match, pattern, called):
    callee, caller = await join(), await witness()
    await callee.register(pattern.format(uri), "details", match=match)
    told = await caller.call(called.format(uri))
    assert told == {"procedure": called.format(uri)}


@pytest.mark.needs(REGISTER_SHARED)
@pytest.mark.parametrize("policy, answers", [
    ("roundrobin", ["a", "b", "c", "a", "b", "c"]),
    ("first", ["a"] * 6),
    ("last", ["c"] * 6),
])
async def test_a_shared_procedure_follows_its_policy(join, witness, uri, policy, answers):
    caller = await witness()
    for value in "abc":
        await (await join()).register(uri, "value", value=value, invoke=policy)
    assert [await caller.call(uri) for _ in range(6)] == answers


@pytest.mark.needs(EXTENDED_POLICIES)
async def test_a_call_to_all_collects_the_answers_of_all_callees(join, witness, uri):
    caller = await witness()
    for value in "abc":
        await (await join()).register(uri, "value", value=value, invoke="all")
    assert [answer["args"] for answer in await caller.call(uri)] == [["a"], ["b"], ["c"]]


@pytest.mark.needs(REGISTER_CONCURRENCY)
async def test_the_concurrency_limit_of_a_procedure_holds(join, witness, uri):
    callee, caller = await join(), await witness()
    await callee.register(uri, "hang", concurrency=1)
    await callee.register(f"{uri}.echo")
    first = caller.start_call(uri, name="first")
    await caller.call(f"{uri}.echo", "the first call has arrived before this one")
    second = caller.start_call(uri)
    error, _, _ = await refusal(second)
    assert error == "crossbar.error.max_concurrency_reached"
    await caller.cancel("first", "killnowait")
    await refusal(first)


@pytest.mark.needs(FORCE_REREGISTER)
async def test_force_reregister_replaces_a_registration(join, witness, uri):
    old, new, caller = await join(), await join(), await witness()
    await old.register(uri, "value", value="old", force_reregister=True)
    await new.register(uri, "value", value="new", force_reregister=True)
    assert await caller.call(uri) == "new"
