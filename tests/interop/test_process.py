"""The router as a process: start, faults at the start, and shutdown."""

import asyncio
import json
import signal
import subprocess
import time

import pytest

from peers import ATTACHMENTS, Peers
from router import Router, binary, configuration, tcp


@pytest.fixture
def own_router(tmp_path):
    """A router that the test can stop."""
    router = Router(tmp_path).start()
    yield router
    if router.process.poll() is None:
        router.process.kill()
        router.process.wait()


def run(*arguments, **options):
    return subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL, **options)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
def test_a_signal_shuts_the_router_down_gracefully(own_router, how):
    own_router.stop(how)


# As with Crossbar.io, transports are closed without GOODBYE unless the realm's option asks for it.
@pytest.mark.parametrize("realm, reason", [
    ("realm1", "wamp.close.transport_lost"),
    ("goodbye", "wamp.close.system_shutdown"),
])
async def test_every_session_ends_with_the_router(own_router, realm, reason):
    peers = Peers(own_router)
    sessions = [await peers.join(attachment, realm) for attachment in ATTACHMENTS]
    own_router.process.send_signal(signal.SIGTERM)
    reasons = {(await session.left).reason for session in sessions}
    await asyncio.gather(*(session.disconnected for session in sessions))
    assert reasons == {reason}
    assert await asyncio.to_thread(own_router.wait_for_exit) == 0


def test_the_router_can_be_started_again_on_the_same_endpoints(own_router):
    own_router.stop()
    again = configuration(own_router.web_port, own_router.raw_port)
    Router(own_router.directory, again).start().stop()


def test_a_stale_socket_file_is_replaced(own_router):
    own_router.process.kill()
    own_router.process.wait()
    assert own_router.socket_path.exists()
    own_router.start().stop()


def test_a_second_node_on_the_same_port_fails_with_a_message(own_router, tmp_path_factory):
    config = configuration(own_router.web_port, own_router.raw_port)
    second = Router(tmp_path_factory.mktemp("second"), config)
    assert second.launch().wait_for_exit() == 1
    assert str(own_router.web_port) in second.log()
    assert "in use" in second.log()


def test_a_second_node_on_the_same_socket_fails_with_a_message(own_router, tmp_path_factory):
    config = configuration()
    config["workers"][0]["transports"][2]["endpoint"]["path"] = str(own_router.socket_path)
    second = Router(tmp_path_factory.mktemp("second"), config)
    assert second.launch().wait_for_exit() == 1
    assert str(own_router.socket_path) in second.log()
    own_router.stop()


def test_the_router_starts_quickly(tmp_path):
    router = Router(tmp_path)
    began = time.monotonic()
    router.start()
    assert time.monotonic() - began < 2, "a debug build on a busy machine needs less"
    router.stop()


def test_the_version_is_printed_on_one_line(tmp_path):
    answer = run("version", cwd=tmp_path)
    assert answer.returncode == 0
    assert answer.stdout.lower().startswith("cloverleaf ")


def test_check_accepts_a_valid_configuration(tmp_path):
    router = Router(tmp_path)
    assert run("check", "--config", router.config_path, cwd=tmp_path).returncode == 0


def test_check_names_every_fault_at_once(tmp_path):
    config = configuration()
    worker = config["workers"][0]
    worker["transports"][0]["endpoint"]["prot"] = 8080
    worker["realms"][0]["roles"][0]["permissions"][0]["match"] = "sometimes"
    worker["transports"][1]["serializers"] = ["jason"]
    path = Router(tmp_path, config).config_path
    answer = run("check", "--config", path, cwd=tmp_path)
    said = answer.stdout + answer.stderr
    assert answer.returncode == 1
    assert all(fault in said for fault in ("prot", "sometimes", "jason", "config.json")), said


def test_a_missing_or_malformed_file_is_an_error_with_a_message(tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text('{"version": 2,')
    answers = [run("start", "--config", path, cwd=tmp_path)
               for path in (tmp_path / "nowhere.json", broken)]
    assert [answer.returncode for answer in answers] == [1, 1]
    assert "nowhere.json" in answers[0].stderr + answers[0].stdout
    assert "broken.json" in answers[1].stderr + answers[1].stdout


def test_an_unregistered_component_class_is_refused(tmp_path):
    config = configuration()
    config["workers"][0]["components"] = [{
        "type": "class", "classname": "nobody.AppSession", "realm": "realm1", "role": "anonymous"}]
    router = Router(tmp_path, config).launch()
    assert router.wait_for_exit() == 1
    assert "nobody.AppSession" in router.log()


def test_a_directory_can_be_given_instead_of_the_file(tmp_path):
    config = {"version": 2, "workers": [{
        "type": "router", "realms": configuration()["workers"][0]["realms"],
        "transports": [{"type": "rawsocket", "serializers": ["json"], "endpoint": tcp()}],
    }]}
    Router(tmp_path, config).launch("--cbdir", tmp_path).wait_until_ready().stop()
