//! Who listens to one subscription, and in which manner.
//!
//! Most listen plainly: every event goes to each of them. Of a *group*, each event goes to one
//! (this router's own, like the shared subscriptions of MQTT). Members with a *node key* share the
//! events that have a resource key: each resource belongs to one node (advanced profile, "Sharded
//! Subscription").

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use cloverleaf_wamp::message::SubscribeOptions;
use compact_str::CompactString;

use crate::dealer::Key;
use crate::failure::RequestFailure;
use crate::limits::MAX_MEMBERSHIP_BYTES;
use crate::outbox::Delivery;
use crate::session::SessionKey;
use crate::work::{self, Work};

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
    /// Bytes of the name of the group or node: at most [`MAX_MEMBERSHIP_BYTES`].
    pub(super) fn name_bytes(&self) -> u8 {
        match self {
            Self::Plainly => 0,
            Self::InGroup(name) | Self::AsNode(name) => u8::try_from(name.len()).unwrap_or(u8::MAX),
        }
    }

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

/// How far [`Members::deliver`] has come: what stands before it has had its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MemberCursor {
    /// At the plain members behind this one.
    Plain(Option<SessionKey>),
    /// At the nodes behind this one. The event goes to those of the owner, if it has one.
    Nodes { after: Option<SessionKey>, owner: Option<CompactString> },
    /// At the groups behind this one.
    Groups(Option<CompactString>),
}

impl Default for MemberCursor {
    fn default() -> Self {
        Self::Plain(None)
    }
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

    /// How many members there are.
    pub(super) fn len(&self) -> usize {
        let special = self.special.as_ref().map_or(0, |special| {
            let in_groups: usize = special.groups.values().map(|group| group.members.len()).sum();
            special.nodes.len() + in_groups
        });
        self.plain.len() + special
    }

    /// Calls `found` with the members behind a cursor, which is moved, until the work is spent or
    /// there is no other: plain ones, nodes, then groups, each in the order of the keys or names.
    /// Whether there is no other.
    pub(super) fn next_members(
        &self,
        cursor: &mut MemberCursor,
        work: &mut Work,
        mut found: impl FnMut(SessionKey),
    ) -> bool {
        if let MemberCursor::Plain(after) = cursor {
            for member in self.plain.range((behind(after.as_ref()), Bound::Unbounded)) {
                if work.is_spent() {
                    return false;
                }
                work.spend(work::ENTRY);
                *after = Some(*member);
                found(*member);
            }
            *cursor = MemberCursor::Nodes { after: None, owner: None };
        }
        let Some(special) = &self.special else { return true };
        if let MemberCursor::Nodes { after, .. } = cursor {
            for member in special.nodes.range((behind(after.as_ref()), Bound::Unbounded)) {
                if work.is_spent() {
                    return false;
                }
                work.spend(work::ENTRY);
                *after = Some(*member.0);
                found(*member.0);
            }
            *cursor = MemberCursor::Groups(None);
        }
        if let MemberCursor::Groups(after) = cursor {
            let from = behind(after.as_ref());
            for (name, group) in special.groups.range((from, Bound::Unbounded)) {
                if work.is_spent() {
                    return false;
                }
                work.spend_entries(group.members.len());
                *after = Some(name.clone());
                group.members.iter().for_each(|member| found(*member));
            }
        }
        true
    }

    /// Offers an event to the members behind a cursor, which is moved, until the work is spent or
    /// there is no other. `offer` says what became of it; none where the member may not receive it.
    /// Whether there is no other.
    pub(super) fn deliver(
        &mut self,
        resource: Option<&str>,
        cursor: &mut MemberCursor,
        work: &mut Work,
        mut offer: impl FnMut(SessionKey) -> Option<Delivery>,
    ) -> bool {
        if let MemberCursor::Plain(after) = cursor {
            let all = work::entries(self.plain.len());
            if after.is_none() && all <= work.left() {
                // The usual case, without a look at the work for each.
                for member in &self.plain {
                    offer(*member);
                }
                work.spend(all);
            } else if !deliver_some(&self.plain, after, work, &mut offer) {
                return false;
            }
            let Some(special) = &self.special else { return true };
            let owner = resource.and_then(|resource| special.owner(Key::of(resource)));
            *cursor = MemberCursor::Nodes { after: None, owner };
        }
        self.special.as_mut().is_none_or(|special| special.deliver(cursor, work, offer))
    }
}

/// The range behind an entry, or from the beginning.
fn behind<T: Clone>(after: Option<&T>) -> Bound<T> {
    after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.clone()))
}

/// Whether all members have had the event.
#[cold]
fn deliver_some(
    members: &BTreeSet<SessionKey>,
    after: &mut Option<SessionKey>,
    work: &mut Work,
    offer: &mut impl FnMut(SessionKey) -> Option<Delivery>,
) -> bool {
    for member in members.range((behind(after.as_ref()), Bound::Unbounded)) {
        if work.is_spent() {
            return false;
        }
        work.spend(work::ENTRY);
        *after = Some(*member);
        offer(*member);
    }
    true
}

impl Special {
    fn deliver(
        &mut self,
        cursor: &mut MemberCursor,
        work: &mut Work,
        mut offer: impl FnMut(SessionKey) -> Option<Delivery>,
    ) -> bool {
        if let MemberCursor::Nodes { after, owner } = cursor {
            let from = behind(after.as_ref());
            for (member, node) in self.nodes.range((from, Bound::Unbounded)) {
                if work.is_spent() {
                    return false;
                }
                work.spend(work::ENTRY);
                *after = Some(*member);
                if owner.as_ref().is_none_or(|owner| owner == node) {
                    offer(*member);
                }
            }
            *cursor = MemberCursor::Groups(None);
        }
        let MemberCursor::Groups(after) = cursor else { return true };
        let from = behind(after.as_ref());
        for (name, group) in self.groups.range_mut((from, Bound::Unbounded)) {
            if work.is_spent() {
                return false;
            }
            *after = Some(name.clone());
            work.spend(group.deliver(&mut offer));
        }
        true
    }

    /// The node that a resource belongs to.
    fn owner(&self, resource: Key) -> Option<CompactString> {
        self.nodes.values().max_by_key(|node| resource.nearness(Key::of(node))).cloned()
    }
}

impl Group {
    /// Offers an event to one member after the other, until one has it. The work that was done.
    fn deliver(&mut self, offer: &mut impl FnMut(SessionKey) -> Option<Delivery>) -> u32 {
        let count = self.members.len();
        for step in 0..count {
            let place = (self.turn + step) % count;
            if offer(self.members[place]).is_some_and(Delivery::is_taken) {
                self.turn = (place + 1) % count;
                return work::entries(step + 1);
            }
        }
        work::entries(count)
    }
}
