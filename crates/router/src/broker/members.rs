//! Who listens to one subscription, and in which manner.
//!
//! Most listen plainly: every event goes to each of them. Of a *group*, each event goes to one
//! (this router's own, like the shared subscriptions of MQTT). Members with a *node key* share the
//! events that have a resource key: each resource belongs to one node (advanced profile, "Sharded
//! Subscription").

use std::collections::{BTreeMap, BTreeSet};

use cloverleaf_wamp::message::SubscribeOptions;
use compact_str::CompactString;

use crate::dealer::Key;
use crate::failure::RequestFailure;
use crate::limits::MAX_MEMBERSHIP_BYTES;
use crate::outbox::Delivery;
use crate::session::SessionKey;

/// How a session listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Manner {
    /// To every event.
    Plainly,
    /// To those whose turn it is in the group.
    InGroup(CompactString),
    /// To those whose resource belongs to the node, and to those without a resource.
    AsNode(CompactString),
}

impl Manner {
    /// The manner that a subscriber asks for.
    pub(crate) fn wished(options: &SubscribeOptions) -> Result<Self, RequestFailure> {
        let refused = |text: &str| Err(RequestFailure::InvalidArgument(text.to_owned()));
        let (manner, name) = match (&options.group, &options.nkey) {
            (None, None) => return Ok(Self::Plainly),
            (Some(_), Some(_)) => {
                return refused("SUBSCRIBE.Options.group and nkey exclude each other");
            }
            (Some(group), None) => (Self::InGroup(group.clone()), group),
            (None, Some(node)) => (Self::AsNode(node.clone()), node),
        };
        if name.len() > MAX_MEMBERSHIP_BYTES {
            return refused("SUBSCRIBE.Options.group and nkey have 255 bytes at most");
        }
        Ok(manner)
    }
}

#[derive(Debug, Default)]
struct Group {
    members: Vec<SessionKey>,
    /// Whose turn it is.
    turn: usize,
}

/// Members that don't listen plainly.
#[derive(Debug, Default)]
struct Special {
    groups: BTreeMap<CompactString, Group>,
    nodes: BTreeMap<SessionKey, CompactString>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Members {
    plain: BTreeSet<SessionKey>,
    special: Option<Box<Special>>,
}

impl Members {
    pub(super) fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.special.is_none()
    }

    /// Adds a session; one that is a member already listens in the new manner from now on. Whether
    /// it is a new one.
    pub(super) fn insert(&mut self, session: SessionKey, manner: Manner) -> bool {
        let was_member = self.remove(session);
        match manner {
            Manner::Plainly => {
                self.plain.insert(session);
            }
            Manner::InGroup(name) => {
                let special = self.special.get_or_insert_default();
                special.groups.entry(name).or_default().members.push(session);
            }
            Manner::AsNode(key) => {
                self.special.get_or_insert_default().nodes.insert(session, key);
            }
        }
        !was_member
    }

    /// Takes a session away. Whether it was a member.
    pub(super) fn remove(&mut self, session: SessionKey) -> bool {
        if self.plain.remove(&session) {
            return true;
        }
        let Some(special) = &mut self.special else { return false };
        let mut was_member = special.nodes.remove(&session).is_some();
        special.groups.retain(|_, group| {
            if let Some(place) = group.members.iter().position(|member| *member == session) {
                group.members.remove(place);
                was_member = true;
                if place < group.turn {
                    group.turn -= 1;
                }
            }
            !group.members.is_empty()
        });
        if special.groups.is_empty() && special.nodes.is_empty() {
            self.special = None;
        }
        was_member
    }

    /// Every member, in the order of the keys.
    pub(super) fn all(&self) -> BTreeSet<SessionKey> {
        let mut all = self.plain.clone();
        if let Some(special) = &self.special {
            all.extend(special.nodes.keys());
            all.extend(special.groups.values().flat_map(|group| &group.members));
        }
        all
    }

    /// Offers an event to everybody who shall hear it. `offer` says what became of it; none where
    /// the member may not hear it.
    pub(super) fn deliver(
        &mut self,
        resource: Option<&str>,
        mut offer: impl FnMut(SessionKey) -> Option<Delivery>,
    ) {
        for member in &self.plain {
            offer(*member);
        }
        if let Some(special) = &mut self.special {
            special.deliver(resource, offer);
        }
    }
}

impl Special {
    fn deliver(
        &mut self,
        resource: Option<&str>,
        mut offer: impl FnMut(SessionKey) -> Option<Delivery>,
    ) {
        let owner = resource.and_then(|resource| self.owner(Key::of(resource)));
        for (member, node) in &self.nodes {
            if owner.as_ref().is_none_or(|owner| owner == node) {
                offer(*member);
            }
        }
        for group in self.groups.values_mut() {
            group.deliver(&mut offer);
        }
    }

    /// The node that a resource belongs to.
    fn owner(&self, resource: Key) -> Option<CompactString> {
        self.nodes.values().max_by_key(|node| resource.nearness(Key::of(node))).cloned()
    }
}

impl Group {
    /// Offers an event to one member after the other, until one has it.
    fn deliver(&mut self, offer: &mut impl FnMut(SessionKey) -> Option<Delivery>) {
        let count = self.members.len();
        for step in 0..count {
            let place = (self.turn + step) % count;
            if offer(self.members[place]).is_some_and(Delivery::is_taken) {
                self.turn = (place + 1) % count;
                return;
            }
        }
    }
}
