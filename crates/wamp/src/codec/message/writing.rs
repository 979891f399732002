//! Messages to bytes: a list with its elements, and the payload spliced or transcoded.

use super::super::{EncodeError, TokenWriter, write_encoded};
use crate::message::{
    Abort, ClientMessage, Event, Goodbye, Options, RouterMessage, Unregistered, Unsubscribed, code,
};
use crate::payload::Payload;
use crate::serializer::Serializer;

/// Writes the list around a message: so many elements before the payload, then the payload.
fn list<W: TokenWriter>(
    serializer: Serializer,
    w: &mut W,
    code: u64,
    elements: usize,
    payload: &Payload,
    head: impl FnOnce(&mut W) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let arguments = match (payload.args(), payload.kwargs()) {
        (None, None) => 0,
        (Some(_), None) => 1,
        (_, Some(_)) => 2,
    };
    w.list_start(1 + elements + arguments);
    w.unsigned(code);
    head(w)?;
    match payload.args() {
        Some(args) => write_encoded(args, serializer, w)?,
        None if arguments == 2 => {
            w.list_start(0);
            w.list_end();
        }
        None => {}
    }
    if let Some(kwargs) = payload.kwargs() {
        write_encoded(kwargs, serializer, w)?;
    }
    w.list_end();
    Ok(())
}

fn options<O: Options, W: TokenWriter>(
    serializer: Serializer,
    w: &mut W,
    options: &O,
) -> Result<(), EncodeError> {
    w.map_start(options.entries());
    options.write(serializer, w)?;
    w.map_end();
    Ok(())
}

pub(super) fn client<W: TokenWriter>(
    message: &ClientMessage,
    s: Serializer,
    w: &mut W,
) -> Result<(), EncodeError> {
    let none = &Payload::EMPTY;
    match message {
        ClientMessage::Call(m) => list(s, w, code::CALL, 3, &m.payload, |w| {
            w.unsigned(m.request.number());
            options(s, w, &m.options)?;
            w.text(m.procedure.as_str());
            Ok(())
        }),
        ClientMessage::Yield(m) => list(s, w, code::YIELD, 2, &m.payload, |w| {
            w.unsigned(m.request.number());
            options(s, w, &m.options)
        }),
        ClientMessage::Publish(m) => list(s, w, code::PUBLISH, 3, &m.payload, |w| {
            w.unsigned(m.request.number());
            options(s, w, &*m.options)?;
            w.text(m.topic.as_str());
            Ok(())
        }),
        ClientMessage::Hello(m) => list(s, w, code::HELLO, 2, none, |w| {
            w.text(m.realm.as_str());
            options(s, w, &m.details)
        }),
        ClientMessage::Abort(m) => abort(m, s, w),
        ClientMessage::Authenticate(m) => list(s, w, code::AUTHENTICATE, 2, none, |w| {
            w.text(&m.signature);
            write_encoded(&m.extra, s, w)
        }),
        ClientMessage::Goodbye(m) => goodbye(m, s, w),
        ClientMessage::Error(m) => list(s, w, code::ERROR, 4, &m.payload, |w| {
            w.unsigned(code::INVOCATION);
            w.unsigned(m.request.number());
            options(s, w, &m.details)?;
            w.text(m.error.as_str());
            Ok(())
        }),
        ClientMessage::Subscribe(m) => list(s, w, code::SUBSCRIBE, 3, none, |w| {
            w.unsigned(m.request.number());
            options(s, w, &m.options)?;
            w.text(m.topic.as_str());
            Ok(())
        }),
        ClientMessage::Unsubscribe(m) => {
            numbers(s, w, &[code::UNSUBSCRIBE, m.request.number(), m.subscription.number()])
        }
        ClientMessage::Cancel(m) => list(s, w, code::CANCEL, 2, none, |w| {
            w.unsigned(m.request.number());
            options(s, w, &m.options)
        }),
        ClientMessage::Register(m) => list(s, w, code::REGISTER, 3, none, |w| {
            w.unsigned(m.request.number());
            options(s, w, &m.options)?;
            w.text(m.procedure.as_str());
            Ok(())
        }),
        ClientMessage::Unregister(m) => {
            numbers(s, w, &[code::UNREGISTER, m.request.number(), m.registration.number()])
        }
        ClientMessage::EventReceived(publication) => {
            numbers(s, w, &[code::EVENT_RECEIVED, publication.number()])
        }
    }
}

