//! The short way of calls and publications: one read, one question to the realm, one write.
//!
//! A connection begins here where its listener has a caller or a publisher, and stays as long as
//! its requests are usual ones for those. The first that is not goes to hyper, and the connection
//! with it, for good. An idle connection holds no buffer: all of a thread read into the same one.
//! See `docs/decisions/http.md`.

use std::cell::RefCell;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use cloverleaf_http_bridge::http1::{self, After, Date, NotUsual};
use cloverleaf_http_bridge::{Answering, Reply};
use cloverleaf_transport::Stream;
use cloverleaf_transport::limits::LARGE_ANSWER;
use cloverleaf_wakes::is_spent;
use cloverleaf_wamp::payload::copy_frame;
use tokio::task::coop::consume_budget;
use tokio::task::yield_now;

use super::answers::LargeAnswer;
use super::body::Reading;
use super::held::Held;
use super::visits::{Asked, Visit};
use super::{InFlight, Service, WebSite};
use crate::threads::Guest;

/// How many bytes are read at once: the usual request and some that follow it.
const READ_BUFFER: usize = 16 << 10;

/// So many bytes of a connection may be read before their turn: one request of the longest kind.
/// Then what follows is left to the socket.
const MAX_HELD: usize = http1::MAX_HEAD + http1::MAX_BODY;

/// The longest body that is copied behind its head, to be written with it.
const MAX_COPIED_BODY: usize = 16 << 10;

thread_local! {
    static DESK: RefCell<Desk> = RefCell::new(Desk {
        input: vec![0; READ_BUFFER].into_boxed_slice(),
        output: Vec::new(),
        date: Date::default(),
    });
}

/// What the connections of a thread share, each in its turn.
struct Desk {
    input: Box<[u8]>,
    output: Vec<u8>,
    date: Date,
}

/// One connection on the short way.
pub(super) struct Direct<'a> {
    site: &'a WebSite,
    visit: &'a Arc<Visit>,
    stream: Stream,
    /// What was read and belongs to no request yet.
    held: Held,
    /// Fewer bytes than that are no whole request.
    wanted: usize,
    /// The request whose body is being read.
    reading: Option<(InFlight<'a>, Reading<'a>)>,
    /// What was written and the socket has not taken yet.
    unsent: Vec<u8>,
}

/// What a connection brings next.
enum Next<'a> {
    /// A request, of which the router has been asked.
    Request(Answering<'a>),
    /// Something for hyper.
    Unusual,
    End,
}

/// What some bytes are.
enum Taken<'a> {
    /// A request and its length.
    Request(Answering<'a>, usize),
    /// The beginning of a head.
    PartOfHead,
    /// A head and the beginning of its body; together they will have so many bytes.
    PartOfBody(usize),
    Unusual,
}

/// What was made of a request.
enum Outcome {
    /// A reply is written. A long body still has to follow.
    Replied(After, Bytes),
    /// The client hung up before there was one.
    HungUp,
}

impl<'a> Direct<'a> {
    /// A connection of which something may be `held` already.
    pub(super) fn new(
        site: &'a WebSite,
        visit: &'a Arc<Visit>,
        stream: Stream,
        held: Held,
    ) -> Self {
        Self { site, visit, stream, held, wanted: 1, reading: None, unsent: Vec::new() }
    }

    /// Serves the connection to its end, or to its first unusual request: then it is returned, with
    /// the bytes that were read and not answered.
    pub(super) async fn serve(mut self) -> io::Result<Option<(Stream, Held)>> {
        let _guest = Guest::arrive();
        loop {
            // Others have their turn, however many requests are here already.
            consume_budget().await;
            if !self.held.is_empty() && is_spent() {
                yield_now().await;
            }
            if Guest::are_many() && !self.stream.is_in_ring() {
                self.stream = self.stream.into_ring()?;
            }
            let outcome = match poll_fn(|context| self.poll_next(context)).await? {
                Next::Request(mut answering) => {
                    let reading = self.reading.take();
                    let _in_flight = reading.map_or_else(
                        || InFlight::new(self.site, self.visit),
                        |(counted, _)| counted,
                    );
                    poll_fn(|context| self.poll_answer(&mut answering, context)).await?
                }
                Next::Unusual => return Ok(Some((self.stream, self.held))),
                Next::End => {
                    // A ring may still have some of the last answer to send.
                    poll_fn(|context| self.stream.poll_shutdown(context)).await?;
                    return Ok(None);
                }
            };
            let Outcome::Replied(after, body) = outcome else { return Ok(None) };
            if !self.unsent.is_empty() {
                let unsent = std::mem::take(&mut self.unsent);
                self.send(&unsent).await?;
            }
            if body.len() > LARGE_ANSWER {
                // In a box, so that connections without large answers don't carry its room.
                Box::pin(self.send_large(&body)).await?;
            } else {
                self.send(&body).await?;
            }
            drop(body);
            if after == After::Close {
                poll_fn(|context| self.stream.poll_shutdown(context)).await?;
                return Ok(None);
            }
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Next<'a>>> {
        loop {
            if self.visit.asked() != Asked::Nothing {
                return Poll::Ready(Ok(self.finish()));
            }
            if self.held.len() >= self.wanted {
                let taken = self.take(self.held.rest());
                if let Some((next, length)) = self.judge(taken, self.held.len()) {
                    self.held.pass(length);
                    return Poll::Ready(Ok(next));
                }
            }
            if let Some(next) = ready!(self.poll_read_next(context))? {
                return Poll::Ready(Ok(next));
            }
        }
    }

    /// What becomes of a connection that is to end: hyper knows how to answer a request that has
    /// begun and take no other.
    fn finish(&self) -> Next<'a> {
        let was_served = self.visit.requests.load(Ordering::Relaxed) > 0;
        if self.held.is_empty() && was_served { Next::End } else { Next::Unusual }
    }

