//! Sessions that have ended and still have entries in tables.

use std::collections::VecDeque;

use crate::session::{Principal, SessionKey};
use crate::testament::Testament;
use crate::{broker, dealer};

/// A session that has ended: its entries in tables, and what is still to be published about it.
#[derive(Debug)]
pub(crate) struct DetachedSession {
    pub(crate) key: SessionKey,
    pub(crate) principal: Principal,
    pub(crate) role: usize,
    pub(crate) broker: broker::BrokerState,
    pub(crate) dealer: dealer::DetachedCalls,
    pub(crate) stage: DetachStage,
    pub(crate) testaments: VecDeque<Testament>,
    pub(crate) testament_bytes: usize,
    /// Nothing is published about it.
    pub(crate) is_silent: bool,
}

impl DetachedSession {
    /// Publishes nothing about the end of this session.
    pub(crate) const fn be_silent(&mut self) {
        self.is_silent = true;
    }
}

/// The next stage of removing a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DetachStage {
    /// Its entries in the broker's tables are removed.
    Broker,
    /// Its entries in the dealer's tables are removed.
    Dealer,
    /// Its testaments are published, then `wamp.session.on_leave`.
    Testaments,
}
