"""The driver of swampyer, a client that uses threads."""

import os
import threading

import swampyer
from swampyer.exceptions import ExAbort, ExInvocationError
from swampyer.messages import WAMP_ERROR

from lines import answer, error, read

EVENT_DETAILS = ("topic", "publisher", "publisher_authid", "publisher_authrole", "retained")
CALL_DETAILS = ("procedure", "caller", "caller_authid", "caller_authrole")

# Swampyer runs each event in its own thread unless it is limited to one.
IN_ORDER = {"concurrency_max": 1}
SIDE_BY_SIDE = "unlimited"


def told(details, names):
    return {name: details[name] for name in names if name in details}


class Client(swampyer.WAMPClient):
    """A session and its items that the tests ask for later."""

    def __init__(self, **options):
        super().__init__(auto_reconnect=False, **IN_ORDER, **options)
        self.reason = None
        self.changed = threading.Condition()
        self.events = {}

    def handle_goodbye(self, goodbye):
        with self.changed:
            self.reason = goodbye.reason
            self.changed.notify_all()

    def hear(self, event, *args, **kwargs):
        heard = {"args": list(args), "kwargs": kwargs,
                 "details": told(event.details, EVENT_DETAILS)}
        with self.changed:
            self.events.setdefault(event.subscription_id, []).append(heard)
            self.changed.notify_all()

    def heard(self, subscription, count):
        with self.changed:
            self.changed.wait_for(lambda: len(self.events.get(subscription, [])) >= count)
            events = self.events[subscription]
            self.events[subscription] = events[count:]
            return events[:count]


def behaviour(name, value):
    """The behaviour of a procedure; swampyer passes the whole INVOCATION before the arguments."""

    def echo(invocation, *args):
        return args[0]

    def add(invocation, first, second):
        return first + second

    def constant(invocation):
        return value

    def fail(invocation):
        raise ValueError("refused")

    def hang(invocation):
        threading.Event().wait()

    def details(invocation):
        return told(invocation.details, CALL_DETAILS)

    return {"echo": echo, "add": add, "value": constant, "fail": fail, "hang": hang,
            "details": details}[name]


CLIENTS = {}


def join(session, url, serializer, realm):
    url = url.replace("unix:", "unix://").replace("tcp://", "tcpip://")
    client = Client(url=url, realm=realm, serializers=[serializer])
    client.start()
    CLIENTS[session] = client
    details = client.peer.details
    return {"id": client.session_id, "authid": details["authid"],
            "authrole": details["authrole"], "authmethod": details["authmethod"]}


def leave(client):
    client.disconnect()
    return {}


def left(client):
    with client.changed:
        client.changed.wait_for(lambda: client.reason)
    return {"reason": client.reason}


def register(client, procedure, behaviour_name, value, options):
    answer = client.register(procedure, behaviour(behaviour_name, value), options, SIDE_BY_SIDE)
    return {"registration": answer.registration_id}


def unregister(client, registration):
    client.unregister(registration)
    return {}


def call(client, procedure, args, kwargs, name, options):
    # Swampyer requests disclosure with each call.
    if options not in ({}, {"disclose_me": True}):
        raise NotImplementedError("swampyer's calls have no options")
    return {"args": [client.call(procedure, *args, **kwargs)], "kwargs": {}, "parts": []}


def subscribe(client, topic, options):
    return {"subscription": accepted(client.subscribe(topic, client.hear, options)).subscription_id}


def unsubscribe(client, subscription):
    accepted(client.unsubscribe(subscription))
    return {}


def events(client, subscription, count):
    return {"events": client.heard(subscription, count)}


def publish(client, topic, args, kwargs, options):
    # Without options swampyer requests an acknowledgement; empty options request nothing.
    published = client.publish(topic, options or {"acknowledge": False}, args, kwargs)
    return {"publication": accepted(published).publication_id} if published else {}


def accepted(message):
    """Checks an answer, since swampyer returns some ERROR messages as if they were results."""
    if message == WAMP_ERROR:
        raise ExInvocationError(message.error)
    return message


REQUESTS = {request.__name__: request for request in (
    join, leave, left, register, unregister, call, subscribe, unsubscribe, events, publish)}


def serve(number, do, request):
    """Answers one request."""
    try:
        if do == "join":
            answer(number, ok=join(**request))
            return
        client = CLIENTS[request.pop("session")]
        if "behaviour" in request:
            request["behaviour_name"] = request.pop("behaviour")
        answer(number, ok=REQUESTS[do](client, **request))
    except (ExInvocationError, ExAbort) as refused:
        answer(number, **error(None, map(str, refused.args)))
    except Exception as fault:
        answer(number, fault=repr(fault))


def begin(*request):
    threading.Thread(target=serve, args=request, daemon=True).start()


if __name__ == "__main__":
    ended = threading.Event()
    read(begin, ended.set)
    ended.wait()
    # Open sessions are not awaited.
    os._exit(0)
