//! Decoding of messages: the elements of the list are read in order.

use std::ops::Range;

use bytes::Bytes;
use compact_str::CompactString;

use super::super::options::read_entries;
use super::super::{
    Abort, Authenticate, Call, CallOptions, CallResult, Cancel, Challenge, ClientMessage,
    ErrorDetails, Event, EventDetails, Goodbye, Hello, Interrupt, Invocation, InvocationDetails,
    InvocationError, Options, PassthruDetails, Publish, PublishOptions, Published, Register,
    Registered, RequestError, RequestKind, RequestRef, ResultDetails, RouterMessage, Subscribe,
    Subscribed, Unregister, Unregistered, Unsubscribe, Unsubscribed, Welcome, Yield, YieldOptions,
    code,
};
use crate::codec::{Token, TokenKind, TokenReader};
use crate::error::DecodeError;
use crate::ids::{
    InvocationId, PublicationId, RegistrationId, RequestId, SessionId, SubscriptionId,
};
use crate::payload::{Encoded, Payload};
use crate::serializer::Serializer;
use crate::uri::UncheckedUri;

/// The remaining elements of one message.
struct Elements<'f, R> {
    reader: R,
    frame: &'f Bytes,
    serializer: Serializer,
    message: &'static str,
}

impl<'f, R: TokenReader<'f>> Elements<'f, R> {
    /// Reads the start of the list and the message code.
    fn start(serializer: Serializer, frame: &'f Bytes) -> Result<(Self, u64), DecodeError> {
        let mut reader = R::new(frame);
        if reader.peek()? != TokenKind::List {
            return Err(DecodeError::NotAMessage);
        }
        reader.next()?;
        match reader.next()? {
            Token::Unsigned(code) => {
                Ok((Self { reader, frame, serializer, message: "the message" }, code))
            }
            _ => Err(DecodeError::NotAMessage),
        }
    }

    fn wrong(&self, field: &'static str, expected: &'static str) -> DecodeError {
        DecodeError::WrongType { message: self.message, field, expected }
    }

    const fn wrong_arity(&self) -> DecodeError {
        DecodeError::WrongArity { message: self.message }
    }

    /// The first token of the next element. Fails at the end of the list.
    fn token(&mut self) -> Result<Token<'f>, DecodeError> {
        match self.reader.next()? {
            Token::ListEnd => Err(self.wrong_arity()),
            token => Ok(token),
        }
    }

    fn number(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        match self.token()? {
            Token::Unsigned(number) => Ok(number),
            _ => Err(self.wrong(field, "an id between 1 and 2^53")),
        }
    }

    fn id<T>(
        &mut self,
        field: &'static str,
        new: impl Fn(u64) -> Option<T>,
    ) -> Result<T, DecodeError> {
        let number = self.number(field)?;
        new(number).ok_or_else(|| self.wrong(field, "an id between 1 and 2^53"))
    }

    fn request(&mut self) -> Result<RequestId, DecodeError> {
        self.request_in("Request")
    }

    fn request_in(&mut self, field: &'static str) -> Result<RequestId, DecodeError> {
        match self.token()? {
            Token::Unsigned(number) => RequestId::new(number),
            _ => None,
        }
        .ok_or_else(|| self.wrong(field, "an integer between 0 and 2^53"))
    }

    fn text(&mut self, field: &'static str) -> Result<CompactString, DecodeError> {
        match self.token()? {
            Token::Text(text) if !self.reader.has_replaced() => Ok(CompactString::new(text)),
            Token::Text(_) => Err(self.wrong(field, "a string without unpaired surrogates")),
            _ => Err(self.wrong(field, "a string")),
        }
    }

    fn uri(&mut self, field: &'static str) -> Result<UncheckedUri, DecodeError> {
        self.text(field).map(UncheckedUri::new)
    }

    /// The realm of HELLO. null reads as an empty text: the client leaves the choice to the router,
    /// as Autobahn's clients may.
    fn realm(&mut self) -> Result<UncheckedUri, DecodeError> {
        match self.token()? {
            Token::Text(text) if !self.reader.has_replaced() => {
                Ok(UncheckedUri::new(CompactString::new(text)))
            }
            Token::Text(_) => Err(self.wrong("Realm", "a string without unpaired surrogates")),
            Token::Null => Ok(UncheckedUri::default()),
            _ => Err(self.wrong("Realm", "a string or null")),
        }
    }

    fn options<O: Options>(&mut self) -> Result<O, DecodeError> {
        if self.token()? != Token::MapStart {
            return Err(self.wrong("Options|Details", "a dictionary"));
        }
        read_entries(&mut self.reader, self.frame, self.serializer)
    }

    fn dictionary(&mut self, field: &'static str) -> Result<Encoded, DecodeError> {
        match self.reader.peek()? {
            TokenKind::Map => self.encoded(),
            TokenKind::End => Err(self.wrong_arity()),
            _ => Err(self.wrong(field, "a dictionary")),
        }
    }

    fn encoded(&mut self) -> Result<Encoded, DecodeError> {
        Encoded::take(&mut self.reader, self.serializer, self.frame)
    }

    /// The rest of the list: nothing, a list, or a list and a map. Each may be null instead of
    /// empty. Legacy passthru has one binary instead of the list. If its options announce that
    /// (`transparent`), a text is accepted, too: the binary may have been written as one.
    fn payload(&mut self, transparent: bool) -> Result<Payload, DecodeError> {
        let args = match self.reader.peek()? {
            TokenKind::End => {
                self.end()?;
                return Ok(Payload::EMPTY);
            }
            TokenKind::List => self.encoded()?,
            TokenKind::Binary | TokenKind::Text => {
                let span = self.reader.skip()?;
                if !transparent && !self.is_binary(&span)? {
                    return Err(self.wrong("Arguments", "a list"));
                }
                self.end()?;
                let args = Encoded::from_frame(self.serializer, self.frame, span);
                return Ok(Payload::validated(Some(args), None));
            }
            _ => return self.after_null(),
        };
        let kwargs = match self.reader.peek()? {
            TokenKind::End => None,
            TokenKind::Map => Some(self.encoded()?),
            _ => {
                self.null("ArgumentsKw", "a dictionary")?;
                None
            }
        };
        self.end()?;
        Ok(Payload::validated(Some(args), kwargs))
    }

    /// The rest of the list after null instead of Arguments. If ArgumentsKw follow, null becomes an
    /// empty list, which is also passed on.
    #[cold]
    fn after_null(&mut self) -> Result<Payload, DecodeError> {
        self.null("Arguments", "a list")?;
        let kwargs = match self.reader.peek()? {
            TokenKind::End => None,
            TokenKind::Map => Some(self.encoded()?),
            _ => {
                self.null("ArgumentsKw", "a dictionary")?;
                None
            }
        };
        self.end()?;
        let args = kwargs.as_ref().map(|_| Encoded::empty_list(self.serializer));
        Ok(Payload::validated(args, kwargs))
    }

    /// Reads the null that several clients send instead of absent arguments.
    #[cold]
    fn null(&mut self, field: &'static str, expected: &'static str) -> Result<(), DecodeError> {
        match self.reader.next()? {
            Token::Null => Ok(()),
            _ => Err(self.wrong(field, expected)),
        }
    }

    /// Whether a skipped value is binary. A JSON string may be.
    fn is_binary(&self, span: &Range<usize>) -> Result<bool, DecodeError> {
        let token = R::new(&self.frame[span.clone()]).next()?;
        Ok(matches!(token, Token::Binary(_)))
    }

    /// Reads the end of the list, or a dictionary before it, which is ignored. The specification
    /// has none here, but the WAMP project's vectors allow one and Autobahn may send it.
    fn end_or_dictionary(&mut self) -> Result<(), DecodeError> {
        if self.reader.peek()? == TokenKind::Map {
            self.reader.ignore()?;
        }
        self.end()
    }

    /// Reads the end of the list and of the frame.
    fn end(&mut self) -> Result<(), DecodeError> {
        if self.reader.peek()? != TokenKind::End {
            return Err(self.wrong_arity());
        }
        self.reader.next()?;
        self.reader.finish()
    }
}

