//! Encoding of messages.

use super::super::layout::{write_list, write_options};
use super::super::{
    Abort, ClientMessage, Goodbye, RouterMessage, Unregistered, Unsubscribed, code,
};
use crate::codec::TokenWriter;
use crate::payload::{EncodeError, Payload, write_encoded};
use crate::serializer::Serializer;

pub(super) fn client<W: TokenWriter>(
    message: &ClientMessage,
    s: Serializer,
    w: &mut W,
) -> Result<(), EncodeError> {
    let none = &Payload::EMPTY;
    match message {
        ClientMessage::Call(m) => write_list(s, w, code::CALL, 3, &m.payload, |w| {
            w.unsigned(m.request.number());
            write_options(s, w, &m.options)?;
            w.text(m.procedure.as_str());
            Ok(())
        }),
        ClientMessage::Yield(m) => write_list(s, w, code::YIELD, 2, &m.payload, |w| {
            w.unsigned(m.request.number());
            write_options(s, w, &m.options)
        }),
        ClientMessage::Publish(m) => write_list(s, w, code::PUBLISH, 3, &m.payload, |w| {
            w.unsigned(m.request.number());
            write_options(s, w, &*m.options)?;
            w.text(m.topic.as_str());
            Ok(())
        }),
        ClientMessage::Hello(m) => write_list(s, w, code::HELLO, 2, none, |w| {
            w.text(m.realm.as_str());
            write_options(s, w, &m.details)
        }),
        ClientMessage::Abort(m) => abort(m, s, w),
        ClientMessage::Authenticate(m) => write_list(s, w, code::AUTHENTICATE, 2, none, |w| {
            w.text(&m.signature);
            write_encoded(&m.extra, s, w)
        }),
        ClientMessage::Goodbye(m) => goodbye(m, s, w),
        ClientMessage::Error(m) => write_list(s, w, code::ERROR, 4, &m.payload, |w| {
            w.unsigned(code::INVOCATION);
            w.unsigned(m.request.number());
            write_options(s, w, &m.details)?;
            w.text(m.error.as_str());
            Ok(())
        }),
        ClientMessage::Subscribe(m) => write_list(s, w, code::SUBSCRIBE, 3, none, |w| {
            w.unsigned(m.request.number());
            write_options(s, w, &m.options)?;
            w.text(m.topic.as_str());
            Ok(())
        }),
        ClientMessage::Unsubscribe(m) => {
            numbers(s, w, &[code::UNSUBSCRIBE, m.request.number(), m.subscription.number()])
        }
        ClientMessage::Cancel(m) => write_list(s, w, code::CANCEL, 2, none, |w| {
            w.unsigned(m.request.number());
            write_options(s, w, &m.options)
        }),
        ClientMessage::Register(m) => write_list(s, w, code::REGISTER, 3, none, |w| {
            w.unsigned(m.request.number());
            write_options(s, w, &m.options)?;
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
        RouterMessage::Invocation(m) => write_list(s, w, code::INVOCATION, 3, &m.payload, |w| {
            w.unsigned(m.request.number());
            w.unsigned(m.registration.number());
            write_options(s, w, &m.details)
        }),
        RouterMessage::Result(m) => write_list(s, w, code::RESULT, 2, &m.payload, |w| {
            w.unsigned(m.request.number());
            write_options(s, w, &m.details)
        }),
        RouterMessage::Event(event) => {
            w.encoded(event.encoded(s)?);
            Ok(())
        }
        RouterMessage::Welcome(m) => write_list(s, w, code::WELCOME, 2, none, |w| {
            w.unsigned(m.session.number());
            write_options(s, w, &*m.details)
        }),
        RouterMessage::Abort(m) => abort(m, s, w),
        RouterMessage::Challenge(m) => write_list(s, w, code::CHALLENGE, 2, none, |w| {
            w.text(&m.authmethod);
            write_encoded(&m.extra, s, w)
        }),
        RouterMessage::Goodbye(m) => goodbye(m, s, w),
        RouterMessage::Error(m) => write_list(s, w, code::ERROR, 4, &m.payload, |w| {
            w.unsigned(m.request.kind().code());
            w.unsigned(m.request.id().number());
            write_options(s, w, &m.details)?;
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
            write_list(s, w, code::UNSUBSCRIBED, 2, none, |w| {
                w.unsigned(0);
                write_options(s, w, details)
            })
        }
        RouterMessage::Registered(m) => {
            numbers(s, w, &[code::REGISTERED, m.request.number(), m.registration.number()])
        }
        RouterMessage::Unregistered(Unregistered::Answer(request)) => {
            numbers(s, w, &[code::UNREGISTERED, request.number()])
        }
        RouterMessage::Unregistered(Unregistered::Revocation(details)) => {
            write_list(s, w, code::UNREGISTERED, 2, none, |w| {
                w.unsigned(0);
                write_options(s, w, details)
            })
        }
        RouterMessage::Interrupt(m) => write_list(s, w, code::INTERRUPT, 2, none, |w| {
            w.unsigned(m.request.number());
            write_options(s, w, &m.options)
        }),
    }
}

fn abort<W: TokenWriter>(m: &Abort, s: Serializer, w: &mut W) -> Result<(), EncodeError> {
    write_list(s, w, code::ABORT, 2, &Payload::EMPTY, |w| {
        write_options(s, w, &m.details)?;
        w.text(&m.reason);
        Ok(())
    })
}

fn goodbye<W: TokenWriter>(m: &Goodbye, s: Serializer, w: &mut W) -> Result<(), EncodeError> {
    write_list(s, w, code::GOODBYE, 2, &Payload::EMPTY, |w| {
        write_options(s, w, &m.details)?;
        w.text(&m.reason);
        Ok(())
    })
}

/// A message that consists of numbers.
fn numbers<W: TokenWriter>(s: Serializer, w: &mut W, all: &[u64]) -> Result<(), EncodeError> {
    let [code, rest @ ..] = all else { return Ok(()) };
    write_list(s, w, *code, rest.len(), &Payload::EMPTY, |w| {
        rest.iter().for_each(|number| w.unsigned(*number));
        Ok(())
    })
}
