//! The fast path of calls and publications: one read, one request to the realm, one write.
//!
//! A connection begins here if its listener has a caller or a publisher, and stays while its
//! requests are common ones for those. The first other request goes to hyper, and the connection
//! with it. An idle connection holds no buffer: the connections of a thread share one. See
//! `docs/decisions/http.md`.

use std::cell::RefCell;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use cloverleaf_http_bridge::http1::{self, Date, HeadError, Http1Head, Persistence};
use cloverleaf_http_bridge::{Bridge, BridgeResponse, RequestPeer, ResponseFuture};
use cloverleaf_ring::RingCandidate;
use cloverleaf_transport::Stream;
use cloverleaf_transport::limits::LARGE_ANSWER;
use cloverleaf_wakes::is_spent;
use cloverleaf_wamp::payload::copy_frame;
use tokio::task::coop::consume_budget;
use tokio::task::yield_now;

use crate::connections::{HttpConnection, InFlight, Shutdown};
use crate::read_ahead::ReadAhead;
use crate::request_body::BodyGuard;
use crate::response_body::LargeResponse;
use crate::routes::{Routes, Service};

/// How many bytes are read at once: a common request and some that follow it.
const READ_BUFFER: usize = 16 << 10;

/// How many bytes of a connection may be read ahead of the response in flight: one request of the
/// longest kind. Further bytes stay in the socket.
const MAX_READ_AHEAD: usize = http1::MAX_HEAD + http1::MAX_BODY;

/// The longest body that is copied behind its head, to be written with it.
const MAX_COPIED_BODY: usize = 16 << 10;

thread_local! {
    static BUFFERS: RefCell<ThreadBuffers> = RefCell::new(ThreadBuffers {
        input: vec![0; READ_BUFFER].into_boxed_slice(),
        output: Vec::new(),
        date: Date::default(),
    });
}

/// The buffers that the connections of a thread share.
struct ThreadBuffers {
    input: Box<[u8]>,
    output: Vec<u8>,
    date: Date,
}

/// How the fast path has left a connection.
pub(crate) enum FastPathEnd {
    /// Closed.
    Closed,
    /// The routes have changed: the stream, and the bytes of the next request.
    Rerouted(Stream, ReadAhead),
    /// The next request is for hyper: the stream, and the bytes of that request.
    NeedsHyper(Stream, ReadAhead),
}

/// One connection on the fast path.
pub(crate) struct FastPath<'a> {
    routes: &'a Routes,
    in_flight: &'a AtomicUsize,
    connection: &'a Arc<HttpConnection>,
    stream: Stream,
    /// Bytes that belong to no complete request yet.
    read_ahead: ReadAhead,
    /// Number of buffered bytes needed before parsing again.
    needed: usize,
    /// The request whose body is being read.
    reading: Option<(InFlight<'a>, BodyGuard<'a>)>,
    /// Written bytes that the socket has not taken yet.
    unsent: Vec<u8>,
}

/// The next event of a connection.
enum ConnectionEvent<'a> {
    /// A request that was handed to the router.
    Request(ResponseFuture<'a>),
    NeedsHyper,
    Rerouted,
    End,
}

/// The result of parsing the first buffered bytes.
enum Parsed<'r, 'b> {
    /// A complete request for a bridge.
    Request {
        bridge: &'r Bridge,
        head: Http1Head<'b>,
        body: &'b [u8],
    },
    /// The beginning of a head.
    PartOfHead,
    /// A head and the beginning of its body; together they will have so many bytes.
    PartOfBody(usize),
    NeedsHyper,
}

/// A [`Parsed`] request that the router was asked about.
enum Started<'r> {
    /// The request, and its length with its head.
    Request(ResponseFuture<'r>, usize),
    PartOfHead,
    PartOfBody(usize),
    NeedsHyper,
}

/// The result of a request.
enum RequestEnd {
    /// A reply is written. A long body is left to be sent.
    Replied(Persistence, Bytes),
    /// The client hung up before the reply.
    HungUp,
}

impl<'a> FastPath<'a> {
    /// A connection of which bytes may have been read before.
    pub(crate) const fn new(
        routes: &'a Routes,
        in_flight: &'a AtomicUsize,
        connection: &'a Arc<HttpConnection>,
        stream: Stream,
        read_ahead: ReadAhead,
    ) -> Self {
        let unsent = Vec::new();
        Self { routes, in_flight, connection, stream, read_ahead, needed: 1, reading: None, unsent }
    }

