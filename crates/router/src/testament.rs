//! Testaments: publications that are sent when their session has ended.
//!
//! Spec: advanced profile "Session Testament".

use cloverleaf_wamp::heap_size::HeapSize;
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::Publish;

use crate::failure::RequestFailure;
use crate::limits::SessionLimits;

/// The scope of a testament. A session ends with its connection here, so both scopes are published
/// at its end, `detached` first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TestamentScope {
    /// Published when the connection is lost.
    Detached,
    /// Published when the session is destroyed.
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

/// One testament.
#[derive(Debug)]
pub(crate) struct Testament {
    /// The publication id.
    pub(crate) id: PublicationId,
    pub(crate) publish: Publish,
}

impl HeapSize for Testament {
    fn heap_size(&self) -> usize {
        let Publish { options, topic, payload, .. } = &self.publish;
        options.heap_size() + topic.heap_size() + payload.heap_size()
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

    /// Bytes that the testaments hold.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a testament behind the others of its scope.
    pub(crate) fn add(
        &mut self,
        scope: TestamentScope,
        testament: Testament,
        limits: &SessionLimits,
    ) -> Result<(), RequestFailure> {
        let bytes = self.bytes + testament.total_size();
        if self.detached.len() + self.destroyed.len() >= limits.max_testaments
            || bytes > limits.max_testament_bytes
        {
            return Err(RequestFailure::LimitReached("testaments"));
        }
        self.bytes = bytes;
        self.of(scope).push(testament);
        Ok(())
    }

    /// Removes the testaments of a scope and returns their number.
    pub(crate) fn flush(&mut self, scope: TestamentScope) -> usize {
        let flushed = std::mem::take(self.of(scope));
        self.bytes -= flushed.iter().map(Testament::total_size).sum::<usize>();
        flushed.len()
    }

    /// All testaments in the order in which they are published.
    pub(crate) fn into_all(self) -> impl Iterator<Item = Testament> {
        self.detached.into_iter().chain(self.destroyed)
    }
}
