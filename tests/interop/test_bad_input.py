"""Bytes and messages that no correct peer sends, while correct peers continue to work."""

import asyncio
import functools
import random

import pytest

from peers import Attachment
from router import MAX_MESSAGE
from wire import (
    ABORT, CBOR, ERROR, HELLO, JSON, MSGPACK, RESULT, UBJSON, RawSocket, Stream, WebSocket, connect,
)

TRANSPORTS = ("websocket", "tcp", "unix")
DEPTH = 100_000
REQUEST = 7

# Four results of this size exceed the sockets' buffers, but not the limit of a connection.
LARGE = 3 * 1024 * 1024


@pytest.fixture
def undisturbed(peers, uri):
    """`await undisturbed(attack)`: runs a blocking attack while two peers call each other. Returns
    its result after every call was answered."""

    async def beside(attack):
        callee = await peers.join(Attachment("unix", "msgpack"))
        caller = await peers.join(Attachment("websocket", "json"))
        await callee.register(lambda number: number + 1, uri)
        done = asyncio.Event()

        async def keep_calling():
            count = 0
            while not done.is_set() or count < 20:
                assert await caller.call(uri, count) == count + 1
                count += 1

        calling = asyncio.create_task(keep_calling())
        try:
            result = await asyncio.to_thread(attack)
        finally:
            done.set()
            await calling
        assert caller.is_attached() and callee.is_attached()
        return result

    return beside


def aborted(peer):
    """The reason of the next message, an ABORT, which is followed by the end of the connection."""
    message = peer.read_message()
    assert message[0] == ABORT, message
    peer.read_to_end()
    return message[2]


VIOLATION = "wamp.error.protocol_violation"

# --- messages in a wrong state -------------------------------------------------------------------