    /// Serves the connection until it ends or leaves the fast path.
    pub(crate) async fn serve(mut self) -> io::Result<FastPathEnd> {
        let _candidate = RingCandidate::new();
        loop {
            // Other connections get their turn, however many requests are buffered.
            consume_budget().await;
            if !self.read_ahead.is_empty() && is_spent() {
                yield_now().await;
            }
            if RingCandidate::use_ring() && !self.stream.is_in_ring() {
                self.stream = self.stream.into_ring()?;
            }
            let outcome = match poll_fn(|context| self.poll_next(context)).await? {
                ConnectionEvent::Request(mut response) => {
                    let reading = self.reading.take();
                    let _in_flight = reading.map_or_else(
                        || InFlight::new(self.in_flight, self.connection),
                        |(counted, _)| counted,
                    );
                    poll_fn(|context| self.poll_response(&mut response, context)).await?
                }
                ConnectionEvent::NeedsHyper => {
                    return Ok(FastPathEnd::NeedsHyper(self.stream, self.read_ahead));
                }
                ConnectionEvent::Rerouted => {
                    return Ok(FastPathEnd::Rerouted(self.stream, self.read_ahead));
                }
                ConnectionEvent::End => {
                    // A ring may still have to send part of the last response.
                    poll_fn(|context| self.stream.poll_shutdown(context)).await?;
                    return Ok(FastPathEnd::Closed);
                }
            };
            let RequestEnd::Replied(after, body) = outcome else { return Ok(FastPathEnd::Closed) };
            if !self.unsent.is_empty() {
                let unsent = std::mem::take(&mut self.unsent);
                self.send(&unsent).await?;
            }
            if body.len() > LARGE_ANSWER {
                // In a box, so that connections without large responses don't carry its memory.
                Box::pin(self.send_large(&body)).await?;
            } else {
                self.send(&body).await?;
            }
            drop(body);
            if after == Persistence::Close {
                poll_fn(|context| self.stream.poll_shutdown(context)).await?;
                return Ok(FastPathEnd::Closed);
            }
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<io::Result<ConnectionEvent<'a>>> {
        loop {
            match self.connection.shutdown() {
                Shutdown::None => {}
                Shutdown::Reroute => return Poll::Ready(Ok(ConnectionEvent::Rerouted)),
                Shutdown::Graceful | Shutdown::Now => return Poll::Ready(Ok(self.finish())),
            }
            if self.read_ahead.len() >= self.needed {
                let unread = self.read_ahead.unread();
                let started =
                    start(parse_request(unread, self.routes), self.connection.request_peer);
                if let Some((next, length)) = self.classify(started, self.read_ahead.len()) {
                    self.read_ahead.consume(length);
                    return Poll::Ready(Ok(next));
                }
            }
            if let Some(next) = ready!(self.poll_read_next(context))? {
                return Poll::Ready(Ok(next));
            }
        }
    }

    /// The next event of a connection that has to end. hyper can answer a request that has begun
    /// and take no other.
    fn finish(&self) -> ConnectionEvent<'a> {
        let was_served = self.connection.requests.load(Ordering::Relaxed) > 0;
        if self.read_ahead.is_empty() && was_served {
            ConnectionEvent::End
        } else {
            ConnectionEvent::NeedsHyper
        }
    }

