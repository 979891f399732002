"""The foreign clients: their commands, their attachments, and the limits of their libraries.

docs/clients.md lists the same for users; test_page.py compares the two."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

DRIVERS = Path(__file__).resolve().parent / "drivers"
CHECKOUT = Path(__file__).resolve().parents[2]

# --- abilities that a test can need -------------------------------------------------------------

RESULTS = "tell all values of a result"
KEYWORD_RESULTS = "return values by keyword"
ERRORS = "end a call with an error URI of its own"
ERROR_URI = "tell the URI of an error"
ERROR_ARGUMENTS = "tell the arguments of an error"
RECEIVE_PROGRESS = "receive progressive results"
SEND_PROGRESS = "send progressive results"
CANCEL = "cancel a call"
CANCEL_MODES = "choose how a call is canceled"
KILL = "cancel with mode `kill`"
BE_INTERRUPTED = "notice as a callee that a call was canceled"
CALL_TIMEOUT = "give a call a time limit"
CALL_DETAILS = "tell a procedure the details of its call"
DISCLOSE_CALLER = "request caller disclosure (`disclose_me`)"
STAY_HIDDEN = "call without asking to be disclosed"
DISCLOSE_PUBLISHER = "request publisher disclosure (`disclose_me`)"
REGISTER_BY_PATTERN = "register a pattern"
REGISTER_SHARED = "share a procedure"
EXTENDED_POLICIES = "share a procedure by the router's own policies"
REGISTER_CONCURRENCY = "limit how many calls it is given at once"
FORCE_REREGISTER = "force reregistration"
UNREGISTER = "unregister"
SUBSCRIBE_BY_PATTERN = "subscribe to a pattern"
UNSUBSCRIBE = "unsubscribe"
UNSUBSCRIBE_PATTERN = "unsubscribe from a pattern"
EVENT_DETAILS = "tell a subscriber the details of an event"
ACKNOWLEDGED = "request acknowledged publication"
PUBLISH_IN_ORDER = "keep publications in order that it doesn't wait for"
EXCLUDE_ME = "receive its own events (`exclude_me: false`)"
CHOOSE_RECEIVERS = "use eligible and exclude lists"
SESSION_IDS = "name sessions by their ids"
RETAIN = "publish retained events"
GET_RETAINED = "ask for what was published before"
OWN_ID = "report its session id"
END_OF_SESSION = "report the reason of GOODBYE"
IDENTITY = "report its authid and authrole"


@dataclass(frozen=True)
class Client:
    """A client library in its own program."""

    name: str
    command: tuple
    attachments: tuple
    cannot: dict = field(default_factory=dict)

    def can(self, needs):
        return not set(needs) & set(self.cannot)

    def __str__(self):
        return self.name


@dataclass(frozen=True)
class Attachment:
    """The transport and the serializer of a client."""

    transport: str
    serializer: str

    def __str__(self):
        return f"{self.transport}-{self.serializer}"


def attachments(*names):
    return tuple(Attachment(*name.split("-")) for name in names)


def python(name, *arguments):
    return (sys.executable, str(DRIVERS / name), *arguments)


def javascript(name):
    return ("node", str(DRIVERS / "javascript" / name))


def rust(name):
    """The programs that `make foreign-rust` has built."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target"))
    return (str(target / "foreign" / "debug" / name),)


NO_SUCH_OPTION = "it has no such option"

AUTOBAHN_PYTHON_CANNOT = {
    CANCEL_MODES: "it cancels without a mode, which means killnowait",
    KILL: "it cancels without a mode, which means killnowait",
    DISCLOSE_CALLER: NO_SUCH_OPTION,
    DISCLOSE_PUBLISHER: NO_SUCH_OPTION,
    EXTENDED_POLICIES: "it allows only the policies of the specification",
}

AUTOBAHN_ASYNCIO = Client(
    "autobahn-asyncio", python("autobahn_python.py", "asyncio"),
    attachments("websocket-json", "unix-msgpack", "tcp-cbor"),
    cannot=AUTOBAHN_PYTHON_CANNOT)

AUTOBAHN_TWISTED = Client(
    "autobahn-twisted", python("autobahn_python.py", "twisted"),
    attachments("websocket-json", "websocket-msgpack", "unix-cbor", "tcp-json"),
    cannot=AUTOBAHN_PYTHON_CANNOT)


# Abilities that a client without CANCEL and progressive results lacks.
NEITHER_CANCEL_NOR_PROGRESS = {
    RECEIVE_PROGRESS: "it doesn't know progressive results",
    SEND_PROGRESS: "it doesn't know progressive results",
    CANCEL: "it doesn't know CANCEL",
    CANCEL_MODES: "it doesn't know CANCEL",
    KILL: "it doesn't know CANCEL",
    BE_INTERRUPTED: "it doesn't know INTERRUPT",
}