pub(super) fn client<'f, R: TokenReader<'f>>(
    serializer: Serializer,
    frame: &'f Bytes,
) -> Result<ClientMessage, DecodeError> {
    let (mut elements, code) = Elements::<R>::start(serializer, frame)?;
    let e = &mut elements;
    e.message = code::name_of(code);
    Ok(match code {
        code::CALL => ClientMessage::Call(call(e)?),
        code::YIELD => ClientMessage::Yield(yielded(e)?),
        code::PUBLISH => ClientMessage::Publish(publish(e)?),
        code::HELLO => {
            let hello = Hello { realm: e.realm()?, details: e.options()? };
            e.end()?;
            ClientMessage::Hello(hello)
        }
        code::ABORT => ClientMessage::Abort(abort(e)?),
        code::AUTHENTICATE => {
            let signature = e.text("Signature")?;
            let answer = Authenticate { signature, extra: e.dictionary("Extra")? };
            e.end()?;
            ClientMessage::Authenticate(answer)
        }
        code::GOODBYE => ClientMessage::Goodbye(goodbye(e)?),
        code::ERROR => ClientMessage::Error(invocation_error(e)?),
        code::SUBSCRIBE => {
            let request = e.request()?;
            let subscribe = Subscribe { request, options: e.options()?, topic: e.uri("Topic")? };
            e.end()?;
            ClientMessage::Subscribe(subscribe)
        }
        code::UNSUBSCRIBE => {
            let request = e.request()?;
            let subscription = e.id("Subscription", SubscriptionId::new)?;
            e.end_or_dictionary()?;
            ClientMessage::Unsubscribe(Unsubscribe { request, subscription })
        }
        code::CANCEL => {
            let cancel = Cancel { request: e.request()?, options: e.options()? };
            e.end()?;
            ClientMessage::Cancel(cancel)
        }
        code::REGISTER => {
            let request = e.request()?;
            let options = e.options()?;
            let register = Register { request, options, procedure: e.uri("Procedure")? };
            e.end()?;
            ClientMessage::Register(register)
        }
        code::UNREGISTER => {
            let request = e.request()?;
            let registration = e.id("Registration", RegistrationId::new)?;
            e.end_or_dictionary()?;
            ClientMessage::Unregister(Unregister { request, registration })
        }
        code::EVENT_RECEIVED => {
            let publication = e.id("Publication", PublicationId::new)?;
            e.end()?;
            ClientMessage::EventReceived(publication)
        }
        other => return Err(DecodeError::UnknownMessageType(other)),
    })
}

