//! The session of a connection: joining, joined, and joining again after GOODBYE.
//!
//! | module | purpose |
//! |---|---|
//! | `attachment` | how the connection is attached to the router |
//! | `unopened` | a connection without a session |
//! | `joining` | from HELLO to the open session, or ABORT |
//! | `undeliverable` | messages that can't be sent to the peer |
//! | `traffic` | statistics of the session |
//! | `write_hook`, `cut_results` | the work of a session at each write, if any |
//!
//! Spec: basic profile "Sessions", "Transport and Session Lifetime", "Protocol Errors".

use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use cloverleaf_auth::Admission;
use cloverleaf_router::{SessionFlow, SessionKey};
use cloverleaf_transport::limits::DECODED_PER_UNIT;
use cloverleaf_transport::{
    CloseReason, Flow, Interception, Lifecycle, OutboundSender, Peer, ServerSide, Undeliverable,
    WaitingMessage, log_limited,
};
use cloverleaf_wakes::{ROUND, is_spent, spend};
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::excerpt::Excerpt;
use cloverleaf_wamp::message::{Abort, ClientMessage, Goodbye, RouterMessage};
use cloverleaf_wamp::websocket::CloseCode;

use crate::realm_host::{FAIR_WORK, Handled, Wait};
use crate::realms::{Membership, Realms};

mod attachment;
mod cut_results;
mod joining;
mod traffic;
mod undeliverable;
mod unopened;
mod write_hook;

pub use attachment::Attachment;
use unopened::Unopened;
use write_hook::WriteHook;

/// Work of a connection in one turn, in units of about 100 ns. Enough that its system calls are a
/// small part, and a fraction of a round, so that several connections share a round of the thread.
const TURN_WORK: u32 = ROUND / 4;

/// Length in bytes from which the decoding of a message counts as work.
const LONG_MESSAGE: usize = 4 * 1024;

/// Whether the connection has a session.
#[derive(Debug)]
enum PeerStage {
    Unopened(Unopened),
    Joined(Membership, SessionKey),
}

/// The session of a connection. See the [module](self).
#[derive(Debug)]
pub struct RouterPeer {
    realms: Arc<Realms>,
    admission: Arc<Admission>,
    outbound: OutboundSender<WaitingMessage>,
    attachment: Attachment,
    stage: PeerStage,
    /// The queues for which the session waits before it takes another message.
    wait: Wait,
    /// The task that waits for room in another queue, as that queue has registered it last.
    waker: Option<Waker>,
    /// Work since other connections had their turn, in units of about 100 ns.
    work: u32,
    /// The work of the session at each write. None if it has none.
    write_hook: Option<Box<WriteHook>>,
    /// Events that could not be sent.
    dropped_events: u64,
}

impl RouterPeer {
    /// The peer of a connection that has sent nothing yet.
    pub fn new(
        realms: Arc<Realms>,
        admission: Arc<Admission>,
        outbound: OutboundSender<WaitingMessage>,
        attachment: Attachment,
    ) -> Self {
        let unjoined = realms.note_unjoined(&outbound);
        Self {
            realms,
            admission,
            outbound,
            attachment,
            stage: PeerStage::Unopened(Unopened::new(unjoined)),
            wait: Wait::default(),
            waker: None,
            work: 0,
            write_hook: None,
            dropped_events: 0,
        }
    }

    /// The id of the session, for the log.
    fn session(&self) -> Option<u64> {
        match &self.stage {
            PeerStage::Joined(_, key) => Some(key.id().number()),
            PeerStage::Unopened(_) => None,
        }
    }

    /// Sends ABORT and closes.
    fn abort(&self, abort: Abort) -> Flow {
        let reason = abort.reason.to_string();
        let _ = self.outbound.push(RouterMessage::Abort(abort).into());
        Flow::Close(CloseCode::PROTOCOL_ERROR, reason)
    }

    /// Ends the session of a client that violates the protocol.
    fn violation(&mut self, text: &str) -> Flow {
        log_limited!(
            info,
            "protocol violation",
            peer = %self.attachment,
            transport = self.attachment.peer.transport.name(),
            session = self.session(),
            reason = %Excerpt::for_log(text)
        );
        let abort = Abort::new(error_uri::PROTOCOL_VIOLATION, text);
        self.leave();
        self.abort(abort)
    }

    /// Whether the WELCOME of the session has been written. Messages written before it belong to an
    /// earlier session of the same connection, which used the same invocation numbers.
    fn is_welcomed(&self) -> bool {
        self.write_hook.as_ref().is_none_or(|hook| !hook.awaits_welcome)
    }

    /// Removes the hook if it has no work any more.
    fn release_write_hook(&mut self) {
        self.write_hook.take_if(|hook| hook.is_idle());
    }

    /// Yields to other connections when this one has done its share of the thread's round, or a
    /// little on a thread whose round is spent.
    fn go_on(&mut self) -> Flow {
        if self.work < FAIR_WORK || (self.work < TURN_WORK && !is_spent()) {
            return Flow::Continue;
        }
        self.work = 0;
        Flow::Yield
    }

    /// Begins again without a session if it has ended while it was paused.
    #[cold]
    fn end_stage_if_left(&mut self) {
        if let PeerStage::Joined(realm, key) = &self.stage
            && realm.flow(*key) == SessionFlow::Left
        {
            self.begin_again();
        }
    }

    /// Waits for the next session of the connection.
    fn begin_again(&mut self) {
        let unjoined = self.realms.note_unjoined(&self.outbound);
        self.stage = PeerStage::Unopened(Unopened::new(unjoined));
    }

