"""Allowed origins: the router's decision compared with that of Autobahn|Python, which Crossbar.io
uses, for every pair of a list of origins and a list of patterns."""

import socket

import pytest
from autobahn.util import wildcards2patterns
from autobahn.websocket.protocol import _is_same_origin, _url_to_origin

from router import Router, configuration

LISTS = {
    "any": ["*"],
    "none": [],
    "port": ["https://*.example.com:443"],
    "localhost": ["http://localhost:*"],
    "docs": ["*://*.example.com:*"],
    "hosts": ["127.0.0.1:*", "*.example.com:*"],
    "suffix": ["*example.com:*"],
    "exact": ["https://example.com:443", "http://example.com:80"],
    "several": ["https://*:443", "http://localhost:8080"],
    "apps": ["chrome-extension://abc:*", "app://*"],
    "ipv6": ["http://::1:*"],
}

ORIGINS = [
    "http://example.com", "http://example.com:80", "http://example.com:8080",
    "https://example.com", "https://example.com:443", "https://example.com:8443",
    "https://a.example.com", "https://a.b.example.com:443", "http://a.example.com:1",
    "wss://a.example.com", "HTTPS://A.EXAMPLE.com", "https://example.com.evil.com",
    "https://a.example.com.evil.com:443", "https://evil.com/a.example.com:443",
    "https://evil.com?x=a.example.com:443", "https://a.example.com:443@evil.com",
    "https://user:word@a.example.com", "http://localhost", "http://localhost:80",
    "http://localhost:8080", "HTTP://LocalHost:8080", "https://localhost", "http://localhost:",
    "http://localhost.evil.com", "http://127.0.0.1", "http://127.0.0.1:8080", "http://[::1]",
    "http://[::1]:8080", "//example.com/", "http://example.com./", "chrome-extension://abc",
    "app://x", "app://x:1", "null", "NULL", "file://", "file:///etc/passwd", "FILE:///",
    "example.com", "localhost:8080", "http://", "http://:80", "http://a:99999", "http://a:b",
    "http://[::1", "data:text/html,x", "*",
]


def autobahn_allows(patterns, allow_null, origin):
    """Decides as `WebSocketServerProtocol.processHandshake` does."""
    try:
        parsed = _url_to_origin(origin)
    except ValueError:
        return False
    if parsed == "null" and allow_null:
        return True
    return _is_same_origin(parsed, "http", 80, wildcards2patterns(patterns))


@pytest.fixture(scope="module")
def router(tmp_path_factory):
    config = configuration()
    paths = config["workers"][0]["transports"][0]["paths"]
    for name, patterns in LISTS.items():
        for flag in (True, False):
            paths[f"{name}-{flag}"] = {"type": "websocket", "options": {
                "allowed_origins": patterns, "allow_null_origin": flag}}
    router = Router(tmp_path_factory.mktemp("origins"), config).start()
    yield router
    router.stop()


def status(port, path, origin):
    """The status of the response to an opening handshake."""
    request = (f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
               f"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
               f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp.2.json\r\n"
               f"Origin: {origin}\r\n\r\n")
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.sendall(request.encode())
        line = b""
        while not line.endswith(b"\r\n"):
            octet = sock.recv(1)
            assert octet, f"the connection ended after {line}"
            line += octet
    return int(line.split()[1])


@pytest.mark.parametrize("allow_null", [True, False], ids=["null", "no-null"])
@pytest.mark.parametrize("name", LISTS)
def test_the_router_allows_the_origins_that_autobahn_allows(router, name, allow_null):
    decided = {origin: status(router.web_port, f"{name}-{allow_null}", origin)
               for origin in ORIGINS}
    expected = {origin: 101 if autobahn_allows(LISTS[name], allow_null, origin) else 403
                for origin in ORIGINS}
    assert decided == expected


def test_each_list_allows_and_refuses_origins():
    """Makes sure that the comparison is useful: each list but the empty one allows and refuses."""
    for name, patterns in LISTS.items():
        outcomes = {autobahn_allows(patterns, False, origin) for origin in ORIGINS}
        assert outcomes == ({False} if name == "none" else {True, False}), name
