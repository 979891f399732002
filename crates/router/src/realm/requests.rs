//! Checks that requests share: request ids, announced features, reserved URIs, authorization; and
//! the ERROR of a request that fails.
//!
//! Spec: basic profile "URIs", "Protocol Errors"; advanced profile "Authorization".

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::features::{Feature, Features};
use cloverleaf_wamp::message::{ClientMessage, OpenEnum, OptionEnum, PassthruDetails, RequestRef};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::{MatchPolicy, UncheckedUri, UriPattern, is_reserved};

use super::Realm;
use crate::authorization::{Action, Permission, Role};
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::parking::Decided;
use crate::refused_pattern::RefusedPattern;
use crate::session::SessionKey;

const PASSTHRU: &str = "ppt_scheme: HELLO has not announced payload_passthru_mode for this role";

const OLDER_FORM: &str = "a binary in the place of the arguments: there is no enc_algo, and HELLO \
                          has not announced payload_transparency for this role";

impl<O: Outbox> Realm<O> {
    /// Whether the request id of a message is the next one of its session, which is used up by
    /// this. Messages without a request id are always in order, and so are independent requests.
    pub(super) fn is_next_request(&mut self, from: SessionKey, message: &ClientMessage) -> bool {
        let number = match message {
            ClientMessage::Call(call) => call.request,
            ClientMessage::Publish(publish) => publish.request,
            ClientMessage::Subscribe(subscribe) => subscribe.request,
            ClientMessage::Unsubscribe(unsubscribe) => unsubscribe.request,
            ClientMessage::Register(register) => register.request,
            ClientMessage::Unregister(unregister) => unregister.request,
            _ => return true,
        };
        let Some(session) = self.sessions.at_mut(from) else { return true };
        if session.has_independent_requests {
            return true;
        }
        // Further parts of a call have the request id of the first one.
        if matches!(message, ClientMessage::Call(_))
            && session.roles.caller_has(Feature::ProgressiveCallInvocations)
            && session.dealer.is_below_watermark(number)
        {
            return true;
        }
        number == session.requests.next_request()
    }

    /// Answers a request that failed. A request that succeeded was answered where it was served.
    pub(super) fn answer_failure(
        &self,
        from: SessionKey,
        request: RequestRef,
        outcome: Result<(), RequestFailure>,
    ) {
        if let Err(failure) = outcome
            && let Some(session) = self.sessions.at(from)
        {
            let _ = session.outbox.send(failure.answer(request));
        }
    }

    /// The patterns that were refused since the last call although a permission has the same text.
    pub fn take_refused_patterns(&mut self) -> Vec<RefusedPattern> {
        self.refused_patterns.take()
    }

    /// Reports a pattern that was refused for want of rights.
    #[cold]
    pub(super) fn report_refused_pattern(
        &mut self,
        from: SessionKey,
        action: Action,
        uri: &UncheckedUri,
        policy: MatchPolicy,
        failure: &RequestFailure,
    ) {
        let Some(place) = self.sessions.at(from).map(|session| session.role) else { return };
        let Some(role) = self.settings.roles.get(place) else { return };
        if matches!(failure, RequestFailure::NotAuthorized(_)) {
            self.refused_patterns.report((place, role), action, uri.as_str(), policy);
        }
    }

    pub(super) fn role_of(&self, key: SessionKey) -> Option<&Role> {
        self.sessions.at(key).and_then(|session| self.settings.roles.get(session.role))
    }

    /// The permission for an action on every URI that the pattern matches.
    pub(crate) fn authorize_pattern(
        &self,
        from: SessionKey,
        action: Action,
        pattern: &UriPattern,
        decided: Option<&Decided>,
    ) -> Result<Permission, RequestFailure> {
        match self.role_of(from).and_then(|role| role.permission_for_pattern(action, pattern)) {
            Some(permission) => Ok(permission),
            None => decided_or_denied(self.role_of(from), decided, action, pattern.as_str()),
        }
    }
}

/// The permission for an action on one URI. A refusal names no identity.
#[inline]
pub(super) fn authorize(
    role: Option<&Role>,
    action: Action,
    uri: &UncheckedUri,
    decided: Option<&Decided>,
) -> Result<Permission, RequestFailure> {
    match role.and_then(|role| role.permission(action, uri.as_str())) {
        Some(permission) => Ok(permission),
        None => decided_or_denied(role, decided, action, uri.as_str()),
    }
}

/// The outcome for a request that no static rule allows: that of the authorizer, or a denial. A
/// role that has other rules now, or was removed, since the authorizer was asked is denied.
#[cold]
fn decided_or_denied(
    role: Option<&Role>,
    decided: Option<&Decided>,
    action: Action,
    uri: &str,
) -> Decided {
    match decided {
        Some(decided) if role.is_some_and(Role::has_authorizer) => decided.clone(),
        _ => Err(RequestFailure::denied(action, uri)),
    }
}

/// Refuses URIs of the namespaces `wamp` and `cloverleaf`, which are reserved for the router (basic
/// profile, "URIs").
pub(super) fn check_not_reserved(
    role: Option<&Role>,
    action: Action,
    uri: &UncheckedUri,
) -> Result<(), RequestFailure> {
    if is_reserved(uri.as_str()) && !role.is_some_and(Role::is_trusted) {
        return Err(RequestFailure::ReservedUri(action, uri.clone()));
    }
    Ok(())
}

/// Checks that a client that sends an opaque payload has announced payload passthru mode (advanced
/// profile, "Payload Passthru Mode"). The older form, with a binary in the place of the arguments,
/// needs no more than an `enc_algo`; without one it must have been announced
/// (`docs/decisions/traps.md#f16`).
pub(super) fn check_announced(
    passthru: Option<&PassthruDetails>,
    payload: &Payload,
    features: impl FnOnce() -> Option<Features>,
) -> Result<(), ProtocolViolation> {
    let is_sealed = passthru.is_some_and(PassthruDetails::uses_passthru);
    let is_bare =
        payload.is_transparent() && !passthru.is_some_and(PassthruDetails::is_transparent);
    if !is_sealed && !is_bare {
        return Ok(());
    }
    let features = features().unwrap_or_default();
    let older = [Feature::PayloadTransparency, Feature::PayloadEncryptionCryptobox];
    if is_sealed && !features.has(Feature::PayloadPassthruMode) {
        Err(ProtocolViolation::Feature(PASSTHRU))
    } else if is_bare && !older.into_iter().any(|feature| features.has(feature)) {
        Err(ProtocolViolation::Feature(OLDER_FORM))
    } else {
        Ok(())
    }
}

/// The known value of an option; an unknown one is refused.
pub(super) fn known_option<T: OptionEnum>(
    option: &'static str,
    word: Option<&OpenEnum<T>>,
) -> Result<Option<T>, RequestFailure> {
    match word {
        None => Ok(None),
        Some(OpenEnum::Known(word)) => Ok(Some(*word)),
        Some(OpenEnum::Unknown(given)) => {
            let (expected, given) = (T::NAMES, given.clone());
            Err(RequestFailure::UnknownWord { option, expected, given })
        }
    }
}
