//! The choice among the callees of one registration.
//!
//! Spec: advanced profile "Shared Registration", "Sharded Registration". The policies `load`,
//! `hash`, `sticky` and `all` are extensions of this router.

use cloverleaf_wamp::message::{Call, InvokePolicy, OpenEnum, OptionEnum as _, RunMode};

use super::endpoint::{Endpoint, Registration};
use super::pending_invocation::PendingInvocation;
use crate::failure::RequestFailure;
use crate::limits::MAX_CALLEES_TRIED;
use crate::rendezvous::RendezvousKey;
use crate::session::Sessions;
use crate::work;

/// The callees that a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallTarget {
    /// The callee that the policy of the registration chooses.
    ByPolicy(Option<RendezvousKey>),
    /// The callee that the key belongs to, with any policy.
    Partition(RendezvousKey),
    /// All callees, with any policy.
    All,
}

impl CallTarget {
    /// Reads the options of a call.
    pub(super) fn of(call: &Call) -> Result<Self, RequestFailure> {
        let Some(sharding) = &call.options.sharding else { return Ok(Self::ByPolicy(None)) };
        let key = sharding.rkey.as_deref().map(RendezvousKey::of);
        match (&sharding.runmode, key) {
            (None, key) => Ok(Self::ByPolicy(key)),
            (Some(OpenEnum::Known(RunMode::All)), _) => Ok(Self::All),
            (Some(OpenEnum::Known(RunMode::Partition)), Some(key)) => Ok(Self::Partition(key)),
            (Some(OpenEnum::Known(RunMode::Partition)), None) => {
                Err(RequestFailure::InvalidArgument(
                    "CALL.Options.runmode 'partition' needs CALL.Options.rkey".to_owned(),
                ))
            }
            (Some(OpenEnum::Unknown(given)), _) => Err(RequestFailure::UnknownWord {
                option: "runmode",
                expected: RunMode::NAMES,
                given: given.clone(),
            }),
        }
    }
}

/// The outcome of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// The callee at this place of the list.
    At(usize),
    /// Every callee that may be chosen has as many calls as it takes.
    Busy,
    /// No callee is left to choose from.
    NoCallee,
}

impl Registration {
    /// Whether a call goes to all callees.
    pub(super) fn asks_all(&self, target: CallTarget) -> bool {
        target == CallTarget::All
            || (self.policy == InvokePolicy::All && matches!(target, CallTarget::ByPolicy(_)))
    }

    /// Chooses a callee for an invocation according to the policy, among those that can take it.
    /// Only the policy `random` uses `random`. `work` counts the callees that are visited. Returns
    /// [`Choice::NoCallee`] also after [`MAX_CALLEES_TRIED`] callees.
    pub(super) fn choose<O>(
        &mut self,
        sessions: &Sessions<O>,
        pending: &PendingInvocation,
        random: impl FnOnce() -> u64,
        work: &mut u32,
    ) -> Choice {
        if pending.tries() >= MAX_CALLEES_TRIED {
            return Choice::NoCallee;
        }
        let key = match (pending.target, self.policy) {
            (CallTarget::Partition(key), _)
            | (CallTarget::ByPolicy(Some(key)), InvokePolicy::Hash) => Some(key),
            (_, InvokePolicy::Sticky) => Some(RendezvousKey::of_session(pending.caller.id())),
            _ => None,
        };
        let is_usual = key.is_none()
            && pending.tries() == 0
            && !(self.is_counted() || pending.needs_features());
        let choice = if is_usual {
            self.choose_of_all(random)
        } else {
            // Most are visited for a few nanoseconds.
            *work = work.saturating_add(work::entries(self.callees.len() / 4));
            self.choose_of_some(sessions, pending, key, random)
        };
        if let Choice::At(place) = choice {
            self.turn = place + 1;
        }
        choice
    }

    /// The usual case: every callee may be chosen.
    fn choose_of_all(&self, random: impl FnOnce() -> u64) -> Choice {
        let Some(last) = self.callees.len().checked_sub(1) else { return Choice::NoCallee };
        Choice::At(match self.policy {
            InvokePolicy::Single | InvokePolicy::First => 0,
            InvokePolicy::Last => last,
            InvokePolicy::Random => (random() % self.callees.len() as u64) as usize,
            _ if self.turn > last => 0,
            _ => self.turn,
        })
    }

    /// The other cases: some callees were tried before, some may have as many calls as they take,
    /// or a key decides.
    fn choose_of_some<O>(
        &self,
        sessions: &Sessions<O>,
        pending: &PendingInvocation,
        key: Option<RendezvousKey>,
        random: impl FnOnce() -> u64,
    ) -> Choice {
        let can_take = |(_, endpoint): &(usize, &Endpoint)| {
            !pending.is_excluded(endpoint.id) && refusal(sessions, pending, endpoint).is_none()
        };
        let left = self.callees.iter().enumerate().filter(can_take);
        if left.clone().next().is_none() {
            return Choice::NoCallee;
        }
        let is_free = |(_, endpoint): &(usize, &Endpoint)| endpoint.is_free();
        let mut free = left.clone().filter(is_free);
        let count = self.callees.len();
        let until_turn = |place: usize| (place + count - self.turn.min(count)) % count;
        let chosen = match (key, self.policy) {
            (Some(key), _) => left.max_by_key(|(_, e)| e.nearness(key)).filter(is_free),
            (_, InvokePolicy::Single | InvokePolicy::First) => free.next(),
            (_, InvokePolicy::Last) => free.next_back(),
            (_, InvokePolicy::Random) => {
                let count = free.clone().count().max(1) as u64;
                free.nth((random() % count) as usize)
            }
            (_, InvokePolicy::Load) => {
                free.min_by_key(|(place, e)| (e.in_flight, until_turn(*place)))
            }
            _ => free.min_by_key(|(place, _)| until_turn(*place)),
        };
        chosen.map_or(Choice::Busy, |(place, _)| Choice::At(place))
    }

    /// The failure of a call for which no callee can be chosen: that of the last callee that was
    /// not tried. `None` if all were tried.
    pub(super) fn refusal<O>(
        &self,
        sessions: &Sessions<O>,
        pending: &PendingInvocation,
    ) -> Option<RequestFailure> {
        let is_left = |endpoint: &&Endpoint| !pending.is_excluded(endpoint.id);
        self.callees.iter().rfind(is_left).and_then(|last| refusal(sessions, pending, last))
    }
}

/// The reason why a callee can't get an invocation: it is closing, or lacks a feature.
fn refusal<O>(
    sessions: &Sessions<O>,
    pending: &PendingInvocation,
    endpoint: &Endpoint,
) -> Option<RequestFailure> {
    if sessions.at(endpoint.callee).is_none_or(|callee| callee.is_closing) {
        return Some(RequestFailure::CalleeGone);
    }
    pending.check(sessions, endpoint.callee).err()
}
