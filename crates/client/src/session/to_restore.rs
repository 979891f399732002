//! What was registered and subscribed on a connection that is lost, until it is again on the next.

use std::collections::VecDeque;
use std::sync::Arc;

use cloverleaf_wamp::ids::{RegistrationId, SubscriptionId};
use foldhash::HashMap;

use crate::register::RegistrationEntry;
use crate::subscribe::SubscriptionEntry;

/// In the order of their old numbers. Entries are looked for from the front, where those stand
/// whose acknowledgement comes next.
#[derive(Debug, Default)]
pub(crate) struct ToRestore {
    pub(super) registrations: VecDeque<Arc<RegistrationEntry>>,
    pub(super) subscriptions: VecDeque<Arc<SubscriptionEntry>>,
}

impl ToRestore {
    /// Takes in everything that stands in the tables of a connection that is lost.
    pub(super) fn take_in(
        &mut self,
        procedures: &mut HashMap<RegistrationId, Arc<RegistrationEntry>>,
        subscriptions: &mut HashMap<SubscriptionId, Vec<Arc<SubscriptionEntry>>>,
    ) {
        self.registrations.extend(procedures.drain().map(|(_, entry)| entry));
        self.subscriptions.extend(subscriptions.drain().flat_map(|(_, entries)| entries));
        self.registrations.make_contiguous().sort_by_key(|entry| entry.id());
        self.subscriptions.make_contiguous().sort_by_key(|entry| entry.id());
    }

    /// Takes an entry out. Says whether it was in.
    pub(crate) fn remove_registration(&mut self, entry: &Arc<RegistrationEntry>) -> bool {
        remove(&mut self.registrations, entry)
    }

    /// Takes an entry out. Says whether it was in.
    pub(crate) fn remove_subscription(&mut self, entry: &Arc<SubscriptionEntry>) -> bool {
        remove(&mut self.subscriptions, entry)
    }
}

fn remove<T>(entries: &mut VecDeque<Arc<T>>, entry: &Arc<T>) -> bool {
    let position = entries.iter().position(|other| Arc::ptr_eq(other, entry));
    position.and_then(|position| entries.remove(position)).is_some()
}
