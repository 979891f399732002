//! What a router says to the load, read from its bytes without a copy.
//!
//! Read with the tokens of `cloverleaf-wamp`, but not as its whole messages: options are passed
//! over, and of the arguments only the [`Stamp`] is taken that every message of the load bears.

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
    /// Which of the load's callers or publishers has sent it.
    pub sender: u64,
    /// Its number there, from 1 on.
    pub number: u64,
    /// The octets of the text.
    pub text_len: usize,
}

/// One message, as far as the load looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// WELCOME.
    Welcome,
    /// ABORT or GOODBYE, with its reason.
    Farewell(Cow<'a, str>),
    /// PUBLISHED, SUBSCRIBED, UNSUBSCRIBED, REGISTERED or UNREGISTERED.
    Answer {
        /// The number of the request.
        request: u64,
        /// The id that the router gave; 0 where the message has none.
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
        /// What it brings back.
        stamp: Stamp,
    },
    /// INVOCATION; CALL, where no router stands between.
    Invocation {
        /// The number to answer with.
        request: u64,
        /// The encoded arguments.
        args: &'a [u8],
    },
    /// EVENT.
    Event {
        /// What it brings.
        stamp: Stamp,
    },
}

/// Reads one message.
///
/// # Errors
/// Bytes that are no message, messages that the load can't be sent, and arguments that are not
/// the load's own.
#[inline]
pub fn read(serializer: Serializer, bytes: &[u8]) -> Result<Message<'_>, DecodeError> {
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
) -> Result<Message<'a>, DecodeError> {
    let r = &mut reader;
    if r.next()? != Token::ListStart {
        return Err(DecodeError::NotAMessage);
    }
    match number(r, "the message type")? {
        code::EVENT => {
            number(r, "Subscription")?;
            number(r, "Publication")?;
            r.skip()?;
            Ok(Message::Event { stamp: stamp(r)? })
        }
        code::RESULT => {
            let request = number(r, "Request")?;
            r.skip()?;
            Ok(Message::Result { request, stamp: stamp(r)? })
        }
        code::INVOCATION => {
            let request = number(r, "Request")?;
            number(r, "Registration")?;
            r.skip()?;
            Ok(Message::Invocation { request, args: &bytes[r.skip()?] })
        }
        code::CALL => {
            let request = number(r, "Request")?;
            r.skip()?;
            r.skip()?;
            Ok(Message::Invocation { request, args: &bytes[r.skip()?] })
        }
        other => seldom(r, other),
    }
}

/// The messages that come once for a session or a request.
fn seldom<'a, R: TokenReader<'a>>(r: &mut R, code: u64) -> Result<Message<'a>, DecodeError> {
    match code {
        code::WELCOME => Ok(Message::Welcome),
        code::ABORT | code::GOODBYE => {
            r.skip()?;
            Ok(Message::Farewell(text(r, "Reason")?))
        }
        code::ERROR => {
            number(r, "REQUEST.Type")?;
            let request = number(r, "REQUEST.Request")?;
            r.skip()?;
            Ok(Message::Error { request, uri: text(r, "Error")? })
        }
        code::PUBLISHED | code::SUBSCRIBED | code::REGISTERED => {
            let request = number(r, "Request")?;
            Ok(Message::Answer { request, id: number(r, "the id")? })
        }
        code::UNSUBSCRIBED | code::UNREGISTERED => {
            Ok(Message::Answer { request: number(r, "Request")?, id: 0 })
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

    fn json(text: &str) -> Result<Message<'_>, DecodeError> {
        read(Serializer::Json, text.as_bytes())
    }

    #[test]
    fn each_message_of_the_load_is_understood() {
        let stamp = Stamp { sender: 2, number: 7, text_len: 4 };
        for (text, message) in [
            (r#"[2,123,{"roles":{}}]"#, Message::Welcome),
            (r#"[3,{"message":"x"},"wamp.close.x"]"#, Message::Farewell("wamp.close.x".into())),
            (r#"[6,{},"wamp.close.x"]"#, Message::Farewell("wamp.close.x".into())),
            (r#"[8,48,7,{},"a.b",["why"]]"#, Message::Error { request: 7, uri: "a.b".into() }),
            ("[17,7,9]", Message::Answer { request: 7, id: 9 }),
            ("[33,7,9]", Message::Answer { request: 7, id: 9 }),
            ("[35,7]", Message::Answer { request: 7, id: 0 }),
            ("[65,7,9]", Message::Answer { request: 7, id: 9 }),
            ("[67,7]", Message::Answer { request: 7, id: 0 }),
            (r#"[50,7,{"x":[1]},[2,7,"four"]]"#, Message::Result { request: 7, stamp }),
            (r#"[36,5,6,{},[2,7,"four"],{}]"#, Message::Event { stamp }),
            ("[68,7,3,{},[1,2]]", Message::Invocation { request: 7, args: b"[1,2]" }),
            (r#"[48,7,{},"a.b",[1,2]]"#, Message::Invocation { request: 7, args: b"[1,2]" }),
        ] {
            assert_eq!(json(text), Ok(message), "{text}");
        }
    }

    #[test]
    fn what_the_load_has_not_sent_is_refused() {
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