pub(super) fn router<'f, R: TokenReader<'f>>(
    serializer: Serializer,
    frame: &'f Bytes,
) -> Result<RouterMessage, DecodeError> {
    let (mut elements, code) = Elements::<R>::start(serializer, frame)?;
    let e = &mut elements;
    e.message = code::name_of(code);
    Ok(match code {
        code::INVOCATION => RouterMessage::Invocation(invocation(e)?),
        code::RESULT => RouterMessage::Result(result(e)?),
        code::EVENT => RouterMessage::Event(event(e)?.into()),
        code::WELCOME => {
            let session = e.id("Session", SessionId::new)?;
            let welcome = Welcome { session, details: Box::new(e.options()?) };
            e.end()?;
            RouterMessage::Welcome(welcome)
        }
        code::ABORT => RouterMessage::Abort(abort(e)?),
        code::CHALLENGE => {
            let authmethod = e.text("AuthMethod")?;
            let challenge = Challenge { authmethod, extra: e.dictionary("Extra")? };
            e.end()?;
            RouterMessage::Challenge(challenge)
        }
        code::GOODBYE => RouterMessage::Goodbye(goodbye(e)?),
        code::ERROR => RouterMessage::Error(request_error(e)?),
        code::PUBLISHED => {
            let (request, publication) = acknowledgement(e, "Publication", PublicationId::new)?;
            RouterMessage::Published(Published { request, publication })
        }
        code::SUBSCRIBED => {
            let (request, subscription) = acknowledgement(e, "Subscription", SubscriptionId::new)?;
            RouterMessage::Subscribed(Subscribed { request, subscription })
        }
        code::UNSUBSCRIBED => {
            let (request, details) = removal(e)?;
            let answer = Unsubscribed::Answer(request);
            RouterMessage::Unsubscribed(details.map_or(answer, Unsubscribed::Revocation))
        }
        code::REGISTERED => {
            let (request, registration) = acknowledgement(e, "Registration", RegistrationId::new)?;
            RouterMessage::Registered(Registered { request, registration })
        }
        code::UNREGISTERED => {
            let (request, details) = removal(e)?;
            let answer = Unregistered::Answer(request);
            RouterMessage::Unregistered(details.map_or(answer, Unregistered::Revocation))
        }
        code::INTERRUPT => {
            let request = e.id("Request", InvocationId::new)?;
            let interrupt = Interrupt { request, options: e.options()? };
            e.end()?;
            RouterMessage::Interrupt(interrupt)
        }
        other => return Err(DecodeError::UnknownMessageType(other)),
    })
}

/// The rest of an answer that contains the id of what was created.
fn acknowledgement<'f, R: TokenReader<'f>, T>(
    e: &mut Elements<'f, R>,
    field: &'static str,
    new: impl Fn(u64) -> Option<T>,
) -> Result<(RequestId, T), DecodeError> {
    let request = e.request()?;
    let id = e.id(field, new)?;
    e.end()?;
    Ok((request, id))
}

/// The rest of UNSUBSCRIBED or UNREGISTERED. With details, the router revokes: the request id is 0
/// and details follow. Without details it answers a request, whose id may be 0.
fn removal<'f, R: TokenReader<'f>, O: Options>(
    e: &mut Elements<'f, R>,
) -> Result<(RequestId, Option<O>), DecodeError> {
    let request = e.request()?;
    if request.number() == 0 && e.reader.peek()? != TokenKind::End {
        let details = e.options()?;
        e.end()?;
        return Ok((request, Some(details)));
    }
    e.end_or_dictionary()?;
    Ok((request, None))
}