BEFORE_HELLO = {
    "call": [48, 1, {}, "com.example.procedure"],
    "publish": [16, 1, {}, "com.example.topic"],
    "goodbye_to_nobody": [70, 1, {}, []],
    "welcome": [2, 1, {}],
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("message", BEFORE_HELLO.values(), ids=BEFORE_HELLO)
async def test_a_message_before_hello_is_aborted(router, undisturbed, transport, message):
    def attack():
        with connect(router, transport) as peer:
            return aborted(peer.send_message(message))

    assert await undisturbed(attack) == VIOLATION


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_second_hello_is_aborted(router, undisturbed, transport):
    def attack():
        with connect(router, transport) as peer:
            return aborted(peer.join().send_message(HELLO))

    assert await undisturbed(attack) == VIOLATION


# --- malformed messages --------------------------------------------------------------------------

SENSELESS = {
    "no_list": {"hello": "there"},
    "a_string": "hello",
    "an_empty_list": [],
    "an_unknown_type": [4711, {}],
    "a_type_that_is_no_number": ["48", 1, {}, "com.example.p"],
    "a_router's_message": [50, 1, {}, []],
    "too_few_elements": [48, 1],
    "too_many_elements": [48, 1, {}, "com.example.p", [], {}, 1],
    "options_that_are_no_object": [48, 1, [], "com.example.p"],
    "an_option_of_the_wrong_type": [48, 1, {"timeout": "soon"}, "com.example.p"],
    "a_uri_that_is_no_string": [48, 1, {}, 17],
    "args_that_are_no_list": [48, 1, {}, "com.example.p", "text"],
    "kwargs_that_are_no_object": [48, 1, {}, "com.example.p", [], []],
    "a_request_below_zero": [48, -1, {}, "com.example.p"],
    "a_request_over_2^53": [48, 2**53 + 1, {}, "com.example.p"],
    "a_request_that_is_no_integer": [48, 1.5, {}, "com.example.p"],
    "a_yield_for_nobody's_invocation": [70, 4711, {}, []],
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("message", SENSELESS.values(), ids=SENSELESS)
async def test_a_malformed_message_is_answered_with_abort(router, undisturbed, transport, message):
    def attack():
        with connect(router, transport) as peer:
            return aborted(peer.join().send_message(message))

    assert await undisturbed(attack) == VIOLATION


MALFORMED = {
    "json_cut": (JSON, b'[48, 1, {}, "com.example'),
    "json_garbage": (JSON, b"\x00\x01\x02"),
    "json_empty": (JSON, b""),
    "json_trailing": (JSON, b'[48,1,{},"com.example.p"] []'),
    "json_not_utf8": (JSON, b'[48,1,{},"com.example.\xff"]'),
    "json_half_surrogate": (JSON, b'[48,1,{},"com.example.\\ud800"]'),
    "json_deep": (JSON, b'[48,1,{},"com.example.p",' + b"[" * DEPTH + b"]" * DEPTH + b"]"),
    "msgpack_cut": (MSGPACK, b"\x94\x30\x01\x80"),
    "msgpack_reserved": (MSGPACK, b"\xc1"),
    "msgpack_false_length": (MSGPACK, b"\xdd\xff\xff\xff\xff\x30"),
    "msgpack_false_binary": (MSGPACK, b"\x95\x30\x01\x80\xa1p\x91\xc6\xff\xff\xff\xff\x00"),
    "msgpack_deep": (MSGPACK, b"\x95\x30\x01\x80\xa1p" + b"\x91" * DEPTH + b"\x90"),
    "cbor_cut": (CBOR, b"\x84\x18\x30\x01\xa0"),
    "cbor_reserved": (CBOR, b"\x1c"),
    "cbor_false_length": (CBOR, b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x18\x30"),
    "cbor_false_text": (CBOR, b"\x84\x18\x30\x01\xa0\x7b\x7f\xff\xff\xff\xff\xff\xff\xff"),
    "cbor_deep": (CBOR, b"\x85\x18\x30\x01\xa0\x61p" + b"\x81" * DEPTH + b"\x80"),
    "ubjson_cut": (UBJSON, b"[U\x30U\x01{}"),
    "ubjson_false_length": (UBJSON, b"[U\x30U\x01{}SM\xff\xff\xff\xff\xff\xff\xff\x7fp"),
    "ubjson_entries_of_no_bytes": (UBJSON, b"[U\x30U\x01{}Cp[$Z#m\xff\xff\xff\xff]"),
    "ubjson_deep": (UBJSON, b"[U\x30U\x01{}Cp" + b"[" * DEPTH + b"]" * DEPTH + b"]"),
}


@pytest.mark.parametrize(("serializer", "octets"), MALFORMED.values(), ids=MALFORMED)
async def test_malformed_bytes_close_the_rawsocket(router, undisturbed, serializer, octets):
    def attack():
        with RawSocket.unix(router.socket_path).shake_hands(serializer) as peer:
            peer.send_frame(octets)
            peer.read_to_end()

    await undisturbed(attack)


@pytest.mark.parametrize(("serializer", "octets"), MALFORMED.values(), ids=MALFORMED)
async def test_malformed_bytes_close_the_websocket(router, undisturbed, serializer, octets):
    name, opcode = {JSON: ("json", 1), MSGPACK: ("msgpack", 2), CBOR: ("cbor", 2),
                    UBJSON: ("ubjson", 2)}[serializer]

    def attack():
        with WebSocket.tcp(router.web_port).shake_hands(f"wamp.2.{name}") as peer:
            peer.send_frame(octets, opcode)
            peer.read_to_end()

    await undisturbed(attack)


# --- refused requests after which the session continues ------------------------------------------

INVALID_URIS = {
    "call": [48, REQUEST, {}, "com..example"],
    "publish": [16, REQUEST, {"acknowledge": True}, "com.example."],
    "register": [64, REQUEST, {}, "com.exa mple"],
    "subscribe": [32, REQUEST, {}, "com.example.#"],
    "an_empty_uri": [48, REQUEST, {}, ""],
    "a_reserved_uri": [64, REQUEST, {}, "wamp.mine"],
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("message", INVALID_URIS.values(), ids=INVALID_URIS)
async def test_an_invalid_uri_is_an_error_and_the_session_continues(
        router, undisturbed, transport, message):
    def attack():
        with connect(router, transport) as peer:
            refused = peer.join().send_message(message).read_message()
            alive = peer.send_message([48, 8, {}, "com.example.nobody"]).read_message()
            return refused[:3], refused[4], alive[:3], alive[4]

    refused, error, alive, other = await undisturbed(attack)
    assert (refused, alive) == ([ERROR, message[0], REQUEST], [ERROR, 48, 8])
    assert error == "wamp.error.invalid_uri"
    assert other == "wamp.error.no_such_procedure"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_invalid_topic_without_acknowledge_is_not_answered(
        router, undisturbed, transport):
    def attack():
        with connect(router, transport) as peer:
            peer.join().send_message([16, 1, {}, "com..example"])
            return peer.send_message([48, 2, {}, "com.example.nobody"]).read_message()[:3]

    assert await undisturbed(attack) == [ERROR, 48, 2]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_removing_an_unknown_id_is_an_error(router, undisturbed, transport):
    def attack():
        with connect(router, transport) as peer:
            peer.join()
            return [peer.send_message(message).read_message()
                    for message in ([34, 1, 4711], [66, 2, 4711])]

    answers = await undisturbed(attack)
    assert [(answer[:3], answer[4]) for answer in answers] == [
        ([ERROR, 34, 1], "wamp.error.no_such_subscription"),
        ([ERROR, 66, 2], "wamp.error.no_such_registration"),
    ]


# --- RawSocket -----------------------------------------------------------------------------------

HANDSHAKES = {
    "no_rawsocket": (b"GET / HTTP/1.1\r\n\r\n", b""),
    "reserved_octets": (b"\x7f\xf1\x00\x01", b"\x7f\x30\x00\x00"),
    "unknown_serializer": (b"\x7f\xff\x00\x00", b"\x7f\x10\x00\x00"),
    "no_serializer": (b"\x7f\xf0\x00\x00", b"\x7f\x10\x00\x00"),
}


@pytest.mark.parametrize("transport", ["tcp", "unix"])
@pytest.mark.parametrize(("request_", "reply"), HANDSHAKES.values(), ids=HANDSHAKES)
async def test_a_wrong_rawsocket_handshake_is_answered_with_its_error_and_closed(
        router, undisturbed, transport, request_, reply):
    def attack():
        open_ = functools.partial(Stream.tcp, router.raw_port) if transport == "tcp" else \
            functools.partial(Stream.unix, router.socket_path)
        with open_() as stream:
            return stream.send(request_).read_to_end()

    assert await undisturbed(attack) == reply


async def test_a_rawsocket_frame_over_the_limit_closes_the_connection(router, undisturbed):
    def attack():
        with RawSocket.tcp(router.raw_port).shake_hands() as peer:
            peer.join().send_frame(b"[" + b" " * MAX_MESSAGE + b"]")
            peer.read_to_end()

    await undisturbed(attack)


@pytest.mark.parametrize("kind", [3, 7, 8, 0xFF])
async def test_a_rawsocket_frame_of_unknown_type_closes_the_connection(router, undisturbed, kind):
    def attack():
        with RawSocket.tcp(router.raw_port).shake_hands() as peer:
            peer.join().send_frame(b"[]", kind)
            peer.read_to_end()

    await undisturbed(attack)


async def test_a_rawsocket_pong_has_the_payload_of_its_ping(router):
    def ping():
        with RawSocket.tcp(router.raw_port).shake_hands() as peer:
            peer.send_frame(b"\x00\xffping", kind=1)
            return peer.read_frame()

    assert await asyncio.to_thread(ping) == (2, b"\x00\xffping")


async def test_a_frame_can_arrive_byte_by_byte(router, undisturbed):
    def attack():
        with RawSocket.tcp(router.raw_port).shake_hands() as peer:
            peer.join()
            message = b'[48,1,{},"com.example.nobody"]'
            for octet in len(message).to_bytes(4, "big") + message:
                peer.send(bytes([octet]))
            return peer.read_message()[:3]

    assert await undisturbed(attack) == [ERROR, 48, 1]


# --- WebSocket -----------------------------------------------------------------------------------

FRAMES = {
    "text_that_is_not_utf8": ({"payload": b'["\xff"]'}, {1007}),
    "an_unmasked_frame": ({"payload": b"[]", "masked": False}, {1002}),
    "a_reserved_bit": ({"payload": b"[]", "reserved": 4}, {1002}),
    "an_unknown_opcode": ({"payload": b"[]", "opcode": 3}, {1002}),
    "a_continuation_of_nothing": ({"payload": b"[]", "opcode": 0}, {1002}),
    "a_fragmented_ping": ({"payload": b"", "opcode": 9, "fin": False}, {1002}),
    "a_ping_that_is_too_long": ({"payload": b"x" * 126, "opcode": 9}, {1002}),
    "a_close_code_that_is_none": ({"payload": b"\x03\xed", "opcode": 8}, {1002}),
    "a_message_over_the_limit": ({"payload": b"[" + b" " * MAX_MESSAGE + b"]"}, {1009}),
}


@pytest.mark.parametrize(("frame", "codes"), FRAMES.values(), ids=FRAMES)
async def test_a_wrong_frame_is_answered_with_its_close_code(router, undisturbed, frame, codes):
    def attack():
        with WebSocket.tcp(router.web_port).shake_hands() as peer:
            code = peer.join().send_frame(**frame).read_close_code()
            peer.read_to_end()
            return code

    assert await undisturbed(attack) in codes


OPENINGS = {
    "no_common_subprotocol": [("Sec-WebSocket-Protocol", "chat")],
    "no_subprotocol": [("Sec-WebSocket-Protocol", None)],
    "no_key": [("Sec-WebSocket-Key", None)],
    "a_key_that_is_none": [("Sec-WebSocket-Key", "short")],
    "another_version": [("Sec-WebSocket-Version", "7")],
}


@pytest.mark.parametrize("changes", OPENINGS.values(), ids=OPENINGS)
async def test_a_wrong_opening_request_is_refused(router, undisturbed, changes):
    def attack():
        with WebSocket.tcp(router.web_port) as peer:
            return peer.request(*changes).read_status()

    assert await undisturbed(attack) in (400, 426)


# --- HTTP ----------------------------------------------------------------------------------------

REQUESTS = {
    "garbage": b"\x00\x01\x02\x03\r\n\r\n",
    "no_version": b"POST /call\r\n\r\n",
    "two_lengths": b"POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                   b"Content-Length: 3\r\n\r\n{}x",
    "a_length_that_is_none": b"POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\n{}",
    "a_folded_header": b"POST /call HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n"
                       b"Content-Length: 2\r\n\r\n{}",
    "endless_headers": b"POST /call HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20_000,
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_a_wrong_http_request_is_refused(router, undisturbed, request_):
    def attack():
        with Stream.tcp(router.web_port) as stream:
            answer = stream.send(request_).read_some()
            return int(answer.split()[1])

    assert await undisturbed(attack) in (400, 431)


# --- random input and lost peers -----------------------------------------------------------------

@pytest.mark.parametrize("seed", range(5))
async def test_random_bytes_do_not_disturb_other_peers(router, undisturbed, seed):
    chance = random.Random(seed)

    def attack():
        for _ in range(20):
            noise = chance.randbytes(chance.randrange(1, 4000))
            for open_ in (functools.partial(Stream.tcp, router.web_port),
                          functools.partial(Stream.tcp, router.raw_port),
                          functools.partial(Stream.unix, router.socket_path),
                          functools.partial(connect, router, "tcp"),
                          functools.partial(connect, router, "websocket")):
                with open_() as stream:
                    stream.send(noise)

    await undisturbed(attack)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_peer_that_reads_late_continues(router, peers, uri, transport):
    callee, other = [await peers.join(Attachment("unix", "msgpack")) for _ in range(2)]
    called = asyncio.Queue()
    await callee.register(lambda number: called.put_nowait(number) or "x" * LARGE, uri)

    def call():
        peer = connect(router, transport).join()
        for number in range(1, 5):
            peer.send_message([48, number, {}, uri, [number]])
        return peer

    with await asyncio.to_thread(call) as peer:
        assert [await called.get() for _ in range(4)] == [1, 2, 3, 4]
        # The callee's answers stay in order: once it has answered another call, the router has all
        # four results. It can't send them, so it has paused reading.
        await other.call(uri, 5)
        peer.send_message([48, 5, {}, "com.example.nobody"])
        answers = await asyncio.to_thread(lambda: [peer.read_message()[:3] for _ in range(5)])
    assert [answer[:2] for answer in answers[:4]] == [[RESULT, number] for number in range(1, 5)]
    assert answers[4] == [ERROR, 48, 5]


async def test_peers_that_disconnect_do_not_disturb_others(router, undisturbed):
    def attack():
        for transport in TRANSPORTS * 10:
            with connect(router, transport) as peer:
                peer.join().send_message([64, 1, {}, "com.example.vanishing"])
            with connect(router, transport) as peer:
                peer.send(b"\x00\x00")

    await undisturbed(attack)
