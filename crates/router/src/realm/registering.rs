//! Checks of REGISTER and UNREGISTER; the dealer serves them.
//!
//! Spec: basic profile "Registering and Unregistering"; advanced profile "Shared Registration",
//! "Pattern-based Registrations".

use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::message::{InvokePolicy, Register, Unregister};
use cloverleaf_wamp::uri::UriPattern;

use super::Realm;
use super::requests::{check_not_reserved, known_option};
use crate::authorization::Action;
use crate::deadline::Moment;
use crate::dealer::RegistrationTerms;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::parking::Decided;
use crate::session::SessionKey;

impl<O: Outbox> Realm<O> {
    pub(super) fn register(
        &mut self,
        from: SessionKey,
        register: &Register,
        decided: Option<&Decided>,
        now: Moment,
    ) {
        let checked = self.check_register(from, register, decided);
        if let Err(failure) = &checked {
            let policy = register.options.match_policy.unwrap_or_default();
            let procedure = &register.procedure;
            self.report_refused_pattern(from, Action::Register, procedure, policy, failure);
        }
        let outcome = checked.and_then(|(pattern, terms)| {
            let created = self.clock.now();
            let sessions = &mut self.sessions;
            self.dealer.register(sessions, from, register.request, pattern, terms, created)
        });
        let outcome = outcome.map(|changes| self.publish_registration_changes(from, &changes, now));
        self.answer_failure(from, register.reference(), outcome);
    }

    fn check_register(
        &self,
        from: SessionKey,
        register: &Register,
        decided: Option<&Decided>,
    ) -> Result<(UriPattern, RegistrationTerms), RequestFailure> {
        let options = &register.options;
        let policy = options.match_policy.unwrap_or_default();
        let pattern = register
            .procedure
            .check_pattern(policy, self.settings.uri_rule)
            .map_err(RequestFailure::InvalidUri)?;
        check_not_reserved(self.role_of(from), Action::Register, &register.procedure)?;
        let permission = self.authorize_pattern(from, Action::Register, &pattern, decided)?;
        if options.concurrency == Some(0) {
            let text = "REGISTER.Options.concurrency must be 1 or more";
            return Err(RequestFailure::InvalidArgument(text.to_owned()));
        }
        let callee = self.sessions.at(from);
        let watches_time = options.forward_timeout == Some(true)
            && callee.is_some_and(|callee| callee.roles.callee_has(Feature::CallTimeout));
        let is_internal = callee.is_some_and(|callee| callee.is_internal);
        let unit = self.settings.call_timeout_unit(is_internal);
        let terms = RegistrationTerms {
            policy: known_option("invoke", options.invoke.as_ref())?
                .unwrap_or(InvokePolicy::Single),
            concurrency: options.concurrency,
            force: options.force_reregister == Some(true),
            disclose_caller: options.disclose_caller == Some(true),
            disclose_callee: permission.disclose_callee,
            schemas: permission.schemas,
            forward_timeout: watches_time.then_some(unit),
        };
        Ok((pattern, terms))
    }

    pub(super) fn unregister(&mut self, from: SessionKey, unregister: &Unregister, now: Moment) {
        let (request, id) = (unregister.request, unregister.registration);
        let outcome = self.dealer.unregister(&mut self.sessions, from, request, id);
        let outcome = outcome.map(|changes| self.publish_registration_changes(from, &changes, now));
        self.answer_failure(from, unregister.reference(), outcome);
    }
}
