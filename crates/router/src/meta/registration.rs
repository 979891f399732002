//! Meta procedures `wamp.registration.*`.
//!
//! Spec: advanced profile "Registration Meta API".

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::RegistrationId;
use cloverleaf_wamp::payload::{NumberList, Payload};

use super::directory::Removal;
use super::{MetaCall, value};
use crate::failure::RequestFailure;
use crate::jobs::listing::{IdLists, ListingKind};
use crate::outbox::Outbox;
use crate::realm::Realm;

impl<O: Outbox> Realm<O> {
    pub(super) fn list_registrations(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Option<Payload>, RequestFailure> {
        let of = self.listed(meta)?;
        self.list(meta, ListingKind::Registrations { of, after: None, lists: IdLists::default() })
    }

    pub(super) fn lookup_registration(
        &self,
        meta: MetaCall<'_>,
    ) -> Result<Payload, RequestFailure> {
        let pattern = self.looked_up(meta, "procedure")?;
        Ok(value(self.dealer.lookup(&pattern).map(u64::from)))
    }

    pub(super) fn match_registration(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let procedure: String = meta.required("procedure")?;
        Ok(value(self.dealer.best_match(&procedure).map(u64::from)))
    }

    pub(super) fn get_registration(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = registration_id(meta)?;
        self.registration_details(id).map(value).ok_or(RequestFailure::UnknownRegistration(id))
    }

    pub(super) fn list_callees(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Option<Payload>, RequestFailure> {
        let id = registration_id(meta)?;
        self.dealer.callee_count(id).ok_or(RequestFailure::UnknownRegistration(id))?;
        self.list(meta, ListingKind::Callees { id, next: 0, ids: NumberList::default() })
    }

    pub(super) fn count_callees(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = registration_id(meta)?;
        self.dealer.callee_count(id).map(value).ok_or(RequestFailure::UnknownRegistration(id))
    }

    /// Removes one callee of a registration.
    pub(super) fn remove_callee(&mut self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = registration_id(meta)?;
        let Removal { id: callee, reason } =
            Removal::read(meta, "callee_id", error_uri::UNREGISTERED)?;
        self.dealer.details(id).ok_or(RequestFailure::UnknownRegistration(id))?;
        let key = self.session_with(callee)?;
        let (sessions, mut changes) = (&mut self.sessions, Vec::new());
        if !self.dealer.remove_callee(sessions, key, id, &reason, &mut changes) {
            return Err(RequestFailure::NoCallee(callee, id));
        }
        self.publish_registration_changes(key, &changes, meta.now);
        Ok(value(()))
    }
}

fn registration_id(meta: MetaCall<'_>) -> Result<RegistrationId, RequestFailure> {
    meta.id("registration_id", RegistrationId::new)
}
