"""The client calls procedures of the witness."""

import asyncio

import pytest

from clients import (
    AUTOBAHN_NODE, CALL_TIMEOUT, CANCEL, CANCEL_MODES, DISCLOSE_CALLER, ERROR_ARGUMENTS, ERROR_URI,
    KILL, RECEIVE_PROGRESS, RESULTS, STAY_HIDDEN)
from peer import VALUES, refusal

REFUSED = ("com.example.error.refused", [1, "zwei ☘"], {"reason": ["because"]})


async def test_values_of_every_kind_make_a_round_trip(join, witness, uri):
    caller, callee = await join(), await witness()
    await callee.register(uri)
    assert [await caller.call(uri, value) for value in VALUES] == VALUES


async def test_args_and_kwargs_reach_the_procedure(join, witness, uri):
    caller, callee = await join(), await witness()
    await callee.register(uri, "add")
    assert await caller.call(uri, 20, 3) == 23


@pytest.mark.needs(RESULTS)
async def test_a_result_has_args_and_kwargs(join, witness, uri):
    caller, callee = await join(), await witness()
    await callee.register(uri)
    result = await caller.start_call(uri, 1, "two", [3], kwargs={"four": 4, "fünf": {"a": None}})
    assert (result["args"], result["kwargs"]) == (
        [1, "two", [3]], {"four": 4, "fünf": {"a": None}})


@pytest.mark.needs(ERROR_URI)
async def test_an_application_error_has_its_uri(join, witness, uri):
    caller, callee = await join(), await witness()
    await callee.register(uri, "fail")
    error, _, _ = await refusal(caller.start_call(uri))
    assert error == "com.example.error.refused"


@pytest.mark.needs(ERROR_URI, ERROR_ARGUMENTS)
async def test_an_application_error_arrives_with_args_and_kwargs(join, witness, uri):
    caller, callee = await join(), await witness()
    await callee.register(uri, "fail")
    assert await refusal(caller.start_call(uri)) == REFUSED


@pytest.mark.needs(ERROR_URI)
async def test_calling_an_unknown_procedure_is_an_error(join, uri):
    caller = await join()
    error, _, _ = await refusal(caller.start_call(uri))
    assert error == "wamp.error.no_such_procedure"


async def test_fifty_concurrent_calls_receive_their_own_results(join, witness, uri):
    caller, callee = await join(), await witness()
    await callee.register(uri)
    results = await asyncio.gather(*(caller.call(uri, number) for number in range(50)))
    assert results == list(range(50))


@pytest.mark.needs(RECEIVE_PROGRESS)
async def test_progressive_results_arrive_in_order_before_the_final_one(join, witness, uri):
    caller, callee = await join(), await witness()
    await callee.register(uri, "count")
    result = await caller.start_call(uri, 5, receive_progress=True)
    assert (result["parts"], result["args"]) == ([[0], [1], [2], [3], [4]], [5])


@pytest.mark.needs(CANCEL)
async def test_a_canceled_call_ends_and_the_session_continues(join, witness, uri):
    caller, callee = await join(), await witness()
    await callee.register(uri, "hang")
    await callee.register(f"{uri}.echo")
    call = caller.start_call(uri, name="the call")
    await caller.call(f"{uri}.echo", "the call has arrived before this one")
    await caller.cancel("the call", "killnowait")
    await refusal(call)
    assert await caller.call(f"{uri}.echo", "still here") == "still here"


@pytest.mark.needs(CANCEL_MODES)
@pytest.mark.parametrize("mode", ["skip", "killnowait"])
async def test_modes_that_do_not_wait_end_the_call_as_canceled(join, witness, uri, mode):
    caller, callee = await join(), await witness()
    registration = await callee.register(uri, "hang")
    await callee.register(f"{uri}.echo")
    call = caller.start_call(uri, name="the call")
    await caller.call(f"{uri}.echo", "the call has arrived before this one")
    await caller.cancel("the call", mode)
    error, _, _ = await refusal(call)
    assert error == "wamp.error.canceled"
    if mode == "killnowait":
        await callee.interrupted(registration)


@pytest.mark.needs(KILL)
async def test_a_killed_call_ends_with_the_error_of_its_procedure(join, witness, uri):
    caller, callee = await join(), await witness()
    registration = await callee.register(uri, "hang")
    await callee.register(f"{uri}.echo")
    call = caller.start_call(uri, name="the call")
    await caller.call(f"{uri}.echo", "the call has arrived before this one")
    await caller.cancel("the call", "kill")
    error, _, _ = await refusal(call)
    await callee.interrupted(registration)
    # The error with which the witness ends an interrupted procedure.
    assert error == "wamp.error.runtime_error"
    assert await caller.call(f"{uri}.echo", "still here") == "still here"


@pytest.mark.parametrize("attachment", AUTOBAHN_NODE.attachments, ids=str)
async def test_autobahn_js_cancels_without_a_mode_in_a_realm_like_crossbar(house, attachment, uri):
    """Autobahn|JS forgets the call at once and takes any answer for a violation."""
    caller, callee = [await house.join(AUTOBAHN_NODE, attachment, "crossbar") for _ in range(2)]
    await callee.register(uri, "hang")
    await callee.register(f"{uri}.echo")
    call = caller.start_call(uri, name="the call")
    await caller.call(f"{uri}.echo", "the call has arrived before this one")
    await caller.cancel("the call", None)
    await refusal(call)
    assert await caller.call(f"{uri}.echo", "still here") == "still here"
    for peer in (caller, callee):
        await peer.leave()


@pytest.mark.needs(CALL_TIMEOUT)
async def test_a_call_ends_after_its_timeout(join, witness, uri):
    caller, callee = await join(), await witness()
    await callee.register(uri, "hang")
    error, _, _ = await refusal(caller.start_call(uri, timeout=100))
    assert error in ("wamp.error.timeout", "wamp.error.canceled")


@pytest.mark.needs(DISCLOSE_CALLER)
async def test_a_caller_can_disclose_itself_to_the_procedure(join, witness, uri):
    caller, callee = await join(), await witness()
    await callee.register(uri, "details")
    told = await caller.call(uri, disclose_me=True)
    assert (told["caller"], told["caller_authrole"]) == (caller.id, "anonymous")


@pytest.mark.needs(STAY_HIDDEN)
async def test_a_role_without_disclosure_hides_the_caller(join, witness, uri):
    caller, callee = await join("hiding"), await witness("hiding")
    await callee.register(uri, "details")
    assert "caller" not in await caller.call(uri)


@pytest.mark.needs(DISCLOSE_CALLER, ERROR_URI)
async def test_a_role_without_disclosure_refuses_disclose_me(join, witness, uri):
    caller, callee = await join("hiding"), await witness("hiding")
    await callee.register(uri)
    error, _, _ = await refusal(caller.call(uri, disclose_me=True))
    assert error == "wamp.error.option_disallowed.disclose_me"
