"""Fixtures of all interoperability tests: one router, and peers that attach to it."""

import asyncio
import functools
import inspect
import itertools

import pytest

from peers import ATTACHMENTS, Peers
from router import Router

# A test waits for answers, never for time to pass. This is far more than any test needs.
TEST_SECONDS = 30


def pytest_addoption(parser):
    parser.addoption("--every-case", action="store_true",
                     help="run all of Autobahn's cases about compression, not a sample")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs a coroutine test in its own event loop and closes its peers at the end."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def test_and_leave():
        try:
            async with asyncio.timeout(TEST_SECONDS):
                await pyfuncitem.obj(**arguments)
        finally:
            if "peers" in pyfuncitem.funcargs:
                async with asyncio.timeout(TEST_SECONDS):
                    await pyfuncitem.funcargs["peers"].leave()

    asyncio.run(test_and_leave())
    return True


@pytest.fixture(scope="session")
def router(tmp_path_factory):
    """The router that most tests share; it has to shut down gracefully at the end."""
    router = Router(tmp_path_factory.mktemp("router")).start()
    yield router
    router.stop()


@pytest.fixture
def peers(router):
    """The sessions of this test."""
    return Peers(router)


@pytest.fixture(params=ATTACHMENTS, ids=str)
def attachment(request):
    """Each transport with each serializer."""
    return request.param


@pytest.fixture
def join(peers, attachment):
    """`await join()`: a session over the attachment of this run of the test."""
    return functools.partial(peers.join, attachment)


NUMBERS = itertools.count(1)


@pytest.fixture
def uri():
    """A URI that no other test uses."""
    return f"com.example.t{next(NUMBERS)}"
