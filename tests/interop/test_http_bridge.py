"""HTTP requests that reach Autobahn peers through the bridge."""

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
import time
from datetime import datetime, timezone
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import CallResult

from peers import WEBSOCKET_JSON

JSON = {"Content-Type": "application/json"}


class Answer(NamedTuple):
    status: int
    body: object
    headers: dict


def ask(router, method, path, body=None, headers=JSON):
    """Sends one request on its own connection; a JSON response is parsed."""
    connection = http.client.HTTPConnection("127.0.0.1", router.web_port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read()
        named = {name.lower(): value for name, value in response.getheaders()}
        is_json = named.get("content-type", "").startswith("application/json") and text
        return Answer(response.status, json.loads(text) if is_json else text, named)
    finally:
        connection.close()


async def post(router, path, value, headers=JSON):
    """POSTs a value as JSON in a thread, so that the test's peers continue."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return await asyncio.to_thread(ask, router, "POST", path, body, headers)


def complaint(text):
    return {"error": text, "args": [], "kwargs": {}}


# --- calling -------------------------------------------------------------------------------------

async def test_a_call_returns_the_result_of_the_callee(router, join, uri):
    callee = await join()
    await callee.register(lambda a, b: a + b, uri)
    answer = await post(router, "/call", {"procedure": uri, "args": [2, 3]})
    assert (answer.status, answer.body) == (200, {"args": [5]})
    assert answer.headers["content-type"].lower() == "application/json; charset=utf-8"


async def test_args_and_kwargs_arrive_unchanged(router, join, uri):
    callee = await join()
    await callee.register(lambda *args, **kwargs: CallResult(*args, **kwargs), uri)
    payload = {"args": [1, "grüße ☘", None, [2.5]], "kwargs": {"options": {"procedure": "ключ"}}}
    answer = await post(router, "/call", {"procedure": uri, **payload})
    assert (answer.status, answer.body) == (200, payload)


async def test_no_result_is_null(router, join, uri):
    callee = await join()
    await callee.register(lambda: None, uri)
    assert (await post(router, "/call", {"procedure": uri})).body == {"args": [None]}


async def test_a_binary_result_is_given_in_the_json_convention(router, join, uri):
    callee = await join()
    await callee.register(lambda: b"\x00\xff\x10", uri)
    answer = await post(router, "/call", {"procedure": uri})
    assert answer.body == {"args": ["\0" + base64.b64encode(b"\x00\xff\x10").decode()]}


async def test_an_application_error_is_answered_with_200_and_its_uri(router, join, uri):
    callee = await join()

    def refuse():
        raise ApplicationError("com.myapp.error.invalid_length", "☘", min=3, max=10)

    await callee.register(refuse, uri)
    answer = await post(router, "/call", {"procedure": uri})
    assert (answer.status, answer.body) == (200, {
        "error": "com.myapp.error.invalid_length", "args": ["☘"], "kwargs": {"min": 3, "max": 10}})


async def test_an_exception_is_a_runtime_error(router, join, uri):
    callee = await join()

    def stumble():
        raise ValueError("don't ask foolish questions ;)")

    await callee.register(stumble, uri)
    answer = await post(router, "/call", {"procedure": uri})
    assert (answer.status, answer.body) == (200, {
        "error": "wamp.error.runtime_error", "args": ["don't ask foolish questions ;)"],
        "kwargs": {}})


async def test_an_unknown_procedure_is_an_error_with_200(router, uri):
    answer = await post(router, "/call", {"procedure": uri})
    assert (answer.status, answer.body["error"]) == (200, "wamp.error.no_such_procedure")


async def test_a_call_with_a_timeout_ends_in_an_error(router, peers, uri):
    callee = await peers.join(WEBSOCKET_JSON)

    async def endless():
        await asyncio.Event().wait()

    await callee.register(endless, uri)
    answer = await post(router, "/call", {"procedure": uri, "options": {"timeout": 100}})
    assert answer.body["error"] == "wamp.error.timeout"


async def test_a_caller_that_hangs_up_cancels_its_call(router, peers, uri):
    callee = await peers.join(WEBSOCKET_JSON)
    began, interrupted = asyncio.Event(), asyncio.Event()

    async def endless():
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            interrupted.set()

    await callee.register(endless, uri)
    _, writer = await asyncio.open_connection("127.0.0.1", router.web_port)
    body = json.dumps({"procedure": uri}).encode()
    writer.write(b"POST /call HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    await began.wait()
    writer.close()
    await interrupted.wait()


async def test_one_connection_serves_many_requests(router, peers, uri):
    callee = await peers.join(WEBSOCKET_JSON)
    await callee.register(lambda number: number, uri)

    def many():
        connection = http.client.HTTPConnection("127.0.0.1", router.web_port, timeout=10)
        numbers = []
        for number in range(50):
            body = json.dumps({"procedure": uri, "args": [number]})
            connection.request("POST", f"/call?seq={number}", body, JSON)
            numbers += json.loads(connection.getresponse().read())["args"]
        connection.close()
        return numbers

    assert await asyncio.to_thread(many) == list(range(50))


async def test_many_connections_are_served_at_once(router, peers, uri):
    callee = await peers.join(WEBSOCKET_JSON)

    async def slowly(number):
        await asyncio.sleep(0.05)
        return number

    await callee.register(slowly, uri)
    answers = await asyncio.gather(*(
        post(router, "/call", {"procedure": uri, "args": [number]}) for number in range(40)))
    assert [answer.body for answer in answers] == [{"args": [number]} for number in range(40)]


# --- publishing ----------------------------------------------------------------------------------

async def test_a_publication_reaches_the_subscriber_and_has_an_id(router, join, uri):
    subscriber = await join()
    events = asyncio.Queue()
    await subscriber.subscribe(
        lambda *args, **kwargs: events.put_nowait((list(args), kwargs)), uri)
    answer = await post(
        router, "/publish", {"topic": uri, "args": [1, "☘"], "kwargs": {"three": 3}})
    assert answer.status == 200 and list(answer.body) == ["id"]
    assert 1 <= answer.body["id"] <= 2**53
    assert await events.get() == ([1, "☘"], {"three": 3})


async def test_the_options_of_a_publication_are_honoured(router, peers, uri):
    one, two = await peers.join(WEBSOCKET_JSON), await peers.join(WEBSOCKET_JSON)
    events = asyncio.Queue()
    for name, peer in (("one", one), ("two", two)):
        await peer.subscribe(lambda value, name=name: events.put_nowait((name, value)), uri)
    options = {"eligible": [one._session_id]}
    await post(router, "/publish", {"topic": uri, "args": ["first"], "options": options})
    options = {"exclude": [one._session_id]}
    await post(router, "/publish", {"topic": uri, "args": ["second"], "options": options})
    assert [await events.get(), await events.get()] == [("one", "first"), ("two", "second")]


def test_a_publication_needs_a_topic(router):
    answer = ask(router, "POST", "/publish", b'{"args": []}')
    assert (answer.status, answer.body) == (400, complaint(
        "Request body was valid JSON, but not well formed (missing key 'topic')."))


# --- refused requests ----------------------------------------------------------------------------

REFUSED = {
    "no_body": (b"", {}, "Request body was invalid JSON."),
    "no_json": (b"{", {}, "Request body was invalid JSON."),
    "a_list": (b"[1]", {}, "Request body was valid JSON, but not well formed (must be a dict)."),
    "no_procedure": (
        b'{"args": []}', {},
        "Request body was valid JSON, but not well formed (missing key 'procedure')."),
    "no_utf8": (b'{"procedure": "\xff"}', {}, "Non-decodable request body, was not UTF-8."),
    "another_content_type": (
        b"{}", {"Content-Type": "text/plain"},
        "Non-accepted content type. (must be one of 'application/json', not 'text/plain')"),
    "another_charset": (
        b"{}", {"Content-Type": "application/json; charset=latin-1"},
        "Non-accepted request encoding, must be UTF-8."),
}


@pytest.mark.parametrize(("body", "headers", "text"), REFUSED.values(), ids=REFUSED)
def test_a_request_that_is_not_well_formed_gets_its_text(router, body, headers, text):
    answer = ask(router, "POST", "/call", body, {**JSON, **headers})
    assert (answer.status, answer.body) == (400, complaint(text))


@pytest.mark.parametrize("body", [
    b'{"procedure": "com.example.p", "args": "text"}',
    b'{"procedure": "com.example.p", "kwargs": [1]}',
], ids=["args", "kwargs"])
def test_args_must_be_a_list_and_kwargs_an_object(router, body):
    answer = ask(router, "POST", "/call", body)
    assert answer.status == 400
    assert answer.body["args"] == [] and "must be a" in answer.body["error"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
def test_other_methods_are_not_accepted(router, method):
    answer = ask(router, method, "/call")
    assert answer.status == 405
    assert answer.body["error"].startswith("Method not accepted by the REST bridge.")


def test_a_body_over_the_limit_of_the_path_is_too_long(router):
    answer = ask(router, "POST", "/small", b'{"procedure": "%s"}' % (b"x" * 100))
    assert (answer.status, answer.body) == (413, complaint(
        "Request too long. (117 is longer than accepted 64)"))


def test_an_unknown_path_is_not_found(router):
    assert ask(router, "POST", "/nowhere", b"{}").status == 404


def test_the_websocket_path_works_after_a_request_without_upgrade(router):
    answer = ask(router, "GET", "/ws", headers={})
    assert answer.status in (200, 400, 426)
    assert answer.body


# --- origins, signatures -------------------------------------------------------------------------

def test_a_response_names_the_requesting_origin(router):
    headers = {**JSON, "Origin": "https://example.com"}
    answer = ask(router, "POST", "/call", b"{", headers)
    assert answer.headers["access-control-allow-origin"] == "https://example.com"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["cache-control"] == "no-store,no-cache,must-revalidate,max-age=0"
    assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize("headers", [{}, {"Origin": "null"}], ids=["none", "null"])
def test_a_request_without_an_origin_is_allowed_for_any_origin(router, headers):
    answer = ask(router, "POST", "/call", b"{", {**JSON, **headers})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_preflight_response_lists_what_is_allowed(router):
    headers = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST",
               "Access-Control-Request-Headers": "content-type,x-own"}
    answer = ask(router, "OPTIONS", "/call", headers=headers)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["allow"] == "POST,PUT,OPTIONS"
    assert answer.headers["access-control-allow-methods"] == "POST,PUT,OPTIONS"
    assert answer.headers["access-control-allow-headers"] == "content-type,x-own"


def signed(body, secret="foobar", key="bazapp"):
    """The path of a request, signed as Crossbar's clients sign it."""
    now = datetime.fromtimestamp(time.time(), timezone.utc)
    fields = {"timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03}Z",
              "seq": "1", "nonce": "35423454", "key": key}
    content = "".join((key, fields["timestamp"], fields["seq"], fields["nonce"])).encode() + body
    digest = hmac.new(secret.encode(), content, hashlib.sha256).digest()
    fields["signature"] = base64.urlsafe_b64encode(digest).decode()
    return "/signed?" + urlencode(fields)


async def test_a_signed_call_is_served(router, peers, uri):
    callee = await peers.join(WEBSOCKET_JSON)
    await callee.register(lambda: "signed", uri)
    body = json.dumps({"procedure": uri}).encode()
    answer = await post(router, signed(body), body)
    assert (answer.status, answer.body) == (200, {"args": ["signed"]})


def test_wrong_and_missing_signatures_and_keys_are_refused(router):
    body = b'{"procedure": "com.example.p"}'
    answers = [ask(router, "POST", path, body) for path in (
        signed(body, secret="wrong"), signed(body, key="nobody"), "/signed")]
    assert [(answer.status, answer.body["error"]) for answer in answers] == [
        (401, "REST bridge signature secret not valid."),
        (401, "REST bridge signature key not valid."),
        (400, "REST bridge signature was invalid "
              "(missing mandatory field - 'key' field missing)."),
    ]
