//! Groups of sessions: complete calls between two, publications among ten.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Waker};

use clap::ValueEnum;
use cloverleaf_wamp::message::RouterMessage;
use serde::Serialize;

use crate::host::Host;
use crate::meter::LatencyMeter;
use crate::peer::{ContentionPeer, frame, yielded};

/// The kind of routed messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GroupWork {
    /// CALL, INVOCATION, YIELD, RESULT between two sessions.
    Calls,
    /// PUBLISH, and an EVENT to nine of ten sessions.
    Publications,
}

impl GroupWork {
    /// The number of sessions of a group.
    pub(crate) const fn group_size(self) -> usize {
        match self {
            Self::Calls => 2,
            Self::Publications => 10,
        }
    }

    /// The number of times that one call or publication takes the lock.
    pub(crate) const fn entries(self) -> u64 {
        match self {
            Self::Calls => 2,
            Self::Publications => 1,
        }
    }
}

impl fmt::Display for GroupWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Calls => "calls",
            Self::Publications => "publications",
        })
    }
}

/// A group of sessions of one realm.
#[derive(Debug)]
pub(crate) struct SessionGroup {
    /// The caller or the publisher.
    first: ContentionPeer,
    /// The callee, or the subscribers.
    others: Vec<ContentionPeer>,
    /// The frame that the first session sends.
    sent: Vec<u8>,
    /// The frame of the answer, if there is one.
    answer: Option<Vec<u8>>,
}

impl SessionGroup {
    /// The group with this number in a realm.
    pub(crate) fn new(work: GroupWork, host: &Arc<Host>, number: usize) -> Self {
        let mut first = ContentionPeer::join(host);
        let mut others: Vec<_> =
            (1..work.group_size()).map(|_| ContentionPeer::join(host)).collect();
        let (sent, answer) = match work {
            GroupWork::Calls => {
                let procedure = format!("com.example.add2.{number}");
                others[0].request(&format!(r#"[64,1,{{}},"{procedure}"]"#));
                let call = format!(r#"[48,1,{{}},"{procedure}",[13,3],{{"verbose":false}}]"#);
                (call, Some(frame("[50,1,{},[16]]")))
            }
            GroupWork::Publications => {
                let topic = format!("com.example.sums.{number}");
                let subscribe = format!(r#"[32,1,{{}},"{topic}"]"#);
                first.request(&subscribe);
                others.iter_mut().for_each(|peer| peer.request(&subscribe));
                (format!(r#"[16,1,{{}},"{topic}",[16]]"#), None)
            }
        };
        Self { first, others, sent: frame(&sent), answer }
    }

    /// One call or one publication, from frames to frames.
    ///
    /// # Panics
    /// A session was not sent the expected message.
    pub(crate) fn once(&mut self, out: &mut Vec<u8>, meter: &mut LatencyMeter) {
        let context = Context::from_waker(Waker::noop());
        self.first.receive(&self.sent, meter);
        let Some(answer) = &self.answer else {
            let mut events = 0;
            for subscriber in &mut self.others {
                subscriber.drain(&context, out, |message, _| {
                    events += usize::from(matches!(message, RouterMessage::Event(_)));
                });
            }
            assert_eq!(events, self.others.len(), "each other session hears the publication once");
            return;
        };
        let callee = &mut self.others[0];
        let mut invocation = 0;
        callee.drain(&context, out, |message, _| invocation = invocation_of(message));
        callee.receive(&yielded(invocation), meter);
        let mut is_right = false;
        self.first.drain(&context, out, |_, frame| is_right = frame == answer);
        assert!(is_right, "the caller is sent its result");
    }
}

/// The number of an INVOCATION.
///
/// # Panics
/// The message is of another kind.
pub(crate) fn invocation_of(message: &RouterMessage) -> u64 {
    match message {
        RouterMessage::Invocation(invocation) => invocation.request.number(),
        other => panic!("a callee was sent {}", other.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::{GroupWork, SessionGroup};
    use crate::host::Host;
    use crate::meter::LatencyMeter;

    /// The number of times that a group takes the lock for three calls or publications.
    fn entries(work: GroupWork) -> u64 {
        let mut group = SessionGroup::new(work, &Host::new(), 0);
        let mut meter = LatencyMeter::default();
        for _ in 0..3 {
            group.once(&mut Vec::new(), &mut meter);
        }
        meter.entries()
    }

    #[test]
    fn call_takes_the_lock_for_its_call_and_for_its_yield() {
        assert_eq!(entries(GroupWork::Calls), 3 * GroupWork::Calls.entries());
    }

    #[test]
    fn publication_takes_the_lock_once_for_any_number_of_subscribers() {
        assert_eq!(entries(GroupWork::Publications), 3 * GroupWork::Publications.entries());
    }
}
