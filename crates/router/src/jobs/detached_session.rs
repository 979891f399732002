//! Sessions that are gone and still stand in tables.

use std::collections::VecDeque;

use crate::session::{Principal, SessionKey};
use crate::testament::Testament;
use crate::{broker, dealer};

/// A session that is gone, and what still stands of it in tables or is to be said of it.
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
    /// Nothing is said of it.
    pub(crate) is_silent: bool,
}

impl DetachedSession {
    /// Nothing is said of it.
    pub(crate) const fn be_silent(&mut self) {
        self.is_silent = true;
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DetachStage {
    /// It is taken out of the broker's tables.
    Broker,
    /// It is taken out of the dealer's tables.
    Dealer,
    /// Its testaments are published, then that it has left.
    Testaments,
}