    /// Handles the end of the session after a message.
    #[cold]
    fn end_session(&mut self, flow: SessionFlow) -> Flow {
        if flow == SessionFlow::Left {
            self.begin_again();
            return Flow::Continue;
        }
        log_limited!(
            info,
            "session aborted",
            peer = %self.attachment,
            session = self.session()
        );
        self.publish_last_stats();
        self.stage = PeerStage::Unopened(Unopened::ending());
        Flow::Close(CloseCode::PROTOCOL_ERROR, error_uri::PROTOCOL_VIOLATION.to_owned())
    }

    /// Detaches the session, or cancels the attempt to join.
    fn leave(&mut self) {
        self.publish_last_stats();
        let ending = PeerStage::Unopened(Unopened::ending());
        if let PeerStage::Joined(realm, key) = std::mem::replace(&mut self.stage, ending) {
            realm.detach(key);
        }
    }
}

impl Peer<ServerSide> for RouterPeer {
    fn handle_message(&mut self, message: ClientMessage) -> Flow {
        if matches!(message, ClientMessage::Goodbye(_)) {
            self.publish_last_stats();
        }
        match (&self.stage, message) {
            // ABORT is never answered: the client is leaving.
            (_, ClientMessage::Abort(_)) => {
                self.leave();
                Flow::Close(CloseCode::NORMAL, "the client aborted".to_owned())
            }
            (PeerStage::Joined(realm, key), message) => {
                let Handled { next, work } = realm.handle_message(*key, message);
                self.work += work;
                match next {
                    SessionFlow::Continue => self.go_on(),
                    SessionFlow::Wait => {
                        self.wait = realm.take_wait(*key);
                        if !self.wait.until_resumed {
                            // Another thread may have ended the session since.
                            self.end_stage_if_left();
                        }
                        Flow::Wait
                    }
                    SessionFlow::Left | SessionFlow::Close => self.end_session(next),
                }
            }
            (PeerStage::Unopened(_), message) => self.handle_unopened(message),
        }
    }

    fn handle_undecodable(&mut self, error: &DecodeError) -> Flow {
        self.violation(&error.to_string())
    }

    fn handle_undeliverable(
        &mut self,
        message: RouterMessage,
        reason: &Undeliverable,
    ) -> Option<RouterMessage> {
        self.replace(message, reason)
    }

    fn on_received(&mut self, length: usize) {
        if length >= LONG_MESSAGE {
            let units = (length / DECODED_PER_UNIT) as u32;
            self.work += units;
            spend(units);
        }
        if self.meter().is_some_and(|meter| meter.received(length)) {
            self.publish_stats(false);
        }
    }

    fn intercepts_writes(&self) -> bool {
        self.write_hook.is_some()
    }

    fn before_write(&mut self, message: &RouterMessage) -> Interception<RouterMessage> {
        match &mut self.write_hook {
            Some(hook) => hook.cut_results.before_write(message),
            None => Interception::Send,
        }
    }

    fn after_write(&mut self, message: &RouterMessage, length: usize) {
        if self.meter().is_some_and(|meter| meter.sent(length)) {
            self.publish_stats(false);
        }
        if let Some(hook) = &mut self.write_hook {
            if matches!(message, RouterMessage::Welcome(_)) {
                hook.awaits_welcome = false;
                hook.cut_results.clear();
            }
            self.release_write_hook();
        }
    }
}

impl Lifecycle for RouterPeer {
    type Message = RouterMessage;

    fn poll_ready(&mut self, context: &Context<'_>) -> Poll<()> {
        while let Some(outbound) = self.wait.congested.last() {
            if outbound.poll_room(context).is_pending() {
                self.waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            self.wait.congested.pop();
        }
        if self.wait.until_resumed {
            ready!(self.outbound.poll_resumed(context));
            self.wait.until_resumed = false;
            self.end_stage_if_left();
        }
        Poll::Ready(())
    }

    fn drained(&mut self) {
        if let PeerStage::Joined(realm, key) = &self.stage {
            realm.handle_room(*key);
        }
    }

    fn on_slow_consumer(&mut self) {
        log_limited!(
            warn,
            "session reads too slowly and misses events",
            peer = %self.attachment,
            session = self.session()
        );
        // The realm does not know which events were dropped because memory is scarce.
        if let PeerStage::Joined(realm, key) = &self.stage {
            realm.handle_loss(*key);
        }
    }

    fn closing_message(&mut self) -> Option<RouterMessage> {
        let PeerStage::Joined(realm, _) = &self.stage else { return None };
        let goodbye = || RouterMessage::Goodbye(Goodbye::new(error_uri::SLOW_CONSUMER));
        realm.says_goodbye().then(goodbye)
    }

    fn is_open(&self) -> bool {
        matches!(self.stage, PeerStage::Joined(..))
    }

    fn poll_opening(&mut self, context: &Context<'_>) -> Poll<Flow> {
        self.poll_attempt(context)
    }

    fn on_opening_timeout(&mut self) -> bool {
        self.time_out_attempt()
    }

    fn closed(&mut self, reason: &CloseReason) {
        if let (Some(congested), Some(waker)) = (self.wait.congested.last(), &self.waker) {
            congested.stop_waiting(waker);
        }
        if let PeerStage::Joined(_, key) = &self.stage {
            tracing::debug!(
                session = %key.id(),
                peer = %self.attachment,
                %reason,
                "session ended"
            );
        }
        if self.dropped_events > 1 {
            log_limited!(
                info,
                "events dropped",
                peer = %self.attachment,
                session = self.session(),
                events = self.dropped_events
            );
        }
        self.leave();
    }
}

#[cfg(test)]
mod tests;
