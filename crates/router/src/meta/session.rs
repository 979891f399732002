//! Meta procedures `wamp.session.*`.
//!
//! Internal sessions (the HTTP bridge, components) are listed and can't be killed. Spec: advanced
//! profile "Session Meta API".

use cloverleaf_wamp::heap_size::HeapSize as _;
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::{Goodbye, GoodbyeDetails};
use cloverleaf_wamp::payload::{NumberList, Payload};
use cloverleaf_wamp::uri::{UncheckedUri, UriRule};

use super::details::SessionDetails;
use super::{MetaCall, value};
use crate::compatibility::Compatibility;
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::jobs::Job;
use crate::jobs::kill::{KillAnnouncement, KillJob, KillResult, Killed};
use crate::jobs::listing::ListingKind;
use crate::jobs::session_filter::SessionFilter;
use crate::outbox::Outbox;
use crate::realm::{Realm, RealmSettings};
use crate::session::{Session, SessionKey};
use crate::work::Work;

impl<O: Outbox> Realm<O> {
    pub(super) fn count_sessions(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Option<Payload>, RequestFailure> {
        let filter = roles(meta)?;
        self.list(meta, ListingKind::SessionCount { filter, next: 0, count: 0 })
    }

    pub(super) fn list_sessions(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Option<Payload>, RequestFailure> {
        let filter = roles(meta)?;
        self.list(meta, ListingKind::Sessions { filter, next: 0, ids: NumberList::default() })
    }

    pub(super) fn get_session(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = meta.id("session_id", SessionId::new)?;
        let session = self.sessions.with_id(id).ok_or(RequestFailure::NoSuchSession(id))?;
        Ok(details(session, &self.settings))
    }

    pub(super) fn kill_session(&mut self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = meta.id("session_id", SessionId::new)?;
        let goodbye = goodbye(meta, self.settings.compatibility)?;
        let victim = self.sessions.with_id(id).filter(|session| session.key != meta.from);
        let Some(victim) = victim else { return Err(RequestFailure::NoSuchSession(id)) };
        if victim.is_internal {
            return Err(RequestFailure::NotAuthorized(format!(
                "session {id} belongs to the router, which nobody but the router may end"
            )));
        }
        self.kill(victim.key, goodbye, KillAnnouncement::Everything, meta.now);
        Ok(Payload::EMPTY)
    }

    /// Ends a session as `wamp.session.kill` does, internal ones too. Returns whether it was open.
    pub fn end_session_by_id(&mut self, id: SessionId, reason: &str, now: Moment) -> bool {
        self.work = Work::message();
        let Some(key) = self.sessions.with_id(id).map(|session| session.key) else { return false };
        self.kill(key, Goodbye::new(reason), KillAnnouncement::Everything, now);
        true
    }

    pub(super) fn kill_by_authid(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Option<Payload>, RequestFailure> {
        let authid: String = meta.required("authid")?;
        self.begin_kill(meta, SessionFilter::Authid(authid.into()), KillResult::Ids)
    }

    pub(super) fn kill_by_authrole(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Option<Payload>, RequestFailure> {
        let authrole: String = meta.required("authrole")?;
        let result = if self.settings.compatibility.kill_by_authrole_lists_ids() {
            KillResult::Ids
        } else {
            KillResult::Count
        };
        self.begin_kill(meta, SessionFilter::Authrole(authrole.into()), result)
    }

    pub(super) fn kill_all(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Option<Payload>, RequestFailure> {
        self.begin_kill(meta, SessionFilter::All, KillResult::Count)
    }

    /// Kills sessions, now if they are few.
    fn begin_kill(
        &mut self,
        meta: MetaCall<'_>,
        filter: SessionFilter,
        result: KillResult,
    ) -> Result<Option<Payload>, RequestFailure> {
        let goodbye = goodbye(meta, self.settings.compatibility)?;
        self.check_listings(meta.from)?;
        let (caller, request) = (meta.from, meta.call.reference());
        let killed = Killed::default();
        let kill = KillJob { caller, request, filter, result, goodbye, next: 0, killed };
        // A kill that has begun can't be refused.
        self.jobs.check_room_for_call(kill.total_size())?;
        self.count_listing(meta.from);
        if let Some(unfinished) = self.continue_kill(Box::new(kill), meta.now) {
            self.jobs.push(Job::Kill(unfinished));
        }
        self.wait_if_busy(meta.from);
        Ok(None)
    }

    /// Continues to kill sessions. Returns the job, unless it is done.
    pub(crate) fn continue_kill(
        &mut self,
        mut kill: Box<KillJob>,
        now: Moment,
    ) -> Option<Box<KillJob>> {
        while !self.work.is_spent() {
            let Some((session, behind)) = self.sessions.next_from(kill.next) else {
                let result = kill.take_result();
                self.finish_listing(kill.caller, kill.request, Ok(result));
                return None;
            };
            self.work.spend_entries(behind - kill.next);
            kill.next = behind;
            let is_spared = session.key == kill.caller || session.is_internal;
            if is_spared || !kill.filter.selects(&session.principal) {
                continue;
            }
            let key = session.key;
            kill.killed.count += 1;
            kill.killed.ids.push(key.id().number());
            self.kill(key, kill.goodbye.clone(), kill.says(), now);
        }
        Some(kill)
    }

    /// Ends a session for the router: it gets GOODBYE, and its end is published.
    pub(crate) fn end_with_goodbye(&mut self, key: SessionKey, goodbye: Goodbye, now: Moment) {
        self.kill(key, goodbye, KillAnnouncement::Everything, now);
    }

    /// Kills a session: removes its state, in steps if it is much, and closes its connection if the
    /// client does not answer GOODBYE in time.
    fn kill(&mut self, key: SessionKey, goodbye: Goodbye, says: KillAnnouncement, now: Moment) {
        let is_paused = self.sessions.at(key).is_some_and(|session| session.reading_paused);
        if let Some((mut detached, outbox)) = self.take_out(key) {
            if is_paused {
                // So that its connection reads the client's GOODBYE.
                outbox.resume();
            }
            self.killed.begin(key, outbox, goodbye, now);
            if says == KillAnnouncement::Nothing {
                detached.be_silent();
            }
            self.begin_detach(detached, now);
        }
    }
}

/// The sessions that `filter_authroles` selects.
fn roles(meta: MetaCall<'_>) -> Result<SessionFilter, RequestFailure> {
    Ok(meta.optional("filter_authroles")?.map_or(SessionFilter::All, SessionFilter::Roles))
}

/// The GOODBYE of killed sessions, which share its message.
fn goodbye(meta: MetaCall<'_>, compatibility: Compatibility) -> Result<Goodbye, RequestFailure> {
    let reason: Option<String> = meta.optional("reason")?;
    let reason = reason.unwrap_or_else(|| compatibility.kill_reason().to_owned());
    let reason = UncheckedUri::new(reason);
    reason.validate(UriRule::Loose).map_err(RequestFailure::InvalidUri)?;
    let details = GoodbyeDetails { message: meta.text("message")?.map(Into::into) };
    Ok(Goodbye { details, reason: reason.as_str().into() })
}

/// The details of a session as one argument.
pub(super) fn details<O>(session: &Session<O>, settings: &RealmSettings) -> Payload {
    value(SessionDetails::of(session, settings))
}
