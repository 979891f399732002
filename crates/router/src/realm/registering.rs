//! REGISTER and UNREGISTER: whether they are allowed, and on which terms a callee is taken.
//!
//! Spec: basic profile "Registering and Unregistering"; advanced profile "Shared Registration",
//! "Pattern-based Registrations".

use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::message::{InvokePolicy, Register, Unregister};
use cloverleaf_wamp::uri::UriPattern;

use super::Realm;
use super::requests::{known, not_reserved};
use crate::authorization::Action;
use crate::deadline::Moment;
use crate::dealer::Terms;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::session::SessionKey;

impl<O: Outbox> Realm<O> {
    pub(super) fn register(&mut self, from: SessionKey, register: &Register, now: Moment) {
        let outcome = self.check_register(from, register).and_then(|(pattern, terms)| {
            self.dealer.register(&mut self.sessions, from, register.request, pattern, terms, now)
        });
        let outcome = outcome.map(|changes| self.tell_registrations(from, &changes, now));
        self.refuse(from, register.reference(), outcome);
    }

    fn check_register(
        &self,
        from: SessionKey,
        register: &Register,
    ) -> Result<(UriPattern, Terms), RequestFailure> {
        let options = &register.options;
        let policy = options.match_policy.unwrap_or_default();
        let pattern = register
            .procedure
            .check_pattern(policy, self.settings.uri_rule)
            .map_err(RequestFailure::InvalidUri)?;
        not_reserved(self.role_of(from), &register.procedure)?;
        let permission = self.authorize_pattern(from, Action::Register, &pattern)?;
        if options.concurrency == Some(0) {
            let text = "REGISTER.Options.concurrency must be 1 or more";
            return Err(RequestFailure::InvalidArgument(text.to_owned()));
        }
        let watches_time = self
            .sessions
            .at(from)
            .is_some_and(|session| session.roles.callee_has(Feature::CallTimeout));
        let terms = Terms {
            policy: known("invoke", options.invoke.as_ref())?.unwrap_or(InvokePolicy::Single),
            concurrency: options.concurrency,
            force: options.force_reregister == Some(true),
            disclose_caller: options.disclose_caller == Some(true),
            disclose_callee: permission.disclose_callee,
            schemas: permission.schemas,
            forward_timeout: options.forward_timeout == Some(true) && watches_time,
        };
        Ok((pattern, terms))
    }

    pub(super) fn unregister(&mut self, from: SessionKey, unregister: &Unregister, now: Moment) {
        let (request, id) = (unregister.request, unregister.registration);
        let outcome = self.dealer.unregister(&mut self.sessions, from, request, id);
        let outcome = outcome.map(|changes| self.tell_registrations(from, &changes, now));
        self.refuse(from, unregister.reference(), outcome);
    }
}