fn abort<'f, R: TokenReader<'f>>(e: &mut Elements<'f, R>) -> Result<Abort, DecodeError> {
    let details = e.options()?;
    let abort = Abort { details, reason: e.text("Reason")? };
    // Arguments of an ABORT explain it to humans and are not used.
    e.payload(false)?;
    Ok(abort)
}

fn goodbye<'f, R: TokenReader<'f>>(e: &mut Elements<'f, R>) -> Result<Goodbye, DecodeError> {
    let details = e.options()?;
    let goodbye = Goodbye { details, reason: e.text("Reason")? };
    e.end()?;
    Ok(goodbye)
}

fn call<'f, R: TokenReader<'f>>(e: &mut Elements<'f, R>) -> Result<Call, DecodeError> {
    let request = e.request()?;
    let options: CallOptions = e.options()?;
    let procedure = e.uri("Procedure")?;
    let payload = e.payload(is_transparent(options.passthru.as_deref()))?;
    Ok(Call { request, options, procedure, payload })
}

fn yielded<'f, R: TokenReader<'f>>(e: &mut Elements<'f, R>) -> Result<Yield, DecodeError> {
    let request = e.id("Request", InvocationId::new)?;
    let options: YieldOptions = e.options()?;
    let payload = e.payload(is_transparent(options.passthru.as_deref()))?;
    Ok(Yield { request, options, payload })
}

fn publish<'f, R: TokenReader<'f>>(e: &mut Elements<'f, R>) -> Result<Publish, DecodeError> {
    let request = e.request()?;
    let options: Box<PublishOptions> = Box::new(e.options()?);
    let topic = e.uri("Topic")?;
    let payload = e.payload(is_transparent(options.passthru.as_deref()))?;
    Ok(Publish { request, options, topic, payload })
}

fn invocation<'f, R: TokenReader<'f>>(e: &mut Elements<'f, R>) -> Result<Invocation, DecodeError> {
    let request = e.id("Request", InvocationId::new)?;
    let registration = e.id("Registration", RegistrationId::new)?;
    let details: InvocationDetails = e.options()?;
    let payload = e.payload(is_transparent(details.passthru.as_deref()))?;
    Ok(Invocation { request, registration, details, payload })
}

fn result<'f, R: TokenReader<'f>>(e: &mut Elements<'f, R>) -> Result<CallResult, DecodeError> {
    let request = e.request()?;
    let details: ResultDetails = e.options()?;
    let payload = e.payload(is_transparent(details.passthru.as_deref()))?;
    Ok(CallResult { request, details, payload })
}

fn event<'f, R: TokenReader<'f>>(e: &mut Elements<'f, R>) -> Result<Event, DecodeError> {
    let subscription = e.id("Subscription", SubscriptionId::new)?;
    let publication = e.id("Publication", PublicationId::new)?;
    let details: Box<EventDetails> = Box::new(e.options()?);
    let payload = e.payload(is_transparent(details.passthru.as_deref()))?;
    Ok(Event { subscription, publication, details, payload })
}

fn invocation_error<'f, R: TokenReader<'f>>(
    e: &mut Elements<'f, R>,
) -> Result<InvocationError, DecodeError> {
    if e.number("REQUEST.Type")? != code::INVOCATION {
        return Err(e.wrong("REQUEST.Type", "68: a client answers nothing but INVOCATION"));
    }
    let request = e.id("REQUEST.Request", InvocationId::new)?;
    let details: ErrorDetails = e.options()?;
    let error = e.uri("Error")?;
    let payload = e.payload(is_transparent(details.passthru.as_deref()))?;
    Ok(InvocationError { request, details, error, payload })
}

fn request_error<'f, R: TokenReader<'f>>(
    e: &mut Elements<'f, R>,
) -> Result<RequestError, DecodeError> {
    let kind = RequestKind::from_code(e.number("REQUEST.Type")?)
        .ok_or_else(|| e.wrong("REQUEST.Type", "the type of a client's request"))?;
    let id = e.request_in("REQUEST.Request")?;
    let details: ErrorDetails = e.options()?;
    let error = e.text("Error")?;
    let payload = e.payload(is_transparent(details.passthru.as_deref()))?;
    Ok(RequestError { request: RequestRef::new(kind, id), details, error, payload })
}

fn is_transparent(passthru: Option<&PassthruDetails>) -> bool {
    passthru.is_some_and(PassthruDetails::is_transparent)
}