SWAMPYER = Client(
    "swampyer", python("swampyer_python.py"),
    attachments("websocket-json", "websocket-msgpack", "websocket-cbor", "unix-msgpack",
                "tcp-json"),
    cannot={
        RESULTS: "its calls return the first value of a result",
        KEYWORD_RESULTS: "its procedures return one value",
        ERRORS: "its procedures end with its own error, whatever they raise",
        ERROR_URI: "it tells the arguments of an error, and its URI only if there are none",
        **NEITHER_CANCEL_NOR_PROGRESS,
        CALL_TIMEOUT: "its calls have no options",
        STAY_HIDDEN: "it asks so with each call",
        GET_RETAINED: "it drops an event that comes right behind SUBSCRIBED",
    })

AUTOBAHN_JS_CANNOT = {
    CANCEL: "it forgets the call at once, and takes the router's word of its end for a violation",
    CANCEL_MODES: "it forgets the call at once, unless the mode is kill",
    BE_INTERRUPTED: "it doesn't know INTERRUPT",
}

AUTOBAHN_NODE = Client(
    "autobahn-node", javascript("autobahn_node.mjs"),
    attachments("websocket-json", "websocket-msgpack", "websocket-cbor", "unix-json", "tcp-json"),
    cannot=AUTOBAHN_JS_CANNOT)

AUTOBAHN_BROWSER = Client(
    "autobahn-browser", javascript("browser.mjs"),
    attachments("websocket-json", "websocket-msgpack", "websocket-cbor"),
    cannot=AUTOBAHN_JS_CANNOT)

OVERTAKING = "it sends each message in a request of its own, and one may overtake others"

AUTOBAHN_LONGPOLL = Client(
    "autobahn-longpoll", javascript("browser.mjs"), attachments("longpoll-json"),
    cannot={
        **AUTOBAHN_JS_CANNOT,
        SEND_PROGRESS: OVERTAKING,
        PUBLISH_IN_ORDER: OVERTAKING,
    })

WAMPY_CANNOT = {
    BE_INTERRUPTED: "it doesn't know INTERRUPT",
    EXTENDED_POLICIES: "it allows only the policies of the specification",
    REGISTER_CONCURRENCY: NO_SUCH_OPTION,
    FORCE_REREGISTER: NO_SUCH_OPTION,
    UNSUBSCRIBE_PATTERN: "it looks for the subscription without its options, and crashes",
    EXCLUDE_ME: "it passes exclude_me on only if it is true",
    RETAIN: "it checks the option and doesn't pass it on",
    END_OF_SESSION: "it tells that the session has ended, without the reason",
}

WAMPY = Client(
    "wampy", javascript("wampy.mjs"), attachments("websocket-json"), cannot=WAMPY_CANNOT)

WAMPY_BINARY = Client(
    "wampy-binary", javascript("wampy.mjs"),
    attachments("websocket-msgpack", "websocket-cbor"),
    cannot={
        **WAMPY_CANNOT,
        SESSION_IDS: "it writes integers beyond 32 bits as floats, which are no ids",
    })

DROPS_DETAILS = "it drops the details of what it receives"

WAMP_ASYNC = Client(
    "wamp-async", rust("foreign-wamp-async"),
    attachments("websocket-json", "websocket-msgpack", "tcp-json", "tcp-msgpack"),
    cannot={
        ERRORS: "its procedures end with its own error, whatever they return",
        ERROR_ARGUMENTS: "it tells the URI and the details of an error only",
        **NEITHER_CANCEL_NOR_PROGRESS,
        CALL_TIMEOUT: NO_SUCH_OPTION,
        CALL_DETAILS: DROPS_DETAILS,
        DISCLOSE_CALLER: NO_SUCH_OPTION,
        DISCLOSE_PUBLISHER: NO_SUCH_OPTION,
        REGISTER_BY_PATTERN: NO_SUCH_OPTION,
        REGISTER_SHARED: NO_SUCH_OPTION,
        EXTENDED_POLICIES: NO_SUCH_OPTION,
        REGISTER_CONCURRENCY: NO_SUCH_OPTION,
        FORCE_REREGISTER: NO_SUCH_OPTION,
        SUBSCRIBE_BY_PATTERN: NO_SUCH_OPTION,
        UNSUBSCRIBE_PATTERN: NO_SUCH_OPTION,
        EVENT_DETAILS: DROPS_DETAILS,
        EXCLUDE_ME: NO_SUCH_OPTION,
        CHOOSE_RECEIVERS: NO_SUCH_OPTION,
        RETAIN: NO_SUCH_OPTION,
        GET_RETAINED: NO_SUCH_OPTION,
        OWN_ID: "it keeps the id to itself",
        END_OF_SESSION: "it tells that a session has ended, and no reason",
        IDENTITY: DROPS_DETAILS,
    })

WAMPPROTO = Client(
    "wampproto", rust("foreign-wampproto"),
    attachments("tcp-json", "tcp-msgpack", "unix-cbor"))

CLIENTS = (AUTOBAHN_ASYNCIO, AUTOBAHN_TWISTED, SWAMPYER, AUTOBAHN_NODE, AUTOBAHN_BROWSER,
           AUTOBAHN_LONGPOLL, WAMPY, WAMPY_BINARY, WAMP_ASYNC, WAMPPROTO)

# The client at the other end in tests of one end.
WITNESS = AUTOBAHN_ASYNCIO
