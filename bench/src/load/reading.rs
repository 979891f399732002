//! Decodes the messages of a router without a copy.
//!
//! It uses the tokens of `cloverleaf-wamp`, but not its messages. Options are skipped, and of the
//! arguments only the [`Stamp`] of each message is read.

use std::borrow::Cow;

use cloverleaf_wamp::codec::cbor::CborReader;
use cloverleaf_wamp::codec::json::JsonReader;
use cloverleaf_wamp::codec::msgpack::MsgPackReader;
use cloverleaf_wamp::codec::ubjson::{BjDataReader, UbJsonReader};
use cloverleaf_wamp::codec::{Token, TokenKind, TokenReader};
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::message::code;
use cloverleaf_wamp::serializer::Serializer;

/// The arguments of every message of the load: `[sender, number, text]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The caller or publisher of the load that has sent it.
    pub sender: u64,
    /// Its number there, from 1.
    pub number: u64,
    /// Bytes of the text.
    pub text_len: usize,
}

/// One message, as far as the load reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadMessage<'a> {
    /// WELCOME.
    Welcome,
    /// ABORT or GOODBYE, with its reason.
    Farewell(Cow<'a, str>),
    /// PUBLISHED, SUBSCRIBED, UNSUBSCRIBED, REGISTERED or UNREGISTERED.
    Answer {
        /// The number of the request.
        request: u64,
        /// The id from the router; 0 if the message has none.
        id: u64,
    },
    /// ERROR.
    Error {
        /// The number of the request.
        request: u64,
        /// The error's URI.
        uri: Cow<'a, str>,
    },
    /// RESULT.
    Result {
        /// The number of the call.
        request: u64,
        /// The stamp of its arguments.
        stamp: Stamp,
    },
    /// INVOCATION; or CALL, without a router.
    Invocation {
        /// The number of the request.
        request: u64,
        /// The encoded arguments.
        args: &'a [u8],
    },
    /// EVENT.
    Event {
        /// The stamp of its arguments.
        stamp: Stamp,
    },
}

/// Decodes one message.
///
/// # Errors
/// Bytes that are no message, messages that a router does not send to the load, and arguments that
/// are not the load's own.
#[inline]
pub fn read(serializer: Serializer, bytes: &[u8]) -> Result<LoadMessage<'_>, DecodeError> {
    match serializer {
        Serializer::Json => message(JsonReader::new(bytes), bytes),
        Serializer::MsgPack => message(MsgPackReader::new(bytes), bytes),
        Serializer::Cbor => message(CborReader::new(bytes), bytes),
        Serializer::UbJson => message(UbJsonReader::new(bytes), bytes),
        Serializer::BjData => message(BjDataReader::new(bytes), bytes),
    }
}

#[inline]
fn message<'a, R: TokenReader<'a>>(
    mut reader: R,
    bytes: &'a [u8],
) -> Result<LoadMessage<'a>, DecodeError> {
    let r = &mut reader;
    if r.next()? != Token::ListStart {
        return Err(DecodeError::NotAMessage);
    }
    match number(r, "the message type")? {
        code::EVENT => {
            number(r, "Subscription")?;
            number(r, "WindowEntry")?;
            r.skip()?;
            Ok(LoadMessage::Event { stamp: stamp(r)? })
        }
        code::RESULT => {
            let request = number(r, "Request")?;
            r.skip()?;
            Ok(LoadMessage::Result { request, stamp: stamp(r)? })
        }
        code::INVOCATION => {
            let request = number(r, "Request")?;
            number(r, "Registration")?;
            r.skip()?;
            Ok(LoadMessage::Invocation { request, args: &bytes[r.skip()?] })
        }
        code::CALL => {
            let request = number(r, "Request")?;
            r.skip()?;
            r.skip()?;
            Ok(LoadMessage::Invocation { request, args: &bytes[r.skip()?] })
        }
        other => seldom(r, other),
    }
}

