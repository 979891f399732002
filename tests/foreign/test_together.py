"""Every client calls, and receives events of, every other one in one realm."""

import pytest

from clients import CLIENTS
from peer import VALUES

PAIRS = [(one, other) for one in CLIENTS for other in CLIENTS]


@pytest.mark.parametrize("one, other", PAIRS, ids=[f"{one}-{other}" for one, other in PAIRS])
async def test_each_client_calls_and_subscribes_to_each_other_one(house, uri, one, other):
    caller, callee = await house.join(one), await house.join(other)
    await callee.register(uri)
    assert [await caller.call(uri, value) for value in VALUES] == VALUES
    subscription = await callee.subscribe(uri)
    for value in VALUES:
        await caller.publish(uri, value)
    assert await callee.heard(subscription, len(VALUES)) == VALUES
    await caller.leave()
    await callee.leave()