    /// Reads, and takes a request from what was read where nothing is held; otherwise holds it.
    fn poll_read_next(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Next<'a>>>> {
        DESK.with_borrow_mut(|desk| {
            let count = ready!(self.stream.poll_read(context, &mut desk.input))?;
            if count == 0 {
                // hyper sees the end too, and what to say of it.
                let next = if self.held.is_empty() { Next::End } else { Next::Unusual };
                return Poll::Ready(Ok(Some(next)));
            }
            let read = &desk.input[..count];
            if !self.held.is_empty() {
                self.held.push(read);
                return Poll::Ready(Ok(None));
            }
            let taken = self.take(read);
            let (next, length) = self.judge(taken, count).unzip();
            self.held.push(&read[length.unwrap_or(0)..]);
            Poll::Ready(Ok(next))
        })
    }

    /// What comes next and how long it is; none where it takes more than the `seen` bytes.
    fn judge(&mut self, taken: Taken<'a>, seen: usize) -> Option<(Next<'a>, usize)> {
        match taken {
            Taken::Request(answering, length) => {
                self.wanted = 1;
                Some((Next::Request(answering), length))
            }
            Taken::Unusual => Some((Next::Unusual, 0)),
            Taken::PartOfHead => {
                self.wanted = seen + 1;
                None
            }
            Taken::PartOfBody(length) => {
                self.wanted = length;
                let counted =
                    || (InFlight::new(self.site, self.visit), Reading::new(&self.visit.reading));
                self.reading.get_or_insert_with(counted);
                None
            }
        }
    }

    /// Takes the first request from some bytes and lets the bridge ask the router.
    fn take(&self, bytes: &[u8]) -> Taken<'a> {
        let head = match http1::parse(bytes, self.visit.facts) {
            Ok(head) => head,
            Err(NotUsual::Incomplete) => return Taken::PartOfHead,
            Err(NotUsual::Unusual) => return Taken::Unusual,
        };
        let Some((Service::Bridge(bridge), _)) = self.site.routes.find(head.path()) else {
            return Taken::Unusual;
        };
        let length = head.length() + head.body_length();
        if head.body_length() > bridge.body_limit() {
            return Taken::Unusual;
        }
        let Some(body) = bytes.get(head.length()..length) else {
            return Taken::PartOfBody(length);
        };
        let body = copy_frame(body);
        Taken::Request(bridge.handle(&head, Ok(body), SystemTime::now()), length)
    }

    /// Waits for the reply and writes it, or for the client to hang up.
    fn poll_answer(
        &mut self,
        answering: &mut Answering<'_>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Outcome>> {
        if let Poll::Ready(reply) = Pin::new(answering).poll(context) {
            return Poll::Ready(self.write(reply, context));
        }
        while self.held.len() < MAX_HELD {
            let is_at_end = DESK.with_borrow_mut(|desk| {
                let count = ready!(self.stream.poll_read(context, &mut desk.input))?;
                self.held.push(&desk.input[..count]);
                Poll::Ready(io::Result::Ok(count == 0))
            });
            if ready!(is_at_end)? {
                return Poll::Ready(Ok(Outcome::HungUp));
            }
        }
        // Nothing more is read, so the end is asked for; `visits` wakes for that now and then.
        if self.stream.peer_has_ended() { Poll::Ready(Ok(Outcome::HungUp)) } else { Poll::Pending }
    }

    /// Writes a reply, as much as the socket takes at once; a long body is left to be sent behind.
    fn write(&mut self, reply: Reply, context: &mut Context<'_>) -> io::Result<Outcome> {
        let after = if self.visit.asked() == Asked::Nothing { After::Open } else { After::Close };
        DESK.with_borrow_mut(|desk| {
            let output = &mut desk.output;
            output.clear();
            http1::write(&reply, desk.date.at(SystemTime::now()), after, output);
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
            Ok(Outcome::Replied(after, body))
        })
    }

    /// Sends a large body, which counts in the memory of the process meanwhile.
    async fn send_large(&mut self, body: &[u8]) -> io::Result<()> {
        let _answer = LargeAnswer::begin(self.visit, body.len());
        self.send(body).await
    }

    /// Sends bytes as the client takes them; each piece is a sign of life.
    async fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = poll_fn(|context| self.stream.poll_write(context, bytes)).await?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.visit.taken.fetch_add(count, Ordering::Relaxed);
            bytes = &bytes[count..];
        }
        Ok(())
    }
}
