//! What a session wants to be published when it has gone.
//!
//! Spec: advanced profile "Session Testament".

use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{Options as _, Publish, PublishOptions};

use crate::failure::RequestFailure;
use crate::limits::SessionLimits;

/// When a testament is published. There is no session without its connection here, so both come at
/// its end, `detached` first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TestamentScope {
    /// The connection is gone.
    Detached,
    /// The session is gone.
    Destroyed,
}

impl TestamentScope {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "detached" => Some(Self::Detached),
            "destroyed" => Some(Self::Destroyed),
            _ => None,
        }
    }
}

/// A publication that is sent after its session has ended.
#[derive(Debug)]
pub(crate) struct Testament {
    /// The id under which it is published.
    pub(crate) id: PublicationId,
    pub(crate) publish: Publish,
}

impl Testament {
    /// The bytes that it holds in memory.
    pub(crate) fn size(&self) -> usize {
        let Publish { options, topic, payload, .. } = &self.publish;
        let options = size_of::<PublishOptions>() + options.size();
        size_of::<Self>() + options + topic.as_str().len() + payload.size()
    }
}

/// The testaments of one session.
#[derive(Debug, Default)]
pub(crate) struct Testaments {
    detached: Vec<Testament>,
    destroyed: Vec<Testament>,
    bytes: usize,
}

impl Testaments {
    fn of(&mut self, scope: TestamentScope) -> &mut Vec<Testament> {
        match scope {
            TestamentScope::Detached => &mut self.detached,
            TestamentScope::Destroyed => &mut self.destroyed,
        }
    }

    /// Bytes that they hold.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds one, behind those that are there.
    pub(crate) fn add(
        &mut self,
        scope: TestamentScope,
        testament: Testament,
        limits: &SessionLimits,
    ) -> Result<(), RequestFailure> {
        let bytes = self.bytes + testament.size();
        if self.detached.len() + self.destroyed.len() >= limits.max_testaments
            || bytes > limits.max_testament_bytes
        {
            return Err(RequestFailure::LimitReached("testaments"));
        }
        self.bytes = bytes;
        self.of(scope).push(testament);
        Ok(())
    }

    /// Removes those of a scope and returns how many there were.
    pub(crate) fn flush(&mut self, scope: TestamentScope) -> usize {
        let flushed = std::mem::take(self.of(scope));
        self.bytes -= flushed.iter().map(Testament::size).sum::<usize>();
        flushed.len()
    }

    /// All of them, in the order in which they are published.
    pub(crate) fn into_all(self) -> impl Iterator<Item = Testament> {
        self.detached.into_iter().chain(self.destroyed)
    }
}