pub(super) fn router<W: TokenWriter>(
    message: &RouterMessage,
    s: Serializer,
    w: &mut W,
) -> Result<(), EncodeError> {
    let none = &Payload::EMPTY;
    match message {
        RouterMessage::Invocation(m) => list(s, w, code::INVOCATION, 3, &m.payload, |w| {
            w.unsigned(m.request.number());
            w.unsigned(m.registration.number());
            options(s, w, &m.details)
        }),
        RouterMessage::Result(m) => list(s, w, code::RESULT, 2, &m.payload, |w| {
            w.unsigned(m.request.number());
            options(s, w, &m.details)
        }),
        RouterMessage::Event(event) => {
            w.encoded(event.encoded(s)?);
            Ok(())
        }
        RouterMessage::Welcome(m) => list(s, w, code::WELCOME, 2, none, |w| {
            w.unsigned(m.session.number());
            options(s, w, &*m.details)
        }),
        RouterMessage::Abort(m) => abort(m, s, w),
        RouterMessage::Challenge(m) => list(s, w, code::CHALLENGE, 2, none, |w| {
            w.text(&m.authmethod);
            write_encoded(&m.extra, s, w)
        }),
        RouterMessage::Goodbye(m) => goodbye(m, s, w),
        RouterMessage::Error(m) => list(s, w, code::ERROR, 4, &m.payload, |w| {
            w.unsigned(m.request.kind().code());
            w.unsigned(m.request.id().number());
            options(s, w, &m.details)?;
            w.text(&m.error);
            Ok(())
        }),
        RouterMessage::Published(m) => {
            numbers(s, w, &[code::PUBLISHED, m.request.number(), m.publication.number()])
        }
        RouterMessage::Subscribed(m) => {
            numbers(s, w, &[code::SUBSCRIBED, m.request.number(), m.subscription.number()])
        }
        RouterMessage::Unsubscribed(Unsubscribed::Answer(request)) => {
            numbers(s, w, &[code::UNSUBSCRIBED, request.number()])
        }
        RouterMessage::Unsubscribed(Unsubscribed::Revocation(details)) => {
            list(s, w, code::UNSUBSCRIBED, 2, none, |w| {
                w.unsigned(0);
                options(s, w, details)
            })
        }
        RouterMessage::Registered(m) => {
            numbers(s, w, &[code::REGISTERED, m.request.number(), m.registration.number()])
        }
        RouterMessage::Unregistered(Unregistered::Answer(request)) => {
            numbers(s, w, &[code::UNREGISTERED, request.number()])
        }
        RouterMessage::Unregistered(Unregistered::Revocation(details)) => {
            list(s, w, code::UNREGISTERED, 2, none, |w| {
                w.unsigned(0);
                options(s, w, details)
            })
        }
        RouterMessage::Interrupt(m) => list(s, w, code::INTERRUPT, 2, none, |w| {
            w.unsigned(m.request.number());
            options(s, w, &m.options)
        }),
    }
}

pub(super) fn event<W: TokenWriter>(
    m: &Event,
    s: Serializer,
    w: &mut W,
) -> Result<(), EncodeError> {
    list(s, w, code::EVENT, 3, &m.payload, |w| {
        w.unsigned(m.subscription.number());
        w.unsigned(m.publication.number());
        options(s, w, &*m.details)
    })
}

fn abort<W: TokenWriter>(m: &Abort, s: Serializer, w: &mut W) -> Result<(), EncodeError> {
    list(s, w, code::ABORT, 2, &Payload::EMPTY, |w| {
        options(s, w, &m.details)?;
        w.text(&m.reason);
        Ok(())
    })
}

fn goodbye<W: TokenWriter>(m: &Goodbye, s: Serializer, w: &mut W) -> Result<(), EncodeError> {
    list(s, w, code::GOODBYE, 2, &Payload::EMPTY, |w| {
        options(s, w, &m.details)?;
        w.text(&m.reason);
        Ok(())
    })
}

/// A message that is nothing but numbers.
fn numbers<W: TokenWriter>(s: Serializer, w: &mut W, all: &[u64]) -> Result<(), EncodeError> {
    let [code, rest @ ..] = all else { return Ok(()) };
    list(s, w, *code, rest.len(), &Payload::EMPTY, |w| {
        rest.iter().for_each(|number| w.unsigned(*number));
        Ok(())
    })
}
