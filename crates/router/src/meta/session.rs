//! Who is there, and ending sessions: `wamp.session.*`.
//!
//! Sessions of the router itself (the HTTP bridge, components) are told of and can't be ended.
//! Spec: advanced profile "Session Meta API".

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::{Goodbye, GoodbyeDetails};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::UncheckedUri;
use serde::{Deserialize, Serialize};

use super::{MetaCall, value};
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::{Principal, Session, SessionKey, TransportDetails};

/// Only sessions with one of these roles, if any are named.
struct Filter(Option<Vec<String>>);

impl Filter {
    fn has<O>(&self, session: &Session<O>) -> bool {
        let is_it = |role: &String| session.principal.authrole == *role;
        self.0.as_ref().is_none_or(|roles| roles.iter().any(is_it))
    }
}

#[derive(Deserialize)]
struct Farewell {
    reason: Option<String>,
    message: Option<String>,
}

impl<O: Outbox> Realm<O> {
    pub(super) fn count_sessions(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let filter = Filter(meta.optional(0)?);
        Ok(value(self.sessions.iter().filter(|session| filter.has(session)).count()))
    }

    pub(super) fn list_sessions(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let filter = Filter(meta.optional(0)?);
        let sessions = self.sessions.iter().filter(|session| filter.has(session));
        Ok(value(sessions.map(|session| session.key.id().number()).collect::<Vec<_>>()))
    }

    pub(super) fn get_session(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = meta.id(0, SessionId::new, "session")?;
        self.sessions.with_id(id).map(details).ok_or(RequestFailure::NoSuchSession(id))
    }

    pub(super) fn kill_session(&mut self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = meta.id(0, SessionId::new, "session")?;
        let goodbye = goodbye(meta)?;
        let victim = self.sessions.with_id(id).filter(|session| session.key != meta.from);
        let Some(victim) = victim else { return Err(RequestFailure::NoSuchSession(id)) };
        if victim.is_own {
            return Err(RequestFailure::NotAuthorized(format!(
                "session {id} belongs to the router, which nobody but the router may end"
            )));
        }
        let key = victim.key;
        self.kill(key, goodbye, meta);
        Ok(Payload::EMPTY)
    }

    pub(super) fn kill_by_authid(&mut self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let authid: String = meta.required(0, "authid")?;
        let killed = self.kill_those(meta, |session| session.principal.authid == authid)?;
        Ok(value(killed.iter().map(|key| key.id().number()).collect::<Vec<_>>()))
    }

    pub(super) fn kill_by_authrole(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Payload, RequestFailure> {
        let authrole: String = meta.required(0, "authrole")?;
        let killed = self.kill_those(meta, |session| session.principal.authrole == authrole)?;
        Ok(value(killed.len()))
    }

    /// Nobody is left to hear of it: no events, no testaments.
    pub(super) fn kill_all(&mut self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let goodbye = goodbye(meta)?;
        let victims = self.victims(meta, |_| true);
        for key in &victims {
            if let Some(departed) = self.take_out(*key) {
                self.closing.begin(*key, departed.session.outbox, goodbye.clone(), meta.now);
            }
        }
        Ok(value(victims.len()))
    }

    fn kill_those(
        &mut self,
        meta: MetaCall<'_>,
        is_meant: impl Fn(&Session<O>) -> bool,
    ) -> Result<Vec<SessionKey>, RequestFailure> {
        let goodbye = goodbye(meta)?;
        let victims = self.victims(meta, is_meant);
        for key in &victims {
            self.kill(*key, goodbye.clone(), meta);
        }
        Ok(victims)
    }

    /// The sessions that are meant, but for the caller's own and the router's.
    fn victims(
        &self,
        meta: MetaCall<'_>,
        is_meant: impl Fn(&Session<O>) -> bool,
    ) -> Vec<SessionKey> {
        let may_be = |session: &&Session<O>| {
            session.key != meta.from && !session.is_own && is_meant(session)
        };
        self.sessions.iter().filter(may_be).map(|session| session.key).collect()
    }

    /// Everything that a session held is taken away at once, and its connection when it does not
    /// say GOODBYE in time.
    fn kill(&mut self, key: SessionKey, goodbye: Goodbye, meta: MetaCall<'_>) {
        if let Some(mut departed) = self.take_out(key) {
            self.tell_departed(&mut departed, meta.now);
            self.closing.begin(key, departed.session.outbox, goodbye, meta.now);
        }
    }
}

/// What the ended sessions are told.
fn goodbye(meta: MetaCall<'_>) -> Result<Goodbye, RequestFailure> {
    let Farewell { reason, message } = meta.kwargs()?;
    let reason = reason.unwrap_or_else(|| error_uri::KILLED.to_owned());
    UncheckedUri::new(reason.as_str())
        .validate(cloverleaf_wamp::uri::UriRule::Loose)
        .map_err(RequestFailure::InvalidUri)?;
    let details = GoodbyeDetails { message: message.map(Into::into) };
    Ok(Goodbye { details, reason: reason.into() })
}

/// What the specification says of a session.
#[derive(Serialize)]
pub(super) struct Details<'a> {
    session: u64,
    authid: &'a str,
    authrole: &'a str,
    authmethod: &'a str,
    authprovider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<Transport<'a>>,
}

#[derive(Serialize)]
struct Transport<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    protocol: &'static str,
    peer: &'a str,
}

impl<'a> Details<'a> {
    pub(super) fn of<O>(session: &'a Session<O>) -> Self {
        Self::new(session.key.id(), &session.principal, session.transport.as_deref())
    }

    pub(super) fn new(
        session: SessionId,
        who: &'a Principal,
        transport: Option<&'a TransportDetails>,
    ) -> Self {
        Self {
            session: session.number(),
            authid: &who.authid,
            authrole: &who.authrole,
            authmethod: &who.authmethod,
            authprovider: &who.authprovider,
            transport: transport.map(|transport| Transport {
                kind: transport.kind,
                protocol: transport.protocol,
                peer: &transport.peer,
            }),
        }
    }
}

/// Who a session is, as one argument.
pub(super) fn details<O>(session: &Session<O>) -> Payload {
    value(Details::of(session))
}