    /// Reads. Takes a request directly from the bytes that were read if none are buffered, and
    /// buffers the others.
    fn poll_read_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Option<ConnectionEvent<'a>>>> {
        BUFFERS.with_borrow_mut(|buffers| {
            let count = ready!(self.stream.poll_read(context, &mut buffers.input))?;
            if count == 0 {
                // hyper sees the end, too, and knows the response to a part of a request.
                let next = if self.read_ahead.is_empty() {
                    ConnectionEvent::End
                } else {
                    ConnectionEvent::NeedsHyper
                };
                return Poll::Ready(Ok(Some(next)));
            }
            let read = &buffers.input[..count];
            if !self.read_ahead.is_empty() {
                self.read_ahead.push(read);
                return Poll::Ready(Ok(None));
            }
            let started = start(parse_request(read, self.routes), self.connection.request_peer);
            let (next, length) = self.classify(started, count).unzip();
            self.read_ahead.push(&read[length.unwrap_or(0)..]);
            Poll::Ready(Ok(next))
        })
    }

    /// The next event and its length in bytes. None if it needs more than the `buffered` bytes.
    fn classify(
        &mut self,
        started: Started<'a>,
        buffered: usize,
    ) -> Option<(ConnectionEvent<'a>, usize)> {
        match started {
            Started::Request(response, length) => {
                self.needed = 1;
                Some((ConnectionEvent::Request(response), length))
            }
            Started::NeedsHyper => Some((ConnectionEvent::NeedsHyper, 0)),
            Started::PartOfHead => {
                self.needed = buffered + 1;
                None
            }
            Started::PartOfBody(length) => {
                self.needed = length;
                let (in_flight, connection) = (self.in_flight, self.connection);
                self.reading.get_or_insert_with(|| {
                    (InFlight::new(in_flight, connection), BodyGuard::new(&connection.reading))
                });
                None
            }
        }
    }

    /// Waits for the reply and writes it, or for the client to hang up.
    fn poll_response(
        &mut self,
        response: &mut ResponseFuture<'_>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<RequestEnd>> {
        if let Poll::Ready(reply) = Pin::new(response).poll(context) {
            return Poll::Ready(self.write(reply, context));
        }
        while self.read_ahead.len() < MAX_READ_AHEAD {
            let is_at_end = BUFFERS.with_borrow_mut(|buffers| {
                let count = ready!(self.stream.poll_read(context, &mut buffers.input))?;
                self.read_ahead.push(&buffers.input[..count]);
                Poll::Ready(io::Result::Ok(count == 0))
            });
            if ready!(is_at_end)? {
                return Poll::Ready(Ok(RequestEnd::HungUp));
            }
        }
        // Nothing more is read, so the socket is asked for its end. `connections` wakes this task
        // for that every few seconds.
        if self.stream.peer_has_ended() {
            Poll::Ready(Ok(RequestEnd::HungUp))
        } else {
            Poll::Pending
        }
    }

    /// Writes a reply, as much as the socket takes at once. A long body is left to be sent.
    fn write(
        &mut self,
        reply: BridgeResponse,
        context: &mut Context<'_>,
    ) -> io::Result<RequestEnd> {
        let after =
            if self.connection.is_ending() { Persistence::Close } else { Persistence::KeepAlive };
        BUFFERS.with_borrow_mut(|buffers| {
            let output = &mut buffers.output;
            output.clear();
            http1::write_head(&reply, buffers.date.at(SystemTime::now()), after, output);
            let is_short = reply.body.len() <= MAX_COPIED_BODY;
            if is_short {
                output.extend_from_slice(&reply.body);
            }
            let sent = match self.stream.poll_write(context, output) {
                Poll::Ready(count) => count?,
                Poll::Pending => 0,
            };
            self.unsent.extend_from_slice(&output[sent..]);
            let body = if is_short { Bytes::new() } else { reply.body };
            Ok(RequestEnd::Replied(after, body))
        })
    }

    /// Sends a large body, which counts in the memory of the process meanwhile.
    async fn send_large(&mut self, body: &[u8]) -> io::Result<()> {
        let _response = LargeResponse::begin(self.connection, body.len());
        self.send(body).await
    }

    /// Sends bytes as the client takes them. Each write counts as activity of the client.
    async fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = poll_fn(|context| self.stream.poll_write(context, bytes)).await?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.connection.taken.fetch_add(count, Ordering::Relaxed);
            bytes = &bytes[count..];
        }
        Ok(())
    }
}

/// Parses the first request of some bytes and finds its bridge.
fn parse_request<'r, 'b>(bytes: &'b [u8], routes: &'r Routes) -> Parsed<'r, 'b> {
    let head = match http1::parse_head(bytes) {
        Ok(head) => head,
        Err(HeadError::Incomplete) => return Parsed::PartOfHead,
        Err(HeadError::NeedsHyper) => return Parsed::NeedsHyper,
    };
    let Some((Service::Bridge(bridge), _)) = routes.find(head.path()) else {
        return Parsed::NeedsHyper;
    };
    if head.body_length() > bridge.body_limit() {
        return Parsed::NeedsHyper;
    }
    let length = head.length() + head.body_length();
    match bytes.get(head.length()..length) {
        Some(body) => Parsed::Request { bridge, head, body },
        None => Parsed::PartOfBody(length),
    }
}

/// Lets the bridge of a complete request ask the router.
fn start<'r>(parsed: Parsed<'r, '_>, peer: RequestPeer) -> Started<'r> {
    match parsed {
        Parsed::Request { bridge, head, body } => {
            let length = head.length() + body.len();
            let response = bridge.handle(&head, peer, Ok(copy_frame(body)), SystemTime::now());
            Started::Request(response, length)
        }
        Parsed::PartOfHead => Started::PartOfHead,
        Parsed::PartOfBody(length) => Started::PartOfBody(length),
        Parsed::NeedsHyper => Started::NeedsHyper,
    }
}
