"""One router, one driver for each client, and new sessions for each test."""

import asyncio
import inspect
import itertools
import json
import sys
from pathlib import Path

import pytest

# The helpers of the tests are in this folder and its sibling.
sys.path.append(str(Path(__file__).resolve().parents[1] / "interop"))

from clients import CLIENTS, DRIVERS, PUBLISH_IN_ORDER, WITNESS
from driver import Driver
from peer import Peer
from router import EVERYTHING, Router, configuration, permission, realm

TEST_SECONDS = 60


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(*abilities): what the client has to be able to do")


def pytest_generate_tests(metafunc):
    """Runs a test with each client that has the needed abilities, over each of its attachments."""
    needs = [need for mark in metafunc.definition.iter_markers("needs") for need in mark.args]
    able = [client for client in CLIENTS if client.can(needs)]
    if "client" in metafunc.fixturenames:
        pairs = [(client, attachment) for client in able for attachment in client.attachments]
        metafunc.parametrize("client,attachment", pairs,
                             ids=[f"{client}-{attachment}" for client, attachment in pairs])


class House:
    """The event loop of the whole run, the router and the started drivers."""

    def __init__(self, directory):
        self.loop = asyncio.new_event_loop()
        self.directory = directory
        self.router = Router(directory, house_configuration()).start()
        self.drivers = {}

    def errors_of(self, client):
        return self.directory / f"{client}.log"

    async def driver(self, client):
        """The driver of a client. It is restarted if it has ended."""
        driver = self.drivers.get(client.name)
        if driver is None or driver.process.returncode is not None:
            with self.errors_of(client).open("ab") as errors:
                driver = await Driver.start(client.command, errors)
            self.drivers[client.name] = driver
        return driver

    def url(self, transport):
        router = self.router
        return {"websocket": f"ws://127.0.0.1:{router.web_port}/ws",
                "longpoll": f"http://127.0.0.1:{router.web_port}/lp",
                "tcp": f"tcp://127.0.0.1:{router.raw_port}",
                "unix": f"unix:{router.socket_path}"}[transport]

    async def join(self, client, attachment=None, realm="realm1"):
        attachment = attachment or client.attachments[0]
        driver = await self.driver(client)
        return await Peer.join(
            driver, self.url(attachment.transport), attachment.serializer, realm,
            in_order=client.can([PUBLISH_IN_ORDER]))

    def stop(self):
        async def stop_drivers():
            await asyncio.gather(*(driver.stop() for driver in self.drivers.values()))

        try:
            self.loop.run_until_complete(stop_drivers())
        finally:
            self.loop.close()
            self.router.stop()


def house_configuration():
    """The transports of the other tests, the page of the client in a browser, a realm for each
    disclosure setting, and one with the behaviour of Crossbar.io."""
    config = configuration()
    # wamp_async connects only to a port that announces the longest messages of RawSocket, which is
    # the default.
    for transport in config["workers"][0]["transports"]:
        if transport["type"] == "rawsocket":
            del transport["options"]
    wished, disclosing, hiding = (permission("", "prefix", EVERYTHING) for _ in range(3))
    del wished["disclose"]
    disclosing["disclose"] = {"caller": True, "publisher": True}
    worker = config["workers"][0]
    worker["transports"][0]["paths"]["foreign"] = {
        "type": "static", "directory": str(DRIVERS / "javascript"),
        # The packages may be installed in another folder.
        "options": {"follow_symlinks": True}}
    worker["realms"] = [
        realm("realm1", wished), realm("disclosing", disclosing), realm("hiding", hiding),
        realm("crossbar", wished, compatibility="crossbar")]
    return config


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs a coroutine test. The output of the drivers is shown if it fails."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    house = pyfuncitem.funcargs["house"]
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    test = asyncio.wait_for(pyfuncitem.obj(**arguments), TEST_SECONDS)
    try:
        house.loop.run_until_complete(test)
    except BaseException:
        for name in house.drivers:
            print(f"--- {name}\n{house.errors_of(name).read_text(errors='replace')[-4000:]}")
        raise
    return True


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("foreign"))
    yield house
    house.stop()


class Sessions:
    """The sessions of one test, which leave at its end."""

    def __init__(self, house, client, attachment):
        self.house, self.client, self.attachment = house, client, attachment
        self.peers = []

    async def join(self, realm="realm1"):
        """A session of the tested client."""
        return self.keep(await self.house.join(self.client, self.attachment, realm))

    async def witness(self, realm="realm1"):
        """A session at the other end."""
        return self.keep(await self.house.join(WITNESS, realm=realm))

    def keep(self, peer):
        self.peers.append(peer)
        return peer

    def leave(self):
        async def leave():
            for peer in self.peers:
                await peer.leave()

        self.house.loop.run_until_complete(leave())


@pytest.fixture
def sessions(house, client, attachment):
    sessions = Sessions(house, client, attachment)
    yield sessions
    sessions.leave()


@pytest.fixture
def join(sessions):
    return sessions.join


@pytest.fixture
def witness(sessions):
    return sessions.witness


NUMBERS = itertools.count(1)


@pytest.fixture
def uri():
    """A URI that no other test uses."""
    return f"com.example.foreign.t{next(NUMBERS)}"