/// Decodes messages that come once for a session or a request.
fn seldom<'a, R: TokenReader<'a>>(r: &mut R, code: u64) -> Result<LoadMessage<'a>, DecodeError> {
    match code {
        code::WELCOME => Ok(LoadMessage::Welcome),
        code::ABORT | code::GOODBYE => {
            r.skip()?;
            Ok(LoadMessage::Farewell(text(r, "Reason")?))
        }
        code::ERROR => {
            number(r, "REQUEST.Type")?;
            let request = number(r, "REQUEST.Request")?;
            r.skip()?;
            Ok(LoadMessage::Error { request, uri: text(r, "Error")? })
        }
        code::PUBLISHED | code::SUBSCRIBED | code::REGISTERED => {
            let request = number(r, "Request")?;
            Ok(LoadMessage::Answer { request, id: number(r, "the id")? })
        }
        code::UNSUBSCRIBED | code::UNREGISTERED => {
            Ok(LoadMessage::Answer { request: number(r, "Request")?, id: 0 })
        }
        other => Err(DecodeError::UnknownMessageType(other)),
    }
}

#[inline]
fn stamp<'a, R: TokenReader<'a>>(r: &mut R) -> Result<Stamp, DecodeError> {
    if r.peek()? != TokenKind::List {
        return Err(wrong("Arguments", "the list that was sent"));
    }
    r.next()?;
    let sender = number(r, "the sender in Arguments")?;
    let number = number(r, "the number in Arguments")?;
    Ok(Stamp { sender, number, text_len: text(r, "the text in Arguments")?.len() })
}

#[inline]
fn number<'a, R: TokenReader<'a>>(r: &mut R, field: &'static str) -> Result<u64, DecodeError> {
    match r.next()? {
        Token::Unsigned(number) => Ok(number),
        _ => Err(wrong(field, "an integer of 0 and above")),
    }
}

#[inline]
fn text<'a, R: TokenReader<'a>>(
    r: &mut R,
    field: &'static str,
) -> Result<Cow<'a, str>, DecodeError> {
    match r.next()? {
        Token::Text(text) => Ok(text),
        _ => Err(wrong(field, "a string")),
    }
}

const fn wrong(field: &'static str, expected: &'static str) -> DecodeError {
    DecodeError::WrongType { message: "a message of the router", field, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<LoadMessage<'_>, DecodeError> {
        read(Serializer::Json, text.as_bytes())
    }

    #[test]
    fn each_message_of_the_load_is_decoded() {
        let stamp = Stamp { sender: 2, number: 7, text_len: 4 };
        for (text, message) in [
            (r#"[2,123,{"roles":{}}]"#, LoadMessage::Welcome),
            (r#"[3,{"message":"x"},"wamp.close.x"]"#, LoadMessage::Farewell("wamp.close.x".into())),
            (r#"[6,{},"wamp.close.x"]"#, LoadMessage::Farewell("wamp.close.x".into())),
            (r#"[8,48,7,{},"a.b",["why"]]"#, LoadMessage::Error { request: 7, uri: "a.b".into() }),
            ("[17,7,9]", LoadMessage::Answer { request: 7, id: 9 }),
            ("[33,7,9]", LoadMessage::Answer { request: 7, id: 9 }),
            ("[35,7]", LoadMessage::Answer { request: 7, id: 0 }),
            ("[65,7,9]", LoadMessage::Answer { request: 7, id: 9 }),
            ("[67,7]", LoadMessage::Answer { request: 7, id: 0 }),
            (r#"[50,7,{"x":[1]},[2,7,"four"]]"#, LoadMessage::Result { request: 7, stamp }),
            (r#"[36,5,6,{},[2,7,"four"],{}]"#, LoadMessage::Event { stamp }),
            ("[68,7,3,{},[1,2]]", LoadMessage::Invocation { request: 7, args: b"[1,2]" }),
            (r#"[48,7,{},"a.b",[1,2]]"#, LoadMessage::Invocation { request: 7, args: b"[1,2]" }),
        ] {
            assert_eq!(json(text), Ok(message), "{text}");
        }
    }

    #[test]
    fn messages_that_the_load_did_not_cause_are_refused() {
        for text in [
            "{}",
            "[36,5,6,{}]",
            r#"[36,5,6,{},["four"]]"#,
            "[50,7,{},[2,7]]",
            "[68,7,3,{}]",
            "[70,7,{}]",
            "[99]",
        ] {
            assert!(json(text).is_err(), "{text}");
        }
    }
}
